"""Pictures from their derivatives: from gradients, or from the Laplacian.

Source: Sitzmann et al., Implicit neural representations with periodic activation functions, NeurIPS 2020, section 4.1.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
from scipy.ndimage import sobel

from inr._errors import InrError
from inr.reconstruction._frequencies import (
    exact_curvature,
    exact_slopes,
    from_gradients,
    from_laplacian,
    sobel_slopes,
    spline_curvature,
    spline_slopes,
)
from inr.reconstruction._inputs import array_names, as_channels, plain_picture, read_arrays
from inr.reconstruction._problem import Classical, Problem
from inr.reconstruction._setups import smooth_grid
from inr.reconstruction._spline import MirroredSpline
from inr.reconstruction._terms import (
    PooledTerms,
    edge_points,
    gradient_term,
    laplacian_term,
    pixel_centres,
    places_in_pixels,
    slope_term,
)
from inr.signals import Domain, PointPool, Points, ValueMap, from_array

Operator = Literal["spline", "sobel"]
_PLACES = 4  # in every pixel, at which the derivatives of a spline are told
_MOST_PLACES = 1 << 21
_FINER, _STEPS, _BATCH = 1.5, 1_500, 16_384
_SHARES = 0.45, 0.45  # of a step's points from Laplacians: for gradients of the potential and for Laplacians
_LAPLACIANS = 0.1  # their weight beside the gradients', both relative to the data's squares

_OPERATORS = {"spline": "the cubic spline through the pixels, edges mirrored", "sobel": "Sobel's operator"}


def gradients(given: Any, *, operator: Operator | str = "spline", seed: int = 0) -> Problem:
    """A picture from its gradients.

    Args:
        given: a picture, of which gradients are taken; or an .npz file, or a mapping, with `gx` and `gy`: (h, w) or
            (h, w, c), derivatives by pixels at their centres.
        operator: how gradients are taken of a picture: "spline", those of the cubic spline through its pixels, all over
            them; "sobel", an eighth of Sobel's operator at the pixels' centres, as in SIREN's paper.
        seed: of the places.

    Raises:
        InrError: arrays of different shapes, or without numbers.
    """
    if operator not in get_args(Operator):
        raise InrError(f"gradients are taken by {' or '.join(get_args(Operator))}, not '{operator}'")
    if array_names(given) is None:
        picture, domain = plain_picture(given)
        unit = domain.values.normalise(picture)
        gx, gy = _slopes(unit, operator)
        level = picture.mean((0, 1)).tolist()
        facts = [f"gradients are those of {_OPERATORS[operator]}; the picture gives the mean as well"]
        spline = MirroredSpline(unit) if operator == "spline" else None
        response = spline_slopes if operator == "spline" else sobel_slopes
    else:
        arrays = read_arrays(given, ("gx", "gy"))
        gx, gy = (as_channels(arrays[name], name) for name in ("gx", "gy"))
        if gx.shape != gy.shape:
            raise InrError(f"gx and gy must be of one shape, not {gx.shape} and {gy.shape}")
        unit, domain = _own_range(from_gradients(gx, gy))
        half = domain.values.data_range / 2
        gx, gy, level, spline, response = gx / half, gy / half, None, None, exact_slopes
        facts = ["gradients are taken as derivatives by pixels at their centres; the constant is left open"]
    shape, channels = gx.shape[:2], gx.shape[2]
    if spline is None:
        coords = pixel_centres(shape)
        slopes = gx.reshape(-1, channels), gy.reshape(-1, channels)
    else:
        coords = places_in_pixels(shape, _places(shape), seed)
        found = spline(coords)
        slopes = found.x, found.y
    data = np.stack(slopes, 2).reshape(len(coords), -1).astype(np.float32)
    domain = replace(domain, sampling="point")
    pool = PointPool(domain, [Points(coords, data)])
    objective = PooledTerms(pool, [gradient_term(shape, channels, 1 / _energy(data, channels))])

    def solve() -> np.ndarray:
        return _in_units(from_gradients(gx, gy, response), domain, level)

    shown = _shown(np.sqrt(np.square(gx) + np.square(gy)), domain)
    setup = smooth_grid(shape, finer=_FINER, steps=_STEPS, batch=_BATCH)
    classical = [Classical("FFT", solve, "least squares, Frankot-Chellappa")]
    return Problem(
        "gradients", pool, objective, setup, domain, shown, classical, facts, "a constant and a factor", level
    )


def laplacian(given: Any, *, seed: int = 0) -> Problem:
    """A picture from its Laplacian, with no slope across its edges.

    Args:
        given: a picture, of which the Laplacian is taken, that of the cubic spline through its pixels; or an .npz file,
            or a mapping, with `laplacian`: (h, w) or (h, w, c), by pixels, at their centres.
        seed: of the places.

    Raises:
        InrError: an array of another shape, or without numbers.
    """
    if array_names(given) is None:
        picture, domain = plain_picture(given)
        unit = domain.values.normalise(picture)
        spline: MirroredSpline | None = MirroredSpline(unit)
        assert spline is not None
        data = spline(pixel_centres(unit.shape[:2])).laplacian.reshape(unit.shape)
        level, response = picture.mean((0, 1)).tolist(), spline_curvature
        facts = ["Laplacians are those of the cubic spline through the pixels; the picture gives the mean as well"]
    else:
        data = as_channels(read_arrays(given, ("laplacian",))["laplacian"], "laplacian")
        unit, domain = _own_range(from_laplacian(data))
        data, level, spline, response = data / (domain.values.data_range / 2), None, None, exact_curvature
        facts = ["Laplacians are taken by pixels at their centres; the constant is left open"]
    facts.append("no slope across the edges, without which a Laplacian leaves harmonic functions open")
    shape, channels = data.shape[:2], data.shape[2]
    coords = pixel_centres(shape)
    values = data.reshape(-1, channels)
    if spline is not None:
        coords = places_in_pixels(shape, _places(shape), seed)
        values = spline(coords).laplacian
    # the energy norm of what is missed: the residual times (-Δ)^-1 of it, summed, is these gradients' squared error
    potential = MirroredSpline(from_laplacian(data, response))(coords)
    slopes = np.stack((potential.x, potential.y), 2).reshape(len(coords), -1)
    domain = replace(domain, sampling="point")
    sets = [Points(coords, numbers.astype(np.float32)) for numbers in (slopes, values)]
    pool = PointPool(domain, [*sets, edge_points(shape, seed)], (*_SHARES, 1 - sum(_SHARES)))
    terms = [
        gradient_term(shape, channels, 1 / _energy(slopes, channels)),
        laplacian_term(shape, channels, _LAPLACIANS / _energy(values, channels)),
        slope_term(shape, 1 / _energy(slopes, channels)),
    ]

    def solve() -> np.ndarray:
        return _in_units(from_laplacian(data, response), domain, level)

    setup = smooth_grid(shape, finer=_FINER, steps=_STEPS, batch=_BATCH, quintic=True)
    classical = [Classical("FFT", solve, "cosine transform")]
    shown = _shown(np.abs(data), domain)
    return Problem(
        "laplacian", pool, PooledTerms(pool, terms), setup, domain, shown, classical, facts,
        "a constant and a factor", level,
    )  # fmt: skip


def _slopes(unit: np.ndarray, operator: str) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives by pixels at their centres."""
    if operator == "sobel":
        return sobel(unit, 1, mode="reflect") / 8, sobel(unit, 0, mode="reflect") / 8
    found = MirroredSpline(unit)(pixel_centres(unit.shape[:2]))
    return found.x.reshape(unit.shape), found.y.reshape(unit.shape)


def _energy(data: np.ndarray, channels: int) -> float:
    """The mean square of a channel's data at a point, summed over axes."""
    return max(float(np.square(data, dtype=np.float64).sum(1).mean()) / channels, 1e-12)


def _places(shape: Sequence[int]) -> int:
    """How many places in a pixel."""
    return max(min(_PLACES, _MOST_PLACES // (shape[0] * shape[1])), 1)


def _own_range(picture: np.ndarray) -> tuple[np.ndarray, Domain]:
    """A picture that is known but for a constant, normalised by its own range, and the domain with that range."""
    ends = picture.min(), picture.max()
    if ends[0] == ends[1]:
        raise InrError("all derivatives are 0: there is nothing but a constant to reconstruct")
    found = from_array(picture.astype(np.float32), kind="image", sampling="point").domain
    domain = replace(found, values=ValueMap((float(ends[0]),), (float(ends[1]),)))
    return domain.values.normalise(picture), domain


def _in_units(solution: np.ndarray, domain: Domain, level: Sequence[float] | None) -> np.ndarray:
    """A normalised picture of mean 0 in own units, with the mean that is known."""
    own = domain.values.restore(solution)
    return own if level is None else own + (np.asarray(level) - own.mean((0, 1)))


def _shown(sizes: np.ndarray, domain: Domain) -> np.ndarray:
    """Sizes of derivatives as a picture within the range of values, the largest hundredth cut off."""
    tones = np.minimum(sizes / max(float(np.quantile(sizes, 0.99)), 1e-12), 1)
    shown: np.ndarray = domain.values.restore(2 * tones - 1).astype(np.float32)
    return shown
