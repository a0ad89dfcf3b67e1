"""Coordinates, values and blocks of a signal; what arrays are taken for."""

import itertools
import math

import hypothesis
import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import numpy as np
import pytest
import torch

from inr.signals import ScatteredSignal, Signal, grid_coords, grid_range

pytestmark = pytest.mark.quick

SHAPES = [(7,), (3, 5), (2, 3, 4), (2, 3, 1, 5)]


def exact_coords(shape: tuple[int, ...]) -> np.ndarray:
    """The definition, sample by sample, in Python's own arithmetic."""
    rows = [
        [(2 * i + 1) / n - 1 for i, n in zip(reversed(index), reversed(shape), strict=True)]
        for index in itertools.product(*map(range, shape))
    ]
    return np.array(rows)


@pytest.mark.parametrize("shape", SHAPES)
def test_coordinates_are_cell_centres_with_x_first(shape):
    size = math.prod(shape)
    coords = grid_coords(shape, torch.arange(size))
    assert coords.dtype == torch.float32
    np.testing.assert_array_equal(coords.numpy(), exact_coords(shape).astype(np.float32))


def test_x_is_the_last_axis_of_the_array():
    coords = grid_coords((2, 4), torch.arange(8))
    assert coords[1].tolist() == [-0.25, -0.5]
    assert coords[4].tolist() == [-0.75, 0.5]


@hypothesis.given(st.lists(st.integers(1, 5_000_000), min_size=1, max_size=4), st.data())
def test_coordinates_of_large_grids_are_within_one_rounding(shape, data):
    hypothesis.assume(math.prod(shape) < 2**50)
    index = data.draw(st.integers(0, math.prod(shape) - 1))
    expected = [(2 * i + 1) / n - 1 for i, n in zip(np.unravel_index(index, shape), shape, strict=True)]
    found = grid_coords(shape, torch.tensor([index]))[0].double().numpy()[::-1]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2**-24)


@hypothesis.given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.data())
def test_ranges_of_a_grid_are_the_same_bits(shape, data):
    size = math.prod(shape)
    start = data.draw(st.integers(0, size))
    stop = data.draw(st.integers(start, size))
    box = data.draw(st.none() | st.just([(-0.9, 0.3), (-1.0, 1.0), (0.1, 0.2), (-0.5, 0.5)][: len(shape)]))
    expected = grid_coords(shape, torch.arange(start, stop), box)
    assert torch.equal(grid_range(shape, start, stop, box), expected)


def test_coordinates_in_a_box():
    coords = grid_coords((2, 2), torch.arange(4), box=((0.0, 1.0), (-1.0, 0.0)))
    assert coords.tolist() == [[0.25, -0.75], [0.75, -0.75], [0.25, -0.25], [0.75, -0.25]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64, np.float16,
                                   np.float32, np.float64])  # fmt: skip
def test_values_are_the_samples_normalised_in_every_type(dtype):
    array = (np.arange(60).reshape(4, 5, 3) * 2).astype(dtype)
    signal = Signal.from_array(array)
    assert signal.array.dtype == dtype
    indices = torch.tensor([0, 7, 19, 7])
    low, high = signal.domain.values.low[0], signal.domain.values.high[0]
    expected = (array.reshape(20, 3)[indices].astype(float) - low) / (high - low) * 2 - 1
    values = signal.values(indices)
    assert values.dtype == torch.float32
    np.testing.assert_allclose(values.numpy(), expected, atol=2e-7)


def test_values_keep_their_precision_far_from_zero():
    array = 1e9 + np.linspace(0, 1, 50)
    values = Signal.from_array(array).values(torch.arange(50))
    np.testing.assert_allclose(values[:, 0].numpy(), np.linspace(-1, 1, 50), atol=1e-6)


def test_values_are_not_the_signals_own_memory():
    array = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    signal = Signal.from_array(array)
    before = array.copy()
    signal.values(torch.arange(12)).add_(5)
    next(signal.blocks())[1].add_(5)
    np.testing.assert_array_equal(signal.array[..., 0], before)


@pytest.mark.parametrize("block", [1, 7, 20, 100])
def test_blocks_cover_the_signal_in_order(block):
    signal = Signal.from_array(np.arange(60, dtype=np.uint8).reshape(4, 5, 3))
    everything = torch.arange(signal.size)
    coords, values = (torch.cat(parts) for parts in zip(*signal.blocks(block), strict=True))
    assert all(len(part) <= block for part, _ in signal.blocks(block))
    assert torch.equal(coords, signal.coords(everything))
    assert torch.equal(values, signal.values(everything))


def test_the_domain_restores_what_values_normalised():
    array = np.random.default_rng(0).normal(40, 9, (6, 7, 8))
    signal = Signal.from_array(array)
    restored = signal.domain.values.restore(signal.values(torch.arange(signal.size)).double())
    np.testing.assert_allclose(restored.numpy().reshape(6, 7, 8), array, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "options", "kind", "names", "channels"),
    [
        ((9,), {}, "volume", "x", 1),
        ((9, 4), {}, "image", "xy", 1),
        ((9, 4, 3), {}, "image", "xy", 3),
        ((9, 4, 4), {}, "image", "xy", 4),
        ((9, 4, 5), {}, "volume", "xyz", 1),
        ((9, 4, 3), {"channels_last": False}, "volume", "xyz", 1),
        ((9, 4, 5), {"channels_last": True}, "image", "xy", 5),
        ((2, 3, 4, 5), {}, "volume", "xyzt", 1),
        ((2, 3, 4, 5), {"channels_last": True}, "volume", "xyz", 5),
        ((2, 3, 4, 5, 6), {"channels_last": True}, "volume", "xyzt", 6),
        ((9, 4, 3), {"kind": "volume"}, "volume", "xyz", 1),
        ((9, 4), {"kind": "volume", "channels_last": True}, "volume", "x", 4),
        ((9, 4, 2), {"kind": "image"}, "image", "xy", 2),
        ((9,), {"kind": "audio", "sample_rate": 8000}, "audio", "t", 1),
        ((9, 2), {"kind": "audio", "sample_rate": 8000}, "audio", "t", 2),
        ((9, 4, 3), {"kind": "video"}, "video", "xyt", 1),
        ((9, 4, 3, 3), {"kind": "video", "fps": 30}, "video", "xyt", 3),
    ],
)
def test_what_an_array_is_taken_for(shape, options, kind, names, channels):
    array = np.arange(math.prod(shape), dtype=np.float32).reshape(shape)
    signal = Signal.from_array(array, **options)
    domain = signal.domain
    assert (domain.kind, "".join(axis.name for axis in domain.axes), domain.channels) == (kind, names, channels)
    assert (signal.in_dim, signal.channels, signal.size) == (len(names), channels, array.size // channels)
    assert signal.array.shape == (*domain.shape, channels)
    np.testing.assert_array_equal(signal.array.reshape(shape), array)


def test_axes_span_physical_extents():
    image = Signal.from_array(np.zeros((3, 4))).domain
    assert [(a.name, a.size, a.unit, a.low, a.high) for a in image.axes] == [("x", 4, "px", 0, 4), ("y", 3, "px", 0, 3)]
    sound = Signal.from_array(np.zeros(100), kind="audio", sample_rate=50).domain
    assert [(a.name, a.size, a.unit, a.low, a.high) for a in sound.axes] == [("t", 100, "s", 0, 2)]
    video = Signal.from_array(np.zeros((10, 3, 4)), kind="video", fps=5).domain
    assert [(axis.name, axis.size, axis.unit, axis.high) for axis in video.axes] == [
        ("x", 4, "px", 4),
        ("y", 3, "px", 3),
        ("t", 10, "s", 2),
    ]


@pytest.mark.parametrize(
    ("array", "options", "low", "high"),
    [
        (np.array([[3, 131]], np.uint8), {}, 0, 255),
        (np.array([[3, 130]], np.uint8), {}, 3, 130),
        (np.array([[7, 7]], np.uint8), {}, 0, 255),
        (np.array([[0, 1]], np.uint8), {}, 0, 1),
        (np.array([0, 3, 1], np.uint8), {}, 0, 3),
        (np.array([[3, 40_000]], np.uint16), {}, 0, 65535),
        (np.array([[3, 4_095]], np.uint16), {}, 3, 4095),
        (np.array([[0.001, 0.02]], np.float32).astype(float), {}, float(np.float32(0.001)), float(np.float32(0.02))),
        (np.array([3, 7], np.uint16), {}, 3, 7),
        (np.array([[0.2, 0.9]]), {}, 0, 1),
        (np.array([[0.2, 1.1]]), {}, 0.2, 1.1),
        (np.array([0.2, 0.9]), {}, 0.2, 0.9),
        (np.array([False, True]), {}, 0, 1),
        (np.array([-3, 7], np.int32), {}, -3, 7),
        (np.array([5.0, 5.0]), {}, 4.5, 5.5),
        (np.array([-0.5, 0.25]), {"kind": "audio", "sample_rate": 8000}, -0.5, 0.5),
        (np.array([-32768, 3], np.int16), {"kind": "audio", "sample_rate": 8000}, -32768, 32768),
        (np.zeros(4, np.float32), {"kind": "audio", "sample_rate": 8000}, -1, 1),
        (np.array([[3, 7]], np.uint8), {"value_range": (0, 15)}, 0, 15),
    ],
)
def test_value_ranges(array, options, low, high):
    values = Signal.from_array(array, **options).domain.values
    assert (values.low, values.high) == ((low,), (high,))


@pytest.mark.parametrize("value", [0.0, 5.0, -1e6, 3e20, -1e-12])
def test_constant_data_still_have_a_range(value):
    signal = Signal.from_array(np.full((4, 5), value))
    assert torch.isfinite(signal.values(torch.arange(20))).all()
    assert signal.domain.values.data_range > 0


def test_tensors_and_odd_layouts_are_arrays_too():
    expected = np.arange(24.0).reshape(4, 6)
    for array in (
        torch.arange(24.0, requires_grad=True).reshape(4, 6),
        torch.arange(24.0).reshape(4, 6).to(torch.bfloat16),
        np.asfortranarray(expected),
        expected.astype(">f4"),
        expected[::-1][::-1],
        expected.tolist(),
        np.broadcast_to(expected, (4, 6)),
        expected.astype(np.longdouble),
    ):
        signal = Signal.from_array(array)
        np.testing.assert_array_equal(signal.array[..., 0], expected)
        assert signal.array.dtype.isnative


def test_scattered_samples_span_their_own_box():
    coords = np.array([[10.0, -1.0], [20.0, 1.0], [15.0, 0.0]])
    signal = Signal.from_samples(coords, [1, 2, 4])
    assert isinstance(signal, ScatteredSignal)
    assert signal.domain.shape is None
    assert signal.coords(torch.tensor([0, 1, 2])).tolist() == [[-1, -1], [1, 1], [0, 0]]
    assert signal.values(torch.tensor([1, 2]))[:, 0].tolist() == pytest.approx([-1 / 3, 1])
    assert [(axis.name, axis.low, axis.high, axis.size) for axis in signal.domain.axes] == [
        ("x", 10, 20, None),
        ("y", -1, 1, None),
    ]


def test_scattered_channels_have_a_range_each():
    signal = Signal.from_samples(np.arange(3), np.array([[0, 100.0], [1, 300], [2, 200]]))
    assert (signal.domain.values.low, signal.domain.values.high) == ((0, 100), (2, 300))
    assert signal.values(torch.arange(3)).tolist() == [[-1, -1], [0, 1], [1, 0]]
    (_, values), (_, last) = signal.blocks(2)
    assert torch.equal(torch.cat([values, last]), signal.values(torch.arange(3)))


def test_scattered_samples_in_a_box_and_a_value_range(refused):
    coords, values = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [2.0, 3.0]])
    signal = Signal.from_samples(coords, values, box=[(0, 4), (2, 6)], value_range=(-4, 4))
    assert signal.coords(torch.arange(2)).tolist() == [[-0.5, -1], [0.5, 0]]
    assert signal.values(torch.arange(2)).tolist() == [[0, 0.25], [0.5, 0.75]]
    refused(lambda: Signal.from_samples(coords, values, box=[(0, 4)]), "2 coordinates")
    refused(lambda: Signal.from_samples(coords, values, box=[(0, 4), (3, 6)]), "coordinate y", "2 to 4", "3 to 6")


@hypothesis.given(
    arrays.arrays(np.float64, arrays.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6),
                  elements=st.floats(-1.7e38, 1.7e38)),
)  # fmt: skip
def test_normalised_values_fill_the_range(array):
    hypothesis.assume(not 0 < np.ptp(array) < 1.2e-38)  # which is refused
    signal = Signal.from_array(array, kind="image")
    values = signal.values(torch.arange(signal.size))
    assert values.min() >= -1 - 1e-6
    assert values.max() <= 1 + 1e-6
