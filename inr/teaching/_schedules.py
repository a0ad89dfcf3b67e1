"""How many samples a teacher takes as a fit goes on, and at which steps it chooses them anew.

The schedules and intervals of nonparametric teaching (Zhang et al., ICML 2024).
"""

import math
from typing import Literal, assert_never

Schedule = Literal["constant", "linear", "step", "cosine", "reverse-cosine"]
Interval = Literal["dense", "dense2", "incremental", "decremental", "void"]

_STAGES = 10  # of the schedule "step", and periods of the interval "decremental"
_FALLEN = 0.2  # where "reverse-cosine" ends


def ratio(schedule: Schedule, fraction: float, start: float) -> float:
    """The share of the samples to take, after `fraction` of the fit, where it was `start` at first.

    With ρ the start and f the fraction: "constant" ρ; "linear" ρ + f (1 - ρ); "step" ρ + ⌊10 f⌋ (1 - ρ) / 10, at
    most 1; "cosine" 1 - (1 - ρ) (1 + cos πf) / 2; "reverse-cosine" ρ - (ρ - 0.2) (1 - cos πf) / 2, which goes to 0.2.
    """
    rest = 1 - start
    match schedule:
        case "constant":
            return start
        case "linear":
            return start + fraction * rest
        case "step":
            return min(start + math.floor(_STAGES * fraction) * rest / _STAGES, 1.0)
        case "cosine":
            return 1 - rest * (1 + math.cos(math.pi * fraction)) / 2
        case "reverse-cosine":
            return start - (start - _FALLEN) * (1 - math.cos(math.pi * fraction)) / 2
    assert_never(schedule)


def count(share: float, size: int) -> int:
    """How many of `size` samples a share of them is: rounded down, but not for an error in its last digits."""
    return min(math.floor(share * size + 1e-6), size)


def selects(interval: Interval, step: int, steps: int) -> bool:
    """Whether samples are chosen anew at step `step`, counted from 0, of `steps`.

    "dense" at every step; "dense2" at every second; "incremental" at every one of the first quarter, then, in five
    equal periods, at multiples of 10, 20, 30, 40 and 50; "decremental", in ten equal periods, at multiples of 90, 80,
    … 10, then at every step; "void" never.
    """
    match interval:
        case "dense":
            return True
        case "dense2":
            return step % 2 == 0
        case "incremental":
            period = (20 * step - 5 * steps) // (3 * steps)  # of 0.15 steps each, after 0.25 steps
            return period < 0 or step % (10 * (period + 1)) == 0
        case "decremental":
            left = _STAGES - 1 - _STAGES * step // steps
            return left == 0 or step % (10 * left) == 0
        case "void":
            return False
    assert_never(interval)
