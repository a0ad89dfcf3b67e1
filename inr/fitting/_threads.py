"""How many threads PyTorch computes on; small linear algebra on one, beside an engine that has its own."""

import contextlib
from collections.abc import Iterator

import torch

from inr.engines import Plan


@contextlib.contextmanager
def on_threads(count: int) -> Iterator[None]:
    """While inside, PyTorch and the engines that take its number of threads compute on so many.

    Args:
        count: of threads.
    """
    threads = torch.get_num_threads()
    if threads == count:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """While inside, PyTorch computes on one thread: for many small operations, to which more of them bring nothing.

    Where other programs want the cores, threads wait for each other for milliseconds at every operation.
    """
    with on_threads(1):
        yield


def one_thread_beside(plan: Plan) -> contextlib.AbstractContextManager[None]:
    """`one_thread` where a plan runs on threads of its own; for what is computed between its steps, which is small.

    Args:
        plan: what runs the steps; `own_threads` says that it needs none of PyTorch's.
    """
    return one_thread() if getattr(plan, "own_threads", False) else contextlib.nullcontext()
