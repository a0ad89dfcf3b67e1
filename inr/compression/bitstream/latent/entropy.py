"""The entropy model in integers: mean and scale of every latent, before it is decoded.

All arithmetic is that of `fixed_point`: the readable specification in float64 is `means_and_scales_float64`, what
decodes is compiled. Latents are read as clipped to a range that the file states, [-2^c, 2^c - 1].

The latents of a grid are decoded in fronts, t = column + slope * row: all that a front's contexts read has been decoded
before, so its means and scales are computed at once, with vectors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.latent.dense import dense, parts_of
from inr.compression.bitstream.latent.fixed_point import INT32_LIMIT, INT64_LIMIT, Linear, Scaled, padded
from inr.compression.bitstream.latent.layout import CONTEXT, FEATURE_LEVELS, Grid, Layout
from inr.compression.bitstream.latent.range_coder import ABOVE, COUNT, LOW, WIDTH, consume, encode, share
from inr.compression.bitstream.latent.tables import (
    LARGEST_MEAN,
    LATENT_LIMIT,
    MEAN_BITS,
    SCALE_BITS,
    SCALE_OF_ONE,
    SCALES,
    TOTAL_BITS,
    Tables,
)
from inr.jit import exact, kernel

if TYPE_CHECKING:
    from inr.compression.bitstream.latent.parameters import QuantisedParameters

# Latents are clipped to c bits beside the sign where the model reads them.
LEAST_CONTEXT_BITS, MOST_CONTEXT_BITS = 4, 12
# Fraction bits of activations: the most for which all sums stay in int32, and if that is less than the least, so many
# in int64.
_MOST_BITS, _LEAST_BITS, _WIDE_BITS = 12, 6, 16
# What the model's second output, ln b, is less than; see the fit.
_LOG_SCALE_SHIFT = 4
# Grids of this level and above share a section.
_MERGED_FROM = 3
# Latents whose model is computed at once, a multiple of any vector's length.
CHUNK = 256
# Zeros around what contexts read, above and on both sides, and fronts that are kept, a power of two.
_ABOVE, _ASIDE, _RING = 3, 4, 16


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


@dataclass(frozen=True, eq=False)
class EntropyNetwork:
    """The entropy model of a picture in integers.

    Attributes:
        layout: of the picture.
        context_bits: c; latents are read as clipped to [-2^c, 2^c - 1].
        bits: fraction bits of activations.
        layers: the two hidden ones, and the last one, which reads the inputs, then the second's units.
        features: the layer that gives the features, by level.
        wide: whether sums need int64.
    """

    layout: Layout
    context_bits: int
    bits: int
    layers: tuple[Linear, Linear, Linear]
    features: dict[int, Linear]
    wide: bool

    @classmethod
    def of(cls, layout: Layout, q: "QuantisedParameters", context_bits: int) -> "EntropyNetwork":
        """The model with as many fraction bits as the sums leave room for.

        Args:
            layout: of the picture.
            q: its network parameters.
            context_bits: c, from 4 to 12.

        Raises:
            InrError: parameters so large that sums would not be exact.
        """
        for bits in range(_MOST_BITS, _LEAST_BITS - 1, -1):
            network = cls._with(layout, q, context_bits, bits)
            if network.largest_sum < INT32_LIMIT:
                return network
        network = cls._with(layout, q, context_bits, _WIDE_BITS)
        if network.largest_sum >= INT64_LIMIT:
            raise InrError("the numbers of its entropy model are too large")
        return replace(network, wide=True)

    @classmethod
    def _with(cls, layout: Layout, q: "QuantisedParameters", context_bits: int, bits: int) -> "EntropyNetwork":
        def parameter(name: str) -> Scaled:
            return Scaled.parameter(q, name)

        hidden = [
            Linear.of(
                parameter(f"entropy.{layer}.weight"), parameter(f"entropy.{layer}.bias"), bits, bits, residual=True
            )
            for layer in range(2)
        ]
        features = {
            level: Linear.of(parameter(f"features.{level}.weight"), parameter(f"features.{level}.bias"), 0, bits)
            for level in range(min(FEATURE_LEVELS, layout.levels - 1))
        }
        own, stabiliser = parameter("entropy.2.weight"), parameter("entropy.linear")
        exponent = max(own.exponent, stabiliser.exponent)
        both = Scaled(np.concatenate([stabiliser.to(exponent), own.to(exponent)], axis=1), exponent)
        last = Linear.of(both, parameter("entropy.2.bias"), bits, MEAN_BITS)
        return cls(layout, context_bits, bits, (*hidden, last), features, wide=False)

    @cached_property
    def largest_sum(self) -> int:
        """What no sum in the model exceeds."""
        sizes = self.layout.sizes
        reach = 1 << self.context_bits
        found = []
        most = np.zeros(sizes.features, object)
        least = most
        for layer in self.features.values():
            inputs = np.full(layer.weight.shape[1], reach, object)
            found.append(layer.largest_sum(inputs))
            low, high = layer.bounds(-inputs, inputs)
            least, most = np.minimum(least, low), np.maximum(most, high)
        contexts = np.full(sizes.contexts, reach << self.bits, object)
        least, most = np.concatenate([-contexts, least]), np.concatenate([contexts, most])
        inputs = np.maximum(-least, most)
        for layer in self.layers[:2]:
            found.append(layer.largest_sum(np.maximum(-least, most)))
            least, most = (np.maximum(bound, bound * 0) for bound in layer.bounds(least, most))
        found.append(self.layers[2].largest_sum(np.concatenate([inputs, most])))
        return max(found)

    @property
    def dtype(self) -> type:
        """What the compiled code computes with."""
        return np.int64 if self.wide else np.int32

    @cached_property
    def arrays(self) -> tuple[tuple[np.ndarray, np.ndarray, int], ...]:
        """The layers as the compiled code takes them."""
        width = self.layout.sizes.width
        return tuple(
            layer.arrays(self.dtype, columns)
            for layer, columns in zip(self.layers, ((), (), (width, width)), strict=True)
        )

    @cached_property
    def offsets(self) -> np.ndarray:
        """Rows and columns from a latent to each of its contexts, int64 (contexts, 2)."""
        return np.array(CONTEXT[: self.layout.sizes.contexts], np.int64)

    def feature_planes(self, latents: np.ndarray, grid: Grid) -> np.ndarray:
        """The features that a grid's latents read, (features, rows, columns) at half the grid's resolution.

        Args:
            latents: all latents, int32; the coarser grids' are known.
            grid: whose latents are to be decoded.

        Returns:
            int32 or int64; empty for grids that read none.
        """
        layout = self.layout
        coarser = () if grid.hyper else layout.coarser(grid.level)
        if not coarser:
            return np.zeros((layout.sizes.features, 0, 0), self.dtype)
        height, width = -(-layout.height >> grid.level + 1), -(-layout.width >> grid.level + 1)
        planes = np.zeros((padded(layout.sizes.features), height, width), self.dtype)
        places = np.array(
            [(each.start, each.width, each.level - grid.level - 1) for each in coarser], np.int64
        )
        inputs = np.zeros((padded(len(coarser)), parts_of(width)), self.dtype)
        outputs = np.zeros((padded(layout.sizes.features), parts_of(width)), self.dtype)
        _features(latents, places, 1 << self.context_bits, *self.features[grid.level].arrays(self.dtype), inputs,
                  outputs, planes)  # fmt: skip
        return planes

    def buffer(self) -> np.ndarray:
        """Room for the activations of a chunk: hidden units, inputs, hidden units."""
        return np.zeros((3 * padded(self.layout.sizes.width), CHUNK), self.dtype)


def means_and_scales_float64(
    network: EntropyNetwork, latents: np.ndarray, grid: Grid
) -> tuple[np.ndarray, np.ndarray]:
    """The specification: mean and scale of every latent of a grid, all latents given.

    Args:
        network: the model.
        latents: of all grids, (latents,); those of this grid, the coarser ones and companions are read.
        grid: which.

    Returns:
        Means in units of 1/64 and indices of scales, float64 (rows, columns) each; whole numbers.
    """
    layout, sizes, reach = network.layout, network.layout.sizes, 1 << network.context_bits
    clipped = np.clip(latents, -reach, reach - 1).astype(np.float64)
    plane = clipped[grid.start : grid.stop].reshape(grid.height, grid.width)
    around = np.pad(plane, ((_ABOVE, 0), (_ASIDE, _ASIDE)))
    inputs = np.zeros((sizes.width, grid.height, grid.width))
    for index, (down, right) in enumerate(CONTEXT[: sizes.contexts]):
        inputs[index] = around[_ABOVE + down :, _ASIDE + right :][: grid.height, : grid.width] * 2.0**network.bits
    coarser = () if grid.hyper else layout.coarser(grid.level)
    if coarser:
        rows, columns = np.arange(grid.height) >> 1, np.arange(grid.width) >> 1
        read = []
        for each in coarser:
            octaves = each.level - grid.level - 1
            source = clipped[each.start : each.stop].reshape(each.height, each.width)
            read.append(source[rows >> octaves][:, columns >> octaves])
        found = network.features[grid.level](np.stack(read).reshape(len(coarser), -1))
        inputs[sizes.contexts :] = found.reshape(sizes.features, grid.height, grid.width)
    inputs = inputs.reshape(sizes.width, -1)
    hidden = inputs
    for layer in network.layers[:2]:
        hidden = np.maximum(layer(hidden), 0)
    mean, log_scale = network.layers[2](np.concatenate([inputs, hidden]))
    mean = np.clip(mean, -LARGEST_MEAN, LARGEST_MEAN)
    scale = np.clip(np.floor((log_scale + _SCALE_HALF) / (1 << MEAN_BITS - SCALE_BITS)) + _SCALE_START, 0, SCALES - 1)
    return mean.reshape(plane.shape), scale.reshape(plane.shape)


_SCALE_HALF = 1 << MEAN_BITS - SCALE_BITS >> 1
_SCALE_START = SCALE_OF_ONE - (_LOG_SCALE_SHIFT << SCALE_BITS)


def means_and_scales(
    network: EntropyNetwork, latents: np.ndarray, grid: Grid
) -> tuple[np.ndarray, np.ndarray]:
    """As `means_and_scales_float64`, compiled, row by row; int32."""
    mean, scale = (np.zeros((grid.height, grid.width), np.int32) for _ in range(2))
    reach = 1 << network.context_bits
    plane = np.clip(latents[grid.start : grid.stop], -reach, reach - 1).reshape(grid.height, grid.width)
    around = np.pad(plane, ((_ABOVE, 0), (_ASIDE, _ASIDE + CHUNK))).astype(np.int32)
    _model_rows(around, network.feature_planes(latents, grid), network.offsets, network.bits, *_flat(network),
                network.buffer(), mean, scale)  # fmt: skip
    return mean, scale


def decode_grid(
    network: EntropyNetwork, tables: Tables, grid: Grid, state: np.ndarray, data: np.ndarray, latents: np.ndarray
) -> None:
    """Decode the latents of a grid.

    Args:
        network: the model.
        tables: the distributions.
        grid: which.
        state: of the decoder; it goes on from there.
        data: the section's bytes, uint8.
        latents: of all grids, int32 (latents,); the coarser ones and companions are known; this grid's are set.

    Raises:
        InrError: bytes that no encoder has written.
    """
    contexts = network.layout.sizes.contexts
    steepness = slope(contexts)
    offsets = network.offsets
    rows = padded(grid.height) + CHUNK
    ring = np.zeros((_RING, _ABOVE + rows), network.dtype)
    models = np.zeros((2, min(grid.height, -(-grid.width // steepness)) + CHUNK), np.int32)
    fine = _decode_fronts(
        data, state, latents[grid.start : grid.stop].reshape(grid.height, grid.width), steepness,
        offsets, network.feature_planes(latents, grid), 1 << network.context_bits, network.bits, *_flat(network),
        network.buffer(), tables.cumulative, tables.starts, tables.reaches, tables.shifts, tables.coarseness, ring, models,
    )  # fmt: skip
    if not fine:
        raise InrError("its symbols are none that could have been written")


def encode_grid(
    tables: Tables, steepness: int, values: np.ndarray, mean: np.ndarray, scale: np.ndarray, state: np.ndarray,
    data: np.ndarray,
) -> bool:  # fmt: skip
    """Append the latents of a grid, in fronts.

    Args:
        tables: the distributions.
        steepness: the slope of the fronts.
        values: of the latents, int32 (rows, columns).
        mean, scale: of each, int32.
        state: of the encoder; it goes on from there.
        data: where its bytes go, uint8.

    Returns:
        Whether there was room enough.
    """
    return bool(
        _encode_fronts(values, mean, scale, steepness, tables.cumulative, tables.starts, tables.reaches,
                       tables.shifts, tables.coarseness, state, data)  # fmt: skip
    )


def _flat(network: EntropyNetwork) -> Sequence[object]:
    return [part for layer in network.arrays for part in layer]


@kernel
def _features(latents, places, reach, weight, bias, shift, inputs, outputs, planes):  # type: ignore[no-untyped-def]
    """Features of coarser grids; places are (start, width, octaves) of each."""
    count, height, width = planes.shape
    for row in range(height):
        for index in range(len(places)):
            octaves = places[index, 2]
            start = places[index, 0] + (row >> octaves) * places[index, 1]
            for column in range(width):
                inputs[index, column] = min(max(latents[start + (column >> octaves)], -reach), reach - 1)
        dense(weight, bias, shift, inputs, outputs, width, False)
        for index in range(count):
            for column in range(width):
                planes[index, row, column] = outputs[index, column]


@exact
def _model(w0, b0, s0, w1, b1, s1, w2, b2, s2, buffer, count, mean, scale, start):  # type: ignore[no-untyped-def]
    """Means and scales from inputs, which stand in the middle third of the buffer."""
    width = len(buffer) // 3
    dense(w0, b0, s0, buffer[width : 2 * width], buffer[:width], count, True)
    dense(w1, b1, s1, buffer[:width], buffer[2 * width :], count, True)
    dense(w2, b2, s2, buffer[width:], buffer[:width], count, False)
    for index in range(count):
        mean[start + index] = min(max(buffer[0, index], -LARGEST_MEAN), LARGEST_MEAN)
        scale[start + index] = min(max(((buffer[1, index] + _SCALE_HALF) >> (MEAN_BITS - SCALE_BITS)) + _SCALE_START, 0), SCALES - 1)


@kernel
def _model_rows(around, features, offsets, bits, w0, b0, s0, w1, b1, s1, w2, b2, s2, buffer, mean, scale):  # type: ignore[no-untyped-def]
    height, width = mean.shape
    contexts, first = len(offsets), len(buffer) // 3
    for row in range(height):
        for start in range(0, width, CHUNK):
            count = min(CHUNK, width - start)
            for index in range(contexts):
                line = around[row + _ABOVE + offsets[index, 0]]
                column = start + _ASIDE + offsets[index, 1]
                for place in range(count):
                    buffer[first + index, place] = line[column + place] << bits
            if features.shape[1] > 0:
                for index in range(len(features)):
                    for place in range(count):
                        buffer[first + contexts + index, place] = features[index, row >> 1, (start + place) >> 1]
            _model(w0, b0, s0, w1, b1, s1, w2, b2, s2, buffer, count, mean[row], scale[row], start)


@exact
def _escape(state, data, order):  # type: ignore[no-untyped-def]
    """A number from 0 on by Exp-Golomb's code of an order; 2 * LATENT_LIMIT or more where none was written."""
    length = order
    while True:
        bit = share(state, 1)
        if bit > 1 or length > 22:
            return 4 * LATENT_LIMIT
        consume(state, data, bit, 1, 1)
        if bit == 1:
            break
        length += 1
    low = share(state, length)
    if low >> length != 0:
        return 4 * LATENT_LIMIT
    consume(state, data, low, 1, length)
    return (1 << length) + low - (1 << order)


@exact
def _symbol(state, data, mean, scale, cumulative, starts, reaches, shifts, coarseness):  # type: ignore[no-untyped-def]
    """The next latent; LATENT_LIMIT or more in magnitude where none was written."""
    reach, shift, coarse = reaches[scale], shifts[scale], coarseness[scale]
    place = ((mean + (1 << MEAN_BITS >> 1)) >> shift) + (1 << coarse >> 1)
    centre, fraction = place >> MEAN_BITS, (place & ((1 << MEAN_BITS) - 1)) >> coarse
    row = starts[scale] + fraction * (2 * reach + 2)
    last = 2 * reach + 1
    found = share(state, TOTAL_BITS)
    if found >> TOTAL_BITS != 0:
        return LATENT_LIMIT
    if found >= cumulative[row + last]:
        consume(state, data, cumulative[row + last], (1 << TOTAL_BITS) - cumulative[row + last], TOTAL_BITS)
        side = share(state, 1)
        if side > 1:
            return LATENT_LIMIT
        consume(state, data, side, 1, 1)
        excess = _escape(state, data, reach >> 4) + reach + 1
        value = centre - excess if side == 0 else centre + excess
    else:
        index = reach
        while found < cumulative[row + index]:
            index -= 1
        while found >= cumulative[row + index + 1]:
            index += 1
        consume(state, data, cumulative[row + index], cumulative[row + index + 1] - cumulative[row + index], TOTAL_BITS)
        value = centre - reach + index
    if shift > 0:
        low = share(state, shift)
        if low >> shift != 0:
            return LATENT_LIMIT
        consume(state, data, low, 1, shift)
        value = (value << shift) + low
    return value


@kernel
def _decode_fronts(data, state, latents, steepness, offsets, features, reach, bits, w0, b0, s0, w1, b1, s1, w2, b2, s2,
                   buffer, cumulative, starts, reaches, shifts, coarseness, ring, models):  # type: ignore[no-untyped-def]  # fmt: skip
    """Front by front; the ring holds the latest ones, by rows, as contexts read them. False where bytes are amiss."""
    height, width = latents.shape
    contexts, first = len(offsets), len(buffer) // 3
    for front in range(width + steepness * (height - 1)):
        top = max(0, (front - width + steepness) // steepness)
        stop = min(height, front // steepness + 1)
        for start in range(top, stop, CHUNK):
            count = min(CHUNK, stop - start)
            for index in range(contexts):
                down, right = offsets[index, 0], offsets[index, 1]
                line = ring[(front + right + steepness * down) & (_RING - 1)]
                for place in range(count):
                    buffer[first + index, place] = line[_ABOVE + start + down + place]
            if features.shape[1] > 0:
                for index in range(len(features)):
                    plane = features[index]
                    for place in range(count):
                        row = start + place
                        buffer[first + contexts + index, place] = plane[row >> 1, (front - steepness * row) >> 1]
            _model(w0, b0, s0, w1, b1, s1, w2, b2, s2, buffer, count, models[0], models[1], start - top)
        line = ring[front & (_RING - 1)]
        line[:] = 0
        for row in range(top, stop):
            value = _symbol(state, data, models[0, row - top], models[1, row - top], cumulative, starts, reaches, shifts, coarseness)
            if abs(value) >= LATENT_LIMIT:
                return False
            latents[row, front - steepness * row] = value
            line[_ABOVE + row] = min(max(value, -reach), reach - 1) << bits
        if state[COUNT] > len(data) + 8:
            return False
    return True


@exact
def _write_escape(state, data, order, number):  # type: ignore[no-untyped-def]
    number += 1 << order
    length = order
    while number >> (length + 1) > 0:
        encode(state, data, 0, 1, 1)
        length += 1
    encode(state, data, 1, 1, 1)
    encode(state, data, number - (1 << length), 1, length)


@exact
def _write_symbol(state, data, value, mean, scale, cumulative, starts, reaches, shifts, coarseness):  # type: ignore[no-untyped-def]
    reach, shift, coarse = reaches[scale], shifts[scale], coarseness[scale]
    place = ((mean + (1 << MEAN_BITS >> 1)) >> shift) + (1 << coarse >> 1)
    centre, fraction = place >> MEAN_BITS, (place & ((1 << MEAN_BITS) - 1)) >> coarse
    row = starts[scale] + fraction * (2 * reach + 2)
    index = (value >> shift) - centre + reach
    if 0 <= index <= 2 * reach:
        encode(state, data, cumulative[row + index], cumulative[row + index + 1] - cumulative[row + index], TOTAL_BITS)
    else:
        last = cumulative[row + 2 * reach + 1]
        encode(state, data, last, (1 << TOTAL_BITS) - last, TOTAL_BITS)
        encode(state, data, 0 if index < 0 else 1, 1, 1)
        _write_escape(state, data, reach >> 4, -index - 1 if index < 0 else index - 2 * reach - 1)
    if shift > 0:
        encode(state, data, value & ((1 << shift) - 1), 1, shift)


@kernel
def _encode_fronts(values, mean, scale, steepness, cumulative, starts, reaches, shifts, coarseness, state, data):  # type: ignore[no-untyped-def]
    height, width = values.shape
    for front in range(width + steepness * (height - 1)):
        top = max(0, (front - width + steepness) // steepness)
        stop = min(height, front // steepness + 1)
        for row in range(top, stop):
            if state[COUNT] + 32 > len(data):
                return False
            column = front - steepness * row
            _write_symbol(state, data, values[row, column], mean[row, column], scale[row, column], cumulative, starts,
                          reaches, shifts, coarseness)  # fmt: skip
    return True
