"""Affine maps between layers, of values that are carried in one or two real planes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inr.activations import Activation, Position


class Affine(nn.Module):
    """x W^T + b on one plane (n, in) to one (n, out). The activation initialises it."""

    def __init__(self, in_dim: int, out_dim: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_dim, in_dim))
        self.bias = nn.Parameter(torch.empty(out_dim)) if bias else None

    def forward(self, *planes: Tensor) -> tuple[Tensor, ...]:
        """The affine map of the one plane."""
        return (F.linear(planes[0], self.weight, self.bias),)


class ComplexAffine(nn.Module):
    """z W^T + b for complex z, W, b in two real planes; with `real_output`, its real part only.

    One real product of twice the width does the four real products of a complex one.
    """

    def __init__(self, in_dim: int, out_dim: int, bias: bool = True, real_output: bool = False) -> None:
        super().__init__()
        self.real_output = real_output
        self.weight_real = nn.Parameter(torch.empty(out_dim, in_dim))
        self.weight_imag = nn.Parameter(torch.empty(out_dim, in_dim))
        self.bias_real = nn.Parameter(torch.empty(out_dim)) if bias else None
        self.bias_imag = nn.Parameter(torch.empty(out_dim)) if bias and not real_output else None

    def forward(self, *planes: Tensor) -> tuple[Tensor, ...]:
        """Two planes (n, in) to two (n, out), or to the real one."""
        stacked = torch.cat(planes, dim=1)
        real_rows = torch.cat([self.weight_real, -self.weight_imag], dim=1)
        if self.real_output:
            return (F.linear(stacked, real_rows, self.bias_real),)
        rows = torch.cat([real_rows, torch.cat([self.weight_imag, self.weight_real], dim=1)])
        bias = None
        if self.bias_real is not None and self.bias_imag is not None:
            bias = torch.cat([self.bias_real, self.bias_imag])
        return F.linear(stacked, rows, bias).chunk(2, dim=1)


def position_of(index: int, depth: int) -> Position:
    """Where layer `index` stands behind `depth` hidden ones, for its initialisation and its activation's constants."""
    return "first" if index == 0 else "last" if index == depth else "hidden"


def make_layers(activation: Activation, inputs: Sequence[int], outputs: Sequence[int], bias: bool) -> nn.ModuleList:
    """Affine layers from first to last, by the units that they read and give."""
    depth = len(outputs) - 1
    return nn.ModuleList(
        _make_layer(activation, read, given, bias, position_of(index, depth))
        for index, (read, given) in enumerate(zip(inputs, outputs, strict=True))
    )


def _make_layer(activation: Activation, inputs: int, outputs: int, bias: bool, position: Position) -> nn.Module:
    """A layer as the activation needs it and initialised by it.

    A first one reads real features, a last one gives real values.
    """
    last = position == "last"
    rows = outputs * (1 if last else activation.maps)
    layer: nn.Module
    if activation.planes == 1 or position == "first":
        layer = Affine(inputs, rows, bias)
    else:
        layer = ComplexAffine(inputs, rows, bias, real_output=last)
    activation.init_linear_(layer, position)
    return layer


def run_layers(layers: nn.ModuleList, activation: Activation, features: Tensor) -> Tensor:
    """Features through layers from first to last, with the activation between them."""
    planes: tuple[Tensor, ...] = (features,)
    depth = len(layers) - 1
    for index, layer in enumerate(layers):
        planes = layer(*planes)
        if index < depth:
            planes = activation(maps_of(planes, activation.maps), position_of(index, depth))
    return planes[0]


def maps_of(planes: tuple[Tensor, ...], maps: int) -> tuple[Tensor, ...]:
    """The planes (n, maps x width) of a layer that holds several affine maps, as planes (n, width) map after map."""
    if maps == 1:
        return planes
    parts = [plane.chunk(maps, dim=1) for plane in planes]
    return tuple(part[index] for index in range(maps) for part in parts)
