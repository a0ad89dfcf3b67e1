"""Fields as layers of napari: what its reader gives, and that napari takes it where it is installed."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

import inr
from inr.napari import Level, get_reader, layer

ROOT = Path(__file__).resolve().parents[1]


def picture(channels=None):
    rows, columns = np.mgrid[:24, :32]
    grey = (127 + 100 * np.sin(rows / 5) * np.cos(columns / 7)).astype(np.uint8)
    return grey if channels is None else np.stack([grey] * channels, axis=-1)


def kept(array, **options):
    return inr.fit(inr.from_array(array, **options), coding="samples")


def test_a_file_gives_a_layer_and_other_files_none(tmp_path):
    kept(picture(3)).save(tmp_path / "cat.inr")
    assert get_reader(str(tmp_path / "cat.png")) is None
    path = str(tmp_path / "cat.inr")
    ((levels, options, kind),) = get_reader(path)(path)
    assert kind == "image"
    assert options["name"] == "cat"
    assert options["rgb"]
    assert [level.shape for level in levels] == [(96, 128, 3), (48, 64, 3), (24, 32, 3)]
    assert np.array_equal(levels[-1][...], picture(3))
    assert len(get_reader([path, path])([path, path])) == 2


@pytest.mark.parametrize("channels", [None, 3, 2])
def test_a_part_is_what_the_whole_has_there(channels):
    level = Level(kept(picture(channels)), 2.0, channels == 3)
    whole = np.asarray(level)
    assert whole.shape == level.shape
    assert whole.dtype == level.dtype
    keys = [(slice(3, 40, 5), slice(None)), (7, ...), (..., slice(1, 3)), (slice(2, 2),), (slice(None), -1)]
    for key in [each if channels != 2 else (1, *each) for each in keys]:
        np.testing.assert_allclose(level[key].astype(int), whole[key].astype(int), atol=1)
        assert level[key].shape == whole[key].shape


def test_only_what_is_looked_at_is_computed(monkeypatch):
    field = inr.fit(inr.from_array(picture()), network="mlp:depth=1,width=8", steps=2, engine="eager", coding="exact")
    asked = []
    monkeypatch.setattr(
        "inr.napari.render", lambda field, shape, box: asked.append(shape) or inr.render(field, shape, box)
    )
    levels, *_ = layer(field)
    assert asked == []
    assert levels[0][10:20, 5:7].shape == (10, 2)
    assert asked == [[10, 2]]


def test_places_are_in_own_units():
    volume = np.zeros((3, 4, 6), np.float32)
    signal = inr.from_array(volume, kind="volume")
    (levels, options, _) = layer(inr.fit(signal, coding="samples"), finer=1)
    assert levels[0].shape == (6, 8, 12)
    for axis, scale, start in zip(signal.domain.axes[::-1], options["scale"], options["translate"], strict=True):
        assert scale == (axis.high - axis.low) / axis.size / 2
        assert start == axis.low + scale / 2  # the centre of the first sample
    assert options["axis_labels"] == ("z", "y", "x")


def test_large_pictures_have_coarser_levels_and_moments_are_no_finer():
    large = inr.Field.build(inr.from_array(np.zeros((3, 1200, 20), np.uint8), kind="video").domain)
    shapes = [level.shape for level in layer(large, finer=1)[0]]
    assert shapes == [(3, 2400, 40), (3, 1200, 20), (3, 600, 10), (3, 300, 5)]


def test_what_is_no_picture_is_refused():
    with pytest.raises(inr.InrError, match="of kind audio"):
        layer(kept(np.zeros(50, np.float32), kind="audio", sample_rate=100))


def test_the_manifest_is_of_the_package():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert groups["napari.manifest"] == {"inr": "inr:napari.yaml"}
    assert "python_name: inr.napari:get_reader" in (ROOT / "inr" / "napari.yaml").read_text()


def test_npe2_takes_the_manifest():
    npe2 = pytest.importorskip("npe2", reason="npe2 is not installed")
    manifest = npe2.PluginManifest.from_file(ROOT / "inr" / "napari.yaml")
    (reader,) = manifest.contributions.readers
    assert reader.filename_patterns == ["*.inr"]
    assert manifest.contributions.commands[0].python_name == "inr.napari:get_reader"


@pytest.mark.parametrize(
    "array", [picture(3), picture(), np.zeros((5, 8, 9), np.float32)], ids=["rgb", "grey", "volume"]
)
def test_napari_takes_the_layer(array):
    components = pytest.importorskip("napari.components", reason="napari is not installed: pip install 'inr[napari]'")
    levels, options, _ = layer(kept(array))
    viewer = components.ViewerModel()
    found = viewer.add_image(levels, **options)
    assert found.multiscale
    np.testing.assert_allclose(found.scale, options["scale"])
