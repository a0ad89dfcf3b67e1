"""Weights under one generalised Gaussian per tensor: round trips, how near to the entropy, and what is refused."""

import math

import numpy as np
import pytest

from inr._errors import InrError
from inr.compression.bitstream.frequency_tables import GAUSS, LAPLACE, SHAPES
from inr.compression.bitstream.generalised_gaussian import read_tensors
from inr.compression.bitstream.weights import QuantisedTensor, decode_weights
from inr.compression.encoder.generalised_gaussian import encode_by_tensor
from inr.compression.encoder.weights import encode_weights

RNG = np.random.default_rng(0)


def arrays(sigmas, sizes):
    return [np.rint(RNG.normal(0, sigma, size)).astype(np.int64) for sigma, size in zip(sigmas, sizes, strict=True)]


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_round_trip(shape):
    given = [*arrays((0.01, 1, 40, 3000), (5, 1, 300, 20)), np.zeros(0, dtype=np.int64), np.zeros(7, dtype=np.int64)]
    steps = [-40, 3, 0, 17, 100, -128]
    found_shape, data = encode_by_tensor(steps, given, [False] * len(given), [shape])
    assert found_shape == shape
    found_steps, found = read_tensors(memoryview(data), [each.size for each in given], [False] * len(given), shape)
    assert found_steps == steps
    assert all(np.array_equal(one, other) for one, other in zip(found, given, strict=True))


def test_it_takes_the_entropy_and_about_a_byte_a_tensor():
    sigmas, sizes = (60, 140, 14, 48, 12, 37), (39, 13, 169, 13, 169, 13)
    given = arrays(sigmas, sizes)
    ideal = sum(
        size * math.log2(sigma * math.sqrt(2 * math.pi * math.e)) / 8 for sigma, size in zip(sigmas, sizes, strict=True)
    )
    taken = len(encode_by_tensor([-34, -35, -32, -33, -30, -31], given, [False] * 6, [GAUSS])[1])
    assert taken < 1.01 * ideal + 4 + 2 * len(given)


def test_what_is_beyond_the_models_is_left_to_other_layouts():
    assert encode_by_tensor([0], [np.array([1 << 15])], [False], [GAUSS]) is not None
    assert encode_by_tensor([0], [np.array([(1 << 15) + 1])], [False], [GAUSS]) is None
    assert encode_by_tensor([-(1 << 20), 1 << 20], arrays((1, 1), (3, 3)), [False] * 2, [GAUSS]) is None
    far = {"a": QuantisedTensor(np.array([1 << 20, 0, -5]), 3)}
    assert np.array_equal(
        decode_weights(encode_weights(far), {"a": (3,)}, max_bytes=99)["a"].integers, far["a"].integers
    )


def test_small_networks_take_this_layout_with_the_shape_that_suits_them():
    tensors = {
        name: QuantisedTensor(each.reshape(-1, 13), -30)
        for name, each in zip("abc", arrays((100, 10, 40), (39, 169, 13)), strict=True)
    }
    data = encode_weights(tensors)
    assert LAPLACE <= data[0] - 1 < len(SHAPES)
    found = decode_weights(data, {name: each.integers.shape for name, each in tensors.items()}, max_bytes=10_000)
    assert all(np.array_equal(found[name].integers, each.integers) for name, each in tensors.items())


def test_damaged_bytes_are_refused_or_give_other_weights():
    given = arrays((60, 14), (39, 169))
    _, data = encode_by_tensor([-34, -32], given, [False] * 2, [GAUSS])
    for place in range(len(data)):
        for flip in (1, 0x55, 0xFF):
            damaged = bytearray(data)
            damaged[place] ^= flip
            try:
                found = read_tensors(memoryview(damaged), [39, 169], [False] * 2, GAUSS)[1]
            except InrError:
                continue
            assert [each.size for each in found] == [39, 169]
    for cut in range(len(data)):
        with pytest.raises(InrError):
            read_tensors(memoryview(data)[:cut], [39, 169], [False] * 2, GAUSS)


def test_bytes_that_announce_more_than_they_hold_are_refused_before_it_is_read():
    _, data = encode_by_tensor([0], [np.zeros(4, dtype=np.int64)], [False], [GAUSS])
    with pytest.raises(InrError, match="fewer than it announces"):
        read_tensors(memoryview(data), [1 << 40], [False], GAUSS)


def test_a_scale_that_does_not_exist_is_refused():
    with pytest.raises(InrError, match="no distribution of scale 200"):
        read_tensors(memoryview(bytes([0, 0, 200])), [3], [False], GAUSS)
