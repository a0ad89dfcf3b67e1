"""Weights as random projections of a short code: signs drawn from a seed, and sums of integers, the same everywhere."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from inr.compression.bitstream.philox import BITS, bit_rows
from inr.field import Field
from inr.jit import kernel

# words of random bits made at once, 1 MiB; making them takes some ten times as much
_BLOCK = 1 << 18


class Projection:
    """All parameters of a field as products s P z of a matrix of signs and a code, s being a number for each tensor.

    Args:
        field: an MLP of sine units, whose parameters are replaced in their order.
        seed: of the signs, from 0 to 2^32 - 1.
        latent: numbers in the code, m.
        keep: hold the signs, an eighth of a byte each, for many products; they are made anew for each otherwise.
        block: words of signs made at once.
    """

    def __init__(self, field: Field, seed: int, latent: int, *, keep: bool = False, block: int = _BLOCK) -> None:
        self._shapes = {name: tuple(parameter.shape) for name, parameter in field.named_parameters()}
        # a code of unit variance gives m times the variance of a sign
        self._scales = {name: spread / math.sqrt(latent) for name, spread in spreads(field).items()}
        self._sizes = [math.prod(shape) for shape in self._shapes.values()]
        self._count = -(-sum(self._sizes) // 4) * 4  # the kernel takes four rows at once
        self._seed, self._latent = seed, latent
        self._padded = -(-latent // BITS) * BITS
        self._rows = max(block * 32 // self._padded // 4, 1) * 4
        self._kept = list(self._made()) if keep else None

    def weights(self, integers: Int64[np.ndarray, " m"], step: float) -> dict[str, Float32[Tensor, "..."]]:
        """The tensors that a code makes, the same on every machine.

        Args:
            integers: the code's numbers in units of `step`, of magnitudes that add up to less than 2^52.
        """
        code = np.zeros(self._padded, dtype=np.int64)
        code[: self._latent] = integers
        sums = np.empty(self._count, dtype=np.int64)
        for start, bits in self._blocks():
            _project(bits, code, sums[start : start + len(bits)])
        # exact up to here; then a product in float64 and one rounding to float32, which are the same everywhere
        pieces = np.split(sums[: sum(self._sizes)].astype(np.float64), np.cumsum(self._sizes)[:-1])
        return {
            name: torch.from_numpy((piece * (self._scales[name] * step)).astype(np.float32).reshape(shape))
            for (name, shape), piece in zip(self._shapes.items(), pieces, strict=True)
        }

    def transposed(self, tensors: Mapping[str, Float[Tensor, "..."]]) -> Float32[Tensor, " m"]:
        """The transposed product: of gradients by the tensors it makes the gradient by the code."""
        flat = torch.zeros(self._count)
        flat[: sum(self._sizes)] = torch.cat(
            [self._scales[name] * tensors[name].reshape(-1).float().cpu() for name in self._shapes]
        )
        out = np.zeros(self._padded, dtype=np.float32)
        numbers = flat.numpy()
        for start, bits in self._blocks():
            _add_transposed(bits, numbers[start : start + len(bits)], out)
        return torch.from_numpy(2 * out[: self._latent] - numbers.sum())

    def _blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        return iter(self._kept) if self._kept is not None else self._made()

    def _made(self) -> Iterator[tuple[int, np.ndarray]]:
        """Rows of bits, 1 for the sign +, and where they begin."""
        for start in range(0, self._count, self._rows):
            yield start, bit_rows(self._seed, start, min(start + self._rows, self._count), self._latent)


def signs_of(count: int, latent: int) -> int:
    """Signs that a projection makes, those included that only fill up a counter."""
    return count * -(-latent // BITS) * BITS


def spreads(field: Field) -> dict[str, float]:
    """Standard deviations of weights and biases that a code of unit variance makes.

    In hidden layers those of a sine network's initial weights, see `inr.activations._sine`. Other tensors grow or
    shrink by themselves in other fits, and here only with all others. Weights of the last layer are so large that
    values spread by a third; its bias is a third of that. Other biases are a tenth of the usual ones, for phases would
    suffer most from rounding the code, and weights of the first layer half of them. Measured on small pictures.
    """
    network: Any = field.network
    omega = network.activation.omega
    found = {}
    for name, parameter in field.named_parameters():
        index = int(name.split(".")[2])
        inputs = network.layers[index].weight.shape[1]
        if index == network.depth:
            found[name] = math.sqrt(2 / inputs) / (3 if parameter.ndim == 2 else 9)
        elif parameter.ndim == 1:
            found[name] = math.sqrt(3 / inputs) / omega
        else:
            found[name] = math.sqrt(1 / 12) / inputs if index == 0 else math.sqrt(2 / inputs) / omega
    return found


@kernel
def _project(bits: np.ndarray, code: np.ndarray, sums: np.ndarray) -> None:
    """Sums of the code's integers, each with the sign of its bit in a row; rows hold a multiple of four words."""
    total = code.sum()
    parts = np.zeros(32, np.int64)
    for row in range(bits.shape[0]):
        parts[:] = 0
        for word in range(0, bits.shape[1], 4):
            a, b, c, d = bits[row, word], bits[row, word + 1], bits[row, word + 2], bits[row, word + 3]
            here = code[32 * word : 32 * word + 128]
            for lane in range(32):
                bit = np.uint32(1) << np.uint32(lane)
                parts[lane] += ((here[lane] if a & bit else 0) + (here[32 + lane] if b & bit else 0)) + (
                    (here[64 + lane] if c & bit else 0) + (here[96 + lane] if d & bit else 0)
                )
        sums[row] = 2 * parts.sum() - total


@kernel
def _add_transposed(bits: np.ndarray, numbers: np.ndarray, out: np.ndarray) -> None:
    """Add to every column the numbers of the rows that have its bit; a multiple of four rows."""
    zero = np.float32(0)
    for row in range(0, bits.shape[0], 4):
        a, b, c, d = numbers[row], numbers[row + 1], numbers[row + 2], numbers[row + 3]
        for word in range(bits.shape[1]):
            p, q, r, s = bits[row, word], bits[row + 1, word], bits[row + 2, word], bits[row + 3, word]
            for lane in range(32):
                bit = np.uint32(1) << np.uint32(lane)
                out[32 * word + lane] += ((a if p & bit else zero) + (b if q & bit else zero)) + (
                    (c if r & bit else zero) + (d if s & bit else zero)
                )
