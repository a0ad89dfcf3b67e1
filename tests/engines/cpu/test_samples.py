"""Batches made by the stage, beside those that the signal makes."""

import dataclasses

import numpy as np
import pytest
import torch

from inr import InrError, Signal
from inr.engines._cpu._samples import sampling
from inr.jit import run
from inr.signals import GridSignal, ValueMap
from tests.tables import mostly_long

SHAPES = [(5, 9), (2, 1), (31, 64), (4, 3, 7), (37,), (2, 3, 5, 3)]


def made(shape, channels, dtype, value_range=None):
    random = np.random.default_rng(0)
    if dtype == np.float32:
        array = random.normal(size=(*shape, channels)).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        array = random.integers(limits.min, limits.max, (*shape, channels), dtype, endpoint=True)
    return Signal.from_array(array, kind="volume", channels_last=True, value_range=value_range)


def fill(call_of, count, signal, threads=1):
    coords = np.full((count, signal.in_dim), 7, np.float32)
    targets = np.full((count, signal.channels), 7, np.float32)
    run([call_of(coords, targets)], threads)
    return torch.from_numpy(coords), torch.from_numpy(targets)


def assert_equal(found, signal, indices):
    assert torch.equal(found[0], signal.coords(indices))
    assert torch.equal(found[1], signal.values(indices))
    assert (found[0].signbit() == signal.coords(indices).signbit()).all()


# numbers of axes and channels, and types, are compiled anew
@pytest.mark.parametrize("shape", [*SHAPES[:4], *(pytest.param(shape, marks=pytest.mark.long) for shape in SHAPES[4:])])
def test_every_sample_of_any_shape(shape):
    signal = made(shape, 3, np.uint8)
    indices = torch.arange(signal.size).flip(0)
    found = fill(lambda *into: sampling(signal).at(indices.numpy(), *into), signal.size, signal)
    assert_equal(found, signal, indices)


@pytest.mark.parametrize(
    ("dtype", "channels"), mostly_long([("float32", 3), ("uint16", 3), ("uint8", 1), ("int16", 2), ("float32", 5)], 2)
)
@pytest.mark.parametrize("value_range", [None, (-3.5, 1000.25)])
def test_every_type(dtype, channels, value_range):
    signal = made((40, 51), channels, np.dtype(dtype).type, value_range)
    indices = torch.randint(signal.size, (777,))
    found = fill(lambda *into: sampling(signal).at(indices.numpy(), *into), 777, signal)
    assert_equal(found, signal, indices)


@pytest.mark.parametrize("start", [0, 1, 700])
@pytest.mark.parametrize("count", [0, 1, 64, 300])
def test_a_run_of_samples(start, count):
    signal = made((32, 32), 3, np.uint8)
    found = fill(lambda *into: sampling(signal).run(start, *into), count, signal, threads=3)
    assert_equal(found, signal, torch.arange(start, start + count))


def test_a_range_for_every_channel():
    signal = made((13, 21), 3, np.uint8)
    values = ValueMap((0.0, 10.5, -7.0), (255.0, 11.0, 1e4))
    signal = GridSignal(signal.array, dataclasses.replace(signal.domain, values=values))
    indices = torch.randint(signal.size, (200,))
    found = fill(lambda *into: sampling(signal).at(indices.numpy(), *into), 200, signal)
    assert_equal(found, signal, indices)


def test_both_ends_of_a_large_signal():
    signal = made((3000, 4001), 3, np.uint8)
    indices = torch.cat((torch.arange(2000), torch.arange(signal.size - 2000, signal.size)))
    found = fill(lambda *into: sampling(signal).at(indices.numpy(), *into), 4000, signal, threads=2)
    assert_equal(found, signal, indices)


def test_indices_beyond_the_signal_are_refused():
    signal = made((4, 5), 1, np.uint8)
    coords, targets = np.zeros((2, 2), np.float32), np.zeros((2, 1), np.float32)
    for wrong in ([0, 20], [-1, 3]):
        with pytest.raises(InrError, match="0 … 19"):
            sampling(signal).at(np.array(wrong), coords, targets)
    with pytest.raises(InrError, match="2 samples from 19 on are not among 20"):
        sampling(signal).run(19, coords, targets)


@pytest.mark.parametrize("dtype", ["int32", "float64", "float16", "int8"])
def test_other_types_are_left_to_the_signal(dtype):
    assert sampling(Signal.from_array(np.arange(12).reshape(3, 4).astype(dtype))) is None


def test_scattered_samples_are_left_to_the_signal():
    assert sampling(Signal.from_samples(np.arange(6.0).reshape(3, 2), np.arange(3.0, dtype=np.float32))) is None


SHIFTED = {
    "picture": {"array": (9, 12, 3), "dtype": "uint8"},
    "point picture": {"array": (9, 12), "dtype": "uint8", "sampling": "point"},
    "map": {"array": (7, 1), "dtype": "int16", "channels_last": False},
    "sound": {"array": (70, 2), "dtype": "int16", "kind": "audio", "sample_rate": 8_000, "channels_last": True},
    "video": {"array": (4, 20, 33, 3), "dtype": "uint8", "kind": "video"},
    "point video": {
        "array": (3, 17, 9, 1),
        "dtype": "uint8",
        "kind": "video",
        "channels_last": True,
        "sampling": "point",
    },
    "volume": {"array": (5, 6, 7), "dtype": "uint16"},
    "four axes": {"array": (3, 4, 5, 2), "dtype": "float32", "kind": "volume"},
    "series": {"array": (40,), "dtype": "float32"},
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.long] * (case not in ("picture", "video"))) for case in SHIFTED]
)
@pytest.mark.parametrize("threads", [1, 3])
def test_places_in_cells_are_those_of_the_signal(case, threads):
    """Coordinates and targets are the signal's own, as torch computes them, to 2e-6 of values that span 2.

    Of videos it is 1e-5: places that motion leads to are rounded to float32 in pixels.
    """
    options = dict(SHIFTED[case])
    shape, dtype = options.pop("array"), options.pop("dtype")
    rng = np.random.default_rng(0)
    signal = Signal.from_array((rng.random(shape) * 200).astype(dtype), **options)
    indices = torch.from_numpy(rng.integers(signal.size, size=501))
    shifts = torch.from_numpy(rng.random((501, signal.in_dim), dtype=np.float32) - np.float32(0.5))
    shifts[:4] = torch.tensor([0.5, -0.5, 0.0, 0.25])[:, None]
    coords = np.empty((501, signal.in_dim), np.float32)
    targets = np.empty((501, signal.channels), np.float32)
    run([sampling(signal).between(indices.numpy(), shifts.numpy(), coords, targets)], threads)
    np.testing.assert_allclose(coords, signal.shifted_coords(indices, shifts).numpy(), atol=2e-7)
    np.testing.assert_allclose(
        targets, signal.interpolated(indices, shifts).numpy(), atol=1e-5 if "video" in case else 2e-6
    )


@pytest.mark.parametrize("dtype", mostly_long([np.uint8, np.float32, np.int16]))
def test_batches_of_a_grid_with_a_hole(dtype):
    rows, columns = np.indices((13, 17))
    hole = (rows - 4) ** 2 + (columns - 11) ** 2 < 14
    heights = (90 + 3 * rows - 2 * columns + np.sin(columns)).astype(dtype)
    signal = Signal.from_array(np.ma.masked_array(heights, mask=hole), kind="image")
    stage = sampling(signal)
    indices = torch.randperm(signal.size, generator=torch.Generator().manual_seed(0))[:50]
    assert_equal(fill(lambda *into: stage.at(indices.numpy(), *into), 50, signal), signal, indices)
    assert_equal(fill(lambda *into: stage.run(20, *into), 50, signal), signal, torch.arange(20, 70))
    shifts = torch.rand(50, 2) - 0.5
    coords, targets = fill(lambda *into: stage.between(indices.numpy(), shifts.numpy(), *into), 50, signal)
    assert torch.allclose(coords, signal.shifted_coords(indices, shifts), atol=1e-6)
    assert torch.allclose(targets, signal.interpolated(indices, shifts), atol=1e-5)
    with pytest.raises(InrError):
        stage.at(np.array([signal.size]), coords[:1].numpy(), targets[:1].numpy())


def test_ranges_that_float32_cannot_invert_are_left_to_the_signal():
    assert sampling(Signal.from_array(np.array([[-1e38, 1e38]], np.float32))) is None
