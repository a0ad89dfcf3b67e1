"""The network parameters of a coded picture as integers times powers of two, and how a file holds them.

A parameter is an integer times 2^-exponent, with one exponent per tensor: sums of products of integers are then exact.

Bytes are the range coder's only, and what it codes are `symbols`, as latents are, with a mean of 0: tensor by tensor,
in the order of `Layout.tensors`, the exponent as a difference from the usual one, moved by the mean of such differences
so far, and the integers, less the initial ones (a filter that does nothing, or interpolates). The scale of each follows
from what magnitudes usually are and from those before it in its tensor, most of all in its column (the same neighbour,
feature or hidden unit): no scale need be sent.

Hidden units of the synthesis may stand in any order, so they do by ascending bias, and their biases are coded as the
distances between them: the even ones as 0, 1, 2 …, the odd ones as -1, -2 …
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.latent.range_coder import check_end, decoder_state, encoder_state, finish
from inr.compression.bitstream.latent.symbols import read_latent, write_latent
from inr.compression.bitstream.latent.tables import LATENT_LIMIT, SCALE_BITS, SCALE_OF_ONE, SCALES, Tables, tables
from inr.compression.bitstream.powers import ONE_BITS, UNIT, UNIT_BITS, power
from inr.jit import exact, kernel

# Bounds of what a file can hold, so that fixed-point sums stay in range: magnitudes are below 2^13.
MAX_EXPONENT, MAX_MAGNITUDE_BITS = 20, 13
# The interpolation that an up-sampling filter begins with, in 256ths: cubic, a = -3/4, negated.
_NEGATED_BICUBIC = (9, 27, -67, -225)
# Mean magnitudes are in 2^-8; that of an exponent's difference.
_MEAN_BITS, _EXPONENT_APART = 8, 150
_LOG2_E = 94548  # in units of 2^-16
# Bytes that a symbol takes at most, and those that writing one needs room for.
_MOST_BYTES = 16
_ROOM = 64


class _Usual(NamedTuple):
    """What is usual of a tensor: its exponent, and the mean magnitude in 1024ths."""

    exponent: int
    magnitude: int


_USUAL = {
    "entropy.0.weight": _Usual(4, 340), "entropy.0.bias": _Usual(4, 490),
    "entropy.1.weight": _Usual(4, 430), "entropy.1.bias": _Usual(4, 800),
    "entropy.2.weight": _Usual(5, 320), "entropy.2.bias": _Usual(4, 400),
    "entropy.linear": _Usual(6, 120), "features.weight": _Usual(5, 125), "features.bias": _Usual(4, 510),
    "prefilter": _Usual(6, 175), "upsampling": _Usual(6, 100),
    "synthesis.0.weight": _Usual(6, 140), "synthesis.0.bias": _Usual(6, 430),
    "synthesis.1.weight": _Usual(6, 170), "synthesis.1.bias": _Usual(6, 100),
    "synthesis.2.weight": _Usual(5, 215), "synthesis.2.bias": _Usual(6, 120),
    "synthesis.3.weight": _Usual(5, 195), "synthesis.3.bias": _Usual(7, 200),
    "synthesis.linear": _Usual(8, 45),
}  # fmt: skip
# What an integer counts for where a mean magnitude is taken: by column, by row, and in its tensor. The usual magnitude
# counts as if it had been found so often, in the first unit.
_COLUMN_COUNT, _ROW_COUNT, _TENSOR_COUNT, _USUAL_COUNT = 16, 8, 1, 24
# In a tensor of one dimension.
_SINGLE_COUNT = 4
# The biases of the hidden units; the mean distance from one to the next follows each by 2 to the power of minus this.
ASCENDING = "synthesis.0.bias"
_DISTANCE_RATE = 3
# How means are taken: by row and column, of all before, of the latest.
_MATRIX, _SINGLE, _LATEST = range(3)


@dataclass(frozen=True, eq=False)
class QuantisedParameters:
    """The parameters of all networks as a file holds them.

    Attributes:
        layout: of the networks.
        integers: int64 arrays by the names and of the shapes of `Layout.tensors`, magnitudes below 2^13.
        exponents: from 0 to 20, by name; a parameter is its integer times 2^-exponent.
    """

    layout: Layout
    integers: Mapping[str, np.ndarray]
    exponents: Mapping[str, int]

    def values(self) -> np.ndarray:
        """All parameters, float32 (parameters,), as `Layout.slices` divides them; exact."""
        parts = [np.ldexp(self.integers[name].reshape(-1), -self.exponents[name]) for name in self.layout.tensors]
        return np.concatenate(parts).astype(np.float32)


def initial_integers(layout: Layout, name: str, exponent: int) -> np.ndarray:
    """What a tensor's integers are coded as differences from, int64: an identity or an interpolation, else 0."""
    found = np.zeros(layout.tensors[name], dtype=np.int64)
    if name.startswith("prefilter"):
        found[-1] = 1 << exponent
    elif name.startswith("upsampling"):
        found[:] = ((np.array(_NEGATED_BICUBIC) << exponent) + 128) >> 8
    return found


def usual_magnitude(name: str) -> float:
    """The mean magnitude, less what is initial, that a tensor's parameters usually have."""
    return _usual(name).magnitude / 1024


def decode_parameters(layout: Layout, data: bytes | memoryview) -> QuantisedParameters:
    """The parameters that bytes hold.

    Args:
        layout: of the networks.
        data: what `write_parameters` made of them.

    Raises:
        InrError: bytes that hold none.
    """
    read = np.frombuffer(data, np.uint8).copy()
    coder = _Coder(decoder_state(read), read, writing=False)
    found = _transfer(layout, coder, None)
    check_end(coder.state, read)
    return found


def write_parameters(q: QuantisedParameters) -> bytes:
    """The inverse of `decode_parameters`.

    Args:
        q: with the hidden units of the synthesis by ascending bias.
    """
    room = np.zeros(_MOST_BYTES * (q.layout.parameters + len(q.layout.tensors)) + _ROOM, np.uint8)
    coder = _Coder(encoder_state(), room, writing=True)
    _transfer(q.layout, coder, q)
    return finish(coder.state, room)


class _Coder(NamedTuple):
    """Where integers are read from or written to: the range coder's state and bytes."""

    state: np.ndarray
    data: np.ndarray
    writing: bool

    def transfer(self, values: np.ndarray, usual: int, way: int) -> None:
        """Read or write int64 (rows, columns) row by row, in place.

        Args:
            values: to be set, or written.
            usual: the usual magnitude, in 2^-8.
            way: how means are taken.

        Raises:
            InrError: bytes that no encoder has written.
        """
        if not _transfer_all(values, usual, way, self.state, self.data, self.writing, tables(), _magnitudes()):
            raise InrError("its parameters are none that could have been written")


def _transfer(layout: Layout, coder: _Coder, known: QuantisedParameters | None) -> QuantisedParameters:
    """All parameters, each passed through a coder.

    Args:
        layout: of the networks.
        coder: which reads or writes.
        known: the parameters, where they are written; None where they are read.

    Raises:
        InrError: an exponent or an integer that is out of range.
    """
    integers: dict[str, np.ndarray] = {}
    exponents: dict[str, int] = {}
    apart = 0
    for name, shape in layout.tensors.items():
        usual = _usual(name)
        expected = usual.exponent + (2 * apart + len(exponents)) // max(2 * len(exponents), 1)
        difference = np.array([[known.exponents[name] - expected if known else 0]], np.int64)
        coder.transfer(difference, _EXPONENT_APART, _SINGLE)
        exponent = expected + int(difference[0, 0])
        if not 0 <= exponent <= MAX_EXPONENT:
            raise InrError(f"the exponent {exponent} of {name} is out of range")
        exponents[name] = exponent
        apart += exponent - usual.exponent
        initial = initial_integers(layout, name, exponent)
        magnitude = (usual.magnitude << exponent) >> 10 - _MEAN_BITS
        found = known.integers[name] - initial if known else np.zeros(shape, np.int64)
        if name == ASCENDING:
            found = _ascending(found, magnitude, coder)
        else:
            found = np.ascontiguousarray(found).reshape(shape[0] if len(shape) > 1 else 1, -1)
            coder.transfer(found, magnitude, _MATRIX if len(shape) > 1 else _SINGLE)
        integers[name] = initial + found.reshape(shape)
        if np.abs(integers[name]).max() >> MAX_MAGNITUDE_BITS:
            raise InrError(f"an integer of {name} is out of range")
    return QuantisedParameters(layout, integers, exponents)


def _usual(name: str) -> _Usual:
    """Levels share what is usual."""
    if name not in _USUAL:
        part, _, kind = name.split(".") if name.startswith("features") else (*name.split("."), "")
        name = f"{part}.{kind}" if kind else part
    return _USUAL[name]


def _ascending(values: np.ndarray, magnitude: int, coder: _Coder) -> np.ndarray:
    """Integers in ascending order, int64 (n,), as the first one and the distances from one to the next."""
    first, distances = values[:1].reshape(1, 1).copy(), np.diff(values).reshape(1, -1)
    folded = np.where(distances & 1, -(distances + 1 >> 1), distances >> 1)
    coder.transfer(first, magnitude, _SINGLE)
    coder.transfer(folded, 2 * magnitude // len(values), _LATEST)
    distances = np.where(folded < 0, -2 * folded - 1, 2 * folded)
    return np.cumsum(np.concatenate([first, distances], axis=1))


@cache
def _magnitudes() -> np.ndarray:
    """The mean magnitudes, in 2^-8, of the distributions about 0 by scale, int64 (161,)."""
    inverses = power(-((np.arange(SCALES, dtype=np.int64) - SCALE_OF_ONE) * _LOG2_E >> SCALE_BITS))  # of b
    # of Laplace's distribution over whole numbers, exp(-1/2b) / (1 - exp(-1/b))
    falls = np.minimum(inverses * _LOG2_E >> UNIT_BITS, 62 << ONE_BITS)
    return (power(-falls >> 1) << _MEAN_BITS) // (UNIT - power(-falls))


@exact
def _transfer_one(
    value: int, mean: int, state: np.ndarray, data: np.ndarray, writing: bool, tables: Tables, magnitudes: np.ndarray
) -> int:
    """An integer read or written with the distribution whose mean magnitude is nearest above."""
    scale, beyond = 0, len(magnitudes) - 1
    while scale < beyond:
        middle = (scale + beyond) >> 1
        if magnitudes[middle] < mean:
            scale = middle + 1
        else:
            beyond = middle
    if not writing:
        return read_latent(state, data, 0, scale, tables)
    write_latent(state, data, value, 0, scale, tables)
    return value


@kernel
def _transfer_all(  # type: ignore[no-untyped-def]
    values, usual, way, state, data, writing, tables, magnitudes
):
    """See `_Coder.transfer`; whether all of it could have been written."""
    rows, columns = values.shape
    by_column = np.zeros(columns, np.int64)
    by_all, before = 0, 0
    latest = usual
    for row in range(rows):
        by_row = 0
        for column in range(columns):
            if way == _MATRIX:
                total = _COLUMN_COUNT * by_column[column] + _ROW_COUNT * by_row + _TENSOR_COUNT * by_all
                count = _COLUMN_COUNT * row + _ROW_COUNT * column + _TENSOR_COUNT * before
                mean = (_USUAL_COUNT * usual + (total << _MEAN_BITS)) // (_USUAL_COUNT + count)
            elif way == _SINGLE:
                total, count = _SINGLE_COUNT * by_all, _SINGLE_COUNT * before
                mean = (_USUAL_COUNT * usual + (total << _MEAN_BITS)) // (_USUAL_COUNT + count)
            else:
                mean = latest
            value = _transfer_one(values[row, column], mean, state, data, writing, tables, magnitudes)
            magnitude = abs(value)
            if magnitude >= LATENT_LIMIT:
                return False
            values[row, column] = value
            by_column[column] += magnitude
            by_row += magnitude
            by_all += magnitude
            before += 1
            latest += ((magnitude << _MEAN_BITS) - latest) >> _DISTANCE_RATE
    return True
