"""Sine networks with their units in the order, and of the signs, that take the fewest bits.

The units of a layer may change places, and a unit's weights and bias their signs, if the weights that lead from it do
so too: sin(-x) = -sin(x), and the field stays what it is. Of w units that is log2(w!) + w bits which say nothing. With
biases of no negative sign, and ascending, their small differences are coded instead (see
`inr.compression.bitstream.weights`). Biases may be half periods more or less, too, if the weights that lead from the
unit change signs for each: the smallest are taken, before weights are rounded.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch

from inr.activations import Sine
from inr.compression.bitstream.weights import QuantisedTensor
from inr.field import Field
from inr.networks import MLP


def orderable(field: Field) -> bool:
    """Whether a field's parameters are the weights and biases of layers of sine units, in turn, and nothing else."""
    if not isinstance(field.network, MLP) or type(field.network.activation) is not Sine:
        return False
    names = [name for name, _ in field.named_parameters()]
    layers = range(field.network.depth + 1)
    return names == [f"network.layers.{layer}.{each}" for layer in layers for each in ("weight", "bias")]


@torch.no_grad()
def shorten_biases(field: Field) -> None:
    """Replace hidden biases by those within a quarter of a period, π / 2ω, of 0; the field stays what it is.

    Args:
        field: an `orderable` one; its parameters are changed.
    """
    network = field.network
    assert isinstance(network, MLP)
    assert isinstance(network.activation, Sine)
    for layer in range(network.depth):
        half = math.pi / network.activation.frequency(network.position(layer))
        bias = field.get_parameter(f"network.layers.{layer}.bias")
        after = field.get_parameter(f"network.layers.{layer + 1}.weight")
        halves = (bias.double() / half).round()
        bias.sub_((halves * half).to(bias.dtype))
        after.mul_(torch.where(halves % 2 == 0, 1.0, -1.0).to(after.dtype))


def in_order(tensors: Mapping[str, QuantisedTensor]) -> dict[str, QuantisedTensor]:
    """The same network, biases of hidden layers ascending from 0 or more.

    Args:
        tensors: a weight and a bias of each layer, in turn.
    """
    names, arrays = [*tensors], [each.integers.copy() for each in tensors.values()]
    for place in range(0, len(arrays) - 2, 2):
        weight, bias, after = arrays[place : place + 3]
        signs = np.where(bias < 0, -1, 1)
        order = np.argsort(np.abs(bias), kind="stable")
        arrays[place] = (signs[:, None] * weight)[order]
        arrays[place + 1] = (signs * bias)[order]
        arrays[place + 2] = (signs * after)[:, order]
    return {name: QuantisedTensor(array, tensors[name].step_index) for name, array in zip(names, arrays, strict=True)}
