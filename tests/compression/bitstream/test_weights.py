"""Weights as payloads: exact round trips, the shorter layout, bounds before anything is allocated."""

import numpy as np
import pytest

from inr import InrError
from inr.compression.bitstream.weights import QuantisedTensor, decode_weights
from inr.compression.encoder.weights import encode_weights


def tensors(rng, *shapes, scale=9.0):
    return {
        f"t{number}": QuantisedTensor(np.rint(rng.normal(0, scale, shape)).astype(np.int64), number - 20)
        for number, shape in enumerate(shapes)
    }


def shapes_of(found):
    return {name: each.integers.shape for name, each in found.items()}


@pytest.mark.parametrize(
    "shapes", [[(3, 2)], [(16, 2), (16,), (16, 16), (16,), (3, 16), (3,)], [(200, 200), (200,)], [(1,)]]
)
def test_weights_come_back(shapes):
    given = tensors(np.random.default_rng(0), *shapes)
    found = decode_weights(encode_weights(given), shapes_of(given), max_bytes=1 << 20)
    assert list(found) == list(given)
    for name, each in given.items():
        assert found[name].step_index == each.step_index
        assert np.array_equal(found[name].integers, each.integers)
        assert found[name].integers.shape == each.integers.shape


def test_small_tensors_have_bells_and_large_ones_what_is_shorter():
    rng = np.random.default_rng(1)
    assert encode_weights(tensors(rng, (8, 2), (8,), (8, 8), (8,), (3, 8), (3,)))[0] > 0
    unlike = tensors(rng, (90, 90), scale=2.0) | {"other": QuantisedTensor(rng.integers(900, 1000, (90, 90)), 3)}
    assert encode_weights(unlike)[0] == 0


def test_the_limit_is_checked_before_anything_is_allocated():
    with pytest.raises(InrError, match="more than the limit of 1000"):
        decode_weights(b"\x00", {"w": (1 << 40, 1 << 10)}, max_bytes=1000)


@pytest.mark.parametrize("payload", [b"", b"\x09abc", b"\x00", b"\x01\xff\xff\xff\xff"])
def test_payloads_of_no_weights_are_refused(payload):
    with pytest.raises(InrError):
        decode_weights(payload, {"w": (3, 2)}, max_bytes=1 << 20)


def test_cut_and_lengthened_payloads_are_refused():
    given = tensors(np.random.default_rng(2), (12, 5), (12,))
    payload = encode_weights(given)
    for wrong in (payload[:-1], payload + b"\x00", payload[: len(payload) // 2]):
        with pytest.raises(InrError):
            decode_weights(wrong, shapes_of(given), max_bytes=1 << 20)
