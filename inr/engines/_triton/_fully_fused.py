"""Kernels of narrow networks: a tile of points stays in registers through all layers, and only weights stream in."""

from typing import no_type_check

import triton
import triton.language as tl

from inr.engines._triton._tiles import (
    EXACT,
    NUMBERS,
    POINTERS,
    activation_backward,
    first_layer,
    output_gradient,
    planes,
    product,
    put,
)


@triton.jit
@no_type_check
def _weights(matrix, units, PLANES: tl.constexpr, WIDTH: tl.constexpr, BACK: tl.constexpr):
    """W^T of a layer or, on the way back, W: a tile a plane."""
    entries = units[:, None] * WIDTH + units[None, :] if BACK else units[None, :] * WIDTH + units[:, None]
    wa = tl.load(matrix + entries)
    wb = wa
    if PLANES == 2:
        wb = tl.load(matrix + WIDTH * WIDTH + entries)
    return wa, wb


@triton.jit
@no_type_check
def _first(
    x, slopes, shifts, first, biases, rows, ok, units,
    INPUT: tl.constexpr, DIM: tl.constexpr, FEATURES: tl.constexpr, BLOCK_F: tl.constexpr,
):  # fmt: skip
    z = first_layer(x, slopes, shifts, first, rows, ok, units, INPUT, DIM, FEATURES, BLOCK_F)
    return z + tl.load(biases + units)[None, :]


@triton.jit
@no_type_check
def _hidden(
    ha, hb, matrix, bias, units, PLANES: tl.constexpr, WIDTH: tl.constexpr, PRECISION: tl.constexpr
):  # fmt: skip
    """The affine map of a layer."""
    wa, wb = _weights(matrix, units, PLANES, WIDTH, False)
    za = tl.zeros((ha.shape[0], WIDTH), tl.float32) + tl.load(bias + units)[None, :]
    zb = za
    if PLANES == 2:
        zb = tl.zeros((ha.shape[0], WIDTH), tl.float32) + tl.load(bias + WIDTH + units)[None, :]
    zero = tl.zeros((ha.shape[0], WIDTH), tl.float32)
    aa, ab, ba, bb = product(ha, hb, wa, wb, za, zero, zb, zero, PLANES, PRECISION)
    return planes(aa, ab, ba, bb, PLANES, False)


@triton.jit
@no_type_check
def _outputs(
    ha, hb, last, last_bias, units, PLANES: tl.constexpr, WIDTH: tl.constexpr, OUTS: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """The last layer: (points, OUTS)."""
    outs = tl.arange(0, OUTS)
    entries = outs[None, :] * WIDTH + units[:, None]
    out = tl.zeros((ha.shape[0], OUTS), tl.float32) + tl.load(last_bias + outs)[None, :]
    out = tl.dot(ha, tl.load(last + entries), out, input_precision=PRECISION)
    if PLANES == 2:
        out -= tl.dot(hb, tl.load(last + OUTS * WIDTH + entries), input_precision=PRECISION)
    return out


@triton.jit(do_not_specialize=NUMBERS)
@no_type_check
def render(
    x, slopes, shifts, first, matrices, last, biases, last_bias, constants, h, values, n, depth, area,
    FIRST_VALUE: tl.constexpr, VALUE: tl.constexpr, CONSTANTS: tl.constexpr,
    INPUT: tl.constexpr, DIM: tl.constexpr, FEATURES: tl.constexpr,
    PLANES: tl.constexpr, WIDTH: tl.constexpr, VALUES: tl.constexpr, OUTS: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_F: tl.constexpr,
):  # fmt: skip
    """Values (n, VALUES) of points; `h` and what it is divided by are for networks that do not fit in registers."""
    rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    ok = rows < n
    units = tl.arange(0, WIDTH)
    z = _first(x, slopes, shifts, first, biases, rows, ok, units, INPUT, DIM, FEATURES, BLOCK_F)
    va, vb = FIRST_VALUE(z, z, constants)
    ha, hb = va.to(matrices.dtype.element_ty), vb.to(matrices.dtype.element_ty)
    for layer in range(1, depth):
        matrix = matrices + (layer - 1) * PLANES * WIDTH * WIDTH
        bias = biases + layer * PLANES * WIDTH
        za, zb = _hidden(ha, hb, matrix, bias, units, PLANES, WIDTH, PRECISION)
        va, vb = VALUE(za, zb, constants + layer * CONSTANTS)
        ha, hb = va.to(matrices.dtype.element_ty), vb.to(matrices.dtype.element_ty)
    out = _outputs(ha, hb, last, last_bias, units, PLANES, WIDTH, OUTS, PRECISION)
    outs = tl.arange(0, OUTS)
    tl.store(values + rows[:, None] * VALUES + outs[None, :], out, mask=ok[:, None] & (outs < VALUES)[None, :])


@triton.jit(do_not_specialize=NUMBERS, do_not_specialize_on_alignment=POINTERS)
@no_type_check
def learn(
    x, slopes, shifts, first, matrices, last, biases, last_bias, constants, h, kept,
    given, weights, added, loss_numbers, residuals, losses, gradients, feature_gradients, n, depth, area,
    scale, unscale,
    FIRST_LEARN: tl.constexpr, FIRST_BACKWARD: tl.constexpr, LEARN: tl.constexpr, BACKWARD: tl.constexpr,
    CONSTANTS: tl.constexpr, TASK: tl.constexpr, LOSS: tl.constexpr, WEIGHTS: tl.constexpr, ADDED: tl.constexpr,
    OF_FEATURES: tl.constexpr,
    INPUT: tl.constexpr, DIM: tl.constexpr, FEATURES: tl.constexpr,
    PLANES: tl.constexpr, WIDTH: tl.constexpr, VALUES: tl.constexpr, OUTS: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_F: tl.constexpr,
):  # fmt: skip
    """Forward and back. `h` and `kept` (depth, PLANES, points, WIDTH) come to hold what the weights' gradients need.

    `h` the values of every layer; `kept` first what the way back needs of the activations, then in its place the
    gradients of what the affine layers gave.
    """
    rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    ok = rows < n
    units = tl.arange(0, WIDTH)
    places = rows[:, None] * WIDTH + units[None, :]
    operand = matrices.dtype.element_ty
    z = _first(x, slopes, shifts, first, biases, rows, ok, units, INPUT, DIM, FEATURES, BLOCK_F)
    va, vb, ka, kb = FIRST_LEARN(z, z, constants)
    ha, hb = va.to(operand), vb.to(operand)
    put(h, places, area, ha, hb, PLANES)
    put(kept, places, area, ka, kb, 1)
    for layer in range(1, depth):
        matrix = matrices + (layer - 1) * PLANES * WIDTH * WIDTH
        bias = biases + layer * PLANES * WIDTH
        za, zb = _hidden(ha, hb, matrix, bias, units, PLANES, WIDTH, PRECISION)
        va, vb, ka, kb = LEARN(za, zb, constants + layer * CONSTANTS)
        ha, hb = va.to(operand), vb.to(operand)
        put(h + layer * PLANES * area, places, area, ha, hb, PLANES)
        put(kept + layer * PLANES * area, places, area, ka, kb, PLANES)

    out = _outputs(ha, hb, last, last_bias, units, PLANES, WIDTH, OUTS, PRECISION)
    gradient = output_gradient(
        out,
        given,
        weights,
        added,
        loss_numbers,
        residuals,
        losses,
        gradients,
        rows,
        ok,
        scale,
        TASK,
        LOSS,
        WEIGHTS,
        ADDED,
        VALUES,
        OUTS,
    )
    tl.debug_barrier()  # what is read on the way back may have been stored by other threads
    entries = tl.arange(0, OUTS)[:, None] * WIDTH + units[None, :]
    ga = tl.dot(gradient, tl.load(last + entries), input_precision=PRECISION)
    gb = ga
    if PLANES == 2:
        gb = -tl.dot(gradient, tl.load(last + OUTS * WIDTH + entries), input_precision=PRECISION)
    for step in range(1, depth):
        layer = depth - step
        at, below = constants + layer * CONSTANTS, layer * PLANES * area
        da, db = activation_backward(BACKWARD, kept + below, h + below, places, area, ga, gb, at, PLANES, PLANES)
        wa, wb = _weights(matrices + (layer - 1) * PLANES * WIDTH * WIDTH, units, PLANES, WIDTH, True)
        zero = tl.zeros((BLOCK_M, WIDTH), tl.float32)
        aa, ab, ba, bb = product(da, db, wa, wb, zero, zero, zero, zero, PLANES, PRECISION)
        ga, gb = planes(aa, ab, ba, bb, PLANES, True)
    da, db = activation_backward(FIRST_BACKWARD, kept, h, places, area, ga, gb, constants, 1, PLANES)
    if OF_FEATURES:
        for block in range(0, FEATURES, BLOCK_F):
            features = block + tl.arange(0, BLOCK_F)
            w = tl.load(first + units[:, None] * FEATURES + features[None, :])
            total = tl.dot(da.to(tl.float32), w, input_precision=EXACT)
            mask = ok[:, None] & (features < DIM)[None, :]
            tl.store(feature_gradients + rows[:, None] * DIM + features[None, :], total * unscale, mask=mask)
