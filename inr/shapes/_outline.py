"""The outline of a shape in the plane, as curves."""

import numpy as np
from jaxtyping import Float

from inr._errors import InrError
from inr.field import Field, Spec
from inr.geometry import contours
from inr.shapes._implicit import Implicit, NoSurface, implicit

LEAST, MOST = 4, 16_384  # cells along an axis


def outline(
    shape: Field | Implicit, resolution: int = 1024, *, engine: Spec = "auto"
) -> list[Float[np.ndarray, "_ 2"]]:
    """The closed curves around a shape in the plane, by marching squares.

    Args:
        shape: a field that was fitted to a silhouette, or a function.
        resolution: cells along each axis of the box.
        engine: what evaluates a field.

    Returns:
        Each float64 (n, 2) in own units; the first point is not repeated. Curves around holes run the other way round.

    Raises:
        InrError: a field of another kind or of a shape in space, a resolution out of bounds, or no outline.
    """
    found = shape if isinstance(shape, Implicit) else implicit(shape, engine)
    if found.dimensions != 2:
        raise InrError("this shape lies in space: it has a mesh, not an outline (inr.shapes.mesh)")
    if not LEAST <= resolution <= MOST:
        raise InrError(f"the resolution is from {LEAST} to {MOST} cells along an axis, not {resolution}")
    curves = contours(found.values, resolution)
    if not curves:
        raise NoSurface("the field has no outline inside its box: it has one sign throughout")
    return [found.own_units(curve).astype(np.float64) for curve in curves]
