"""Timing of two sides that take turns in one process, so that both meet the same machine."""

import time
from collections.abc import Callable
from typing import Any

PAUSE_SECONDS = 0.1  # of rest before a turn: threads of the other side that still watch for work go to sleep
WAKE_SECONDS = 0.2  # of runs that do not count, until all cores have reached their speed


def paired(
    theirs: Callable[[], Any],
    ours: Callable[[], Any],
    turns: int,
    runs: tuple[int, int] = (1, 1),
    *,
    pause: float = PAUSE_SECONDS,
    wake: float = WAKE_SECONDS,
) -> tuple[float, float]:
    """Time two functions in turn.

    The time of a side is that of its fastest turn, which other programs disturb least. The first turn of each side
    does not count.

    Args:
        theirs: One run of what is compared with.
        ours: One run of what is judged.
        turns: Of each side.
        runs: How many runs in a row are a turn, theirs and ours.
        pause: Seconds of rest before a turn.
        wake: Seconds of runs before a turn that do not count.

    Returns:
        Seconds of one run, theirs and ours.
    """
    best = [float("inf"), float("inf")]
    for turn in range(turns + 1):
        for side, (run, times) in enumerate(zip((theirs, ours), runs, strict=True)):
            time.sleep(pause)
            awake = time.perf_counter() + wake
            while time.perf_counter() < awake:
                run()
            start = time.perf_counter()
            for _ in range(times):
                run()
            if turn:
                best[side] = min(best[side], (time.perf_counter() - start) / times)
    return best[0], best[1]
