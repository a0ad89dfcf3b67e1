"""What this machine can do at best, measured: the limits that fits are compared with."""

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from inr.jit._compile import inline
from inr.jit._pool import run
from inr.jit._stage import D2, F1, F2, I1, I2, Call, Stage, share
from inr.jit.products import BFLOAT16, FLOAT32
from inr.jit.vector import ROWS

_share = inline(share)
_zero = np.float32(0)


def _multiplying(product: Any) -> Stage:
    """Products of a matrix with a tile, both in the nearest caches; `tiles` holds input, matrix and output."""

    def multiply(worker: int, workers: int, tiles: F2, points: int, inner: int, width: int, repeats: int) -> None:
        x = tiles.ctypes.data + 4 * worker * tiles.shape[1]
        packed = x + 4 * points * inner
        z = packed + 4 * inner * width
        for _ in range(repeats):
            product(x, inner, packed, z, width, points, inner, width)

    return Stage(multiply)


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


_MULTIPLY = {"float32": _multiplying(FLOAT32.values), "bfloat16": _multiplying(BFLOAT16.values)}
_STREAM, _GATHER = Stage(_stream), Stage(_gather)
# blocks of rows of a tile, terms of a sum, and units: which is fastest depends on the processor's caches
_SHAPES = ((16, 128, 128), (16, 256, 256), (32, 256, 256), (8, 512, 64))
_NUMBERS_A_WORD = {"float32": 1, "bfloat16": 2}


def products(threads: int, number: str = "float32") -> float:
    """The peak of matrix products at this moment: that of the fastest of some shapes.

    Args:
        threads: Workers that multiply at the same time.
        number: What is multiplied, "float32" or "bfloat16"; sums are float32 always. Without an instruction for it,
            bfloat16 is imitated.

    Returns:
        GFLOP/s of all threads together.
    """
    return max(_products(threads, number, blocks * ROWS, inner, width) for blocks, inner, width in _SHAPES)


def of_training(single: float, backward: float) -> float:
    """The peak of a training step: a third of its products are forward, in float32, and two thirds backward.

    Args:
        single: GFLOP/s of float32 products.
        backward: GFLOP/s of products as the backward pass has them.

    >>> from inr.jit.roofline import of_training
    >>> of_training(100.0, 100.0), of_training(100.0, 200.0)
    (100.0, 150.0)
    """
    return 3 / (1 / single + 2 / backward)


def _products(threads: int, number: str, points: int, terms: int, width: int) -> float:
    """GFLOP/s of products of one shape."""
    inner = terms // _NUMBERS_A_WORD[number]
    repeats = max(2**24 // (points * inner * width), 1)
    tiles = np.ones((threads, points * inner + inner * width + (points + ROWS) * width), np.float32)
    call = Call(_MULTIPLY[number], tiles=tiles, points=points, inner=inner, width=width, repeats=repeats)
    return 2e-9 * threads * repeats * points * terms * width / _best([call], threads)


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
    """Seconds of the fastest run of a program."""
    return fastest(lambda: run(program, threads))


def fastest(work: Callable[[], object]) -> float:
    """Seconds of the fastest run within half a second: cores that have slept take a tenth to reach their speed.

    Args:
        work: One run; the first one, which may compile, does not count.
    """
    work()
    times: list[float] = []
    while sum(times) < 0.5:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
