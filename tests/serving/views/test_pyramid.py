"""Means over areas, and the levels of a picture."""

import errno
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inr.serving import DiskFull
from inr.serving.views._pyramid import Pyramid, make_pyramid
from inr.serving.views._resampling import area_means
from inr.serving.views._tiles import TileCache, make_room


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).integers(0, 256, shape, dtype=np.uint8)


def pyramid(tmp_path, picture: np.ndarray) -> Pyramid:
    return make_pyramid(tmp_path / "p.npy", picture.shape, lambda start, stop: picture[start:stop])


def by_repetition(picture: np.ndarray, region: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray:
    """Means of a part, from as many copies of every pixel as the pixels of the result are many."""
    left, top, across, down = region
    part = picture[top : top + down, left : left + across].astype(np.float64)
    tall = np.repeat(np.repeat(part, size[1], axis=0), size[0], axis=1)
    return tall.reshape(size[1], down, size[0], across, -1).mean(axis=(1, 3))


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_means_over_areas(height, width, rows, columns):
    picture = noise(height, width, 3)
    edges = np.arange(height + 1.0), np.arange(width + 1.0)
    cuts = np.linspace(0, height, rows + 1), np.linspace(0, width, columns + 1)
    found = area_means(picture, edges, cuts)
    expected = by_repetition(picture, (0, 0, width, height), (columns, rows))
    assert np.abs(found - expected).max() <= 0.5 + 1e-4


def test_colours_count_as_much_as_they_are_opaque():
    picture = np.array([[[200, 255], [40, 0]], [[100, 85], [0, 0]]], np.uint8)
    edges = np.array([0.0, 1, 2]), np.array([0.0, 1, 2])
    whole = np.array([0.0, 2]), np.array([0.0, 2])
    assert area_means(picture, edges, whole).tolist() == [[[175, 85]]]  # (200 * 255 + 100 * 85) / 340, 340 / 4
    nothing = picture[:, 1:] * np.array([1, 0], np.uint8)
    assert area_means(nothing, (edges[0], edges[1][:2]), (whole[0], whole[1] / 2)).tolist() == [[[0, 0]]]


def test_levels_are_means_of_what_they_cover(tmp_path):
    picture = noise(37, 53, 3)
    found = pyramid(tmp_path, picture)
    for level in range(1, 6):
        side = 2**level
        for row in range(-(-37 // side)):
            for column in range(-(-53 // side)):
                covered = picture[row * side : (row + 1) * side, column * side : (column + 1) * side]
                mean = covered.reshape(-1, 3).mean(axis=0)
                # every level rounds once
                assert np.abs(found._levels[level][row, column] - mean).max() <= 1.0


@pytest.mark.parametrize(
    ("region", "size"),
    [((0, 0, 64, 48), (64, 48)), ((0, 0, 64, 48), (32, 24)), ((16, 16, 32, 32), (8, 8)), ((3, 5, 31, 17), (8, 5)),
     ((0, 0, 64, 48), (1, 1)), ((60, 40, 4, 8), (3, 2)), ((0, 0, 64, 48), (64, 3))],
)  # fmt: skip
def test_a_shrunk_part_has_the_means_of_the_picture(tmp_path, region, size):
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    picture = (x[..., None] * [3, 1, 0] + y[..., None] * [0, 2, 5]).astype(np.uint8)  # smooth, as what is shrunk
    found = pyramid(tmp_path, picture).shrunk(region, size)
    assert np.abs(found - by_repetition(picture, region, size)).max() <= 1.5


def test_levels_that_fit_are_taken_as_they_are(tmp_path):
    picture = noise(256, 256, 1)
    found = pyramid(tmp_path, picture)
    assert (found.shrunk((0, 0, 256, 256), (256, 256)) == picture).all()
    assert (found.shrunk((64, 128, 128, 128), (32, 32)) == found._levels[2][32:64, 16:48]).all()


def test_a_pyramid_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    def fails(start: int, stop: int) -> np.ndarray:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        make_pyramid(tmp_path / "p.npy", (4, 4, 1), fails)
    assert list(tmp_path.iterdir()) == []

    def full(*_):
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full, raising=False)
        with pytest.raises(DiskFull, match="the disk is full"):
            pyramid(tmp_path, noise(5, 3, 4))
    assert list(tmp_path.iterdir()) == []
    made = pyramid(tmp_path, noise(5, 3, 4))
    assert (Pyramid(tmp_path / "p.npy", 5, 3).native == made.native).all()


def test_the_least_recently_used_make_room(tmp_path):
    cache = TileCache(tmp_path, 100)
    for index, key in enumerate(("aa1", "ab2", "ac3")):
        cache.put(key, bytes(40))
        path = next(tmp_path.rglob(key))
        os.utime(path, (index, index))
    cache.put("ad4", bytes(40))
    assert [cache.get(key) is not None for key in ("aa1", "ab2", "ac3", "ad4")] == [False, False, True, True]
    make_room(tmp_path, 0)
    assert [path.name for path in tmp_path.rglob("a*") if path.is_file()] == ["ad4"]
    make_room(tmp_path / "none", 0)
