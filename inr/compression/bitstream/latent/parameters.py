"""The network parameters of a coded picture as integers times powers of two, and how a file holds them.

A parameter is an integer times 2^-exponent, with one exponent per tensor: sums of products of integers are then exact.

Bytes are symbols of the range coder only: first 4 bits r, then tensor by tensor, in the order of `Layout.tensors`, the
exponent as a difference from the one before of the same kind, then the integers, less the initial ones (a filter that
does nothing, or interpolates). Each has Laplace's model about 0, cut below 2^r; its scale follows from the magnitudes
that came before in the tensor, so that no scale need be sent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.frequency_tables import LAPLACE, FrequencyTable, generalised_gaussian_table
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.powers import ONE_BITS, logarithm
from inr.compression.bitstream.stream import Reader, Writer

# Bounds of what a file can hold, so that fixed-point sums stay in range: magnitudes are below 2^15.
MAX_EXPONENT, MAX_MAGNITUDE_BITS = 20, 15
# The interpolation that an up-sampling filter begins with, in 256ths: cubic, a = -3/4, negated.
_NEGATED_BICUBIC = (9, 27, -67, -225)

_REACH_BITS = 4
_EXPONENT_TABLE = generalised_gaussian_table(-MAX_EXPONENT, MAX_EXPONENT, 0, LAPLACE, 32)
# Exponents before the first one of a kind: of a part of the networks, its biases apart.
_FIRST_EXPONENTS = {
    "entropy": 7, "entropy bias": 8, "features": 7, "features bias": 7, "prefilter": 9, "upsampling": 9,
    "synthesis": 9, "synthesis bias": 10,
}  # fmt: skip
# What magnitudes are taken to be at first, as an exponent of 2, and for how many of them that counts.
_FIRST_MAGNITUDE_EXPONENT, _FIRST_COUNT = -4, 2
# A model's scale, in eighths of octaves, of a mean magnitude of 1/16: log2(ln 2 / 16) * 8 + 32.
_SCALE_OF_SIXTEENTH, _LEAST_SCALE = -4, 8

Code = Callable[[FrequencyTable, int], int]
"""Passes a symbol on: given its model and what it is, when that is known, it returns what it is."""


@dataclass(frozen=True, eq=False)
class QuantisedParameters:
    """The parameters of all networks as a file holds them.

    Attributes:
        layout: of the networks.
        integers: int64 arrays by the names and of the shapes of `Layout.tensors`, magnitudes below 2^15.
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
    found = transfer(layout, reach_bits, lambda table, _: int(reader.symbols(table, 1)[0]), None)
    reader.finish()
    return found


def write_parameters(q: QuantisedParameters, reach_bits: int) -> bytes:
    """The inverse of `decode_parameters`; differences from the initial integers are below 2^reach_bits."""
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
    latest = dict(_FIRST_EXPONENTS)
    integers, exponents = {}, {}
    for name, shape in layout.tensors.items():
        kind = name.split(".")[0] + (" bias" if name.endswith("bias") else "")
        exponent = latest[kind] + code(_EXPONENT_TABLE, known.exponents[name] - latest[kind] if known else 0)
        if not 0 <= exponent <= MAX_EXPONENT:
            raise InrError(f"the exponent {exponent} of {name} is out of range")
        latest[kind] = exponents[name] = exponent
        initial = initial_integers(layout, name, exponent)
        wanted = (known.integers[name] - initial if known else initial).reshape(-1).tolist()
        total, count = _FIRST_COUNT << 4 + exponent >> -_FIRST_MAGNITUDE_EXPONENT, _FIRST_COUNT
        differences = []
        for value in wanted:
            differences.append(code(_table(reach_bits, _scale(total, count)), value))
            total, count = total + 16 * abs(differences[-1]), count + 1
        integers[name] = initial + np.array(differences, dtype=np.int64).reshape(shape)
        if np.abs(integers[name]).max() >> MAX_MAGNITUDE_BITS:
            raise InrError(f"an integer of {name} is out of range")
    return QuantisedParameters(layout, integers, exponents)


def _scale(total: int, count: int) -> int:
    """The index of a model's scale for a sum of magnitudes, in sixteenths, of so many integers."""
    octaves = int(logarithm(np.array([max(total // count, 1)]))[0])
    return max(_SCALE_OF_SIXTEENTH + (octaves >> ONE_BITS - 3), _LEAST_SCALE)


@cache
def _table(reach_bits: int, scale: int) -> FrequencyTable:
    return generalised_gaussian_table(1 - (1 << reach_bits), (1 << reach_bits) - 1, 0, LAPLACE, scale)
