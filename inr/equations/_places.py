"""Where an equation and its conditions hold: boxes, their faces, and given points."""

import functools
import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from inr._errors import InrError
from inr._expressions import Expression
from inr.signals import Axis, Domain, ValueMap

# what is rendered of a solution where nothing is asked for: samples of the longest axis, by the number of axes
_SAMPLES = {1: 1024, 2: 384, 3: 64, 4: 24}
_LETTER = re.compile(r"[A-Za-z]")


@dataclass(frozen=True)
class Place:
    """A set of points of one dimension: boxes with some axes held fixed, or points that are given.

    Attributes:
        name: as users wrote it ("x=-1|x=1").
        boxes: for each, (low, high) by axis in own units; equal where the axis is fixed.
        points: float64 (n, d) in own units, in the place of boxes; None for boxes.
        known: float64 (n, k), numbers that given points bring: measured values.
    """

    name: str
    boxes: tuple[tuple[tuple[float, float], ...], ...] = ()
    points: np.ndarray | None = None
    known: np.ndarray | None = None

    @property
    def checksum(self) -> int:
        """32 bits of given points and what is known there, equal for equal ones."""
        arrays = (each for each in (self.points, self.known) if each is not None)
        return functools.reduce(lambda found, each: zlib.crc32(np.ascontiguousarray(each).data, found), arrays, 0)

    @property
    def size(self) -> int | None:
        """How many points there are; None for as many as one likes."""
        if self.points is not None:
            return len(self.points)
        single = all(low == high for box in self.boxes for low, high in box)
        return len(self.boxes) if single else None

    @property
    def free(self) -> int:
        """Dimensions of the set."""
        return max((sum(low < high for low, high in box) for box in self.boxes), default=0)

    def draw(
        self, count: int, uniform: Callable[[int, int], np.ndarray], half: Sequence[float]
    ) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "n k"]]:
        """Some of its points.

        Args:
            count: how many, about; all of them where the place has fewer.
            uniform: (n, d) to numbers (n, d) from 0 to 1, random or evenly spread.
            half: of the domain's extent by axis, by which boxes are compared in size.

        Returns:
            Points (n, d) in own units, and what is known of them, (n, k).
        """
        if self.points is not None:
            assert self.known is not None
            if count >= len(self.points):
                return self.points, self.known
            rows = np.sort((uniform(count, 1)[:, 0] * len(self.points)).astype(int))
            return self.points[rows], self.known[rows]
        if self.size is not None:
            return np.array([[low for low, _ in box] for box in self.boxes]), np.zeros((len(self.boxes), 0))
        sizes = np.array([self._measure(box, half) for box in self.boxes])
        counts = np.maximum(np.round(count * sizes / sizes.sum()).astype(int), 1).tolist()
        drawn = []
        for box, share in zip(self.boxes, counts, strict=True):
            low, high = np.array(box).T
            drawn.append(low + (high - low) * _in_free_axes(low < high, share, uniform))
        return np.concatenate(drawn), np.zeros((sum(counts), 0))

    def _measure(self, box: Sequence[tuple[float, float]], half: Sequence[float]) -> float:
        return math.prod((high - low) / abs(2 * h) for (low, high), h in zip(box, half, strict=True) if low < high)


def _in_free_axes(free: np.ndarray, count: int, uniform: Callable[[int, int], np.ndarray]) -> np.ndarray:
    """Numbers (count, d) from 0 to 1 in some columns, 0 in the others."""
    found = np.zeros((count, len(free)))
    if free.any():
        found[:, free] = uniform(count, int(free.sum()))
    return found


def parse_domain(text: str, channels: Sequence[str]) -> Domain:
    """The domain that "x=-1..1,t=0..1" says.

    Args:
        text: axes with their ranges, in own units; bounds may be formulas as 2*pi.
        channels: names of the channels.

    Returns:
        A domain on a grid of points that suits rendering, with the values' own units. Of two axes the second one falls,
        so that it goes upwards in pictures.

    Raises:
        InrError: what cannot be read, or axes that make no sense.
    """
    ranges: list[tuple[str, float, float]] = []
    for item in text.split(","):
        name, _, span = (part.strip() for part in item.partition("="))
        low, dots, high = span.partition("..")
        if not name or not dots:
            raise InrError(f"a domain is written as x=-1..1,t=0..1, not '{item.strip()}'")
        if not _LETTER.fullmatch(name):
            raise InrError(f"an axis is called by one letter, as x in u_xx, not '{name}'")
        if name in channels:
            raise InrError(f"'{name}' is an axis and a channel; give one of them another name")
        ranges.append((name, number(low), number(high)))
    names = [name for name, *_ in ranges]
    if len(set(names)) < len(names):
        raise InrError(f"an axis is given twice in the domain '{text}'")
    if len(ranges) > 4:
        raise InrError(f"a domain has 1 to 4 axes, got {len(ranges)}: {', '.join(names)}")
    for name, begin, end in ranges:
        if not begin < end:
            raise InrError(f"axis {name} goes from {begin:g} to {end:g}; the lower end comes first")
    return _domain(ranges, len(channels))


def _domain(ranges: Sequence[tuple[str, float, float]], channels: int) -> Domain:
    spans = {name: high - low for name, low, high in ranges}
    space = [span for name, span in spans.items() if name != "t"]
    most = _SAMPLES[len(ranges)]
    axes = []
    for name, low, high in ranges:
        share = 1.0 if name == "t" or not space else spans[name] / max(space)
        axes.append(Axis(name, max(round(most * share), 2), "", low, high))
    if len(axes) == 2:  # pictures begin at the top
        axes[1] = replace(axes[1], low=axes[1].high, high=axes[1].low)
    kind = "image" if len(axes) == 2 else "volume"
    return Domain(kind, tuple(axes), channels, ValueMap((-1.0,) * channels, (1.0,) * channels))  # type: ignore[arg-type]


def number(text: str) -> float:
    """A number that may be written as a formula, such as 2*pi or 1e-3.

    Args:
        text: what is written.

    Raises:
        InrError: it is no finite number.
    """
    expression = Expression(text)
    expression.check((), "numbers")
    value = expression.evaluate({name: getattr(np, name) for name in ("sin", "cos", "exp", "log", "sqrt")}, {})
    if isinstance(value, complex) or not math.isfinite(value):
        raise InrError(f"'{text}' is no finite number")
    return float(value)


def inside(domain: Domain) -> Place:
    """All of a domain.

    Args:
        domain: of the equation.
    """
    return Place("equation", (tuple(map(ends, domain.axes)),))


def ends(axis: Axis) -> tuple[float, float]:
    """The lower and the upper end of an axis, which may fall.

    Args:
        axis: of the equation.
    """
    return min(axis.low, axis.high), max(axis.low, axis.high)


def parse_place(text: str, domain: Domain) -> Place:
    """Where "t=0", "x=-1|x=1", "x=0,y=0..1", "boundary" or "initial" is.

    Args:
        text: faces joined by |, each by the axes that are fixed or bounded; or a word: "boundary" for all faces of all
            axes but t, "initial" for the lower end of t.
        domain: of the equation.

    Raises:
        InrError: an axis that is not there, or a place outside of the domain.
    """
    whole = {axis.name: ends(axis) for axis in domain.axes}
    boxes = []
    for face in text.split("|"):
        for bounds in _faces(face.strip(), whole):
            for name, (low, high) in bounds.items():
                if not whole[name][0] <= low <= high <= whole[name][1]:
                    there = f"{whole[name][0]:g}..{whole[name][1]:g}"
                    raise InrError(f"'{face.strip()}' lies outside of the domain, in which {name}={there}")
            boxes.append(tuple((whole | bounds).values()))
    return Place(text, tuple(boxes))


def _faces(face: str, whole: Mapping[str, tuple[float, float]]) -> list[dict[str, tuple[float, float]]]:
    """The boxes of one face, by the axes that are not whole."""
    if face == "boundary":
        space = [name for name in whole if name != "t"]
        if not space:
            raise InrError("this domain has no axis but t, and no boundary; write t=0 or initial")
        return [{name: (end, end)} for name in space for end in whole[name]]
    if face == "initial":
        if "t" not in whole:
            raise InrError("this domain has no axis t, and no beginning; write a place as x=-1")
        return [{"t": (whole["t"][0],) * 2}]
    bounds = {}
    for item in face.split(","):
        name, equals, span = (part.strip() for part in item.partition("="))
        if not equals or not span:
            raise InrError(f"a place is written as x=-1|x=1 or t=0, boundary or initial, not '{face}'")
        if name not in whole:
            raise InrError(f"'{face}' is no place: axes are {', '.join(whole)}")
        low, dots, high = span.partition("..")
        bounds[name] = (number(low), number(high if dots else low))
    return [bounds]


def given_points(points: Any, values: Any, domain: Domain) -> Place:
    """Points with measured values.

    Args:
        points: array (n, d), or (n,) with one axis, in own units.
        values: array (n, c), or (n,) of one channel; a column of nothing but NaN is of a channel that was not measured.
        domain: of the equation.

    Raises:
        InrError: shapes that do not fit, no measured value, numbers that are not finite, or points outside.
    """
    places, known = np.asarray(points, np.float64), np.asarray(values, np.float64)
    places = places[:, None] if places.ndim == 1 and domain.in_dim == 1 else places
    known = known[:, None] if known.ndim == 1 else known
    if places.ndim != 2 or places.shape[1] != domain.in_dim or known.shape != (len(places), domain.channels):
        raise InrError(
            f"data are points (n, {domain.in_dim}) and values (n, {domain.channels}), not {np.shape(points)} and "
            f"{np.shape(values)}"
        )
    measured = ~np.isnan(known).all(0)
    if not measured.any():
        raise InrError("data have no measured value")
    if not (np.isfinite(places).all() and np.isfinite(known[:, measured]).all()):
        raise InrError("data have numbers that are not finite; leave those points out")
    if not (np.abs(domain.coordinates(places)) <= 1 + 1e-9).all():
        raise InrError("data have points outside of the domain")
    return Place("data", points=places, known=known)


class QuasirandomSequence:
    """Evenly spread numbers, other ones each time: an additive sequence by roots of the golden ratio's kind.

    Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018.

    Args:
        seed: where it begins.
    """

    def __init__(self, seed: int) -> None:
        self._draw = np.random.default_rng(seed)

    def __call__(self, count: int, dims: int) -> Float64[np.ndarray, "n d"]:
        """Numbers (count, dims) from 0 to 1."""
        root = 2.0
        for _ in range(40):  # of root^(dims + 1) = root + 1
            root = (1 + root) ** (1 / (dims + 1))
        steps = root ** -np.arange(1, dims + 1)
        return (self._draw.random(dims) + np.arange(count)[:, None] * steps) % 1
