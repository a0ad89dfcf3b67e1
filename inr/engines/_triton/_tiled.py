"""Kernels of wide networks: a tile of points walks through all layers, its values in memory that stays in the caches.

Every layer is a product in blocks of columns, whose operands stream in; the barrier after it makes what some threads
of the program have stored visible to the others.
"""

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
def _affine(
    h, matrix, rows, columns, area,
    PLANES: tl.constexpr, WIDTH: tl.constexpr, BLOCK_K: tl.constexpr, PRECISION: tl.constexpr, BACK: tl.constexpr,
):  # fmt: skip
    """A block of columns of h W^T or, on the way back, of h conj(W): h (rows, WIDTH) lies in memory."""
    aa = tl.zeros((rows.shape[0], columns.shape[0]), tl.float32)
    ab, ba, bb = aa, aa, aa
    for start in range(0, WIDTH, BLOCK_K):
        ks = start + tl.arange(0, BLOCK_K)
        places = rows[:, None] * WIDTH + ks[None, :]
        entries = ks[:, None] * WIDTH + columns[None, :] if BACK else columns[None, :] * WIDTH + ks[:, None]
        ha, wa = tl.load(h + places), tl.load(matrix + entries)
        hb, wb = ha, wa
        if PLANES == 2:
            hb = tl.load(h + area + places)
            wb = tl.load(matrix + WIDTH * WIDTH + entries)
        aa, ab, ba, bb = product(ha, hb, wa, wb, aa, ab, ba, bb, PLANES, PRECISION)
    return planes(aa, ab, ba, bb, PLANES, BACK)


@triton.jit
@no_type_check
def _biased(za, zb, biases, columns, PLANES: tl.constexpr, WIDTH: tl.constexpr):
    """Planes with their bias."""
    za += tl.load(biases + columns)[None, :]
    if PLANES == 2:
        zb += tl.load(biases + WIDTH + columns)[None, :]
    return za, zb


@triton.jit
@no_type_check
def _outputs(
    h, last, last_bias, rows, area,
    PLANES: tl.constexpr, WIDTH: tl.constexpr, OUTS: tl.constexpr, BLOCK_K: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The last layer: (rows, OUTS)."""
    outs = tl.arange(0, OUTS)
    out = tl.zeros((rows.shape[0], OUTS), tl.float32)
    less = out
    for start in range(0, WIDTH, BLOCK_K):
        ks = start + tl.arange(0, BLOCK_K)
        places = rows[:, None] * WIDTH + ks[None, :]
        entries = outs[None, :] * WIDTH + ks[:, None]
        out = tl.dot(tl.load(h + places), tl.load(last + entries), out, input_precision=PRECISION)
        if PLANES == 2:
            w = tl.load(last + OUTS * WIDTH + entries)
            less = tl.dot(tl.load(h + area + places), w, less, input_precision=PRECISION)
    return out - less + tl.load(last_bias + outs)[None, :]


@triton.jit(do_not_specialize=NUMBERS)
@no_type_check
def render(
    x, slopes, shifts, first, matrices, last, biases, last_bias, constants, h, values, n, depth, area,
    FIRST_VALUE: tl.constexpr, VALUE: tl.constexpr, CONSTANTS: tl.constexpr,
    INPUT: tl.constexpr, DIM: tl.constexpr, FEATURES: tl.constexpr,
    PLANES: tl.constexpr, WIDTH: tl.constexpr, VALUES: tl.constexpr, OUTS: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_F: tl.constexpr,
):  # fmt: skip
    """Values (n, VALUES) of points; `h` (2, PLANES, points, WIDTH) is room for the layers, two at a time."""
    rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    ok = rows < n
    for block in range(0, WIDTH, BLOCK_N):
        columns = block + tl.arange(0, BLOCK_N)
        z = first_layer(x, slopes, shifts, first, rows, ok, columns, INPUT, DIM, FEATURES, BLOCK_F)
        z += tl.load(biases + columns)[None, :]
        va, vb = FIRST_VALUE(z, z, constants)
        put(h, rows[:, None] * WIDTH + columns[None, :], area, va, vb, PLANES)
    tl.debug_barrier()
    for layer in range(1, depth):
        source, into = h + ((layer - 1) % 2) * PLANES * area, h + (layer % 2) * PLANES * area
        matrix = matrices + (layer - 1) * PLANES * WIDTH * WIDTH
        for block in range(0, WIDTH, BLOCK_N):
            columns = block + tl.arange(0, BLOCK_N)
            za, zb = _affine(source, matrix, rows, columns, area, PLANES, WIDTH, BLOCK_K, PRECISION, False)
            za, zb = _biased(za, zb, biases + layer * PLANES * WIDTH, columns, PLANES, WIDTH)
            va, vb = VALUE(za, zb, constants + layer * CONSTANTS)
            put(into, rows[:, None] * WIDTH + columns[None, :], area, va, vb, PLANES)
        tl.debug_barrier()
    source = h + ((depth - 1) % 2) * PLANES * area
    out = _outputs(source, last, last_bias, rows, area, PLANES, WIDTH, OUTS, BLOCK_K, PRECISION)
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
    for block in range(0, WIDTH, BLOCK_N):
        columns = block + tl.arange(0, BLOCK_N)
        z = first_layer(x, slopes, shifts, first, rows, ok, columns, INPUT, DIM, FEATURES, BLOCK_F)
        z += tl.load(biases + columns)[None, :]
        va, vb, ka, kb = FIRST_LEARN(z, z, constants)
        places = rows[:, None] * WIDTH + columns[None, :]
        put(h, places, area, va, vb, PLANES)
        put(kept, places, area, ka, kb, 1)
    tl.debug_barrier()
    for layer in range(1, depth):
        matrix = matrices + (layer - 1) * PLANES * WIDTH * WIDTH
        source, into = h + (layer - 1) * PLANES * area, h + layer * PLANES * area
        for block in range(0, WIDTH, BLOCK_N):
            columns = block + tl.arange(0, BLOCK_N)
            za, zb = _affine(source, matrix, rows, columns, area, PLANES, WIDTH, BLOCK_K, PRECISION, False)
            za, zb = _biased(za, zb, biases + layer * PLANES * WIDTH, columns, PLANES, WIDTH)
            va, vb, ka, kb = LEARN(za, zb, constants + layer * CONSTANTS)
            places = rows[:, None] * WIDTH + columns[None, :]
            put(into, places, area, va, vb, PLANES)
            put(kept + layer * PLANES * area, places, area, ka, kb, PLANES)
        tl.debug_barrier()

    top = (depth - 1) * PLANES * area
    out = _outputs(h + top, last, last_bias, rows, area, PLANES, WIDTH, OUTS, BLOCK_K, PRECISION)
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
    outs = tl.arange(0, OUTS)
    for block in range(0, WIDTH, BLOCK_N):
        columns = block + tl.arange(0, BLOCK_N)
        entries = outs[:, None] * WIDTH + columns[None, :]
        ga = tl.dot(gradient, tl.load(last + entries), input_precision=PRECISION)
        gb = ga
        if PLANES == 2:
            gb = -tl.dot(gradient, tl.load(last + OUTS * WIDTH + entries), input_precision=PRECISION)
        places = rows[:, None] * WIDTH + columns[None, :]
        if depth == 1:
            activation_backward(FIRST_BACKWARD, kept, h, places, area, ga, gb, constants, 1, PLANES)
        else:
            activation_backward(
                BACKWARD, kept + top, h + top, places, area, ga, gb, constants + (depth - 1) * CONSTANTS, PLANES, PLANES
            )
    tl.debug_barrier()
    for step in range(1, depth):
        layer = depth - step  # whose gradients are there
        source, below = kept + layer * PLANES * area, (layer - 1) * PLANES * area
        matrix = matrices + (layer - 1) * PLANES * WIDTH * WIDTH
        for block in range(0, WIDTH, BLOCK_N):
            columns = block + tl.arange(0, BLOCK_N)
            ga, gb = _affine(source, matrix, rows, columns, area, PLANES, WIDTH, BLOCK_K, PRECISION, True)
            places = rows[:, None] * WIDTH + columns[None, :]
            if layer == 1:
                activation_backward(FIRST_BACKWARD, kept, h, places, area, ga, gb, constants, 1, PLANES)
            else:
                at = constants + (layer - 1) * CONSTANTS
                activation_backward(BACKWARD, kept + below, h + below, places, area, ga, gb, at, PLANES, PLANES)
        tl.debug_barrier()
    if OF_FEATURES:
        for block in range(0, FEATURES, BLOCK_F):
            features = block + tl.arange(0, BLOCK_F)
            total = tl.zeros((BLOCK_M, BLOCK_F), tl.float32)
            for start in range(0, WIDTH, BLOCK_K):
                ks = start + tl.arange(0, BLOCK_K)
                z = tl.load(kept + rows[:, None] * WIDTH + ks[None, :]).to(tl.float32)
                w = tl.load(first + ks[:, None] * FEATURES + features[None, :])
                total = tl.dot(z, w, total, input_precision=EXACT)
            mask = ok[:, None] & (features < DIM)[None, :]
            tl.store(feature_gradients + rows[:, None] * DIM + features[None, :], total * unscale, mask=mask)
