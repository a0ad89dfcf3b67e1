"""imageio reads .inr files by our plug-in, whichever of the two is imported first."""

import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

import inr
from inr.engines import render
from inr.signals import cast_samples

ROOT = Path(__file__).resolve().parents[1]
QUICK = {"steps": 20, "batch": 128, "activation": "sine", "network": "mlp:depth=1,width=16", "engine": "eager"}


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    """A folder with a picture, a grey video, a volume and a sound, each a field."""
    folder, rng = tmp_path_factory.mktemp("fields"), np.random.default_rng(0)
    signals = {
        "picture": inr.from_array(rng.integers(0, 256, (10, 14, 3), np.uint8), kind="image"),
        "clip": inr.from_array(rng.integers(0, 256, (5, 8, 6), np.uint8), kind="video", fps=5),
        "volume": inr.from_array(rng.random((4, 5, 6)).astype(np.float32)),
        "sound": inr.from_array(rng.random(50), kind="audio", sample_rate=100),
    }
    for name, signal in signals.items():
        inr.fit(signal, **QUICK).save(folder / f"{name}.inr")
    return folder


@pytest.mark.parametrize("shape", [None, (7, 5), (20, 28)])
def test_a_picture_of_any_size(fields, shape):
    path = fields / "picture.inr"
    field = inr.load(path)
    expected = cast_samples(render(field, shape), field.domain)
    for source in (path, str(path), path.read_bytes()):
        np.testing.assert_array_equal(iio.imread(source, extension=".inr", shape=shape), expected)
    described = iio.improps(path, shape=shape)
    assert (described.shape, described.dtype, described.is_batch) == (expected.shape, np.uint8, False)
    assert iio.imread(path, index=..., shape=shape).shape == iio.improps(path, index=..., shape=shape).shape
    assert [frame.shape for frame in iio.imiter(path, shape=shape)] == [expected.shape]


def test_the_frames_of_a_video(fields):
    path = fields / "clip.inr"
    frames = iio.imread(path)
    assert (frames.shape, frames.dtype) == ((5, 8, 6), np.uint8)
    described = iio.improps(path)
    assert (described.shape, described.n_images, described.is_batch) == ((5, 8, 6), 5, True)
    for index in (0, 3, -1):
        np.testing.assert_array_equal(iio.imread(path, index=index), frames[index])
        assert iio.improps(path, index=index).shape == (8, 6)
    np.testing.assert_array_equal(np.stack(list(iio.imiter(path))), frames)
    assert iio.imread(path, shape=(4, 3)).shape == (5, 4, 3)
    assert iio.imread(path, shape=(10, 4, 3)).shape == iio.improps(path, shape=(10, 4, 3)).shape == (10, 4, 3)
    with pytest.raises(IndexError):
        iio.imread(path, index=5)


def test_a_volume_and_what_is_known_of_it(fields):
    path = fields / "volume.inr"
    np.testing.assert_array_equal(iio.imread(path), render(inr.load(path))[..., 0])
    known = iio.immeta(path)
    assert (known["kind"], known["parts"]["network"]["width"]) == ("volume", 16)
    assert known["metrics"]["psnr"] == inr.load(path).metrics["psnr"]
    with iio.imopen(path, "r") as file:
        assert file.read(shape=(2, 2, 2)).shape == (2, 2, 2)


def test_what_is_no_picture_and_what_is_to_be_written_is_refused(fields, tmp_path):
    with pytest.raises(inr.InrError, match=r"audio.*inr\.load"):
        iio.imread(fields / "sound.inr")
    with pytest.raises(inr.InrError, match=r"inr\.fit"):
        iio.imwrite(tmp_path / "a.inr", np.zeros((3, 4), np.uint8))
    data = (fields / "picture.inr").read_bytes()
    (tmp_path / "cut.inr").write_bytes(data[: len(data) // 2])
    with pytest.raises(inr.DamagedFile):
        iio.imread(tmp_path / "cut.inr")
    (tmp_path / "b.png").write_bytes(b"no field")
    with pytest.raises(OSError, match="`inr` can not handle the given uri"):
        iio.imread(tmp_path / "b.png", plugin="inr")
    with pytest.raises(OSError, match="`inr` can not handle the given uri"):
        iio.imwrite(tmp_path / "b.png", np.zeros((3, 4), np.uint8), plugin="inr")


@pytest.mark.long
@pytest.mark.parametrize("imports", ["import inr, imageio.v3 as iio", "import imageio.v3 as iio, inr"])
def test_either_is_imported_first_and_neither_pulls_in_the_other(fields, imports):
    code = f"""
import sys
import inr
assert "imageio" not in sys.modules
del sys.modules["inr"]
{imports}
assert "torch" not in sys.modules
print(iio.imread({str(fields / "picture.inr")!r}).shape, iio.imread({str(ROOT / "examples" / "chelsea.png")!r}).ndim)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("(10, 14, 3) 3\n", "")


@pytest.mark.parametrize("imports", ["import inr, imageio.v3 as iio", "import imageio.v3 as iio, inr"])
def test_the_plug_in_is_there_whichever_is_imported_first(imports):
    code = f"""
import sys
import inr
assert "imageio" not in sys.modules
del sys.modules["inr"]
{imports}
assert "torch" not in sys.modules
import imageio.config
print("inr" in imageio.config.known_plugins, [found.priority for found in imageio.config.known_extensions[".inr"]])
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("True [['inr']]\n", "")
