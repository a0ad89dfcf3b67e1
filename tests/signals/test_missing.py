"""Samples that are missing: found, kept in few bytes, left out, and given back as missing."""

import json

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

import inr
from inr.signals import (
    Domain,
    from_compact,
    missing_at,
    pack_missing,
    ssim,
    to_compact,
    unpack_missing,
    write,
)

SHAPE = (13, 17)
ROWS, COLUMNS = np.indices(SHAPE)
HOLE = (ROWS - 4) ** 2 + (COLUMNS - 11) ** 2 < 14
HEIGHTS = (90 + 3 * ROWS - 2 * COLUMNS + np.sin(COLUMNS)).astype(np.float32)


def with_hole(dtype=np.float32, value=np.nan):
    return np.where(HOLE, dtype(value), HEIGHTS.astype(dtype))


@settings(max_examples=25, deadline=None)
@given(arrays(bool, array_shapes(min_dims=1, max_dims=4, max_side=9)))
def test_a_mask_is_packed_without_loss(missing):
    packed = pack_missing(missing)
    assert (packed == b"") == (not missing.any())
    if packed:
        assert np.array_equal(unpack_missing(packed, missing.shape), missing)


def test_a_mask_of_large_areas_takes_few_bytes():
    rows, columns = np.indices((1000, 1500))
    coast = columns > 700 + 80 * np.sin(rows / 50)
    assert len(pack_missing(coast)) < 1500  # of 187,500 bytes with a bit a sample


@pytest.mark.parametrize("packed", [b"\x00", b"\x00\xff\xff", b"\x01abc", bytes(300), b"\x05" + bytes(40)])
def test_a_mask_that_is_damaged_is_refused(packed):
    with pytest.raises(inr.InrError, match="missing"):
        unpack_missing(packed, (64, 64))


@pytest.mark.parametrize(
    ("array", "options"),
    [
        (with_hole(), {}),
        (with_hole(np.float64), {}),
        (with_hole(value=-9999), {"nodata": -9999}),
        (with_hole(value=-3.4028235e38), {"nodata": -3.4028234663852886e38}),
        (with_hole(np.int16, -32768), {"nodata": -32768}),
        (np.ma.masked_array(np.where(HOLE, 9.96921e36, HEIGHTS), mask=HOLE), {}),
        (np.ma.masked_array(HEIGHTS.astype(np.uint8), mask=HOLE), {}),
    ],
)
def test_missing_samples_are_found_and_leave_no_trace(array, options):
    signal = inr.from_array(array, kind="image", **options)
    assert signal.size == (~HOLE).sum()
    assert np.array_equal(signal.missing, HOLE)
    there = np.asarray(array, np.float64)[~HOLE]
    values = signal.domain.values
    if array.dtype != np.uint8:
        assert (values.low[0], values.high[0]) == (there.min(), there.max())
    assert np.array_equal(signal.samples[:, 0], there.astype(array.dtype))
    assert np.isfinite(signal.array).all()
    assert signal.array[HOLE].min() >= there.min()
    assert signal.array[HOLE].max() <= there.max()


def test_samples_are_those_of_the_whole_grid_without_the_missing_ones():
    whole, signal = inr.from_array(HEIGHTS, kind="image"), inr.from_array(with_hole(), kind="image")
    cells = torch.from_numpy(np.flatnonzero(~HOLE))
    everything = torch.arange(signal.size)
    assert torch.equal(signal.coords(everything), whole.coords(cells))
    coords, values = (torch.cat(parts) for parts in zip(*signal.blocks(37), strict=True))
    assert torch.equal(coords, whole.coords(cells))
    assert torch.equal(values, signal.values(everything))
    assert torch.equal(signal.samples_of(signal.cells_of(everything)), everything)
    # of a missing cell, a neighbour
    near = signal.coords(signal.samples_of(torch.from_numpy(np.flatnonzero(HOLE))))
    far = whole.coords(torch.from_numpy(np.flatnonzero(HOLE)))
    distance = ((near - far) / 2 * torch.tensor([17, 13])).square().sum(1).sqrt()
    assert float(distance.max()) < 5


def test_cell_means_of_the_continuous_signal_are_the_samples_beside_a_hole():
    signal = inr.from_array(with_hole(), kind="image", sampling="area")
    places = torch.from_numpy(np.array(inr.signals.gauss_points(8), np.float32))
    shifts = torch.cartesian_prod(places, places)
    for index in range(0, signal.size, 7):
        found = signal.interpolated(torch.full((len(shifts),), index), shifts).double().mean()
        assert abs(float(found - signal.values(torch.tensor([index]))[0, 0])) < 1e-5


def test_scattered_samples_without_a_value_are_left_out():
    rng = np.random.default_rng(1)
    coords, values = rng.random((30, 2)), rng.random((30, 2))
    values[3, 0] = values[7, 1] = np.nan
    signal = inr.signals.from_samples(coords, values)
    kept = np.delete(np.arange(30), [3, 7])
    assert np.array_equal(signal.positions, coords[kept])
    assert np.array_equal(signal.array, values[kept])
    masked = inr.signals.from_samples(coords, np.ma.masked_array(np.abs(values[:, 1]), mask=np.arange(30) % 3 == 0))
    assert masked.size == 20 - 1  # one of the others is NaN


def test_the_domain_keeps_the_mask():
    domain = inr.from_array(with_hole(), kind="image").domain
    for text in (json.dumps(domain.to_json()), json.dumps(to_compact(domain))):
        data = json.loads(text)
        found = from_compact(data) if "shape" in data else Domain.from_json(data)
        assert found == domain
        assert np.array_equal(unpack_missing(found.missing, SHAPE), HOLE)
    assert domain.resampled((26, 34)).missing == b""
    with pytest.raises(inr.InrError):
        Domain.from_json(domain.to_json() | {"missing": "no base64!"})


def test_other_grids_are_missing_where_their_centres_are():
    assert np.array_equal(missing_at(HOLE, SHAPE), HOLE)
    assert np.array_equal(missing_at(HOLE, (39, 51)), HOLE.repeat(3, 0).repeat(3, 1))
    half = missing_at(HOLE, (13, 8), [(1 / 17, 1.0), (-1.0, 1.0)])
    assert np.array_equal(half, HOLE[:, 9:])


def test_similarity_leaves_out_what_is_missing():
    rng = np.random.default_rng(0)
    first = rng.random((40, 50)).astype(np.float32)
    second = first + 0.05 * rng.random((40, 50)).astype(np.float32)
    missing = np.zeros((40, 50), bool)
    missing[:, 30:] = True
    left = ssim(first, second, 1.0, missing)
    # windows of the kept side that reach over the edge see missing pixels too, hence a part that is narrower
    assert left == pytest.approx(ssim(first[:, :35], second[:, :35], 1.0), abs=1e-9)
    assert ssim(first, second, 1.0, np.ones((40, 50), bool)) is None


@pytest.mark.parametrize("suffix", [".png", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_missing_pixels_of_pictures_are_transparent(tmp_path, suffix, channels):
    picture = np.dstack([HEIGHTS.astype(np.uint8)] * channels)
    signal = inr.from_array(np.ma.masked_array(picture, mask=HOLE[..., None] & np.ones(channels, bool)), kind="image")
    rendered = np.where(HOLE[..., None], np.nan, picture.astype(np.float32))
    write(tmp_path / f"a{suffix}", rendered, signal.domain)
    found = np.asarray(Image.open(tmp_path / f"a{suffix}").convert("RGBA"))
    assert np.array_equal(found[..., 3] == 0, HOLE)
    assert np.array_equal(found[~HOLE][:, :channels], picture[~HOLE])


def test_missing_samples_of_arrays_come_back_as_they_came(tmp_path):
    for array, options, same in (
        (with_hole(), {}, np.isnan),
        (with_hole(value=-9999), {"nodata": -9999}, lambda found: found == -9999),
        (with_hole(np.int16, -99), {"nodata": -99}, lambda found: found == -99),
    ):
        np.save(tmp_path / "a.npy", array)
        signal = inr.open(tmp_path / "a.npy", **options)
        assert np.array_equal(signal.missing, HOLE)
        rendered = np.where(HOLE[..., None], np.nan, array[..., None].astype(np.float32))
        write(tmp_path / "b.npy", rendered, signal.domain, force=True)
        found = np.load(tmp_path / "b.npy")
        assert np.array_equal(same(found), HOLE)
        assert np.array_equal(found[~HOLE], array[~HOLE])


@given(st.sampled_from([1e-38, 1e-30, 1.0, 1e30, 1e38, 1.6e38]))
@settings(max_examples=6, deadline=None)
def test_any_range_of_float32_is_normalised(scale):
    array = (np.array([[-1, 0.5], [1, 0.25]]) * scale).astype(np.float32)
    signal = inr.from_array(array)
    expected = array / np.float32(scale)
    assert np.allclose(signal.values(torch.arange(4)).numpy().reshape(2, 2), expected, atol=1e-6)
    assert signal.is_narrow == (1e-31 < scale < 1e31)


@pytest.mark.parametrize(
    ("dtype", "value", "text"),
    [
        (np.float32, -32768.0, "-32768"),
        (np.float32, -1.7976931e30, "-1.7976931e+30"),
        (np.float64, np.nan, "nan"),
        (np.int16, -1, "-1 "),
        (np.uint16, 65535, "65535"),
        (np.uint8, 7, "7"),
    ],
)
def test_the_nodata_value_of_a_tiff(tmp_path, dtype, value, text):
    tifffile = pytest.importorskip("tifffile")
    heights = HEIGHTS.astype(dtype) + (dtype(8) if dtype == np.uint8 else dtype(0))
    array = np.where(HOLE, dtype(value), heights)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="minisblack", extratags=[(42113, "s", 0, text, True)])
    signal = inr.open(tmp_path / "a.tif")
    assert np.array_equal(signal.missing, HOLE)
    assert np.array_equal(signal.samples[:, 0], heights[~HOLE])
    rendered = np.where(HOLE[..., None], np.nan, heights[..., None].astype(np.float64))
    write(tmp_path / "b.tif", rendered, signal.domain)
    again = inr.open(tmp_path / "b.tif")
    assert again.domain == signal.domain
    assert np.array_equal(again.array, signal.array)
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert float(written.pages[0].tags.valueof(42113)) == pytest.approx(float(text), nan_ok=True)
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), array, equal_nan=True)


def test_a_nodata_value_that_no_sample_can_have_is_none(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    extra = [(42113, "s", 0, "-9999", True)]
    tifffile.imwrite(tmp_path / "a.tif", HEIGHTS.astype(np.uint8), photometric="minisblack", extratags=extra)
    signal = inr.open(tmp_path / "a.tif")
    assert signal.missing is None
    assert "nodata" not in signal.domain.meta


def test_the_mask_of_a_tiff_marks_what_is_missing(tmp_path):
    tifffile = pytest.importorskip("tifffile")
    picture = np.dstack([HEIGHTS.astype(np.uint8)] * 3)
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        out.write(picture, photometric="rgb", metadata=None)
        out.write(~HOLE, photometric=4, subfiletype=4, metadata=None)
    signal = inr.open(tmp_path / "a.tif")
    assert np.array_equal(signal.missing, HOLE)
    assert np.array_equal(signal.samples, picture[~HOLE])
