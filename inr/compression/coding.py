"""Fitting in one call."""

import difflib
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from inr._errors import InrError
from inr._upstairs import upstairs
from inr.compression.finishing import finish
from inr.compression.fit_options import FitOptions
from inr.compression.keeping import Coding
from inr.compression.stored_fields import sampled
from inr.field import Field, Spec
from inr.fitting import OPTIMISERS, Event, evaluate, stopping_on_interrupt
from inr.signals import as_signal, from_array


def fit(
    signal: Any,
    *,
    preset: str | None = None,
    encoding: Spec | None = None,
    activation: Spec | None = None,
    network: Spec | None = None,
    teacher: Spec | None = None,
    objective: Spec | None = None,
    adjust: Spec | None = None,
    engine: Spec = "auto",
    steps: int | None = None,
    seconds: float | None = None,
    psnr: float | None = None,
    max_error: float | None = None,
    batch: int | None = None,
    learning_rate: float | str | Mapping[str, float] | None = None,
    schedule: str | None = None,
    optimiser: str | None = None,
    lattice_only: bool = False,
    seed: int = 0,
    base: Any = None,
    coding: Coding | None = None,
    bytes: int | None = None,
    on_event: Callable[[Event], Any] | None = None,
    **of_array: Any,
) -> Field:
    """Fit a field to a signal.

    Everything has a default that suits the kind of signal. Ctrl-C ends the fit and returns the best field so far.
    Equal seeds give equal fields on one machine with one number of threads, where the budget is in steps.

    Args:
        signal: a signal, the path of a file that `inr.open` reads, or an array or tensor as of `inr.from_array`.
        preset: published settings by name, as "siren" or "ngp" (`inr parts presets`): parts, rates and schedule; what
            is given beside it takes its place.
        encoding, activation, network, teacher: parts, as "name:key=value", configurations, or parts such as
            `inr.activations.Sine()`, whose settings are taken.
        objective: what is minimised, as "l1" or "huber:delta=0.05"; "squared" where nothing is given.
        adjust: what steps learn from in the place of plain residuals: "prefilter", by which the field can be blurred
            and rendered at any coarser size in one pass, or "tangent" (`inr parts adjustments`).
        engine: what runs the fit, with options as in "cpu:threads=2"; "auto": the fastest that can.
        steps, seconds, psnr: the budget; whichever comes first. Seconds count fitting only. Where weights are coded, as
            they are for grids unless something else is said, a fit does not stop at its PSNR: what it has beyond that
            goes into fewer bytes, and the field is the smallest found that has so many dB.
        max_error: the largest error that a sample may have, in own units; the field is the smallest found that keeps
            it, which may be the samples themselves, rounded.
        batch: samples a step; None: as many as suit the fit, see `inr.fitting.suited_batch`.
        learning_rate: "auto" if not given: found by a short probe before the fit, whose seconds count; "paper": as the
            parts declare them; the network's as a number; or a mapping from part ("network", "encoding") to its rate.
        schedule: "cosine", "exponential" (x0.1 over the fit) or "constant".
        optimiser: "adam", or "soap" (Vyas et al. 2025), whose steps are better and dearer; for networks of up to some
            hundred units a layer and hundreds of steps or more.
        lattice_only: learn the samples of a grid alone, and nothing of what lies between them.
        seed: decides initial weights and batches, from 0 to 2^32 - 1.
        base: what the fit begins from, in the place of random weights: an `inr.priors.Base`, or the path of its file;
            see `inr.learn`. Its parts are the field's.
        coding: how weights are kept: "coded" (rounded while they are fitted, and entropy-coded), "half" (16-bit floats)
            or "exact" (float32); or "samples", which keeps the samples without loss and fits nothing. None: coded, in
            at most 0.9 of the bytes of the signal's lossless form; but for samples that are points, as of maps, for
            small signals and those of little information, as flat pictures and screens, samples where nothing but
            seconds is given, and otherwise exact.
        bytes: most bytes of the file.
        on_event: called with every `Event`, as the `inr.listeners` are; None: in notebooks a curve is shown.
        of_array: what `inr.from_array` takes besides an array, as `kind` or `sample_rate`.

    Returns:
        The field, on the processor, with its `metrics` measured on the whole signal.

    Raises:
        InrError: input that cannot be read, unknown parts or parameters, a budget that cannot work.

    >>> field = inr.fit("photo.png", activation="sine", network="mlp:depth=1,width=16", steps=20, engine="eager")
    >>> field.render().shape
    (24, 32, 3)
    >>> sorted(field.metrics)
    ['max_error', 'psnr', 'psnr_between', 'rmse', 'ssim']
    """
    _check_names(of_array)
    source = Path(signal) if isinstance(signal, (str, os.PathLike)) else None
    found = as_signal(signal, **of_array)
    if optimiser not in (None, *OPTIMISERS):
        raise InrError(f"unknown optimiser '{optimiser}'; known: {', '.join(OPTIMISERS)}")
    options = FitOptions(
        preset=preset, encoding=encoding, activation=activation, network=network, teacher=teacher, objective=objective,
        adjust=adjust, optimiser=optimiser, engine=engine, steps=steps, seconds=seconds, psnr=psnr,
        max_error=max_error, bytes=bytes, coding=coding, batch=batch, learning_rate=learning_rate, schedule=schedule,
        lattice_only=lattice_only, seed=seed, base=base,
    )  # fmt: skip
    keeping = options.keeping().suited(found, source)
    if keeping.coding == "samples":
        field = sampled(found)
        field.metrics = evaluate(field, found)
        return field
    fitter = options.fitter(found, keeping, source)
    if on_event is None and "IPython" in sys.modules:
        on_event = upstairs("live_curve")
    with stopping_on_interrupt(fitter):
        for event in fitter.run():
            if on_event is not None:
                on_event(event)
    if event.reason not in ("steps", "target"):
        warnings.warn(event.message, RuntimeWarning, stacklevel=2)
    end = finish(fitter, keeping, source)
    if end.missed is not None:
        warnings.warn(end.missed, RuntimeWarning, stacklevel=2)
    end.field.metrics = evaluate(end.field, fitter.signal, execute=end.execute, block=fitter.plan.block)
    return end.field.cpu().eval()


def _check_names(options: Mapping[str, Any]) -> None:
    """Refuse arguments that neither `fit` nor `inr.from_array` has; a misspelt one is likelier of the first."""
    of_fit, of_array = (list(inspect.signature(function).parameters) for function in (fit, from_array))
    for name in options:
        if name not in of_array[1:]:
            close = difflib.get_close_matches(name, [*of_fit, *of_array], n=1)
            raise TypeError(f"fit() has no argument {name!r}" + (f"; did you mean {close[0]!r}?" if close else ""))
