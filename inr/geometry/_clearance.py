"""How far away a surface is at least, by the value of the function that vanishes on it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Clearance:
    """A distance that is surely free around a point, from |f| there: piecewise linear, from 0 on.

    Where the slope is at most L(u) at points with |f| = u, there is no surface within ∫ du / L(u), from 0 to |f|, of a
    point. A function that is steep far from its surface only is so known to be gentle where it matters.

    Attributes:
        values: rising from 0, float64.
        distances: as many, rising from 0, in units of [-1, 1]; the last piece goes on for ever.

    >>> inr.geometry.Clearance.of_slope(2.0)(np.array([0.5, -1.0]))
    array([0.25, 0.5 ])
    """

    values: Float[np.ndarray, " k"]
    distances: Float[np.ndarray, " k"]

    @classmethod
    def of_slope(cls, bound: float) -> "Clearance":
        """That of a function whose slope is `bound` at most, everywhere."""
        return cls(np.array([0.0, max(bound, 1e-30)]), np.array([0.0, 1.0]))

    @classmethod
    def of_slopes(cls, values: Float[np.ndarray, " k"], bounds: Float[np.ndarray, " k"]) -> "Clearance":
        """That of a function whose slope is at most `bounds[i]` where |f| lies between `values[i - 1]` and `values[i]`.

        Args:
            values: rising, above 0; the last bound holds beyond them.
            bounds: positive.
        """
        steps = np.diff(values, prepend=0.0)
        return cls(np.append(0.0, values), np.append(0.0, np.cumsum(steps / bounds)))

    @property
    def slope(self) -> float:
        """The bound of the slope at the surface."""
        return float(self.values[1] / self.distances[1])

    def __call__(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Distances that are free around points with these values, of any sign."""
        size = np.abs(values)
        last = (self.distances[-1] - self.distances[-2]) / (self.values[-1] - self.values[-2])
        beyond = np.maximum(size - self.values[-1], 0) * last
        return np.interp(size, self.values, self.distances) + beyond
