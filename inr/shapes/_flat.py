"""A function of the plane as a picture: near and far, inside and outside, and lines of equal distance."""

import numpy as np
from jaxtyping import Bool, Float, UInt8

from inr._errors import InrError
from inr.field import Field, Spec
from inr.shapes._implicit import Implicit, implicit

LARGEST = 8192  # pixels along a side
_LINES = 0.1  # between lines of equal distance, in units of [-1, 1]
_OUTSIDE, _INSIDE = (1.0, 0.93, 0.82), (0.72, 0.83, 0.96)  # sRGB, near the surface
_FAR_OUTSIDE, _FAR_INSIDE = (0.80, 0.52, 0.22), (0.16, 0.36, 0.66)
_OURS, _THEIRS = (0.08, 0.08, 0.10), (0.86, 0.16, 0.20)


def flat_picture(
    shape: Field | Implicit, side: int = 800, *, engine: Spec = "auto"
) -> UInt8[np.ndarray, "side side 3"]:
    """Draw a shape in the plane: the distance from its outline as colours, with lines of equal distance.

    Args:
        shape: a field that was fitted to a silhouette, or a function.
        side: pixels of width and height, which show all of the box; y points downwards, as in drawings.
        engine: what evaluates a field.

    Returns:
        sRGB, uint8.

    Raises:
        InrError: a field of another kind or of a shape in space, or a size out of bounds.
    """
    found = shape if isinstance(shape, Implicit) else implicit(shape, engine)
    if found.dimensions != 2:
        raise InrError("this shape lies in space: it is drawn from an angle (inr.shapes.picture)")
    if not 1 <= side <= LARGEST:
        raise InrError(f"a picture of a shape has 1 to {LARGEST} pixels a side, not {side}")
    places = np.zeros((side * side, 2), np.float32)
    spread(places, 0, 1, side)
    return contoured(found.values(places).reshape(side, side)[::-1], found.unit, None)


def spread(places: np.ndarray, right: int, up: int, count: int) -> None:
    """Set two coordinates to those of a picture's pixels, over all of [-1, 1]."""
    steps = (np.arange(count) + 0.5) * 2 / count - 1
    places[:, right] = np.tile(steps, count)
    places[:, up] = np.repeat(-steps, count)


def contoured(
    values: Float[np.ndarray, "h w"], unit: float | None, inside: Bool[np.ndarray, "k k"] | None
) -> UInt8[np.ndarray, "h w 3"]:
    """Values as colours that darken away from the surface, with lines of equal values and the surface itself."""
    reach = np.abs(values).max() if unit is None else 1 / unit
    share = np.clip(np.abs(values) / max(reach, 1e-12), 0, 1)[..., None] ** 0.7
    near, far = (
        np.where(values[..., None] < 0, np.array(one), np.array(other))
        for one, other in ((_INSIDE, _OUTSIDE), (_FAR_INSIDE, _FAR_OUTSIDE))
    )
    tones = near * (1 - share) + far * share
    if unit is not None:
        tones[_changes(np.floor(values * unit / _LINES + 0.5))] *= 0.86
    if inside is not None:
        fine = np.kron(inside, np.ones((len(values) // len(inside),) * 2, bool))
        tones[_changes(fine)] = _THEIRS
    tones[_changes(values < 0)] = _OURS
    return (tones * 255 + 0.5).astype(np.uint8)


def _changes(labels: np.ndarray) -> Bool[np.ndarray, "h w"]:
    """Pixels whose neighbour to the right or below has another label."""
    found = np.zeros(labels.shape, bool)
    found[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    found[:-1] |= labels[:-1] != labels[1:]
    return found
