"""Fields in viser's scene, of a server that no browser looks at."""

import io

import numpy as np
import pytest
from PIL import Image

import inr

viser = pytest.importorskip("viser", reason="the extra viser is not installed")

from inr.viser import add_shape, add_slice  # noqa: E402


@pytest.fixture(scope="module")
def server():
    found = viser.ViserServer(host="127.0.0.1", port=0, verbose=False)
    yield found
    found.stop()


def vertices(handle):
    trimesh = pytest.importorskip("trimesh")
    return trimesh.load(io.BytesIO(handle.glb_data), file_type="glb", force="mesh")


def test_a_surface_is_added_in_own_units_and_colours(server):
    ball = inr.shapes.Implicit(
        lambda points: np.linalg.norm(points, axis=1) - 0.5,
        centre=(10.0, 0.0, 0.0),
        scale=4.0,
        colours=lambda points: np.broadcast_to(np.uint8([255, 0, 0]), (len(points), 3)).copy(),
    )
    handle = add_shape(server, ball, "/ball", resolution=16)
    found = vertices(handle)
    assert handle.name == "/ball"
    np.testing.assert_allclose(found.bounds, [[8, -2, -2], [12, 2, 2]], atol=0.05)
    assert (np.asarray(found.visual.vertex_colors)[:, :3] == [255, 0, 0]).all()


def volume():
    """Values that tell of their place: x + 10 y + 100 z, of 4, 3 and 2 samples."""
    z, y, x = np.indices((2, 3, 4))
    return inr.fit(inr.from_array((x + 10 * y + 100 * z).astype(np.float32), kind="volume"), coding="samples")


@pytest.mark.parametrize(("axis", "at"), [("z", 0.5), ("y", 2.5), ("x", 1.5)])
def test_every_pixel_of_a_slice_stands_where_its_sample_is(server, axis, at):
    handle = add_slice(server, volume(), axis=axis, at=at)
    tones = np.asarray(Image.open(io.BytesIO(handle._impl.props._data)).convert("L"), np.float64)
    rows, columns = np.indices(tones.shape) + 0.5
    # a picture lies in its own plane: columns along x, rows along y, about its middle
    flat = np.stack([columns - tones.shape[1] / 2, rows - tones.shape[0] / 2, 0 * rows], axis=-1)
    turned = flat @ viser.transforms.SO3(np.asarray(handle.wxyz)).as_matrix().T + np.asarray(handle.position)
    np.testing.assert_allclose(tones / 255 * 123, turned @ [1, 10, 100] - 55.5, atol=1)
    assert np.allclose(turned[..., "xyz".index(axis)], at)


def test_what_has_no_slice_there_is_refused(server):
    field = volume()
    with pytest.raises(inr.InrError, match="no axis 'w'"):
        add_slice(server, field, axis="w")
    with pytest.raises(inr.InrError, match="reaches from 0 to 2"):
        add_slice(server, field, at=3.0)
    picture = inr.fit(inr.from_array(np.zeros((4, 5))), coding="samples")
    with pytest.raises(inr.InrError, match="volumes of three axes"):
        add_slice(server, picture)
