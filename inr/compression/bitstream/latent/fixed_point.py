"""Linear layers in integers: exact sums, then a shift to the right that rounds.

A number with f fraction bits is an integer in units of 2^-f. Weights are integers times powers of two, so that a
layer's sums are exact; they are the same in any order, with vectors, in int32 (where all sums stay below 2^31), in
int64 and in float64 (below 2^53). What a layer gives is floor((W x + b) / 2^shift), where b holds the half that rounds.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from inr.compression.bitstream.latent.parameters import QuantisedParameters

# No sum may reach this: in the arrays of int32, and in those of int64, which float64 holds as exactly.
INT32_LIMIT, INT64_LIMIT = 1 << 31, 1 << 53
# Rows and columns of weights come in groups of so many in the compiled code.
GROUP = 4


@dataclass(frozen=True)
class Scaled:
    """Integers in units of 2^-exponent; Python integers in an array of objects, so that nothing overflows.

    Attributes:
        integers: of any shape.
        exponent: how many fraction bits they have.
    """

    integers: np.ndarray
    exponent: int

    @classmethod
    def parameter(cls, q: "QuantisedParameters", name: str) -> "Scaled":
        """A tensor of a file's networks."""
        return cls(np.asarray(q.integers[name]).astype(object), int(q.exponents[name]))

    def to(self, exponent: int) -> np.ndarray:
        """The integers in units of 2^-exponent, rounded where that is coarser."""
        if exponent >= self.exponent:
            return self.integers * (1 << (exponent - self.exponent))
        spare = self.exponent - exponent
        return (self.integers + (1 << spare >> 1)) // (1 << spare)


@dataclass(frozen=True)
class Linear:
    """A layer: floor((W x + b) / 2^shift).

    Attributes:
        weight: integers (outputs, inputs), as objects.
        bias: integers (outputs,), as objects; includes the half that rounds.
        shift: to the right, not negative.
    """

    weight: np.ndarray
    bias: np.ndarray
    shift: int

    @classmethod
    def of(
        cls, weight: Scaled, bias: Scaled | None, bits_in: int, bits_out: int, *, residual: bool = False
    ) -> "Linear":
        """A layer by the fraction bits of what it reads and gives.

        Args:
            weight: (outputs, inputs).
            bias: (outputs,); zeros if None.
            bits_in, bits_out: fraction bits of inputs and outputs.
            residual: whether the inputs are added to the outputs, as many as there are of these.
        """
        exponent = max(weight.exponent, bits_out - bits_in)
        integers = weight.to(exponent)
        if residual:
            integers = integers + np.eye(len(integers), dtype=object) * (1 << exponent)
        shift = bits_in + exponent - bits_out
        half = 1 << shift >> 1
        total = np.array([half] * len(integers), dtype=object)
        return cls(integers, total if bias is None else total + bias.to(bits_in + exponent), shift)

    def largest_sum(self, magnitudes: np.ndarray) -> int:
        """What no sum exceeds in magnitude, in whatever order it is made, by the magnitudes of the inputs."""
        return max(int(total) for total in abs(self.weight) @ magnitudes + abs(self.bias))

    def bounds(self, least: np.ndarray, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least and the most that each output can be, by those of the inputs; integers as objects."""
        zero = self.weight * 0
        up, down = np.maximum(self.weight, zero), np.minimum(self.weight, zero)
        return (
            (up @ least + down @ most + self.bias) // (1 << self.shift),
            (up @ most + down @ least + self.bias) // (1 << self.shift),
        )

    def arrays(self, dtype: np.dtype, columns: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray, int]:
        """Weight and bias padded with zeros to whole groups, and the shift, for the compiled code.

        Args:
            dtype: int32 or int64.
            columns: how many columns each part of the inputs has; each is padded by itself. One part if empty.
        """
        rows = padded(len(self.weight))
        parts = np.split(self.weight, np.cumsum(columns)[:-1], axis=1) if columns else [self.weight]
        weight = np.zeros((rows, sum(padded(part.shape[1]) for part in parts)), dtype)
        start = 0
        for part in parts:
            weight[: len(part), start : start + part.shape[1]] = part
            start += padded(part.shape[1])
        bias = np.zeros(rows, dtype)
        bias[: len(self.bias)] = self.bias
        return weight, bias, self.shift

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """The outputs of float64 inputs (inputs, n) that are whole numbers: (outputs, n), exact."""
        sums = self.weight.astype(np.float64) @ inputs + self.bias.astype(np.float64)[:, None]
        return np.floor(sums * 2.0**-self.shift)


def padded(count: int) -> int:
    """A number rounded up to whole groups."""
    return -(-count // GROUP) * GROUP
