"""Fitters with defaults that suit the signal, and stopping them."""

import contextlib
import signal as posix_signal
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from inr.field import Spec
from inr.fitting._budget import Budget
from inr.fitting._fitter import Fitter
from inr.fitting._presets import preset_setup
from inr.signals import GridSignal, as_signal


def make_fitter(
    signal: Any,
    *,
    preset: str | None = None,
    encoding: Spec | None = None,
    activation: Spec | None = None,
    network: Spec | None = None,
    teacher: Spec | None = None,
    objective: Spec | None = None,
    adjust: Spec | None = None,
    budget: Budget,
    batch: int | None = None,
    learning_rate: float | str | Mapping[str, float] | None = None,
    schedule: str | None = None,
    optimiser: str | None = None,
    lattice_only: bool = False,
    **options: Any,
) -> Fitter:
    """A fitter with the defaults of the signal's kind where nothing is given.

    Args:
        signal: a signal, the path of a file that `inr.open` reads, or an array as of `inr.from_array`.
        preset: published settings by name, see `presets`; what is given beside it takes its place.
        encoding, activation, network, teacher: parts, as "name:key=value" or configurations.
        objective: what is minimised.
        adjust: what steps learn from in the place of plain residuals, see `adjustments`.
        budget: when to stop.
        batch: samples a step; None: as many as suit the fit, see `suited_batch`.
        learning_rate: "auto" if not given, "paper", the network's, or a mapping from part to its rate.
        schedule: one of `SCHEDULES`.
        optimiser: one of `OPTIMISERS`.
        lattice_only: learn the samples of a grid alone; they then are values at points to whatever uses the field.
        options: further arguments of `Fitter`.

    Returns:
        The fitter, which has not taken a step yet.

    Raises:
        InrError: see `Fitter` and `inr.open`.

    >>> fitter = inr.fitting.make_fitter("photo.png", encoding="fourier", budget=inr.Budget(steps=100), engine="eager")
    >>> fitter.setup.activation["name"], fitter.steps
    ('relu', 100)
    """
    source = as_signal(signal)
    if lattice_only and isinstance(source, GridSignal):
        source = source.measured_as("point")
    setup = preset_setup(
        source, preset, seed=options.get("seed", 0), encoding=encoding, activation=activation, network=network,
        teacher=teacher, batch=batch, learning_rate=learning_rate, schedule=schedule, optimiser=optimiser,
        objective=objective, lattice_only=lattice_only, adjust=adjust,
    )  # fmt: skip
    return Fitter(source, setup, budget, **options)


@runtime_checkable
class Stoppable(Protocol):
    """Work that can be asked to end early, as a `Fitter` or an `inr.compression.FitSeries`."""

    def stop(self) -> None:
        """Ask it to."""
        ...


@contextlib.contextmanager
def stopping_on_interrupt(work: Stoppable) -> Iterator[None]:
    """While inside, the first Ctrl-C asks the work to stop; a second one interrupts as usual.

    Args:
        work: what is asked, as a fitter, whose `run` then ends with the reason "interrupted".
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = posix_signal.getsignal(posix_signal.SIGINT)

    def on_interrupt(number: int, frame: Any) -> None:
        posix_signal.signal(posix_signal.SIGINT, previous)
        work.stop()

    posix_signal.signal(posix_signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        posix_signal.signal(posix_signal.SIGINT, previous)
