"""Blocks of a grid at the samples' real spacing, on which a fit is looked at in the place of the whole signal."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from inr.diagnostics._measures._alias import twice_as_dense
from inr.encodings import DenseGrid, HashGrid
from inr.field import Field
from inr.fitting import dense_patches
from inr.signals import GridSignal, grid_coords

Execute = Callable[[Float[Tensor, "n d"]], Float[Tensor, "n c"]]  # normalised values at coordinates


@dataclass(frozen=True)
class Block:
    """Neighbouring samples of a grid.

    Attributes:
        shape: of the block.
        coords: of its cells in C order, (n, D), float32.
        target: normalised values (*shape, C); a missing sample has the nearest one's.
        there: (*shape, 1), which samples are there.
    """

    shape: tuple[int, ...]
    coords: Float[Tensor, "n d"]
    target: Float[np.ndarray, "*shape c"]
    there: Bool[np.ndarray, "*shape 1"]

    def residual(self, execute: Execute) -> Float[np.ndarray, "*shape c"]:
        """Prediction, clipped to the range, minus target; 0 where a sample is missing."""
        with torch.no_grad():
            found = execute(self.coords).float().cpu().numpy().reshape(self.target.shape)
        return (np.clip(np.nan_to_num(found, nan=1.0), -1, 1) - self.target) * self.there

    def twice_as_dense(self, execute: Execute) -> Float[np.ndarray, "*shape c"]:
        """The field at half the samples' spacing, clipped to the range."""
        shape = tuple(2 * size if size > 1 else 1 for size in self.shape)
        with torch.no_grad():
            found = execute(twice_as_dense(self.coords, self.shape)).float().cpu().numpy()
        return np.clip(np.nan_to_num(found, nan=1.0), -1, 1).reshape(*shape, -1)

    def samples(self) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n c"]]:
        """Coordinates and values of the samples that are there."""
        kept = torch.from_numpy(self.there.ravel())
        values = torch.from_numpy(np.ascontiguousarray(self.target)).reshape(len(self.coords), -1)
        return self.coords[kept], values[kept]


def blocks_of(signal: GridSignal, *, points: int, count: int, seed: int = 0) -> list[Block]:
    """Blocks spread evenly over a signal.

    Args:
        signal: on a grid.
        points: about how many samples a block has.
        count: the most blocks; small signals give one, which is all of them.
        seed: shifts all blocks.
    """
    found = dense_patches(signal, points=points, count=count, seed=seed)
    return [_block(signal, signal.cells_of(indices)) for indices in found]


def _block(signal: GridSignal, cells: Int[Tensor, " n"]) -> Block:
    """The box around cells."""
    shape: Sequence[int] = signal.domain.shape or ()
    places = np.unravel_index(cells.numpy(), shape)
    ranges = tuple(slice(int(place.min()), int(place.max()) + 1) for place in places)
    sides = tuple(part.stop - part.start for part in ranges)
    inside = np.ravel_multi_index(np.meshgrid(*[np.arange(r.start, r.stop) for r in ranges], indexing="ij"), shape)
    missing = signal.missing
    there = np.ones((*sides, 1), dtype=bool) if missing is None else ~missing[ranges][..., None]
    coords = grid_coords(shape, torch.from_numpy(inside.ravel()))
    assert len(coords) == math.prod(sides)
    values = signal.values(signal.samples_of(torch.from_numpy(inside.ravel()))).numpy()
    return Block(sides, coords, values.reshape(*sides, -1), there)


def sample_by_sample(field: Field) -> bool:
    """Whether a kernel takes derivatives in whole tables, one for every value: of grids it takes them by levels."""
    return field.encoding.tables and not isinstance(field.encoding, HashGrid | DenseGrid)
