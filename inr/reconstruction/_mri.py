"""Magnetic resonance imaging: a complex field from some of its Fourier transform."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from inr._errors import InrError
from inr._tensor import as_numpy
from inr.engines import Batch
from inr.field import Field, Jet, Reads
from inr.fitting import Budget, Event
from inr.reconstruction._ct import grid_setup
from inr.reconstruction._fourier import MaskedFourier
from inr.reconstruction._inputs import array_names, load_arrays, read_mask
from inr.reconstruction._problem import Classical, Problem, take_parts
from inr.reconstruction._total_variation import mean_variation, tv_reconstruct
from inr.signals import GridSignal, ValueMap, from_array, grid_range

_LEAST_STRENGTH, _STRENGTH_OF_NOISE = 0.007, 0.5
_TV_OF_RANGE, _TV_STEPS = 1e-3, 200


class Frequencies:
    """A field's Fourier transform should be the measured one, where it was measured.

    The loss is a mean squared error of normalised values, as far as the frequencies see it (Parseval), plus `strength`
    times the mean length of the differences from sample to sample, of real and imaginary parts at once.

    Args:
        fourier: what is measured.
        kspace: the measurements, complex64 (*fourier.measured).
        values: the map from the field's values to the picture's units.
        strength: of the total variation.
    """

    reads = Reads()

    def __init__(
        self, fourier: MaskedFourier, kspace: Complex[Tensor, "*measured"], values: ValueMap, strength: float
    ) -> None:
        self._fourier, self._kspace, self._values, self._strength = fourier, kspace, values, strength
        self._coords = grid_range(fourier.shape, 0, int(np.prod(fourier.shape)))

    def coords(self, batch: Batch) -> Float[Tensor, "n d"]:
        """The samples of the picture."""
        return self._coords.to(batch.indices.device)

    def total(self, jet: Jet, batch: Batch) -> Float[Tensor, ""]:
        """The loss."""
        channels = jet.values.T.reshape(-1, *self._fourier.shape)
        restored = self._values.restore(channels)
        picture = torch.complex(restored[0], restored[1] if len(restored) > 1 else torch.zeros_like(restored[0]))
        missed = torch.view_as_real(self._fourier(picture) - self._kspace.to(picture.device))
        loss = missed.square().sum() / (channels[0].numel() * (self._values.data_range / 2) ** 2)
        return loss + self._strength * mean_variation(channels) if self._strength else loss


def mri(
    kspace: Any,
    mask: Any = None,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    engine: str = "auto",
    seed: int = 0,
    on_event: Callable[[Event], Any] | None = None,
    **options: Any,
) -> Field:
    """A picture, or a volume, from some of its k-space.

    Ctrl-C ends the fit and returns the best field so far.

    Args:
        kspace: complex (*shape), or (coils, *shape) with sensitivities; of 2 or 3 axes, frequency 0 in the middle.
        mask: which frequencies were measured, (*shape) or what can be broadcast to it, as one line; those that are not
            0 where None.
        steps, seconds: the budget; 1,000 steps where neither is given.
        engine: what runs the fit, as of `inr.fit`.
        seed: decides the initial weights.
        on_event: called with every `Event` of the fit.
        options: as of `magnetic_resonance`; and `encoding`, `activation`, `network`, `learning_rate` and `optimiser` as
            of `inr.fit`.

    Returns:
        The field, with two channels, the real and the imaginary part, or with one.

    Raises:
        InrError: see `magnetic_resonance`.

    >>> disc = inr.reconstruction.Ellipse(1.0, (0.5, 0.5))
    >>> kspace = inr.reconstruction.fourier_samples([disc], (16, 16))
    >>> field = inr.reconstruction.mri(kspace, steps=2, engine="eager")
    >>> field.domain.shape, field.domain.channels
    ((16, 16), 2)
    """
    parts = take_parts(options)
    ready = magnetic_resonance(kspace, mask=mask, **options).with_parts(parts)
    return ready.fit(Budget(steps, seconds), engine=engine, seed=seed, on_event=on_event).field


def magnetic_resonance(
    given: Any,
    *,
    mask: Any = None,
    sensitivities: Any = None,
    centred: bool = True,
    real: bool = False,
    noise: float | None = None,
    strength: float | None = None,
) -> Problem:
    """A picture, or a volume, of which some of the Fourier transform is known.

    Args:
        given: k-space, complex (*shape), or (coils, *shape) with sensitivities, of 2 or 3 axes, in the scale of a
            unitary transform; or a mapping, or the path of an .npz file, with `kspace` and, if there are any, `mask`
            and `sensitivities`.
        mask: which frequencies were measured, (*shape) or what can be broadcast to it, or the path of a picture that is
            bright where they were; those that are not 0 where None.
        sensitivities: of the coils, complex (coils, *shape).
        centred: whether frequency 0 is in the middle, at index n // 2 of each axis; at index 0 otherwise.
        real: whether the picture has no imaginary part; the field then has one channel.
        noise: standard deviation of the noise of each of real and imaginary part; estimated from the highest
            frequencies where None.
        strength: of the total variation; by the noise where None.

    Returns:
        The problem; the zero-filled picture and total variation stand beside it. Pictures are magnitudes, unless the
        picture is real.

    Raises:
        InrError: real or not finite numbers, a mask or sensitivities of another size, or no measured frequency.
    """
    names = array_names(given)
    if names is not None:
        given, mask, sensitivities = _read(given, names, mask, sensitivities)
    measured, chosen, coils = _checked(given, mask, sensitivities)
    fourier = MaskedFourier(chosen, coils, centred=centred)
    _check_middle(measured, chosen, centred)
    data = torch.from_numpy(measured) * torch.from_numpy(chosen)
    guess = fourier.zero_filled(data).numpy()
    signal = _first_guess(guess, real)
    values, found = signal.domain.values, _noise_level(measured, chosen, centred) if noise is None else noise
    if strength is None:
        strength = _LEAST_STRENGTH + _STRENGTH_OF_NOISE * found / values.data_range
    objective = Frequencies(fourier, data, values, strength)
    facts = [
        f"{chosen.mean():.1%} of the frequencies measured",
        f"noise {'estimated' if noise is None else 'given'}: {found:.3g}",
        f"total variation: {strength:.3g}",
    ]

    def zero_filled() -> np.ndarray:
        return _channels(guess, real)

    def variation() -> np.ndarray:
        start = np.zeros(fourier.shape, np.complex64)
        limit = _TV_OF_RANGE * float(np.abs(guess).max()) + found
        found_picture = tv_reconstruct(*fourier.operators(), data.numpy(), start, limit, _TV_STEPS)
        return _channels(found_picture, real)

    classical = [
        Classical("zero-filled", zero_filled),
        Classical("TV", variation, "Chambolle and Pock" + ("" if coils is None else ", with the coils' sensitivities")),
    ]
    setup = grid_setup(signal.domain, 1)
    return Problem(
        "mri", signal, objective, setup, signal.domain, _channels(guess, real), classical, facts, magnitudes=not real
    )


def _read(given: Any, names: set[str], mask: Any, sensitivities: Any) -> tuple[Any, Any, Any]:
    """K-space, mask and sensitivities of a file or a mapping; arguments go before."""
    if "kspace" not in names:
        raise InrError(f"the data holds {', '.join(sorted(names))}, but no kspace")
    held = load_arrays(given, names & {"kspace", "mask", "sensitivities"})
    mask = held.get("mask") if mask is None else mask
    coils = held.get("sensitivities") if sensitivities is None else sensitivities
    return held["kspace"], mask, coils


def _checked(kspace: Any, mask: Any, sensitivities: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """K-space, mask and sensitivities of shapes that go together."""
    measured = as_numpy(kspace)
    if measured.dtype.kind != "c":
        raise InrError("k-space is complex; real line integrals are for inr.reconstruction.ct")
    coils = None if sensitivities is None else as_numpy(sensitivities)
    if coils is not None and coils.dtype.kind not in "cf":
        raise InrError("sensitivities of coils are complex numbers")
    shape = measured.shape if coils is None else measured.shape[1:]
    if len(shape) not in (2, 3):
        first = "" if coils is None else "a first axis for coils, and "
        raise InrError(f"k-space has {first}2 or 3 axes, not the shape {tuple(measured.shape)}")
    if coils is not None and coils.shape != measured.shape:
        raise InrError(f"sensitivities {tuple(coils.shape)} are not of the shape of k-space, {tuple(measured.shape)}")
    bad = int(measured.size - np.isfinite(measured).sum()) + (0 if coils is None else int((~np.isfinite(coils)).sum()))
    if bad:
        raise InrError(f"{bad} numbers of k-space or sensitivities are not finite; leave them out by the mask, as 0")
    if isinstance(mask, str | Path):
        mask = read_mask(mask, shape[-2:])
    chosen = (measured != 0).reshape(-1, *shape).any(0) if mask is None else as_numpy(mask)
    if chosen.dtype.kind not in "bui" and not np.isin(chosen, (0, 1)).all():
        raise InrError("a mask is true, or 1, where k-space was measured, and false, or 0, elsewhere")
    try:
        chosen = np.broadcast_to(chosen.astype(bool), shape).copy()
    except ValueError:
        raise InrError(f"the mask {tuple(chosen.shape)} is not of the size of k-space, {tuple(shape)}") from None
    if not chosen.any():
        raise InrError("the mask leaves no frequency that was measured")
    return np.ascontiguousarray(measured, np.complex64), chosen, None if coils is None else coils


def _check_middle(measured: np.ndarray, mask: np.ndarray, centred: bool) -> None:
    """Refuse k-space whose strongest frequency is at the place that the other convention has for frequency 0."""
    strength = (np.abs(measured).reshape(-1, *mask.shape) ** 2).sum(0) * mask
    middle, corner = strength[tuple(size // 2 for size in mask.shape)], strength[(0,) * mask.ndim]
    largest = strength.max()
    here, there = (middle, corner) if centred else (corner, middle)
    if there == largest > 100 * here:
        said = "index 0: give centred=False" if centred else "the middle: give centred=True"
        raise InrError(f"the strongest frequency of k-space is at {said}, or shift it there")


def _first_guess(guess: np.ndarray, real: bool) -> GridSignal:
    """A zero-filled picture as a signal whose range is what the field's values are normalised by."""
    largest = float(np.quantile(np.abs(guess), 0.999)) or 1.0
    low = -largest
    if real:
        low = min(0.0, float(np.quantile(guess.real, 0.001)))
    return from_array(
        _channels(guess, real), kind="image" if guess.ndim == 2 else "volume", channels_last=True,
        value_range=(low, largest), sampling="point",
    )  # fmt: skip


def _channels(picture: np.ndarray, real: bool) -> np.ndarray:
    """Real and imaginary parts as channels, float32."""
    channels = picture.real[..., None] if real else np.stack((picture.real, picture.imag), -1)
    return np.ascontiguousarray(channels, np.float32)


def _noise_level(measured: np.ndarray, mask: np.ndarray, centred: bool) -> float:
    """The standard deviation of real and imaginary part of what was measured at the highest frequencies."""
    axes = [np.abs(np.fft.fftfreq(size)) * 2 for size in mask.shape]
    axes = [np.fft.fftshift(axis) for axis in axes] if centred else axes
    radius = np.sqrt(sum(place**2 for place in np.meshgrid(*axes, indexing="ij")))
    outer = mask & (radius >= min(0.9, float(radius[mask].max())))
    magnitudes = np.abs(measured.reshape(-1, *mask.shape)[:, outer])
    return float(np.median(magnitudes) / 1.17741)  # of a Rayleigh distribution
