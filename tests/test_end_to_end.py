"""Every kind of signal through the whole library: fit, save, load, render, write, open again."""

import numpy as np
import pytest

import inr
from inr import Signal
from inr.signals import default_suffix, write


def wave(*shape: int) -> np.ndarray:
    """A smooth pattern in [0, 1]."""
    grids = np.meshgrid(*[np.linspace(0, 3, size) for size in shape], indexing="ij")
    return 0.5 + 0.5 * np.sin(sum(grid * (i + 1) for i, grid in enumerate(grids)))


SIGNALS = {
    "grey picture": lambda: Signal.from_array((255 * wave(24, 20)).astype(np.uint8), kind="image"),
    "colour picture": lambda: Signal.from_array((65535 * wave(24, 20, 3)).astype(np.uint16), kind="image"),
    "sound": lambda: Signal.from_array(2 * wave(3000, 2) - 1, kind="audio", sample_rate=8000),
    "video": lambda: Signal.from_array((255 * wave(6, 16, 18, 3)).astype(np.uint8), kind="video", fps=5),
    "volume": lambda: Signal.from_array(wave(9, 10, 11).astype(np.float32)),
    "volume over time": lambda: Signal.from_array(wave(4, 5, 6, 7).astype(np.float32)),
    "series": lambda: Signal.from_array(wave(500).astype(np.float32)),
}


# kinds for which the CPU's kernels are not made by many other tests
RARE = ("sound", "video", "volume", "volume over time", "series")


@pytest.mark.parametrize(
    ("name", "engine"),
    [
        *((name, "eager" if name in RARE else "auto") for name in SIGNALS),
        *(pytest.param(name, "auto", marks=pytest.mark.long) for name in RARE),
    ],
)
def test_no_setting_is_needed(name, engine, tmp_path):
    """The defaults of every kind improve on predicting the mean by far, in a fraction of their steps."""
    signal = SIGNALS[name]()
    field = inr.fit(signal, steps=60, engine=engine)
    values = signal.array.astype(np.float64)
    deviation = values.std() / signal.domain.values.data_range
    assert field.metrics["psnr"] > -20 * np.log10(deviation) + 8
    field.save(tmp_path / "field.inr")
    again = inr.load(tmp_path / "field.inr")
    written = tmp_path / f"again{default_suffix(again.domain)}"
    write(written, again.render(), again.domain)
    result = inr.open(written)
    assert result.domain.kind == signal.domain.kind
    assert result.domain.shape == signal.domain.shape
    assert result.array.dtype == signal.array.dtype
    if signal.domain.kind != "video":  # whose codec loses a little
        error = np.mean((result.array.astype(np.float64) - values) ** 2)
        psnr = 10 * np.log10(signal.domain.values.data_range**2 / error)
        assert psnr > field.metrics["psnr"] - 0.5


def test_scattered_samples(tmp_path):
    rng = np.random.default_rng(0)
    coords = rng.random((300, 2)) * [2, 5]
    values = np.stack([coords[:, 0] ** 2, np.sin(coords[:, 1])], axis=1)
    np.savez(tmp_path / "samples.npz", coords=coords, values=values)
    field = inr.fit(tmp_path / "samples.npz", steps=150)
    assert field.metrics["psnr"] > 25
    assert field.render((5, 4)).shape == (5, 4, 2)


def test_another_resolution_of_a_sound_is_another_rate(tmp_path):
    field = inr.fit(SIGNALS["sound"](), steps=5)
    write(tmp_path / "again.wav", field.render((6000,)), field.domain)
    assert inr.open(tmp_path / "again.wav").domain.meta["sample_rate"] == 16_000
