"""A shape as a picture, from an angle."""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Float, UInt8

from inr._errors import InrError
from inr._srgb import linear_light, srgb_tones
from inr.field import Field, Spec
from inr.shapes._camera import Camera, Up, check_angles, framed, look
from inr.shapes._implicit import Implicit, implicit
from inr.shapes._scene import Scene, in_parts
from inr.shapes._shading import shaded

Size = tuple[int, int]
Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Points of the surface, float32 (n, 3), and their shaded light, (n, 3), to the light that is shown."""

LARGEST = 8192  # pixels along a side
_TOP, _BOTTOM = (0.985, 0.985, 0.99), (0.86, 0.875, 0.895)  # sRGB, of the background
# more rays of pixels at edges, in pixels from the centre
_MORE = ((-0.375, -0.125), (-0.125, 0.375), (0.125, -0.375), (0.375, 0.125), (-0.25, -0.4), (0.25, 0.4), (0.4, -0.2),
         (-0.4, 0.2))  # fmt: skip
_TURNED = 0.85  # the cosine of an angle between neighbours that is an edge
_JUMP = 6.0  # pixels that a neighbour is farther away, which is an edge


def picture(
    shape: Field | Implicit | Scene,
    size: Size = (800, 800),
    *,
    azimuth: float = 35.0,
    elevation: float = 20.0,
    up: Up | str = "y",
    engine: Spec = "auto",
) -> UInt8[np.ndarray, "h w 3"]:
    """Draw a shape in space, lit from the upper left.

    Args:
        shape: a field that was fitted to a shape, or a function; or a scene of one, which makes further pictures of it
            faster.
        size: width and height in pixels.
        azimuth: degrees to the right around the upward axis.
        elevation: degrees above the horizon.
        up: the axis that points upwards.
        engine: what evaluates a field.

    Returns:
        sRGB, uint8.

    Raises:
        InrError: a field of another kind or of a shape in the plane, no surface, or a size or angle out of bounds.
    """
    check_size(size)
    check_angles(azimuth, elevation, up)
    scene = (
        shape if isinstance(shape, Scene) else Scene(shape if isinstance(shape, Implicit) else implicit(shape, engine))
    )
    return draw(scene, view(scene, size, azimuth, elevation, up), size)


def turntable(
    shape: Field | Implicit,
    size: Size = (480, 480),
    frames: int = 72,
    *,
    azimuth: float = 35.0,
    elevation: float = 20.0,
    up: Up | str = "y",
    engine: Spec = "auto",
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Draw a shape that turns around once.

    Args:
        shape, size, azimuth, elevation, up, engine: as of `picture`; the azimuth is the first frame's.
        frames: of a whole turn.

    Yields:
        One frame after the other, sRGB, uint8 (h, w, 3).

    Raises:
        InrError: as `picture` does.
    """
    check_size(size)
    check_angles(azimuth, elevation, up)
    scene = Scene(shape if isinstance(shape, Implicit) else implicit(shape, engine))
    turns = [azimuth + 360 * frame / frames for frame in range(frames)]
    cameras = [look(scene.centre, scene.radius, turn, elevation, up) for turn in turns]
    for camera in framed(cameras, scene.middles, size, scene.side):
        yield draw(scene, camera, size)


def check_size(size: Size) -> None:
    """Refuse pictures without pixels, or with too many to hold."""
    if not all(1 <= side <= LARGEST for side in size):
        raise InrError(f"a picture of a shape has 1 to {LARGEST} pixels a side, not {size[0]} x {size[1]}")


def view(scene: Scene, size: Size, azimuth: float = 35.0, elevation: float = 20.0, up: Up | str = "y") -> Camera:
    """A camera that sees the whole shape."""
    camera = look(scene.centre, scene.radius, azimuth, elevation, up)
    return framed([camera], scene.middles, size, scene.side)[0]


def draw(scene: Scene, camera: Camera, size: Size, paint: Paint | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """What a camera sees of a scene, with more rays where there are edges.

    Args:
        scene: with the shape.
        camera: that sees it.
        size: width and height in pixels.
        paint: what changes the light of the surface, as a map of errors does.

    Returns:
        sRGB, uint8.
    """
    width, height = size
    rows, columns = (each.ravel() + 0.5 for each in np.mgrid[:height, :width])
    light, distances, normals = _cast(scene, camera, columns, rows, size, paint)
    pixel = 2 * camera.half / height
    edges = np.nonzero(_edges(distances.reshape(height, width), normals.reshape(height, width, 3), pixel).ravel())[0]
    if len(edges):
        more = [_cast(scene, camera, columns[edges] + x, rows[edges] + y, size, paint)[0] for x, y in _MORE]
        light[edges] = np.mean(more, axis=0)
    tones = srgb_tones(light).reshape(height, width, 3)
    return (tones * 255 + 0.5).astype(np.uint8)


def _cast(
    scene: Scene, camera: Camera, columns: np.ndarray, rows: np.ndarray, size: Size, paint: Paint | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The light of rays through places of the picture, float32 (n, 3), how far they go, and normals where they end."""
    directions = camera.directions(columns, rows, size)
    distances = scene.hits(camera.origin, directions)
    light = background(size[1])[np.clip(rows.astype(np.int64), 0, size[1] - 1)]
    normals = np.zeros((len(rows), 3), np.float32)
    hit = np.nonzero(np.isfinite(distances))[0]
    if len(hit):
        points = (camera.origin + directions[hit] * distances[hit, None].astype(np.float64)).astype(np.float32)
        normals[hit] = in_parts(scene.normals, points)
        seen = shaded(scene, points, normals[hit], camera)
        light[hit] = seen if paint is None else paint(points, seen)
    return light, distances, normals


def background(height: int) -> Float[np.ndarray, "height 3"]:
    """The light of a picture's rows where there is no surface, linear, float32."""
    share = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
    top, bottom = (linear_light(np.array(tones, np.float32)) for tones in (_TOP, _BOTTOM))
    return np.asarray(top * (1 - share) + bottom * share)


def _edges(
    distances: Float[np.ndarray, "h w"], normals: Float[np.ndarray, "h w 3"], pixel: float
) -> Bool[np.ndarray, "h w"]:
    """Pixels beside which the surface ends, jumps or turns."""
    found = np.zeros(distances.shape, bool)
    hit = np.isfinite(distances)
    near = np.where(hit, distances, 0)
    for axis in (0, 1):
        one = (slice(None),) * axis + (slice(None, -1),)
        other = (slice(None),) * axis + (slice(1, None),)
        both = hit[one] & hit[other]
        turned = (normals[one] * normals[other]).sum(-1) < _TURNED
        jumped = np.abs(near[one] - near[other]) > _JUMP * pixel * near[one]
        edge = (hit[one] != hit[other]) | (both & (turned | jumped))
        found[one] |= edge
        found[other] |= edge
    return found
