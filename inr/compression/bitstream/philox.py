"""Random bits that are a function of their place: the same on every machine, in whatever order they are asked for."""

import numpy as np
from jaxtyping import UInt32

_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)

# random bits of one counter
BITS = 128


def philox(counters: UInt32[np.ndarray, "4 ..."], key: tuple[int, int]) -> UInt32[np.ndarray, "4 ..."]:
    """Four random words for each counter of four words, by Philox4x32-10.

    Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011.

    Args:
        counters: the words of counters, lowest first; any shape.
        key: two words from 0 to 2^32 - 1.
    """
    # words are kept in 64 bits, where products are whole; every word stays below 2^32
    first, second, third, fourth = counters.astype(np.uint64)
    low, high = key
    for _ in range(_ROUNDS):
        left, right = _MULTIPLIERS[0] * first, _MULTIPLIERS[1] * third
        first, second = (right >> _HALF) ^ second ^ np.uint64(low), right & _LOW
        third, fourth = (left >> _HALF) ^ fourth ^ np.uint64(high), left & _LOW
        low, high = (low + _WEYL[0]) & 0xFFFFFFFF, (high + _WEYL[1]) & 0xFFFFFFFF
    return np.stack((first, second, third, fourth)).astype(np.uint32)


def bit_rows(seed: int, start: int, stop: int, columns: int) -> UInt32[np.ndarray, "rows words"]:
    """Rows of an endless matrix of random bits.

    Bit j of row i is bit j mod 32 of word (j div 32) mod 4 of the counter (j div 128, i, 0, 0) under the key (seed, 0).

    Args:
        seed: from 0 to 2^32 - 1.
        start, stop: the rows, both below 2^32.
        columns: bits of a row.

    Returns:
        The bits as words, lowest first; rows are as long as whole counters make them, a multiple of four words.
    """
    counters = np.zeros((4, stop - start, -(-columns // BITS)), dtype=np.uint32)
    counters[0] = np.arange(counters.shape[2], dtype=np.uint32)
    counters[1] = np.arange(start, stop, dtype=np.uint32)[:, None]
    return np.ascontiguousarray(np.moveaxis(philox(counters, (seed, 0)), 0, 2)).reshape(stop - start, -1)
