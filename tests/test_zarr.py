"""Zarr arrays whose chunks are .inr files: the bound holds for every value, and stores tell how they are read."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import inr

zarr = pytest.importorskip("zarr", minversion="3.1", reason="the extra zarr is not installed")

import numcodecs  # noqa: E402
from zarr.registry import get_codec_class, register_codec  # noqa: E402

from inr.zarr import FieldCodec, FieldCompressor  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _known():
    """A checkout has no entry points."""
    register_codec("inr", FieldCodec)
    numcodecs.register_codec(FieldCompressor)


def temperatures(*shape):
    grids = np.meshgrid(*(np.linspace(0, 3, size) for size in shape), indexing="ij")
    return (280 + 20 * sum(np.sin(grid + place) for place, grid in enumerate(grids))).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "chunks"), [((4, 20, 30), (4, 20, 30)), ((4, 9, 12), (3, 7, 11)), ((4, 9, 12), (4, 50, 7))]
)
def test_the_bound_holds_for_whole_and_partial_chunks(shape, chunks):
    values = temperatures(*shape)
    store = zarr.storage.MemoryStore()
    codec = FieldCodec(max_error=0.25)
    zarr.create_array(store, data=values, chunks=chunks, serializer=codec, compressors=None, fill_value=np.nan)
    found = zarr.open_array(store, mode="r")
    assert np.abs(found[:] - values).max() <= 0.25
    assert np.abs(found[2, 5:9, ::7] - values[2, 5:9, ::7]).max() <= 0.25
    assert found.nbytes_stored() < values.nbytes / 3 if chunks == shape else True


def test_a_store_tells_how_it_is_read(tmp_path):
    values = temperatures(20, 30)
    codec = FieldCodec(relative_error=1e-2, steps=50)
    zarr.create_array(tmp_path / "a.zarr", data=values, chunks=(20, 30), serializer=codec, compressors=None)
    (told,) = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())["codecs"]
    assert told == {"name": "inr", "configuration": {"relative_error": 0.01, "steps": 50}}
    assert get_codec_class("inr").from_dict(told) == codec
    again = zarr.open_array(tmp_path / "a.zarr")
    assert np.abs(again[:] - values).max() <= 0.01 * np.ptp(values)
    chunk = (tmp_path / "a.zarr" / "c" / "0" / "0").read_bytes()
    assert inr.container.loads(chunk).table[0].name == "base"  # an .inr file


def test_reading_takes_no_torch(tmp_path):
    zarr.create_array(
        tmp_path / "a.zarr", data=temperatures(20, 30), serializer=FieldCodec(max_error=0.5), compressors=None
    )
    program = (
        "import sys, zarr, inr.zarr, zarr.registry\nzarr.registry.register_codec('inr', inr.zarr.FieldCodec)\n"
        f"assert zarr.open_array({str(tmp_path / 'a.zarr')!r})[3, 4] > 0\nassert 'torch' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("order", ["C", "F"])
def test_format_2_by_numcodecs(tmp_path, order):
    values = temperatures(3, 20, 30)
    codec = FieldCompressor(max_error=0.25, dtype="float32")
    zarr.create_array(
        tmp_path / "a.zarr", data=values, zarr_format=2, compressors=codec, chunks=(2, 20, 30), order=order
    )
    assert np.abs(zarr.open_array(tmp_path / "a.zarr")[:] - values).max() <= 0.25
    assert numcodecs.get_codec(codec.get_config()) == codec


def test_integers_constants_and_nothing_but_nan():
    for values in (
        np.arange(600, dtype=np.int16).reshape(20, 30),
        np.full((5, 7), 3.5),
        np.full((5, 7), np.nan, np.float32),
        np.array([[1.0, np.nan, np.inf]]),
    ):
        array = zarr.create_array({}, data=values, serializer=FieldCodec(max_error=2.0), compressors=None)
        assert array.dtype == values.dtype
        assert np.allclose(array[:], values, rtol=0, atol=2.0, equal_nan=True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "one positive number"),
        ({"max_error": 1.0, "relative_error": 0.1}, "one positive number"),
        ({"max_error": -1.0}, "one positive number"),
        ({"max_error": 1.0, "preset": "fast", "steps": 9}, "a preset, or steps"),
        ({"max_error": 1.0, "preset": "slow"}, "slow"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given, words):
    with pytest.raises(inr.InrError, match=words):
        FieldCodec(**given)


def test_other_types_are_refused_before_anything_is_written():
    with pytest.raises(inr.InrError, match="complex64"):
        zarr.create_array({}, shape=(4,), dtype="complex64", serializer=FieldCodec(max_error=1.0), compressors=None)


def test_the_entry_points_name_the_codecs():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert groups["zarr.codecs"] == {"inr": "inr.zarr:FieldCodec"}
    assert groups["numcodecs.codecs"] == {"inr": "inr.zarr:FieldCompressor"}
