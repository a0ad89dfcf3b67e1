"""Equations solved in the span of random sine features: one least squares where they are linear, several where not.

The random feature method (Chen, Chi, E and Yang, "Bridging traditional and machine learning-based algorithms for
solving PDEs: the random feature method", J. Mach. Learn. 2022). A network of one hidden layer, whose frequencies are
drawn and whose last layer is solved for, so that residuals at points are as small as can be: in double precision, by
QR factors and a ridge. Where the equation is not linear, Gauss-Newton repeats that for the equation's derivative.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inr._errors import InrError
from inr.equations._frequencies import aspect, characteristic_frequencies
from inr.equations._least_squares import TriangularFactor
from inr.equations._linearised import Linearised
from inr.equations._places import QuasirandomSequence
from inr.equations._problem import Problem
from inr.equations._rows import Rows, Sample
from inr.equations._sine_features import SineFeatures, radius

# relative to the largest singular value; the best is taken, which is where rounding and damping cost the same
RIDGES = (1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6)
_FIRST, _GROWTH = 200, 1.6  # features of the first try, and times as many in the next
_ROWS_INSIDE, _ROWS_BESIDE = 2.0, 1.0  # for each unknown: of the equation, and of all conditions together
_OWN = 0.5  # of the features, those that solve the equation by themselves, where there are such
_WIDER, _WIDEST = 1.25, 1.6  # times as far as radii go from one try to the next, and at most
_ALIKE, _APART = 0.05, 0.002  # float32's cost by residual, above which radii grow, and below which they shrink
_SINGLE = 1e-4  # what float32 may cost without a reason to reach further
_SETTLED = 1e-2  # of residual and rounding, below which two tries that bring nothing are the last ones
_CHECKED = 1_000  # points of each condition by which a solution is judged
_ITERATIONS = 30


@dataclass(frozen=True)
class Solution:
    """What a least squares came to.

    Attributes:
        features: N functions.
        weights: of each, (N, c), in own units of values.
        numbers: unknown ones, (m,).
        residual: root mean square of all residuals at points that were not solved for, in units of the solution's;
            without those of measured values.
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
            KeyboardInterrupt: before there was anything; later ones end it with the best so far.
        """
        begin = time.perf_counter()
        best: Solution | None = None
        count, idle, reach = min(_FIRST, features), 0, 1.0
        try:
            while True:
                start = time.perf_counter()
                found = self.solve(count, best, reach)
                took = time.perf_counter() - start
                tell(f"{count:,} sines: residual {found.residual:.1e}, float32 {found.rounding:.1e}, {took:.1f} s")
                idle = 0 if best is None or found.judged < 0.7 * best.judged else idle + 1
                best = found if best is None or found.judged < best.judged else best
                too_long = time.perf_counter() - begin + took * _GROWTH**3 > seconds
                if best.judged < tolerance or (idle > 1 and best.judged < _SETTLED) or count == features or too_long:
                    break
                count, reach = min(round(count * _GROWTH), features), _next_reach(reach, found)
        except KeyboardInterrupt:
            if best is None:
                raise
            tell("interrupted; the best so far is kept")
        if not np.isfinite(best.judged):
            raise InrError("the equation has no finite solution of sines here; check its coefficients in the domain")
        return best

    def solve(self, count: int, before: Solution | None = None, reach: float = 1.0) -> Solution:
        """The best of the ridges with so many features.

        Args:
            count: of features.
            before: a solution to begin with where the problem is not linear.
            reach: times the radius that so many features fill safely, as far as their frequencies go.
        """
        radii = tuple((reach * radius(count, self._domain.in_dim) * self._aspect).tolist())
        draw = np.random.default_rng([self._seed, count])
        own = characteristic_frequencies(self._problem, round(_OWN * count), radii, draw)
        features = SineFeatures.draw(count, radii, self._periodic, draw, own)
        unknowns = count * self._channels + len(self._problem.numbers)
        spread = QuasirandomSequence(self._seed)
        inside = [self._sample(each, round(_ROWS_INSIDE * unknowns), spread) for each in self._conditions[:1]]
        share = max(len(self._conditions) - 1, 1)
        beside = [self._sample(each, round(_ROWS_BESIDE * unknowns / share), spread) for each in self._conditions[1:]]
        exact = [each for each in self._conditions if each.condition.place.points is None]  # measured values are not
        checked = [self._sample(each, _CHECKED, QuasirandomSequence(self._seed + 1)) for each in exact]
        start = self._start(features, before, inside[0])
        rows = Rows(features, [*inside, *beside], self._half, self._channels, len(self._problem.numbers))
        rows.weigh(start, self._weights)
        judge = Rows(features, checked, self._half, self._channels, len(self._problem.numbers), keep=True)
        judge.scales = rows.scales[: len(exact)]
        found = rows.least_squares(start, RIDGES) if self._linear else self._newton(rows, start)
        return min((self._judged(judge, each, radii) for each in found), key=lambda each: each.judged)

    def _newton(self, rows: Rows, start: np.ndarray) -> list[np.ndarray]:
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

    def _judged(self, judge: Rows, state: np.ndarray, radii: tuple[float, ...]) -> Solution:
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

    def _sample(self, condition: Linearised, count: int, spread: QuasirandomSequence) -> Sample:
        place = condition.condition.place
        points, known = place.draw(max(count, 8), spread, self._half.tolist())
        return Sample(condition, np.asarray(self._domain.coordinates(points)), points, known)

    def _start(self, features: SineFeatures, before: Solution | None, inside: Sample) -> np.ndarray:
        """Weights and numbers to begin with: 0, or those whose sums come nearest to a solution of other features."""
        numbers = np.array(list(self._problem.numbers.values()), np.float64)
        if self._linear or before is None:
            return np.concatenate([np.zeros(features.count * self._channels), numbers])
        target = before.features.waves(inside.coords)[0] @ before.weights
        weights = np.empty((features.count, self._channels))
        waves = features.waves(inside.coords)[0]
        for channel in range(self._channels):
            triangle = TriangularFactor(features.count)
            triangle.add(waves, target[:, channel])
            weights[:, channel] = triangle.solutions(np.array([1e-9]), np.zeros(features.count))[0]
        return np.concatenate([weights.T.ravel(), before.numbers])


def _next_reach(reach: float, found: Solution) -> float:
    """How far frequencies of the next try go, relative to the radius that its features fill safely.

    Features that are too much alike for what they are to make up leave large weights that cancel each other, which
    float32 shows: then there is room for higher frequencies.
    """
    if found.rounding > max(_SINGLE, _ALIKE * found.residual):
        return min(reach * _WIDER, _WIDEST)
    return max(reach / _WIDER, 1.0) if found.rounding < _APART * found.residual else reach
