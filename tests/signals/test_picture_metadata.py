"""What pictures say besides their pixels: profiles, resolution, EXIF; kept and written again, or turned into sRGB."""

import struct
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

import inr
from inr._errors import MissingExtra
from inr.signals import Signal, default_suffix, from_compact, lossless_bytes, metadata_bytes, to_compact, write
from inr.signals import open as open_signal

# Adobe RGB (1998) and a grey of gamma 1.8, by their primaries under D50
PRIMARIES = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
WHITE = (0.9642, 1.0, 0.8249)


def profile(space: bytes, gamma: float) -> bytes:
    """An ICC profile of version 2: primaries and one curve."""

    def xyz(values) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {b"cprt": b"text\0\0\0\0none\0\0\0\0", b"wtpt": xyz(WHITE)}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"Test\0" + bytes(79)
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {name + b"XYZ": xyz(values) for name, values in zip((b"r", b"g", b"b"), PRIMARIES, strict=True)}
        tags |= {name + b"TRC": curve for name in (b"r", b"g", b"b")}
    return icc_file(b"mntr", space, b"XYZ ", tags)


def icc_file(device: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = 128 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s12s4s", size, b"lcms", 0x02400000, device, space, connection, bytes(12), b"acsp")
    head = head.ljust(68, b"\0") + b"".join(struct.pack(">i", round(value * 65536)) for value in WHITE)
    return head.ljust(128, b"\0") + table + body


ADOBE, DARK_GREY = profile(b"RGB ", 2.19921875), profile(b"GRAY", 1.8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif() -> Image.Exif:
    found = Image.Exif()
    found[0x013B] = "Müller".encode()
    found[0x010F], found[0x0132] = "A maker", "2024:05:06 07:08:09"
    found[0x0112] = 6
    found[0x8769] = {0x829A: IFDRational(1, 250), 0x9003: "2024:05:06 07:08:10", 0xA002: 999, 0x927C: b"private"}
    found[0x8825] = {1: "N", 2: (46.0, 57.0, 3.5)}
    return found


def told(path) -> tuple[bytes | None, dict, dict]:
    """Profile, and EXIF's first and second directory, as pillow reads them."""
    with Image.open(path) as image:
        image.load()
        found = image.getexif()
        return image.info.get("icc_profile"), dict(found), found.get_ifd(0x8769) | {0x8825: found.get_ifd(0x8825)}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_profile_exif_and_resolution_go_through_every_format(tmp_path, picture, dtype):
    pixels = picture.astype(dtype) * (1 if dtype is np.uint8 else 257)
    Image.fromarray(picture).save(tmp_path / "a.png", icc_profile=ADOBE, exif=exif(), dpi=(300, 150))
    domain = open_signal(tmp_path / "a.png").domain
    values = Signal.from_array(pixels).domain.values
    domain = replace(domain, dtype=np.dtype(dtype).name, values=values)
    assert domain.shape == (40, 30)  # upright
    np.testing.assert_allclose(domain.meta["dpi"], [150, 300], rtol=1e-3)
    domain = from_compact(to_compact(domain))
    for suffix in (".png", ".jpg", ".webp", ".tif"):
        path = tmp_path / f"b{suffix}"
        write(path, np.rot90(pixels, -1), domain)
        icc, first, second = told(path)
        assert icc == ADOBE, suffix
        assert (first[0x010F], first[0x0132]) == ("A maker", "2024:05:06 07:08:09")
        assert first[0x013B].encode("latin-1").decode() == "Müller"
        assert 0x0112 not in first or first[0x0112] == 1
        assert (float(second[0x829A]), second[0x9003]) == (1 / 250, "2024:05:06 07:08:10")
        assert (second[0x8825][1], [float(each) for each in second[0x8825][2]]) == ("N", [46.0, 57.0, 3.5])
        assert not {0xA002, 0x927C} & second.keys()
        again = open_signal(path).domain
        if suffix != ".webp":  # which holds no resolution
            np.testing.assert_allclose(again.meta["dpi"], domain.meta["dpi"], rtol=2e-4)
        assert again.meta["icc"] == domain.meta["icc"]
        assert open_signal(path).array.shape == (40, 30, 3)


def test_a_picture_of_wide_gamut_keeps_its_profile_through_fit_and_render(tmp_path, picture):
    small = picture[:6, :7]
    Image.fromarray(small).save(tmp_path / "a.png", icc_profile=ADOBE)
    inr.fit(tmp_path / "a.png").save(tmp_path / "a.inr")
    assert (tmp_path / "a.inr").stat().st_size <= (tmp_path / "a.png").stat().st_size
    field = inr.load(tmp_path / "a.inr")
    for suffix in (".png", ".jpg", ".webp", ".tif"):
        write(tmp_path / f"b{suffix}", inr.render(field), field.domain)
        assert told(tmp_path / f"b{suffix}")[0] == ADOBE


def test_resolution_follows_the_pixels(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png", dpi=(300, 150))
    domain = open_signal(tmp_path / "a.png").domain
    write(tmp_path / "b.tif", np.zeros((90, 20, 3)), domain)  # three times as many rows, half as many columns
    np.testing.assert_allclose(open_signal(tmp_path / "b.tif").domain.meta["dpi"], [150, 450], rtol=1e-4)


def test_resolution_beyond_a_format_is_left_out(tmp_path, picture):
    options = {"resolution": (1e6, 1e6), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric="rgb", **options)
    domain = open_signal(tmp_path / "a.tif").domain
    for suffix, size, kept in ((".jpg", 1, False), (".png", 1, True), (".png", 60, False), (".tif", 60, True)):
        write(tmp_path / f"b{suffix}", np.zeros((30 * size, 40 * size, 3)), domain, force=True)
        assert ("dpi" in open_signal(tmp_path / f"b{suffix}").domain.meta) == kept


def test_resolution_in_centimetres_and_turned(tmp_path, picture):
    options = {"resolution": (100, 50), "resolutionunit": "CENTIMETER", "extratags": [(274, "H", 1, 6, True)]}
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric="rgb", **options)
    np.testing.assert_allclose(open_signal(tmp_path / "a.tif").domain.meta["dpi"], [127, 254])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_srgb_goes_without_saying(tmp_path, picture, suffix):
    Image.fromarray(picture).save(tmp_path / f"a{suffix}", icc_profile=SRGB)
    assert open_signal(tmp_path / f"a{suffix}").domain.meta == {}


def test_a_profile_of_other_channels_or_damaged_is_left_out(tmp_path, picture):
    for name, icc in (("grey", DARK_GREY), ("damaged", ADOBE[:150])):
        tifffile.imwrite(tmp_path / f"{name}.tif", picture, photometric="rgb", iccprofile=icc)
        assert open_signal(tmp_path / f"{name}.tif").domain.meta == {}
    Image.fromarray(picture[..., 0]).save(tmp_path / "a.png", icc_profile=DARK_GREY)
    assert open_signal(tmp_path / "a.png").domain.meta.keys() == {"icc"}


def test_large_or_damaged_exif_is_left_out(tmp_path, picture):
    large = Image.Exif()
    large[0x010E] = "x" * 70_000
    Image.fromarray(picture).save(tmp_path / "a.webp", exif=large)
    Image.fromarray(picture).save(tmp_path / "b.webp", exif=b"Exif\0\0MM\0*\0\0\xff")
    assert open_signal(tmp_path / "a.webp").domain.meta == open_signal(tmp_path / "b.webp").domain.meta == {}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_are_turned_into_srgb(tmp_path, dtype, monkeypatch):
    """A colour within both gamuts, by the two spaces' own formulas."""
    scale = np.iinfo(dtype).max
    stored = np.array([0.45, 0.6, 0.3])
    linear = (
        (stored**2.19921875)
        @ np.array(PRIMARIES)
        @ np.linalg.inv([[0.43607, 0.22249, 0.01392], [0.38515, 0.71687, 0.09708], [0.14307, 0.06061, 0.71410]])
    )
    expected = np.where(linear > 0.0031308, 1.055 * np.abs(linear) ** (1 / 2.4) - 0.055, 12.92 * linear)
    pixels = np.full((5, 6, 4), np.rint(np.append(stored, 0.5) * scale), dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unassalpha"], iccprofile=ADOBE)
    if dtype is np.uint16:
        pytest.importorskip("imagecodecs")
    signal = open_signal(tmp_path / "a.tif", srgb=True)
    np.testing.assert_allclose(signal.array[2, 2, :3] / scale, expected, atol=1.2 / 255)
    np.testing.assert_array_equal(signal.array[..., 3], pixels[..., 3])
    assert (signal.array.dtype, signal.domain.meta) == (dtype, {})
    if dtype is np.uint16:
        monkeypatch.setitem(__import__("sys").modules, "imagecodecs", None)
        with pytest.raises(MissingExtra, match=r"inr\[images\]"):
            open_signal(tmp_path / "a.tif", srgb=True)


def test_grey_is_turned_into_srgb_and_stays_grey(tmp_path):
    Image.fromarray(np.full((4, 4), 100, np.uint8)).save(tmp_path / "a.png", icc_profile=DARK_GREY)
    found = open_signal(tmp_path / "a.png", srgb=True).array
    light = (100 / 255) ** 1.8
    assert found.shape == (4, 4, 1)
    assert abs(int(found[0, 0, 0]) - 255 * (1.055 * light ** (1 / 2.4) - 0.055)) < 1.5


def test_srgb_is_for_pictures(tmp_path, refused):
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    refused(lambda: open_signal(tmp_path / "a.npy", srgb=True), "no picture")
    moving = [Image.new("L", (4, 4), grey) for grey in (0, 9)]
    moving[0].save(tmp_path / "a.png", save_all=True, append_images=moving[1:])
    refused(lambda: open_signal(tmp_path / "a.png", srgb=True), "moves")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5, 3), np.float32), photometric="rgb", iccprofile=ADOBE)
    refused(lambda: open_signal(tmp_path / "a.tif", srgb=True), "float32", "sRGB")


def printer() -> bytes:
    """An ICC profile of inks, each of which takes away half of the lightness that is left."""
    ramp = bytes(range(256))
    colours = b"".join(bytes([255 >> bin(each).count("1"), 128, 128]) for each in range(16))
    unit = b"".join(struct.pack(">i", 65536 * (row == column)) for row in range(3) for column in range(3))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + unit + ramp * 4 + colours + ramp * 3
    tags = {b"cprt": b"text\0\0\0\0none\0\0\0\0", b"A2B0": table}
    return icc_file(b"prtr", b"CMYK", b"Lab ", tags)


def test_inks_are_seen_through_their_profile(tmp_path):
    inks = np.zeros((3, 4, 4), np.uint8)
    inks[1, :, 0] = inks[2] = 255
    light = [255, 119, 12]  # of lightness 100, 50 and 6 in sRGB; what is darkest becomes black, or nearly so
    for name, options in (("a.jpg", {"quality": 100}), ("a.tif", {}), ("lzw.tif", {"compression": "tiff_lzw"})):
        Image.fromarray(inks, "CMYK").save(tmp_path / name, icc_profile=printer(), **options)
        signal = open_signal(tmp_path / name)
        assert signal.domain.meta == {}
        most = 30 if name == "a.jpg" else 13
        np.testing.assert_allclose(signal.array[:, 0], np.repeat(light, 3).reshape(3, 3), atol=most)
    Image.fromarray(inks, "CMYK").save(tmp_path / "b.tif", icc_profile=ADOBE)  # of another space: left out
    assert open_signal(tmp_path / "b.tif").domain.meta == {}


def test_what_is_kept_counts_in_the_lossless_size(tmp_path, picture):
    plain = lossless_bytes(Signal.from_array(picture))
    Image.fromarray(picture).save(tmp_path / "a.tif", icc_profile=ADOBE)
    signal = open_signal(tmp_path / "a.tif")
    assert metadata_bytes(signal.domain) > 200
    assert lossless_bytes(signal) == plain + metadata_bytes(signal.domain)


def test_a_crafted_header_makes_no_bomb(tmp_path, refused):
    import base64
    import zlib

    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = base64.b64encode(deflater.compress(bytes(1 << 22)) + deflater.flush()).decode()
    domain = Signal.from_array(np.zeros((4, 5, 3), np.uint8)).domain
    strange = ({"dpi": "x"}, {"geotiff": 3}, {"exif": 4}, {"tiff": 5})
    for meta in ({"icc": bomb}, {"icc": "no base64"}, {"icc": "AAAA"}, *strange):
        crafted = from_compact(to_compact(domain) | {"meta": meta})
        assert default_suffix(crafted) == ".png"
        refused(lambda crafted=crafted: write(tmp_path / "a.tif", np.zeros((4, 5, 3)), crafted), "a.tif")
        assert not (tmp_path / "a.tif").exists()
