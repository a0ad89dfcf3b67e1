"""The loop of `Fitter` for fields that are fitted one after another, compiled.

It does what `Fitter` does with a uniform teacher, plain weights, a squared error and Adam, in the same order and by the
same kernels, and so comes to the same numbers.
"""

import math
from typing import NamedTuple, no_type_check

import numba
import numpy as np

from inr.fitting._errors_kernel import add_squares, sum_of
from inr.jit import exact, inline, kernel, run_inline
from inr.jit.vector import POINTERS, atomic_add, atomic_load, flush_denormals, restore_denormals
from inr.teaching import draw_runs

# how a fit ended; below 0 it has not
UNFINISHED, STEPS, TARGET, DIVERGED = -1, 0, 1, 2

_word_at, _float_at = POINTERS["int64"], POINTERS["float32"]
_VALUES, _MEAN, _SQUARE, _GRAD, _COUNT = range(5)  # columns of the places that Adam changes


class Queue(NamedTuple):
    """Fields that wait to be fitted, and what became of those that were.

    Attributes:
        turn: int64 (8,), whose first number is that of the next field to be taken.
        seeds: int64 (n,), of the batches.
        starts: float32 (n, p), or (1, p) for all alike: the state to begin with.
        words: int64 (n, w), the addresses of what is a signal's own.
        cells: int64 (n,), the addresses of the flat cells of its samples, 0 where none is missing.
        weights: float32 (n, p), the state that was come to.
        errors: float64 (n,), the mean squared error over the whole signal, of normalised values.
        steps: int64 (n,), how many were taken.
        reasons: int64 (n,), one of UNFINISHED, STEPS, TARGET and DIVERGED.
    """

    turn: np.ndarray
    seeds: np.ndarray
    starts: np.ndarray
    words: np.ndarray
    cells: np.ndarray
    weights: np.ndarray
    errors: np.ndarray
    steps: np.ndarray
    reasons: np.ndarray


class Program(NamedTuple):
    """What is done for a field, as numbers for the kernel; see `StepProgram` and `AdamProgram`.

    Attributes:
        begin, step, whole, move: int64 (calls, 3).
        slots, indices, cells, loss, values, targets: as of `StepProgram`.
        numbers: float64 (steps, parameters, 6), Adam's; `numbers_slot`, int64 (1,), the address where theirs goes.
        places: int64 (parameters, 5), and `offsets`, int64 (parameters,), where in a state they stand.
        target: in dB; infinite where there is none. tolerated_rise: of the loss, beyond the best.
        best_every, check_every: steps from one to the next after which the weights are kept, and the target looked at.
    """

    begin: np.ndarray
    step: np.ndarray
    whole: np.ndarray
    move: np.ndarray
    slots: np.ndarray
    indices: np.ndarray
    cells: np.ndarray
    loss: np.ndarray
    values: np.ndarray
    targets: np.ndarray
    numbers: np.ndarray
    numbers_slot: np.ndarray
    places: np.ndarray
    offsets: np.ndarray
    target: float
    tolerated_rise: float
    best_every: int
    check_every: int


@kernel
def run_queue(program: Program, queue: Queue, stop: np.ndarray, done: np.ndarray) -> None:
    """Fit fields of a queue until it is empty, or until the first number of `stop` is set.

    Args:
        program: of one thread.
        queue: may be shared by several threads.
        stop: int64 (8,).
        done: int64 (8,), whose first number counts the fields that are fitted.
    """
    state = flush_denormals()
    while atomic_load(stop.ctypes.data) == 0:
        field = atomic_add(queue.turn.ctypes.data, 1)
        if field >= queue.seeds.shape[0]:
            break
        _take_over(program, queue, field)
        reason = _fit(program, queue, field, stop)
        if reason == UNFINISHED:
            break
        queue.reasons[field] = reason
        atomic_add(done.ctypes.data, 1)
    restore_denormals(state)


@inline
@no_type_check
def _take_over(program, queue, field):
    """Begin with a field: its signal, its first weights, and moments of 0."""
    start = queue.starts[min(field, queue.starts.shape[0] - 1)]
    state = queue.weights[field]
    state[:] = start
    _scatter(program, state)
    for index in range(program.places.shape[0]):
        count = program.places[index, _COUNT]
        numba.carray(_float_at(program.places[index, _MEAN]), count)[:] = np.float32(0)
        numba.carray(_float_at(program.places[index, _SQUARE]), count)[:] = np.float32(0)
    for call in range(program.slots.shape[0]):
        for word in range(program.slots.shape[1]):
            numba.carray(_word_at(program.slots[call, word]), 1)[0] = queue.words[field, word]
    if program.cells.shape[0] > 0:
        program.cells[:] = numba.carray(_word_at(queue.cells[field]), program.cells.shape[0])


@inline
@no_type_check
def _fit(program, queue, field, stop):
    """All steps of a field; how it ended."""
    state = queue.weights[field]
    key = np.uint64(queue.seeds[field]) << np.uint64(32)
    size = program.values.shape[0]
    rows = program.indices.shape[0] if program.indices.shape[0] > 0 else size
    count = rows * program.values.shape[1]
    running, best, error = math.nan, math.inf, math.nan
    taken, reason = 0, STEPS
    run_inline(program.begin)
    for step in range(program.numbers.shape[0]):
        if atomic_load(stop.ctypes.data) != 0:
            return UNFINISHED
        if program.indices.shape[0] > 0:
            draw_runs(key ^ np.uint64(step), size, program.indices)
            if program.cells.shape[0] > 0:
                for index in range(program.indices.shape[0]):
                    program.indices[index] = program.cells[program.indices[index]]
        run_inline(program.step)
        loss = _mean(program.loss[0, 0], count)
        if not np.isfinite(loss):
            reason = DIVERGED
            break
        taken = step + 1
        running = _smoothed(running, loss)
        if taken % program.best_every == 0 and running < best:
            best = running
            _gather(program, state)
        numba.carray(_word_at(program.numbers_slot[0]), 1)[0] = program.numbers[step].ctypes.data
        run_inline(program.move)
        judged = running if program.indices.shape[0] > 0 else loss  # see `Fitter`
        if taken % program.check_every == 0 and judged > 0 and _decibels(judged) >= program.target:
            error = _whole_error(program)
            if _decibels(error) >= program.target:
                reason = TARGET
                break
    if reason == DIVERGED or (reason == STEPS and (running > program.tolerated_rise * best or not _finite(program))):
        _scatter(program, state)
    else:
        _gather(program, state)
    queue.errors[field] = error if reason == TARGET else _whole_error(program)
    queue.steps[field] = taken
    return reason


@inline
@no_type_check
def _scatter(program, state):
    """The parameters from a state."""
    for index in range(program.places.shape[0]):
        count, offset = program.places[index, _COUNT], program.offsets[index]
        numba.carray(_float_at(program.places[index, _VALUES]), count)[:] = state[offset : offset + count]


@inline
@no_type_check
def _gather(program, state):
    """A state's parameters, as they are now."""
    for index in range(program.places.shape[0]):
        count, offset = program.places[index, _COUNT], program.offsets[index]
        state[offset : offset + count] = numba.carray(_float_at(program.places[index, _VALUES]), count)


@inline
@no_type_check
def _finite(program):
    for index in range(program.places.shape[0]):
        for number in numba.carray(_float_at(program.places[index, _VALUES]), program.places[index, _COUNT]):
            if not np.isfinite(number):
                return False
    return True


@exact
@no_type_check
def _mean(total, count):
    """A loss as steps give it: rounded to float32."""
    return np.float64(np.float32(total / count))


@exact
@no_type_check
def _smoothed(running, new):
    """As of `Progress`."""
    return new if math.isnan(running) else 0.95 * running + 0.05 * new


@exact
@no_type_check
def _decibels(error):
    """Of normalised values, whose range is 2."""
    return 10 * math.log10(4 / error) if error != 0 else math.inf


@inline
@no_type_check
def _whole_error(program):
    """The mean squared error of the clipped field over the whole signal."""
    run_inline(program.whole)
    channels = program.values.shape[1]
    squares, largest = np.zeros(channels), np.zeros(channels)
    add_squares(program.values, program.targets, squares, largest)
    return sum_of(squares) / (program.values.shape[0] * channels)
