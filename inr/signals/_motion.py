"""What moved between the frames of a video, and the continuous video that follows from it.

Between two frames, a place is told from where it comes from in the one and where it goes to in the other: both are
blended by how near they are in time. Motion is found by bilateral block matching, which compares the two frames at
places that lie symmetrically about a block of the frame half-way between them, from coarse to fine.

Source: Choi et al., New frame rate up-conversion using bi-directional motion estimation, IEEE Transactions on Consumer
Electronics 2000; candidates from neighbouring blocks are those of de Haan et al., True-motion estimation with 3-D
recursive search block matching, IEEE Transactions on Circuits and Systems for Video Technology 1993.
"""

import itertools

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from inr.jit import inline, kernel
from inr.signals._continuous import STILL, Interpolant, axis_kernels
from inr.signals._domain import Domain

MOTION_BLOCK = 8
"""Pixels an axis from one motion vector to the next."""
_REACH = 8  # pixels from the centre of a block that are compared, at every second of them
_COARSE_SEARCH = 3  # pixels in every direction at the coarsest level, of half a motion vector
_SMALLEST = 24  # pixels of the shorter side, below which there is no coarser level
_MAX_LEVELS = 6
_SWEEPS = 2  # over all blocks of a level, in which vectors are taken over from neighbours
_STRAY = 0.002  # that a vector's difference from its neighbours' mean costs, a pixel, where values span 2


class VideoInterpolant(Interpolant):
    """A continuous function of place and time from the frames of a video.

    Args:
        values: normalised samples, float32 (T, H, W, C), T at least 2.
        domain: its sampling model chooses the interpolator within frames.

    Attributes:
        motion: float32 (T - 1, rows, columns, 2), a row and a column for every MOTION_BLOCK pixels: by how many
            pixels, x and y, what is in the centre of a block half-way between two frames moves from the earlier to the
            later one.
    """

    def __init__(self, values: Float32[np.ndarray, "t h w c"], domain: Domain) -> None:
        super().__init__(values, (STILL, *axis_kernels(domain)[1:]))
        grey = values.mean(-1)
        self.motion = np.stack([estimate_motion(*pair) for pair in itertools.pairwise(grey)])

    def __call__(self, indices: Int[Tensor, " n"], shifts: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values of the continuous video; see `Interpolant`. Before the first frame, and after the last, it rests."""
        frames, height, width = self.shape
        x = (indices % width).to(torch.float32) + shifts[:, 0]
        y = (indices // width % height).to(torch.float32) + shifts[:, 1]
        time = ((indices // (width * height)).to(torch.float32) + shifts[:, 2]).clamp(0, frames - 1)
        pair = time.floor().clamp(max=frames - 2)
        late, pair = time - pair, pair.to(torch.int64)
        vectors = self._vectors(pair, x, y)
        before = self._in_frame(pair, x - late * vectors[:, 0], y - late * vectors[:, 1])
        early = 1 - late
        after = self._in_frame(pair + 1, x + early * vectors[:, 0], y + early * vectors[:, 1])
        return before * early[:, None] + after * late[:, None]

    def _vectors(self, pair: Tensor, x: Tensor, y: Tensor) -> Float[Tensor, "n 2"]:
        """Motion at a place half-way between the frames of a pair, linear between blocks."""
        motion = torch.from_numpy(self.motion).to(pair.device)
        rows, columns = motion.shape[1:3]
        across = ((x + 0.5) / MOTION_BLOCK - 0.5).clamp(0, columns - 1)
        down = ((y + 0.5) / MOTION_BLOCK - 0.5).clamp(0, rows - 1)
        left, top = across.floor().to(torch.int64), down.floor().to(torch.int64)
        right, bottom = (left + 1).clamp(max=columns - 1), (top + 1).clamp(max=rows - 1)
        share, part = (across - left)[:, None], (down - top)[:, None]
        upper = torch.lerp(motion[pair, top, left], motion[pair, top, right], share)
        lower = torch.lerp(motion[pair, bottom, left], motion[pair, bottom, right], share)
        return torch.lerp(upper, lower, part)

    def _in_frame(self, frame: Tensor, x: Tensor, y: Tensor) -> Float[Tensor, "n c"]:
        """Values within a frame, at places that are moved to its nearest pixel's cell where they lie beyond."""
        _, height, width = self.shape
        x, y = x.clamp(-0.5, width - 0.5), y.clamp(-0.5, height - 0.5)
        column, row = (x + 0.5).floor().clamp(max=width - 1), (y + 0.5).floor().clamp(max=height - 1)
        indices = (frame * height + row.to(torch.int64)) * width + column.to(torch.int64)
        return super().__call__(indices, torch.stack((x - column, y - row, torch.zeros_like(x)), 1))


def estimate_motion(
    earlier: Float32[np.ndarray, "h w"], later: Float32[np.ndarray, "h w"]
) -> Float32[np.ndarray, "rows columns 2"]:
    """How blocks move from one frame to the next.

    Args:
        earlier, later: grey frames.

    Returns:
        Motion vectors in pixels, x and y, of blocks of MOTION_BLOCK pixels in the frame half-way between the two.
    """
    pyramid = [(np.ascontiguousarray(earlier), np.ascontiguousarray(later))]
    while len(pyramid) < _MAX_LEVELS and min(pyramid[-1][0].shape) >= 2 * _SMALLEST:
        pyramid.append(tuple(_halved(frame) for frame in pyramid[-1]))  # type: ignore[arg-type]
    halves = np.zeros((0, 0, 2), np.float32)  # of vectors
    for level in reversed(range(len(pyramid))):
        first, second = pyramid[level]
        shape = [-(-size // MOTION_BLOCK) for size in first.shape]
        if level == len(pyramid) - 1:
            halves = np.zeros((*shape, 2), np.float32)
            _search(first, second, halves)
        else:
            rows = np.minimum(np.arange(shape[0]) // 2, halves.shape[0] - 1)
            columns = np.minimum(np.arange(shape[1]) // 2, halves.shape[1] - 1)
            halves = np.ascontiguousarray(2 * halves[rows][:, columns])
        for step in (1.0, 0.5) if level else (1.0, 0.5, 0.25):
            _refine(first, second, halves, np.float32(step))
    return 2 * halves


def _halved(frame: np.ndarray) -> np.ndarray:
    """Means over 2 x 2 pixels; an odd last row or column is left out."""
    height, width = (size // 2 * 2 for size in frame.shape)
    return np.ascontiguousarray(frame[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3)))


@inline
def _at(frame: np.ndarray, x: float, y: float) -> float:
    """A frame between its pixels, linearly; its edge goes on beyond."""
    height, width = frame.shape
    x = min(max(x, 0.0), width - 1.0)
    y = min(max(y, 0.0), height - 1.0)
    left, top = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    share, part = x - left, y - top
    upper = frame[top, left] + share * (frame[top, right] - frame[top, left])
    lower = frame[bottom, left] + share * (frame[bottom, right] - frame[bottom, left])
    return upper + part * (lower - upper)


@inline
def _mismatch(first: np.ndarray, second: np.ndarray, row: int, column: int, across: float, down: float) -> float:
    """How much two frames differ about a block if half of its motion is this; the mean absolute difference."""
    x, y = (column + 0.5) * MOTION_BLOCK - 0.5, (row + 0.5) * MOTION_BLOCK - 0.5
    total = 0.0
    for i in range(-_REACH, _REACH + 1, 2):
        for j in range(-_REACH, _REACH + 1, 2):
            total += abs(_at(first, x + j - across, y + i - down) - _at(second, x + j + across, y + i + down))
    return total / (_REACH + 1) ** 2


@kernel
def _search(first: np.ndarray, second: np.ndarray, halves: np.ndarray) -> None:
    """The best of all whole pixels that are near."""
    for row in range(halves.shape[0]):
        for column in range(halves.shape[1]):
            best = 1e30
            for down in range(-_COARSE_SEARCH, _COARSE_SEARCH + 1):
                for across in range(-_COARSE_SEARCH, _COARSE_SEARCH + 1):
                    stray = _STRAY * (abs(across) + abs(down))
                    found = _mismatch(first, second, row, column, float(across), float(down)) + stray
                    if found < best:
                        best = found
                        halves[row, column, 0], halves[row, column, 1] = across, down


@kernel
def _refine(first: np.ndarray, second: np.ndarray, halves: np.ndarray, step: np.float32) -> None:
    """Take over what fits better: neighbours' vectors, none at all, and vectors that are a step away."""
    rows, columns = halves.shape[:2]
    for sweep in range(_SWEEPS):
        for place in range(rows * columns):
            block = place if sweep % 2 == 0 else rows * columns - 1 - place
            row, column = block // columns, block % columns
            mean_across, mean_down, count = 0.0, 0.0, 0.0
            for i in range(max(row - 1, 0), min(row + 2, rows)):
                for j in range(max(column - 1, 0), min(column + 2, columns)):
                    if i != row or j != column:
                        mean_across += halves[i, j, 0]
                        mean_down += halves[i, j, 1]
                        count += 1.0
            mean_across, mean_down = mean_across / max(count, 1.0), mean_down / max(count, 1.0)
            best_across, best_down = halves[row, column, 0], halves[row, column, 1]
            best = _cost(first, second, row, column, best_across, best_down, mean_across, mean_down)
            for i in range(max(row - 1, 0), min(row + 2, rows)):
                for j in range(max(column - 1, 0), min(column + 2, columns)):
                    across, down = halves[i, j, 0], halves[i, j, 1]
                    if across != best_across or down != best_down:
                        found = _cost(first, second, row, column, across, down, mean_across, mean_down)
                        if found < best:
                            best, best_across, best_down = found, across, down
            found = _cost(first, second, row, column, np.float32(0.0), np.float32(0.0), mean_across, mean_down)
            if found < best:
                best, best_across, best_down = found, np.float32(0.0), np.float32(0.0)
            centre_across, centre_down = best_across, best_down
            for i in range(-1, 2):
                for j in range(-1, 2):
                    if i != 0 or j != 0:
                        across, down = centre_across + np.float32(j) * step, centre_down + np.float32(i) * step
                        found = _cost(first, second, row, column, across, down, mean_across, mean_down)
                        if found < best:
                            best, best_across, best_down = found, across, down
            halves[row, column, 0], halves[row, column, 1] = best_across, best_down


@inline
def _cost(
    first: np.ndarray, second: np.ndarray, row: int, column: int, across: float, down: float,
    mean_across: float, mean_down: float,
) -> float:  # fmt: skip
    """The mismatch of a vector, and what it costs to differ from its neighbours'."""
    stray = _STRAY * (abs(across - mean_across) + abs(down - mean_down))
    return _mismatch(first, second, row, column, across, down) + stray
