"""Signals of meshes, of oriented points and of silhouettes."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError, InrWarning
from inr.geometry import Mesh, OrientedPoints, cleaned, read_shape
from inr.signals._domain import Domain
from inr.signals._formats import ShapeAs
from inr.signals._oriented import OrientedSignal
from inr.signals._shape import ShapeSignal, shape_domain
from inr.signals._shape_source import ShapeSource
from inr.signals._signal import Signal
from inr.signals._solid import MeshSolid

_FLAT = 1e-14  # the least variance of a mesh's vertices along any axis, in a box of sides of 2


def read(path: Path, form: str, as_shape: ShapeAs | None, max_bytes: int) -> ShapeSource:
    """What a file of a mesh or of points holds.

    Args:
        path: of the file.
        form: as `inr.geometry.shape_format` has it.
        as_shape: what is learned of it; what is usual for what the file holds when None.
        max_bytes: refuse files of which the arrays would be larger than this.
    """
    size = path.stat().st_size
    if size > max_bytes:
        raise InrError(f"{path} has {size:,} bytes, more than the {max_bytes:,} that may be read")
    found = read_shape(path, form)
    if isinstance(found, OrientedPoints):
        return ShapeSource.of_points(found.positions, found.normals, as_shape, str(path))
    arrays = {"vertices": found.vertices, "faces": found.faces}
    if found.colours is not None:
        arrays["colours"] = found.colours
    return ShapeSource("mesh", arrays, as_shape, str(path))


def from_mesh(
    vertices: Any,
    faces: Any,
    colours: Any = None,
    *,
    as_shape: ShapeAs | None = None,
    seed: int = 0,
    source: str = "the mesh",
) -> Signal:
    """A signal from a triangle mesh.

    Args:
        vertices: real numbers (n, 3), in own units.
        faces: integers (m, 3), counterclockwise as seen from outside. Meshes may be open and may overlap themselves.
        colours: uint8 (n, 3), red, green and blue of the vertices, sRGB; they are learned beside signed distances, of
            which alone they are. None: no colours.
        as_shape: "sdf", signed distances; "occupancy", what is inside; "eikonal", a distance that is learned from
            points of the surface and their normals alone. None: "sdf".
        seed: of the points that are drawn around the surface.
        source: what is said to be at fault.

    Returns:
        The signal, of kind shape.

    Raises:
        InrError: positions that are no numbers, faces that name no vertex, or a mesh without any volume or area.

    Warns, by `inr.InrWarning`, of what was found otherwise than it should be, with what was done about it.

    >>> corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> signal = inr.signals.from_mesh(corners, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]))
    >>> signal.domain.kind, signal.in_dim
    ('shape', 3)
    """
    mesh, domain = boxed_mesh(vertices, faces, colours, as_shape, source)
    if colours is not None and domain.channels == 1:
        warnings.warn(f"{source}: colours are learned beside sdf alone, and are left out", InrWarning, stacklevel=2)
    solid = MeshSolid(mesh)
    for note in solid.notes:
        warnings.warn(f"{source}: {note}", InrWarning, stacklevel=2)
    if as_shape == "eikonal":
        points, normals = solid.surface(OrientedSignal.usual_size, np.random.default_rng(seed))
        return OrientedSignal(points, normals, domain, solid=solid, seed=seed)
    return ShapeSignal(solid, domain, seed=seed)


def boxed_mesh(vertices: Any, faces: Any, colours: Any, as_shape: ShapeAs | None, source: str) -> tuple[Mesh, Domain]:
    """A mesh in [-1, 1]³ without what has no area, and its domain; arguments and errors are those of `from_mesh`."""
    vertices, faces = np.asarray(vertices), np.asarray(faces)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or vertices.dtype.kind not in "fiu":
        raise InrError(f"{source}: vertices are real numbers (n, 3), not {vertices.dtype} of shape {vertices.shape}")
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
        raise InrError(f"{source}: faces are whole numbers (m, 3), not {faces.dtype} of shape {faces.shape}")
    if not len(faces):
        raise InrError(f"{source} has no faces")
    if faces.min() < 0 or faces.max() >= len(vertices):
        wrong = faces.min() if faces.min() < 0 else faces.max()
        raise InrError(f"{source}: a face names vertex {wrong}, and there are {len(vertices):,}")
    if as_shape not in (None, "sdf"):
        colours = None
    if colours is not None:
        colours = np.asarray(colours)
        if colours.dtype != np.uint8 or colours.shape != vertices.shape:
            raise InrError(
                f"{source}: colours are uint8 {vertices.shape}, one of each vertex, not {colours.dtype} of shape "
                f"{colours.shape}"
            )
    try:
        mesh = cleaned(Mesh(vertices.astype(np.float64), faces.astype(np.int64), colours=colours))
    except InrError as error:
        raise InrError(f"{source}: {error}") from None
    if len(mesh.faces) < 2:
        raise InrError(f"{source} has one triangle, which encloses nothing")
    domain, centre, half = shape_domain(
        mesh.vertices.min(0), mesh.vertices.max(0), as_shape or "sdf", source, coloured=colours is not None
    )
    inside = (mesh.vertices - centre) / half
    if np.linalg.eigvalsh(np.cov(inside.T))[0] < _FLAT:
        raise InrError(f"{source} lies in one plane, and encloses nothing")
    return Mesh(inside, mesh.faces, colours=mesh.colours), domain


def from_points(
    positions: Any, normals: Any = None, *, as_shape: ShapeAs | None = None, seed: int = 0, source: str = "the points"
) -> Signal:
    """A signal from points of a surface.

    Args:
        positions: real numbers (n, 3), in own units.
        normals: real numbers (n, 3), outwards; None where they are not known.
        as_shape: "eikonal", which is what can be learned of points; None: the same.
        seed: of the points that are drawn in the box.
        source: what is said to be at fault.

    Returns:
        The signal, of kind shape.

    Raises:
        InrError: numbers that are not finite, too few points, or something else to be learned than "eikonal".
    """
    inside, unit, domain = boxed_points(positions, normals, as_shape, source)
    return OrientedSignal(inside, unit, domain, seed=seed)


def boxed_points(
    positions: Any, normals: Any, as_shape: ShapeAs | None, source: str
) -> tuple[np.ndarray, np.ndarray | None, Domain]:
    """Points in [-1, 1]³, unit normals, and the domain; arguments and errors are those of `from_points`."""
    if as_shape not in (None, "eikonal"):
        raise InrError(f"{source} holds points of a surface: they are learned as eikonal, not as {as_shape}")
    directions = None if normals is None else np.asarray(normals, np.float64)
    positions = np.asarray(positions, np.float64)
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise InrError(f"{source}: points have positions (n, 3), not {positions.shape}")
    if directions is not None and directions.shape != positions.shape:
        raise InrError(f"{source}: there is a normal for each point, {positions.shape}, not {directions.shape}")
    given = OrientedPoints(positions, directions)
    if len(given.positions) < 4:
        raise InrError(f"{source} has {len(given.positions)} points; a surface takes 4 at least")
    if not np.isfinite(given.positions).all() or not (given.normals is None or np.isfinite(given.normals).all()):
        raise InrError(f"{source} has coordinates or normals that are no finite numbers")
    domain, centre, half = shape_domain(given.positions.min(0), given.positions.max(0), "eikonal", source)
    unit = None if given.normals is None else _unit(given.normals, source)
    return (given.positions - centre) / half, unit, domain


def _unit(normals: np.ndarray, source: str) -> np.ndarray:
    """Normals of length 1; says so where they were not."""
    lengths = np.linalg.norm(normals, axis=1)
    if not lengths.all():
        raise InrError(f"{source} has {int((lengths == 0).sum()):,} normals of length 0; leave these points out")
    if np.abs(lengths - 1).max() > 1e-3:
        warnings.warn(
            f"{source}: normals of lengths from {lengths.min():.3g} to {lengths.max():.3g} are made unit vectors",
            InrWarning, stacklevel=4,
        )  # fmt: skip
    return normals / lengths[:, None]
