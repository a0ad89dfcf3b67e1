"""Work on many points, shared by threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from inr._cores import usable_cores

# points that one thread takes at a time: some of a kernel's calls take a thousand times as long as others
PART = 4_096


def in_parts(work: Callable[[int, int], None], count: int) -> None:
    """Call `work(start, stop)` for parts of so many points, on all cores; parts do not depend on how many there are.

    Args:
        work: does points from `start` up to `stop`, without the interpreter's lock.
        count: of all points.
    """
    parts = [(start, min(start + PART, count)) for start in range(0, count, PART)]
    threads = min(usable_cores(), len(parts))
    if threads <= 1:
        for start, stop in parts:
            work(start, stop)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="inr-geometry") as pool:
        for done in [pool.submit(work, start, stop) for start, stop in parts]:
            done.result()
