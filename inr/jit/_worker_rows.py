"""Scratch memory of workers, far enough apart."""

import numpy as np

_LINE = 16  # float32 numbers of a cache line
# Processors read ahead: after rows of a tile they fetch what would be the next rows, tens of kilobytes beyond the last.
# Where another worker writes there, the lines go back and forth between two caches. The entropy network of codec
# `latent` took 22 ms on two cores of an AMD Zen 4 where it took 30 on one; with 76 KB between, it takes 15.
_APART = 1 << 15  # numbers between the rows of two workers


def worker_rows(threads: int, numbers: int) -> np.ndarray:
    """A row of scratch memory for each worker, so far from the others' that no cache holds parts of two.

    Args:
        threads: workers.
        numbers: that each needs.

    Returns:
        Float32 zeros (threads, at least `numbers`); rows begin on a cache line's border.

    >>> inr.jit.worker_rows(2, 1000).shape[0]
    2
    """
    apart = -(-(numbers + _APART) // _LINE) * _LINE
    room = np.zeros(threads * apart + _LINE, np.float32)
    start = -room.ctypes.data % (4 * _LINE) // 4
    return room[start : start + threads * apart].reshape(threads, apart)
