"""Fitting in one call."""

import contextlib
import signal as posix_signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from inr.field import Field, Spec
from inr.fitting._budget import Budget
from inr.fitting._defaults import default_setup
from inr.fitting._evaluate import evaluate
from inr.fitting._events import Event
from inr.fitting._fitter import Fitter
from inr.signals import GridSignal, Signal, open


def fit(
    signal: Signal | str | Path,
    *,
    encoding: Spec | None = None,
    activation: Spec | None = None,
    network: Spec | None = None,
    teacher: Spec | None = None,
    objective: Spec | None = None,
    engine: Spec = "auto",
    steps: int | None = None,
    seconds: float | None = None,
    psnr: float | None = None,
    batch: int | None = None,
    learning_rate: float | str | Mapping[str, float] | None = None,
    schedule: str | None = None,
    optimiser: str | None = None,
    lattice_only: bool = False,
    seed: int = 0,
    on_event: Callable[[Event], Any] | None = None,
) -> Field:
    """Fit a field to a signal.

    Everything has a default that suits the kind of signal. Ctrl-C ends the fit and returns the best field so far.
    Equal seeds give equal fields on one machine with one number of threads, where the budget is in steps.

    Args:
        signal: a signal, or the path of a file that `inr.open` reads.
        encoding, activation, network, teacher: parts, as "name:key=value" or configurations.
        objective: what is minimised, as "l1" or "huber:delta=0.05"; "squared" where nothing is given.
        engine: what runs the fit, with options as in "cpu:threads=2"; "auto": the fastest that can.
        steps, seconds, psnr: the budget; whichever comes first. Seconds count fitting only.
        batch: samples a step.
        learning_rate: "auto" if not given: found by a short probe before the fit, whose seconds count; "paper": as the
            parts declare them; the network's as a number; or a mapping from part ("network", "encoding") to its rate.
        schedule: "cosine", "exponential" (x0.1 over the fit) or "constant".
        optimiser: "adam", or "soap" (Vyas et al. 2025), whose steps are better and dearer; for networks of up to some
            hundred units a layer and hundreds of steps or more.
        lattice_only: learn the samples of a grid alone, and nothing of what lies between them.
        seed: decides initial weights and batches, from 0 to 2^32 - 1.
        on_event: called with every `Event`.

    Returns:
        The field, on the processor, with its `metrics` measured on the whole signal.

    Raises:
        InrError: input that cannot be read, unknown parts or parameters, a budget that cannot work.

    >>> field = inr.fit("photo.png", activation="sine", network="mlp:depth=1,width=16", steps=20, engine="eager")
    >>> field.render().shape
    (24, 32, 3)
    >>> sorted(field.metrics)
    ['psnr', 'psnr_between', 'ssim']
    """
    fitter = make_fitter(
        signal, encoding=encoding, activation=activation, network=network, teacher=teacher,
        objective=objective, engine=engine, budget=Budget(steps, seconds, psnr), batch=batch,
        learning_rate=learning_rate, schedule=schedule, optimiser=optimiser, lattice_only=lattice_only, seed=seed,
    )  # fmt: skip
    with stopping_on_interrupt(fitter):
        for event in fitter.run():
            if on_event is not None:
                on_event(event)
    if event.reason not in ("steps", "target"):
        warnings.warn(event.message, RuntimeWarning, stacklevel=2)
    fitter.field.metrics = evaluate(fitter.field, fitter.signal, execute=fitter.execute, block=fitter.plan.block)
    return fitter.field.cpu().eval()


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
        batch: samples a step.
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


@contextlib.contextmanager
def stopping_on_interrupt(fitter: Fitter) -> Iterator[None]:
    """While inside, the first Ctrl-C asks the fitter to stop; a second one interrupts as usual.

    Args:
        fitter: what is asked; `Fitter.run` then ends with the reason "interrupted".
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = posix_signal.getsignal(posix_signal.SIGINT)

    def on_interrupt(number: int, frame: Any) -> None:
        posix_signal.signal(posix_signal.SIGINT, previous)
        fitter.stop()

    posix_signal.signal(posix_signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        posix_signal.signal(posix_signal.SIGINT, previous)
