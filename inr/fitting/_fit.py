"""Fitters with defaults that suit the signal, and stopping them."""

import contextlib
import signal as posix_signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from inr.field import Spec
from inr.fitting._budget import Budget
from inr.fitting._defaults import default_setup
from inr.fitting._fitter import Fitter
from inr.signals import GridSignal, Signal, open


def make_fitter(
    signal: Signal | str | Path,
    *,
    encoding: Spec | None = None,
    activation: Spec | None = None,
    network: Spec | None = None,
    teacher: Spec | None = None,
    objective: Spec | None = None,
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
        signal: a signal, or the path of a file that `inr.open` reads.
        encoding, activation, network, teacher: parts, as "name:key=value" or configurations.
        objective: what is minimised.
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
    source = signal if isinstance(signal, Signal) else open(signal)
    if lattice_only and isinstance(source, GridSignal):
        source = source.measured_as("point")
    parts = {"encoding": encoding, "activation": activation, "network": network}
    setup = default_setup(source).with_parts(source, seed=options.get("seed", 0), **parts)
    given: dict[str, Any] = {"teacher": teacher, "batch": batch, "learning_rate": learning_rate, "schedule": schedule}
    given |= {"optimiser": optimiser, "objective": objective}
    setup = replace(
        setup, lattice_only=lattice_only, **{key: value for key, value in given.items() if value is not None}
    )
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
