"""The rate of latents and its gradients, as compiled kernels; `eager.latent_bits` is the same mathematics."""

import functools

import numpy as np

from inr.compression.bitstream.latent.layout import CONTEXT, FEATURE_LEVELS, Layout
from inr.compression.encoder.latent.buffers import Buffers
from inr.compression.encoder.latent.kernels._entropy_network import TILE, Places, tile_numbers
from inr.compression.encoder.latent.kernels._entropy_stages import (
    COLLECT,
    COUNT,
    GATHER,
    PAD,
    PREPARE,
    ROWS_ABOVE,
    walk_stage,
)
from inr.compression.encoder.latent.kernels._planes import lines
from inr.jit import Call, worker_rows
from inr.jit.vector import LANES

# Bands that the latents of a picture are divided into, about; and the least numbers of one.
_BANDS, _LEAST_BAND = 128, 4096

_walk_stage = functools.cache(walk_stage)


class EntropyKernel:
    """The bits of all latents of a picture, and the gradient of what they cost.

    Results are the same for any number of threads, but not on processors with other vectors.

    Args:
        buffers: with what is read, `rounded` and `parameters`, and what is set: `bits`, `sums[1]`; and by `calls`,
            `gradient` and the parts of `parameter_gradient` whose names begin with "entropy" and "features".
        threads: the workers that the calls will be run by.
        weight: what a bit counts in the loss of which gradients are taken; see `weigh`.

    Attributes:
        calls: for `inr.jit.run`; bits and gradients.
        bits_calls: bits only.
    """

    def __init__(self, buffers: Buffers, threads: int, *, weight: float = 1.0) -> None:
        layout, sizes = buffers.layout, buffers.layout.sizes
        grids, padded = _grid_table(layout)
        bands, reached = _band_table(layout, grids)
        levels, planes = _level_table(layout)
        sources = _parameter_table(layout)
        places = Places.of(sizes.width)
        shared = {"grids": grids, "bands": bands, "levels": levels}
        tables = shared | {"features": sizes.features, "sources": sources, "parameters": buffers.parameters}
        kept = {
            "reached": lines(reached),
            "plane_gradients": lines(planes),
            "partial": np.zeros((len(bands), places.sums), np.float32),
        }
        work = shared | {
            "neighbours": np.array(CONTEXT[: sizes.contexts], np.int64),
            "padded": lines(padded),
            "planes": lines(planes),
            "packed": lines(places.weights),
            "tiles": worker_rows(threads, tile_numbers(sizes.width)),
            "totals": worker_rows(threads, places.sums * LANES),
            "bits": buffers.bits,
            "band_bits": np.zeros((len(bands), 1)),
        }
        prepare = Call(
            PREPARE, rounded=buffers.rounded, width=sizes.width,
            padded=work["padded"], planes=work["planes"], packed=work["packed"], **tables,
        )  # fmt: skip
        count = Call(COUNT, band_bits=work["band_bits"], sums=buffers.sums[None])
        self._learn, measure = (
            Call(_walk_stage(sizes.width, sizes.contexts, learning=learning), weight=weight, **work, **kept)
            for learning in (True, False)
        )
        gather = Call(
            GATHER, rounded=buffers.rounded, gradients=kept["plane_gradients"], features=sizes.features,
            parameter_gradient=buffers.parameter_gradient, grids=grids, levels=levels,
        )  # fmt: skip
        collect = Call(
            COLLECT, gradient=buffers.gradient, parameter_gradient=buffers.parameter_gradient, **tables, **kept
        )
        self.calls = [prepare, self._learn, gather, collect, count]
        self.bits_calls = [prepare, measure, count]

    def weigh(self, weight: float) -> None:
        """Set what a bit counts in the loss: λ / (height width) where λ is per bit and pixel."""
        self._learn.set(weight=weight)


def _grid_table(layout: Layout) -> tuple[np.ndarray, int]:
    """The table of grids, and how many numbers they are with the zeros around them."""
    rows, place = [], 0
    for grid in layout.grids:
        stride = grid.width + PAD
        place += PAD + ROWS_ABOVE * stride
        rows.append((grid.start, grid.height, grid.width, stride, place, grid.level))
        place += grid.height * stride
    return np.array(rows, np.int64), place + TILE  # tiles are read whole


def _band_table(layout: Layout, grids: np.ndarray) -> tuple[np.ndarray, int]:
    """The table of bands, and how many numbers all that they reach is."""
    least = max(_LEAST_BAND, layout.latents // _BANDS)
    rows, reached, done = [], 0, 0
    for index, (grid, stride) in enumerate(zip(layout.grids, grids[:, 3], strict=True)):
        # even, for no two bands are to share what features are read of; and at least as high as contexts are
        high = max(-(-least // int(stride) // 2) * 2, ROWS_ABOVE + 1)
        for first in range(0, grid.height, high):
            stop = min(first + high, grid.height)
            size = (stop - first) * int(stride)
            rows.append((index, first, stop, reached, done + size // 2))
            reached += PAD + ROWS_ABOVE * int(stride) + size
            done += size
    return np.array(rows, np.int64), reached


def _level_table(layout: Layout) -> tuple[np.ndarray, int]:
    """The table of levels with features, the coarsest first, and how many numbers their planes are."""
    count = min(FEATURE_LEVELS, layout.levels - 1)
    table = np.zeros((count, 3 + layout.levels), np.int64)
    place = 0
    for row, level in zip(table, reversed(range(count)), strict=True):
        row[0] = layout.slices[f"features.{level}.weight"].start
        row[1] = layout.slices[f"features.{level}.bias"].start
        row[2] = len(layout.coarser(level))
        for grid in layout.coarser(level):
            if not grid.hyper:
                row[3 + grid.level] = place
                place += layout.sizes.features * grid.size
    return table, place


def _parameter_table(layout: Layout) -> np.ndarray:
    """Where each number of the gradients' sums, as `Places` has them, is among all parameters."""

    def of(name: str) -> np.ndarray:
        part = layout.slices[name]
        return np.arange(part.start, part.stop).reshape(layout.tensors[name])

    first = np.block(
        [
            [of("entropy.0.weight"), of("entropy.0.bias")[:, None]],
            [of("entropy.linear"), of("entropy.2.bias")[:, None]],
        ]
    )
    second = np.hstack([of("entropy.1.weight"), of("entropy.1.bias")[:, None]])
    return np.concatenate([part.ravel() for part in (first, second, of("entropy.2.weight"))]).astype(np.int64)
