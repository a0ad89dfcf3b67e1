"""Files cut short, with wrong bytes, or that claim to be larger than they are: refused, quietly and at once."""

import io
import struct
import sys
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from inr._errors import InrError
from inr.signals import Signal
from inr.signals import open as open_signal

# Truncation: a file cut anywhere is refused, or, where nothing but trailing decoration is gone, read exactly.


def image_file(form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    y, x = np.mgrid[:40, :50]
    pixels = np.stack([x * 5, y * 6, (x * y) % 256], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def moving(form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    frames = [Image.fromarray(np.random.default_rng(k).integers(0, 256, (20, 30, 3), np.uint8)) for k in range(3)]
    frames[0].save(buffer, form, save_all=True, append_images=frames[1:], duration=40, **options)
    return buffer.getvalue()


def saved(signal: Signal, folder, name: str) -> bytes:
    signal.save(folder / name)
    return (folder / name).read_bytes()


def whole_files(folder) -> dict[str, bytes]:
    soundfile = pytest.importorskip("soundfile")
    rng = np.random.default_rng(0)
    tone = Signal.from_array((20_000 * np.sin(np.arange(4000) / 9)).astype(np.int16), kind="audio", sample_rate=8000)
    volume = Signal.from_array(rng.normal(size=(6, 7, 8)))
    scattered = Signal.from_samples(rng.random((50, 2)), rng.random(50))
    wide = Signal.from_array(rng.integers(0, 65536, (9, 8, 3), np.uint16))
    files = {
        "8-bit.png": image_file("PNG"),
        "16-bit.png": saved(wide, folder, "wide.png"),
        "baseline.jpg": image_file("JPEG"),
        "progressive.jpg": image_file("JPEG", progressive=True),
        "lossy.webp": image_file("WEBP"),
        "lossless.webp": image_file("WEBP", lossless=True),
        "plain.tif": saved(wide, folder, "wide.tif"),
        "lzw.tif": image_file("TIFF", compression="tiff_lzw"),
        "jpeg.tif": image_file("TIFF", compression="jpeg"),
        "still.gif": image_file("GIF"),
        "moving.png": moving("PNG"),
        "moving.webp": moving("WEBP", lossless=True),
        "volume.npy": saved(volume, folder, "volume.npy"),
        "volume.npz": saved(volume, folder, "volume.npz"),
        "scattered.npz": saved(scattered, folder, "scattered.npz"),
        "tone.wav": saved(tone, folder, "tone.wav"),
        "tone.flac": saved(tone, folder, "tone.flac"),
        "volume.nii": saved(volume, folder, "volume.nii"),
        "volume.nii.gz": saved(volume, folder, "volume.nii.gz"),
    }
    for form, subtype in (("AIFF", "PCM_16"), ("AU", "ULAW"), ("CAF", "ALAC_16"), ("W64", "PCM_16"), ("RF64", "PCM_24"),
                          ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")):  # fmt: skip
        soundfile.write(folder / "tone", tone.array, 8000, subtype=subtype, format=form)
        files[f"tone.{form.lower()}"] = (folder / "tone").read_bytes()
    return files | videos(folder)


def videos(folder) -> dict[str, bytes]:
    ramp = np.tile(np.arange(32, dtype=np.uint8)[:, None] * 8, (24, 1, 3))
    frames = np.stack([np.roll(ramp, shift, axis=1) for shift in range(8)])
    av = pytest.importorskip("av")
    files = {}
    for name, codec, options in (
        ("end.mp4", "libx264", {}),
        ("front.mp4", "libx264", {"movflags": "+faststart"}),
        ("clip.mkv", "libx264", {}),
        ("clip.avi", "mpeg4", {}),
        ("clip.webm", "libvpx-vp9", {}),
    ):
        with av.open(str(folder / name), "w", options=options) as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode(None))
        files[name] = (folder / name).read_bytes()
    pictures = [Image.fromarray(frame) for frame in frames]
    pictures[0].save(folder / "clip.gif", save_all=True, append_images=pictures[1:])
    return files | {"clip.gif": (folder / "clip.gif").read_bytes()}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    pytest.importorskip("nibabel")
    return whole_files(tmp_path_factory.mktemp("whole"))


NAMES = (
    "8-bit.png", "16-bit.png", "baseline.jpg", "progressive.jpg", "lossy.webp", "lossless.webp", "plain.tif",
    "lzw.tif", "jpeg.tif", "still.gif", "moving.png", "moving.webp", "volume.npy", "volume.npz", "scattered.npz",
    "tone.wav", "tone.flac", "tone.aiff", "tone.au", "tone.caf", "tone.w64", "tone.rf64", "tone.ogg", "tone.mp3",
    "volume.nii", "volume.nii.gz", "end.mp4", "front.mp4", "clip.mkv", "clip.avi", "clip.webm", "clip.gif",
)  # fmt: skip


def attempt(path, **options: int) -> np.ndarray | str:
    """What a file holds, or the line that refuses it."""
    try:
        return open_signal(path, **options).array.copy()
    except InrError as error:
        line = str(error)
    assert "\n" not in line
    return line


def test_every_kind_of_file_is_tried(files):
    assert set(files) == set(NAMES)


def test_a_16_bit_png_cut_short_is_refused_without_imagecodecs(tmp_path, files, capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    test_a_file_cut_short_is_refused(tmp_path, "16-bit.png", files, capfd)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_short_is_refused(tmp_path, name, files, capfd):
    whole, path = files[name], tmp_path / name
    path.write_bytes(whole)
    expected = attempt(path)
    cuts = {1, 4, 8, 12, 16, 40, *np.linspace(50, len(whole) - 20, 10).astype(int), *range(len(whole) - 12, len(whole))}
    refusals = 0
    for cut in sorted(cuts):
        path.write_bytes(whole[:cut])
        found = attempt(path)
        if isinstance(found, str):
            refusals += 1
        else:
            np.testing.assert_array_equal(found, expected)
            assert cut > len(whole) - 12
    assert refusals >= len(cuts) - 12
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore::inr.InrWarning")
@pytest.mark.parametrize("name", NAMES)
def test_a_file_with_wrong_bytes_is_refused_or_read_but_never_more(tmp_path, name, files, capfd):
    whole, path, rng = files[name], tmp_path / name, np.random.default_rng(1)
    for _ in range(25):
        damaged = bytearray(whole)
        damaged[rng.integers(0, min(300, len(whole)))] = rng.integers(0, 256)
        damaged[rng.integers(0, len(whole))] ^= 1 << rng.integers(0, 8)
        path.write_bytes(damaged)
        attempt(path, max_bytes=2**26)
    assert capfd.readouterr() == ("", "")


# Size: what is too large is refused from the header, before anything is decoded.


def claimed_png(width: int, height: int, depth: int, colour: int, body: bytes = b"") -> bytes:
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress(body)),
        (b"IEND", b""),
    )
    file = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks:
        file += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return file


@pytest.mark.parametrize(("depth", "colour"), [(8, 2), (16, 2), (8, 6), (8, 0), (1, 0), (8, 3)])
def test_a_header_that_claims_60000_by_60000_pixels(tmp_path, depth, colour, refused):
    (tmp_path / "a.png").write_bytes(claimed_png(60_000, 60_000, depth, colour, bytes(100)))
    refused(lambda: open_signal(tmp_path / "a.png"), "60000 x 60000")


def test_a_large_picture_is_no_bomb_to_pillows_taste(tmp_path):
    """Just over the size at which pillow warns of a "decompression bomb"."""
    Image.new("1", (10_000, 9_000)).save(tmp_path / "a.png")
    assert open_signal(tmp_path / "a.png").domain.shape == (9_000, 10_000)


def test_max_bytes_holds_for_every_format(tmp_path, files, refused):
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        open_signal(tmp_path / name)
        refused(lambda name=name: open_signal(tmp_path / name, max_bytes=100), name, "over the limit of 100 bytes")
    for index in range(2):
        Image.new("L", (9, 9)).save(tmp_path / f"{index}.png")
    for name in files:
        (tmp_path / name).unlink()
    refused(lambda: open_signal(tmp_path, max_bytes=100), "over the limit")


def test_arrays_whose_header_claims_too_much(tmp_path, refused):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)})
    (tmp_path / "a.npy").write_bytes(header.getvalue())
    refused(lambda: open_signal(tmp_path / "a.npy"), "(1000000, 1000000)", "GiB")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    refused(lambda: open_signal(tmp_path / "a.npz"), "GiB")
    nibabel = pytest.importorskip("nibabel")
    claim = nibabel.Nifti1Header()
    claim.set_data_shape((30_000, 30_000, 30_000))
    claim["vox_offset"], claim["magic"] = 352, b"n+1"
    (tmp_path / "a.nii").write_bytes(claim.binaryblock + bytes(4))
    refused(lambda: open_signal(tmp_path / "a.nii"), "30000 x 30000 x 30000", "GiB")
