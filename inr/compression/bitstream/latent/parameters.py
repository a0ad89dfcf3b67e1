"""The network parameters of a coded picture as integers times powers of two, and how a file holds them.

A parameter is an integer times 2^-exponent, with one exponent per tensor: sums of products of integers are then exact.

Bytes are symbols of the range coder only: first 4 bits r, then tensor by tensor, in the order of `Layout.tensors`, the
exponent as a difference from the usual one, moved by the mean of such differences so far, and the integers, less the
initial ones (a filter that does nothing, or interpolates). Each integer has a generalised Gaussian model about 0, cut
below 2^r. Its scale follows from what magnitudes usually are and from those before it in its tensor, most of all in its
column (the same neighbour, feature or hidden unit): no scale need be sent.

Hidden units of the synthesis may stand in any order, so they do by ascending bias, and their biases are coded as the
distances between them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.frequency_tables import LAPLACE, SCALES, FrequencyTable, generalised_gaussian_table
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.powers import ONE_BITS, logarithm
from inr.compression.bitstream.stream import Reader, Writer

# Bounds of what a file can hold, so that fixed-point sums stay in range, and tables small: magnitudes are below 2^13.
MAX_EXPONENT, MAX_MAGNITUDE_BITS = 20, 13
# The interpolation that an up-sampling filter begins with, in 256ths: cubic, a = -3/4, negated.
_NEGATED_BICUBIC = (9, 27, -67, -225)

_REACH_BITS, _MOST_REACH_BITS = 4, MAX_MAGNITUDE_BITS + 1
# Tables that are kept; one takes up to 1 MB.
_KEPT_TABLES = 48
_EXPONENT_TABLE = generalised_gaussian_table(-MAX_EXPONENT, MAX_EXPONENT, 0, LAPLACE, 26)


class _Usual(NamedTuple):
    """What is usual of a tensor: its exponent, the mean magnitude in 1024ths, and the models' shape."""

    exponent: int
    magnitude: int
    shape: int = LAPLACE


_BETWEEN = 4  # index of the exponent 3/2, between Laplace's distribution and that of Gauss
_USUAL = {
    "entropy.0.weight": _Usual(5, 300, _BETWEEN), "entropy.0.bias": _Usual(5, 520, _BETWEEN),
    "entropy.1.weight": _Usual(5, 350, _BETWEEN), "entropy.1.bias": _Usual(4, 700, _BETWEEN),
    "entropy.2.weight": _Usual(6, 270, _BETWEEN), "entropy.2.bias": _Usual(4, 680, _BETWEEN),
    "entropy.linear": _Usual(6, 100), "features.weight": _Usual(5, 220), "features.bias": _Usual(5, 530, _BETWEEN),
    "prefilter": _Usual(7, 110), "upsampling": _Usual(7, 60),
    "synthesis.0.weight": _Usual(6, 135), "synthesis.0.bias": _Usual(6, 220, _BETWEEN),
    "synthesis.1.weight": _Usual(6, 135), "synthesis.1.bias": _Usual(5, 120, _BETWEEN),
    "synthesis.2.weight": _Usual(6, 130), "synthesis.2.bias": _Usual(6, 110, _BETWEEN),
    "synthesis.3.weight": _Usual(6, 210), "synthesis.3.bias": _Usual(7, 130, _BETWEEN),
    "synthesis.linear": _Usual(9, 30),
}  # fmt: skip
# What an integer counts for where a mean magnitude is taken: by column, by row, and in its tensor. The usual magnitude
# counts as if it had been found so often, in the first unit.
_COLUMN_COUNT, _ROW_COUNT, _TENSOR_COUNT, _USUAL_COUNT = 8, 2, 1, 24
# In a tensor of one dimension.
_SINGLE_COUNT = 4
# The scale, in eighths of octaves, of a model by its shape whose mean magnitude is 1/16.
_SCALE_OF_SIXTEENTH = {LAPLACE: -4, _BETWEEN: 2}
_LEAST_SCALE = 8
# The biases of the hidden units; the mean distance from one to the next follows each by 2 to the power of minus this.
ASCENDING = "synthesis.0.bias"
_DISTANCE_RATE = 3

Code = Callable[[FrequencyTable, int], int]
"""Passes a symbol on: given its model and what it is, when that is known, it returns what it is."""


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
        data: what `encode_parameters` made of them.

    Raises:
        InrError: bytes that hold none.
    """
    reader = Reader(memoryview(data))
    reach_bits = int(reader.bits(_REACH_BITS, 1)[0])
    if reach_bits > _MOST_REACH_BITS:
        raise InrError(f"parameters of {reach_bits} bits are out of range")
    found = transfer(layout, reach_bits, lambda table, _: int(reader.symbols(table, 1)[0]), None)
    reader.finish()
    return found


def write_parameters(q: QuantisedParameters, reach_bits: int) -> bytes:
    """The inverse of `decode_parameters`.

    Args:
        q: with the hidden units of the synthesis by ascending bias.
        reach_bits: differences from initial integers, and from a hidden unit's bias to the next, are below 2^this.
    """
    writer = Writer()
    writer.bits(_REACH_BITS, np.array([reach_bits]))

    def code(table: FrequencyTable, value: int) -> int:
        writer.symbols(table, np.array([value]))
        return value

    transfer(q.layout, reach_bits, code, q)
    return writer.finish()


def transfer(layout: Layout, reach_bits: int, code: Code, known: QuantisedParameters | None) -> QuantisedParameters:
    """All parameters, each passed through a coder with its model.

    Args:
        layout: of the networks.
        reach_bits: all differences from initial integers are below 2 to the power of this.
        code: what passes each on.
        known: the parameters, where they are to be written; None where they are to be read.

    Raises:
        InrError: an exponent or an integer that is out of range.
    """
    integers: dict[str, np.ndarray] = {}
    exponents: dict[str, int] = {}
    apart = 0
    for name, shape in layout.tensors.items():
        usual = _usual(name)
        expected = usual.exponent + (2 * apart + len(exponents)) // max(2 * len(exponents), 1)
        exponent = expected + code(_EXPONENT_TABLE, known.exponents[name] - expected if known else 0)
        if not 0 <= exponent <= MAX_EXPONENT:
            raise InrError(f"the exponent {exponent} of {name} is out of range")
        exponents[name] = exponent
        apart += exponent - usual.exponent
        initial = initial_integers(layout, name, exponent)
        sixteenths = (usual.magnitude << exponent) >> 6
        wanted = known.integers[name] - initial if known else initial
        if name == ASCENDING:
            found = _pass_ascending(wanted, sixteenths, usual.shape, reach_bits, code)
        else:
            matrix = wanted.reshape(shape[0] if len(shape) > 1 else 1, -1)
            found = _pass_matrix(matrix, sixteenths, len(shape) == 1, usual.shape, reach_bits, code)
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


def _pass_matrix(
    wanted: np.ndarray, sixteenths: int, single: bool, shape: int, reach_bits: int, code: Code
) -> np.ndarray:
    """Integers, row by row, each with the model that those before it give.

    Args:
        wanted: int64 (rows, columns); only their number counts where they are read.
        sixteenths: the usual magnitude, in 16ths.
        single: whether there are no rows and columns.
        shape: of the models. reach_bits, code: see `transfer`.
    """
    rows, columns = wanted.shape
    found = np.zeros(wanted.shape, dtype=np.int64)
    by_column = [0] * columns
    by_all = before = 0
    for row in range(rows):
        by_row = 0
        for column, value in enumerate(wanted[row].tolist()):
            if single:
                total, count = _SINGLE_COUNT * by_all, _SINGLE_COUNT * before
            else:
                total = _COLUMN_COUNT * by_column[column] + _ROW_COUNT * by_row + _TENSOR_COUNT * by_all
                count = _COLUMN_COUNT * row + _ROW_COUNT * column + _TENSOR_COUNT * before
            mean = (_USUAL_COUNT * sixteenths + (total << 4)) // (_USUAL_COUNT + count)
            number = code(_table(reach_bits, shape, _scale(mean, shape)), value)
            found[row, column] = number
            magnitude = abs(number)
            by_column[column] += magnitude
            by_row += magnitude
            by_all += magnitude
            before += 1
    return found


def _pass_ascending(wanted: np.ndarray, sixteenths: int, shape: int, reach_bits: int, code: Code) -> np.ndarray:
    """Integers in ascending order, as the first one and the distances to the next; as `_pass_matrix`."""
    values = wanted.tolist()
    found = [code(_table(reach_bits, shape, _scale(sixteenths, shape)), values[0])]
    mean = (sixteenths << 6) // len(values)
    for before, value in pairwise(values):
        # half a step more, for distances have but one sign
        table = _distance_table(reach_bits, _scale((mean >> 4) + 8, LAPLACE))
        distance = code(table, value - before)
        found.append(found[-1] + distance)
        mean += ((distance << 8) - mean) >> _DISTANCE_RATE
    return np.array(found, dtype=np.int64)


@cache
def _scale(mean: int, shape: int) -> int:
    """The index of a model's scale for a mean magnitude in 16ths."""
    octaves = int(logarithm(np.array([max(mean, 1)]))[0])
    # in quarters of octaves, for fewer tables
    scale = (_SCALE_OF_SIXTEENTH[shape] + (octaves >> ONE_BITS - 3) + 1) & ~1
    return min(max(scale, _LEAST_SCALE), SCALES - 1)


@lru_cache(_KEPT_TABLES)
def _table(reach_bits: int, shape: int, scale: int) -> FrequencyTable:
    return generalised_gaussian_table(1 - (1 << reach_bits), (1 << reach_bits) - 1, 0, shape, scale)


@lru_cache(_KEPT_TABLES)
def _distance_table(reach_bits: int, scale: int) -> FrequencyTable:
    return generalised_gaussian_table(0, (1 << reach_bits) - 1, 0, LAPLACE, scale)
