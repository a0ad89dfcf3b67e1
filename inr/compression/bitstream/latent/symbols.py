"""Latents as symbols of the range coder, by the indices of their means and scales; see `tables`.

A number outside its distribution's is the escape, a bit that tells on which side it is, and how far beyond, from 0 on,
by Exp-Golomb's code of order R / 16, rounded down.
"""

import numpy as np

from inr.compression.bitstream.latent.range_coder import consume, encode, share
from inr.compression.bitstream.latent.tables import LATENT_LIMIT, MEAN_BITS, TOTAL_BITS, Tables
from inr.jit import exact

_TOTAL, _UNIT = 1 << TOTAL_BITS, 1 << MEAN_BITS
# What no encoder writes.
_NONE = 4 * LATENT_LIMIT
_LONGEST = 22


@exact
def _place(tables: Tables, mean: int, scale: int) -> tuple[int, int]:
    """The number c, and where the cumulative frequencies of c - R … stand."""
    coarse = tables.coarseness[scale]
    place = ((mean + (_UNIT >> 1)) >> tables.shifts[scale]) + (1 << coarse >> 1)
    fraction = (place & (_UNIT - 1)) >> coarse
    return place >> MEAN_BITS, tables.starts[scale] + fraction * (2 * tables.reaches[scale] + 2)


@exact
def _bits(state: np.ndarray, data: np.ndarray, count: int) -> int:
    """The next number of so many bits; negative where none was written."""
    found = share(state, count)
    if found >> count != 0:
        return -1
    consume(state, data, found, 1, count)
    return found


@exact
def _excess(state: np.ndarray, data: np.ndarray, order: int) -> int:
    """How far beyond; _NONE where nothing was written."""
    length = order
    bit = _bits(state, data, 1)
    while bit == 0 and length < _LONGEST:
        length += 1
        bit = _bits(state, data, 1)
    if bit != 1:
        return _NONE
    low = _bits(state, data, length)
    return _NONE if low < 0 else (1 << length) + low - (1 << order)


@exact
def read_latent(state: np.ndarray, data: np.ndarray, mean: int, scale: int, tables: Tables) -> int:
    """The next latent; LATENT_LIMIT or more in magnitude where none was written.

    Args:
        state, data: of the decoder.
        mean, scale: the indices of its distribution.
        tables: all distributions.
    """
    centre, row = _place(tables, mean, scale)
    cumulative, reach, shift = tables.cumulative, tables.reaches[scale], tables.shifts[scale]
    last = cumulative[row + 2 * reach + 1]
    found = share(state, TOTAL_BITS)
    if found >= _TOTAL:
        return _NONE
    if found >= last:
        consume(state, data, last, _TOTAL - last, TOTAL_BITS)
        side = _bits(state, data, 1)
        beyond = reach + 1 + _excess(state, data, reach >> 4)
        if side < 0 or beyond >= _NONE:
            return _NONE
        value = centre + beyond if side == 1 else centre - beyond
    else:
        index = row + reach
        while found < cumulative[index]:
            index -= 1
        while found >= cumulative[index + 1]:
            index += 1
        consume(state, data, cumulative[index], cumulative[index + 1] - cumulative[index], TOTAL_BITS)
        value = centre - reach + index - row
    if shift > 0:
        low = _bits(state, data, shift)
        if low < 0:
            return _NONE
        value = (value << shift) + low
    return value


@exact
def write_latent(state: np.ndarray, data: np.ndarray, value: int, mean: int, scale: int, tables: Tables) -> None:
    """Append a latent; the bytes must have room for 32 more.

    Args:
        state, data: of the encoder.
        value: the latent.
        mean, scale: the indices of its distribution.
        tables: all distributions.
    """
    centre, row = _place(tables, mean, scale)
    cumulative, reach, shift = tables.cumulative, tables.reaches[scale], tables.shifts[scale]
    index = (value >> shift) - centre + reach
    if 0 <= index <= 2 * reach:
        start = cumulative[row + index]
        encode(state, data, start, cumulative[row + index + 1] - start, TOTAL_BITS)
    else:
        last = cumulative[row + 2 * reach + 1]
        encode(state, data, last, _TOTAL - last, TOTAL_BITS)
        encode(state, data, 0 if index < 0 else 1, 1, 1)
        order = reach >> 4
        number = (-index - 1 if index < 0 else index - 2 * reach - 1) + (1 << order)
        length = order
        while number >> (length + 1) > 0:
            encode(state, data, 0, 1, 1)
            length += 1
        encode(state, data, 1, 1, 1)
        encode(state, data, number - (1 << length), 1, length)
    if shift > 0:
        encode(state, data, value & ((1 << shift) - 1), 1, shift)
