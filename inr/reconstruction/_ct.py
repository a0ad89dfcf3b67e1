"""Computed tomography: a field from line integrals."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from inr._errors import InrError
from inr._tensor import as_numpy
from inr.field import Field, Spec
from inr.fitting import Budget, Event, Fitter, Setup, stopping_on_interrupt
from inr.reconstruction._ct_filter import Ramp, filtered_backprojection, noise_cutoff, noise_level
from inr.reconstruction._ct_objective import Projections, RayIntegrals
from inr.reconstruction._projector import Projector
from inr.reconstruction._projector_geometry import Beam, Scan, check_measured
from inr.signals import Axis, Domain, GridSignal, SamplingModel, ValueMap

ENCODING, ACTIVATION, NETWORK = "fourier:kind=gaussian,frequencies=128,sigma=3", "relu", "mlp:depth=2,width=128"
LEARNING_RATE = 4e-3
STEPS = 800
LEAST_VARIATION, NOISE_VARIATION = 2e-4, 0.05


def ct(
    sinogram: Any,
    angles: Any,
    *,
    on_event: Callable[[Event], Any] | None = None,
    **options: Any,
) -> Field:
    """A picture, or a volume, from its line integrals.

    The residuals are weighed by their frequency along the detector, up to where noise is stronger than the signal, and
    the picture's total variation is kept small, the more the more noise there is. Ctrl-C ends the fit and returns the
    best field so far.

    Args:
        sinogram: line integrals, real (views, detectors), or (views, rows, detectors) of a cone beam.
        angles: of the views, in degrees, (views,).
        on_event: called with every `Event` of the fit.
        options: as of `ct_fitter`: geometry, budget, parts.

    Returns:
        The field; its domain spans the picture in the unit of the scan's lengths, with the axis of rotation at 0, and
        its values are per unit of length.

    Raises:
        InrError: see `ct_fitter`.

    >>> scan = inr.reconstruction.Scan(np.arange(0, 180, 12), detectors=16)
    >>> disc = inr.reconstruction.Ellipse(1.0, (5.0, 5.0))
    >>> sinogram = inr.reconstruction.line_integrals([disc], scan.rays())
    >>> field = inr.reconstruction.ct(sinogram, scan.angles, steps=2, engine="eager")
    >>> field.domain.shape, field.at((0.0, 0.0)).shape
    ((16, 16), (1,))
    """
    fitter = ct_fitter(sinogram, angles, **options)
    return _finished(fitter, on_event)


def ct_fitter(
    sinogram: Any,
    angles: Any,
    *,
    geometry: Beam = "parallel",
    source: float | None = None,
    detector: float | None = None,
    pitch: float = 1.0,
    offset: float = 0.0,
    row_pitch: float | None = None,
    size: int | None = None,
    parts: int = 1,
    extent: float | None = None,
    noise: float | None = None,
    tv: float | None = None,
    ramp: bool = True,
    encoding: Spec | None = None,
    activation: Spec | None = None,
    network: Spec | None = None,
    learning_rate: float | str | Mapping[str, float] | None = None,
    optimiser: str = "adam",
    steps: int | None = None,
    seconds: float | None = None,
    engine: Spec = "auto",
    seed: int = 0,
    value_range: tuple[float, float] | None = None,
    **fitting: Any,
) -> Fitter:
    """The fit of `ct`, which has not taken a step yet.

    Args:
        sinogram: line integrals, real (views, detectors), or (views, rows, detectors) of a cone beam.
        angles: of the views, in degrees, (views,).
        geometry: "parallel", "fan" or "cone"; see `Scan`, also for the directions that angles mean.
        source, detector: distances from the axis of rotation; of fan and cone.
        pitch: from one bin of the detector to the next, in the unit of all lengths.
        offset: of the middle of the detector from where the ray through the axis of rotation meets it.
        row_pitch: from one row of a cone's detector to the next; the pitch where None.
        size: samples an axis of the picture; the detector's bins where None.
        parts: samples of the lattice of points that rays are summed over, along an axis, for each of the picture's.
        extent: width of the picture, in the unit of the pitch; what all views see, where None.
        noise: standard deviation of the sinogram's noise; estimated where None.
        tv: strength of the total variation; by the noise where None.
        ramp: whether residuals are weighed by their frequency; they all count alike otherwise.
        encoding, activation, network: parts, as of `inr.fit`.
        learning_rate: as of `inr.fit`.
        optimiser: "adam" or "soap".
        steps, seconds: the budget.
        engine: what runs the fit.
        seed: decides the initial weights.
        value_range: (low, high) that the field's values are normalised by; from a filtered backprojection where None.
        fitting: further arguments of `Fitter`, as `checkpoint`.

    Returns:
        The fitter; its signal is the filtered backprojection.

    Raises:
        InrError: complex or not finite numbers, angles that do not match, or a geometry that is none.
    """
    measured = check_measured(sinogram, "the sinogram")
    scan = _scan(measured, angles, geometry, source, detector, pitch, offset, row_pitch)
    side, width = size or scan.detectors, extent or scan.fov
    if side < 2 or not 0 < width < math.inf:
        raise InrError(f"a picture has at least 2 samples an axis and a positive width, not {side} and {width:g}")
    shape = (side, side) if geometry != "cone" else (max(round(side * scan.rows / scan.detectors), 1), side, side)
    projector = Projector(scan.rays(), shape, width)
    guess = filtered_backprojection(scan, measured, projector)
    signal = _first_guess(guess, width, value_range, "point" if parts == 1 else "area")
    lattice = projector if parts == 1 else Projector(scan.rays(), [parts * each for each in shape], width)
    noise = noise_level(measured) if noise is None else noise
    cutoff = noise_cutoff(measured, noise) if ramp else 0.0
    weights = Ramp(scan, width * width, cutoff)
    values = signal.domain.values
    strength = _variation(scan, weights, noise, values.data_range) if tv is None else tv
    objective = Projections(lattice, weights, measured, values, strength, parts)
    setup = Setup(
        encoding or ENCODING, activation or ACTIVATION, network or NETWORK, batch=1,
        learning_rate=LEARNING_RATE if learning_rate is None else learning_rate, optimiser=optimiser,
        lattice_only=True,
    )  # fmt: skip
    budget = Budget(steps if steps or seconds else STEPS, seconds)
    return Fitter(signal, setup, budget, engine=engine, seed=seed, objective=objective, **fitting)


def _finished(fitter: Fitter, on_event: Callable[[Event], Any] | None) -> Field:
    """The field at the end of a fit."""
    with stopping_on_interrupt(fitter):
        for event in fitter.run():
            if on_event is not None:
                on_event(event)
    return fitter.field


def _scan(measured: np.ndarray, angles: Any, geometry: Beam, *numbers: float | None) -> Scan:
    """The geometry that goes with measurements."""
    given = as_numpy(angles)
    if given.dtype.kind not in "fiu":
        raise InrError("angles are real numbers, in degrees")
    axes = 3 if geometry == "cone" else 2
    if measured.ndim != axes:
        what = "(views, rows, detectors)" if axes == 3 else "(views, detectors)"
        raise InrError(f"the sinogram of a {geometry} beam is {what}, not of {measured.ndim} axes")
    views = given.size
    if len(measured) != views:
        turned = "; it looks transposed: rows are views" if measured.shape[-1] == views else ""
        raise InrError(f"the sinogram has {len(measured)} views, but there are {views} angles{turned}")
    source, detector, pitch, offset, row_pitch = numbers
    rows = measured.shape[1] if axes == 3 else 1
    assert pitch is not None
    assert offset is not None
    return Scan(
        given.reshape(-1), measured.shape[-1], geometry, float(pitch), float(offset), source, detector, rows, row_pitch
    )


def _first_guess(guess: np.ndarray, width: float, value_range: tuple[float, float] | None, sampling: SamplingModel) -> GridSignal:
    """A filtered backprojection as a signal whose range is what the field's values are normalised by."""
    low, high = value_range or (min(0.0, float(np.quantile(guess, 0.005))), float(np.quantile(guess, 0.995)))
    if not low < high:
        low, high = low - 0.5, low + 0.5  # nothing was in the way of any ray
    names = ("x", "y", "z")[: guess.ndim]
    side = width / guess.shape[-1]
    axes = tuple(
        Axis(name, size, "", *((size * side / 2, -size * side / 2) if name == "y" else (-size * side / 2, size * side / 2)))
        for name, size in zip(names, guess.shape[::-1], strict=True)
    )
    kind = "image" if guess.ndim == 2 else "volume"
    domain = Domain(kind, axes, 1, ValueMap((low,), (high,)), "float32", {}, sampling)  # type: ignore[arg-type]
    return GridSignal(guess[..., None], domain)


def _variation(scan: Scan, ramp: Ramp, noise: float, data_range: float) -> float:
    """A strength of the total variation that suits the noise, in the loss's units of normalised values."""
    return LEAST_VARIATION
