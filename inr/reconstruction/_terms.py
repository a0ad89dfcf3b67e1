"""Terms that reconstructions are made of: how far values, gradients and Laplacians are from data, and priors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from inr._errors import InrError
from inr.engines import Batch, PointSet, Term, point_sets
from inr.field import Operator, Reads
from inr.signals import PointPool, Points

PRIORS = ("tv", "hessian", "none")
_SMOOTHED = 1e-6  # added to squared lengths, whose root has no slope at 0
_ORDER_1 = Reads((0, 1))


@dataclass(frozen=True)
class SquaredValues:
    """The squared distance of values from the columns v0, v1 …, a mean over channels."""

    def __call__(self, ops: Any, at: Any) -> Any:
        """The loss of a point."""
        return sum((value - at.data[f"v{c}"]) ** 2 for c, value in enumerate(at.values)) * (1 / len(at.values))


@dataclass(frozen=True)
class SquaredGradients:
    """The squared distance of gradients from the columns x0, y0, x1 …, summed over axes, a mean over channels.

    Attributes:
        pixel: sides of a pixel, x first, so that derivatives are by pixels.
    """

    pixel: tuple[float, float]

    def __call__(self, ops: Any, at: Any) -> Any:
        """The loss of a point."""
        width, height = self.pixel
        return sum(
            (width * x - at.data[f"x{c}"]) ** 2 + (height * y - at.data[f"y{c}"]) ** 2
            for c, (x, y) in enumerate(at.first)
        ) * (1 / len(at.first))


@dataclass(frozen=True)
class SquaredLaplacians:
    """The squared distance of the operator read from the columns l0, l1 …, a mean over channels."""

    def __call__(self, ops: Any, at: Any) -> Any:
        """The loss of a point."""
        return sum((read[0] - at.data[f"l{c}"]) ** 2 for c, read in enumerate(at.second)) * (1 / len(at.second))


@dataclass(frozen=True)
class SquaredSlopes:
    """The squared derivative across an edge, whose normal is in the columns nx and ny."""

    pixel: tuple[float, float]

    def __call__(self, ops: Any, at: Any) -> Any:
        """The loss of a point."""
        width, height = self.pixel
        return sum(
            (width * x * at.data["nx"] + height * y * at.data["ny"]) ** 2 for x, y in at.first
        ) * (1 / len(at.first))  # fmt: skip


@dataclass(frozen=True)
class TotalVariation:
    """The length of all channels' gradients together (Rudin, Osher and Fatemi 1992; Blomgren and Chan 1998)."""

    pixel: tuple[float, float]

    def __call__(self, ops: Any, at: Any) -> Any:
        """The loss of a point."""
        width, height = self.pixel
        squares = sum((width * x) ** 2 + (height * y) ** 2 for x, y in at.first)
        return ops.root(squares * (1 / len(at.first)) + _SMOOTHED)


@dataclass(frozen=True)
class HessianNorm:
    """The Frobenius norm of all channels' Hessians together; reads d²/dx², d²/dy² and d²/dxdy by pixels."""

    def __call__(self, ops: Any, at: Any) -> Any:
        """The loss of a point."""
        squares = sum(xx**2 + yy**2 + 2 * xy**2 for xx, yy, xy in at.second)
        return ops.root(squares * (1 / len(at.second)) + _SMOOTHED)


def pixel_of(shape: Sequence[int]) -> tuple[float, float]:
    """Sides of a pixel of a picture (h, w), x first."""
    return 2 / shape[1], 2 / shape[0]


def laplace_by_pixels(shape: Sequence[int]) -> Operator:
    """The Laplacian by pixels, as an operator of `Reads`."""
    width, height = pixel_of(shape)
    return ((width**2, 0.0), (0.0, height**2))


def _second_derivatives(shape: Sequence[int]) -> tuple[Operator, ...]:
    """d²/dx², d²/dy² and d²/dxdy by pixels."""
    width, height = pixel_of(shape)
    mixed = width * height / 2
    return ((width**2, 0.0), (0.0, 0.0)), ((0.0, 0.0), (0.0, height**2)), ((0.0, mixed), (mixed, 0.0))


def columns(letters: str, channels: int) -> tuple[str, ...]:
    """Names of a point's numbers, channel after channel: x0, y0, x1 …"""
    return tuple(f"{letter}{c}" for c in range(channels) for letter in letters)


def value_term(channels: int, weight: float = 1.0, name: str = "values") -> Term:
    """The mean squared distance of values from data."""
    return Term(name, Reads(), SquaredValues(), columns("v", channels), weight=weight)


def gradient_term(shape: Sequence[int], channels: int, weight: float = 1.0) -> Term:
    """The mean squared distance of gradients from data."""
    return Term("gradients", _ORDER_1, SquaredGradients(pixel_of(shape)), columns("xy", channels), weight=weight)


def laplacian_term(shape: Sequence[int], channels: int, weight: float = 1.0) -> Term:
    """The mean squared distance of Laplacians from data."""
    reads = Reads((), (laplace_by_pixels(shape),))
    return Term("laplacians", reads, SquaredLaplacians(), columns("l", channels), weight=weight)


def slope_term(shape: Sequence[int], weight: float = 1.0) -> Term:
    """The mean squared derivative across edges."""
    return Term("edges", _ORDER_1, SquaredSlopes(pixel_of(shape)), ("nx", "ny"), weight=weight)


def check_prior(name: str, strength: float, known: Sequence[str] = PRIORS) -> None:
    """Refuse a prior that there is not.

    Args:
        name: of the prior.
        strength: its weight.
        known: the names that are possible.

    Raises:
        InrError: another name, or a strength below 0 or without end.
    """
    if name not in known:
        raise InrError(f"the prior of this task is {', '.join(known[:-1])} or {known[-1]}, not '{name}'")
    if not 0 <= strength < np.inf:
        raise InrError(f"the strength of a prior is 0 or more, got {strength:g}")


def prior_facts(name: str, strength: float) -> list[str]:
    """What is told of a prior: a line, or none where there is no prior."""
    return [f"prior {name}, strength {strength:.3g}"] if name != "none" and strength else []


def prior_term(name: str, strength: float, shape: Sequence[int]) -> Term | None:
    """A prior by its name; None for none.

    Args:
        name: one of PRIORS.
        strength: its weight, where the squared distance of normalised values has 1 and derivatives are by pixels.
        shape: of the picture, (h, w).

    Raises:
        InrError: see `check_prior`.
    """
    check_prior(name, strength)
    if name == "none" or strength == 0:
        return None
    if name == "tv":
        return Term("total variation", _ORDER_1, TotalVariation(pixel_of(shape)), weight=strength)
    return Term("hessian", Reads((), _second_derivatives(shape)), HessianNorm(), weight=strength)


class PooledTerms:
    """A sum of terms, whose points are sets of a pool.

    Args:
        pool: a set for each term.
        terms: in the order of the sets.
    """

    def __init__(self, pool: PointPool, terms: Sequence[Term]) -> None:
        self._pool = pool
        self.terms: Sequence[Term] = tuple(terms)

    def points(self, batch: Batch) -> list[PointSet]:
        """See `inr.engines.Local`."""
        return point_sets(self._pool, batch)


def pixel_centres(shape: Sequence[int], pixels: np.ndarray | None = None) -> Float[np.ndarray, "n 2"]:
    """Coordinates of pixels, float32.

    Args:
        shape: of the picture, (h, w).
        pixels: flat indices; all in order where None.
    """
    chosen = np.arange(shape[0] * shape[1]) if pixels is None else pixels
    rows, across = np.divmod(chosen, shape[1])
    return np.stack(((2 * across + 1) / shape[1] - 1, (2 * rows + 1) / shape[0] - 1), 1).astype(np.float32)


def places_in_pixels(
    shape: Sequence[int], each: int, seed: int, pixels: np.ndarray | None = None
) -> Float[np.ndarray, "n 2"]:
    """So many random places in every pixel, float32.

    Args:
        shape: of the picture, (h, w).
        each: places in a pixel.
        seed: equal seeds give equal places.
        pixels: flat indices; all where None.
    """
    centres = np.tile(pixel_centres(shape, pixels), (each, 1))
    shifts = np.random.default_rng(seed).random(centres.shape) - 0.5
    return (centres + shifts * np.array(pixel_of(shape))).astype(np.float32)


def random_points(count: int, seed: int) -> Points:
    """Places all over the picture, without numbers of their own."""
    coords = np.random.default_rng((seed, 1)).random((count, 2)) * 2 - 1
    return Points(coords.astype(np.float32), np.zeros((count, 0), np.float32))


def edge_points(shape: Sequence[int], seed: int) -> Points:
    """Places on the edges of a picture, four for each pixel there, with the edges' normals."""
    height, width = shape
    draw = np.random.default_rng((seed, 2))
    across, down = draw.random((2, 4 * width)) * 2 - 1, draw.random((2, 4 * height)) * 2 - 1
    coords = [np.stack((line, np.full_like(line, end)), 1) for line, end in zip(across, (-1.0, 1.0), strict=True)] + [
        np.stack((np.full_like(line, end), line), 1) for line, end in zip(down, (-1.0, 1.0), strict=True)
    ]
    normals = [np.tile((0.0, 1.0), (8 * width, 1)), np.tile((1.0, 0.0), (8 * height, 1))]
    return Points(np.concatenate(coords).astype(np.float32), np.concatenate(normals).astype(np.float32))
