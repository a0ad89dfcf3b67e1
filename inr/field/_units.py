"""A field as a function of positions in the signal's own units, as scipy's interpolators are."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from inr._errors import InrError
from inr.field import _calculus
from inr.signals import Domain

Orders = Sequence[int | np.integer] | int | None
Outside = Literal["error", "nan", "extrapolate"]
Space = Literal["axes", "scanner"]
_BLOCK = 16_384  # points evaluated at once


def evaluate(
    function: _calculus.Function,
    domain: Domain,
    points: Any,
    nu: Sequence[int],
    outside: Outside | str,
    like: Tensor,
) -> Any:
    """See `Field.at`.

    Args:
        function: normalised coordinates (n, d) to normalised values (n, c), in the dtype and on the device of `like`.
        domain: what both mean.
        points: (…, d), in own units.
        nu: order of the derivative by each axis.
        outside: what becomes of points beyond the domain.
        like: a tensor.
    """
    known = domain.meta.get("xarray", {}).get("coords", {})
    uneven = [axis.name for axis in domain.axes if axis.name in known and axis.unit == "samples"]
    if uneven:
        raise InrError(
            f"{', '.join(uneven)} of this field {'is' if len(uneven) == 1 else 'are'} unevenly spaced, which positions "
            "along axes do not know; inr.xarray.interp(field, ...) takes values of the coordinates by name"
        )
    given = points if isinstance(points, Tensor) else torch.from_numpy(_numbers(points))
    places = given.to(torch.float64)
    if domain.in_dim == 1 and (places.ndim < 2 or places.shape[-1] != 1):
        places = places[..., None]
    if places.ndim == 0 or places.shape[-1] != domain.in_dim:
        names = ", ".join(axis.name for axis in domain.axes)
        raise InrError(f"points must have shape (…, {domain.in_dim}), columns {names}, got {tuple(given.shape)}")
    flat = places.reshape(-1, domain.in_dim)
    inside = _inside(flat, domain, outside)
    coords = domain.coordinates(flat).to(like)
    if outside == "nan":
        coords = torch.where(inside[:, None].to(coords.device), coords, 0)
    # derivatives keep the graph of a block; values go through one, too, so that memory stays bounded
    blocks = [_calculus.derivative(function, block, nu) for block in coords.split(_BLOCK)]
    values = _in_units(torch.cat(blocks).to(given.device), domain, nu)
    if outside == "nan":
        values = values.masked_fill(~inside[:, None], math.nan)
    values = values.reshape(*places.shape[:-1], domain.channels)
    values = values if like.dtype == torch.float64 else values.float()
    return values if isinstance(points, Tensor) else values.numpy()


def in_scanner(
    at: Callable[..., Any], domain: Domain, points: Any, nu: Sequence[int], outside: Outside | str, space: Space | str
) -> Any:
    """`Field.at` for positions in the scanner's millimetres, by `at` for those along the axes.

    Raises:
        InrError: another space, a domain of no scanner, or derivatives of a higher order than 1.
    """
    if space != "scanner":
        raise InrError(f"space is axes or scanner, not {space!r}")
    if "affine" not in domain.meta or domain.in_dim < 3:
        raise InrError("only volumes that were read from NIfTI know their place in a scanner; leave out space")
    if sum(nu) > 1:
        raise InrError("in the scanner's space there are derivatives of first order, one at a time")
    matrix, shift = _from_scanner(domain)
    given = points if isinstance(points, Tensor) else _numbers(points)
    like = given.new_tensor if isinstance(given, Tensor) else np.asarray
    places = given @ like(matrix.T) + like(shift)
    if not any(nu):
        return at(places, outside=outside)
    slopes = matrix[:, list(nu).index(1)]  # of each axis along the scanner's
    steps = np.eye(domain.in_dim, dtype=int).tolist()
    return sum(
        slope * at(places, step, outside=outside) for slope, step in zip(slopes.tolist(), steps, strict=True) if slope
    )


def _from_scanner(domain: Domain) -> tuple[np.ndarray, np.ndarray]:
    """The affine map, (d, d) and (d,), from the scanner's millimetres (and time) to positions along the axes."""
    inverse = np.linalg.inv(np.array(domain.meta["affine"], np.float64))
    matrix, shift = np.eye(domain.in_dim), np.zeros(domain.in_dim)
    for row, axis in enumerate(domain.axes[:3]):
        step = (axis.high - axis.low) / (axis.size or 1)
        matrix[row, :3] = inverse[row, :3] * step
        shift[row] = axis.low + (inverse[row, 3] + 0.5) * step  # voxels count from their centres
    return matrix, shift


def check_orders(nu: Orders, in_dim: int) -> tuple[int, ...]:
    """The order of the derivative by each axis; none is the value itself.

    Raises:
        InrError: not one whole number of 0 or more for each axis.
    """
    if nu is None:
        return (0,) * in_dim
    orders = (nu,) if isinstance(nu, int) else tuple(nu)
    if len(orders) != in_dim or not all(isinstance(order, (int, np.integer)) and order >= 0 for order in orders):
        raise InrError(f"nu must be {in_dim} whole numbers of 0 or more, one for each axis, got {nu!r}")
    return tuple(int(order) for order in orders)


def grid_points(axes: Sequence[Any], domain: Domain) -> np.ndarray:
    """Positions of a grid in array order, float64 (n_last, …, n_x, d), from those along each axis, x first.

    Raises:
        InrError: another number of axes than the domain has, or one that is no row of numbers.
    """
    rows = [np.atleast_1d(_numbers(list(axis) if isinstance(axis, tuple) else axis)) for axis in axes]
    if len(rows) != domain.in_dim or any(row.ndim != 1 for row in rows):
        names = ", ".join(f"{axis.name}s" for axis in domain.axes)
        raise InrError(f"a grid takes one row of positions for each axis: {names}")
    return np.stack(np.meshgrid(*reversed(rows), indexing="ij")[::-1], axis=-1)


def _numbers(points: Any) -> np.ndarray:
    """An array of float64, of a tuple of coordinates with these side by side, as scipy has it."""
    try:
        if isinstance(points, tuple):
            return np.stack(np.broadcast_arrays(*(np.asarray(each, np.float64) for each in points)), axis=-1)
        return np.array(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InrError(f"points must be an array of numbers: {error}") from error


def _inside(flat: Tensor, domain: Domain, outside: Outside | str) -> Tensor:
    """Which points lie in the domain, bool (n,). Raises InrError for those that do not, where that is an error."""
    if outside not in ("error", "nan", "extrapolate"):
        raise InrError(f"outside is error, nan or extrapolate, not {outside!r}")
    low = flat.new_tensor([min(axis.low, axis.high) for axis in domain.axes])
    high = flat.new_tensor([max(axis.low, axis.high) for axis in domain.axes])
    within = (flat >= low) & (flat <= high)
    inside = within.all(dim=1)
    if outside == "error" and not bool(inside.all()):
        row = int(inside.int().argmin())
        column = int(within[row].int().argmin())
        axis = domain.axes[column]
        raise InrError(
            f"{axis.name} = {float(flat[row, column]):g} lies outside of the domain, {axis.low:g} to {axis.high:g} "
            f"{axis.unit}; outside='nan' or outside='extrapolate' takes it"
        )
    return inside


def _in_units(values: Tensor, domain: Domain, nu: Sequence[int]) -> Tensor:
    """Normalised values or derivatives (n, c) in own units of values and axes, float64."""
    if not any(nu):
        return domain.values.restore(values.double())
    spans = [axis.high - axis.low for axis in domain.axes]
    scale = math.prod((2 / span) ** order for span, order in zip(spans, nu, strict=True))
    halves = [(high - low) / 2 for low, high in zip(domain.values.low, domain.values.high, strict=True)]
    return values.double() * values.new_tensor(halves, dtype=torch.float64) * scale
