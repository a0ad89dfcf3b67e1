"""Signals of one shape and type, which are fitted by the same compiled program."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64
from torch import Tensor

from inr._errors import InrError
from inr.engines import Course, ManyFields, ProgramPlan, without_whole_fits
from inr.fitting import CompiledFits, Event, FieldQueue, Fitter, Reason, decibels, reason_of, whole_psnr
from inr.sets._recipe import Recipe
from inr.signals import GridSignal, Signal

_STEPS_A_LAUNCH = 100  # of the GPU's kernel, in which nothing can be told or stopped

# Fields are drawn from torch's one generator, whose state threads must not change by turns.
_building = threading.Lock()


class Group(ABC):
    """Signals of one shape and type, with what their fits come to.

    Args:
        recipe: how they are fitted.
        names: of the signals.
        signals: as the recipe learns them.
        indices: their places among all.
        numbers: of a field's state.

    Attributes:
        indices, numbers: as given.
        notes: why fits need the interpreter, a line; none where they do not.
        weights: float32 (n, p), the states that fields came to.
        steps: int64 (n,), that were taken.
    """

    notes: tuple[str, ...] = ()
    weights: Float32[np.ndarray, "n p"]
    steps: Int64[np.ndarray, " n"]

    def __init__(
        self, recipe: Recipe, names: Sequence[str], signals: Sequence[Signal], indices: Sequence[int], numbers: int
    ) -> None:
        self._recipe, self._names, self._signals = recipe, names, signals
        self.indices, self.numbers = indices, numbers

    @abstractmethod
    def work(self, stop: np.ndarray, done: np.ndarray) -> None:
        """Fit fields until none is left, or until the first number of `stop` is set; by several threads at once.

        Args:
            stop: int64 (8,). done: int64 (8,), whose first number counts fields that are fitted.
        """

    @abstractmethod
    def reason(self, place: int) -> Reason | None:
        """Why the fit of a signal ended; None where it has not."""

    @abstractmethod
    def psnr(self, place: int) -> float:
        """Of a signal's field, in dB over the whole signal."""

    def _fitter(self, place: int) -> Fitter:
        return _fitter(self._recipe, self._names[place], self._signals[place])

    def _starts(self, order: Iterable[str]) -> Float32[np.ndarray, "_ p"]:
        """The states to begin with, a row each; one row where all are alike.

        Args:
            order: of the tensors in a state.
        """
        count = 1 if self._recipe.alike else len(self._names)
        states = (self._recipe.first_weights(self._names[place], self._signals[place]) for place in range(count))
        names = list(order)
        return np.stack([row(state[name] for name in names) for state in states])


class CompiledGroup(Group):
    """Fields that are fitted without the interpreter.

    Args:
        fitter: of the first signal; fits: what it gave.
    """

    def __init__(self, fitter: Fitter, fits: CompiledFits, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._ready = [fits]
        plan, order = fitter.plan, list(fitter.field.state_dict())
        assert isinstance(plan, ProgramPlan)
        signals = [signal for signal in self._signals if isinstance(signal, GridSignal)]
        seeds = [self._recipe.seed_of(name) for name in self._names]
        self._queue = FieldQueue(plan, signals, seeds, self._starts(order))
        self.weights, self.steps = self._queue.weights, self._queue.steps

    def work(self, stop: np.ndarray, done: np.ndarray) -> None:
        """See `Group.work`."""
        with _building:
            if self._queue.empty:
                return
            fits = self._ready.pop() if self._ready else self._fitter(0).compiled()
        assert isinstance(fits, CompiledFits)
        fits.run(self._queue, stop, done)

    def reason(self, place: int) -> Reason | None:
        """See `Group.reason`."""
        return self._queue.reason(place)

    def psnr(self, place: int) -> float:
        """See `Group.psnr`."""
        return self._queue.psnr(place)


class FusedGroup(Group):
    """Fields that the GPU fits side by side, whatever their sizes: each is a program of one kernel.

    Args:
        fitter: of the first signal.
        course: of all fits.
    """

    def __init__(self, fitter: Fitter, course: Course, *arguments: Any) -> None:
        super().__init__(*arguments)
        seeds = [self._recipe.seed_of(name) for name in self._names]
        self._fits = ManyFields(fitter.field, self._signals, seeds, self._starts(fitter.field.state_dict()), course)
        self._taken = False
        self._errors = np.empty(0)

    def work(self, stop: np.ndarray, done: np.ndarray) -> None:
        """See `Group.work`; one thread launches, and others find nothing to do."""
        with _building:
            if self._taken:
                return
            self._taken = True
        while stop[0] == 0 and self._fits.done < len(self._names):
            self._fits.advance(_STEPS_A_LAUNCH)
            done[0] = self._fits.done
        self.weights, self._errors, self.steps = self._fits.results()

    def reason(self, place: int) -> Reason | None:
        """See `Group.reason`."""
        return reason_of(int(self._fits.reasons[place]))

    def psnr(self, place: int) -> float:
        """See `Group.psnr`."""
        return decibels(float(self._errors[place]))


class SteppedGroup(Group):
    """Fields that are fitted by their own fitters.

    Args:
        reason: why.
    """

    def __init__(self, reason: str, *arguments: Any) -> None:
        super().__init__(*arguments)
        count = len(self._names)
        fields = "1 field, of" if count == 1 else f"{count:,} fields, such as that of"
        self.notes = (f"{fields} {self._names[0]}, taken step by step: {reason}",)
        self.weights, self.steps = np.empty((count, self.numbers), np.float32), np.zeros(count, np.int64)
        self._turn, self._psnr = 0, np.zeros(count)
        self._reasons: list[Reason | None] = [None] * count

    def work(self, stop: np.ndarray, done: np.ndarray) -> None:
        """See `Group.work`."""
        while stop[0] == 0:
            with _building:
                place = self._turn
                if place >= len(self._names):
                    return
                self._turn += 1
                fitter = self._fitter(place)
            for event in fitter.run():
                if stop[0] and event.kind != "end":
                    return
            self._keep(place, fitter, event)
            with _building:
                done[0] += 1

    def reason(self, place: int) -> Reason | None:
        """See `Group.reason`."""
        return self._reasons[place]

    def psnr(self, place: int) -> float:
        """See `Group.psnr`."""
        return float(self._psnr[place])

    def _keep(self, place: int, fitter: Fitter, end: Event) -> None:
        """Have what a fit came to."""
        self.weights[place] = row(fitter.field.state_dict().values())
        execute, block = fitter.execute, fitter.plan.block
        self._psnr[place] = whole_psnr(fitter.field, fitter.signal, execute=execute, block=block)
        self.steps[place], self._reasons[place] = end.step, end.reason


def groups_of(recipe: Recipe, names: Sequence[str], signals: Sequence[Signal]) -> list[Group]:
    """Signals by shape and type, the largest group first; all in one group where the GPU takes the steps.

    Raises:
        InrError: a signal that is not for the recipe's architecture, by name; fits that the GPU has no kernel for.
    """
    if recipe.engine == "triton":
        indices = list(range(len(signals)))
        found_fit = whole_fit(recipe, names[0], signals[0])
        if isinstance(found_fit, str):
            raise InrError(f"engine 'triton' cannot fit this set: {found_fit}")
        numbers = sum(tensor.numel() for tensor in found_fit[0].field.state_dict().values())
        return [FusedGroup(*found_fit, recipe, names, signals, indices, numbers)]
    found: dict[Any, list[int]] = {}
    for index, signal in enumerate(signals):
        found.setdefault(_kind(signal), []).append(index)
    return [
        _group(recipe, [names[index] for index in indices], [signals[index] for index in indices], indices)
        for indices in sorted(found.values(), key=len, reverse=True)
    ]


def whole_fit(recipe: Recipe, name: str, signal: Signal) -> tuple[Fitter, Course] | str:
    """What the GPU's kernel of whole fits is given; or why fits like that of a signal are none for it, in words.

    Args:
        recipe: how the set is fitted.
        name: of the signal.
        signal: as the recipe learns it.

    Raises:
        InrError: a signal that is not for the recipe's architecture, by name.
    """
    try:
        fitter = recipe.fitter(name, signal, engine="eager")
    except InrError as error:
        raise InrError(f"{name}: {error}") from None
    field = fitter.field
    if not recipe.alike and len(field.state_dict()) > len(dict(field.named_parameters())):
        return "each field has numbers of its own that are not learned"
    reason, course = without_whole_fits(field), fitter.course()
    if reason is not None or isinstance(course, str):
        return reason or str(course)
    if course.numbers.shape[1] > 1:
        return "its parameters have several learning rates"
    return fitter, course


def _group(recipe: Recipe, names: Sequence[str], signals: Sequence[Signal], indices: Sequence[int]) -> Group:
    """A group of the kind that its fits need."""
    fitter = _fitter(recipe, names[0], signals[0])
    state = fitter.field.state_dict()
    numbers = sum(tensor.numel() for tensor in state.values())
    if not recipe.alike and len(state) > len(dict(fitter.field.named_parameters())):
        fits: CompiledFits | str = "each has numbers of its own that are not learned"
    else:
        fits = fitter.compiled()
    if isinstance(fits, str):
        return SteppedGroup(fits, recipe, names, signals, indices, numbers)
    return CompiledGroup(fitter, fits, recipe, names, signals, indices, numbers)


def _fitter(recipe: Recipe, name: str, signal: Signal) -> Fitter:
    """The fit of a signal by itself. Raises InrError that names it."""
    try:
        return recipe.fitter(name, signal)
    except InrError as error:
        raise InrError(f"{name}: {error}") from None


def row(tensors: Iterable[Tensor]) -> Float32[np.ndarray, " p"]:
    """Tensors as one row of numbers."""
    return np.concatenate([tensor.detach().cpu().numpy().ravel() for tensor in tensors]).astype(np.float32, copy=False)


def _kind(signal: Signal) -> tuple[Any, ...]:
    """What must be alike in signals whose fits share a program."""
    array, domain = signal.array, signal.domain
    whole = not isinstance(signal, GridSignal) or signal.missing is None
    shape = array.shape if whole else (*array.shape, signal.size)
    return type(signal), shape, array.dtype.str, whole, signal.is_narrow, domain.kind, domain.sampling
