"""Equations solved in the span of random sine features: one least squares where they are linear, several where not.

The random feature method (Chen, Chi, E and Yang, "Bridging traditional and machine learning-based algorithms for
solving PDEs: the random feature method", J. Mach. Learn. 2022). A network of one hidden layer, whose frequencies are
drawn and whose last layer is solved for, so that residuals at points are as small as can be: in double precision, by
QR factors and a ridge. Where the equation is not linear, Gauss-Newton repeats that for the equation's derivative.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from inr._errors import InrError
from inr.equations._frequencies import aspect, solving
from inr.equations._least_squares import Triangle
from inr.equations._places import Spread
from inr.equations._problem import Problem
from inr.equations._rows import Linearised
from inr.equations._sine_features import SineFeatures, radius

# relative to the largest singular value; the best is taken, which is where rounding and damping cost the same
RIDGES = (1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6)
_FIRST, _GROWTH = 200, 1.6  # features of the first try, and times as many in the next
_ROWS_INSIDE, _ROWS_BESIDE = 2.0, 1.0  # for each unknown: of the equation, and of all conditions together
_OWN = 0.5  # of the features, those that solve the equation by themselves, where there are such
_BLOCK_NUMBERS = 2**23  # of feature values at once: 64 MiB
_CHECKED = 1_000  # points of each condition by which a solution is judged
_ITERATIONS = 30


@dataclass(frozen=True)
class Solution:
    """What a least squares came to.

    Attributes:
        features: functions; weights: of each, (N, c), in own units of values.
        numbers: unknown ones.
        residual: root mean square of all residuals at points that were not solved for, in units of the solution's.
        rounding: of the solution in float32, relative to its root mean square.
        radii: of the features' frequencies.
    """

    features: SineFeatures
    weights: np.ndarray
    numbers: np.ndarray
    residual: float
    rounding: float
    radii: tuple[float, ...]

    @property
    def judged(self) -> float:
        """Both together: the lower, the better."""
        return float(np.hypot(self.residual, self.rounding))


@dataclass(frozen=True)
class _Sample:
    """Points of a condition: normalised, in own units, and what is known there."""

    condition: Linearised
    coords: np.ndarray
    points: np.ndarray
    known: np.ndarray


class ClosedForm:
    """Solves a problem with more and more features.

    Args:
        problem: traced.
        periodic: for each axis, whether the solution has the period of its extent.
        seed: of frequencies and points.
        weights: of conditions by name, 1 where not given.
    """

    def __init__(
        self, problem: Problem, *, periodic: Sequence[bool], seed: int = 0, weights: Mapping[str, float] | None = None
    ) -> None:
        self._problem, self._periodic, self._seed = problem, periodic, seed
        self._domain = problem.domain
        self._channels = problem.domain.channels
        self._half = np.array([(axis.high - axis.low) / 2 for axis in problem.domain.axes])
        self._conditions = [Linearised(each, problem.symbols) for each in problem.conditions]
        self._weights = weights or {}
        self._linear = problem.linear
        self._aspect = aspect(problem)

    def run(
        self, *, tolerance: float, features: int, seconds: float, tell: Callable[[str], None] = lambda line: None
    ) -> Solution:
        """Solve with more and more features, until residuals are small enough or the next ones take too long.

        Args:
            tolerance: of residual and rounding, at which to stop.
            features: the most.
            seconds: for all of it, about.
            tell: is told how each try came out.

        Raises:
            InrError: nothing finite came out.
        """
        begin = time.perf_counter()
        best: Solution | None = None
        count, spent, last, idle = _FIRST, 0.0, 0, 0
        while True:
            start = time.perf_counter()
            solution = self.solve(count, best)
            took = time.perf_counter() - start
            spent = time.perf_counter() - begin
            tell(f"{count:,} features: residual {solution.residual:.1e}, float32 {solution.rounding:.1e}, {took:.1f} s")
            better = best is None or solution.judged < 0.7 * best.judged
            idle = 0 if better else idle + 1
            if best is None or solution.judged < best.judged:
                best = solution
            last, count = count, min(round(count * _GROWTH), features)
            settled = idle > 1 and best.judged < 1e-2
            if best.judged < tolerance or settled or last >= features or spent + took * _GROWTH**3 > seconds:
                break
        if not np.isfinite(best.judged):
            raise InrError("the equation has no finite solution of sines here; check its coefficients in the domain")
        return best

    def solve(self, count: int, before: Solution | None = None) -> Solution:
        """The best of the ridges with so many features.

        Args:
            count: of features.
            before: a solution to begin with where the problem is not linear.
        """
        radii = self._radii(count)
        draw = np.random.default_rng([self._seed, count])
        own = solving(self._problem, round(_OWN * count), radii, draw)
        features = SineFeatures.draw(count, radii, self._periodic, draw, own)
        unknowns = count * self._channels + len(self._problem.numbers)
        spread = Spread(self._seed)
        inside = [self._sample(each, round(_ROWS_INSIDE * unknowns), spread) for each in self._conditions[:1]]
        share = max(len(self._conditions) - 1, 1)
        beside = [self._sample(each, round(_ROWS_BESIDE * unknowns / share), spread) for each in self._conditions[1:]]
        checked = [self._sample(each, _CHECKED, Spread(self._seed + 1)) for each in self._conditions]
        start = self._start(features, before, inside[0])
        rows = _Rows(features, [*inside, *beside], self._half, self._channels, len(self._problem.numbers))
        rows.weigh(start, self._weights)
        judge = _Rows(features, checked, self._half, self._channels, len(self._problem.numbers), keep=True)
        judge.scales = rows.scales
        found = rows.least_squares(start, RIDGES) if self._linear else self._newton(rows, judge, start)
        return min((self._judged(judge, each, radii) for each in found), key=lambda each: each.judged)

    def _newton(self, rows: "_Rows", judge: "_Rows", start: np.ndarray) -> list[np.ndarray]:
        """Gauss-Newton with halved steps where full ones overshoot, for the ridge that gets furthest."""
        state, norm = start, rows.norm(start)
        for iteration in range(_ITERATIONS):
            tried = rows.least_squares(state, RIDGES[1::2])
            found = [(rows.norm(each), each) for each in tried]
            step = 1.0
            ahead, target = min(found, key=lambda each: each[0])
            while not ahead < norm and step > 1e-3:
                step /= 2
                moved = [state + step * (each - state) for each in tried]
                ahead, target = min(((rows.norm(each), each) for each in moved), key=lambda each: each[0])
            if not ahead < norm:
                break
            done = ahead > 0.999 * norm
            state, norm = target, ahead
            if done and iteration:
                break
        return [state, *rows.least_squares(state, RIDGES)]

    def _judged(self, judge: "_Rows", state: np.ndarray, radii: tuple[float, ...]) -> Solution:
        features = judge.features
        weights, numbers = judge.split(state)
        coords = judge.samples[0].coords
        values = judge.waves(judge.samples[0])[0] @ weights
        size = float(np.sqrt(np.mean(values**2))) or 1.0
        thin = slice(None, None, 4)
        angles = coords[thin].astype(np.float32) @ features.frequencies.T.astype(np.float32)
        rounded = np.sin(angles + features.phases.astype(np.float32)) @ weights.astype(np.float32)
        rounding = float(np.sqrt(np.mean((rounded - values[thin]) ** 2))) / size
        residual = judge.norm(state) / size
        return Solution(features, weights, numbers, residual, rounding, radii)

    def _radii(self, count: int) -> tuple[float, ...]:
        return tuple((radius(count, self._domain.in_dim) * self._aspect).tolist())

    def _sample(self, condition: Linearised, count: int, spread: Spread) -> _Sample:
        place = condition.condition.place
        points, known = place.draw(max(count, 8), spread, self._half)
        return _Sample(condition, np.asarray(self._domain.coordinates(points)), points, known)

    def _start(self, features: SineFeatures, before: Solution | None, inside: _Sample) -> np.ndarray:
        """Weights and numbers to begin with: 0, or those whose sums come nearest to a solution of other features."""
        numbers = np.array(list(self._problem.numbers.values()), np.float64)
        if self._linear or before is None:
            return np.concatenate([np.zeros(features.count * self._channels), numbers])
        triangle = Triangle(features.count)
        target = before.features.waves(inside.coords)[0] @ before.weights
        weights = np.empty((features.count, self._channels))
        waves = features.waves(inside.coords)[0]
        for channel in range(self._channels):
            triangle = Triangle(features.count)
            triangle.add(waves, target[:, channel])
            weights[:, channel] = triangle.solutions(np.array([1e-9]), np.zeros(features.count))[0]
        return np.concatenate([weights.T.ravel(), before.numbers])


class _Rows:
    """The rows of all conditions at their points, each scaled to its size.

    Unknowns stand channel by channel, unknown numbers last. With `keep`, features at the points are computed once.
    """

    def __init__(
        self,
        features: SineFeatures,
        samples: Sequence[_Sample],
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

    def waves(self, sample: _Sample) -> tuple[np.ndarray, np.ndarray]:
        """Sines and cosines at a sample's points."""
        return self._kept.get(id(sample)) or self.features.waves(sample.coords)

    def split(self, state: Float64[np.ndarray, " k"]) -> tuple[np.ndarray, np.ndarray]:
        """Weights (N, c) and numbers."""
        size = self.features.count * self._channels
        return state[:size].reshape(self._channels, -1).T, state[size:]

    def weigh(self, state: np.ndarray, weights: Mapping[str, float]) -> None:
        """Scale the rows of each residual so that they are of the size of 1, as those of values are."""
        for sample in self.samples:
            thin = _thinned(sample, 512)
            blocks = self._block(thin, state)
            size = np.array([np.sqrt(np.mean(rows[:, : self.unknowns - self._count] ** 2) * 2) for rows, _ in blocks])
            weight = weights.get(sample.condition.condition.name, 1.0)
            self.scales.append(weight / np.where(size > 0, size, 1.0))

    def least_squares(self, state: np.ndarray, ridges: Sequence[float]) -> list[np.ndarray]:
        """Where the linearised residuals are least, for each ridge."""
        triangle = Triangle(self.unknowns)
        for sample, scales in zip(self.samples, self.scales, strict=True):
            root = np.sqrt(len(sample.points))
            for part in _parts(sample, self._block_size):
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
            for part in [sample] if self._kept else _parts(sample, self._block_size):
                _, field, numbers = self._field(part, state)
                found = part.condition.residuals(part.points, part.known, numbers, field)
                total += float(((found * scales[:, None]) ** 2).sum()) / len(sample.points)
        return float(np.sqrt(total))

    def _field(self, sample: _Sample, state: np.ndarray) -> tuple[Any, dict[Any, np.ndarray], np.ndarray]:
        """Waves at points, and what the field and its derivatives are there, in own units."""
        weights, numbers = self.split(state)
        waves = self.waves(sample)
        field = {}
        if state.any():
            for channel, orders in sample.condition.reads:
                column = self.features.derivative(waves, orders, weights[:, channel : channel + 1])[:, 0]
                field[channel, orders] = column / np.prod(self._half ** np.array(orders))
        return waves, field, numbers

    def _block(self, sample: _Sample, state: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
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


def _thinned(sample: _Sample, count: int) -> _Sample:
    step = max(len(sample.points) // count, 1)
    return _Sample(sample.condition, sample.coords[::step], sample.points[::step], sample.known[::step])


def _parts(sample: _Sample, size: int) -> list[_Sample]:
    return [
        _Sample(
            sample.condition, sample.coords[start : start + size], sample.points[start : start + size],
            sample.known[start : start + size],
        )
        for start in range(0, len(sample.points), size)
    ]  # fmt: skip
