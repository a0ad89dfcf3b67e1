"""What this machine can do at best, measured: the limits that fits are compared with."""

import functools
import time

import numpy as np

from inr.jit._compile import inline
from inr.jit._pool import run
from inr.jit._stage import D2, F1, F2, I1, I2, Call, Stage, share
from inr.jit.products import FLOAT32
from inr.jit.vector import ROWS

_share = inline(share)
_product = FLOAT32.values
_zero = np.float32(0)


def _multiply(worker: int, workers: int, tiles: F2, points: int, width: int, repeats: int) -> None:
    """Products of a matrix with a tile, both in the nearest caches; `tiles` holds input, matrix and output."""
    x = tiles.ctypes.data + 4 * worker * tiles.shape[1]
    packed = x + 4 * points * width
    z = packed + 4 * width * width
    for _ in range(repeats):
        _product(x, width, packed, z, width, points, width, width)


def _stream(worker: int, workers: int, numbers: F1, sums: F2) -> None:
    """Read numbers in order."""
    start, stop = _share(numbers.shape[0], worker, workers, 64)
    total = _zero
    for index in range(start, stop):
        total += numbers[index]
    sums[worker, 0] = total


def _gather(worker: int, workers: int, rows: I2, places: I1, repeats: int, sums: D2) -> None:
    """Read rows of eight bytes in random order; the places lie in the nearest cache."""
    total = 0.0
    for _ in range(repeats):
        for index in range(places.shape[0]):
            total += float(rows[places[index], 0])
    sums[worker, 0] = total


_MULTIPLY, _STREAM, _GATHER = Stage(_multiply), Stage(_stream), Stage(_gather)


@functools.cache
def products(threads: int, width: int = 128) -> float:
    """The peak of float32 matrix products, in GFLOP/s."""
    points, repeats = 16 * ROWS, 40
    tiles = np.ones((threads, (2 * points + width + ROWS) * width), np.float32)
    seconds = _best([Call(_MULTIPLY, tiles=tiles, points=points, width=width, repeats=repeats)], threads)
    return 2e-9 * threads * repeats * points * width * width / seconds


@functools.cache
def bandwidth(threads: int, size: int = 128 * 2**20) -> float:
    """Reading so many bytes in order, again and again, in GB/s: as fast as the cache that they fit, or memory."""
    numbers = np.ones(size // 4, np.float32)
    seconds = _best([Call(_STREAM, numbers=numbers, sums=np.zeros((threads, 16), np.float32))], threads)
    return 1e-9 * numbers.nbytes / seconds


@functools.cache
def gathers(threads: int, entries: int) -> float:
    """Reading rows of two features at random places of a table of `entries`, in millions a second."""
    places = np.random.default_rng(0).integers(0, entries, 2048)
    repeats = 128
    call = Call(
        _GATHER, rows=np.ones((entries, 1), np.int64), places=places, repeats=repeats, sums=np.zeros((threads, 8))
    )
    return 1e-6 * threads * repeats * len(places) / _best([call], threads)


def _best(program: list[Call], threads: int) -> float:
    """Seconds of the fastest run within half a second: cores that have slept take a tenth to reach their speed."""
    run(program, threads)
    times: list[float] = []
    while sum(times) < 0.5:
        start = time.perf_counter()
        run(program, threads)
        times.append(time.perf_counter() - start)
    return min(times)
