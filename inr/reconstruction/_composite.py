"""Seamless compositing: what is within a mask has the slopes of one picture, and joins the values of another.

Source: Pérez, Gangnet and Blake, Poisson image editing, SIGGRAPH 2003; by fields: Sitzmann et al., NeurIPS 2020.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import binary_dilation

from inr._errors import InrError
from inr.reconstruction._classical import cloned
from inr.reconstruction._inputs import plain_picture, read_mask
from inr.reconstruction._problem import Classical, Problem
from inr.reconstruction._setups import smooth_grid
from inr.reconstruction._spline import MirroredSpline
from inr.reconstruction._terms import PooledTerms, gradient_term, pixel_centres, places_in_pixels, value_term
from inr.signals import PointPool, Points

_RIM = 3  # pixels around the mask, in which values count more
_PLACES = 8  # in every pixel of the mask
_SHARES = 0.5, 0.25, 0.25  # of a step's points: slopes inside, values on the rim, values outside
_RIM_WEIGHT = 10.0  # of values beside slopes, both relative to the data's squares


def composite(
    source: Any,
    background: Any,
    *,
    mask: Any,
    offset: tuple[int, int] = (0, 0),
    mixed: bool = False,
    seed: int = 0,
) -> Problem:
    """A picture put into another one without a seam.

    Args:
        source: the picture of which slopes are taken.
        background: the picture that it is put into.
        mask: a picture of the source's size, bright where it is taken, or bool (h, w).
        offset: where the upper left corner of the source comes to lie in the background, in pixels, x first.
        mixed: take the larger of both pictures' slopes, at every place.
        seed: of the places.

    Raises:
        InrError: pictures of different channels, a mask of another size, or nothing of it within the background.
    """
    picture, domain = plain_picture(background, "the background")
    pasted, own = plain_picture(source, "the source")
    if pasted.shape[2] != picture.shape[2]:
        raise InrError(f"the source has {pasted.shape[2]} channels and the background {picture.shape[2]}; convert one")
    marked = read_mask(mask, pasted.shape[:2])
    if not marked.any():
        raise InrError("the mask has no bright pixel: nothing of the source would be taken")
    inside, moved = _placed(marked, pasted, picture.shape[:2], offset)
    if not inside.any():
        raise InrError(f"at {offset[0]}, {offset[1]} no pixel of the mask lies within the background")
    if inside.all():
        raise InrError("the mask covers all of the background: nothing is left to join it to")
    # the source in the background's units, whose ranges may differ
    ground = domain.values.normalise(picture)
    laid = own.values.normalise(moved)
    shape, channels = inside.shape, picture.shape[2]
    coords = places_in_pixels(shape, _PLACES, seed, np.flatnonzero(inside))
    slopes = _guidance(laid, ground, coords, mixed=mixed)
    energy = max(float(np.square(slopes).sum(1).mean()) / channels, 1e-12)
    rim = binary_dilation(inside, np.ones((3, 3)), _RIM) & ~inside
    sets = [Points(coords, slopes.astype(np.float32))]
    for where in (rim, ~inside & ~rim):
        pixels = np.flatnonzero(where)
        values = ground.reshape(-1, channels)[pixels].astype(np.float32)
        sets.append(Points(pixel_centres(shape, pixels), values))
    variance = max(float(ground.var()), 1e-6)
    terms = [
        gradient_term(shape, channels, 1 / energy),
        value_term(channels, _RIM_WEIGHT / variance, "rim"),
        value_term(channels, _RIM_WEIGHT / variance, "background"),
    ]
    domain = replace(domain, sampling="point")
    pool = PointPool(domain, sets, _SHARES)
    pasted_over = np.where(inside[..., None], domain.values.restore(laid), picture)
    known = np.where(inside[..., None], np.nan, picture).astype(np.float32)

    def solve() -> np.ndarray:
        return domain.values.restore(cloned(ground, laid, inside, mixed=mixed))

    facts = [f"{int(inside.sum()):,} pixels are taken from the source, {'mixed' if mixed else 'its'} gradients"]
    setup = smooth_grid(shape, finer=1.5, steps=800, batch=8_192)
    return Problem(
        "composite", pool, PooledTerms(pool, terms), setup, domain, pasted_over.astype(np.float32),
        [Classical("sparse Poisson", solve)], facts, known=known,
    )  # fmt: skip


def _placed(
    marked: Bool[np.ndarray, "h w"], pasted: np.ndarray, shape: tuple[int, int], offset: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The mask and the source on the grid of the background; what the source does not reach goes on as at its edges."""
    rows, across = (np.arange(size) - _in_int64(start) for size, start in zip(shape, offset[::-1], strict=True))
    near = np.ix_(np.clip(rows, 0, marked.shape[0] - 1), np.clip(across, 0, marked.shape[1] - 1))
    there = (rows == near[0].ravel())[:, None] & (across == near[1].ravel())
    return marked[near] & there, pasted[near]


def _in_int64(offset: int) -> int:
    """An offset that arrays can hold; those that are cut lie outside of any picture."""
    return max(-(1 << 40), min(offset, 1 << 40))


def _guidance(laid: np.ndarray, ground: np.ndarray, coords: np.ndarray, *, mixed: bool) -> np.ndarray:
    """The slopes to have at places, (n, 2c) by pixels: x and y of every channel."""
    found = MirroredSpline(laid)(coords)
    slopes = np.stack((found.x, found.y), 2)
    if mixed:
        other = MirroredSpline(ground)(coords)
        others = np.stack((other.x, other.y), 2)
        larger = np.square(others).sum((1, 2)) > np.square(slopes).sum((1, 2))
        slopes = np.where(larger[:, None, None], others, slopes)
    return slopes.reshape(len(coords), -1)
