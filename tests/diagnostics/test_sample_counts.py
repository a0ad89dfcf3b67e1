"""The sheet that shows which samples a teacher drew."""

import numpy as np
import pytest
import torch
from PIL import Image

import inr
from inr.diagnostics import sample_counts_sheet
from inr.diagnostics._sample_counts import _maps, _shades
from inr.engines import Batch
from inr.fitting import SampleCounts

RNG = np.random.default_rng(0)
SIGNALS = {
    "picture": lambda: inr.Signal.from_array(RNG.integers(0, 255, (20, 30, 3), dtype=np.uint8)),
    "video": lambda: inr.Signal.from_array(RNG.random((4, 10, 12, 3)), kind="video"),
    "volume": lambda: inr.Signal.from_array(RNG.random((6, 7, 8)), kind="volume"),
    "4-D": lambda: inr.Signal.from_array(RNG.random((3, 4, 5, 6)), kind="volume"),
    "sound": lambda: inr.Signal.from_array(RNG.normal(size=3000), kind="audio", sample_rate=8000),
    "scattered": lambda: inr.Signal.from_samples(RNG.random((60, 2)), RNG.random(60)),
}


def counts_of(signal, share):
    """Counts of the first part of the samples."""
    sample_counts = SampleCounts(signal.size, 4)
    for step in range(4):
        sample_counts.add(step, Batch(torch.arange(max(int(signal.size * share), 1))))
    return sample_counts


@pytest.mark.parametrize("kind", SIGNALS)
def test_every_kind_has_a_sheet(kind, tmp_path):
    signal = SIGNALS[kind]()
    sample_counts_sheet(counts_of(signal, 0.3), signal, tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as sheet:
        assert min(sheet.size) > 150
        assert len(np.unique(np.asarray(sheet.convert("L")))) > 3
    with pytest.raises(inr.InrError, match="exists"):
        sample_counts_sheet(counts_of(signal, 0.3), signal, tmp_path / "map.png")
    with pytest.raises(inr.InrError, match=r"map\.png"):
        sample_counts_sheet(counts_of(signal, 0.3), signal, tmp_path / "map.jpg")


def test_what_was_drawn_is_bright_and_the_rest_is_dark():
    signal = SIGNALS["picture"]()
    (_, first, _), _ = _maps(counts_of(signal, 0.5), signal)
    pixels = np.asarray(first.image.convert("L"), dtype=float)
    half = len(pixels) // 2
    assert pixels[:half].min() > pixels[half:].max() + 50
    assert "20 % of draws" in first.note


def test_uniform_sampling_is_the_middle_of_the_scale():
    np.testing.assert_allclose(_shades(np.array([1.0, 8.0, 0.125, 0.0, 100.0])), [0.5, 1, 0, 0, 1])
