"""Fits of fields of one shape without the interpreter, one after another, each to the bit as `Fitter` makes it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from inr.encodings import Encoding
from inr.engines import Course, Plan, ProgramPlan, StepProgram
from inr.field import Field
from inr.fitting._adam import AdamProgram, FusedAdam, TorchAdam, numbers_of_steps
from inr.fitting._evaluate import decibels
from inr.fitting._events import Reason
from inr.fitting._optimiser import Optimiser
from inr.fitting._parametrisation import Parametrisation, PlainWeights
from inr.jit import Call
from inr.signals import GridSignal, Signal, measured_places
from inr.teaching import Teacher, Uniform

_REASONS: tuple[Reason, ...] = ("steps", "target", "diverged")


def reason_of(code: int) -> Reason | None:
    """Why a fit ended, by the number that loops without the interpreter have for it; None where it has not.

    Args:
        code: -1 where it has not.
    """
    return None if code < 0 else _REASONS[code]


class FieldQueue:
    """Fields that wait to be fitted; several `CompiledFits` may take from one at once.

    Args:
        plan: that of any fitter of these fields.
        signals: of one shape and type.
        seeds: of the fits, one each.
        starts: float32 (n, p), the states that they begin with, or (1, p) for all alike.

    Attributes:
        weights: float32 (n, p), the states that they came to, in the order of `Field.state_dict`.
        steps: int64 (n,), that were taken.
    """

    def __init__(
        self, plan: ProgramPlan, signals: Sequence[GridSignal], seeds: Sequence[int], starts: Float32[np.ndarray, "_ p"]
    ) -> None:
        from inr.fitting._compiled_loop import UNFINISHED, Queue

        count = len(signals)
        arrays = [plan.own_arrays(signal) for signal in signals]
        cells = [signal.cells for signal in signals]
        self._kept = arrays, cells
        self.queue = Queue(
            turn=np.zeros(8, np.int64),
            seeds=np.array(seeds, np.int64),
            starts=starts,
            words=np.array([[array.ctypes.data for array in own] for own in arrays], np.int64),
            cells=np.array([0 if each is None else each.data_ptr() for each in cells], np.int64),
            weights=np.empty((count, starts.shape[1]), np.float32),
            errors=np.zeros(count),
            steps=np.zeros(count, np.int64),
            reasons=np.full(count, UNFINISHED, np.int64),
        )
        self.weights, self.steps = self.queue.weights, self.queue.steps

    @property
    def empty(self) -> bool:
        """Whether all fields have been taken."""
        return bool(self.queue.turn[0] >= len(self.queue.seeds))

    def reason(self, field: int) -> Reason | None:
        """Why a fit ended; None where it has not."""
        return reason_of(int(self.queue.reasons[field]))

    def psnr(self, field: int) -> float:
        """In dB, as `whole_psnr` measures it."""
        return decibels(float(self.queue.errors[field]))


class CompiledFits:
    """What fits fields of one shape by one thread; made by `Fitter.compiled`.

    Args:
        field: whose memory the weights are in meanwhile.
        program: of a step. adam: its steps.
        course: of the fits.
    """

    def __init__(self, field: Field, program: StepProgram, adam: AdamProgram, course: Course) -> None:
        from inr.fitting._compiled_loop import Program

        offsets = _offsets(field.state_dict())
        self._kept = field, program, adam
        self._program = Program(
            begin=_words(program.begin),
            step=_words(program.step),
            whole=_words(program.whole),
            move=_words([adam.call]),
            slots=program.slots,
            indices=program.indices,
            cells=program.cells,
            loss=program.loss,
            values=program.values,
            targets=program.targets,
            numbers=adam.numbers,
            numbers_slot=np.array([adam.call.place("numbers")], np.int64),
            places=adam.places,
            offsets=np.array([offsets[name] for name in adam.names], np.int64),
            target=math.inf if course.target is None else float(course.target),
            tolerated_rise=course.tolerated_rise,
            best_every=course.best_every,
            check_every=course.check_every,
        )

    def run(self, fields: FieldQueue, stop: np.ndarray, done: np.ndarray) -> None:
        """Fit fields of a queue, without the interpreter's lock, until it is empty or the run is stopped.

        Args:
            fields: of the shape that this was made for.
            stop: int64 (8,); another thread sets its first number to 1 to end the run within a step.
            done: int64 (8,), whose first number counts fields that are fitted.
        """
        from inr.fitting._compiled_loop import run_queue

        run_queue(self._program, fields.queue, stop, done)


def course_of(
    field: Field,
    signal: Signal,
    parametrisation: Parametrisation,
    optimiser: Optimiser,
    teacher: Teacher,
    *,
    batch: int,
    target: float | None,
    learning_rates: Mapping[str, float],
    factors: Sequence[float],
) -> Course | str:
    """What the steps of a fit are, as numbers; or why they need the interpreter, in words.

    Args:
        field, signal, parametrisation, optimiser, teacher: of a fitter that has not taken a step.
        batch: samples a step.
        target: in dB.
        learning_rates: by part.
        factors: of the schedule, one for every step.
    """
    if type(parametrisation) is not PlainWeights or not isinstance(optimiser, FusedAdam | TorchAdam):
        return "its weights are not moved by adam alone"
    if type(field.encoding).progress is not Encoding.progress:
        return f"encoding '{field.encoding.config()['name']}' changes from step to step"
    if type(teacher) is not Uniform:
        return f"teacher '{teacher.config()['name']}' chooses its samples"
    if not isinstance(signal, GridSignal):
        return "its samples are not on a grid"
    if measured_places(signal.domain, signal.domain.shape or ()).any():
        return "its samples are measured as means over cells"
    steps = len(factors)
    return Course(
        batch, numbers_of_steps(optimiser, learning_rates, factors), target, parametrisation.tolerated_rise,
        best_every=max(steps // 50, 10), check_every=max(steps // 100, 10),
    )  # fmt: skip


def compiled_fits(field: Field, plan: Plan, optimiser: Optimiser, course: Course) -> CompiledFits | str:
    """The fits of a field's shape, or why they need the interpreter, in words.

    Args:
        field, plan, optimiser: of a fitter that has not taken a step.
        course: of its steps.
    """
    if not isinstance(plan, ProgramPlan):
        return "its engine needs the interpreter"
    if not isinstance(optimiser, FusedAdam):
        return "its weights are not float32 in main memory"
    program = plan.program(dict(field.named_parameters()), course.batch)
    if isinstance(program, str):
        return program
    return CompiledFits(field, program, optimiser.program(program.grads, course.numbers), course)


def _words(calls: Sequence[Call]) -> np.ndarray:
    return np.array([call.words for call in calls], np.int64).reshape(len(calls), 3)


def _offsets(state: Mapping[str, Tensor]) -> dict[str, int]:
    """Where the tensors of a state begin when all are laid out in a row."""
    ends = np.cumsum([0, *(tensor.numel() for tensor in state.values())])
    return dict(zip(state, map(int, ends), strict=False))
