"""The entropy model compiled, and grids decoded front by front.

A front is t = column + slope * row: all that its contexts read has been decoded in fronts before, so the means and
scales of a whole front are computed at once, with vectors, and then its latents are decoded from top to bottom.
"""

from typing import NamedTuple

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.latent.dense import dense, parts_of
from inr.compression.bitstream.latent.entropy import ABOVE, ASIDE, SCALE_HALF, SCALE_START, EntropyNetwork
from inr.compression.bitstream.latent.fixed_point import padded
from inr.compression.bitstream.latent.layout import CONTEXT, Grid, Layout
from inr.compression.bitstream.latent.range_coder import COUNT
from inr.compression.bitstream.latent.symbols import read_latent, write_latent
from inr.compression.bitstream.latent.tables import (
    LARGEST_MEAN,
    LATENT_LIMIT,
    MEAN_BITS,
    SCALE_BITS,
    SCALES,
    Tables,
    tables,
)
from inr.jit import exact, kernel

# Grids of this level and above share a section.
_MERGED_FROM = 3
# Latents whose model is computed at once.
CHUNK = 256
# Fronts that are kept, a power of two.
_RING = 16
# How far a decoder may read beyond its bytes, which it does by 6 at the end of sound ones.
_BEYOND = 8


def sections(layout: Layout) -> tuple[tuple[Grid, ...], ...]:
    """The grids of each section, in coding order: those from level 3 on share one, the others have their own."""
    runs: list[tuple[Grid, ...]] = []
    for grid in layout.grids:
        if runs and grid.level >= _MERGED_FROM:
            runs[-1] += (grid,)
        else:
            runs.append((grid,))
    return tuple(runs)


def slope(contexts: int) -> int:
    """Columns by which a front lags behind in the row below, by how many neighbours the model reads."""
    return max(right // -down + 1 for down, right in CONTEXT[:contexts] if down < 0)


def means_and_scales(network: EntropyNetwork, latents: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """As `means_and_scales_float64`, compiled, row by row.

    Args:
        network: the model.
        latents: of all grids, int32 (latents,); those of this grid, the coarser ones and companions are read.
        grid: which.

    Returns:
        Means in units of 1/64 and indices of scales, int32 (rows, columns) each.
    """
    mean, scale = (np.zeros((grid.height, grid.width), np.int32) for _ in range(2))
    reach = 1 << network.context_bits
    plane = np.clip(latents[grid.start : grid.stop], -reach, reach - 1).reshape(grid.height, grid.width)
    around = np.pad(plane, ((ABOVE, 0), (ASIDE, ASIDE))).astype(np.int32)
    _model_rows(
        around, _features_of(network, latents, grid), network.offsets, network.bits, network.arrays, _buffer(network),
        mean, scale,
    )  # fmt: skip
    return mean, scale


def decode_grid(network: EntropyNetwork, grid: Grid, state: np.ndarray, data: np.ndarray, latents: np.ndarray) -> None:
    """Decode the latents of a grid.

    Args:
        network: the model.
        grid: which.
        state: of the decoder; it goes on from there.
        data: the section's bytes, uint8.
        latents: of all grids, int32 (latents,); the coarser ones and companions are known; this grid's are set.

    Raises:
        InrError: bytes that no encoder has written.
    """
    steepness = slope(network.layout.sizes.contexts)
    ring = np.zeros((_RING, ABOVE + grid.height + CHUNK), network.dtype)
    models = np.zeros((2, min(grid.height, -(-grid.width // steepness)) + CHUNK), np.int32)
    plane = latents[grid.start : grid.stop].reshape(grid.height, grid.width)
    features = Features.of(network, latents, grid, feature_rows(network.layout, grid))
    fine = _decode_fronts(
        data, state, plane, steepness, network.offsets, features, latents,
        1 << network.context_bits, network.bits, network.arrays, tables(), _buffer(network), ring, models,
    )  # fmt: skip
    if not fine:
        raise InrError("its symbols are none that could have been written")


def encode_grid(
    steepness: int, values: np.ndarray, mean: np.ndarray, scale: np.ndarray, state: np.ndarray, data: np.ndarray
) -> bool:
    """Append the latents of a grid, in fronts.

    Args:
        steepness: the slope of the fronts.
        values: of the latents, int32 (rows, columns).
        mean, scale: the indices of their distributions, int32 (rows, columns).
        state: of the encoder; it goes on from there.
        data: where its bytes go, uint8.

    Returns:
        Whether there was room enough.
    """
    return bool(_encode_fronts(values, mean, scale, steepness, tables(), state, data))


def _buffer(network: EntropyNetwork) -> np.ndarray:
    """Room for the activations of a chunk: the first layer's units, inputs, the second layer's units."""
    return np.zeros((3 * padded(network.layout.sizes.width), CHUNK), network.dtype)


class Features(NamedTuple):
    """What makes the features that a grid's latents read, and room for some rows of them.

    Attributes:
        places: (start, width, octaves) of each coarser grid, int64 (grids, 3).
        layer: that gives the features.
        inputs, outputs: room for a row of the layer's.
        planes: (features, rows, columns) at half the grid's resolution; of none where there are no features.
    """

    places: np.ndarray
    layer: tuple
    inputs: np.ndarray
    outputs: np.ndarray
    planes: np.ndarray

    @classmethod
    def of(cls, network: EntropyNetwork, latents: np.ndarray, grid: Grid, rows: int) -> "Features":
        """Those of a grid, with room for so many rows."""
        layout, dtype = network.layout, network.dtype
        coarser = () if grid.hyper else layout.coarser(grid.level)
        places = np.array([(each.start, each.width, each.level - grid.level - 1) for each in coarser], np.int64)
        if not coarser:
            empty = np.zeros((0, 0), dtype)
            return cls(places.reshape(0, 3), network.arrays[0], empty, empty, np.zeros((0, 0, 0), dtype))
        width, features = -(-layout.width >> grid.level + 1), layout.sizes.features
        inputs, outputs = (np.zeros((padded(count), parts_of(width)), dtype) for count in (len(coarser), features))
        layer = network.features[grid.level].arrays(dtype)
        return cls(places, layer, inputs, outputs, np.zeros((features, rows, width), dtype))


def feature_rows(layout: Layout, grid: Grid) -> int:
    """How many rows of features the latents of one front read, at most."""
    most = -(-grid.width // slope(layout.sizes.contexts))
    return min(most // 2 + 2, -(-layout.height >> grid.level + 1))


def _features_of(network: EntropyNetwork, latents: np.ndarray, grid: Grid) -> np.ndarray:
    """The features that a grid's latents read, (features, rows, columns) at half its resolution; empty where none."""
    features = Features.of(network, latents, grid, -(-network.layout.height >> grid.level + 1))
    _all_features(latents, 1 << network.context_bits, features)
    return features.planes


@exact
def _feature_row(latents: np.ndarray, reach: int, features: Features, row: int, place: int) -> None:
    """A row of features, written to a row of the planes."""
    places, inputs, outputs, planes = features.places, features.inputs, features.outputs, features.planes
    weight, bias, shift = features.layer
    count, _, width = planes.shape
    for index in range(len(places)):
        octaves = places[index, 2]
        start = places[index, 0] + (row >> octaves) * places[index, 1]
        for column in range(width):
            inputs[index, column] = min(max(latents[start + (column >> octaves)], -reach), reach - 1)
    dense(weight, bias, shift, inputs, outputs, width, False)
    for index in range(count):
        for column in range(width):
            planes[index, place, column] = outputs[index, column]


@kernel
def _all_features(latents: np.ndarray, reach: int, features: Features) -> None:
    """Features of coarser grids for all rows."""
    for row in range(features.planes.shape[1]):
        _feature_row(latents, reach, features, row, row)


@exact
def _model(layers: tuple, buffer: np.ndarray, count: int, mean: np.ndarray, scale: np.ndarray, start: int) -> None:
    """Means and scales from inputs, which stand in the middle third of the buffer."""
    width = len(buffer) // 3
    first, second, last = layers
    dense(first[0], first[1], first[2], buffer[width : 2 * width], buffer[:width], count, True)
    dense(second[0], second[1], second[2], buffer[:width], buffer[2 * width :], count, True)
    dense(last[0], last[1], last[2], buffer[width:], buffer[:width], count, False)
    for index in range(count):
        mean[start + index] = min(max(buffer[0, index], -LARGEST_MEAN), LARGEST_MEAN)
        place = ((buffer[1, index] + SCALE_HALF) >> (MEAN_BITS - SCALE_BITS)) + SCALE_START
        scale[start + index] = min(max(place, 0), SCALES - 1)


@kernel
def _model_rows(
    around: np.ndarray, features: np.ndarray, offsets: np.ndarray, bits: int, layers: tuple, buffer: np.ndarray,
    mean: np.ndarray, scale: np.ndarray,
) -> None:  # fmt: skip
    """Means and scales of a grid whose latents are known."""
    height, width = mean.shape
    contexts, first = len(offsets), len(buffer) // 3
    for row in range(height):
        for start in range(0, width, CHUNK):
            count = min(CHUNK, width - start)
            for index in range(contexts):
                line = around[row + ABOVE + offsets[index, 0]]
                column = start + ASIDE + offsets[index, 1]
                for place in range(count):
                    buffer[first + index, place] = line[column + place] << bits
            for index in range(len(features)):
                for place in range(count):
                    buffer[first + contexts + index, place] = features[index, row >> 1, (start + place) >> 1]
            _model(layers, buffer, count, mean[row], scale[row], start)


@exact
def _rows_of_front(front: int, steepness: int, height: int, width: int) -> tuple[int, int]:
    """The first row of a front, and the one after its last."""
    return max(0, (front - width + steepness) // steepness), min(height, front // steepness + 1)


@kernel
def _decode_fronts(
    data: np.ndarray, state: np.ndarray, latents: np.ndarray, steepness: int, offsets: np.ndarray,
    features: Features, coarser: np.ndarray, reach: int, bits: int, layers: tuple, tables: Tables, buffer: np.ndarray,
    ring: np.ndarray, models: np.ndarray,
) -> bool:  # fmt: skip
    """Front by front; the ring holds the latest ones, by rows, as contexts read them. False where bytes are amiss.

    So do the planes of features, by rows that fronts have come to; `coarser` are the latents that they are made of.
    """
    height, width = latents.shape
    kept, known = features.planes.shape[1], 0
    contexts, first = len(offsets), len(buffer) // 3
    for front in range(width + steepness * (height - 1)):
        top, stop = _rows_of_front(front, steepness, height, width)
        if kept > 0:
            while known <= (stop - 1) >> 1:
                _feature_row(coarser, reach, features, known, known % kept)
                known += 1
        for start in range(top, stop, CHUNK):
            count = min(CHUNK, stop - start)
            for index in range(contexts):
                down, right = offsets[index, 0], offsets[index, 1]
                line = ring[(front + right + steepness * down) & (_RING - 1)]
                for place in range(count):
                    buffer[first + index, place] = line[ABOVE + start + down + place]
            for index in range(len(features.planes)):
                plane = features.planes[index]
                begin = (start >> 1) % kept - (start >> 1)
                for place in range(count):
                    row = start + place
                    line_of = begin + (row >> 1)
                    if line_of >= kept:
                        line_of -= kept
                    buffer[first + contexts + index, place] = plane[line_of, (front - steepness * row) >> 1]
            _model(layers, buffer, count, models[0], models[1], start - top)
        line = ring[front & (_RING - 1)]
        line[:] = 0
        for row in range(top, stop):
            value = read_latent(state, data, models[0, row - top], models[1, row - top], tables)
            if abs(value) >= LATENT_LIMIT:
                return False
            latents[row, front - steepness * row] = value
            line[ABOVE + row] = min(max(value, -reach), reach - 1) << bits
        if state[COUNT] > len(data) + _BEYOND:
            return False
    return True


@kernel
def _encode_fronts(
    values: np.ndarray, mean: np.ndarray, scale: np.ndarray, steepness: int, tables: Tables, state: np.ndarray,
    data: np.ndarray,
) -> bool:  # fmt: skip
    """Front by front; False where the bytes have no more room."""
    height, width = values.shape
    for front in range(width + steepness * (height - 1)):
        top, stop = _rows_of_front(front, steepness, height, width)
        for row in range(top, stop):
            if state[COUNT] + 32 > len(data):
                return False
            column = front - steepness * row
            write_latent(state, data, values[row, column], mean[row, column], scale[row, column], tables)
    return True
