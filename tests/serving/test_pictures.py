"""Small pictures of signals, as pages show them."""

import numpy as np
import pytest
from PIL import Image

from inr.serving.work import save_picture
from inr.signals import from_array


def saved(tmp_path, array, **reading):
    signal = from_array(array, **reading)
    path = tmp_path / "picture.webp"
    if not save_picture(signal.array, signal.domain, path):
        assert not path.exists()
        return None
    with Image.open(path) as picture:
        return picture.copy()


@pytest.mark.parametrize(("height", "width", "size"), [(5, 7, (7, 5)), (1000, 2000, (768, 384)), (7000, 90, (10, 768))])
def test_pictures_have_768_pixels_a_side_at_most(tmp_path, height, width, size):
    picture = saved(tmp_path, np.zeros((height, width, 3), np.uint8))
    assert (picture.size, picture.mode) == (size, "RGB")


@pytest.mark.parametrize(("kind", "channels"), [("volume", 1), ("video", 3)])
def test_volumes_and_videos_show_their_middle_slice(tmp_path, kind, channels):
    array = np.zeros((5, 16, 16, channels), np.uint8)
    array[2] = 200
    picture = saved(tmp_path, array, kind=kind, channels_last=True)
    assert picture.size == (16, 16)
    assert np.abs(np.asarray(picture).astype(int) - 200).max() <= 2  # WebP is not exact


def test_values_are_spread_over_their_range(tmp_path):
    picture = saved(tmp_path, np.full((16, 16, 3), 2.5, np.float32), value_range=(2.0, 3.0))
    assert np.abs(np.asarray(picture).astype(int) - 128).max() <= 2


def test_transparency_is_kept(tmp_path):
    array = np.full((16, 16, 4), 255, np.uint8)
    array[:8, :, 3] = 0
    assert np.asarray(saved(tmp_path, array))[:, 0, 3].tolist() == [0] * 8 + [255] * 8


def test_sounds_have_no_picture(tmp_path):
    assert saved(tmp_path, np.zeros((100, 1), np.float32), kind="audio", sample_rate=8000) is None
