"""Grid encodings as Triton kernels: features of points, gradients of table and coordinates.

A program of the first two does a block of points in one level, and programs of a level are neighbours in the launch,
so that the level's rows stay in the L2 cache. A thread has a few points, goes through the corners of their cells one
by one, and reads or adds as many features of a row at once as the row's place in memory lets it; features are padded
to a power of two, of which nothing is read or written.

The geometry is that of `inr.encodings.Lattice`, to the bit: without `_AS_WRITTEN`, a compiler would fuse a product
and a sum into one rounding, which moves points that lie within a rounding of a cell's edge to the next cell. (Values
would hardly differ, as interpolation is continuous; slopes would.) Memory bounds these kernels, so it costs nothing.
"""

from typing import NamedTuple, no_type_check

import numpy as np
import torch
import triton
import triton.language as tl
from jaxtyping import Float, Int
from torch import Tensor

from inr.encodings import PRIMES, Level

_AS_WRITTEN = {"enable_fp_fusion": False}

# what is known of a level, in the order of the columns of `Levels.places`; the factors are one an axis
_LAST, _OFFSET, _MASK, _HASHED, _FACTORS, _COLUMNS = (tl.constexpr(column) for column in (0, 1, 2, 3, 4, 8))

_TILE = 512  # numbers in a tile (points, features): 4 a thread
_WARPS = 4
_NUMBERS = ["n"]  # of points: kernels are not compiled anew for 1 of them, or for multiples of 16
_SUM_BITS = 61  # what sums of integers may use, of 63: the products that are summed may exceed the bound by roundings
_MIN_EXPONENT = -60  # keeps units and their reciprocals normal numbers of float32


class Levels(NamedTuple):
    """The levels of a grid, as kernels take them, on one device.

    Attributes:
        scales: s_l, float32.
        places: int32 columns: last vertex of an axis; first row; mask of a row's number within the level; whether
            hashed; and 4 factors, of which the row is the sum or, where hashed, the exclusive or of vertex x factor.
        entries: rows, int64.
    """

    scales: Float[Tensor, " levels"]
    places: Int[Tensor, "levels 8"]
    entries: Int[Tensor, " levels"]


def levels_on(levels: tuple[Level, ...], device: torch.device) -> Levels:
    """The levels on a device; to be kept, as copying them there makes it wait."""
    places = np.zeros((len(levels), _COLUMNS.value), np.uint32)  # a number modulo 2^32 is the same, signed or not
    for row, level in zip(places, levels, strict=True):
        dense = [level.resolution**axis % 2**32 for axis in range(len(PRIMES))]
        row[_LAST.value], row[_OFFSET.value] = level.resolution - 1, level.offset
        row[_MASK.value] = level.entries - 1 if level.hashed else 2**32 - 1
        row[_HASHED.value] = level.hashed
        row[_FACTORS.value :] = PRIMES if level.hashed else dense
    return Levels(
        torch.tensor([level.scale for level in levels], dtype=torch.float32, device=device),
        torch.from_numpy(places.view(np.int32)).to(device),
        torch.tensor([level.entries for level in levels], dtype=torch.int64, device=device),
    )


@triton.jit
@no_type_check
def _unit(coords, points, inside, AXIS: tl.constexpr, DIM: tl.constexpr):
    x = tl.load(coords + points * DIM + (AXIS if AXIS < DIM else DIM - 1), mask=inside, other=0.0)
    return tl.where(x < -1, -1.0, tl.where(x > 1, 1.0, x)) * 0.5 + 0.5  # what is not a number stays that


@triton.jit
@no_type_check
def unit_coords(coords, points, inside, DIM: tl.constexpr):
    """Coordinates from [-1, 1] to [0, 1], of axis after axis; the last one is repeated to make four."""
    first, second = _unit(coords, points, inside, 0, DIM), _unit(coords, points, inside, 1, DIM)
    third, fourth = _unit(coords, points, inside, 2, DIM), _unit(coords, points, inside, 3, DIM)
    return first, second, third, fourth


@triton.jit
@no_type_check
def _cell(AXIS: tl.constexpr, u0, u1, u2, u3, scale):
    """The cells in which points lie on an axis, and where in them, from 0 to 1."""
    unit = u0 if AXIS == 0 else (u1 if AXIS == 1 else (u2 if AXIS == 2 else u3))
    position = scale * unit + 0.5
    cell = tl.floor(position)
    return cell, position - cell


@triton.jit
@no_type_check
def corner_row(CORNER: tl.constexpr, u0, u1, u2, u3, scale, place, DIM: tl.constexpr):
    """Rows of one corner of the points' cells: bit i of its number says which end of axis i it lies at.

    `scale` and `place` are the level's in `Levels`, u0 to u3 what `unit_coords` gives.
    """
    last, hashed = tl.load(place + _LAST), tl.load(place + _HASHED) != 0
    row = tl.zeros_like(u0).to(tl.uint32)
    for axis in tl.static_range(DIM):
        cell, _ = _cell(axis, u0, u1, u2, u3, scale)
        low = tl.where(cell > 0, cell, 0.0).to(tl.int32)  # 0 as well where a coordinate is not a number
        end = tl.minimum(low + ((CORNER >> axis) & 1), last).to(tl.uint32)
        product = end * tl.load(place + _FACTORS + axis).to(tl.uint32, bitcast=True)
        row = tl.where(hashed, row ^ product, row + product)
    row &= tl.load(place + _MASK).to(tl.uint32, bitcast=True)
    return row.to(tl.int32, bitcast=True) + tl.load(place + _OFFSET)


@triton.jit
@no_type_check
def corner_weight(
    CORNER: tl.constexpr, WITHOUT: tl.constexpr, u0, u1, u2, u3, scale, DIM: tl.constexpr, SMOOTHNESS: tl.constexpr
):
    """Weights of one corner of the points' cells, as far as they come from other axes than `WITHOUT`."""
    weight = tl.zeros_like(u0) + 1
    for axis in tl.static_range(DIM):
        if axis != WITHOUT:
            _, part = _cell(axis, u0, u1, u2, u3, scale)
            if SMOOTHNESS == 1:
                part = part * part * (3 - 2 * part)
            if SMOOTHNESS == 2:
                part = part * part * part * (10 + part * (6 * part - 15))
            weight *= part if (CORNER >> axis) & 1 else 1 - part
    return weight


@triton.jit
@no_type_check
def _corner_slope(
    CORNER: tl.constexpr, ALONG: tl.constexpr, u0, u1, u2, u3, scale, DIM: tl.constexpr, SMOOTHNESS: tl.constexpr
):
    """Derivatives of the corner's weights along an axis."""
    slope = corner_weight(CORNER, ALONG, u0, u1, u2, u3, scale, DIM, SMOOTHNESS) * (scale * 0.5)
    if SMOOTHNESS:
        _, part = _cell(ALONG, u0, u1, u2, u3, scale)
        rest = part * (1 - part)
        slope *= 6 * rest if SMOOTHNESS == 1 else 30 * rest * rest
    return slope if (CORNER >> ALONG) & 1 else -slope


@triton.jit(do_not_specialize=_NUMBERS)
@no_type_check
def _encode(
    coords, table, scales, places, out, n, stride,
    DIM: tl.constexpr, FEATURES: tl.constexpr, WIDTH: tl.constexpr, SMOOTHNESS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    level = tl.program_id(1)
    points = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside, feature = points < n, tl.arange(0, WIDTH)
    wanted = inside[:, None] & (feature < FEATURES)[None, :]
    u0, u1, u2, u3 = unit_coords(coords, points, inside, DIM)
    scale, place = tl.load(scales + level), places + level * _COLUMNS
    total = tl.zeros((BLOCK, WIDTH), tl.float32)
    for corner in tl.static_range(2**DIM):
        row = corner_row(corner, u0, u1, u2, u3, scale, place, DIM)
        weight = corner_weight(corner, -1, u0, u1, u2, u3, scale, DIM, SMOOTHNESS)
        values = tl.load(table + row[:, None] * FEATURES + feature[None, :], mask=wanted, other=0.0)
        total += weight[:, None] * values
    tl.store(out + points[:, None] * stride + level * FEATURES + feature[None, :], total, mask=wanted)


@triton.jit(do_not_specialize=_NUMBERS)
@no_type_check
def _scatter(
    coords, given, scales, places, units, sums, n, stride,
    DIM: tl.constexpr, FEATURES: tl.constexpr, WIDTH: tl.constexpr, SMOOTHNESS: tl.constexpr, WHOLE: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    level = tl.program_id(1)
    points = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside, feature = points < n, tl.arange(0, WIDTH)
    wanted = inside[:, None] & (feature < FEATURES)[None, :]
    u0, u1, u2, u3 = unit_coords(coords, points, inside, DIM)
    scale, place = tl.load(scales + level), places + level * _COLUMNS
    grad = tl.load(given + points[:, None] * stride + level * FEATURES + feature[None, :], mask=wanted, other=0.0)
    for corner in tl.static_range(2**DIM):
        row = corner_row(corner, u0, u1, u2, u3, scale, place, DIM)
        weight = corner_weight(corner, -1, u0, u1, u2, u3, scale, DIM, SMOOTHNESS)
        amounts = weight[:, None] * grad
        if WHOLE:
            amounts *= tl.load(units + level)
            amounts = tl.where(amounts == amounts, amounts, 0.0).to(tl.int64)
        tl.atomic_add(sums + row[:, None] * FEATURES + feature[None, :], amounts, mask=wanted, sem="relaxed")


@triton.jit(do_not_specialize=_NUMBERS)
@no_type_check
def _scatter_coords(
    coords, table, given, scales, places, grads, n, stride, levels,
    DIM: tl.constexpr, FEATURES: tl.constexpr, WIDTH: tl.constexpr, SMOOTHNESS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    points = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside, feature = points < n, tl.arange(0, WIDTH)
    wanted = inside[:, None] & (feature < FEATURES)[None, :]
    u0, u1, u2, u3 = unit_coords(coords, points, inside, DIM)
    g0 = tl.zeros((BLOCK,), tl.float32)
    g1, g2, g3 = g0, g0, g0  # what no axis needs the compiler drops
    for level in range(levels):
        scale, place = tl.load(scales + level), places + level * _COLUMNS
        grad = tl.load(given + points[:, None] * stride + level * FEATURES + feature[None, :], mask=wanted, other=0.0)
        for corner in tl.static_range(2**DIM):
            row = corner_row(corner, u0, u1, u2, u3, scale, place, DIM)
            values = tl.load(table + row[:, None] * FEATURES + feature[None, :], mask=wanted, other=0.0)
            dot = tl.sum(values * grad, 1)
            g0 += dot * _corner_slope(corner, 0, u0, u1, u2, u3, scale, DIM, SMOOTHNESS)
            g1 += dot * _corner_slope(corner, 1, u0, u1, u2, u3, scale, DIM, SMOOTHNESS)
            g2 += dot * _corner_slope(corner, 2, u0, u1, u2, u3, scale, DIM, SMOOTHNESS)
            g3 += dot * _corner_slope(corner, 3, u0, u1, u2, u3, scale, DIM, SMOOTHNESS)
    for axis in tl.static_range(DIM):
        at = points * DIM + axis
        x = tl.load(coords + at, mask=inside, other=0.0)
        total = g0 if axis == 0 else (g1 if axis == 1 else (g2 if axis == 2 else g3))
        tl.store(grads + at, tl.where((x >= -1) & (x <= 1), total, 0.0), mask=inside)


def encode(
    coords: Float[Tensor, "n d"],
    table: Float[Tensor, "entries features"],
    levels: Levels,
    smoothness: int,
    out: Float[Tensor, "n out"],
) -> None:
    """Write the interpolated features of points, level after level.

    Args:
        coords: float32, contiguous, 1 to 4 axes.
        table: float32, contiguous, all levels' rows, 1 to 16 features.
        smoothness: of the weights: 0 linear, 1 smoothstep, 2 quintic.
        out: float32, levels x features columns; rows may lie apart, columns not.
    """
    tile, grid = _tiles(coords, table.shape[1], levels)
    with torch.cuda.device_of(coords):
        _encode[grid](
            coords, table, levels.scales, levels.places, out, len(coords), out.stride(0),
            SMOOTHNESS=smoothness, **tile, **_AS_WRITTEN, num_warps=_WARPS,
        )  # fmt: skip


def scatter(
    coords: Float[Tensor, "n d"],
    grad: Float[Tensor, "n out"],
    levels: Levels,
    smoothness: int,
    table_grad: Float[Tensor, "entries features"],
    deterministic: bool,
) -> None:
    """Add the gradient of the table.

    Args:
        coords: as in `encode`.
        grad: the gradient of the features, as `out` in `encode`.
        table_grad: float32, contiguous.
        deterministic: whether to give the same bits in every run, and in any order of the points. Takes up to 16
            bytes more for each number of the table. What is added is cut to multiples of max|grad| n / 2^59 or
            less, with the level's maximum; a gradient that is not finite makes all of its level not a number, and
            where a coordinate is not a number nothing is added.
    """
    tile, grid = _tiles(coords, table_grad.shape[1], levels)
    if not len(coords):
        return
    # Sums of integers are the same in any order, and unlike sums over sorted rows need no memory for each corner of
    # each point. A level has its own unit, a power of two, so that products are exact and small levels keep their bits.
    units = _units(grad, len(levels.scales)) if deterministic else levels.scales
    sums = torch.zeros_like(table_grad, dtype=torch.int64) if deterministic else table_grad
    with torch.cuda.device_of(coords):
        _scatter[grid](
            coords, grad, levels.scales, levels.places, units, sums, len(coords), grad.stride(0),
            SMOOTHNESS=smoothness, WHOLE=deterministic, **tile, **_AS_WRITTEN, num_warps=_WARPS,
        )  # fmt: skip
    if deterministic:
        table_grad += sums / units.repeat_interleave(levels.entries, output_size=len(sums))[:, None]


def scatter_coords(
    coords: Float[Tensor, "n d"],
    table: Float[Tensor, "entries features"],
    grad: Float[Tensor, "n out"],
    levels: Levels,
    smoothness: int,
    coords_grad: Float[Tensor, "n d"],
) -> None:
    """Write the gradient of the coordinates; 0 where they lie beyond [-1, 1]. The same bits in every run.

    Args:
        coords, table, levels, smoothness: as in `encode`.
        grad: the gradient of the features, as `out` in `encode`.
        coords_grad: float32, contiguous.
    """
    tile, (blocks, _) = _tiles(coords, table.shape[1], levels)
    with torch.cuda.device_of(coords):
        _scatter_coords[(blocks,)](
            coords, table, grad, levels.scales, levels.places, coords_grad, len(coords), grad.stride(0),
            len(levels.scales), SMOOTHNESS=smoothness, **tile, **_AS_WRITTEN, num_warps=_WARPS,
        )  # fmt: skip


def _tiles(coords: Tensor, features: int, levels: Levels) -> tuple[dict[str, int], tuple[int, int]]:
    """What kernels are compiled for, and programs: blocks of points, levels."""
    in_dim, width = coords.shape[1], 1 << (features - 1).bit_length()
    block = _TILE // width
    tile = {"DIM": in_dim, "FEATURES": features, "WIDTH": width, "BLOCK": block}
    return tile, (triton.cdiv(len(coords), block), len(levels.scales))


def _units(grad: Tensor, levels: int) -> Tensor:
    """A power of two for each level, by which gradients become integers whose sum cannot overflow; or not a number."""
    peaks = torch.linalg.vector_norm(grad.unflatten(1, (levels, -1)), torch.inf, dim=(0, 2))
    exponents = ((peaks.view(torch.int32) >> 23) - 126).clamp(min=_MIN_EXPONENT)  # a peak is below 2^exponent
    bits = _SUM_BITS - (len(grad) - 1).bit_length()
    units = ((bits - exponents + 127) << 23).to(torch.int32).view(torch.float32)
    return torch.where(peaks.isfinite(), units, torch.nan)
