"""Vectors as values of kernels, beside the same of NumPy."""

import numpy as np

from inr.jit import kernel, lanes
from inr.jit.vector import LANES


@kernel
def _everything(a, b, found):
    """One row of `found` for every function of two vectors."""
    x, y = lanes.load(a.ctypes.data), lanes.load(b.ctypes.data)
    into, row = found.ctypes.data, 4 * LANES
    lanes.store(lanes.plus(x, y), into)
    lanes.store(lanes.minus(x, y), into + row)
    lanes.store(lanes.times(x, y), into + 2 * row)
    lanes.store(lanes.fma(x, y, lanes.spread(np.float32(0.5))), into + 3 * row)
    lanes.store(lanes.positive(x), into + 4 * row)
    lanes.store(lanes.where_positive(x, y), into + 5 * row)
    lanes.store(lanes.woven_low(x, y), into + 6 * row)
    lanes.store(lanes.woven_high(x, y), into + 7 * row)
    lanes.store(lanes.evens(x, y), into + 8 * row)
    lanes.store(lanes.odds(x, y), into + 9 * row)
    lanes.store(lanes.zero(), into + 10 * row)
    return lanes.total(x)


def test_functions_of_vectors():
    a, b = np.random.default_rng(0).standard_normal((2, LANES)).astype(np.float32)
    found = np.ones((11, LANES), np.float32)
    total = _everything(a, b, found)
    woven, both = np.stack([a, b], 1).ravel(), np.concatenate([a, b])
    expected = [
        a + b, a - b, a * b, a * b + 0.5, np.maximum(a, 0), np.where(a > 0, b, 0), woven[:LANES], woven[LANES:],
        both[::2], both[1::2], np.zeros(LANES),
    ]  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert abs(total - a.sum()) < 1e-5


@kernel
def _rectified(a, found):
    lanes.store(lanes.positive(lanes.load(a.ctypes.data)), found.ctypes.data)


def test_what_is_not_a_number_stays_so():
    a, found = np.full(LANES, np.nan, np.float32), np.zeros(LANES, np.float32)
    _rectified(a, found)
    assert np.isnan(found).all()
