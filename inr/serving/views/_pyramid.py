"""A picture at half its size, a quarter and so on, made once, and read where it is needed."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from inr._errors import InrError
from inr._files import describe, temporary_beside
from inr.serving import DiskFull
from inr.serving._disk import FULL
from inr.serving.views._resampling import area_means

_STRIP_PIXELS = 1 << 20  # that are made at once
_ALIGNED = 1e-9

Rows = Callable[[int, int], np.ndarray]  # first row and the one after the last, to pixels (rows, W, k) uint8


class Pyramid:
    """The levels of a picture of height x width pixels: each is the means over 2 x 2 pixels of the one before.

    A pixel of level n covers 2^n x 2^n of the picture's own, or what there is of them at the right and lower edges.
    The file is one array (pixels of all levels, k), mapped into memory.

    Args:
        path: the file.
        height, width: of the picture.
    """

    def __init__(self, path: Path, height: int, width: int) -> None:
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
        self._size = height, width
        self._levels = list(_split(stored, _shapes(height, width)))

    @property
    def native(self) -> UInt8[np.ndarray, "h w k"]:
        """The picture itself."""
        return self._levels[0]

    def shrunk(self, region: Sequence[float], size: tuple[int, int]) -> UInt8[np.ndarray, "height width k"]:
        """A part of the picture on a coarser grid, or one that is as fine: means over its pixels.

        Args:
            region: left, top, width and height in pixels of the picture, within it.
            size: width and height in pixels.
        """
        left, top, across, down = region
        coarseness = max(min(across / size[0], down / size[1]), 1.0)
        level = min(int(math.log2(coarseness) + _ALIGNED), len(self._levels) - 1)
        side = 2**level
        aligned = all(abs(cell - side) < _ALIGNED * side for cell in (across / size[0], down / size[1]))
        if aligned and left % side == 0 and top % side == 0:
            column, row = int(left // side), int(top // side)
            return self._levels[level][row : row + size[1], column : column + size[0]]
        return self._part(max(level - 1, 0), region, size)  # twice as fine: what is mixed at edges of pixels is little

    def _part(self, level: int, region: Sequence[float], size: tuple[int, int]) -> UInt8[np.ndarray, "h w k"]:
        """A part from the pixels of one level."""
        left, top, across, down = region
        rows, down_edges = _covered(top, down, level, self._size[0])
        columns, across_edges = _covered(left, across, level, self._size[1])
        cuts = (
            top + np.arange(size[1] + 1) * (down / size[1]),
            left + np.arange(size[0] + 1) * (across / size[0]),
        )
        return area_means(self._levels[level][rows, columns], (down_edges, across_edges), cuts)


def make_pyramid(path: Path, shape: tuple[int, int, int], rows: Rows) -> Pyramid:
    """Draw a picture and write its pyramid, all of it or nothing.

    Args:
        path: the file to be made, in a folder that may have to be made, too.
        shape: height, width and channels of the picture.
        rows: draws some of its rows.

    Raises:
        DiskFull: there is no room for it.
        InrError: another failure of the file system.
    """
    height, width, channels = shape
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path, ".npy")
    shapes = _shapes(height, width)
    size = sum(h * w for h, w in shapes), channels
    try:
        stored = np.lib.format.open_memmap(temporary, "w+", np.uint8, size)
        _reserve(temporary)
        levels = list(_split(stored, shapes))
        for start, stop in strips_of(height, width):
            levels[0][start:stop] = rows(start, stop)
        for level in range(1, len(levels)):
            _halve(levels, level, height, width)
        stored.flush()
        temporary.replace(path)
    except OSError as error:
        kind = DiskFull if error.errno in FULL else InrError
        raise kind(f"cannot keep a picture at smaller sizes: {describe(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return Pyramid(path, height, width)


def _reserve(path: Path) -> None:
    """Take the blocks of a file from the disk: a page that is written later, with none left, would end the process."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _halve(levels: Sequence[np.ndarray], level: int, height: int, width: int) -> None:
    """Fill a level from the one before it."""
    finer, coarser = levels[level - 1 : level + 1]
    across = _edges(0, finer.shape[1], level - 1, width), _edges(0, coarser.shape[1], level, width)
    for start, stop in strips_of(*coarser.shape[:2]):
        part = finer[2 * start : 2 * stop]
        edges = _edges(2 * start, 2 * start + len(part), level - 1, height)
        coarser[start:stop] = area_means(part, (edges, across[0]), (_edges(start, stop, level, height), across[1]))


def _covered(start: float, length: float, level: int, whole: int) -> tuple[slice, np.ndarray]:
    """Which pixels of a level an interval of an axis of `whole` pixels touches, and their edges."""
    side = 2**level
    count = -(-whole // side)
    first = min(int(start // side), count - 1)
    last = max(min(math.ceil((start + length) / side - _ALIGNED), count), first + 1)
    return slice(first, last), _edges(first, last, level, whole)


def _edges(first: int, last: int, level: int, whole: int) -> np.ndarray:
    """Where pixels of a level begin along an axis of `whole` pixels, and the last of them ends."""
    return np.minimum(np.arange(first, last + 1, dtype=np.float64) * 2**level, whole)


def _shapes(height: int, width: int) -> list[tuple[int, int]]:
    """Height and width of all levels, down to one pixel."""
    shapes = [(height, width)]
    while shapes[-1] != (1, 1):
        shapes.append((-(-shapes[-1][0] // 2), -(-shapes[-1][1] // 2)))
    return shapes


def _split(stored: np.ndarray, shapes: Sequence[tuple[int, int]]) -> "list[np.ndarray]":
    starts = np.cumsum([0, *(h * w for h, w in shapes)])
    return [stored[start : start + h * w].reshape(h, w, -1) for start, (h, w) in zip(starts, shapes, strict=False)]


def strips_of(height: int, width: int) -> list[tuple[int, int]]:
    """Parts of a picture, from a row to another one, of about `_STRIP_PIXELS` pixels each."""
    count = max(_STRIP_PIXELS // width, 1)
    return [(start, min(start + count, height)) for start in range(0, height, count)]
