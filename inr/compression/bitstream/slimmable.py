"""Networks of several widths in one set of weights: a narrow one, and blocks of which each widens the one before it."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]

# Of the added matrices at the beginning: a column's step moves a matrix by so much of it in every row at once, and
# steps as large as those of single weights make fits come apart.
_ROWS = 0.1


class Slimmable(NamedTuple):
    """How weights are shared by networks ("mlp") that differ in nothing but their widths.

    Block 0 has the narrowest network's weights, "0.weight.0" to "0.weight.{depth}". Block k borders those by the units
    that the width k has more, "k.columns.1" to "k.columns.{depth}" and then "k.rows.0" to "k.rows.{depth - 1}". Every
    width but the widest multiplies the weights by factors of its own, one a row and one a column, which are stored less
    one: "k.scale.rows" and "k.scale.columns", all layers' end to end; and adds a matrix of rank one to each layer's,
    "k.low.rows" times "k.low.columns". Every width has biases of its own, "k.bias".

    Attributes:
        widths: units of a hidden layer, ascending.
        depth: hidden layers; inside: features; outside: channels.
    """

    widths: tuple[int, ...]
    depth: int
    inside: int
    outside: int

    def shapes(self, block: int) -> dict[str, tuple[int, ...]]:
        """Of a block's tensors, by name."""
        wide, layers = self.widths[block], range(self.depth + 1)
        if block == 0:
            weights = {f"0.weight.{layer}": self._shape(layer, wide) for layer in layers}
        else:
            narrow = self.widths[block - 1]
            weights = {f"{block}.rows.{layer}": (wide - narrow, self._shape(layer, wide)[1]) for layer in layers[:-1]}
            for layer in layers[1:]:
                weights[f"{block}.columns.{layer}"] = self._shape(layer, narrow)[0], wide - narrow
        own: dict[str, tuple[int, ...]] = {f"{block}.bias": (sum(self._outputs(wide)),)}
        if wide < self.widths[-1]:
            for kind in ("scale", "low"):
                own[f"{block}.{kind}.rows"] = (sum(self._outputs(wide)),)
                own[f"{block}.{kind}.columns"] = (sum(self._inputs(wide)),)
        return {**weights, **own}

    def count(self, block: int) -> int:
        """Numbers in a block."""
        return sum(math.prod(shape) for shape in self.shapes(block).values())

    def networks(self, tensors: Tensors, count: int) -> list[dict[str, Tensor]]:
        """Parameters of the narrowest `count` networks, by the names that a field gives them. Differentiable."""
        weights = [tensors[f"0.weight.{layer}"] for layer in range(self.depth + 1)]
        found = []
        for block, width in enumerate(self.widths[:count]):
            if block:
                weights = [self._bordered(tensors, block, layer, weight) for layer, weight in enumerate(weights)]
            scaled = weights
            if width < self.widths[-1]:
                rows, low_rows = (
                    tensors[f"{block}.{kind}.rows"].split(self._outputs(width)) for kind in ("scale", "low")
                )
                columns, low_columns = (
                    tensors[f"{block}.{kind}.columns"].split(self._inputs(width)) for kind in ("scale", "low")
                )
                scaled = [
                    weight * (row[:, None] + 1) * (column + 1) + torch.outer(low_row, low_column)
                    for weight, row, column, low_row, low_column in zip(
                        weights, rows, columns, low_rows, low_columns, strict=True
                    )
                ]
            biases = tensors[f"{block}.bias"].split(self._outputs(width))
            named = {f"network.layers.{layer}.weight": weight for layer, weight in enumerate(scaled)}
            found.append(named | {f"network.layers.{layer}.bias": bias for layer, bias in enumerate(biases)})
        return found

    def tensors(self, widest: Tensors) -> dict[str, Tensor]:
        """All blocks' tensors such that the widest network is `widest`, and the others are cut out of it."""
        layers = range(self.depth + 1)
        weights, biases = (
            [widest[f"network.layers.{layer}.{kind}"].detach() for layer in layers] for kind in ("weight", "bias")
        )
        found = {}
        for block, wide in enumerate(self.widths):
            narrow = self.widths[block - 1] if block else 0
            for layer, weight in enumerate(weights):
                high, across = self._shape(layer, wide)
                found[f"{block}.weight.{layer}"] = weight[:high, :across].clone()
                found[f"{block}.rows.{layer}"] = weight[narrow:wide, :across].clone()
                found[f"{block}.columns.{layer}"] = weight[: self._shape(layer, narrow)[0], narrow:wide].clone()
            cut = [bias[:size] for bias, size in zip(biases, self._outputs(wide), strict=True)]
            found[f"{block}.bias"] = torch.cat(cut)
            # columns of 0 add nothing yet; were rows 0 as well, no gradient would ever move either
            found[f"{block}.low.rows"] = _ROWS * (1 - 2 * (torch.arange(sum(self._outputs(wide))) % 2))
        return {
            name: found.get(name, torch.zeros(shape))
            for block in range(len(self.widths))
            for name, shape in self.shapes(block).items()
        }

    def _bordered(self, tensors: Tensors, block: int, layer: int, weight: Tensor) -> Tensor:
        """A layer's weights, of the units of one more block."""
        if layer:
            weight = torch.cat([weight, tensors[f"{block}.columns.{layer}"]], dim=1)
        if layer < self.depth:
            weight = torch.cat([weight, tensors[f"{block}.rows.{layer}"]])
        return weight

    def _shape(self, layer: int, width: int) -> tuple[int, int]:
        """Of a layer's weights."""
        return self._outputs(width)[layer], self._inputs(width)[layer]

    def _outputs(self, width: int) -> list[int]:
        return [width] * self.depth + [self.outside]

    def _inputs(self, width: int) -> list[int]:
        return [self.inside] + [width] * self.depth
