"""Pictures in the formats beyond PNG, JPEG, WebP and TIFF: exact, bounded, and refused where something would be cut."""

import contextlib
import functools
import importlib
import io
import sys

import numpy as np
import pytest
from PIL import Image

from inr._errors import InrError, MissingExtra
from inr.signals import open as open_signal
from tests.signals.conftest import smooth


def wide(channels: int = 3) -> np.ndarray:
    """A 16-bit picture of 30 x 40 whose lower bytes say something, too."""
    return smooth(30, 40, channels).astype(np.uint16) * 257 + np.arange(40, dtype=np.uint16)[:, None]


def by_pillow(pixels: np.ndarray | Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(buffer, form, **options)
    return buffer.getvalue()


@functools.cache
def coded() -> dict[str, tuple[bytes, np.ndarray]]:
    """Files of imagecodecs, and what they hold."""
    codecs = pytest.importorskip("imagecodecs")
    picture, deep, floats = smooth(30, 40, 3), wide(), (smooth(30, 40, 3) / 200).astype(np.float32)
    rgbe = codecs.rgbe_encode(floats, header=True)
    large = np.tile(deep, (10, 20, 1))
    return {
        "deep.jxl": (codecs.jpegxl_encode(deep, lossless=True), deep),
        "bare.jxl": (codecs.jpegxl_encode(picture, lossless=True), picture),
        "float.jxl": (codecs.jpegxl_encode(floats, lossless=True), floats),
        "large.jxl": (codecs.jpegxl_encode(large[:, :777], lossless=True), large[:, :777]),
        "square.jxl": (codecs.jpegxl_encode(picture[:24, :24].copy(), lossless=True), picture[:24, :24]),
        "deep.jp2": (codecs.jpeg2k_encode(deep, level=0), deep),
        "plain.jp2": (codecs.jpeg2k_encode(picture, level=0), picture),
        "deep.j2k": (codecs.jpeg2k_encode(deep[..., 0].copy(), level=0, codecformat="j2k"), deep[..., :1]),
        "deep.jxr": (codecs.jpegxr_encode(deep, level=1.0), deep),
        "deep.jls": (codecs.jpegls_encode(deep), deep),
        "lossless.jpg": (codecs.ljpeg_encode(deep[..., 0].copy()), deep[..., :1]),
        "plain.avif": (codecs.avif_encode(picture, level=100), picture),
        "ten.avif": (codecs.avif_encode(deep >> 6, level=100, bitspersample=10), deep >> 6),
        "light.hdr": (rgbe, codecs.rgbe_decode(rgbe)),
        "plain.qoi": (codecs.qoi_encode(picture), picture),
    }


@functools.cache
def named() -> dict[str, tuple[bytes, np.ndarray]]:
    """Files of pillow and of our own hand, and what they hold."""
    picture, deep, floats = smooth(30, 40, 3), wide(), (smooth(30, 40, 3) / 200).astype(np.float32)
    palette, bits = Image.fromarray(picture).quantize(30), Image.fromarray(picture).convert("1")
    looked_up, shades = np.asarray(palette.convert("RGB")), np.asarray(bits.convert("L"))[..., None]
    clear = np.concatenate([picture, picture[..., :1]], axis=2)
    big_endian = deep.astype(">u2").tobytes()
    text = " ".join(map(str, deep[..., 0].ravel() >> 4)).encode()
    return {
        "a.bmp": (by_pillow(picture, "BMP"), picture),
        "palette.bmp": (by_pillow(palette, "BMP"), looked_up),
        "bits.bmp": (by_pillow(bits, "BMP"), shades),
        "a.tga": (by_pillow(clear, "TGA", compression="tga_rle"), clear),
        "a.ico": (by_pillow(picture, "ICO", sizes=[(40, 30)]), picture),
        "a.pcx": (by_pillow(palette, "PCX"), looked_up),
        "a.sgi": (by_pillow(picture, "SGI"), picture),
        "a.xbm": (by_pillow(bits, "XBM"), shades),
        "bits.pbm": (by_pillow(bits, "PPM"), shades),
        "text.pbm": (b"P1 # remark\n4 2\n1 0 0 1\n0110\n", np.array([[0, 1, 1, 0], [1, 0, 0, 1]])[..., None] * 255),
        "text.pgm": (b"P2\n40 # remark\n30 4095\n" + text + b"\n", deep[..., :1] >> 4),
        "a.ppm": (by_pillow(picture, "PPM"), picture),
        "deep.ppm": (b"P6 40 30 65535\n" + big_endian, deep),
        "a.pam": (b"P7\n# remark\nWIDTH 40\nHEIGHT 30\nDEPTH 3\nMAXVAL 65535\nENDHDR\n" + big_endian, deep),
        "grey.pfm": (b"Pf\n40 30\n-1.0\n" + floats[::-1, :, 0].astype("<f4").tobytes(), floats[..., :1]),
        "colour.pfm": (b"PF\n40 30\n2.5\n" + floats[::-1].astype(">f4").tobytes(), floats),
    }


@pytest.mark.parametrize("files", [coded, named])
def test_every_sample_is_read_in_its_own_type(tmp_path, files):
    for name, (data, expected) in files().items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / "nameless").write_bytes(data)
        found = open_signal(tmp_path / name)
        assert found.domain.kind == "image", name
        assert found.array.dtype.kind == expected.dtype.kind or expected.max() < 256, name
        np.testing.assert_array_equal(found.array, expected, err_msg=name)
        np.testing.assert_array_equal(open_signal(tmp_path / "nameless").array, expected, err_msg=name)


@pytest.mark.parametrize("files", [coded, named])
def test_what_is_cut_short_or_too_large_is_refused_in_one_line(tmp_path, files, refused, capfd):
    for name, (data, _) in files().items():
        path = tmp_path / name
        for cut in (30, len(data) // 3, 2 * len(data) // 3, len(data) - 40):
            path.write_bytes(data[: max(cut, 18)])
            if name == "text.pbm":
                continue  # shorter than any cut
            refused(lambda path=path: open_signal(path), name)
        path.write_bytes(data)
        refused(lambda path=path: open_signal(path, max_bytes=7), name, "over the limit of 7 bytes")


def test_damaged_bytes_end_in_one_line_or_a_picture(tmp_path, capfd):
    rng = np.random.default_rng(3)
    for name, (data, _) in (coded() | named()).items():
        if name == "large.jxl":
            continue
        for _ in range(6):
            damaged = bytearray(data)
            damaged[rng.integers(0, min(200, len(data)))] ^= 1 << rng.integers(0, 8)
            (tmp_path / name).write_bytes(damaged)
            with contextlib.suppress(InrError):
                open_signal(tmp_path / name, max_bytes=2**24)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_is_upright(tmp_path, picture, orientation):
    pytest.importorskip("imagecodecs")
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "a.png").write_bytes(by_pillow(picture, "PNG", exif=exif))
    (tmp_path / "a.avif").write_bytes(by_pillow(picture, "AVIF", quality=100, subsampling="4:4:4", exif=exif))
    upright = open_signal(tmp_path / "a.png").array
    found = open_signal(tmp_path / "a.avif").array
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).max() < 12


def test_animations_name_the_command_that_makes_a_video(tmp_path, clip, refused):
    codecs = pytest.importorskip("imagecodecs")
    frames = [Image.fromarray(frame) for frame in clip]
    frames[0].save(tmp_path / "a.avif", save_all=True, append_images=frames[1:])
    (tmp_path / "a.jxl").write_bytes(codecs.jpegxl_encode(clip))
    for name in ("a.avif", "a.jxl"):
        refused(lambda name=name: open_signal(tmp_path / name), f"ffmpeg -i {name} a.mp4")


def test_without_imagecodecs_pillow_reads_what_it_does_not_cut(tmp_path, monkeypatch):
    files = coded()
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    for name, (data, expected) in files.items():
        (tmp_path / name).write_bytes(data)
        if name in ("plain.jp2", "plain.qoi"):
            np.testing.assert_array_equal(open_signal(tmp_path / name).array, expected)
        elif name == "plain.avif":
            assert open_signal(tmp_path / name).array.shape == expected.shape
        else:
            with pytest.raises(MissingExtra, match=r"inr\[images\]"):
                open_signal(tmp_path / name)


def test_what_pillow_would_cut_to_8_bits_is_refused(tmp_path, refused):
    data = bytearray(by_pillow(smooth(30, 40, 1)[..., 0], "SGI"))
    data[3] = 2
    (tmp_path / "a.sgi").write_bytes(data)
    refused(lambda: open_signal(tmp_path / "a.sgi"), "16 bits", "magick a.sgi a.png")


@pytest.mark.parametrize(
    ("name", "head", "command"),
    [
        ("a.exr", b"\x76\x2f\x31\x01\2\0\0\0", "magick a.exr"),
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "magick a.heic a.png"),
        ("a.pdf", b"%PDF-1.7\n", "pdftoppm"),
        ("a.svg", b"<?xml version='1.0'?>\n<svg width='3'/>", "rsvg-convert a.svg -o a.png"),
        ("a.amr", b"#!AMR\n" + bytes(20), "ffmpeg -i a.amr a.wav"),
        ("a.vox", bytes(range(1, 99)), "sox -t vox -r 8000 -c 1 a.vox a.wav"),
        ("a.raw", bytes(range(1, 99)), "sox -t raw -e signed -b 16"),
    ],
)
def test_what_is_not_read_names_the_command_that_makes_it_readable(tmp_path, refused, name, head, command):
    (tmp_path / name).write_bytes(head)
    refused(lambda: open_signal(tmp_path / name), name, command)


@pytest.mark.parametrize(("head", "package"), [(bytes(128) + b"DICM", "pydicom"), (b"SIMPLE  =      T", "astropy")])
def test_files_of_sciences_name_the_package_that_reads_them(tmp_path, monkeypatch, refused, head, package):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (tmp_path / "a").write_bytes(head)
    refused(lambda: open_signal(tmp_path / "a"), f"pip install {package}")


def test_dicom_is_read_in_its_own_units(tmp_path):
    pytest.importorskip("pydicom")
    imageio = importlib.import_module("imageio.v3")
    stored = (wide(1) >> 4)[..., 0]
    with imageio.imopen(tmp_path / "a.dcm", "w", plugin="pydicom") as file:
        file.instance_metadata["RescaleSlope"], file.instance_metadata["RescaleIntercept"] = 2, -1000
        file.instance_metadata["WindowCenter"], file.instance_metadata["WindowWidth"] = 40, 400
        file.write(stored)
    found = open_signal(tmp_path / "a.dcm")
    assert (found.domain.kind, found.array.dtype) == ("image", np.int32)
    np.testing.assert_array_equal(found.array[..., 0], stored.astype(int) * 2 - 1000)
