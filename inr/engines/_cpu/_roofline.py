"""What this machine can do at best, measured: the limits that fits are compared with."""

import functools
import time

import numpy as np

from inr.engines._cpu import _pool
from inr.engines._cpu._jit import inline
from inr.engines._cpu._network import product
from inr.engines._cpu._stage import F1, F2, I1, Call, Stage, share
from inr.engines._cpu._vector import ROWS

_share = inline(share)
_zero = np.float32(0)
_REPEATS = 7


def _multiply(worker: int, workers: int, tiles: F2, points: int, width: int, repeats: int) -> None:
    """Products of a matrix with a tile, both in the nearest caches; `tiles` holds input, matrix and output."""
    x = tiles.ctypes.data + 4 * worker * tiles.shape[1]
    packed = x + 4 * points * width
    z = packed + 4 * width * width
    for _ in range(repeats):
        product(x, width, packed, z, width, points, width, width)


def _stream(worker: int, workers: int, numbers: F1, sums: F2) -> None:
    """Read numbers in order."""
    start, stop = _share(numbers.shape[0], worker, workers, 64)
    total = _zero
    for index in range(start, stop):
        total += numbers[index]
    sums[worker, 0] = total


def _gather(worker: int, workers: int, table: F2, rows: I1, sums: F2) -> None:
    """Read rows of two numbers in random order."""
    start, stop = _share(rows.shape[0], worker, workers, 64)
    left, right = _zero, _zero
    for index in range(start, stop):
        left += table[rows[index], 0]
        right += table[rows[index], 1]
    sums[worker, 0] = left + right


_MULTIPLY, _STREAM, _GATHER = Stage(_multiply), Stage(_stream), Stage(_gather)


@functools.cache
def products(threads: int, width: int = 128) -> float:
    """The peak of float32 matrix products, in GFLOP/s."""
    points, repeats = 16 * ROWS, 40
    tiles = np.ones((threads, (2 * points + width + ROWS) * width), np.float32)
    seconds = _best([Call(_MULTIPLY, tiles=tiles, points=points, width=width, repeats=repeats)], threads)
    return 2e-9 * threads * repeats * points * width * width / seconds


@functools.cache
def bandwidth(threads: int) -> float:
    """Reading memory in order, in GB/s."""
    numbers = np.ones(32 * 2**20, np.float32)
    seconds = _best([Call(_STREAM, numbers=numbers, sums=np.zeros((threads, 16), np.float32))], threads)
    return 1e-9 * numbers.nbytes / seconds


@functools.cache
def gathers(threads: int, entries: int = 2**16) -> float:
    """Reading rows of two features, at random places of a table of `entries`, in millions a second."""
    rows = np.random.default_rng(0).integers(0, entries, 2**18)
    table, sums = np.ones((entries, 2), np.float32), np.zeros((threads, 16), np.float32)
    return 1e-6 * len(rows) / _best([Call(_GATHER, table=table, rows=rows, sums=sums)], threads)


def _best(program: list[Call], threads: int) -> float:
    """Seconds of the fastest of some runs."""
    _pool.run(program, threads)
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        _pool.run(program, threads)
        times.append(time.perf_counter() - start)
    return min(times)
