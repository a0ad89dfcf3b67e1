"""The entropy model in integers: mean and scale of every latent, before it is decoded.

All arithmetic is that of `fixed_point`: the readable specification in float64 is `means_and_scales_float64`, what
decodes is compiled, in `fronts`. Latents are read as clipped to a range that the file states, [-2^c, 2^c - 1].
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.latent.fixed_point import INT32_LIMIT, INT64_LIMIT, Linear, Scaled
from inr.compression.bitstream.latent.layout import CONTEXT, FEATURE_LEVELS, Grid, Layout
from inr.compression.bitstream.latent.tables import LARGEST_MEAN, MEAN_BITS, SCALE_BITS, SCALE_OF_ONE, SCALES

if TYPE_CHECKING:
    from inr.compression.bitstream.latent.parameters import QuantisedParameters

# Latents are clipped to c bits beside the sign where the model reads them.
LEAST_CONTEXT_BITS, MOST_CONTEXT_BITS = 4, 12
# Fraction bits of activations: the most for which all sums stay in int32, and if that is less than the least, so many
# in int64.
_MOST_BITS, _LEAST_BITS, _WIDE_BITS = 12, 6, 16
# The index of a scale is floor((o + SCALE_HALF) / 4) + SCALE_START where o / 64 is the second output: ln b is 4 less.
SCALE_HALF = 1 << MEAN_BITS - SCALE_BITS >> 1
SCALE_START = SCALE_OF_ONE - (4 << SCALE_BITS)
# Zeros around what contexts read: above, and on both sides.
ABOVE, ASIDE = 3, 4


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
        return cls(layout, context_bits, bits, (hidden[0], hidden[1], last), features, wide=False)

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
    def dtype(self) -> np.dtype:
        """What the compiled code computes with."""
        return np.dtype(np.int64 if self.wide else np.int32)

    @cached_property
    def arrays(self) -> tuple[tuple[np.ndarray, np.ndarray, int], ...]:
        """The layers as the compiled code takes them."""
        width = self.layout.sizes.width
        return (
            *(layer.arrays(self.dtype) for layer in self.layers[:2]),
            self.layers[2].arrays(self.dtype, (width, width)),
        )

    @cached_property
    def offsets(self) -> np.ndarray:
        """Rows and columns from a latent to each of its contexts, int64 (contexts, 2)."""
        return np.array(CONTEXT[: self.layout.sizes.contexts], np.int64)


def means_and_scales_float64(network: EntropyNetwork, latents: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
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
    around = np.pad(plane, ((ABOVE, 0), (ASIDE, ASIDE)))
    inputs = np.zeros((sizes.width, grid.height, grid.width))
    for index, (down, right) in enumerate(CONTEXT[: sizes.contexts]):
        inputs[index] = around[ABOVE + down :, ASIDE + right :][: grid.height, : grid.width] * 2.0**network.bits
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
    flat = inputs.reshape(sizes.width, -1)
    hidden = flat
    for layer in network.layers[:2]:
        hidden = np.maximum(layer(hidden), 0)
    mean, log_scale = network.layers[2](np.concatenate([flat, hidden]))
    mean = np.clip(mean, -LARGEST_MEAN, LARGEST_MEAN)
    scale = np.clip(np.floor((log_scale + SCALE_HALF) / (1 << MEAN_BITS - SCALE_BITS)) + SCALE_START, 0, SCALES - 1)
    return mean.reshape(plane.shape), scale.reshape(plane.shape)
