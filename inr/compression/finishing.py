"""Rounding the weights of a fit that has ended as they are kept."""

import math
from typing import NamedTuple

import numpy as np

from inr.compression.encoder.coded_weights import CodedWeights
from inr.compression.keeping import Keeping, Source
from inr.compression.rate_control import level_of_error
from inr.compression.stored_fields import file_size, halve, payload_size, sampled
from inr.field import Execute, Field
from inr.fitting import Fitter, whole_errors, whole_psnr
from inr.signals import GridSignal

# How often weights are rounded more coarsely until the file fits.
_TRIES = 4
_BELOW_HALF = 0.499
_MARGIN = 1e-3  # of the steps of rounded samples, for what arithmetic rounds besides


class Finished(NamedTuple):
    """What a fit came to.

    Attributes:
        field: what is kept, on the fit's device.
        execute: what evaluates it.
        missed: by what a PSNR that it was to have was missed, in words; None where it was not.
        cost: dB that rounding took where the bytes that are allowed made it coarser; None where they did not.
    """

    field: Field
    execute: Execute
    missed: str | None = None
    cost: float | None = None


def finish(fitter: Fitter, keeping: Keeping, source: Source = None) -> Finished:
    """Round the weights of a fit that has ended as they are to be kept, before they are measured and saved.

    Args:
        fitter: what has run.
        keeping: as of its parametrisation.
        source: the file that the signal was read from, if there is one.

    Returns:
        The fit's field; or the signal's samples, where these are the smaller field that has the PSNR asked for.
    """
    missed, cost, parametrisation = None, None, fitter.parametrisation
    if isinstance(parametrisation, CodedWeights) and keeping.smallest:
        missed = _round_to_quality(fitter, parametrisation, keeping)
        if isinstance(fitter.signal, GridSignal) and not keeping.learned:
            samples = sampled(_rounded(fitter.signal, keeping.max_error))
            if missed is not None or file_size(samples) < file_size(fitter.field):
                return Finished(samples, samples)
    elif isinstance(parametrisation, CodedWeights):
        before = _psnr(fitter, _plain(fitter)) if parametrisation.limited else None
        _round_to_bytes(fitter.field, parametrisation, keeping.most_bytes(fitter.signal, source))
        cost = None if before is None else before - _psnr(fitter, fitter.execute)
    elif keeping.coding == "half":
        halve(fitter.field)
    return Finished(fitter.field, fitter.execute, missed, cost)


def _rounded(signal: GridSignal, max_error: float | None) -> GridSignal:
    """The signal with samples rounded to as few values as a largest error allows: they are told in fewer bytes."""
    if max_error is None:
        return signal
    samples = signal.array
    if samples.dtype.kind in "iu":
        step: float = 2 * math.floor(max_error) + 1
        limits = np.iinfo(samples.dtype)
        rounded = (np.rint(samples / step) * step).clip(float(limits.min), float(limits.max))
    else:
        own = float(np.spacing(np.abs(samples).max()))  # what the type rounds besides
        step = 2 * max_error * (1 - _MARGIN) - 2 * own
        if step <= 0:
            return signal
        rounded = np.rint(samples / step) * step
    rounded = rounded.astype(samples.dtype)
    if np.abs(rounded.astype(np.float64) - samples).max() > max_error:  # numbers too large for their type
        return signal
    return GridSignal(rounded, signal.domain)


def _psnr(fitter: Fitter, execute: Execute) -> float:
    """PSNR in dB on the whole signal, of what evaluates coordinates."""
    return whole_psnr(fitter.field, fitter.signal, execute=execute, block=fitter.plan.block)


def _plain(fitter: Fitter) -> Execute:
    """What evaluates coordinates with the weights before they are rounded."""
    plan, leaves = fitter.plan, fitter.parametrisation.leaves
    return lambda coords: plan.forward(leaves, coords.to(plan.device))


def _round_to_quality(fitter: Fitter, parametrisation: CodedWeights, keeping: Keeping) -> str | None:
    """Round weights as coarsely as the PSNR, or the largest error, allows; by what it is missed, in words."""
    if keeping.max_error is None:
        psnr = keeping.psnr or 0.0
        reached = parametrisation.finish_reaching(psnr, fitter.field, lambda execute: _psnr(fitter, execute))
        if reached >= psnr:
            return None
        return f"{reached:.2f} dB is the best that was found, of {psnr:g} asked for; more seconds or steps find more"

    def level(execute: Execute) -> float:
        errors = whole_errors(fitter.field, fitter.signal, execute=execute, block=fitter.plan.block)
        return level_of_error(errors["max_error"])

    bound = keeping.max_error
    if fitter.signal.array.dtype.kind in "iu":  # what rounds to an allowed difference
        bound = math.floor(bound) + _BELOW_HALF
    if parametrisation.finish_reaching(level_of_error(bound), fitter.field, level) >= level_of_error(bound):
        return None
    return f"no network was found that is within {keeping.max_error:g} everywhere; more seconds or steps may find one"


def _round_to_bytes(field: Field, parametrisation: CodedWeights, limit: int) -> None:
    """Round weights so that the whole file takes at most so many bytes."""
    parametrisation.finish(field, parametrisation.rate.max_bytes)
    for _ in range(_TRIES):
        excess = file_size(field) - limit
        if excess <= 0:
            return
        parametrisation.finish(field, max(payload_size(field) - excess, 1))
