"""How close a field's shape comes to the mesh that it was fitted to."""

import math
from dataclasses import replace
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from inr._errors import InrError
from inr.field import Field, Spec
from inr.geometry import Mesh, build_tree, closest, sample_surface, space_filling
from inr.shapes._implicit import Implicit, implicit
from inr.shapes._mesh import mesh
from inr.signals import Signal

_NEAR = 0.01  # standard deviation of samples near the surface, in units of [-1, 1]
_BAND = 0.1  # around the surface in which slopes are looked at, in units of [-1, 1]
# of what is measured, what is kept with a field, beside the overlaps that every fit knows
_KEPT = ("chamfer", "hausdorff", "normal_consistency", "f_score", "f_score_fine", "eikonal")
_SURE = 1.96  # standard errors on each side that 95 % lie within


@runtime_checkable
class Reference(Protocol):
    """A mesh in [-1, 1]³ that knows what is inside: `inr.geometry.SignedDistance`, or the solid of a shape's signal.

    Attributes:
        mesh: the surface.
    """

    mesh: Mesh

    def inside(self, points: Float[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """Whether points are inside."""
        ...


class Measures(NamedTuple):
    """How a shape and a mesh agree. Distances are in own units.

    Attributes:
        iou: intersection over union of the insides, by samples that are uniform in the box.
        iou_error: 1.96 standard errors of it.
        iou_near: the same by samples of the surface, moved by N(0, 0.01) of half the box's side.
        iou_near_error: 1.96 standard errors of it.
        chamfer: the mean, over both ways, of the mean distance from a surface to the other's triangles, not squared.
        hausdorff: the largest of those distances, either way.
        normal_consistency: the mean of |n · n'| of closest points, over both ways.
        f_score: the harmonic mean of the shares of each surface that lie within 1 % of the longest side of the other.
        f_score_fine: within 0.1 %.
        eikonal: the mean of |‖∇f‖ - 1| where |f| < 0.1, f being the distance in units of [-1, 1]; NaN of occupancies.
    """

    iou: float
    iou_error: float
    iou_near: float
    iou_near_error: float
    chamfer: float
    hausdorff: float
    normal_consistency: float
    f_score: float
    f_score_fine: float
    eikonal: float


def measure(
    shape: Field | Implicit,
    reference: Reference,
    *,
    samples: int = 1 << 16,
    resolution: int = 256,
    seed: int = 0,
    engine: Spec = "auto",
) -> Measures:
    """Compare the shape of a field with a mesh.

    Papers take 2^20 samples; the usual number here is for every day, and the errors say what it leaves open.

    Args:
        shape: a field that was fitted to a shape in space, or a function.
        reference: the mesh, in the coordinates of the shape's function; `signal.solid` of what a field was fitted to.
        samples: uniform ones; as many on each surface, and a quarter of them near the mesh.
        resolution: of the mesh that is made of the shape.
        seed: of the samples.
        engine: what evaluates a field.

    Returns:
        All measures.

    Raises:
        InrError: a field of another kind or of a shape in the plane, or without a surface.
    """
    found = shape if isinstance(shape, Implicit) else implicit(shape, engine)
    surface = mesh(replace(found, centre=(0.0, 0.0, 0.0), scale=1.0), resolution, normals=False)
    rng = np.random.default_rng(seed)
    uniform = rng.uniform(-1, 1, (samples, 3))
    uniform = uniform[space_filling(uniform)]  # searches begin with what the last one found
    near = sample_surface(reference.mesh, max(samples // 4, 1), rng).points
    moved = near + rng.normal(0, _NEAR, near.shape)
    iou, iou_error = _overlap(found, reference, uniform)
    iou_near, iou_near_error = _overlap(found, reference, moved)
    chamfer, hausdorff, agreement, f_score, f_score_fine = _distances(surface, reference.mesh, samples, rng)
    return Measures(
        iou, iou_error, iou_near, iou_near_error, chamfer * found.scale, hausdorff * found.scale, agreement, f_score,
        f_score_fine, _eikonal(found, uniform),
    )  # fmt: skip


def surface_measures(field: Field, signal: Signal) -> dict[str, float]:
    """How near the surface of a field is to that of the mesh that it was fitted to, as fits keep it.

    Args:
        field: of anything.
        signal: that it was fitted to.

    Returns:
        Of `Measures` all but the overlaps, those that are finite; empty where there is no mesh, or no surface.
    """
    solid = getattr(signal, "solid", None)
    if solid is None or signal.in_dim != 3:
        return {}
    try:
        found = measure(field, solid)._asdict()
    except InrError:  # a field without a surface, of which the overlap says enough
        return {}
    return {name: found[name] for name in _KEPT if math.isfinite(found[name])}


def _overlap(shape: Implicit, reference: Reference, points: Float[np.ndarray, "n 3"]) -> tuple[float, float]:
    """Intersection over union at points, and 1.96 standard errors."""
    points = points.astype(np.float32)
    ours, theirs = shape.values(points) < 0, reference.inside(points.astype(np.float64))
    union = int((ours | theirs).sum())
    share = float((ours & theirs).sum() / max(union, 1))
    return share, float(_SURE * np.sqrt(share * (1 - share) / max(union, 1)))


def _distances(
    ours: Mesh, theirs: Mesh, samples: int, rng: np.random.Generator
) -> tuple[float, float, float, float, float]:
    """Chamfer and Hausdorff distance, the agreement of normals, and F-scores."""
    longest = float((theirs.vertices.max(0) - theirs.vertices.min(0)).max())
    means, largest, agreement, shares = [], [], [], []
    for one, other in ((ours, theirs), (theirs, ours)):
        drawn = sample_surface(one, samples, rng)
        hit = closest(build_tree(other.vertices[other.faces].astype(np.float64)), drawn.points)
        distances = np.sqrt(hit.squared)
        vectors = other.face_vectors[hit.faces]
        lengths = np.maximum(np.linalg.norm(vectors, axis=1), np.finfo(np.float64).tiny)
        means.append(distances.mean())
        largest.append(distances.max())
        agreement.append(np.abs((vectors * drawn.normals).sum(1) / lengths).mean())
        shares.append([(distances < limit * longest).mean() for limit in (1e-2, 1e-3)])
    scores = 2 * np.prod(shares, axis=0) / np.maximum(np.sum(shares, axis=0), np.finfo(np.float64).tiny)
    return float(np.mean(means)), float(max(largest)), float(np.mean(agreement)), float(scores[0]), float(scores[1])


def _eikonal(shape: Implicit, points: Float[np.ndarray, "n 3"]) -> float:
    if shape.unit is None:
        return float("nan")
    points = points.astype(np.float32)
    close = points[np.abs(shape.values(points)) * shape.unit < _BAND]
    if not len(close):
        return float("nan")
    return float(np.abs(np.linalg.norm(shape.gradients(close), axis=1) * shape.unit - 1).mean())
