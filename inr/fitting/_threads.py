"""Small linear algebra on one thread, beside an engine that has threads of its own."""

import contextlib
from collections.abc import Iterator

import torch

from inr.engines import Plan


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """While inside, PyTorch computes on one thread: for many small operations, to which more of them bring nothing.

    Where other programs want the cores, threads wait for each other for milliseconds at every operation.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def one_thread_beside(plan: Plan) -> contextlib.AbstractContextManager[None]:
    """`one_thread` where a plan runs on threads of its own; for what is computed between its steps, which is small.

    Args:
        plan: what runs the steps; `own_threads` says that it needs none of PyTorch's.
    """
    return one_thread() if getattr(plan, "own_threads", False) else contextlib.nullcontext()
