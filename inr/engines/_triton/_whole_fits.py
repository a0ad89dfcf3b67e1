"""Kernels of whole fits: a program takes all steps of one small field, whose weights never leave the chip meanwhile.

Triton has no shared memory to ask for by name. Weights are tensors that the loop over steps carries from one to the
next, in the program's registers; as operands of products they lie in shared memory for all tiles of a step, where
Triton puts them by itself. Adam's moments, of which a step reads and writes each once, are not worth registers, which
are short: they pass through the caches, as do samples, features and a step's factors.

Arrays are padded: `WIDTH` units a layer of which `UNITS` are real, `OUTS` values of which `VALUES` are, `FEATURES`
inputs of which `DIM` are. Padded units are held at 0, so that neither gradients nor moves reach the weights beside
them, and what is padded stays 0.
"""

from typing import no_type_check

import triton
import triton.language as tl

from inr.engines._triton._tiles import EXACT, given_features
from inr.jit import GOLDEN_STEP

# how a fit ended; below 0 it has not
UNFINISHED, STEPS, TARGET, DIVERGED = -1, 0, 1, 2
_UNFINISHED, _STEPS, _TARGET, _DIVERGED = map(tl.constexpr, (UNFINISHED, STEPS, TARGET, DIVERGED))
_GOLDEN = tl.constexpr(int(GOLDEN_STEP))

# Numbers that differ from launch to launch: what is compiled, and thus a field's bits, must not depend on them.
_NUMBERS = ["until", "steps", "batch", "best_every", "check_every"]


@triton.jit
@no_type_check
def _matrix(layer: tl.constexpr, DEPTH: tl.constexpr, WIDTH: tl.constexpr, FEATURES: tl.constexpr, OUTS: tl.constexpr):
    """Where the entries (out, in) of a layer's matrix lie in a field's row of numbers; the last layer is DEPTH."""
    rows = tl.arange(0, OUTS if layer == DEPTH else WIDTH)
    columns = tl.arange(0, FEATURES if layer == 0 else WIDTH)
    start = 0 if layer == 0 else WIDTH * FEATURES + (layer - 1) * WIDTH * WIDTH
    return start + rows[:, None] * (FEATURES if layer == 0 else WIDTH) + columns[None, :]


@triton.jit
@no_type_check
def _bias(layer: tl.constexpr, DEPTH: tl.constexpr, WIDTH: tl.constexpr, FEATURES: tl.constexpr, OUTS: tl.constexpr):
    """Where a layer's biases lie in a field's row of numbers."""
    start = WIDTH * FEATURES + (DEPTH - 1) * WIDTH * WIDTH + OUTS * WIDTH + layer * WIDTH
    return start + tl.arange(0, OUTS if layer == DEPTH else WIDTH)


@triton.jit
@no_type_check
def _load(at, DEPTH: tl.constexpr, WIDTH: tl.constexpr, FEATURES: tl.constexpr, OUTS: tl.constexpr):
    """The matrices of all layers."""
    matrices = ()
    for layer in tl.static_range(DEPTH + 1):
        matrices = matrices + (tl.load(at + _matrix(layer, DEPTH, WIDTH, FEATURES, OUTS)),)
    return matrices


@triton.jit
@no_type_check
def _load_biases(at, DEPTH: tl.constexpr, WIDTH: tl.constexpr, FEATURES: tl.constexpr, OUTS: tl.constexpr):
    biases = ()
    for layer in tl.static_range(DEPTH + 1):
        biases = biases + (tl.load(at + _bias(layer, DEPTH, WIDTH, FEATURES, OUTS)),)
    return biases


@triton.jit
@no_type_check
def _store(at, matrices, DEPTH: tl.constexpr, WIDTH: tl.constexpr, FEATURES: tl.constexpr, OUTS: tl.constexpr):
    for layer in tl.static_range(DEPTH + 1):
        tl.store(at + _matrix(layer, DEPTH, WIDTH, FEATURES, OUTS), matrices[layer])


@triton.jit
@no_type_check
def _store_biases(at, biases, DEPTH: tl.constexpr, WIDTH: tl.constexpr, FEATURES: tl.constexpr, OUTS: tl.constexpr):
    for layer in tl.static_range(DEPTH + 1):
        tl.store(at + _bias(layer, DEPTH, WIDTH, FEATURES, OUTS), biases[layer])


@triton.jit
@no_type_check
def _forward(
    x, matrices, biases, constants, LEARN: tl.constexpr, CONSTANTS: tl.constexpr, DEPTH: tl.constexpr,
    WIDTH: tl.constexpr, UNITS: tl.constexpr,
):  # fmt: skip
    """Values of a tile of points, what every layer took, and the slopes of its activations."""
    real = (tl.arange(0, WIDTH) < UNITS)[None, :]
    taken, slopes = (x,), ()
    for layer in tl.static_range(DEPTH):
        z = tl.dot(taken[layer], tl.trans(matrices[layer]), input_precision=EXACT) + biases[layer][None, :]
        value, _, slope, _ = LEARN(z, z, constants + layer * CONSTANTS)
        taken = taken + (tl.where(real, value, 0.0),)
        slopes = slopes + (tl.where(real, slope, 0.0),)
    out = tl.dot(taken[DEPTH], tl.trans(matrices[DEPTH]), input_precision=EXACT) + biases[DEPTH][None, :]
    return out, taken, slopes


@triton.jit
@no_type_check
def _backward(gradient, taken, slopes, matrices, of_matrices, of_biases, DEPTH: tl.constexpr):
    """Sums of gradients with those of a tile, from the gradient of its values."""
    new_matrices, new_biases = (), ()
    for layer in tl.static_range(DEPTH, -1, -1):
        more = tl.dot(tl.trans(gradient), taken[layer], of_matrices[layer], input_precision=EXACT)
        new_matrices = (more,) + new_matrices
        new_biases = (of_biases[layer] + tl.sum(gradient, 0),) + new_biases
        if layer > 0:
            gradient = tl.dot(gradient, matrices[layer], input_precision=EXACT) * slopes[layer - 1]
    return new_matrices, new_biases


@triton.jit
@no_type_check
def _moved(value, gradient, mean_at, square_at, at):
    """A parameter after a step of Adam, as of the kernel of `inr.fitting`, whose moments lie in memory."""
    mean, square = tl.load(mean_at), tl.load(square_at)
    tl.debug_barrier()  # several threads hold the same number of a small tensor: all read before one writes
    mean += tl.load(at + 1) * (gradient - mean)
    square = tl.load(at + 2) * square + tl.load(at + 3) * gradient * gradient
    tl.store(mean_at, mean)
    tl.store(square_at, square)
    return value - tl.load(at) * mean / (tl.sqrt(square) * tl.load(at + 4) + tl.load(at + 5))


@triton.jit
@no_type_check
def _adam(
    matrices, biases, gradients, bias_gradients, means, squares, at,
    BIAS: tl.constexpr, DEPTH: tl.constexpr, WIDTH: tl.constexpr, FEATURES: tl.constexpr, OUTS: tl.constexpr,
):  # fmt: skip
    """All parameters after a step."""
    new_matrices, new_biases = (), ()
    for layer in tl.static_range(DEPTH + 1):
        place = _matrix(layer, DEPTH, WIDTH, FEATURES, OUTS)
        value = _moved(matrices[layer], gradients[layer], means + place, squares + place, at)
        new_matrices = new_matrices + (value,)
        bias = biases[layer]
        if BIAS:
            place = _bias(layer, DEPTH, WIDTH, FEATURES, OUTS)
            bias = _moved(bias, bias_gradients[layer], means + place, squares + place, at)
        new_biases = new_biases + (bias,)
    tl.debug_barrier()  # moments may be read by other threads in the next step
    return new_matrices, new_biases


@triton.jit
@no_type_check
def _mixed(bits):
    """`inr.jit.mix_bits`."""
    bits = (bits ^ (bits >> 30)) * tl.full((), 0xBF58476D1CE4E5B9, tl.uint64)
    bits = (bits ^ (bits >> 27)) * tl.full((), 0x94D049BB133111EB, tl.uint64)
    return bits ^ (bits >> 31)


@triton.jit
@no_type_check
def _drawn(seed, step, runs, size, count):
    """Samples of some runs in a step, as `inr.teaching.draw_runs` draws them, bit for bit."""
    start = _mixed((seed.to(tl.uint64) << 32) ^ step.to(tl.uint64))
    pair = (runs >> 1 << 1).to(tl.uint64)
    bits = _mixed(start + (pair + 1) * tl.full((), _GOLDEN, tl.uint64))
    # the last pair's second number overwrites its first where the pair is not whole
    second = ((runs & 1) == 1) | (runs == count - 1)
    half = tl.where(second, bits >> 32, bits & 0xFFFFFFFF)
    width = size.to(tl.float64) / count.to(tl.float64)
    place = ((runs.to(tl.float64) + half.to(tl.float64) * 2.3283064365386963e-10) * width).to(tl.int64)
    return tl.minimum(place, size - 1)


@triton.jit
@no_type_check
def _missed(
    features, targets, size, matrices, biases, constants,
    LEARN: tl.constexpr, CONSTANTS: tl.constexpr, DIM: tl.constexpr, VALUES: tl.constexpr,
    DEPTH: tl.constexpr, WIDTH: tl.constexpr, UNITS: tl.constexpr, FEATURES: tl.constexpr, OUTS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """The mean squared error of the clipped field over a whole signal, float64."""
    columns = tl.arange(0, OUTS)
    total = tl.full((), 0.0, tl.float64)
    for start in range(0, size.to(tl.int32), BLOCK):
        rows = start + tl.arange(0, BLOCK)
        ok = rows < size
        x = given_features(features, rows, ok, tl.arange(0, FEATURES), DIM)
        out, _, _ = _forward(x, matrices, biases, constants, LEARN, CONSTANTS, DEPTH, WIDTH, UNITS)
        mask = ok[:, None] & (columns < VALUES)[None, :]
        target = tl.load(targets + rows[:, None] * VALUES + columns[None, :], mask=mask, other=0.0)
        bounded = tl.where(out < -1, -1.0, tl.where(out > 1, 1.0, out))  # not a number stays what it is
        error = tl.where(mask, target - bounded, 0.0)
        total += tl.sum(error * error).to(tl.float64)
    return total / (size * VALUES).to(tl.float64)


@triton.jit(do_not_specialize=_NUMBERS)
@no_type_check
def fit(
    chosen, places, seeds, features, targets, weights, means, squares, kept, course, taken_steps, reasons, factors,
    constants, target, until, steps, batch, best_every, check_every,
    LEARN: tl.constexpr, CONSTANTS: tl.constexpr, DIM: tl.constexpr, VALUES: tl.constexpr, BIAS: tl.constexpr,
    DEPTH: tl.constexpr, WIDTH: tl.constexpr, UNITS: tl.constexpr, FEATURES: tl.constexpr, OUTS: tl.constexpr,
    NUMBERS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Steps of the fields that are `chosen`, a program each, until so many are taken in all, or the field is done.

    What a field is between launches lies in its rows of all arrays: `weights`, Adam's `means` and `squares`, and
    `kept`, the best weights so far, (fields, NUMBERS); `course` (fields, 2) float64, the running mean of its loss and
    the best that had; `taken_steps` and `reasons` int32. `places` (fields, 3) int64 are the rows where its features and
    its targets begin, and the number of its samples; `factors` (steps, 6) Adam's numbers of every step; `target` (1,)
    float64 the error at which a field is done. It does what `inr.fitting._compiled_loop` does.
    """
    field = tl.load(chosen + tl.program_id(0)).to(tl.int64)
    features += tl.load(places + 3 * field) * DIM
    targets += tl.load(places + 3 * field + 1) * VALUES
    size = tl.load(places + 3 * field + 2)
    seed = tl.load(seeds + field)
    count = tl.minimum(size, batch)
    own = field * NUMBERS
    matrices = _load(weights + own, DEPTH, WIDTH, FEATURES, OUTS)
    biases = _load_biases(weights + own, DEPTH, WIDTH, FEATURES, OUTS)
    running, best = tl.load(course + 2 * field), tl.load(course + 2 * field + 1)
    step, reason = tl.load(taken_steps + field), tl.load(reasons + field)
    enough = tl.load(target)
    columns = tl.arange(0, OUTS)
    while (step < until) & (reason == _UNFINISHED):
        loss = tl.full((), 0.0, tl.float64)
        gradients, bias_gradients = (), ()
        for layer in tl.static_range(DEPTH + 1):
            gradients = gradients + (tl.zeros_like(matrices[layer]),)
            bias_gradients = bias_gradients + (tl.zeros_like(biases[layer]),)
        for start in range(0, count.to(tl.int32), BLOCK):
            runs = start + tl.arange(0, BLOCK)
            ok = runs < count
            rows = runs.to(tl.int64)
            if count < size:
                rows = _drawn(seed, step, rows, size, count)
            x = given_features(features, rows, ok, tl.arange(0, FEATURES), DIM)
            out, taken, slopes = _forward(x, matrices, biases, constants, LEARN, CONSTANTS, DEPTH, WIDTH, UNITS)
            mask = ok[:, None] & (columns < VALUES)[None, :]
            wanted = tl.load(targets + rows[:, None] * VALUES + columns[None, :], mask=mask, other=0.0)
            error = tl.where(mask, out - wanted, 0.0)
            loss += tl.sum(error * error).to(tl.float64)
            gradient = error * (2.0 / (count * VALUES).to(tl.float32))
            gradients, bias_gradients = _backward(gradient, taken, slopes, matrices, gradients, bias_gradients, DEPTH)
        loss = (loss / (count * VALUES).to(tl.float64)).to(tl.float32).to(tl.float64)
        if not (tl.abs(loss) < float("inf")):
            reason = tl.full((), _DIVERGED, tl.int32)
        else:
            step += 1
            running = tl.where(running == running, 0.95 * running + 0.05 * loss, loss)
            if (step % best_every == 0) & (running < best):
                best = running
                _store(kept + own, matrices, DEPTH, WIDTH, FEATURES, OUTS)
                _store_biases(kept + own, biases, DEPTH, WIDTH, FEATURES, OUTS)
            matrices, biases = _adam(
                matrices, biases, gradients, bias_gradients, means + own, squares + own, factors + 6 * (step - 1),
                BIAS, DEPTH, WIDTH, FEATURES, OUTS,
            )  # fmt: skip
            judged = running if count < size else loss
            if (step % check_every == 0) & (judged > 0) & (judged <= enough):
                missed = _missed(
                    features, targets, size, matrices, biases, constants, LEARN, CONSTANTS, DIM, VALUES,
                    DEPTH, WIDTH, UNITS, FEATURES, OUTS, BLOCK,
                )  # fmt: skip
                if missed <= enough:
                    reason = tl.full((), _TARGET, tl.int32)
            if (step == steps) & (reason == _UNFINISHED):
                reason = tl.full((), _STEPS, tl.int32)
    _store(weights + own, matrices, DEPTH, WIDTH, FEATURES, OUTS)
    _store_biases(weights + own, biases, DEPTH, WIDTH, FEATURES, OUTS)
    tl.store(course + 2 * field, running)
    tl.store(course + 2 * field + 1, best)
    tl.store(taken_steps + field, step)
    tl.store(reasons + field, reason)


@triton.jit
@no_type_check
def measure(
    places, features, targets, weights, errors, constants,
    LEARN: tl.constexpr, CONSTANTS: tl.constexpr, DIM: tl.constexpr, VALUES: tl.constexpr,
    DEPTH: tl.constexpr, WIDTH: tl.constexpr, UNITS: tl.constexpr, FEATURES: tl.constexpr, OUTS: tl.constexpr,
    NUMBERS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The mean squared error (fields,) float64 of every clipped field over its whole signal."""
    field = tl.program_id(0).to(tl.int64)
    matrices = _load(weights + field * NUMBERS, DEPTH, WIDTH, FEATURES, OUTS)
    biases = _load_biases(weights + field * NUMBERS, DEPTH, WIDTH, FEATURES, OUTS)
    missed = _missed(
        features + tl.load(places + 3 * field) * DIM, targets + tl.load(places + 3 * field + 1) * VALUES,
        tl.load(places + 3 * field + 2), matrices, biases, constants, LEARN, CONSTANTS, DIM, VALUES,
        DEPTH, WIDTH, UNITS, FEATURES, OUTS, BLOCK,
    )  # fmt: skip
    tl.store(errors + field, missed)
