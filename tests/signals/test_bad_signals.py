"""Bad input: one line each, nothing printed, nothing half read."""

import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from inr._errors import MissingExtra
from inr.signals import Signal
from inr.signals import open as open_signal

BAD_ARRAYS = {
    "NaN": (np.full((2, 2), np.nan), "all 4 are missing"),
    "Inf": (np.array([[1, np.inf], [3, -np.inf]]), "2 infinite of 4"),
    "both": (np.array([[1, np.inf], [3, np.nan]], np.float32), "1 infinite of 4"),
    "complex": (np.zeros((3, 4), complex), "real"),
    "object": (np.array([[1, None]], dtype=object), "real"),
    "text": (np.array(["a", "b"]), "real"),
    "times": (np.zeros((3, 4), "datetime64[s]"), "real"),
    "records": (np.zeros(3, [("a", "f4")]), "real"),
    "empty": (np.zeros((0, 4)), "no samples"),
    "empty channels": (np.zeros((4, 4, 4, 0)), "no samples"),
    "scalar": (np.float64(3), "1 to 4 axes"),
    "five axes": (np.zeros((2, 2, 2, 2, 2)), "1 to 4 axes"),
    "one sample": (np.zeros(1), "single sample"),
    "too wide": (np.array([-1.7e308, 1.7e308]), "32-bit floats"),
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


def test_one_sample_is_refused_and_one_pixel_is_not(tmp_path, refused):
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    assert open_signal(tmp_path / "a.png").size == 1
    soundfile = pytest.importorskip("soundfile")
    for samples in (1, 0):
        soundfile.write(tmp_path / "a.wav", np.zeros(samples), 8000)
        refused(lambda: open_signal(tmp_path / "a.wav"), "a.wav", "sample")
    soundfile.write(tmp_path / "b.wav", np.array([0.5, np.inf, 0.1]), 8000, subtype="FLOAT")
    refused(lambda: open_signal(tmp_path / "b.wav"), "1 infinite of 3")


# Libraries that are not there.


@pytest.mark.parametrize(
    ("kind", "name", "module", "extra"),
    [
        ("audio", "a.wav", "soundfile", "audio"),
        ("video", "a.mp4", "av", "video"),
        ("volume", "a.nii", "nibabel", "volume"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(tmp_path, kind, name, module, extra, monkeypatch):
    pytest.importorskip(module)
    shape = {"audio": (9, 1), "video": (3, 4, 6), "volume": (3, 4, 5)}[kind]
    rate = {"sample_rate": 8000} if kind == "audio" else {}
    array = np.zeros(shape, np.uint8 if kind == "video" else np.float32)
    signal = Signal.from_array(array, kind=kind, **rate)
    signal.save(tmp_path / name)
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


def test_a_signal_larger_than_memory_says_so(tmp_path, monkeypatch, refused):
    np.save(tmp_path / "a.npy", np.zeros(9))

    def no_room(*_, **__):
        raise MemoryError

    monkeypatch.setattr("numpy.lib.format.read_array", no_room)
    refused(lambda: open_signal(tmp_path / "a.npy"), "a.npy does not fit in this machine's memory")


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


@pytest.mark.parametrize(
    ("kind", "shape", "words"),
    [
        ("image", (4, 17, 9), "first axis looks like channels; pass array.transpose(1, 2, 0)"),
        ("image", (1, 6, 5), "transpose(1, 2, 0)"),
        ("video", (12, 3, 8, 9), "second axis looks like channels; pass array.transpose(0, 2, 3, 1)"),
        ("video", (3, 12, 8, 9), "first axis looks like channels; pass array.transpose(1, 2, 3, 0)"),
        ("audio", (2, 700), "first axis looks like channels; pass array.transpose(1, 0)"),
    ],
)
def test_channels_that_come_first_are_refused_and_the_axis_is_named(refused, kind, shape, words):
    rate = {"sample_rate": 8000} if kind == "audio" else {}
    array = np.random.default_rng(0).random(shape)
    refused(lambda: Signal.from_array(array, kind=kind, **rate), str(shape), words)
    order = [int(axis) for axis in words.partition("transpose(")[2].rstrip(")").split(",")]
    moved = Signal.from_array(array.transpose(order), kind=kind, **rate)
    assert (moved.domain.shape, moved.channels) == (tuple(shape[axis] for axis in order[:-1]), shape[order[-1]])
    assert Signal.from_array(array, kind=kind, channels_last=True, **rate).channels == shape[-1]


def test_few_rows_are_no_channels(refused):
    for shape in ((3, 20, 4), (2, 2, 3), (20, 30, 7), (5, 6, 9)):
        assert Signal.from_array(np.random.default_rng(0).random(shape), kind="image").channels == shape[-1]
    assert Signal.from_array(np.random.default_rng(0).random((3, 20, 30))).domain.kind == "volume"
