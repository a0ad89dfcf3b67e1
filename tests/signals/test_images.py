"""Images: every format and sample type there and back; 16-bit PNG against independent coders."""

import struct
import sys
import zlib

import hypothesis
import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import numpy as np
import pytest
import tifffile
from PIL import Image

from inr.signals import Domain, Signal, _image, psnr, write
from inr.signals import open as open_signal

pytestmark = pytest.mark.quick


def noise(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    rng = np.random.default_rng(7)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0.4, 0.3, shape).astype(dtype)
    return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def there_and_back(signal: Signal, path) -> Signal:
    signal.save(path)
    found = open_signal(path)
    np.testing.assert_array_equal(found.array, signal.array)
    assert found.domain == signal.domain
    return found


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_keeps_every_bit(tmp_path, channels, dtype):
    there_and_back(Signal.from_array(noise((13, 9, channels), dtype), kind="image"), tmp_path / "a.png")


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_tiff_keeps_every_bit(tmp_path, channels, dtype):
    there_and_back(Signal.from_array(noise((13, 9, channels), dtype), kind="image"), tmp_path / "a.TIFF")


@pytest.mark.parametrize("channels", [3, 4])
def test_webp_keeps_every_bit(tmp_path, channels):
    there_and_back(Signal.from_array(noise((13, 9, channels), np.uint8)), tmp_path / "a.webp")


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_comes_back_close(tmp_path, picture, channels):
    signal = Signal.from_array(picture[..., :channels], kind="image")
    signal.save(tmp_path / "a.jpg")
    found = open_signal(tmp_path / "a.jpg")
    assert found.domain == signal.domain
    assert psnr(signal.array, found.array, 255) > 45  # 53.7 dB grey and 47.5 dB colour when written


def test_content_decides_not_the_name(tmp_path, picture):
    Signal.from_array(picture).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.wav")
    assert open_signal(tmp_path / "a.wav").domain.kind == "image"


# 16-bit PNG: no library at hand writes colour of 16 bits, so the files are put together here, byte by byte.


def scalar_filter(kind: int, row: bytes, above: bytes, pixel: int) -> bytes:
    """One row filtered as the specification says it, a byte at a time."""
    out = bytearray()
    for i, byte in enumerate(row):
        a = row[i - pixel] if i >= pixel else 0
        b = above[i]
        c = above[i - pixel] if i >= pixel else 0
        p = a + b - c
        nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        out.append((byte - (0, a, b, (a + b) // 2, nearest)[kind]) % 256)
    return bytes([kind]) + bytes(out)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_bytes(image: np.ndarray, filters: list[int], *, interlace: bool = False, extra: bytes = b"") -> bytes:
    height, width, channels = image.shape
    size = image.dtype.itemsize
    steps = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    parts = [image[y::dy, x::dx] for y, x, dy, dx in steps] if interlace else [image]
    data, kinds = b"", iter(filters * 1000)
    for part in parts:
        above = bytes(part.shape[1] * channels * size)
        for row in part if part.size else []:
            current = row.astype(f">u{size}").tobytes()
            data += scalar_filter(next(kinds), current, above, size * channels)
            above = current

    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    packed = zlib.compress(data)
    pieces = (packed[:11], packed[11:])  # the data may be split anywhere
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8 * size, colour, 0, 0, interlace))
        + extra
        + b"".join(png_chunk(b"IDAT", piece) for piece in pieces)
        + png_chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("filters", [[0], [1], [2], [3], [4], [4, 2, 0, 3, 1, 1, 3, 4]])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("interlace", [False, True])
def test_16_bit_png_of_every_filter_and_interlace(tmp_path, filters, channels, interlace):
    image = noise((11, 6, channels), np.uint16)
    (tmp_path / "a.png").write_bytes(png_bytes(image, filters, interlace=interlace))
    np.testing.assert_array_equal(open_signal(tmp_path / "a.png").array, image)


@pytest.mark.parametrize("interlace", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_16_bit_png_is_the_same_without_imagecodecs(tmp_path, monkeypatch, channels, interlace, capfd):
    pytest.importorskip("imagecodecs")
    image, path = noise((11, 6, channels), np.uint16), tmp_path / "image.png"
    transparent = b"".join(struct.pack(">H", value) for value in image[2, 3])
    body = b"tRNS" + transparent
    extra = struct.pack(">I", len(transparent)) + body + struct.pack(">I", zlib.crc32(body)) if channels % 2 else b""
    path.write_bytes(png_bytes(image, [0, 1, 2, 3, 4], interlace=interlace, extra=extra))
    found = open_signal(path).array
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    np.testing.assert_array_equal(open_signal(path).array, found, strict=True)
    np.testing.assert_array_equal(found[..., :channels], image)
    assert capfd.readouterr() == ("", "")


@hypothesis.settings(max_examples=25)
@hypothesis.given(arrays.arrays(np.uint16, arrays.array_shapes(min_dims=3, max_dims=3, max_side=4)), st.data())
def test_16_bit_png_of_any_shape(tmp_path_factory, image, data):
    hypothesis.assume(image.shape[0] * image.shape[1] > 1)
    filters = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=8))
    path = tmp_path_factory.mktemp("png") / "a.png"
    path.write_bytes(png_bytes(image, filters, interlace=data.draw(st.booleans())))
    np.testing.assert_array_equal(open_signal(path).array, image)


def test_16_bit_png_is_what_another_decoder_reads(tmp_path):
    av = pytest.importorskip("av")
    for channels, form in ((3, "rgb48be"), (4, "rgba64be")):
        image = noise((10, 14, channels), np.uint16)
        Signal.from_array(image).save(tmp_path / f"{channels}.png")
        with av.open(str(tmp_path / f"{channels}.png")) as container:
            frame = next(container.decode(video=0))
        assert frame.format.name == form
        np.testing.assert_array_equal(frame.to_ndarray(), image)


def test_a_transparent_16_bit_colour_becomes_alpha(tmp_path):
    image = noise((4, 5, 3), np.uint16)
    key = struct.pack(">HHH", *image[2, 3])
    body = b"tRNS" + key
    extra = struct.pack(">I", 6) + body + struct.pack(">I", zlib.crc32(body))
    (tmp_path / "a.png").write_bytes(png_bytes(image, [0], extra=extra))
    found = open_signal(tmp_path / "a.png").array
    np.testing.assert_array_equal(found[..., :3], image)
    assert found[2, 3, 3] == 0
    assert (found[..., 3] == 65535).sum() == 19


def test_palettes_bits_and_transparent_colours_become_plain_pixels(tmp_path, picture):
    flat = Image.fromarray(picture).quantize(8)
    flat.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(open_signal(tmp_path / "palette.png").array, np.asarray(flat.convert("RGB")))
    flat.save(tmp_path / "clear.png", transparency=2)
    found = open_signal(tmp_path / "clear.png").array
    np.testing.assert_array_equal(found[..., 3] == 0, np.asarray(flat) == 2)
    bits = picture[..., 0] > 127
    Image.fromarray(bits).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(open_signal(tmp_path / "bits.png").array[..., 0], np.where(bits, 255, 0))
    Image.fromarray(picture).save(tmp_path / "key.png", transparency=tuple(map(int, picture[3, 4])))
    found = open_signal(tmp_path / "key.png").array
    np.testing.assert_array_equal(found[..., :3], picture)
    np.testing.assert_array_equal(found[..., 3] == 0, (picture == picture[3, 4]).all(-1))
    Image.fromarray(picture).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    assert psnr(picture, open_signal(tmp_path / "cmyk.jpg").array, 255) > 30


UPRIGHT = {  # what each EXIF orientation says about the stored first row and column, as the standard words it
    1: lambda a: a,
    2: np.fliplr,  # row 0 is the top, column 0 the right-hand side
    3: lambda a: np.flipud(np.fliplr(a)),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),  # row 0 is the left-hand side, column 0 the top
    6: lambda a: np.fliplr(a.transpose(1, 0, 2)),  # row 0 is the right-hand side, column 0 the top
    7: lambda a: np.flipud(np.fliplr(a.transpose(1, 0, 2))),
    8: lambda a: np.flipud(a.transpose(1, 0, 2)),
}


@pytest.mark.parametrize("orientation", sorted(UPRIGHT))
def test_orientation_is_applied(tmp_path, picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = UPRIGHT[orientation](picture)
    Image.fromarray(picture).save(tmp_path / "a.png", exif=exif)
    Image.fromarray(picture).save(tmp_path / "a.webp", exif=exif, lossless=True)
    Image.fromarray(picture).save(tmp_path / "packed.tif", exif=exif, compression="tiff_lzw")
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(tmp_path / "plain.tif", picture, photometric="rgb", extratags=[tag])
    (tmp_path / "wide.png").write_bytes(
        png_bytes(picture.astype(np.uint16), [1], extra=png_chunk(b"eXIf", exif.tobytes()[6:]))
    )
    for name in ("a.png", "wide.png", "a.webp", "packed.tif", "plain.tif"):
        np.testing.assert_array_equal(open_signal(tmp_path / name).array, expected, err_msg=name)


@pytest.mark.parametrize("depth", [8, 16])
def test_orientation_by_other_chunks_of_png(tmp_path, picture, depth):
    exif = Image.Exif()
    exif[0x0112] = 8
    blob = exif.tobytes()[6:]
    profile = f"\nexif\n{len(blob):8}\n{blob.hex()}\n"
    xmp = "<x:xmpmeta><rdf:Description tiff:Orientation='8'/>".replace("'", '"')
    told = {
        "zTXt": b"Raw profile type exif\0\0" + zlib.compress(profile.encode()),
        "iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + xmp.encode(),
    }
    for name, body in told.items():
        pixels = picture if depth == 8 else picture.astype(np.uint16)
        (tmp_path / "a.png").write_bytes(png_bytes(pixels, [0], extra=png_chunk(name.encode(), body)))
        np.testing.assert_array_equal(open_signal(tmp_path / "a.png").array, UPRIGHT[8](pixels), err_msg=name)


def test_tiff_in_its_varieties(tmp_path, picture):
    wide = picture.astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "planes.tif", np.moveaxis(wide, -1, 0), photometric="rgb", planarconfig="separate")
    tifffile.imwrite(tmp_path / "deflate.tif", wide, photometric="rgb", compression="zlib", predictor=False)
    tifffile.imwrite(tmp_path / "big.tif", wide, photometric="rgb", bigtiff=True, byteorder=">")
    for name in ("planes.tif", "deflate.tif", "big.tif"):
        np.testing.assert_array_equal(open_signal(tmp_path / name).array, wide, err_msg=name)
    Image.fromarray(picture).save(tmp_path / "lzw.tif", compression="tiff_lzw")
    np.testing.assert_array_equal(open_signal(tmp_path / "lzw.tif").array, picture)
    palette = Image.fromarray(picture).quantize(8)
    palette.save(tmp_path / "palette.tif")
    np.testing.assert_array_equal(open_signal(tmp_path / "palette.tif").array, np.asarray(palette.convert("RGB")))


def test_a_stack_of_pages_is_no_image(tmp_path, refused):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 8, 9), np.uint8), photometric="minisblack")
    refused(lambda: open_signal(tmp_path / "a.tif"), "5 pages", ".npy")


def test_a_thumbnail_beside_a_picture_is_left_out(tmp_path, picture):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(picture, photometric="rgb")
        file.write(picture[::4, ::4], photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(open_signal(tmp_path / "a.tif").array, picture)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_a_picture_that_moves_is_a_video(tmp_path, picture, suffix, grey):
    frames = np.stack([np.roll(picture, shift, axis=1) for shift in (0, 3, 9)])
    pictures = [Image.fromarray(frame[..., 0] if grey else frame) for frame in frames]
    options = {"lossless": True} if suffix == ".webp" else {}
    times = [100, 50, 150]  # milliseconds
    pictures[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=pictures[1:], duration=times, **options)
    signal = open_signal(tmp_path / f"a{suffix}")
    assert (signal.domain.kind, signal.domain.axes[2].high) == ("video", pytest.approx(0.3))
    assert signal.domain.meta == {"fps": pytest.approx(10.0)}
    expected = frames[..., :1].repeat(3 if suffix == ".webp" else 1, axis=-1) if grey else frames
    np.testing.assert_array_equal(signal.array, expected)


@pytest.mark.parametrize("duration", [None, 0, 70])
def test_every_frame_of_a_gif_counts_whether_it_says_how_long_it_lasts_or_not(tmp_path, picture, duration):
    frames = [Image.fromarray(np.roll(picture, shift, axis=1)).quantize(32) for shift in (0, 3, 9, 11)]
    told = {} if duration is None else {"duration": duration}
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], **told)
    signal = open_signal(tmp_path / "a.gif")
    np.testing.assert_array_equal(signal.array, np.stack([np.asarray(frame.convert("RGB")) for frame in frames]))
    assert signal.domain.meta["fps"] == pytest.approx(1000 / (duration or 100))  # as viewers show what says nothing


def test_the_rate_is_the_mean_one_where_a_frame_lasts_no_time(tmp_path, picture):
    frames = [Image.fromarray(np.roll(picture, shift, axis=1)) for shift in (0, 3, 9, 11)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=[100, 0, 100, 100])
    assert open_signal(tmp_path / "a.png").domain.meta["fps"] == pytest.approx(4 / 0.3)


def test_a_still_picture_shown_instead_of_moving_ones_is_no_frame(tmp_path, picture):
    still, *frames = (Image.fromarray(np.roll(picture, shift, axis=0)) for shift in range(4))
    still.save(tmp_path / "a.png", save_all=True, append_images=frames, default_image=True, duration=40)
    found = open_signal(tmp_path / "a.png").array
    np.testing.assert_array_equal(found, [np.asarray(frame) for frame in frames])


def test_transparency_of_what_moves_is_kept_where_there_is_any(tmp_path, picture):
    alpha = np.full((2, *picture.shape[:2], 1), 255, np.uint8)
    alpha[1, :5] = 70
    frames = [Image.fromarray(np.dstack([np.roll(picture, 2 * k, 0), alpha[k]])) for k in range(2)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True, exact=True)
    np.testing.assert_array_equal(open_signal(tmp_path / "a.webp").array[..., 3:], alpha)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_one_frame_is_a_picture(tmp_path, picture, suffix):
    few = Image.fromarray(picture).quantize(16).convert("RGB")
    few.save(tmp_path / f"a{suffix}", save_all=True, lossless=True)
    signal = open_signal(tmp_path / f"a{suffix}")
    assert signal.domain.kind == "image"
    np.testing.assert_array_equal(signal.array, np.asarray(few))


def test_frames_of_a_folder_do_not_move(tmp_path, picture, refused):
    frames = [Image.fromarray(picture), Image.fromarray(picture[::-1])]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    refused(lambda: open_signal(tmp_path), "animated WebP", "by itself")


# Transparency that is nowhere takes no channel.


@pytest.mark.parametrize(
    ("dtype", "suffix"),
    [(np.uint8, ".png"), (np.uint16, ".png"), (np.uint16, ".tif"), (np.float32, ".tif")],
)
@pytest.mark.parametrize("channels", [2, 4])
def test_opaque_alpha_is_no_channel_and_is_written_again(tmp_path, dtype, suffix, channels):
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max
    image = noise((8, 9, channels), dtype)
    image[..., -1] = top
    Signal.from_array(image, kind="image").save(tmp_path / f"a{suffix}")
    signal = open_signal(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(signal.array, image[..., :-1])
    signal.save(tmp_path / f"b{suffix}")
    np.testing.assert_array_equal(_image.read_pixels(tmp_path / f"b{suffix}", 1 << 20), image)
    assert open_signal(tmp_path / f"b{suffix}").domain == signal.domain
    if dtype is np.uint8:
        for name in ("b.jpg", "b.webp"):  # the one holds no transparency, the other leaves out what is opaque
            signal.save(tmp_path / name)
            assert open_signal(tmp_path / name).channels in (channels - 1, 3)
    image[3, 4, -1] = 0
    Signal.from_array(image, kind="image").save(tmp_path / f"c{suffix}")
    np.testing.assert_array_equal(open_signal(tmp_path / f"c{suffix}").array, image)


# Writing: what becomes of values that a format cannot hold as they are.


def test_estimates_are_rounded_and_clipped_to_the_source_type(tmp_path):
    domain = Signal.from_array(np.zeros((2, 2), np.uint8)).domain
    write(tmp_path / "a.png", np.array([[[-3.0], [0.6]], [[254.4], [300.0]]]), domain)
    assert open_signal(tmp_path / "a.png").array[..., 0].tolist() == [[0, 1], [254, 255]]


def test_another_resolution_is_written_as_it_is(tmp_path):
    domain = Signal.from_array(noise((4, 5, 3), np.uint16)).domain
    estimate = noise((9, 7, 3), np.uint16)
    write(tmp_path / "a.png", estimate.astype(np.float32), domain)
    np.testing.assert_array_equal(open_signal(tmp_path / "a.png").array, estimate)


def test_float_images_spread_over_8_bits_where_they_must(tmp_path):
    image = np.linspace(-1, 3, 12, dtype=np.float32).reshape(3, 4)
    Signal.from_array(image).save(tmp_path / "a.png")
    found = open_signal(tmp_path / "a.png").array[..., 0]
    np.testing.assert_array_equal(found, np.rint((image + 1) * 255 / 4))


def test_wide_integers_are_clipped_not_wrapped(tmp_path):
    for dtype in (np.int64, np.uint64, np.int32):
        domain = Signal.from_array(np.array([[0, 1]], dtype), kind="volume").domain
        write(tmp_path / f"{np.dtype(dtype).name}.npy", np.array([[[-1e30], [1e30]]]), domain)
        found = np.load(tmp_path / f"{np.dtype(dtype).name}.npy")
        assert found[0, 0] == np.iinfo(dtype).min
        assert found[0, 1] >= np.iinfo(dtype).max * 0.999


def test_a_format_that_cannot_hold_the_channels_is_refused(tmp_path, refused):
    signal = Signal.from_array(noise((4, 5, 4), np.uint8))
    refused(lambda: signal.save(tmp_path / "a.jpg"), "4 channels", ".png")
    refused(lambda: Signal.from_array(noise((7, 5, 6), np.uint8), kind="image").save(tmp_path / "a.png"), ".tif")
    assert list(tmp_path.iterdir()) == []


def test_kodak_is_768_by_512(shared_data):
    signal = open_signal(shared_data / "kodak" / "kodim23.png")
    assert (signal.domain.shape, signal.domain.dtype, signal.channels) == ((512, 768), "uint8", 3)
    assert signal.array[0, 0].tolist() == list(Image.open(shared_data / "kodak" / "kodim23.png").getpixel((0, 0)))
    assert isinstance(signal.domain, Domain)
