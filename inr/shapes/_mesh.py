"""The surface of a shape as triangles."""

import numpy as np

from inr._errors import InrError
from inr.field import Field, Spec
from inr.geometry import Mesh, marching_cubes
from inr.shapes._implicit import Implicit, NoSurface, clearance, implicit

LEAST, MOST = 4, 4096  # cells along an axis
_AT_ONCE = 1 << 18  # vertices whose normals are asked for


def mesh(
    shape: Field | Implicit,
    resolution: int = 256,
    *,
    normals: bool = True,
    newton: bool = False,
    exhaustive: bool = False,
    engine: Spec = "auto",
) -> Mesh:
    """The surface of a shape, closed, as triangles, by marching cubes.

    Only where the surface may be is the shape evaluated: where the distance to it rules it out, given how steep the
    function is at samples (`clearance`), or, of occupancies, where a scan of 128³ cells sees none. The outermost
    samples of the box count as outside.

    Args:
        shape: a field that was fitted to a shape in space, or a function.
        resolution: cells along each axis of the box, of which the shape's longest side takes 90 %.
        normals: whether to give normals at the vertices: the gradient of the function.
        newton: whether to move the vertices by one of Newton's steps towards the surface, by no more than a cell.
        exhaustive: whether to evaluate the shape everywhere, in case what is usually left out hides a part.
        engine: what evaluates a field.

    Returns:
        In the shape's own units, with colours where the shape has some.

    Raises:
        InrError: a field of another kind or of a shape in the plane, a resolution out of bounds, or no surface.
    """
    found = shape if isinstance(shape, Implicit) else implicit(shape, engine)
    if found.dimensions != 3:
        raise InrError("this shape lies in the plane: it has an outline, not a mesh (inr.shapes.outline)")
    check_resolution(resolution)
    bound = clearance(found)
    vertices, faces = marching_cubes(found.values, resolution, bound=bound, exhaustive=exhaustive)
    if not len(faces):
        raise NoSurface("the field has no surface inside its box: it has one sign throughout")
    cell = 2 / resolution
    if newton:
        for part in _parts(vertices):
            vertices[part] -= _newton_step(found, vertices[part], cell)
    directions = np.empty_like(vertices) if normals else None
    colours = None if found.colours is None else np.empty((len(vertices), 3), np.uint8)
    for part in _parts(vertices):
        if directions is not None:
            slopes = found.gradients(vertices[part], cell)
            lengths = np.linalg.norm(slopes, axis=1, keepdims=True)
            directions[part] = slopes / np.maximum(lengths, np.finfo(np.float32).tiny)
        if found.colours is not None and colours is not None:
            colours[part] = found.colours(vertices[part])
    return Mesh(found.own_units(vertices), faces, directions, colours)


def check_resolution(resolution: int) -> None:
    """Refuse a lattice that is too coarse to hold a shape, or too fine to hold in memory."""
    if not LEAST <= resolution <= MOST:
        raise InrError(
            f"the resolution is from {LEAST} to {MOST} cells along an axis, not {resolution}; a mesh at {MOST} may "
            "take some 10 GB"
        )


def _parts(vertices: np.ndarray) -> list[slice]:
    return [slice(start, start + _AT_ONCE) for start in range(0, len(vertices), _AT_ONCE)]


def _newton_step(shape: Implicit, points: np.ndarray, longest: float) -> np.ndarray:
    """Towards where the function vanishes, along its gradient: f ∇f / ‖∇f‖²."""
    slopes = shape.gradients(points, longest)
    squares = (slopes**2).sum(1, keepdims=True)
    step = shape.values(points)[:, None] * slopes / np.maximum(squares, np.finfo(np.float32).tiny)
    lengths = np.linalg.norm(step, axis=1, keepdims=True)
    return step * np.minimum(1, longest / np.maximum(lengths, np.finfo(np.float32).tiny))
