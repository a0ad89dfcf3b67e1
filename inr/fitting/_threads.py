"""Small linear algebra on one thread, beside an engine that has threads of its own."""

import contextlib
from collections.abc import Iterator

import torch

from inr.engines import Plan


@contextlib.contextmanager
def one_thread_beside(plan: Plan) -> Iterator[None]:
    """While inside, PyTorch computes on one thread, if the plan runs on threads of its own; else nothing changes.

    What optimisers, teachers and parametrisations compute between two steps is small. PyTorch's threads then gain
    nothing, and where other programs want the cores, they wait for each other for milliseconds at every operation.

    Args:
        plan: what runs the steps; `own_threads` says that it needs none of PyTorch's.
    """
    threads = torch.get_num_threads()
    if threads == 1 or not getattr(plan, "own_threads", False):
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
