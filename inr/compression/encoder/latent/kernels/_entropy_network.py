"""The entropy model's network: a tile of latents walks through its layers, and back, while it stays in cache.

A tile's numbers stand in rows, one for each input or unit, of `TILE` latents.
"""

from typing import Any, NamedTuple

import numpy as np

from inr.compression.encoder.latent.kernels._likelihood import likelihood
from inr.jit import F1, I1, inline
from inr.jit.planes import outer, product
from inr.jit.vector import LANES, PANEL

TILE = 512  # latents of a tile
# numbers between rows of a tile: not a power of two, whose multiples would share the few places of a cache
ROW = TILE + LANES

_ZERO, _ONE = np.float32(0), np.float32(1)


class Places(NamedTuple):
    """Where things are among the packed weights of networks of a width, and among the sums of their gradients.

    Attributes:
        first, first_bias, second, second_bias, last: matrices with the numbers of a column next to each other: the
            first layer with the linear map below it, the second layer, the last one.
        first_back, second_back, last_back: the same matrices turned around.
        weights: how many numbers these are.
        sums: how many numbers the gradients are: those of the first layer and the linear map with those of their
            biases, the second layer and its bias, the last one.
    """

    first: int
    first_bias: int
    second: int
    second_bias: int
    last: int
    first_back: int
    second_back: int
    last_back: int
    weights: int
    sums: int

    @classmethod
    def of(cls, width: int) -> "Places":
        """The places for a width."""
        sizes = [width * (width + 2), width + 2, width * width, width, 2 * width]
        sizes += [width * (width + 2), width * width, 2 * width]
        starts = [sum(sizes[:index]) for index in range(len(sizes) + 1)]
        return cls._make([*starts, (width + 2) * (width + 1) + width * (width + 1) + 2 * width])


@inline
def pack(parameters: F1, packed: F1, sources: I1, width: int) -> None:
    """Lay the matrices out for the products, both ways; inputs pass the first two layers beside them."""
    high = width + 2
    second, first_back = high * (width + 1), (high + width) * (width + 1) + 2 * width
    last, second_back = second + width * (width + 1), first_back + high * width
    last_back = second_back + width * width
    for row in range(high):
        for column in range(width):
            number = parameters[sources[row * (width + 1) + column]] + (_ONE if row == column else _ZERO)
            packed[column * high + row] = number
            packed[first_back + row * width + column] = number
        packed[width * high + row] = parameters[sources[row * (width + 1) + width]]
    for row in range(width):
        for column in range(width):
            number = parameters[sources[second + row * (width + 1) + column]] + (_ONE if row == column else _ZERO)
            packed[second + column * width + row] = number
            packed[second_back + row * width + column] = number
        packed[second + width * width + row] = parameters[sources[second + row * (width + 1) + width]]
    for row in range(2):
        for column in range(width):
            number = parameters[sources[last + row * width + column]]
            packed[last + column * 2 + row] = number
            packed[last_back + row * width + column] = number


class Network(NamedTuple):
    """A network's way over a tile; functions of addresses.

    Attributes:
        forward: (tile, weights, count, weight): from the inputs of `count` latents to their bits and the gradients of
            the outputs.
        backward: (tile, weights, totals, count): to the gradients of the inputs, which stand where the first layer
            was; those of the weights are added to `totals`, where each number is a vector.
    """

    forward: Any
    backward: Any


class Rows(NamedTuple):
    """Rows of a tile of a network of a width: where each part begins. The inputs are the first."""

    first: int
    outputs: int
    second: int
    gradients: int
    output_gradients: int
    values: int
    bits: int
    direct: int
    all: int

    @classmethod
    def of(cls, width: int) -> "Rows":
        outputs, gradients = 2 * width, 3 * width + 2
        after = gradients + width
        return cls(width, outputs, outputs + 2, gradients, after, after + 2, after + 3, after + 4, after + 5)


def tile_numbers(width: int) -> int:
    """Numbers of a tile of a network of a width."""
    return Rows.of(width).all * ROW


def network(width: int) -> Network:
    """The way of a tile through a network of a width."""
    places, rows, high = Places.of(width), Rows.of(width), width + 2
    first_at, first_bias_at, second_at, second_bias_at, last_at, first_back_at, second_back_at, last_back_at = (
        4 * place for place in places[:8]
    )
    first_row, second_row, gradient_row = (4 * ROW * row for row in (rows.first, rows.second, rows.gradients))
    output_row, output_gradient_row = 4 * ROW * rows.outputs, 4 * ROW * rows.output_gradients
    second_sums = 4 * LANES * high * (width + 1)
    last_sums = second_sums + 4 * LANES * width * (width + 1)
    to_first = product(high, width, ROW, start="bias", relu=width)
    to_second = product(width, width, ROW, start="bias", relu=width)
    to_last = product(2, width, ROW, start="sum")
    to_bits = likelihood(ROW, rows.values, rows.outputs, rows.output_gradients, rows.bits, rows.direct)
    from_last = product(width, 2, ROW, masked=True)
    from_second = product(width, width, ROW, masked=True)
    from_first = product(width, high, ROW)
    last_gradient = outer(2, width, ROW, sums=False)
    second_gradient = outer(width, width, ROW, sums=True)
    first_gradient = outer(high, width, ROW, sums=True)

    @inline
    def forward(tile: int, weights: int, count: int, weight: float) -> None:
        panels = (count + PANEL - 1) // PANEL
        first, second, outputs = tile + first_row, tile + second_row, tile + output_row
        to_first(weights + first_at, weights + first_bias_at, tile, first, first, panels)
        to_second(weights + second_at, weights + second_bias_at, first, second, second, panels)
        to_last(weights + last_at, weights, second, outputs, outputs, panels)
        to_bits(tile, panels * PANEL, weight)

    @inline
    def backward(tile: int, weights: int, totals: int, count: int) -> None:
        panels = (count + PANEL - 1) // PANEL
        first, second = tile + first_row, tile + second_row
        gradients, outputs = tile + gradient_row, tile + output_gradient_row
        last_gradient(outputs, second, totals + last_sums, 2 * panels)
        from_last(weights + last_back_at, weights, outputs, second, second, panels)
        second_gradient(second, first, totals + second_sums, 2 * panels)
        from_second(weights + second_back_at, weights, second, gradients, first, panels)
        first_gradient(gradients, tile, totals, 2 * panels)
        from_first(weights + first_back_at, weights, gradients, first, first, panels)

    return Network(forward, backward)
