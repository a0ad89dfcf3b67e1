"""What all network kernels are made of: a tile of points at the first layer, in a product, and at the output.

Arrays are padded: `WIDTH` units a layer and plane, `OUTS` values, `FEATURES` inputs, the padding of weights being
zero, so that no tile needs a mask but for its points. Complex values are two real planes throughout.
"""

from typing import no_type_check

import triton
import triton.language as tl

from inr.engines._triton._maths import cos, sin

# sums of operands that are rounded to three parts are as good as float32's, and run on tensor cores
EXACT = tl.constexpr("tf32x3")

# Of arguments, numbers that are 1 or multiples of 16 and pointers that are aligned are compiled for; not these, or the
# first batch, of another size than what `prepare` runs, and the second part of it would wait for the compiler.
NUMBERS, POINTERS = ["n"], ["losses"]


@triton.jit
@no_type_check
def wave_phases(x, slopes, shifts, rows, ok, waves, DIM: tl.constexpr, WAVES: tl.constexpr):
    """Phases of Fourier features: slopes (DIM, WAVES) · coordinates + shifts (WAVES,), a tile of points and waves."""
    phases = tl.load(shifts + waves)[None, :] + tl.zeros((rows.shape[0], waves.shape[0]), tl.float32)
    for axis in tl.static_range(DIM):
        coordinate = tl.load(x + rows * DIM + axis, mask=ok, other=0.0)
        phases += coordinate[:, None] * tl.load(slopes + axis * WAVES + waves)[None, :]
    return phases


@triton.jit
@no_type_check
def first_layer(
    x, slopes, shifts, first, rows, ok, columns,
    INPUT: tl.constexpr, DIM: tl.constexpr, FEATURES: tl.constexpr, BLOCK_F: tl.constexpr,
):  # fmt: skip
    """Features times the first layer's weights (WIDTH, FEATURES), in float32, without the bias.

    `INPUT` says what x (n, DIM) holds: "few" features, a handful; "many"; or "waves", coordinates of which sines and
    then cosines are computed here and never stored.
    """
    z = tl.zeros((rows.shape[0], columns.shape[0]), tl.float32)
    if INPUT == "few":
        for feature in tl.static_range(DIM):
            value = tl.load(x + rows * DIM + feature, mask=ok, other=0.0)
            z += value[:, None] * tl.load(first + columns * FEATURES + feature)[None, :]
    elif INPUT == "many":
        for start in range(0, FEATURES, BLOCK_F):
            features = start + tl.arange(0, BLOCK_F)
            values = given_features(x, rows, ok, features, DIM)
            w = tl.load(first + columns[None, :] * FEATURES + features[:, None])
            z = tl.dot(values, w, z, input_precision=EXACT)
    else:
        WAVES: tl.constexpr = FEATURES // 2
        # Sines and cosines have a loop each: both in one take more tensor memory than GPUs of 10.0 have, by Triton 3.7.
        for start in range(0, WAVES, BLOCK_F):
            waves = start + tl.arange(0, BLOCK_F)
            phases = wave_phases(x, slopes, shifts, rows, ok, waves, DIM, WAVES)
            w = tl.load(first + columns[None, :] * FEATURES + waves[:, None])
            z = tl.dot(sin(phases), w, z, input_precision=EXACT)
        for start in range(0, WAVES, BLOCK_F):
            waves = start + tl.arange(0, BLOCK_F)
            phases = wave_phases(x, slopes, shifts, rows, ok, waves, DIM, WAVES)
            w = tl.load(first + columns[None, :] * FEATURES + WAVES + waves[:, None])
            z = tl.dot(cos(phases), w, z, input_precision=EXACT)
    return z


@triton.jit
@no_type_check
def given_features(x, rows, ok, features, DIM: tl.constexpr):
    """A tile of x (n, DIM), zero beyond its points and features."""
    mask = ok[:, None] & (features < DIM)[None, :]
    return tl.load(x + rows[:, None] * DIM + features[None, :], mask=mask, other=0.0)


@triton.jit
@no_type_check
def product(ha, hb, wa, wb, aa, ab, ba, bb, PLANES: tl.constexpr, PRECISION: tl.constexpr):
    """Adds the product of every plane of h with every plane of w to a sum of its own, float32; `planes` joins them.

    Operands thus need no sign, which would take them out of shared memory, and no sum goes through two products in a
    row, for which the compiler would divide tiles among warps in another way.
    """
    aa = tl.dot(ha, wa, aa, input_precision=PRECISION)
    if PLANES == 2:
        ab = tl.dot(ha, wb, ab, input_precision=PRECISION)
        ba = tl.dot(hb, wa, ba, input_precision=PRECISION)
        bb = tl.dot(hb, wb, bb, input_precision=PRECISION)
    return aa, ab, ba, bb


@triton.jit
@no_type_check
def planes(aa, ab, ba, bb, PLANES: tl.constexpr, BACK: tl.constexpr):
    """The planes of h w or, on the way back, of h conj(w), from the sums of `product`."""
    za, zb = aa, ba
    if PLANES == 2:
        za, zb = (aa + bb, ba - ab) if BACK else (aa - bb, ba + ab)
    return za, zb


@triton.jit
@no_type_check
def output_gradient(
    out, given, weights, added, loss_numbers, residuals, losses, gradients, rows, ok, scale,
    TASK: tl.constexpr, LOSS: tl.constexpr, WEIGHTS: tl.constexpr, ADDED: tl.constexpr,
    VALUES: tl.constexpr, OUTS: tl.constexpr,
):  # fmt: skip
    """The scaled gradient of a tile of outputs (points, OUTS); stored as well, for the weights' gradients.

    `TASK` "fit": `given` are targets, `residuals` (n, VALUES) and each program's sum of losses are stored; "backward":
    `given` are the gradients. `LOSS` gives the loss of a value and its slope; the squared error is None, and its
    targets hold what is `ADDED` to slopes. `WEIGHTS` is 0 (none), 1 (a sample) or 2 (a value).
    """
    columns = tl.arange(0, OUTS)
    mask = ok[:, None] & (columns < VALUES)[None, :]
    places = rows[:, None] * VALUES + columns[None, :]
    gradient = tl.load(given + places, mask=mask, other=0.0)
    if TASK == "fit" and LOSS is not None:
        error = tl.where(mask, out - gradient, 0.0)
        cost, gradient = LOSS(error, out, loss_numbers, columns)
        cost, gradient = tl.where(mask, cost, 0.0), tl.where(mask, gradient, 0.0)
        if ADDED:
            more = tl.load(added + places, mask=mask, other=0.0)
            cost += 2 * more * error
            gradient += 2 * more
            error += more
        tl.store(residuals + places, error, mask=mask)
        if WEIGHTS:
            weight = tl.load(weights + (rows[:, None] if WEIGHTS == 1 else places), mask=mask, other=0.0)
            cost *= weight
            gradient *= weight
        tl.store(losses + tl.program_id(0), tl.sum(cost))
    elif TASK == "fit":
        error = tl.where(mask, out - gradient, 0.0)
        tl.store(residuals + places, error, mask=mask)
        gradient = 2 * error
        if WEIGHTS == 1:
            gradient *= tl.load(weights + rows, mask=ok, other=0.0)[:, None]
        elif WEIGHTS == 2:
            gradient *= tl.load(weights + places, mask=mask, other=0.0)
        tl.store(losses + tl.program_id(0), 0.5 * tl.sum(error * gradient))
    gradient = (gradient * scale).to(gradients.dtype.element_ty)
    tl.store(gradients + rows[:, None] * OUTS + columns[None, :], gradient)
    return gradient


@triton.jit
@no_type_check
def put(array, places, area, va, vb, PLANES: tl.constexpr):
    """Store a tile's planes, in the array's own type."""
    tl.store(array + places, va.to(array.dtype.element_ty))
    if PLANES == 2:
        tl.store(array + area + places, vb.to(array.dtype.element_ty))


@triton.jit
@no_type_check
def activation_backward(
    BACKWARD: tl.constexpr, kept, h, places, area, ga, gb, at, KEPT: tl.constexpr, PLANES: tl.constexpr
):
    """Gradients of values to those of the affine layer's planes, which take the place of what was kept.

    They are also given back, as operands of the next product.
    """
    ka, va = tl.load(kept + places).to(tl.float32), tl.load(h + places).to(tl.float32)
    kb, vb = ka, va
    if KEPT == 2:
        kb = tl.load(kept + area + places).to(tl.float32)
    if PLANES == 2:
        vb = tl.load(h + area + places).to(tl.float32)
    da, db = BACKWARD(ka, kb, va, vb, ga, gb, at)
    da, db = da.to(kept.dtype.element_ty), db.to(kept.dtype.element_ty)
    put(kept, places, area, da, db, KEPT)
    return da, db
