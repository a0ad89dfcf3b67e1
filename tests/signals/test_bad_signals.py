"""Bad input: one line each, nothing printed, nothing half read."""

import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from inr._errors import InrError, MissingExtra
from inr.signals import Signal
from inr.signals import open as open_signal

BAD_ARRAYS = {
    "NaN": (np.array([[1, np.nan], [np.nan, 2]]), "2 NaN of 4"),
    "Inf": (np.array([[1, np.inf], [3, -np.inf]]), "2 infinite of 4"),
    "both": (np.array([[1, np.inf], [3, np.nan]], np.float32), "1 NaN and 1 infinite of 4"),
    "complex": (np.zeros((3, 4), complex), "real"),
    "object": (np.array([[1, None]], dtype=object), "real"),
    "text": (np.array(["a", "b"]), "real"),
    "times": (np.zeros((3, 4), "datetime64[s]"), "real"),
    "records": (np.zeros(3, [("a", "f4")]), "real"),
    "empty": (np.zeros((0, 4)), "no samples"),
    "empty channels": (np.zeros((4, 4, 4, 0)), "no samples"),
    "scalar": (np.float64(3), "1 to 4 axes"),
    "five axes": (np.zeros((2, 2, 2, 2, 2)), "1 to 4 axes"),
    "one sample": (np.zeros((1, 1)), "single sample"),
    "too wide": (np.array([-1.7e308, 1.7e308]), "float64"),
}


@pytest.mark.parametrize("name", sorted(BAD_ARRAYS))
def test_bad_arrays(name, refused):
    array, words = BAD_ARRAYS[name]
    refused(lambda: Signal.from_array(array), words)


@pytest.mark.parametrize("name", sorted(set(BAD_ARRAYS) - {"object"}))
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_bad_arrays_in_files(tmp_path, name, suffix, refused):
    array, words = BAD_ARRAYS[name]
    path = tmp_path / f"a{suffix}"
    np.save(path, array) if suffix == ".npy" else np.savez(path, data=array)
    refused(lambda: open_signal(path), words, str(path))


def test_pickles_are_never_opened(tmp_path, refused):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.save(tmp_path / "a.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    refused(lambda: open_signal(tmp_path / "a.npy"), "real numbers", "object")
    assert not (tmp_path / "sprung").exists()


def test_ragged_lists_and_wrong_kinds(refused):
    refused(lambda: Signal.from_array([[1, 2], [3]]), "not an array")
    refused(lambda: Signal.from_array(np.zeros((2, 3, 4, 5)), kind="image"), "image", "(2, 3, 4, 5)")
    refused(lambda: Signal.from_array(np.zeros(5), kind="image"), "image", "(5,)")
    refused(lambda: Signal.from_array(np.zeros(5), kind="scattered"), "from_samples")
    refused(lambda: Signal.from_array(np.zeros((5, 5)), fps=3), "fps", "video")
    refused(lambda: Signal.from_array(np.zeros((5, 5)), value_range=(1, 1)), "low < high")


def test_bad_scattered_samples(tmp_path, refused):
    rng = np.random.default_rng(0)
    coords, values = rng.random((10, 2)), rng.random(10)
    for change, words in (
        ({"values": values[:9]}, ("10 coords", "9 values")),
        ({"coords": np.where(np.arange(2) == 1, 0.5, coords)}, ("coordinate y", "everywhere")),
        ({"coords": np.where(coords > 0.9, np.nan, coords)}, ("NaN",)),
        ({"values": np.full(10, np.inf)}, ("10 infinite of 10",)),
        ({"coords": rng.random((10, 5))}, ("1 to 4", "(10, 5)")),
        ({"values": rng.random((10, 2, 2))}, ("(10, 2, 2)",)),
        ({"coords": coords[:1], "values": values[:1]}, ("coordinate x",)),
    ):
        arrays = {"coords": coords, "values": values} | change
        np.savez(tmp_path / "a.npz", **arrays)
        refused(lambda: open_signal(tmp_path / "a.npz"), *words, "a.npz")
        refused(lambda arrays=arrays: Signal.from_samples(**arrays), *words)


def test_an_archive_of_several_arrays_names_them(tmp_path, refused):
    np.savez(tmp_path / "a.npz", density=np.zeros(3), mask=np.ones(3), coords=np.ones(3))
    refused(lambda: open_signal(tmp_path / "a.npz"), "coords, density, mask", "values")
    np.savez(tmp_path / "b.npz")
    refused(lambda: open_signal(tmp_path / "b.npz"), "nothing")
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.writestr("readme.txt", "not an array")
    refused(lambda: open_signal(tmp_path / "c.npz"), "readable .npz")


def test_paths_that_are_no_signal(tmp_path, refused):
    refused(lambda: open_signal(tmp_path / "missing.png"), "missing.png does not exist")
    refused(lambda: open_signal(tmp_path), "directory", "frames")
    refused(lambda: open_signal("a\0b.png"), "not a file name")
    refused(lambda: open_signal(tmp_path / ("long" * 100)), "cannot read")
    (tmp_path / "empty.png").touch()
    refused(lambda: open_signal(tmp_path / "empty.png"), "empty.png is empty")
    (tmp_path / "story.png").write_text("Once upon a time …\n" * 9)
    refused(lambda: open_signal(tmp_path / "story.png"), "text file", "PNG", "WAV", "NIfTI")
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 4)
    refused(lambda: open_signal(tmp_path / "noise.bin"), "no known format", "PNG", "MP4")
    (tmp_path / "field.png").write_bytes(b"\x89INR" + bytes(100))
    refused(lambda: open_signal(tmp_path / "field.png"), "already a fitted field; use inr render")


def test_a_file_that_may_not_be_read(tmp_path, refused):
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(path)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    refused(lambda: open_signal(path), "Permission denied")


def test_one_pixel_and_one_sample_are_refused(tmp_path, refused):
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    refused(lambda: open_signal(tmp_path / "a.png"), "a.png has a single sample", "at least 2")
    soundfile = pytest.importorskip("soundfile")
    for samples in (1, 0):
        soundfile.write(tmp_path / "a.wav", np.zeros(samples), 8000)
        refused(lambda: open_signal(tmp_path / "a.wav"), "a.wav", "sample")
    soundfile.write(tmp_path / "b.wav", np.array([0.5, np.nan, 0.1]), 8000, subtype="FLOAT")
    refused(lambda: open_signal(tmp_path / "b.wav"), "1 NaN of 3")


# Truncation: a file cut anywhere is refused, or, where nothing but trailing decoration is gone, read exactly.


def image_file(form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    y, x = np.mgrid[:40, :50]
    pixels = np.stack([x * 5, y * 6, (x * y) % 256], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def saved(signal: Signal, folder, name: str) -> bytes:
    signal.save(folder / name)
    return (folder / name).read_bytes()


def whole_files(folder) -> dict[str, bytes]:
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
        "volume.npy": saved(volume, folder, "volume.npy"),
        "volume.npz": saved(volume, folder, "volume.npz"),
        "scattered.npz": saved(scattered, folder, "scattered.npz"),
        "tone.wav": saved(tone, folder, "tone.wav"),
        "tone.flac": saved(tone, folder, "tone.flac"),
        "volume.nii": saved(volume, folder, "volume.nii"),
        "volume.nii.gz": saved(volume, folder, "volume.nii.gz"),
    }
    return files | videos(folder)


def videos(folder) -> dict[str, bytes]:
    frames = np.stack([np.roll(np.tile(np.arange(32, dtype=np.uint8) * 8, (24, 3, 1)).transpose(0, 2, 1), k, 1) for k in range(8)])  # fmt: skip
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
    pytest.importorskip("soundfile")
    pytest.importorskip("nibabel")
    return whole_files(tmp_path_factory.mktemp("whole"))


NAMES = ("8-bit.png", "16-bit.png", "baseline.jpg", "progressive.jpg", "lossy.webp", "lossless.webp", "plain.tif",
         "lzw.tif", "jpeg.tif", "volume.npy", "volume.npz", "scattered.npz", "tone.wav", "tone.flac", "volume.nii",
         "volume.nii.gz", "end.mp4", "front.mp4", "clip.mkv", "clip.avi", "clip.webm", "clip.gif")  # fmt: skip


def test_every_kind_of_file_is_tried(files):
    assert set(files) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_short_is_refused(tmp_path, name, files, capfd):
    whole, path = files[name], tmp_path / name
    path.write_bytes(whole)
    expected = open_signal(path).array.copy()
    cuts = {1, 4, 8, 12, 16, 40, *np.linspace(50, len(whole) - 20, 10).astype(int), *range(len(whole) - 12, len(whole))}
    refusals = 0
    for cut in sorted(cuts):
        path.write_bytes(whole[:cut])
        try:
            found = open_signal(path).array
        except InrError as error:
            assert "\n" not in str(error)
            refusals += 1
        else:
            np.testing.assert_array_equal(found, expected)
            assert cut > len(whole) - 12
    assert refusals >= len(cuts) - 12
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_file_with_wrong_bytes_is_refused_or_read_but_never_more(tmp_path, name, files, capfd):
    whole, path, rng = files[name], tmp_path / name, np.random.default_rng(1)
    for _ in range(25):
        damaged = bytearray(whole)
        damaged[rng.integers(0, min(300, len(whole)))] = rng.integers(0, 256)
        damaged[rng.integers(0, len(whole))] ^= 1 << rng.integers(0, 8)
        path.write_bytes(damaged)
        try:
            open_signal(path, max_bytes=2**26)
        except InrError as error:
            assert "\n" not in str(error)
    assert capfd.readouterr() == ("", "")


# Size: what is too large is refused from the header, before anything is decoded.


def claimed_png(width: int, height: int, depth: int, colour: int, body: bytes = b"") -> bytes:
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress(body)),
        (b"IEND", b""),
    )
    parts = [struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


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


# Libraries that are not there.


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [("tone.wav", "soundfile", "audio"), ("end.mp4", "av", "video"), ("volume.nii.gz", "nibabel", "volume")],
)
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    tmp_path, name, module, extra, files, monkeypatch
):
    (tmp_path / name).write_bytes(files[name])
    signal = open_signal(tmp_path / name)
    monkeypatch.setitem(sys.modules, module, None)
    for call in (lambda: open_signal(tmp_path / name), lambda: signal.save(tmp_path / f"new-{name}")):
        with pytest.raises(MissingExtra) as caught:
            call()
        assert f"pip install 'inr[{extra}]'" in str(caught.value)


def test_images_and_arrays_need_none_of_them(tmp_path):
    code = (
        "import sys, numpy as np, inr.signals as s\n"
        "assert 'torch' not in sys.modules and 'PIL' not in sys.modules\n"
        "s.Signal.from_array(np.zeros((4, 5, 3), np.uint8)).save('a.png')\n"
        "assert s.open('a.png').size == 20\n"
        "print(sorted({'soundfile', 'av', 'nibabel', 'skimage', 'tifffile', 'numba'} & set(sys.modules)))\n"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": path}, check=False)  # fmt: skip
    assert (run.stdout, run.stderr) == ("[]\n", "")


# Writing.


def test_suffixes_that_do_not_fit_the_kind(tmp_path, refused):
    image = Signal.from_array(np.zeros((4, 5, 3), np.uint8))
    refused(lambda: image.save(tmp_path / "a.wav"), "image is written as", ".png", ".tif")
    refused(lambda: image.save(tmp_path / "a"), "image is written as")
    sound = Signal.from_array(np.zeros(9), kind="audio", sample_rate=8000)
    refused(lambda: sound.save(tmp_path / "a.mp3"), "audio is written as .wav, .flac")
    film = Signal.from_array(np.zeros((3, 4, 5), np.uint8), kind="video")
    refused(lambda: film.save(tmp_path / "a.avi"), ".mp4", "folder")
    volume = Signal.from_array(np.zeros(9))
    refused(lambda: volume.save(tmp_path / "a.gz"), ".npy", ".nii.gz")
    assert list(tmp_path.iterdir()) == []


def test_existing_files_are_kept_without_force(tmp_path, refused):
    image = Signal.from_array(np.zeros((4, 5, 3), np.uint8))
    (tmp_path / "a.png").write_text("precious")
    refused(lambda: image.save(tmp_path / "a.png"), "exists", "--force")
    assert (tmp_path / "a.png").read_text() == "precious"
    image.save(tmp_path / "a.png", force=True)
    assert open_signal(tmp_path / "a.png").size == 20
    refused(lambda: image.save(tmp_path / "no" / "a.png"), "does not exist")


def test_a_shape_that_does_not_fit_the_domain(tmp_path, refused):
    from inr.signals import write

    domain = Signal.from_array(np.zeros((4, 5, 3), np.uint8)).domain
    refused(lambda: write(tmp_path / "a.png", np.zeros((4, 5)), domain), "3 channels", "(4, 5)")
    refused(lambda: write(tmp_path / "a.png", np.zeros((0, 5, 3)), domain), "(0, 5, 3)")
    refused(lambda: write(tmp_path / "a.jpg", np.zeros((70_000, 1, 3)), domain), "65500 pixels", ".png")
    assert list(tmp_path.iterdir()) == []
