"""The sheet of one picture as several codecs give it back."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from inr import InrError
from inr.diagnostics import CodedPicture, codec_sheet
from tests.tables import mostly_long

RNG = np.random.default_rng(0)


@pytest.fixture
def pictures():
    """Four codecs: one is worse at the upper left, one at the lower right, and one is far worse everywhere."""
    original = RNG.integers(60, 190, (240, 320, 3)).astype(np.int64)

    def coded(name, error, **more):
        return CodedPicture(name, 1000, np.uint8(original + error), np.uint8(original), **more)

    noise = RNG.integers(-3, 4, original.shape)
    upper, lower, all_of_it = noise.copy(), noise.copy(), 8 * noise
    upper[:48, :48] *= 5
    lower[-48:, -48:] *= 6
    return [coded("ours", upper, ours=True, note="in 3 s"), coded("A", lower), coded("B", noise), coded("C", all_of_it)]


def test_measures_are_those_of_the_pixels(pictures):
    ours = pictures[0]
    error = np.square(ours.pixels.astype(float) - ours.original).mean()
    assert ours.psnr == pytest.approx(20 * np.log10(255) - 10 * np.log10(error))
    assert 0 < ours.ssim < 1
    assert 0 < ours.ms_ssim <= 1
    blocks = ours.errors()
    assert blocks.shape == (15, 20)
    assert np.sqrt(np.square(blocks).mean()) == pytest.approx(np.sqrt(error))


def test_blocks_at_the_edge_are_means_of_what_they_hold():
    original = np.zeros((50, 70), np.uint8)
    coded = CodedPicture("one", 1, original + 4, original)
    assert np.all(coded.errors() == 4)


@pytest.mark.long
def test_regions_lie_where_codecs_differ(pictures, tmp_path):
    regions = codec_sheet(pictures, tmp_path / "sheet.png", title="noise.png", facts=["240 x 320"])
    assert [region.name for region in regions] == ["A", "B", "C"]
    corners = {(region.top, region.left) for region in regions}
    assert {(0, 0), (192, 272)} <= corners
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    # every pixel of a region is a square of 6 x 6 pixels of the sheet, unaltered
    region = next(region for region in regions if (region.top, region.left) == (0, 0))
    tile = pictures[1].pixels[region.part].repeat(6, 0).repeat(6, 1)
    windows = np.lib.stride_tricks.sliding_window_view(pixels[:, :, 0], (1, 288))[:, :, 0]
    assert (windows == tile[7, :, 0]).all(2).any()


def test_small_pictures_are_shown_whole(tmp_path):
    original = RNG.integers(0, 256, (20, 30)).astype(np.uint8)
    coded = CodedPicture("exact", 600, original, original, ours=True)
    (region,) = codec_sheet([coded], tmp_path / "sheet.png", title="small.png")
    assert (region.height, region.width, region.why) == (20, 30, "all of it")


@pytest.mark.parametrize("form", mostly_long(["png", "pdf"]))
def test_equal_sheets_are_equal_files(pictures, tmp_path, form):
    corner = np.s_[:96, :96]
    small = [replace(one, pixels=one.pixels[corner], original=one.original[corner]) for one in pictures[:2]]
    paths = [tmp_path / f"{index}.{form}" for index in range(2)]
    for path in paths:
        codec_sheet(small, path, title="noise.png")
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_what_cannot_be_drawn_is_refused(pictures, tmp_path):
    with pytest.raises(InrError, match=r"a sheet is a PNG or a PDF; call it .*sheet\.png"):
        codec_sheet(pictures, tmp_path / "sheet.jpg", title="")
    with pytest.raises(InrError, match="nothing to draw"):
        codec_sheet([], tmp_path / "sheet.png", title="")
    (tmp_path / "there.png").write_bytes(b"")
    with pytest.raises(InrError, match="exists"):
        codec_sheet(pictures, tmp_path / "there.png", title="")
