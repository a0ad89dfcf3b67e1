"""Fits that end with the weights of a small file: how weights are kept, and fitting in one call."""

import difflib
import importlib.util
import inspect
import math
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from inr import container
from inr._errors import InrError, MissingExtra
from inr._specs import parse_spec
from inr._upstairs import upstairs
from inr.compression.encoder.coded_weights import CodedWeights, Rate
from inr.compression.files import sampled_contents
from inr.compression.rate_control import level_of_error
from inr.encodings import HashGrid
from inr.field import Execute, Field, SampledField, Spec, half_storage
from inr.fitting import (
    Budget,
    Event,
    Fitter,
    default_setup,
    evaluate,
    make_fitter,
    stopping_on_interrupt,
    whole_errors,
    whole_psnr,
)
from inr.signals import GridSignal, Signal, as_signal, from_array, lossless_bytes, metadata_bytes

Coding = Literal["coded", "half", "exact", "samples"]
# Shares of the lossless file that a coded one takes at most, and of the loss that rounding may add below that.
MAX_SHARE, GROWTH = 0.9, 0.01
# Signals whose lossless form takes less are kept as their samples where nothing is asked for: networks of so few bytes
# are poor at them, and at screens and flat pictures, whose samples take less than so many bits in that form. So are
# maps, of which coding loses metres.
_MIN_LOSSLESS_BYTES, _MIN_LOSSLESS_BITS = 16_000, 0.75
# How often weights are rounded more coarsely until the file fits.
_TRIES = 4
# Rows of a hash grid's finest levels for a byte of the file: about two bits a number are best for pictures and volumes,
# and six for sounds, of which more decibels are kept. And log2 of the fewest rows.
_ROWS_A_BYTE, _ROWS_A_BYTE_OF_SOUND, _MIN_LOG2_SIZE = 0.45, 0.19, 8
# Bytes of a header that names what is not usual, for the first bound of what weights may take.
_HEADER = 300
# A profile or EXIF in a header is text, which takes at most a part in so many more than the bytes that a source holds.
_TEXT_OVERHEAD = 32
# How many standard deviations of errors the largest is, for a first guess.
_LARGEST_ERROR = 5.0
_BELOW_HALF = 0.499
_MARGIN = 1e-3  # of the steps of rounded samples, for what arithmetic rounds besides


@dataclass(frozen=True)
class Keeping:
    """How the weights of a fit are kept.

    Args:
        coding: "coded" (rounded while they are fitted, and entropy-coded), "half" (16-bit floats) or "exact" (float32);
            or "samples", which takes no weights at all, see `SampledField`. None: coded if bytes are given; `suited`
            chooses for a signal.
        bytes: most bytes of the file; None: a share of the signal's lossless form.
        psnr: dB that the smallest file is to have; None: no target.
        max_error: the largest error that a sample of the smallest file may have, in own units; None: no bound.
        learned: whether a network is wanted in any case, because something of it or of its fit was asked for.

    Raises:
        InrError: an unknown coding, bytes that make no sense, or bytes of what is not coded.
        MissingExtra: coding is asked for, and the library for it is not installed.
    """

    coding: Coding | None = None
    bytes: int | None = None
    psnr: float | None = None
    learned: bool = False
    max_error: float | None = None

    def __post_init__(self) -> None:
        if self.coding not in (None, "coded", "half", "exact", "samples"):
            raise InrError(f"a field is kept coded, half, exact or as samples, not {self.coding!r}")
        if self.bytes is not None and self.bytes < 1:
            raise InrError(f"a file has at least 1 byte, got {self.bytes}")
        if self.bytes is not None and self.coding in ("half", "exact", "samples"):
            raise InrError(f"a number of bytes is kept by coding weights, which {self.coding} ones are not; give one")
        if self.max_error is not None:
            self._check_bound()
        if self.codes and not _codable():
            raise MissingExtra("constriction", "compress", "entropy coding")

    def _check_bound(self) -> None:
        if not (self.max_error is not None and 0 < self.max_error < math.inf):
            raise InrError(f"a largest error must be a positive number, got {self.max_error}")
        if self.psnr is not None or self.bytes is not None:
            raise InrError("give one of bytes, a PSNR and a largest error")
        if self.coding in ("half", "exact"):
            raise InrError(f"a largest error is kept by coding weights, which {self.coding} ones are not; give one")

    @property
    def codes(self) -> bool:
        """Whether weights are coded."""
        return self.coding == "coded" or self.bytes is not None

    @property
    def smallest(self) -> bool:
        """Whether the smallest file is looked for that has some PSNR, or no larger error than some."""
        return (self.psnr is not None and self.bytes is None) or self.max_error is not None

    def level(self, signal: Signal) -> float | None:
        """The PSNR that is aimed at, in dB: that of errors of which the largest allowed is some standard deviations."""
        if self.max_error is None:
            return self.psnr
        return 20 * math.log10(_LARGEST_ERROR * signal.domain.values.data_range / self.max_error)

    def suited(self, signal: Signal, source: Path | None = None) -> "Keeping":
        """The same, with a coding that suits a signal where none is asked for.

        Args:
            signal: what is fitted.
            source: the file that it was read from, if there is one.

        Returns:
            Coded weights for grids of enough information, where the library for it is installed. The samples themselves
            for others, where these take no more than the signal's lossless form and no network is wanted. Exact weights
            for all else. Where a PSNR or a largest error is asked for, coded weights of any grid: the smallest file
            that has it.

        Raises:
            InrError: a largest error of scattered samples.
        """
        if self.max_error is not None and not isinstance(signal, GridSignal):
            raise InrError(
                "a largest error is kept of samples on grids; scattered ones are fitted to a PSNR, or as exact"
            )
        if self.coding is not None or self.bytes is not None:
            return self
        if not isinstance(signal, GridSignal):
            return replace(self, coding="exact")
        if self.smallest:
            return replace(self, coding="coded" if _codable() else "exact")
        size = lossless_bytes(signal, source)
        metadata = metadata_bytes(signal.domain)
        pixels = size - metadata
        enough = pixels >= _MIN_LOSSLESS_BYTES and 8 * pixels >= _MIN_LOSSLESS_BITS * signal.size
        enough = enough and signal.domain.sampling != "point"
        if not (enough or self.learned) and _file_size(sampled(signal)) <= size + metadata // _TEXT_OVERHEAD:
            return replace(self, coding="samples")
        return replace(self, coding="coded" if _codable() and (enough or not self.learned) else "exact")

    def parametrisation(
        self, signal: Signal, source: Path | None, objective: Any, *, continuous: bool = True
    ) -> CodedWeights | None:
        """What a fit takes its weights from; None for its own."""
        if not self.codes:
            return None
        learned = objective is None or parse_spec(objective)["name"] == "squared"
        # rounding many bits a number needs few steps to be learned, and few bits need more
        start = 0.7 if self.bytes is None and not self.smallest else 0.5
        rate = self.rate(signal, source)
        return CodedWeights(signal, rate, start=start, bits_learned=learned, continuous=continuous)

    def table(self, signal: Signal, source: Path | None) -> Spec | None:
        """The default encoding with as many rows as the bytes are worth, where that is fewer than suit the signal.

        Args:
            signal: what is fitted.
            source: the file that it was read from, if there is one.

        Returns:
            A hash grid; None where the usual encoding will do.
        """
        if default_setup(signal).encoding != "hash":
            return None
        expected = max(float(self.most_bytes(signal, source) - metadata_bytes(signal.domain)), 1.0)
        if self.smallest:  # bytes halve by some 4 dB, and 45 dB take nearly all of them
            level = self.level(signal) or 0.0
            expected *= 2.0 ** min((level - 45) / 4, 0) if signal.domain.kind == "image" else 1.0
        sound = signal.domain.sampling == "band"
        rows = expected * (_ROWS_A_BYTE_OF_SOUND if sound else _ROWS_A_BYTE)
        size = max(round(math.log2(rows + 1)), _MIN_LOG2_SIZE)
        if size >= HashGrid.suited(signal)["log2_size"]:
            return None
        return f"hash:log2_size={size}" + (",levels=8" if sound else "")

    def rate(self, signal: Signal, source: Path | None) -> Rate:
        """How many bytes coded weights are to take."""
        most = self.most_bytes(signal, source)
        if self.smallest:
            most = max(most, 4 * signal.array.nbytes)
        growth = GROWTH if self.bytes is None else None
        return Rate(max(most - _HEADER - metadata_bytes(signal.domain), 1), growth, self.level(signal))

    def most_bytes(self, signal: Signal, source: Path | None) -> int:
        """Most bytes of the whole file, where it is not the smallest with some PSNR that is looked for."""
        return int(MAX_SHARE * lossless_bytes(signal, source)) if self.bytes is None else self.bytes


def fit(
    signal: Any,
    *,
    preset: str | None = None,
    encoding: Spec | None = None,
    activation: Spec | None = None,
    network: Spec | None = None,
    teacher: Spec | None = None,
    objective: Spec | None = None,
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
    about_fit = (
        preset, encoding, activation, network, teacher, objective, steps, batch, learning_rate, schedule, optimiser,
    )  # fmt: skip
    learned = lattice_only or engine != "auto" or any(each is not None for each in about_fit)
    keeping = Keeping(coding, bytes, psnr, learned, max_error).suited(found, source)
    if keeping.coding == "samples":
        field = sampled(found)
        field.metrics = evaluate(field, found)
        return field
    if preset is encoding is activation is network is None and keeping.codes:
        encoding = keeping.table(found, source)
    fitter = make_fitter(
        found, preset=preset, encoding=encoding, activation=activation, network=network, teacher=teacher,
        objective=objective, engine=engine, budget=Budget(steps, seconds, None if keeping.codes else psnr), batch=batch,
        learning_rate=learning_rate, schedule=schedule, optimiser=optimiser, lattice_only=lattice_only, seed=seed,
        parametrisation=keeping.parametrisation(found, source, objective, continuous=not lattice_only),
    )  # fmt: skip
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


def sampled(signal: Signal) -> Field:
    """The field that keeps a signal's samples, and takes no fit.

    Args:
        signal: on a grid.

    Raises:
        InrError: scattered samples.
    """
    if not isinstance(signal, GridSignal):
        raise InrError("only samples on a grid can be kept as they are; scattered ones need a network")
    field = SampledField(signal).eval()
    field.storage = sampled_contents
    return field


def finish(fitter: Fitter, keeping: Keeping, source: Path | None = None) -> Finished:
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
            if missed is not None or _file_size(samples) < _file_size(fitter.field):
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


@torch.no_grad()
def halve(field: Field) -> None:
    """Round a field's weights to 16-bit floats, as which it is saved."""
    for parameter in field.parameters():
        parameter.copy_(parameter.half())
    field.storage = half_storage


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
        excess = _file_size(field) - limit
        if excess <= 0:
            return
        parametrisation.finish(field, max(_payload_size(field) - excess, 1))


def _file_size(field: Field) -> int:
    return len(container.dumps(*field.storage(field)))


def _payload_size(field: Field) -> int:
    _, sections = field.storage(field)
    return sum(tensor.nbytes for section in sections for tensor in section.tensors.values())


def _codable() -> bool:
    try:
        return importlib.util.find_spec("constriction") is not None
    except ValueError:
        return False
