"""Kernels of the weights' gradients: products over the points, in as many parts as fill the machine.

Every part adds up its own points in a place of its own, and parts are added in order afterwards: the same numbers give
the same bits, which atomic sums do not.
"""

from typing import no_type_check

import triton
import triton.language as tl

from inr.engines._triton._maths import cos, sin
from inr.engines._triton._tiles import EXACT, NUMBERS, given_features, planes, product, wave_phases


@triton.jit
@no_type_check
def _add(place, value):
    """Add to what chunks of points before this one have given."""
    tl.store(place, tl.load(place) + value)


@triton.jit
@no_type_check
def hidden(
    kept, h, parts, bias_parts, points, part_size, stride, area,
    PLANES: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr, BELOW: tl.constexpr, LAYER_STRIDE: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK_R: tl.constexpr, BLOCK_O: tl.constexpr, BLOCK_I: tl.constexpr,
):  # fmt: skip
    """dz^H h, and the sum of dz, of layers whose inputs are values of a hidden layer.

    Program (tile of outputs x inputs, layer, part): `kept` holds dz (…, points, ROWS), `h` the layers' inputs
    (…, points, WIDTH). `ROWS` outputs a plane; a last layer (`BELOW` 0) has only a real plane of outputs.
    """
    tiles = tl.cdiv(WIDTH, BLOCK_I)
    outs = (tl.program_id(0) // tiles) * BLOCK_O + tl.arange(0, BLOCK_O)
    ins = (tl.program_id(0) % tiles) * BLOCK_I + tl.arange(0, BLOCK_I)
    layer, part = tl.program_id(1), tl.program_id(2)
    z = kept + (layer + 1) * PLANES * area if BELOW else kept
    source = h + layer * PLANES * area
    aa = tl.zeros((BLOCK_O, BLOCK_I), tl.float32)
    ab, ba, bb = aa, aa, aa
    sum_a = tl.zeros((BLOCK_O,), tl.float32)
    sum_b = sum_a
    first = part * part_size
    for start in range(first, min(first + part_size, points), BLOCK_R):
        rows = start + tl.arange(0, BLOCK_R)
        at_z = rows[None, :] * ROWS + outs[:, None]
        at_h = rows[:, None] * WIDTH + ins[None, :]
        da, ha = tl.load(z + at_z), tl.load(source + at_h)
        sum_a += tl.sum(da.to(tl.float32), 1)
        if PLANES == 2 and BELOW:
            db, hb = tl.load(z + area + at_z), tl.load(source + area + at_h)
            sum_b += tl.sum(db.to(tl.float32), 1)
            aa, ab, ba, bb = product(da, db, ha, hb, aa, ab, ba, bb, 2, PRECISION)
        else:
            aa = tl.dot(da, ha, aa, input_precision=PRECISION)
            if PLANES == 2:
                ab = tl.dot(da, tl.load(source + area + at_h), ab, input_precision=PRECISION)
    ga, gb = planes(aa, ab, ba, bb, PLANES, True)
    place = parts + part * stride + layer * LAYER_STRIDE + outs[:, None] * WIDTH + ins[None, :]
    _add(place, ga)
    if PLANES == 2:
        _add(place + ROWS * WIDTH, gb)
    if tl.program_id(0) % tiles == 0:
        bias = bias_parts + part * stride + layer * PLANES * ROWS + outs
        _add(bias, sum_a)
        if PLANES == 2 and BELOW:
            _add(bias + ROWS, sum_b)


@triton.jit(do_not_specialize=NUMBERS)
@no_type_check
def first(
    x, slopes, shifts, kept, parts, bias_parts, n, points, part_size, stride,
    INPUT: tl.constexpr, DIM: tl.constexpr, FEATURES: tl.constexpr, WIDTH: tl.constexpr,
    BLOCK_R: tl.constexpr, BLOCK_O: tl.constexpr, BLOCK_F: tl.constexpr,
):  # fmt: skip
    """dz^T times the features of the first layer, in float32, and the sum of dz. Program (outputs, inputs, part)."""
    outs = tl.program_id(0) * BLOCK_O + tl.arange(0, BLOCK_O)
    block, part = tl.program_id(1), tl.program_id(2)
    features = block * BLOCK_F + tl.arange(0, BLOCK_F)
    total = tl.zeros((BLOCK_O, BLOCK_F), tl.float32)
    sums = tl.zeros((BLOCK_O,), tl.float32)
    begin = part * part_size
    for start in range(begin, min(begin + part_size, points), BLOCK_R):
        rows = start + tl.arange(0, BLOCK_R)
        z = tl.load(kept + rows[None, :] * WIDTH + outs[:, None]).to(tl.float32)
        sums += tl.sum(z, 1)
        if INPUT == "waves":
            WAVES: tl.constexpr = FEATURES // 2
            phases = wave_phases(x, slopes, shifts, rows, rows < n, features % WAVES, DIM, WAVES)
            values = sin(phases) if block * BLOCK_F < WAVES else cos(phases)
        else:
            values = given_features(x, rows, rows < n, features, DIM)
        total = tl.dot(z, values, total, input_precision=EXACT)
    place = parts + part * stride + outs[:, None] * FEATURES + features[None, :]
    _add(place, total)
    if block == 0:
        _add(bias_parts + part * stride + outs, sums)
