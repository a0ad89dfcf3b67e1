"""How a network's layers lie in memory, for the kernels: as real matrices, padded to whole vectors.

A complex layer is the real matrix [[Re, -Im], [Im, Re]] on the two planes side by side. Every parameter appears in its
layer's matrix as blocks, each with a sign; the gradient of a parameter is the sum of its blocks' gradients, signed.
"""

from dataclasses import dataclass

import numpy as np
from torch import nn

from inr.engines._kernels import Kernels
from inr.jit.vector import LANES, PANEL, ROWS
from inr.networks import MLP, Affine, ComplexAffine, Network

layouts = Kernels()

# columns of the tables that kernels read; _network.py names them too
LAYER_NUMBERS = 12
BLOCK_NUMBERS = 9
# rows of a tile: fewer read the weights too often, more gain nothing
MIN_TILE_ROWS, MAX_TILE_ROWS = 48, 192
MAX_FEATURE_BYTES = 2 * 1024 * 1024  # of a program's points, so that they stay in a cache that cores share


def padded(count: int, to: int = LANES) -> int:
    """The next multiple."""
    return -(-count // to) * to


@dataclass(frozen=True)
class Block:
    """A parameter (rows, columns) at a place of a layer's matrix; of its bias where `columns` is 0."""

    parameter: str
    layer: int
    row: int
    column: int
    rows: int
    columns: int
    sign: int = 1


@dataclass
class Layout:
    """The layers as tables of numbers.

    Attributes:
        table: (layers, LAYER_NUMBERS), see `_layer_rows`.
        blocks: where parameters go.
        weights, biases, grads: float32 numbers that packed matrices, biases and one worker's gradients take.
        features: numbers a point of the first layer's input takes, padding included.
        widest: the most numbers a point takes in any layer.
        per_point: numbers a point takes in all layers together, when learning.
        flops: floating-point operations of one point, forward: two a weight of the padded matrices.
    """

    table: np.ndarray
    blocks: list[Block]
    weights: int
    biases: int
    grads: int
    features: int
    widest: int
    per_point: int
    flops: int
    planes: int

    def learning_flops(self, pass_on: bool) -> int:
        """Operations of one point, forward and backward; `pass_on` counts the gradient of the features too."""
        return 3 * self.flops - (0 if pass_on else self._first_flops)

    def backward_flops(self) -> int:
        """Operations of one point on the way back through all layers but the first, which is always float32."""
        return 2 * (self.flops - self._first_flops)

    @property
    def hidden_units(self) -> list[int]:
        """The numbers that a point takes in each layer but the last, padding included."""
        return [int(rows) for rows in self.table[:-1, 1]]

    @property
    def _first_flops(self) -> int:
        return 2 * int(self.table[0, 0] * self.table[0, 1])


def layout(network: Network) -> Layout | str:
    """The layout of a network, or why it has none."""
    describe = layouts.find(network)
    if describe is None:
        return f"no kernels for network '{network.config()['name']}'"
    found: Layout | str = describe(network)
    return found


@dataclass
class _Shape:
    """One layer's real matrix: (rows, columns), padded."""

    rows: int
    columns: int
    blocks: list[Block]


@layouts.kernel_for(MLP)
def _mlp(network: MLP) -> Layout | str:
    width = padded(network.width)
    shapes = []
    for index, layer in enumerate(network.layers):
        columns = network.in_dim if index == 0 else width * network.activation.planes
        shape = _shape(layer, index, columns, width, f"network.layers.{index}")
        if shape is None:
            return f"no kernels for layers of type {type(layer).__name__}"
        shapes.append(shape)
    return _assemble(shapes, network.activation.planes)


def _shape(layer: nn.Module, index: int, columns: int, width: int, name: str) -> _Shape | None:
    """The matrix of one layer; `width` is a plane's, padded."""
    if type(layer) is Affine:
        rows, inputs = layer.weight.shape
        blocks = [Block(f"{name}.weight", index, 0, 0, rows, inputs)]
        if layer.bias is not None:
            blocks.append(Block(f"{name}.bias", index, 0, 0, rows, 0))
        return _Shape(padded(rows), columns, blocks)
    if type(layer) is not ComplexAffine:
        return None
    rows, inputs = layer.weight_real.shape
    real, imag = f"{name}.weight_real", f"{name}.weight_imag"
    blocks = [Block(real, index, 0, 0, rows, inputs), Block(imag, index, 0, width, rows, inputs, -1)]
    if layer.bias_real is not None:
        blocks.append(Block(f"{name}.bias_real", index, 0, 0, rows, 0))
    if layer.real_output:
        return _Shape(padded(rows), columns, blocks)
    blocks += [Block(imag, index, width, 0, rows, inputs), Block(real, index, width, width, rows, inputs)]
    if layer.bias_imag is not None:
        blocks.append(Block(f"{name}.bias_imag", index, width, 0, rows, 0))
    return _Shape(2 * width, columns, blocks)


def _stride(columns: int) -> int:
    """Distance of points in a tile: whole vectors, and off the powers of two, which share the cache's few lines."""
    stride = padded(columns)
    return stride + 2 * LANES if stride % 64 == 0 else stride


def _assemble(shapes: list[_Shape], planes: int) -> Layout:
    """Give every layer its places in the buffers."""
    table = np.zeros((len(shapes), LAYER_NUMBERS), np.int64)
    forward = backward = biases = grads = per_point = 0
    in_stride = features = _stride(shapes[0].columns)
    input_at = -1  # the first layer's input is not in the tile
    for index, shape in enumerate(shapes):
        last = index == len(shapes) - 1
        doubled = planes if index == 0 and not last else 1  # the activation turns one plane into two
        out_stride = _stride(shape.rows * doubled)
        output_at = per_point
        per_point += out_stride
        value_at = per_point if not last else -1
        per_point += 0 if last else out_stride
        pad_columns = padded(shape.columns)
        table[index] = (
            shape.columns, shape.rows, in_stride, out_stride, forward, backward, biases, grads, pad_columns,
            input_at, output_at, value_at,
        )  # fmt: skip
        forward += padded(shape.rows, PANEL) * shape.columns
        backward += padded(shape.columns, PANEL) * shape.rows
        biases += padded(shape.rows, PANEL)
        grads += padded(shape.rows, ROWS) * pad_columns
        in_stride, input_at = out_stride, value_at
    table[:, 5] += forward  # both directions share one buffer
    return Layout(
        table=table,
        blocks=[block for shape in shapes for block in shape.blocks],
        weights=forward + backward,
        biases=biases,
        grads=grads,
        features=features,
        widest=int(table[:, 2:4].max()),
        per_point=per_point,
        flops=2 * sum(shape.rows * shape.columns for shape in shapes),
        planes=planes,
    )
