"""Network parameters as bytes."""

import zlib

import numpy as np
import pytest

from inr import InrError
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.latent.parameters import QuantisedParameters, decode_parameters, initial_integers
from inr.compression.encoder.latent.network_coding import encode_parameters, ordered


def _drawn(layout: Layout, seed: int) -> QuantisedParameters:
    draw = np.random.default_rng(seed)
    exponents = {name: int(draw.integers(5, 11)) for name in layout.tensors}
    integers = {
        name: initial_integers(layout, name, exponents[name])
        + np.rint(draw.laplace(0, 2.0 ** draw.integers(0, 6), shape)).astype(np.int64)
        for name, shape in layout.tensors.items()
    }
    return ordered(QuantisedParameters(layout, integers, exponents))


@pytest.mark.parametrize("preset", ["lop", "mop", "hop"])
@pytest.mark.parametrize("size", [(1, 1), (9, 5), (64, 48)])
def test_parameters_come_back_from_their_bytes(preset: str, size: tuple[int, int]) -> None:
    layout = Layout(*size, 3, preset)
    q = _drawn(layout, 1)
    found = decode_parameters(layout, encode_parameters(q))
    assert dict(found.exponents) == dict(q.exponents)
    for name, integers in q.integers.items():
        assert (found.integers[name] == integers).all()
        assert found.integers[name].shape == layout.tensors[name]


def test_values_are_integers_times_powers_of_two() -> None:
    layout = Layout(16, 16, 1, "lop")
    q = _drawn(layout, 2)
    values = q.values()
    assert values.dtype == np.float32
    for name, place in layout.slices.items():
        assert (values[place] * 2.0 ** q.exponents[name] == q.integers[name].reshape(-1)).all()


@pytest.mark.parametrize("exponent", range(6, 13))
def test_filters_begin_as_identity_and_negated_interpolation(exponent: int) -> None:
    layout = Layout(16, 16, 1, "lop")
    assert initial_integers(layout, "prefilter.0", exponent).tolist() == [0, 0, 0, 1 << exponent]
    taps = initial_integers(layout, "upsampling.0", exponent) / 2.0**exponent
    assert np.abs(taps - [0.0351562, 0.1054687, -0.2617187, -0.8789063]).max() <= 2.0 ** -(exponent + 1) + 1e-7


@pytest.mark.parametrize(("preset", "size", "checksum"), [("lop", 311, 1700967432), ("hop", 1030, 4283263718)])
def test_bytes_are_those_of_the_format(preset: str, size: int, checksum: int) -> None:
    layout = Layout(64, 48, 3, preset)
    integers, start = {}, 0
    for index, (name, shape) in enumerate(layout.tensors.items()):
        numbers = np.arange(start, start + np.prod(shape), dtype=np.int64)
        spread = (numbers * 40503 >> 5) % (5 + 7 * (index % 6))
        integers[name] = initial_integers(layout, name, 5 + index % 4) + (spread - spread.max() // 2).reshape(shape)
        start += len(numbers)
    exponents = {name: 5 + index % 4 for index, name in enumerate(layout.tensors)}
    data = encode_parameters(QuantisedParameters(layout, integers, exponents))
    assert (len(data), zlib.crc32(data)) == (size, checksum)


def test_largest_integers_come_back() -> None:
    layout = Layout(16, 16, 3, "lop")
    most = (1 << 13) - 1
    integers = {
        name: np.where(np.arange(np.prod(shape)) % 2, most, -most).reshape(shape).astype(np.int64)
        for name, shape in layout.tensors.items()
    }
    q = ordered(QuantisedParameters(layout, integers, dict.fromkeys(layout.tensors, 9)))
    found = decode_parameters(layout, encode_parameters(q))
    assert all((found.integers[name] == integers).all() for name, integers in q.integers.items())


def test_damaged_bytes_are_refused_or_give_other_parameters_within_bounds() -> None:
    layout = Layout(16, 16, 3, "lop")
    data = encode_parameters(_drawn(layout, 3))
    for cut in range(0, len(data), 29):
        with pytest.raises(InrError):
            decode_parameters(layout, data[:cut])
    with pytest.raises(InrError):
        decode_parameters(layout, data + b"\0")
    draw = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(data)
        damaged[draw.integers(len(data))] ^= 1 << draw.integers(8)
        try:
            found = decode_parameters(layout, bytes(damaged))
        except InrError:
            continue
        assert all(0 <= exponent <= 20 for exponent in found.exponents.values())
        assert all(np.abs(integers).max() < 1 << 13 for integers in found.integers.values())
