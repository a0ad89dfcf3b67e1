"""Powers of two and logarithms in integers: what probabilities are made of, the same numbers on every machine.

Part of the file format: a changed number here makes files unreadable. `tests/compression` holds their checksums.
"""

import math
from functools import cache

import numpy as np

# of an exponent or a logarithm
ONE_BITS = 16
ONE = 1 << ONE_BITS
# of a power
UNIT_BITS = 30
UNIT = 1 << UNIT_BITS

_GUARD = 64  # bits after the point while the table is computed
_INTEGERS = np.int64(1) << np.arange(63, dtype=np.int64)


def power(exponents: np.ndarray) -> np.ndarray:
    """2^(x / 2^16) in units of 2^-30, for exponents from -62 to 30 in units of 2^-16; below 2^-30 it is 0."""
    whole = exponents >> ONE_BITS
    mantissas = _mantissas()[exponents & (ONE - 1)]
    return (mantissas << np.maximum(whole, 0)) >> np.maximum(-whole, 0)


def logarithm(numbers: np.ndarray) -> np.ndarray:
    """log2 in units of 2^-16, of integers from 1 to 2^62."""
    whole = np.searchsorted(_INTEGERS, numbers, side="right").astype(np.int64) - 1
    mantissas = (numbers >> np.maximum(whole - UNIT_BITS, 0)) << np.maximum(UNIT_BITS - whole, 0)
    return (whole << ONE_BITS) + np.searchsorted(_mantissas(), mantissas, side="right") - 1


@cache
def _mantissas() -> np.ndarray:
    """2^(i / 65536) in units of 2^-30 for i below 65536: products of two short tables of square roots of 2."""
    roots, root = [], 2 << _GUARD
    for _ in range(ONE_BITS):
        root = math.isqrt(root << _GUARD)
        roots.append(root)
    coarse, fine = _products(roots[: ONE_BITS // 2]), _products(roots[ONE_BITS // 2 :])
    table = ((coarse[:, None] * fine[None, :]) >> UNIT_BITS).reshape(-1)
    table.flags.writeable = False
    return table


def _products(roots: list[int]) -> np.ndarray:
    """For every number, whose bits choose from the roots, the first by the highest bit, the product of the chosen."""
    products = [1 << _GUARD]
    for root in roots:
        products = [number for product in products for number in (product, product * root >> _GUARD)]
    return np.array([product >> (_GUARD - UNIT_BITS) for product in products], dtype=np.int64)
