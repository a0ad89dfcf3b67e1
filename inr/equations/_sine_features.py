"""Sines of random frequencies: functions in whose span linear equations are solved, and their derivatives."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

Orders = tuple[int, ...]


@dataclass(frozen=True)
class SineFeatures:
    """N functions sin(w·x + b) of normalised coordinates; the first one is the constant 1.

    Frequencies are uniform in an ellipsoid, phases uniform. All are numbers that float32 holds exactly, so that what is
    solved for in double precision is the network that is stored.

    Attributes:
        frequencies: w, float64 (N, d), radians per unit of [-1, 1].
        phases: b, float64 (N,).
    """

    frequencies: np.ndarray
    phases: np.ndarray

    @classmethod
    def draw(
        cls,
        count: int,
        radii: Sequence[float],
        periodic: Sequence[bool],
        draw: np.random.Generator,
        own: Float64[np.ndarray, "m d"] | None = None,
    ) -> "SineFeatures":
        """Some features.

        Args:
            count: N.
            radii: half axes of the ellipsoid.
            periodic: for each axis, whether functions have the period of its extent.
            draw: random numbers.
            own: frequencies of functions that solve the equation by themselves, which take the place of some.
        """
        directions = draw.standard_normal((count, len(radii)))
        lengths = draw.random(count) ** (1 / len(radii)) / np.linalg.norm(directions, axis=1)
        frequencies = directions * lengths[:, None] * np.array(radii)
        if own is not None:
            frequencies[1 : 1 + len(own)] = own
        frequencies = np.where(np.array(periodic), np.pi * np.round(frequencies / np.pi), frequencies)
        phases = draw.uniform(-np.pi, np.pi, count)
        frequencies[0], phases[0] = 0, np.pi / 2
        return cls(frequencies.astype(np.float32).astype(np.float64), phases.astype(np.float32).astype(np.float64))

    @property
    def count(self) -> int:
        """N."""
        return len(self.phases)

    def waves(self, coords: Float64[np.ndarray, "n d"]) -> tuple[np.ndarray, np.ndarray]:
        """Sines and cosines (n, N) at normalised coordinates, of which all derivatives are made."""
        angles = coords @ self.frequencies.T
        angles += self.phases
        return np.sin(angles), np.cos(angles)

    def factors(self, orders: Orders) -> tuple[int, Float64[np.ndarray, " N"]]:
        """How a derivative follows from the waves.

        Args:
            orders: how often by each axis.

        Returns:
            0 for sines or 1 for cosines, and what they are multiplied by.
        """
        total = sum(orders)
        sign = (1, 1, -1, -1)[total % 4]
        return total % 2, sign * np.prod(self.frequencies ** np.array(orders), axis=1)

    def combined(
        self, waves: tuple[np.ndarray, np.ndarray], orders: Sequence[Orders], coefficients: Sequence[np.ndarray]
    ) -> Float64[np.ndarray, "n N"]:
        """Sums of derivatives of every feature.

        Args:
            waves: at some points.
            orders: of each derivative.
            coefficients: of each, (n,).

        Returns:
            Σ_k c_k(x) ∂_k φ_j(x), (n, N).
        """
        found = np.zeros_like(waves[0])
        for kind in (0, 1):
            chosen = [
                (factors, each)
                for (own, factors), each in zip(map(self.factors, orders), coefficients, strict=True)
                if own == kind
            ]
            if chosen:
                products = np.stack([each for _, each in chosen], 1) @ np.stack([factors for factors, _ in chosen])
                products *= waves[kind]
                found += products
        return found

    def derivative(
        self, waves: tuple[np.ndarray, np.ndarray], orders: Orders, weights: Float64[np.ndarray, "N c"]
    ) -> Float64[np.ndarray, "n c"]:
        """A derivative of sums of features.

        Args:
            waves: at some points.
            orders: of the derivative.
            weights: of the sums.
        """
        kind, factors = self.factors(orders)
        return waves[kind] @ (factors[:, None] * weights)


def radius(count: int, dims: int) -> float:
    """The largest frequency that so many features can fill: four times as many as a box of side 2 has of waves.

    Args:
        count: of features.
        dims: of the domain.
    """
    ball = math.pi ** (dims / 2) / math.gamma(dims / 2 + 1)
    return (count * (2 * math.pi) ** dims / (4 * 2**dims * ball)) ** (1 / dims)
