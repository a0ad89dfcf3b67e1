"""What this machine can do at best, measured: the limits that fits are compared with."""

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

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


def _accumulating(product: Any) -> Stage:
    """Products of two tiles, summed over their points, as the gradients of weights are."""

    def accumulate(worker: int, workers: int, tiles: F2, points: int, inner: int, width: int, repeats: int) -> None:
        left = tiles.ctypes.data + 4 * worker * tiles.shape[1]
        right = left + 4 * inner * points
        into = right + 4 * inner * width
        for _ in range(repeats):
            product(left, points, right, width, into, width, inner, width, points)

    return Stage(accumulate)


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


# Both kernels that networks are made of, for the second may be half as fast again as the first.
_MULTIPLY = {
    name: (_multiplying(products.values), _accumulating(products.weights))
    for name, products in (("float32", FLOAT32), ("bfloat16", BFLOAT16))
}
_STREAM, _GATHER = Stage(_stream), Stage(_gather)
# blocks of rows of a tile, terms of a sum, and units: which is fastest depends on the processor's caches
_SHAPES = ((16, 128, 128), (16, 256, 256), (32, 256, 256), (8, 512, 64))
_NUMBERS_A_WORD = {"float32": 1, "bfloat16": 2}
_SIDE = 1024  # of the square matrices that PyTorch multiplies


def products(threads: int, number: str = "float32") -> float:
    """The peak of matrix products at this moment: that of the fastest kernel there is, at the shape that suits it.

    Args:
        threads: Workers that multiply at the same time.
        number: What is multiplied, "float32" or "bfloat16"; sums are float32 always. Without an instruction for it,
            bfloat16 is imitated.

    Returns:
        GFLOP/s of all threads together.
    """
    own = (
        _products(stage, threads, number, blocks * ROWS, inner, width)
        for stage in _MULTIPLY[number]
        for blocks, inner, width in _SHAPES
    )
    return max(*own, _torch_products(threads, number))


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


def _products(stage: Stage, threads: int, number: str, points: int, terms: int, width: int) -> float:
    """GFLOP/s of products of one shape."""
    inner = terms // _NUMBERS_A_WORD[number]
    repeats = max(2**24 // (points * inner * width), 1)
    tiles = np.ones((threads, points * inner + inner * width + (points + ROWS) * width), np.float32)
    call = Call(stage, tiles=tiles, points=points, inner=inner, width=width, repeats=repeats)
    return 2e-9 * threads * repeats * points * terms * width / fastest(lambda: run([call], threads), 0.15)


def _torch_products(threads: int, number: str) -> float:
    """GFLOP/s of PyTorch's own products, where it uses as many threads."""
    if threads != torch.get_num_threads():
        return 0.0
    a, b, out = (torch.ones(_SIDE, _SIDE, dtype=getattr(torch, number)) for _ in range(3))
    return 2e-9 * _SIDE**3 / fastest(lambda: torch.mm(a, b, out=out), 0.15)


@functools.cache
def bandwidth(threads: int, size: int = 128 * 2**20) -> float:
    """Reading numbers in order, again and again: as fast as the cache that they fit, or memory.

    Args:
        threads: Workers that read at the same time.
        size: Bytes that are read.

    Returns:
        GB/s.
    """
    numbers = np.ones(size // 4, np.float32)
    seconds = _best([Call(_STREAM, numbers=numbers, sums=np.zeros((threads, 16), np.float32))], threads)
    return 1e-9 * numbers.nbytes / seconds


@functools.cache
def gathers(threads: int, entries: int) -> float:
    """Reading rows of two float32 numbers at random places of a table.

    Args:
        threads: Workers that read at the same time.
        entries: Rows of the table.

    Returns:
        Millions of rows a second.
    """
    places = np.random.default_rng(0).integers(0, entries, 2048)
    repeats = 128
    call = Call(
        _GATHER, rows=np.ones((entries, 1), np.int64), places=places, repeats=repeats, sums=np.zeros((threads, 8))
    )
    return 1e-6 * threads * repeats * len(places) / _best([call], threads)


def _best(program: list[Call], threads: int) -> float:
    """Seconds of the fastest run of a program."""
    return fastest(lambda: run(program, threads))


def fastest(work: Callable[[], object], seconds: float = 0.5) -> float:
    """Seconds of the fastest run.

    Args:
        work: One run; the first one, which may compile, does not count.
        seconds: How long it is run again and again: cores that have slept take a tenth to reach their speed.
    """
    work()
    times: list[float] = []
    while sum(times) < seconds:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
