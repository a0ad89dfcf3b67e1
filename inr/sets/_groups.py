"""Signals of one shape and type, which are fitted by the same compiled program."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from inr._errors import InrError
from inr.engines import ProgramPlan
from inr.fitting import CompiledFits, FieldQueue, Fitter, Reason, whole_psnr
from inr.sets._recipe import Recipe
from inr.signals import GridSignal, Signal

# Fields are drawn from torch's one generator, whose state threads must not change by turns.
_building = threading.Lock()


class Group:
    """Signals of one shape and type, with what their fits came to.

    Args:
        recipe: how they are fitted.
        names: of the signals. signals: as the recipe learns them. indices: their places among all.

    Attributes:
        numbers: of a field's state.
        weights: float32 (n, p). steps: int64 (n,).
        notes: why fits need the interpreter.
    """

    def __init__(self, recipe: Recipe, names: Sequence[str], signals: Sequence[Signal], indices: Sequence[int]) -> None:
        self._recipe, self._names, self._signals, self.indices = recipe, names, signals, indices
        self._fits: list[CompiledFits] = []
        self._queue: FieldQueue | None = None
        self.notes: tuple[str, ...] = ()
        fitter = self._fitter(0)
        state = fitter.field.state_dict()
        self._order = list(state)
        self.numbers = sum(tensor.numel() for tensor in state.values())
        reason = self._refused(fitter, state) or self._compile(fitter)
        if reason:
            self.notes = (f"{names[0]} and {len(names) - 1:,} others of its shape run one step at a time: {reason}",)
            self._turn = 0
            self._reasons: list[Reason | None] = [None] * len(names)
            self._psnr = np.zeros(len(names))
            self.weights = np.empty((len(names), self.numbers), np.float32)
            self.steps = np.zeros(len(names), np.int64)
            return
        assert isinstance(fitter.plan, ProgramPlan)
        self._queue = FieldQueue(
            fitter.plan,
            signals,
            [recipe.seed_of(name) for name in names],
            self._starts(),  # type: ignore[arg-type]
        )
        self.weights, self.steps = self._queue.weights, self._queue.steps

    def work(self, stop: np.ndarray, done: np.ndarray) -> None:
        """Fit fields until none is left, or until the first number of `stop` is set; `done` counts them."""
        if self._queue is None:
            self._work_by_steps(stop, done)
            return
        with _building:
            if self._queue.empty:
                return
            fits = self._fits.pop() if self._fits else self._fitter(0).compiled()
        assert isinstance(fits, CompiledFits)
        fits.run(self._queue, stop, done)

    def reason(self, place: int) -> Reason | None:
        """Why the fit of a signal ended; None where it has not."""
        return self._reasons[place] if self._queue is None else self._queue.reason(place)

    def psnr(self, place: int) -> float:
        """Of a signal's field, in dB over the whole signal."""
        return float(self._psnr[place]) if self._queue is None else self._queue.psnr(place)

    def _fitter(self, place: int) -> Fitter:
        try:
            return self._recipe.fitter(self._names[place], self._signals[place])
        except InrError as error:
            raise InrError(f"{self._names[place]}: {error}") from None

    def _refused(self, fitter: Fitter, state: Mapping[str, Tensor]) -> str:
        """Why fields may not share a program; "" where they may."""
        parameters = dict(fitter.field.named_parameters())
        if self._recipe.init == "own" and self._recipe.start is None and len(parameters) < len(state):
            return "each has numbers of its own that are not learned"
        return ""

    def _compile(self, fitter: Fitter) -> str:
        """Have the fits of the first worker; or why there are none."""
        fits = fitter.compiled()
        if isinstance(fits, str):
            return fits
        self._fits.append(fits)
        return ""

    def _starts(self) -> np.ndarray:
        """The states to begin with, a row each; one row where all are alike."""
        alike = self._recipe.init == "shared" or self._recipe.start is not None
        count = 1 if alike else len(self._names)
        states = [self._recipe.first_weights(self._names[place], self._signals[place]) for place in range(count)]
        return np.stack([row([state[name] for name in self._order]) for state in states])

    def _work_by_steps(self, stop: np.ndarray, done: np.ndarray) -> None:
        """Fit fields by their own fitters."""
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
            self._keep(place, fitter, event.step, event.reason)
            with _building:
                done[0] += 1

    def _keep(self, place: int, fitter: Fitter, steps: int, reason: Reason | None) -> None:
        """Have what a fit came to."""
        self.weights[place] = row(fitter.field.state_dict().values())
        execute, block = fitter.execute, fitter.plan.block
        self._psnr[place] = whole_psnr(fitter.field, fitter.signal, execute=execute, block=block)
        self.steps[place], self._reasons[place] = steps, reason


def groups_of(recipe: Recipe, names: Sequence[str], signals: Sequence[Signal]) -> list[Group]:
    """Signals by shape and type, the largest group first.

    Raises:
        InrError: a signal that is not for the recipe's architecture, by name.
    """
    found: dict[Any, list[int]] = {}
    for index, signal in enumerate(signals):
        found.setdefault(_kind(signal), []).append(index)
    return [
        Group(recipe, [names[index] for index in indices], [signals[index] for index in indices], indices)
        for indices in sorted(found.values(), key=len, reverse=True)
    ]


def row(tensors: Iterable[Tensor]) -> Float32[np.ndarray, " p"]:
    """Tensors as one row of numbers."""
    return np.concatenate([tensor.detach().cpu().numpy().ravel() for tensor in tensors]).astype(np.float32, copy=False)


def _kind(signal: Signal) -> tuple[Any, ...]:
    """What must be alike in signals whose fits share a program."""
    array, domain = signal.array, signal.domain
    whole = not isinstance(signal, GridSignal) or signal.missing is None
    shape = array.shape if whole else (*array.shape, signal.size)
    return type(signal), shape, array.dtype.name, whole, signal.is_narrow, domain.kind, domain.sampling
