"""Fits of some signals of a set, as rows of numbers."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64

from inr._errors import InrError
from inr.field import Field
from inr.fitting import Reason, one_thread
from inr.sets._groups import Group, groups_of, row
from inr.sets._recipe import Recipe
from inr.signals import Domain, Signal

_TOLD_EVERY = 0.2  # seconds


@dataclass(frozen=True)
class Rows:
    """Fields of one architecture, a row each, in the order of their signals.

    Attributes:
        names: of the signals.
        weights: float32 (n, p), a field's state in the order of `Field.state_dict`, every tensor flattened.
        psnr: float64 (n,), in dB over the whole signal, as `inr.fitting.whole_psnr` measures it.
        steps: int64 (n,), taken by each.
        reasons: why each fit ended: "steps", "target" or "diverged"; a field that diverged is as good as it was.
        domains: of the signals.
        notes: which fits needed the interpreter and why, a line each; empty where none did.
    """

    names: tuple[str, ...]
    weights: Float32[np.ndarray, "n p"]
    psnr: Float64[np.ndarray, " n"]
    steps: Int64[np.ndarray, " n"]
    reasons: tuple[Reason, ...]
    domains: tuple[Domain, ...]
    notes: tuple[str, ...] = ()


def flat(field: Field) -> Float32[np.ndarray, " p"]:
    """A field's state as one row."""
    return row(field.state_dict().values())


def fit_rows(
    recipe: Recipe,
    names: Sequence[str],
    signals: Sequence[Signal],
    *,
    workers: int = 1,
    done: Callable[[int], bool] | None = None,
) -> Rows:
    """Fit some signals, each as `Recipe.fitter` would by itself, to the bit; or on a GPU, see `Recipe.engine`.

    Workers run whole fits without the interpreter where the engine `cpu` has kernels for all of a step; other fits
    take turns at the interpreter, which `Rows.notes` tells.

    Args:
        recipe: how.
        names: of the signals, all different.
        signals: of any sizes, with the recipe's number of axes and channels.
        workers: threads that take signals from a queue; they change no bit of the result.
        done: told how many fields are fitted, a few times a second; what it returns says whether to go on.

    Returns:
        A row for every signal; fewer where `done` ended it, the first ones.

    Raises:
        InrError: a signal that is not for the recipe's architecture, by name.
    """
    _check(names, signals, workers)
    signals = [recipe.learned(signal) for signal in signals]
    groups = groups_of(recipe, names, signals)
    with one_thread():  # PyTorch's own ones would only stand in the way of those of the run
        _Run(groups, workers).go(done)
    return _rows(names, signals, groups)


def _check(names: Sequence[str], signals: Sequence[Signal], workers: int) -> None:
    if not signals:
        raise InrError("a set needs at least one signal")
    if len(names) != len(signals) or len(set(names)) != len(names):
        raise InrError(f"{len(signals):,} signals need as many names, all different, got {len(set(names)):,}")
    if workers < 1:
        raise InrError(f"a set needs at least 1 worker, got {workers}")
    first = signals[0]
    for name, signal in zip(names, signals, strict=True):
        ours, theirs = (signal.in_dim, signal.channels), (first.in_dim, first.channels)
        if ours != theirs:
            raise InrError(
                f"{name} has {ours[0]} axes and {ours[1]} channels, {names[0]} {theirs[0]} and {theirs[1]}: "
                "fields of one set have equally many"
            )


class _Run:
    """Workers that fit all fields of some groups."""

    def __init__(self, groups: Sequence[Group], workers: int) -> None:
        self._groups = groups
        self._stop, self._done = np.zeros(8, np.int64), np.zeros(8, np.int64)
        self._failed: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._work, daemon=True, name=f"inr-set-{worker}") for worker in range(workers)
        ]

    def go(self, done: Callable[[int], bool] | None) -> None:
        """Run to the end, or until `done` says so; no thread is left behind, whatever is raised meanwhile."""
        for thread in self._threads:
            thread.start()
        try:
            for thread in self._threads:
                while thread.is_alive():
                    thread.join(_TOLD_EVERY)
                    if done is not None and not done(int(self._done[0])):
                        self._stop[0] = 1
        finally:
            self._stop[0] = 1
            for thread in self._threads:
                thread.join()
        if self._failed:
            raise self._failed[0]

    def _work(self) -> None:
        try:
            for group in self._groups:
                if self._stop[0] == 0:
                    group.work(self._stop, self._done)
        except BaseException as error:  # it is raised by the thread that waits
            self._failed.append(error)
            self._stop[0] = 1


def _rows(names: Sequence[str], signals: Sequence[Signal], groups: Sequence[Group]) -> Rows:
    """What groups have, in the order of the signals, up to the first that is not fitted."""
    where = {index: (group, place) for group in groups for place, index in enumerate(group.indices)}
    reasons: list[Reason] = []
    for index in range(len(signals)):
        group, place = where[index]
        reason = group.reason(place)
        if reason is None:
            break
        reasons.append(reason)
    count = len(reasons)
    weights = np.empty((count, groups[0].numbers), np.float32)
    psnr, steps = np.empty(count), np.empty(count, np.int64)
    for index in range(count):
        group, place = where[index]
        weights[index], psnr[index], steps[index] = group.weights[place], group.psnr(place), group.steps[place]
    return Rows(
        tuple(names[:count]), weights, psnr, steps, tuple(reasons), tuple(signal.domain for signal in signals[:count]),
        tuple(note for group in groups for note in group.notes),
    )  # fmt: skip
