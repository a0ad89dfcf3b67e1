"""Silhouettes: what is inside of the outline in a picture or a drawing."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from skimage.measure import find_contours

from inr._errors import InrError
from inr.geometry import Outline, space_filling
from inr.signals._domain import Domain
from inr.signals._formats import ShapeAs
from inr.signals._shape import ShapeSignal, shape_domain
from inr.signals._shape_source import ShapeSource


class OutlineSolid:
    """What an outline encloses, in [-1, 1]².

    Args:
        outline: in these coordinates.
        notes: what was found in its source and done about it.
    """

    dimensions = 2

    def __init__(self, outline: Outline, notes: tuple[str, ...] = ()) -> None:
        self.outline, self.notes = outline, notes

    @property
    def sources(self) -> tuple[np.ndarray, ...]:
        """See `Solid`."""
        return tuple(self.outline.curves)

    def values(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 1"]:
        """See `Solid`."""
        order = space_filling(points)
        found = np.empty((len(points), 1))
        found[order, 0] = self.outline.at(points[order])
        return found

    def inside(self, points: Float[np.ndarray, "n 2"]) -> np.ndarray:
        """See `Solid`."""
        return self.outline.inside(points)

    def around(
        self, count: int, spread: float | np.ndarray, draw: np.random.Generator
    ) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "n 1"]]:
        """See `Solid`."""
        points, _ = self.outline.around(count, draw)
        points = np.clip(points + draw.normal(size=points.shape) * spread, -1, 1)
        return points, self.values(points)


def from_mask(mask: Any, *, as_shape: ShapeAs | None = None, seed: int = 0, source: str = "the mask") -> ShapeSignal:
    """A signal from a picture of a silhouette.

    Args:
        mask: real numbers (h, w) or (h, w, c): bright inside, or opaque where the last of two or four channels is
            alpha that is not the same all over. The outline lies where brightness is half way between the darkest and
            the brightest, between pixels too, so that soft edges are read more exactly than hard ones.
        as_shape: "sdf" or "occupancy"; None: "sdf".
        seed: of the points that are drawn around the outline.
        source: what is said to be at fault.

    Returns:
        The signal, of kind shape, in pixels: the first pixel's centre is at (1/2, 1/2), and y points down.

    Raises:
        InrError: a picture that is all inside or all outside, or something else to be learned.

    >>> y, x = np.mgrid[:64, :64] + 0.5
    >>> signal = inr.signals.from_mask(np.hypot(x - 32, y - 32) < 20)
    >>> signal.domain.kind, signal.in_dim
    ('shape', 2)
    """
    return from_outline(mask_curves(mask, source), as_shape=as_shape, seed=seed, source=source)


def mask_curves(mask: Any, source: str) -> list[Float[np.ndarray, "_ 2"]]:
    """The curves around what is bright in a picture, in pixels; arguments and errors are those of `from_mask`."""
    brightness = _brightness(np.asarray(mask), source)
    low, high = float(brightness.min()), float(brightness.max())
    if not low < high:
        raise InrError(f"{source} is of one brightness: a silhouette has an inside and an outside")
    level = (low + high) / 2
    return [curve[:-1, ::-1] - 0.5 for curve in find_contours(np.pad(brightness, 1, constant_values=low), level)]


def _brightness(mask: np.ndarray, source: str) -> np.ndarray:
    """What tells inside from outside, float64 (h, w)."""
    if mask.dtype.kind not in "biuf" or mask.ndim not in (2, 3):
        raise InrError(f"{source}: a mask is a picture, not {mask.dtype} of shape {mask.shape}")
    values = mask.astype(np.float64)[..., None] if mask.ndim == 2 else mask.astype(np.float64)
    if not np.isfinite(values).all():
        raise InrError(f"{source} has values that are no finite numbers")
    if values.shape[2] in (2, 4):
        alpha = values[..., -1]
        if alpha.min() < alpha.max():
            return alpha
        values = values[..., :-1]
    return values.mean(2)


def from_outline(
    curves: Any, *, rule: str = "evenodd", as_shape: ShapeAs | None = None, seed: int = 0, source: str = "the outline"
) -> ShapeSignal:
    """A signal from closed curves in the plane.

    Args:
        curves: each real numbers (n, 2), in own units; the last point is joined to the first.
        rule: "evenodd" or "nonzero", see `inr.geometry.Outline`.
        as_shape: "sdf" or "occupancy"; None: "sdf".
        seed: of the points that are drawn around the outline.
        source: what is said to be at fault.

    Returns:
        The signal, of kind shape.

    Raises:
        InrError: no curve of any length, curves that enclose nothing, or something else to be learned.
    """
    loops, domain = boxed_outline(curves, rule, as_shape, source)
    try:
        outline = Outline(loops, "nonzero" if rule == "nonzero" else "evenodd")
    except InrError as error:
        raise InrError(f"{source}: {error}") from None
    solid = OutlineSolid(outline)
    if not solid.inside(solid.around(4096, 1e-3, np.random.default_rng(0))[0]).any():
        raise InrError(f"{source} encloses nothing")
    return ShapeSignal(solid, domain, size=1 << 18, seed=seed)


def boxed_outline(curves: Any, rule: str, as_shape: ShapeAs | None, source: str) -> tuple[list[np.ndarray], Domain]:
    """Curves in [-1, 1]² and their domain; arguments and errors are those of `from_outline`."""
    if as_shape == "eikonal":
        raise InrError(f"{source} is a silhouette, which is learned as sdf or occupancy: eikonal is of points in space")
    if rule not in ("evenodd", "nonzero"):
        raise InrError(f"what is inside is told by evenodd or nonzero, not '{rule}'")
    loops = [np.asarray(curve, np.float64) for curve in curves]
    if not any(len(loop) for loop in loops):
        raise InrError(f"{source} has no outline")
    everything = np.concatenate(loops)
    if not np.isfinite(everything).all():
        raise InrError(f"{source} has coordinates that are no finite numbers")
    domain, centre, half = shape_domain(everything.min(0), everything.max(0), as_shape or "sdf", source)
    return [(loop - centre) / half for loop in loops], domain


def read(path: Path, as_shape: ShapeAs, max_bytes: int) -> ShapeSource:
    """The silhouette in a picture."""
    from inr.signals._open import open

    picture = open(path, max_bytes=max_bytes)
    if picture.domain.kind != "image":
        raise InrError(f"{path} holds {picture.domain.kind}, which is no silhouette: leave out --as")
    return ShapeSource.of_curves(mask_curves(picture.array, str(path)), "evenodd", as_shape, str(path))
