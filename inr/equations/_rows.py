"""All conditions at their points as rows of a least squares."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from inr.equations._least_squares import TriangularFactor
from inr.equations._linearised import Linearised
from inr.equations._sine_features import SineFeatures

_BLOCK_NUMBERS = 2**23  # of feature values at once: 64 MiB
_THIN = 512  # points by which rows are scaled


@dataclass(frozen=True)
class Sample:
    """Points of a condition.

    Attributes:
        condition: whose they are.
        coords: normalised, (n, d).
        points: the same in own units.
        known: what is known there, (n, c) or (n, 0).
    """

    condition: Linearised
    coords: np.ndarray
    points: np.ndarray
    known: np.ndarray

    def thinned(self, count: int) -> "Sample":
        """About so many of the points."""
        return self._rows(slice(None, None, max(len(self.points) // count, 1)))

    def parts(self, size: int) -> Iterator["Sample"]:
        """The points, so many at a time."""
        return (self._rows(slice(start, start + size)) for start in range(0, len(self.points), size))

    def _rows(self, rows: slice) -> "Sample":
        return Sample(self.condition, self.coords[rows], self.points[rows], self.known[rows])


class Rows:
    """The rows of all conditions at their points, each scaled to its size.

    Unknowns stand channel by channel, unknown numbers last.

    Args:
        features: in whose span the solution is.
        samples: points of each condition.
        half: of the extent of each axis, (d,).
        channels: of the field.
        numbers: how many unknown ones.
        keep: whether features at the points are computed once and kept.

    Attributes:
        scales: by what the rows of each condition's residuals are multiplied; empty until `weigh`.
    """

    def __init__(
        self,
        features: SineFeatures,
        samples: Sequence[Sample],
        half: np.ndarray,
        channels: int,
        numbers: int,
        *,
        keep: bool = False,
    ) -> None:
        self.features, self.samples = features, samples
        self._kept = {id(each): features.waves(each.coords) for each in samples} if keep else {}
        self._half, self._channels, self._count = half, channels, numbers
        self.scales: list[np.ndarray] = []

    @property
    def unknowns(self) -> int:
        """Columns."""
        return self.features.count * self._channels + self._count

    @property
    def _block_size(self) -> int:
        return max(_BLOCK_NUMBERS // (3 * self.unknowns), 64)

    def waves(self, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
        """Sines and cosines at a sample's points."""
        return self._kept.get(id(sample)) or self.features.waves(sample.coords)

    def split(self, state: Float64[np.ndarray, " k"]) -> tuple[np.ndarray, np.ndarray]:
        """Weights (N, c) and numbers."""
        size = self.features.count * self._channels
        return state[:size].reshape(self._channels, -1).T, state[size:]

    def weigh(self, state: np.ndarray, weights: Mapping[str, float]) -> None:
        """Scale the rows of each residual so that they are of the size of 1, as those of values are."""
        for sample in self.samples:
            thin = sample.thinned(_THIN)
            blocks = self._block(thin, state)
            size = np.array([np.sqrt(np.mean(rows[:, : self.unknowns - self._count] ** 2) * 2) for rows, _ in blocks])
            weight = weights.get(sample.condition.condition.name, 1.0)
            self.scales.append(weight / np.where(size > 0, size, 1.0))

    def least_squares(self, state: np.ndarray, ridges: Sequence[float]) -> list[np.ndarray]:
        """Where the linearised residuals are least, for each ridge."""
        triangle = TriangularFactor(self.unknowns)
        for sample, scales in zip(self.samples, self.scales, strict=True):
            root = np.sqrt(len(sample.points))
            for part in sample.parts(self._block_size):
                for (rows, right), scale in zip(self._block(part, state), scales, strict=True):
                    triangle.add(rows * (scale / root), right * (scale / root))
        steps = triangle.solutions(np.array(ridges), self._centre(state))
        return [state + step for step in steps]

    def _centre(self, state: np.ndarray) -> np.ndarray:
        """The ridge draws weights to 0, and leaves numbers where they are."""
        centre = -state
        if self._count:
            centre[-self._count :] = 0
        return centre

    def norm(self, state: np.ndarray) -> float:
        """Root of the sum of the mean squares of all residuals."""
        total = 0.0
        for sample, scales in zip(self.samples, self.scales, strict=True):
            for part in [sample] if self._kept else list(sample.parts(self._block_size)):
                _, field, numbers = self._field(part, state)
                found = part.condition.residuals(part.points, part.known, numbers, field)
                total += float(((found * scales[:, None]) ** 2).sum()) / len(sample.points)
        return float(np.sqrt(total))

    def _field(self, sample: Sample, state: np.ndarray) -> tuple[Any, dict[Any, np.ndarray], np.ndarray]:
        """Waves at points, and what the field and its derivatives are there, in own units."""
        weights, numbers = self.split(state)
        waves = self.waves(sample)
        field = {}
        if state.any():
            for channel, orders in sample.condition.reads:
                column = self.features.derivative(waves, orders, weights[:, channel : channel + 1])[:, 0]
                field[channel, orders] = column / np.prod(self._half ** np.array(orders))
        return waves, field, numbers

    def _block(self, sample: Sample, state: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each residual its derivatives by all unknowns (n, k), and what they should make up for (n,)."""
        waves, field, numbers = self._field(sample, state)
        residuals = sample.condition.residuals(sample.points, sample.known, numbers, field)
        slopes, by_numbers = sample.condition.slopes(sample.points, sample.known, numbers, field)
        found = []
        for jets, coefficients, others, missed in zip(
            sample.condition.jets, slopes, by_numbers, residuals, strict=True
        ):
            rows = np.zeros((len(sample.points), self.unknowns))
            for channel in range(self._channels):
                own = [place for place, (each, _) in enumerate(jets) if each == channel]
                if own:
                    orders = [jets[place][1] for place in own]
                    scaled = [coefficients[place] / np.prod(self._half ** np.array(jets[place][1])) for place in own]
                    start = channel * self.features.count
                    rows[:, start : start + self.features.count] = self.features.combined(waves, orders, scaled)
            for place, column in enumerate(others):
                rows[:, self.features.count * self._channels + place] = column
            found.append((rows, -missed))
        return found
