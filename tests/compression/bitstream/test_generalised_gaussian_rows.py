"""Weights under scales by row and column: round trips, what they save, and what is refused."""

import zlib

import numpy as np
import pytest

from inr._errors import InrError
from inr.compression.bitstream.frequency_tables import LAPLACE, SHAPES
from inr.compression.bitstream.generalised_gaussian_rows import (
    MAX_MAGNITUDE,
    read_matrices,
)
from inr.compression.bitstream.weights import QuantisedTensor, decode_weights
from inr.compression.encoder.generalised_gaussian import encode_by_row_and_column, encode_by_tensor, laplace_widths
from inr.compression.encoder.weights import encode_weights


def uneven(rows, columns, *, seed=0, spread=2.0, scale=6.0):
    """Integers of a layer, of which some units are used far less than others."""
    rng = np.random.default_rng(seed)
    sizes = scale * 2 ** rng.normal(0, spread, (rows, 1)) * 2 ** rng.normal(0, spread / 2, (1, columns))
    return np.rint(rng.laplace(0, sizes, (rows, columns))).clip(-MAX_MAGNITUDE, MAX_MAGNITUDE).astype(np.int64)


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_round_trip(shape):
    given = [
        uneven(16, 2), uneven(16, 1).reshape(16), uneven(33, 17, seed=1), np.zeros((8, 8), dtype=np.int64),
        uneven(5, 4, spread=5.0), np.zeros((0, 4), dtype=np.int64), np.array([[MAX_MAGNITUDE, -MAX_MAGNITUDE]]),
        np.full((4, 4), MAX_MAGNITUDE), uneven(3, 40), uneven(2, 24).reshape(2, 4, 6), np.array(3),
    ]  # fmt: skip
    steps = [-40, 3, 0, 17, 100, -128, 7, 7, 7, 7, 7]
    one_sided = [bool(each.size) and bool(each.min() >= 0) for each in given]
    assert any(one_sided)
    assert not all(one_sided)
    found_shape, data = encode_by_row_and_column(steps, given, one_sided, [shape])
    found_steps, found = read_matrices(memoryview(data), [each.shape for each in given], one_sided, shape)
    assert (found_shape, found_steps) == (shape, steps)
    for one, other in zip(found, given, strict=True):
        assert one.shape == other.shape
        assert np.array_equal(one, other)


def test_scales_of_units_take_what_their_spreads_are_worth():
    """Against one scale for each matrix; and near the entropy by the widths the weights were drawn with."""
    rng = np.random.default_rng(3)
    sizes = 8 * 2.0 ** rng.integers(-3, 4, (64, 1)) * np.ones((1, 64))
    tensor = np.rint(rng.laplace(0, sizes)).astype(np.int64)
    ideal = np.log2(2 * np.e * sizes).sum() / 8  # of Laplace's distribution, finely rounded
    ours = len(encode_by_row_and_column([0], [tensor], [False], [LAPLACE])[1])
    assert ours < 1.02 * ideal + 40
    assert ours < 0.88 * len(encode_by_tensor([0], [tensor.reshape(-1)], [False], range(LAPLACE, LAPLACE + 3))[1])


def test_the_bytes_are_those_of_the_format():
    """Integers without a generator of random numbers, so that no version of one can change them."""
    number = np.arange(24 * 20).reshape(24, 20)
    tensor = ((number * 7919 % 61) - 30) // (1 + number // 20 % 5 * 3)
    shape, data = encode_by_row_and_column([-20, -31], [tensor, tensor[0]], [False] * 2, [LAPLACE, LAPLACE + 1])
    assert (shape, len(data), zlib.crc32(data)) == (3, 276, 2887249608)


def test_weights_take_this_layout_where_it_is_the_shortest():
    given = {"a": QuantisedTensor(uneven(64, 64), -9), "b": QuantisedTensor(uneven(64, 1).reshape(64), -12)}
    payload = encode_weights(given)
    assert payload[0] > len(SHAPES)
    found = decode_weights(payload, {name: each.integers.shape for name, each in given.items()}, max_bytes=1 << 20)
    assert all(np.array_equal(found[name].integers, each.integers) for name, each in given.items())
    assert [each.step_index for each in found.values()] == [-9, -12]


def test_what_is_out_of_reach_is_left_to_other_layouts():
    assert encode_by_row_and_column([0], [np.array([[MAX_MAGNITUDE + 1]])], [False], [LAPLACE]) is None
    assert encode_by_row_and_column([-(1 << 20), 1 << 20], [uneven(4, 4)] * 2, [False] * 2, [LAPLACE]) is None


def test_widths_are_where_weights_are_half_as_likely():
    """Laplace's distribution falls to a half at ln 2 times its mean magnitude; widths are told in quarter octaves."""
    rng = np.random.default_rng(0)
    (width,), bits = laplace_widths([np.rint(rng.laplace(0, 40, 20_000)).astype(np.int64)])
    assert bits == pytest.approx(20_000 * np.log2(2 * np.e * 40), rel=0.01)
    assert float(width[0]) == pytest.approx(40 * np.log(2), rel=2 ** (1 / 8) - 1)
    rows = np.repeat([[1.0], [32.0]], [4, 4], axis=0) * np.ones((1, 4000))
    (widths,), _ = laplace_widths([np.rint(rng.laplace(0, 30 * rows)).astype(np.int64)])
    assert widths.shape == rows.shape
    np.testing.assert_allclose(widths[4:] / widths[:4], 32)


def test_large_matrices_with_outliers_come_back():
    rng = np.random.default_rng(5)
    tensor = np.rint(rng.laplace(0, 2, (256, 128)) * np.exp2(rng.integers(-2, 4, (256, 1)))).astype(np.int64)
    tensor[rng.integers(0, 256, 40), rng.integers(0, 128, 40)] = 3_000
    shape, data = encode_by_row_and_column([-9], [tensor], [False], [LAPLACE, LAPLACE + 1])
    steps, (again,) = read_matrices(memoryview(data), [tensor.shape], [False], shape)
    assert steps == [-9]
    assert np.array_equal(again, tensor)


def test_damaged_bytes_are_refused_or_give_other_weights():
    given = {"a": QuantisedTensor(uneven(12, 9), -9), "b": QuantisedTensor(uneven(12, 12, seed=2), -12)}
    shapes = {name: each.integers.shape for name, each in given.items()}
    shape, data = encode_by_row_and_column(
        [-9, -12], [each.integers for each in given.values()], [False] * len(given), [LAPLACE]
    )
    payload = bytes([1 + len(SHAPES) + shape]) + data
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(payload)
        damaged[rng.integers(len(payload))] ^= 1 << rng.integers(8)
        try:
            found = decode_weights(bytes(damaged), shapes, max_bytes=1 << 20)
        except InrError:
            continue
        assert any(
            each.step_index != given[name].step_index or not np.array_equal(each.integers, given[name].integers)
            for name, each in found.items()
        )
    for wrong in (payload[:-1], payload + b"\0", payload[:5]):
        with pytest.raises(InrError):
            decode_weights(wrong, shapes, max_bytes=1 << 20)
