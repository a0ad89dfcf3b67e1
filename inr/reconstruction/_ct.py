"""Computed tomography: a field from line integrals."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from inr._errors import InrError
from inr._tensor import as_numpy
from inr.field import Field
from inr.fitting import Budget, Event, Setup
from inr.reconstruction._ct_classical import classical_methods
from inr.reconstruction._ct_filter import Ramp, filtered_backprojection, noise_cutoff, noise_level
from inr.reconstruction._ct_inputs import read_sinogram, scan_of
from inr.reconstruction._ct_objective import Projections, RayIntegrals
from inr.reconstruction._inputs import array_names, check_real, read_arrays
from inr.reconstruction._problem import Problem, take_parts
from inr.reconstruction._projector import Projector
from inr.reconstruction._projector_geometry import Beam
from inr.signals import Axis, Domain, GridSignal, PointPool, Points, SamplingModel, ValueMap, grid_range

_STEPS = 1_000
_RAY_STEPS, _RAYS = 3_000, 512  # where rays lie anyhow: of a step
# of the total variation, by the noise, in the loss's units of normalised values
_LEAST_STRENGTH, _STRENGTH_OF_NOISE = 0.01, 3.0
_LARGEST_OF_TWO_PARTS = 256  # samples an axis


def ct(
    sinogram: Any,
    angles: Any = None,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    engine: str = "auto",
    seed: int = 0,
    on_event: Callable[[Event], Any] | None = None,
    **options: Any,
) -> Field:
    """A picture, or a volume, from its line integrals.

    Residuals are weighed by their frequency along the detector, up to where noise is stronger than the signal, and the
    total variation is kept small, the more the more noise there is. Ctrl-C ends the fit and returns the best field so
    far.

    Args:
        sinogram: line integrals, real (views, detectors), or (views, rows, detectors) of a cone beam; or whatever else
            `tomography` takes.
        angles: of the views, in degrees, (views,).
        steps, seconds: the budget; 1,000 steps where neither is given.
        engine: what runs the fit, as of `inr.fit`.
        seed: decides the initial weights.
        on_event: called with every `Event` of the fit.
        options: as of `tomography`: the geometry, the picture, the prior; and `encoding`, `activation`, `network`,
            `learning_rate` and `optimiser` as of `inr.fit`.

    Returns:
        The field; its domain spans the picture in the unit of the scan's lengths, with the axis of rotation at 0, and
        its values are per unit of length.

    Raises:
        InrError: see `tomography`.

    >>> scan = inr.reconstruction.Scan(np.arange(0, 180, 12), detectors=16)
    >>> disc = inr.reconstruction.Ellipse(1.0, (5.0, 5.0))
    >>> sinogram = inr.reconstruction.line_integrals([disc], scan.rays())
    >>> field = inr.reconstruction.ct(sinogram, scan.angles, steps=2, engine="eager")
    >>> field.domain.shape, field.at((0.0, 0.0)).shape
    ((16, 16), (1,))
    """
    parts = take_parts(options)
    ready = tomography(sinogram, angles=angles, **options).with_parts(parts)
    return ready.fit(Budget(steps, seconds), engine=engine, seed=seed, on_event=on_event).field


def tomography(
    given: Any,
    *,
    angles: Any = None,
    geometry: Beam | str | None = None,
    source: float | None = None,
    detector: float | None = None,
    pitch: float | None = None,
    offset: float | None = None,
    row_pitch: float | None = None,
    size: int | None = None,
    extent: float | None = None,
    parts: int | None = None,
    noise: float | None = None,
    strength: float | None = None,
    ramp: bool = True,
    value_range: tuple[float, float] | None = None,
) -> Problem:
    """A picture, or a volume, of which line integrals are known.

    Args:
        given: line integrals, real (views, detectors), or (views, rows, detectors) of a cone beam; a mapping or the
            path of an .npz file with `sinogram`, `angles` and, where they are not the usual ones, `geometry`, `source`,
            `detector`, `pitch`, `offset` and `row_pitch`, or with `rays` (n, 2, d), two points of each, between which
            its integral is taken, and `values` (n,); or the path of a picture of the sinogram, a row a view.
        angles: of the views, in degrees, (views,); or the path of an .npy or text file of them.
        geometry: "parallel", "fan" or "cone"; see `Scan`, also for the directions that angles mean.
        source, detector: distances from the axis of rotation; of fan and cone.
        pitch: from one bin of the detector to the next, in the unit of all lengths; 1 where nothing is given.
        offset: of the middle of the detector from where the ray through the axis of rotation meets it; 0.
        row_pitch: from one row of a cone's detector to the next; the pitch.
        size: samples an axis of the picture; the detector's bins where None.
        extent: width of the picture, in the unit of the pitch; what all views see, where None.
        parts: points that rays are summed over, along an axis, for each sample of the picture, and rays for
            each bin; where None, 2 for pictures of up to 256 samples an axis, and 1 for larger ones and volumes.
        noise: standard deviation of the noise; estimated where None.
        strength: of the total variation; by the noise where None.
        ramp: whether residuals are weighed by their frequency; they all count alike otherwise.
        value_range: (low, high) that the field's values are normalised by; by a filtered backprojection where None.

    Returns:
        The problem; FBP, SART and total variation stand beside it where the data are a sinogram of a picture.

    Raises:
        InrError: complex or not finite numbers, angles that do not match, or a geometry that is none.
    """
    names = array_names(given) or set()
    if "rays" in names:
        if angles is not None or geometry is not None:
            raise InrError("rays say themselves where they ran: give no angles and no geometry")
        return _of_rays(read_arrays(given, ("rays", "values")), size, extent, value_range)
    told: dict[str, Any] = {
        "angles": angles, "geometry": geometry, "source": source, "detector": detector, "pitch": pitch,
        "offset": offset, "row_pitch": row_pitch,
    }  # fmt: skip
    sinogram, told = read_sinogram(given, names, told)
    sinogram = as_numpy(sinogram)
    check_real(sinogram, "the sinogram")
    measured = np.ascontiguousarray(sinogram, np.float32)
    scan = scan_of(measured, **told)
    side, width = size or scan.detectors, extent or scan.fov
    _check_picture(side, width)
    if parts is None:
        parts = 2 if scan.beam != "cone" and side <= _LARGEST_OF_TWO_PARTS else 1
    if parts < 1 or (parts > 1 and scan.beam == "cone"):
        raise InrError(f"samples of a picture have 1 part or more, and those of a volume 1, not {parts}")
    shape = (side, side) if scan.beam != "cone" else (max(round(side * scan.rows / scan.detectors), 1), side, side)
    projector = Projector(scan.rays(), shape, width)
    guess = filtered_backprojection(scan, measured, projector)
    domain = _domain(shape, width, value_range or _range_of(guess), "point" if parts == 1 else "area")
    lattice = projector if parts == 1 else Projector(scan.finer(parts).rays(), [parts * each for each in shape], width)
    found = noise_level(measured) if noise is None else noise
    weights = Ramp(scan, width * width, noise_cutoff(measured, found) if ramp else 0.0)
    if strength is None:
        strength = _LEAST_STRENGTH + _STRENGTH_OF_NOISE * weights.noise_of(found) / domain.values.data_range
    centres = domain.positions(grid_range(lattice.shape, 0, math.prod(lattice.shape)).double().numpy())
    unseen = (1 - scan.seen(centres)).astype(np.float32).reshape(lattice.shape)
    objective = Projections(lattice, weights, measured, unseen, domain.values, strength, parts)
    facts = [
        f"noise of the sinogram {'estimated' if noise is None else 'given'}: {found:.3g}",
        f"total variation: {strength:.3g}",
    ]
    classical = classical_methods(scan, measured, projector, found) if scan.beam != "cone" else ()
    shown = _as_picture(measured, domain) if scan.beam != "cone" else guess
    signal = GridSignal(guess[..., None], domain)
    return Problem("ct", signal, objective, grid_setup(domain, 1), domain, shown, classical, facts)


def grid_setup(domain: Domain, batch: int, steps: int = _STEPS) -> Setup:
    """A grid with a vertex for every sample, and a small network, for a picture or a volume.

    Args:
        domain: of it.
        batch: of a step, where its points are drawn.
        steps: where no budget is given.
    """
    assert domain.shape is not None
    finest = max(domain.shape)
    encoding = f"dense:levels=6,coarsest=8,finest={max(finest, 8)}"
    if len(domain.shape) == 3:
        encoding = f"hash:levels=8,coarsest=8,finest={max(finest, 8)},log2_size=18"
    return Setup(
        encoding, "relu", "mlp:depth=2,width=64", batch=batch, steps=steps,
        learning_rate={"network": 5e-3, "encoding": 1e-2}, lattice_only=True,
    )  # fmt: skip


def _of_rays(
    arrays: Mapping[str, np.ndarray], size: int | None, extent: float | None, value_range: tuple[float, float] | None
) -> Problem:
    """A picture from integrals along rays that lie anyhow."""
    rays, values = arrays["rays"], arrays["values"].astype(np.float32).reshape(-1)
    if rays.ndim != 3 or rays.shape[1] != 2 or rays.shape[2] not in (2, 3):
        raise InrError(f"rays are two points each, (n, 2, 2) or (n, 2, 3), not {tuple(rays.shape)}")
    if len(rays) != len(values):
        raise InrError(f"there are {len(rays)} rays, but {len(values)} values")
    width = extent or 2 * float(np.abs(rays).max())
    side = size or max(round(math.sqrt(len(rays))), 16)
    _check_picture(side, width)
    objective = RayIntegrals(rays, width, 2 * side, values)
    if value_range is None:
        means = values[objective.reach > 0] / objective.reach[objective.reach > 0]
        if not means.size:
            raise InrError(f"no ray crosses the picture, {width:g} wide round the origin: give another extent")
        value_range = min(0.0, 2 * float(means.min())), 2 * float(np.quantile(means, 0.99)) or 1.0
    domain = _domain((side,) * rays.shape[2], width, value_range, "point")
    objective.values = domain.values
    pool = PointPool(domain, [Points((rays.mean(1) / (width / 2)).astype(np.float32), values[:, None])])
    shown = np.full((1, 1, 1), np.nan, np.float32)
    facts = [f"{len(rays):,} rays, integrated at {2 * side} points each"]
    return Problem(
        "ct", pool, objective, grid_setup(domain, min(_RAYS, len(rays)), _RAY_STEPS), domain, shown, (), facts
    )


def _check_picture(side: int, width: float) -> None:
    if side < 2 or not 0 < width < math.inf:
        raise InrError(f"a picture has at least 2 samples an axis and a positive width, not {side} and {width:g}")


def _range_of(guess: np.ndarray) -> tuple[float, float]:
    """The range of most of the values of a filtered backprojection, and 0."""
    low, high = min(0.0, float(np.quantile(guess, 0.005))), float(np.quantile(guess, 0.995))
    return (low, high) if low < high else (low - 0.5, low + 0.5)  # nothing was in the way of any ray


def _domain(shape: tuple[int, ...], width: float, ends: tuple[float, float], sampling: SamplingModel) -> Domain:
    """Of a picture round the axis of rotation, y upwards."""
    side = width / shape[-1]
    axes = []
    for name, size in zip("xyz", shape[::-1], strict=False):
        reach = size * side / 2 * (-1 if name == "y" else 1)
        axes.append(Axis(name, size, "", -reach, reach))
    kind = "image" if len(shape) == 2 else "volume"
    return Domain(kind, tuple(axes), 1, ValueMap((ends[0],), (ends[1],)), "float32", {}, sampling)  # type: ignore[arg-type]


def _as_picture(measured: np.ndarray, domain: Domain) -> Float[np.ndarray, "views detectors 1"]:
    """A sinogram in the range of the picture's values, to be shown."""
    low, high = domain.values.low[0], domain.values.high[0]
    top = float(measured.max()) or 1.0
    return (low + (high - low) * measured / top)[..., None].astype(np.float32)
