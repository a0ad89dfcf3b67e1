"""From latents to pixels in integers: up-sampling and synthesis.

What `upsampled`, `prefiltered` and `synthesis` of the encoder's reference say, by the arithmetic of `fixed_point`: the
readable specification in float64 is `picture_float64`, what decodes is compiled, in `pixels`.

For an output of B fraction bits, planes of latents at growing resolution have P, hidden units H, pictures between
layers B + 1; after each filter along one axis and after each layer, sums are shifted back to so many. Planes are kept
within twice the amplitude that latents and the sums of filters' taps suggest, and what is added to a picture within 8,
so that all sums have known bounds. P and H are B, or a little less where sums then stay in int32; where they do not,
they take int64. Nothing of this is in the file: latents and parameters determine it.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.latent.fixed_point import INT32_LIMIT, INT64_LIMIT, Linear, Scaled
from inr.compression.bitstream.latent.layout import Grid, Layout

if TYPE_CHECKING:
    from inr.compression.bitstream.latent.parameters import QuantisedParameters

# Fraction bits of the output.
LEAST_FRACTION_BITS, MOST_FRACTION_BITS = 8, 24
# Fraction bits that planes and hidden units may lack so that sums fit into int32, and into int64.
_SPARE_BITS = tuple((planes, hidden) for hidden in range(2) for planes in range(4))
_WIDE_SPARE_BITS = ((0, 0), (4, 2), (7, 4))
# Pictures between the layers of the synthesis have one more fraction bit than the output; they, and what the linear map
# adds, are kept below 2^3 in magnitude.
_PICTURE_LIMIT_BITS = 3
_PICTURE_BITS = 1
# Which of its parameters each tap of the filter before up-sampling is, and each that even and odd outputs read.
_PREFILTER = (0, 1, 2, 3, 2, 1, 0)
_EVEN, _ODD = (0, 2, 3, 1), (1, 3, 2, 0)


@dataclass(frozen=True, eq=False)
class Filter:
    """A symmetric filter along one axis: integers in units of 2^-exponent.

    Attributes:
        taps: objects (phases, taps): one phase, or those of even and of odd outputs.
        exponent: fraction bits.
    """

    taps: np.ndarray
    exponent: int

    @classmethod
    def of(cls, q: "QuantisedParameters", name: str, *phases: tuple[int, ...]) -> "Filter":
        """That of a file's networks, by which parameter each tap of each phase is."""
        parameters = Scaled.parameter(q, name)
        return cls(np.stack([parameters.integers[list(phase)] for phase in phases]), parameters.exponent)

    @property
    def half(self) -> int:
        """What is added before the shift, which makes it round."""
        return 1 << self.exponent >> 1

    @property
    def magnitude(self) -> int:
        """The largest sum of magnitudes of a phase's taps."""
        return max(int(total) for total in abs(self.taps).sum(1))

    def after_both(self, amplitude: int) -> int:
        """What filtering along both axes can make of an amplitude, one that rounds being included."""
        once = (self.magnitude * amplitude + self.half >> self.exponent) + 1
        return (self.magnitude * once + self.half >> self.exponent) + 1

    def expected(self, amplitude: int) -> int:
        """What filtering along both axes makes of a constant."""
        gain = max(abs(int(total)) for total in self.taps.sum(1))
        return gain * gain * amplitude >> (2 * self.exponent)

    def largest_sum(self, amplitude: int) -> int:
        """What no sum exceeds on the way."""
        once = (self.magnitude * amplitude + self.half >> self.exponent) + 1
        return self.magnitude * max(once, amplitude) + self.half


@dataclass(frozen=True, eq=False)
class Level:
    """What is done at a level's resolution.

    Attributes:
        grid: that joins the planes of coarser ones.
        prefilter: of its latents.
        upsampling: of the planes of coarser grids.
        limits: that planes are kept within, in their units: its own, then those of coarser grids, the next one first.
    """

    grid: Grid
    prefilter: Filter
    upsampling: Filter
    limits: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SynthesisNetwork:
    """Up-sampling and synthesis of a picture in integers.

    Attributes:
        layout: of the picture.
        fraction_bits: of the output, B.
        plane_bits: of planes, P.
        coarsest: the largest magnitude in the plane of the coarsest grid.
        levels: from the second coarsest on to the finest.
        layers: the hidden one, the one that gives a picture, and the linear map beside all.
        convolutions: 3x3 layers as matrices (channels, 9 channels); of inputs, channels come first, then rows.
        wide: whether sums need int64.
    """

    layout: Layout
    fraction_bits: int
    plane_bits: int
    coarsest: int
    levels: tuple[Level, ...]
    layers: tuple[Linear, Linear, Linear]
    convolutions: tuple[Linear, ...]
    wide: bool

    @classmethod
    def of(
        cls, layout: Layout, q: "QuantisedParameters", latents: np.ndarray, fraction_bits: int
    ) -> "SynthesisNetwork":
        """The network for a picture's latents, whose magnitudes bound all sums.

        Args:
            layout: of the picture.
            q: its network parameters.
            latents: int32 (latents,).
            fraction_bits: of the output, from 8 to 24.

        Raises:
            InrError: fraction bits out of range, or parameters so large that sums would not be exact.
        """
        if not LEAST_FRACTION_BITS <= fraction_bits <= MOST_FRACTION_BITS:
            raise InrError(f"pictures have {LEAST_FRACTION_BITS} to {MOST_FRACTION_BITS} fraction bits")
        largest = [_largest(latents, grid) for grid in reversed(layout.seen)]
        for planes, hidden in _SPARE_BITS:
            network = cls._with(layout, q, largest, fraction_bits, (fraction_bits - planes, fraction_bits - hidden))
            if network.largest_sum < INT32_LIMIT:
                return network
        for planes, hidden in _WIDE_SPARE_BITS:
            network = cls._with(layout, q, largest, fraction_bits, (fraction_bits - planes, fraction_bits - hidden))
            if network.largest_sum < INT64_LIMIT:
                return replace(network, wide=True)
        raise InrError("the numbers of its synthesis are too large")

    @classmethod
    def _with(
        cls, layout: Layout, q: "QuantisedParameters", largest: list[int], fraction_bits: int, bits: tuple[int, int]
    ) -> "SynthesisNetwork":
        planes, inside = bits
        picture = fraction_bits + _PICTURE_BITS

        def pointwise(name: str, bits_in: int, bits_out: int) -> Linear:
            weight, bias = (Scaled.parameter(q, f"{name}.{part}") for part in ("weight", "bias"))
            return Linear.of(weight, bias, bits_in, bits_out)

        levels, amplitudes = [], [largest[0] << planes]
        limits = tuple(amplitudes)
        for grid, own in zip(layout.seen[-2::-1], largest[1:], strict=True):
            prefilter = Filter.of(q, f"prefilter.{grid.level}", _PREFILTER)
            upsampling = Filter.of(q, f"upsampling.{grid.level}", _EVEN, _ODD)
            first = (own << planes) + prefilter.after_both(own << planes)
            amplitudes = [max(each, upsampling.expected(each)) for each in amplitudes]
            limits = (
                first,
                *(min(2 * each, upsampling.after_both(limit)) for each, limit in zip(amplitudes, limits, strict=True)),
            )
            amplitudes = [first, *amplitudes]
            levels.append(Level(grid, prefilter, upsampling, limits))
        layers = (
            pointwise("synthesis.0", planes, inside),
            pointwise("synthesis.1", inside, picture),
            Linear.of(Scaled.parameter(q, "synthesis.linear"), None, planes, picture),
        )
        convolutions = []
        for layer in range(2, 2 + layout.sizes.convolutions):
            weight = Scaled.parameter(q, f"synthesis.{layer}.weight")
            matrix = Scaled(weight.integers.reshape(layout.channels, -1), weight.exponent)
            convolutions.append(Linear.of(matrix, Scaled.parameter(q, f"synthesis.{layer}.bias"), picture, picture))
        return cls(
            layout, fraction_bits, planes, largest[0] << planes, tuple(levels), layers, tuple(convolutions), wide=False
        )

    @property
    def picture_bits(self) -> int:
        """Fraction bits of pictures between the layers."""
        return self.fraction_bits + _PICTURE_BITS

    @property
    def picture_limit(self) -> int:
        """What pictures between the layers, and what the linear map adds, are kept within."""
        return 1 << (self.picture_bits + _PICTURE_LIMIT_BITS)

    @cached_property
    def largest_sum(self) -> int:
        """What no sum in the network exceeds."""
        found = [self.picture_limit]
        below: tuple[int, ...] = (self.coarsest,)
        for level in self.levels:
            found.append(level.prefilter.largest_sum(level.limits[0]) + level.limits[0])
            found += [level.upsampling.largest_sum(limit) for limit in below]
            below = level.limits
        most = np.array(below, object)
        hidden, picture, beside = self.layers
        units = np.maximum(hidden.bounds(-most, most)[1], 0 * hidden.bias)
        inside = np.full(9 * self.layout.channels, self.picture_limit, object)
        found += [hidden.largest_sum(most), beside.largest_sum(most), picture.largest_sum(units)]
        found += [layer.largest_sum(inside) for layer in self.convolutions]
        return max(found)

    @property
    def dtype(self) -> np.dtype:
        """What the compiled code computes with."""
        return np.dtype(np.int64 if self.wide else np.int32)


def _largest(latents: np.ndarray, grid: Grid) -> int:
    """The largest magnitude in a grid."""
    part = latents[grid.start : grid.stop]
    return max(int(part.max()), -int(part.min()))


def plane_of(latents: np.ndarray, grid: Grid) -> np.ndarray:
    """A grid of a vector of all latents; a view."""
    return latents[grid.start : grid.stop].reshape(grid.height, grid.width)


def picture_float64(network: SynthesisNetwork, latents: np.ndarray) -> np.ndarray:
    """The specification: a picture from latents.

    Args:
        network: made for these latents.
        latents: int32 (latents,).

    Returns:
        float64 (channels, height, width), whole numbers from 0 to 2^fraction_bits.
    """
    unit = 2.0**network.plane_bits
    planes = plane_of(latents, network.layout.seen[-1])[None] * unit
    for level in network.levels:
        height, width = level.grid.height, level.grid.width
        own = plane_of(latents, level.grid) * unit
        own = own + _filtered(_filtered(own, level.prefilter, 0).T, level.prefilter, 0).T
        planes = np.stack([_doubled(_doubled(plane, level, height).T, level, width).T for plane in planes])
        limits = np.array(level.limits[1:], np.float64)[:, None, None]
        planes = np.concatenate([own[None], np.clip(planes, -limits, limits)])
    flat = planes.reshape(len(planes), -1)
    hidden, picture, beside = network.layers
    limit = float(network.picture_limit)
    found = np.clip(picture(np.maximum(hidden(flat), 0)), -limit, limit).reshape(-1, *planes.shape[1:])
    for index, layer in enumerate(network.convolutions):
        around = np.pad(found, ((0, 0), (1, 1), (1, 1)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3), (1, 2))
        inputs = windows.transpose(0, 3, 4, 1, 2).reshape(layer.weight.shape[1], -1)
        found = found + layer(inputs).reshape(found.shape)
        found = np.clip(found, 0 if index + 1 < len(network.convolutions) else -limit, limit)
    total = found + np.clip(beside(flat), -limit, limit).reshape(found.shape)
    spare = network.picture_bits - network.fraction_bits
    return np.clip(np.floor((total + (1 << spare >> 1)) * 2.0**-spare), 0, 1 << network.fraction_bits)


def _filtered(plane: np.ndarray, of: Filter, phase: int) -> np.ndarray:
    """Filtered along the rows' axis, 0 around, and shifted back."""
    taps = of.taps[phase].astype(np.float64)
    around = np.pad(plane, ((3, 3), (0, 0)))
    sums = sum(tap * around[index : index + len(plane)] for index, tap in enumerate(taps))
    return np.floor((sums + of.half) * 2.0**-of.exponent)


def _doubled(plane: np.ndarray, level: Level, rows: int) -> np.ndarray:
    """Twice as many rows, cut to a number, shifted back."""
    of = level.upsampling
    around = np.pad(plane, ((2, 2), (0, 0)), mode="edge")
    found = np.zeros((2 * len(plane), plane.shape[1]))
    for phase in range(2):
        taps = of.taps[phase].astype(np.float64)
        found[phase::2] = sum(tap * around[phase + index :][: len(plane)] for index, tap in enumerate(taps))
    return np.floor((found[:rows] + of.half) * 2.0**-of.exponent)
