"""Numbers along an axis of a chart on a page."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from inr.diagnostics._plot import ticks


@dataclass(frozen=True)
class Scale:
    """Numbers along an axis of the chart."""

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool = False

    def at(self, number: float) -> float:
        """Where a number lies."""
        return float(self.places(np.array([number]))[0])

    def places(self, numbers: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Where numbers lie."""
        turn = np.log10 if self.logarithmic else np.asarray
        low, high = float(turn(self.low)), float(turn(self.high))
        share = (turn(np.maximum(numbers, self.low if self.logarithmic else -math.inf)) - low) / (high - low)
        return self.start + np.clip(share, 0, 1.02) * (self.stop - self.start)

    def marks(self) -> list[float]:
        """Round numbers to be written along it."""
        if not self.logarithmic:
            return ticks((self.low, self.high), 7)
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        factors = (1, 2, 5) if math.log10(self.high / self.low) < 3 else (1,)
        candidates = [factor * 10.0**power for power in powers for factor in factors]
        return [mark for mark in candidates if self.low * 0.999 <= mark <= self.high * 1.001]
