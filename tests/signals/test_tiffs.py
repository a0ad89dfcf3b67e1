"""TIFF in its varieties: packings, predictors, depths, meanings of channels, masks, with and without imagecodecs."""

import importlib
import json
import struct
import sys
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from inr._errors import InrError, MissingExtra
from inr.signals import _image, default_suffix, from_compact, to_compact, write
from inr.signals import open as open_signal

RNG = np.random.default_rng(41)
H, W = 37, 45


def samples(dtype: type, channels: int = 1) -> np.ndarray:
    shape = (H, W) if channels == 1 else (H, W, channels)
    if np.dtype(dtype).kind == "f":
        return RNG.normal(0.4, 0.2, shape).astype(dtype)
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def channels_last(array: np.ndarray) -> np.ndarray:
    return array if array.ndim == 3 else array[..., None]


def check(path, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(open_signal(path).array, channels_last(expected), strict=True)


def first_page(path):
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        assert [tag.value for tag in page.tags]  # they are read when they are asked for
        return page


@pytest.fixture(params=["imagecodecs", "without"])
def codecs(request, monkeypatch):
    """Both with imagecodecs and without; call it after a file was written."""
    pytest.importorskip("imagecodecs")

    def switch() -> bool:
        if request.param == "without":
            for name in [each for each in sys.modules if each.partition(".")[0] == "tifffile"]:
                monkeypatch.delitem(sys.modules, name)
            monkeypatch.setitem(sys.modules, "imagecodecs", None)
            importlib.import_module("tifffile")
        return request.param == "imagecodecs"

    return switch


# Packings: what is unpacked has every bit, what is not names the extra.

NEEDED = {  # packings of 8-bit colour, 16-bit colour and 32-bit grey that are read without imagecodecs
    "lzw": (True, False, True),
    "packbits": (True, True, True),
    "zstd": (True, False, True),
    "lzma": (True, True, True),
    "deflate": (True, True, True),
    "lerc": (False, False, False),
    "jpegxl": (False, False, None),
    "png": (False, False, None),
}


@pytest.mark.parametrize("packing", sorted(NEEDED))
def test_packings(tmp_path, packing, codecs, refused):
    files = []
    for array, alone in zip(
        (samples(np.uint8, 3), samples(np.uint16, 3), samples(np.uint32)), NEEDED[packing], strict=True
    ):
        if alone is not None:
            options = {"compressionargs": {"lossless": True}} if packing == "jpegxl" else {}
            path = tmp_path / f"{array.dtype}.tif"
            colour = "rgb" if array.ndim == 3 else "minisblack"
            tifffile.imwrite(path, array, photometric=colour, compression=packing, **options)
            files.append((path, array, alone))
    complete = codecs()
    for path, array, alone in files:
        if complete or alone or (packing == "zstd" and sys.version_info >= (3, 14)):
            check(path, array)
        else:
            refused(lambda path=path: open_signal(path), "imagecodecs", "inr[images]", packing.upper())


def test_lossless_jpeg2000(tmp_path):
    pytest.importorskip("imagecodecs")
    array = samples(np.uint16)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, compression="jpeg2000", compressionargs={"level": 0, "reversible": True})
    check(path, array)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tile", [None, (32, 16)])
def test_predictors(tmp_path, order, tile, codecs):
    files = []
    for dtype in (np.uint8, np.uint16, np.uint32, np.float16, np.float32, np.float64):
        for channels in (1, 3):
            array = samples(dtype, channels)
            path = tmp_path / f"{array.dtype}{channels}.tif"
            tifffile.imwrite(
                path, array, photometric="rgb" if channels == 3 else "minisblack", compression="deflate",
                predictor=3 if array.dtype.kind == "f" else 2, byteorder=order, tile=tile,
                rowsperstrip=None if tile else 8,
            )  # fmt: skip
            files.append((path, array))
    codecs()
    for path, array in files:
        check(path, array)


def packed(array: np.ndarray, bits: int) -> bytes:
    """Rows of integers of so many bits, the highest first, each row filled up to whole bytes."""
    rows = []
    for row in array.reshape(len(array), -1):
        text = "".join(format(int(value), f"0{bits}b") for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(bytes(int(text[start : start + 8], 2) for start in range(0, len(text), 8)))
    return b"".join(rows)


def plain_tiff(path, array, tags: dict[int, tuple[str, tuple[int, ...]]], data: bytes) -> None:
    """A little-endian TIFF of one strip with the tags given besides the sizes and the place."""
    height, width = array.shape[:2]
    count = array.shape[2] if array.ndim == 3 else 1
    own = {256: ("I", (width,)), 257: ("I", (height,)), 277: ("H", (count,)), 278: ("I", (height,))}
    own |= {273: ("I", (8,)), 279: ("I", (len(data),))}
    extra, entries = b"", b""
    end = 8 + len(data)
    every = sorted((own | tags).items())
    start = end + 2 + 12 * len(every) + 4
    for code, (kind, values) in every:
        body = struct.pack(f"<{len(values)}{kind}", *values)
        if len(body) > 4:
            place = struct.pack("<I", start + len(extra))
            extra += body
        else:
            place = body.ljust(4, b"\0")
        entries += struct.pack("<HHI", code, {"H": 3, "I": 4}[kind], len(values)) + place
    directory = struct.pack("<H", len(every)) + entries + bytes(4)
    path.write_bytes(b"II*\0" + struct.pack("<I", end) + data + directory + extra)


@pytest.mark.parametrize("bits", [2, 4, 10, 12, 14])
def test_packed_integers(tmp_path, bits, codecs):
    top, expected = 2**bits - 1, {}
    for name, shape, meaning, code in (
        ("grey", (11, 13), 1, 1), ("deflated", (11, 13), 1, 8), ("white", (11, 13), 0, 1),
        ("colour", (11, 13, 3), 2, 8),
    ):  # fmt: skip
        array = RNG.integers(0, top, shape, endpoint=True)
        data = packed(array, bits)
        tags = {258: ("H", (bits,) * (3 if meaning == 2 else 1)), 259: ("H", (code,)), 262: ("H", (meaning,))}
        plain_tiff(tmp_path / name, array, tags, zlib.compress(data) if code == 8 else data)
        seen = top - array if meaning == 0 else array
        expected[name] = (seen * 255 // top).astype(np.uint8) if bits < 8 else seen.astype(np.uint16)
    codecs()
    for name, array in expected.items():
        check(tmp_path / name, array)


# What samples mean.


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.uint32, np.int16, np.float32])
def test_white_is_zero(tmp_path, dtype, codecs):
    array = RNG.random((H, W)) < 0.4 if dtype is bool else samples(dtype)
    if dtype is bool:
        expected = np.where(array, 0, 255).astype(np.uint8)
    elif dtype is np.float32:
        expected = 1 - array
    else:  # the type's smallest becomes its largest
        limits = np.iinfo(dtype)
        expected = (limits.max + limits.min - array.astype(np.int64)).astype(dtype)
    for packing in (None, "deflate", "lzw"):
        tifffile.imwrite(tmp_path / f"{packing}.tif", array, photometric="miniswhite", compression=packing)
    complete = codecs()
    for packing in (None, "deflate", "lzw"):
        if packing != "lzw" or complete or dtype in (bool, np.uint8, np.uint16, np.float32):
            check(tmp_path / f"{packing}.tif", expected)
        else:
            with pytest.raises(MissingExtra):
                open_signal(tmp_path / "lzw.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("colours", [1, 3])
def test_associated_alpha_becomes_straight(tmp_path, dtype, colours):
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max
    alpha = RNG.choice([0.0, 0.25, 0.5, 1.0], (H, W, 1))
    colour = RNG.random((H, W, colours))
    kind = np.rint if top > 1 else np.asarray
    stored = kind(np.concatenate([colour * alpha, alpha], -1) * top).astype(dtype)
    for name in ("assocalpha", "unassalpha"):
        for planar in ("contig", "separate"):
            data = np.moveaxis(stored, -1, 0) if planar == "separate" else stored
            tifffile.imwrite(
                tmp_path / f"{name}.{planar}.tif", data, photometric="rgb" if colours == 3 else "minisblack",
                extrasamples=[name], planarconfig=planar,
            )  # fmt: skip
            found = open_signal(tmp_path / f"{name}.{planar}.tif").array
            assert found.dtype == dtype
            np.testing.assert_array_equal(found[..., -1], stored[..., -1])
            if name == "unassalpha":
                np.testing.assert_array_equal(found, stored)
            else:
                seen = alpha[..., 0] > 0
                straight = stored[seen][:, :-1].astype(float) * top / stored[seen][:, -1:]
                error = np.abs(found[seen][:, :-1] - straight.clip(max=top if top > 1 else None))
                assert error.max() <= (0.501 if top > 1 else 1e-6)


def test_palettes(tmp_path):
    picture = RNG.integers(0, 16, (H, W), dtype=np.uint8)
    colours = RNG.integers(0, 65536, (3, 256), dtype=np.uint16)
    for packing in (None, "lzw"):
        tifffile.imwrite(tmp_path / "a.tif", picture, photometric="palette", colormap=colours, compression=packing)
        check(tmp_path / "a.tif", (colours >> 8).astype(np.uint8).T[picture])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_inks_become_light(tmp_path, dtype):
    inks, top = samples(dtype, 4), np.iinfo(dtype).max
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated")
    cyan, black = inks[..., 0] / top, inks[..., 3] / top
    found = open_signal(tmp_path / "a.tif").array
    assert (found.dtype, found.shape) == (dtype, (H, W, 3))
    np.testing.assert_allclose(found[..., 0] / top, (1 - cyan) * (1 - black), atol=0.6 / top)
    six = samples(dtype, 6)
    tags = {258: ("H", (8 * six.itemsize,) * 6), 259: ("H", (1,)), 262: ("H", (5,)), 332: ("H", (2,))}
    plain_tiff(tmp_path / "six.tif", six, tags, six.astype(six.dtype.newbyteorder("<")).tobytes())
    check(tmp_path / "six.tif", six)  # inks of no usual names are channels


def test_luma_and_colour_differences_become_rgb(tmp_path, picture, codecs):
    coded = np.asarray(Image.fromarray(picture).convert("YCbCr"))
    for packing in (None, "lzw"):
        tifffile.imwrite(
            tmp_path / f"{packing}.tif", coded, photometric="ycbcr", subsampling=(1, 1), compression=packing
        )
    Image.fromarray(picture).save(tmp_path / "jpeg.tif", compression="jpeg", quality=95)
    codecs()
    for name, most in (("None", 2), ("lzw", 2), ("jpeg", 12)):
        found = open_signal(tmp_path / f"{name}.tif").array
        assert np.abs(found.astype(int) - picture).max() <= most, name


def test_lab_becomes_rgb(tmp_path, picture):
    spaces = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.applyTransform(Image.fromarray(picture), ImageCms.buildTransform(*spaces, "RGB", "LAB"))
    lab.save(tmp_path / "a.tif")
    assert np.abs(open_signal(tmp_path / "a.tif").array.astype(int) - picture).mean() < 3  # lab has 8 bits


def test_faxes(tmp_path, codecs):
    ink = RNG.random((H, W)) < 0.2
    for packing in ("tiff_ccitt", "group3", "group4"):
        Image.fromarray(ink).save(tmp_path / f"{packing}.tif", compression=packing)
    codecs()
    for packing in ("tiff_ccitt", "group3", "group4"):
        check(tmp_path / f"{packing}.tif", np.where(ink, 255, 0).astype(np.uint8))


def test_jpeg_of_grey_and_of_planes_and_big_tiff(tmp_path, picture, codecs):
    tifffile.imwrite(tmp_path / "grey.tif", picture[..., 0], compression="jpeg", photometric="miniswhite")
    options = {"photometric": "rgb", "bigtiff": True, "tile": (16, 16), "compression": "lzw", "predictor": 2}
    tifffile.imwrite(tmp_path / "big.tif", picture, **options)
    planes = np.moveaxis(picture, -1, 0)
    tifffile.imwrite(
        tmp_path / "planes.tif", planes, **options, planarconfig="separate", extratags=[(274, "H", 1, 8, True)]
    )
    codecs()
    found = open_signal(tmp_path / "grey.tif").array[..., 0]
    assert np.abs(found.astype(int) - (255 - picture[..., 0])).max() < 9
    check(tmp_path / "big.tif", picture)
    check(tmp_path / "planes.tif", np.rot90(picture))


def test_what_needs_developing_is_refused(tmp_path, refused):
    tifffile.imwrite(tmp_path / "c.tif", samples(np.uint16, 3), photometric="ycbcr", subsampling=(1, 1))
    refused(lambda: open_signal(tmp_path / "c.tif"), "YCBCR of uint16", "RGB")
    tifffile.imwrite(tmp_path / "a.tif", samples(np.uint16), photometric="cfa")
    refused(lambda: open_signal(tmp_path / "a.tif"), "CFA", "developing")
    tifffile.imwrite(tmp_path / "b.tif", samples(np.uint8), subfiletype=1)
    refused(lambda: open_signal(tmp_path / "b.tif"), "thumbnail", "develop")


# Pages beside the picture.


@pytest.mark.parametrize("packing", [None, "deflate"])
def test_a_mask_beside_a_picture_says_what_is_missing(tmp_path, packing, codecs):
    picture, valid = samples(np.uint8, 3), RNG.random((H, W)) < 0.7
    tag = [(274, "H", 1, 3, True)]
    for name, tags in (("a", []), ("turned", tag)):
        with tifffile.TiffWriter(tmp_path / f"{name}.tif") as out:
            out.write(picture, photometric="rgb", metadata=None, extratags=tags, compression=packing)
            out.write(valid, photometric=4, subfiletype=4, metadata=None, compression=packing)
            out.write(picture[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
            out.write(valid[::2, ::2], photometric=4, subfiletype=5, metadata=None)
    codecs()
    assert np.array_equal(open_signal(tmp_path / "a.tif").samples, picture[valid])
    found = _image.read_picture(tmp_path / "a.tif", 1 << 20).missing
    np.testing.assert_array_equal(found, ~valid)
    np.testing.assert_array_equal(_image.read_picture(tmp_path / "turned.tif", 1 << 20).missing, ~valid[::-1, ::-1])


def test_a_mask_that_leaves_nothing_out_says_nothing(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        out.write(samples(np.uint16), photometric="minisblack", metadata=None)
        out.write(np.ones((H, W), bool), photometric=4, subfiletype=4, metadata=None)
    assert _image.read_picture(tmp_path / "a.tif", 1 << 20).missing is None


def test_stacks_are_refused_with_what_to_do(tmp_path, refused):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 9, 9), np.uint16), imagej=True)
    refused(lambda: open_signal(tmp_path / "a.tif"), "4 pages", ".npy")
    with tifffile.TiffWriter(tmp_path / "b.tif") as out:
        for size in (9, 8, 7):
            out.write(np.zeros((size, size), np.uint8), metadata=None)
    refused(lambda: open_signal(tmp_path / "b.tif"), "3 pages", ".npy")


# Many channels, and where a picture lies on Earth.


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("colour", ["minisblack", "rgb"])
@pytest.mark.parametrize("channels", [2, 3, 4, 7])
def test_bands_are_written_as_they_were_read(tmp_path, channels, colour, planar):
    if channels < 4 and colour == "rgb":
        pytest.skip("no bands beside the colours")
    array = samples(np.uint16, channels)
    codes = [0] * (channels - (3 if colour == "rgb" else 1))
    data = np.moveaxis(array, -1, 0) if planar else array
    planes = "separate" if planar else "contig"
    tifffile.imwrite(tmp_path / "a.tif", data, photometric=colour, planarconfig=planes, extrasamples=codes)
    signal = open_signal(tmp_path / "a.tif")
    np.testing.assert_array_equal(signal.array, array)
    assert default_suffix(signal.domain) == ".tif"
    signal.save(tmp_path / "b.tif")
    for name in ("a.tif", "b.tif"):
        page = first_page(tmp_path / name)
        assert (page.photometric.name.lower(), page.planarconfig.name.lower()) == (colour, planes)
        assert list(page.extrasamples) == codes
    assert open_signal(tmp_path / "b.tif").domain == signal.domain
    if channels in (2, 4):
        with pytest.raises(InrError, match=r"transparency.*\.tif"):
            signal.save(tmp_path / "b.png")


GEO = [
    (33550, "d", 3, (10.0, 20.0, 0.0), True),
    (33922, "d", 6, (3.0, 5.0, 0.0, 430_000.0, 5_100_000.0, 0.0), True),
    (34737, "s", 0, "WGS 84 / UTM zone 32N|", True),
    (42112, "s", 0, '<GDALMetadata><Item name="a">b</Item></GDALMetadata>', True),
]


def keys(raster: int) -> tuple:
    return (34735, "H", 16, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, raster, 1026, 34737, 22, 0), True)


def place(path, x: float, y: float, raster: int) -> tuple[float, float]:
    """Where on Earth the corner-based raster place (x, y) of a file lies, by its tags."""
    tags = first_page(path).tags
    shift = 0.5 if raster == 2 else 0.0
    if (matrix := tags.valueof(34264)) is not None:
        found = np.reshape(matrix, (4, 4)) @ [x - shift, y - shift, 0, 1]
        return found[0], found[1]
    scale, tie = tags.valueof(33550), tags.valueof(33922)
    return tie[3] + (x - shift - tie[0]) * scale[0], tie[4] - (y - shift - tie[1]) * scale[1]


@pytest.mark.parametrize("raster", [1, 2])
@pytest.mark.parametrize("turned", [False, True])
def test_a_place_on_earth_follows_the_pixels(tmp_path, raster, turned):
    tags = [*GEO, keys(raster)]
    if turned:
        tags = [(34264, "d", 16, (8.0, 1, 0, 300, 2, -6, 0, 900, 0, 0, 0, 0, 0, 0, 0, 1), True), keys(raster)]
    tifffile.imwrite(tmp_path / "a.tif", samples(np.float32), extratags=tags)
    signal = open_signal(tmp_path / "a.tif")
    signal.save(tmp_path / "same.tif")
    assert open_signal(tmp_path / "same.tif").domain.meta == signal.domain.meta
    for code, *_ in tags:
        values = [first_page(tmp_path / name).tags.valueof(code) for name in ("a.tif", "same.tif")]
        assert values[0] == values[1], code
    box, shape = [(-0.5, 0.25), (0.0, 1.0)], (11, 20)
    write(tmp_path / "part.tif", np.zeros((*shape, 1)), signal.domain.resampled(shape, box))
    for x, y in ((0.0, 0.0), (20.0, 11.0), (7.5, 3.25)):
        old = W * (0.25 + 0.375 * x / 20), H * (0.5 + 0.5 * y / 11)
        expected = place(tmp_path / "a.tif", *old, raster)
        np.testing.assert_allclose(place(tmp_path / "part.tif", x, y, raster), expected, rtol=1e-12)


def test_what_a_tiff_says_goes_through_the_header_of_a_file(tmp_path):
    bands = RNG.integers(0, 200, (6, 12, 10), dtype=np.uint8)
    tags = [*GEO, keys(2)]
    tifffile.imwrite(tmp_path / "a.tif", bands, photometric="minisblack", planarconfig="separate", extratags=tags)
    domain = open_signal(tmp_path / "a.tif").domain
    assert from_compact(json.loads(json.dumps(to_compact(domain)))) == domain
    assert domain.meta["tiff"] == {"planar": True}
    assert set(domain.meta["geotiff"]) == {
        "ModelPixelScale", "ModelTiepoint", "GeoAsciiParams", "GeoKeyDirectory", "GDAL_METADATA",
    }  # fmt: skip
