"""Fields in the 3-D viewer viser: surfaces of shapes and slices of volumes, in own units; needs the extra `viser`.

`add_shape(server, field)` and `add_slice(server, field)` put a field into the scene of a `viser.ViserServer`, which a
browser shows. What has a name that is there already takes its place, so that a slider can move a slice.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from inr._errors import InrError, MissingExtra
from inr.engines import render
from inr.field import Field, Spec
from inr.geometry import write_mesh
from inr.shapes import Implicit, mesh
from inr.signals import ValueMap

try:
    from viser import GlbHandle, ImageHandle, ViserServer
except ImportError:
    raise MissingExtra("viser", "viser", "inr.viser") from None

if TYPE_CHECKING:
    from inr.signals import Axis

__all__ = ["add_shape", "add_slice"]

# How pictures are turned, as quaternions (w, x, y, z): their columns run along the first of the two axes that a slice
# has, and their rows along the second.
_TURNS = ((0.5, 0.5, 0.5, 0.5), (0.5**0.5, 0.5**0.5, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))


def add_shape(
    server: ViserServer,
    shape: Field | Implicit,
    name: str = "/shape",
    *,
    resolution: int = 128,
    engine: Spec = "auto",
) -> GlbHandle:
    """Add the surface of a shape to a scene, with its colours where it has some.

    Args:
        server: whose scene it is.
        shape: a field that was fitted to a shape in space, or a function.
        name: in the scene; "/" parts it into a tree.
        resolution: cells along each axis of the box, see `inr.shapes.mesh`.
        engine: what evaluates the field.

    Returns:
        The object in the scene.

    Raises:
        InrError: what `inr.shapes.mesh` refuses.
    """
    surface = mesh(shape, resolution, engine=engine)
    with tempfile.TemporaryDirectory() as folder:
        write_mesh(Path(folder, "shape.glb"), surface)
        return server.scene.add_glb(name, Path(folder, "shape.glb").read_bytes())


def add_slice(
    server: ViserServer,
    field: Field,
    name: str = "/slice",
    *,
    axis: str = "z",
    at: float | None = None,
    engine: Spec = "auto",
) -> ImageHandle:
    """Add a slice of a volume to a scene, as a picture that stands where the slice does.

    Args:
        server: whose scene it is.
        field: that was fitted to a volume of three axes; they are the scene's x, y and z.
        name: in the scene.
        axis: across which the slice lies, by its name.
        at: where along it, in own units; None: in the middle.
        engine: what evaluates the field.

    Returns:
        The object in the scene: values from the lowest, black, to the highest, white, or three channels as colours.

    Raises:
        InrError: a field of something else, an axis that it has not, or a place beyond it.
    """
    domain = field.domain
    if domain.shape is None or domain.in_dim != 3 or domain.kind != "volume":
        raise InrError(f"slices are of volumes of three axes; this is a field of kind {domain.kind}")
    names = [each.name for each in domain.axes]
    if axis not in names:
        raise InrError(f"there is no axis '{axis}' to cut across; there are {', '.join(names)}")
    across = names.index(axis)
    cut = domain.axes[across]
    place = (cut.low + cut.high) / 2 if at is None else at
    if not min(cut.low, cut.high) <= place <= max(cut.low, cut.high):
        raise InrError(f"{axis} reaches from {cut.low:g} to {cut.high:g}; there is no slice at {place:g}")
    values = _slice(field, across, 2 * (place - cut.low) / (cut.high - cut.low) - 1, engine)
    columns, rows = (each for number, each in enumerate(domain.axes) if number != across)
    middle = [(each.low + each.high) / 2 for each in domain.axes]
    middle[across] = place
    return server.scene.add_image(
        name,
        _shown(values[:: _sense(rows), :: _sense(columns)], domain.values),
        abs(columns.high - columns.low),
        abs(rows.high - rows.low),
        format="png",
        wxyz=_TURNS[across],
        position=np.array(middle),
    )


def _slice(field: Field, across: int, place: float, engine: Spec) -> Float[np.ndarray, "rows columns c"]:
    """The samples of a slice as thick as one of the volume's, around a place in [-1, 1], in own units."""
    assert field.domain.shape is not None
    shape, box = list(field.domain.shape), [(-1.0, 1.0)] * 3
    half = 1 / shape[2 - across]
    middle = min(max(place, half - 1), 1 - half)
    shape[2 - across], box[across] = 1, (middle - half, middle + half)
    return render(field, shape, box, engine=engine).squeeze(2 - across)


def _sense(axis: "Axis") -> int:
    """The direction in which samples along an axis rise."""
    return 1 if axis.high > axis.low else -1


def _shown(values: Float[np.ndarray, "rows columns c"], known: ValueMap) -> UInt8[np.ndarray, "rows columns 3"]:
    tones = np.nan_to_num(known.normalise(values) / 2 + 0.5, nan=0.0).clip(0, 1)
    colours = tones if tones.shape[2] == 3 else tones[..., :1]
    return np.rint(np.broadcast_to(colours, (*colours.shape[:2], 3)) * 255).astype(np.uint8)
