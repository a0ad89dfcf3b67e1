"""How learning rates fall during a fit."""

import math
from collections.abc import Callable

# By name, the factor of the learning rate at a fraction of the horizon.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda fraction: 0.5 * (1 + math.cos(math.pi * fraction)),
    "exponential": lambda fraction: 0.1**fraction,  # the x0.1 decay of WIRE, FINER and their comparisons
    "constant": lambda fraction: 1.0,
}
