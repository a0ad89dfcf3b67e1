"""A network on the GPU: its weights as the kernels read them, and what runs the kernels over many points."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import triton
from jaxtyping import Float
from torch import Tensor

from inr.engines._checks import weight_of
from inr.engines._formulas import constant_row
from inr.engines._triton import _fully_fused, _tiled, _weight_gradients
from inr.engines._triton._activations import functions
from inr.engines._triton._encoders import Waves
from inr.engines._triton._losses import Loss
from inr.engines._triton._precision import OPERANDS, Precision
from inr.networks import MLP

Input = Literal["few", "many", "waves"]

_MAX_FULLY_FUSED_UNITS = 128  # units of all planes, of which a tile stays in registers
_MAX_FEW_FEATURES = 8  # features that the first layer reads one by one rather than in blocks
_ENOUGH_ROUNDS = 8  # of tiles on all multiprocessors, after which a last one that is partly filled does not matter
_MAX_POINTS = 2**20  # at a time: places of numbers are 32-bit


@dataclass(frozen=True)
class Shape:
    """Sizes of a network, as it is and as its arrays are padded, and of the kernels' tiles.

    Attributes:
        dim: numbers of a point that are given: features, or the coordinates of waves.
        features: inputs of the first layer, padded; waves have half of them as sines, the others as cosines.
        block_m: points of a tile; block_n, block_k: columns and depth of a product that does not stay in registers;
            block_f: inputs of the first layer at a time.
    """

    input: Input
    dim: int
    real_features: int
    features: int
    depth: int
    planes: int
    real_width: int
    width: int
    values: int
    outs: int
    fully_fused: bool
    block_m: int
    block_n: int
    block_k: int
    block_f: int


def shape_of(network: MLP, operand_bytes: int, waves: int | None = None, dim: int | None = None) -> Shape:
    """The shape of a network on given features, or on `waves` Fourier features of `dim` coordinates.

    Tiles are such that kernels need no more shared memory than any GPU from Ampere on has (99 KiB), and that what
    they hold fits in registers.
    """
    planes = network.activation.planes
    large = operand_bytes > 2
    given = network.in_dim if waves is None else waves
    block_f = 16 if given <= 16 or waves is not None else 32  # waves take more registers
    padded = -(-given // block_f) * block_f
    widest = _MAX_FULLY_FUSED_UNITS // (2 if large else 1)
    fully_fused = planes * triton.next_power_of_2(network.width) <= widest
    width = max(triton.next_power_of_2(network.width), 16) if fully_fused else -(-network.width // 64) * 64
    block = width if fully_fused else 128 if width % 128 == 0 and not large else 64
    return Shape(
        input="waves" if waves is not None else "few" if given <= _MAX_FEW_FEATURES else "many",
        dim=given if dim is None else dim,
        real_features=given,
        features=padded if waves is None else 2 * padded,
        depth=network.depth,
        planes=planes,
        real_width=network.width,
        width=width,
        values=network.out_dim,
        outs=max(triton.next_power_of_2(network.out_dim), 16),
        fully_fused=fully_fused,
        block_m=64 if (fully_fused and width > 32) or planes == 2 or large else 128,
        block_n=block if fully_fused else block // planes,
        block_k=block if fully_fused else 32 if large else 64,
        block_f=block_f,
    )


class Weights:
    """A network's weights in padded arrays, and their gradients from such arrays.

    Attributes:
        first: (width, features) float32. matrices: (depth - 1, planes, width, width) operands. last: (planes, outs,
            width) operands. biases: (depth, planes, width), last_bias: (outs,), constants: (depth, …), float32.
    """

    def __init__(self, network: MLP, shape: Shape, operand: torch.dtype, device: torch.device) -> None:
        def zeros(*size: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(size, dtype=dtype, device=device)

        s = shape
        self.shape = shape
        self.first = zeros(s.width, s.features)
        self.matrices = zeros(max(s.depth - 1, 1), s.planes, s.width, s.width, dtype=operand)
        self.last = zeros(s.planes, s.outs, s.width, dtype=operand)
        self.biases = zeros(s.depth, s.planes, s.width)
        self.last_bias = zeros(s.outs)
        rows = [constant_row(network.activation, network.position(layer)) for layer in range(s.depth)]
        self.constants = torch.tensor(rows, dtype=torch.float32, device=device).reshape(s.depth, -1)
        views = places_of(shape, self.first, self.matrices, self.last, self.biases, self.last_bias)
        parameters = dict(network.named_parameters(prefix="network"))
        self._places = {name: views[name] for name in parameters}
        self._shapes = {name: tuple(parameter.shape) for name, parameter in parameters.items()}

    @property
    def names(self) -> list[str]:
        """The network's parameters, as in the field."""
        return list(self._places)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take the weights of a step. Raises InrError for one that is not there in its shape."""
        into = [view for views in self._places.values() for view in views]
        parts = [part for name, views in self._places.items() for part in self._parts(tensors, name, len(views))]
        torch._foreach_copy_(into, parts)

    def _parts(self, tensors: Mapping[str, Tensor], name: str, count: int) -> list[Tensor]:
        """A parameter in as many pieces of columns as it has places."""
        tensor = weight_of(tensors, name, self._shapes[name]).detach()
        return list(tensor.chunk(count, dim=1)) if count > 1 else [tensor]


def places_of(
    s: Shape, first: Tensor, matrices: Tensor, last: Tensor, biases: Tensor, last_bias: Tensor
) -> dict[str, list[Tensor]]:
    """Where the field's parameters lie in padded arrays, by name; the columns of waves in two pieces."""
    half = s.features // 2
    w, f, v = s.real_width, s.real_features, s.values
    inputs = [first[:w, :f], first[:w, half : half + f]] if s.input == "waves" else [first[:w, :f]]
    found = {"network.layers.0.weight": inputs, "network.layers.0.bias": [biases[0, 0, :w]]}
    for layer in range(1, s.depth + 1):
        name = f"network.layers.{layer}"
        for plane, part in enumerate(("_real", "_imag") if s.planes == 2 else ("",)):
            if layer < s.depth:
                found[f"{name}.weight{part}"] = [matrices[layer - 1, plane, :w, :w]]
                found[f"{name}.bias{part}"] = [biases[layer, plane, :w]]
            else:
                found[f"{name}.weight{part}"] = [last[plane, :v, :w]]
                found[f"{name}.bias{part}"] = [last_bias[:v]]
    return found


class Runner:
    """Runs a network's kernels over any number of points, in chunks that bound its memory."""

    def __init__(
        self, network: MLP, waves: Waves | None, precision: Precision, device: torch.device, memory: int = 2**28
    ) -> None:
        """`memory`: bytes for what learning keeps of the layers."""
        count = None if waves is None else waves.shifts.shape[0]
        self.precision = precision
        self.operand = OPERANDS[precision]
        dim = None if waves is None else waves.slopes.shape[0]
        self.shape = s = shape_of(network, self.operand.itemsize, count, dim)
        self.device = device
        self.weights = Weights(network, s, self.operand, device)
        self._slopes, self._shifts = self._padded(waves)
        self._hidden = functions(network.activation, s.planes)
        self._first = functions(network.activation, 1)
        self._kernels = _fully_fused if s.fully_fused else _tiled
        self._chunk = self._points_within(memory, 2 * s.depth)
        self._block = _MAX_POINTS if s.fully_fused else self._points_within(memory, 2)

    def _padded(self, waves: Waves | None) -> tuple[Tensor, Tensor]:
        if waves is None:
            return self.weights.first, self.weights.first  # not read
        half = self.shape.features // 2
        slopes = torch.zeros(self.shape.dim, half, device=self.device)
        shifts = torch.zeros(half, device=self.device)
        slopes[:, : waves.slopes.shape[1]] = waves.slopes
        shifts[: len(waves.shifts)] = waves.shifts
        return slopes, shifts

    def _points_within(self, memory: int, layers: int) -> int:
        """Points, in whole tiles, of which so many layers fit in memory."""
        s = self.shape
        points = min(memory // (layers * s.planes * s.width * self.operand.itemsize), _MAX_POINTS)
        tiles, together = max(points // s.block_m, 1), _processors(self.device)
        if together < tiles < _ENOUGH_ROUNDS * together:  # those of a last, partly filled round would run alone
            tiles -= tiles % together
        return tiles * s.block_m

    def _arrays(self) -> tuple[Tensor, ...]:
        w = self.weights
        return self._slopes, self._shifts, w.first, w.matrices, w.last, w.biases, w.last_bias, w.constants

    def _constants(self) -> dict[str, Any]:
        s = self.shape
        return {
            "CONSTANTS": self.weights.constants.shape[1], "INPUT": s.input, "DIM": s.dim, "FEATURES": s.features,
            "PLANES": s.planes, "WIDTH": s.width, "VALUES": s.values, "OUTS": s.outs,
            "PRECISION": "tf32" if self.precision == "tf32" else "ieee",
            "BLOCK_M": s.block_m, "BLOCK_N": s.block_n, "BLOCK_K": s.block_k, "BLOCK_F": s.block_f,
            "enable_fp_fusion": True, "num_warps": 4 if s.fully_fused else 8,
            "num_stages": 1 if s.fully_fused and s.planes * s.width > 64 else 3,
        }  # fmt: skip

    def _empty(self, *size: int, dtype: torch.dtype | None = None) -> Tensor:
        return torch.empty(size, dtype=dtype or self.operand, device=self.device)

    def prepare(self, *, learning: bool, of_features: bool, loss: Loss | None = None) -> None:
        """Run every kernel once, which compiles it."""
        x = torch.zeros(1, self.shape.dim, device=self.device)
        self.values(x)
        if learning:
            given = torch.zeros(1, self.shape.values, device=self.device)
            self.learn(x, given, None, task="fit", loss=loss, scale=1.0, factor=1.0, of_features=of_features)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def values(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values of points, given by their features or, of waves, their coordinates; float32."""
        s = self.shape
        values = self._empty(len(x), s.values, dtype=torch.float32)
        for start in range(0, len(x), self._block):
            part = x[start : start + self._block]
            tiles = triton.cdiv(len(part), s.block_m)
            area = tiles * s.block_m * s.width
            room = self._empty(1 if s.fully_fused else 2 * s.planes * area)
            with torch.cuda.device_of(x):
                self._kernels.render[(tiles,)](
                    part, *self._arrays(), room, values[start:], len(part), s.depth, area,
                    FIRST_VALUE=self._first.value, VALUE=self._hidden.value, **self._constants(),
                )  # fmt: skip
        return values

    def learn(
        self,
        x: Float[Tensor, "n d"],
        given: Float[Tensor, "n c"],
        weights: Float[Tensor, "n k"] | None,
        *,
        task: Literal["fit", "backward"],
        loss: Loss | None = None,
        added: Float[Tensor, "n c"] | None = None,
        scale: float,
        factor: float,
        of_features: bool,
    ) -> "Learned":
        """Forward and back over all points.

        Args:
            x: features or coordinates.
            given: targets ("fit"), or the gradients of the values ("backward").
            weights: importances (n, 1) or (n, c), only for "fit".
            loss: what is minimised; the squared error where it is None.
            added: halves of what is added to the loss's slopes; those of a squared error are part of its targets.
            scale: what gradients are multiplied with on their way through the layers.
            factor: what the resulting gradients are multiplied with, the scale undone.
            of_features: whether gradients of x are wanted.
        """
        s = self.shape
        n = len(x)
        given = given.contiguous()
        weights = None if weights is None else weights.float().contiguous()
        added = None if added is None else added.float().contiguous()
        residuals = self._empty(n if task == "fit" else 0, s.values, dtype=torch.float32)
        losses = self._empty(triton.cdiv(n, s.block_m), dtype=torch.float32)
        feature_gradients = self._empty(n if of_features else 0, s.dim, dtype=torch.float32)
        parts = _Parts(s, min(n, self._chunk), self.operand.itemsize, self.device)
        tiles = triton.cdiv(min(n, self._chunk), s.block_m)
        h, kept = (self._empty(s.depth, s.planes, tiles * s.block_m, s.width) for _ in range(2))
        gradients = self._empty(tiles * s.block_m, s.outs)
        for start in range(0, n, self._chunk):
            part = x[start : start + self._chunk]
            tiles = triton.cdiv(len(part), s.block_m)
            importances = 0 if weights is None else 1 if weights.shape[1] == 1 else 2
            with torch.cuda.device_of(x):
                self._kernels.learn[(tiles,)](
                    part, *self._arrays(), h, kept,
                    given[start:], weights[start:] if weights is not None else losses,
                    added[start:] if added is not None else losses, loss.constants if loss is not None else losses,
                    residuals[start:],
                    losses[start // s.block_m :], gradients, feature_gradients[start:] if of_features else losses,
                    len(part), s.depth, h.stride(1), scale, factor,
                    FIRST_LEARN=self._first.learn, FIRST_BACKWARD=self._first.backward,
                    LEARN=self._hidden.learn, BACKWARD=self._hidden.backward,
                    TASK=task, LOSS=loss.function if loss is not None else None,
                    WEIGHTS=importances, ADDED=added is not None, OF_FEATURES=of_features, **self._constants(),
                )  # fmt: skip
                self._weight_gradients(part, tiles * s.block_m, h, kept, gradients, parts)
        return Learned(losses, residuals, feature_gradients, *parts.sums(factor))

    def _weight_gradients(
        self, x: Tensor, points: int, h: Tensor, kept: Tensor, gradients: Tensor, parts: "_Parts"
    ) -> None:
        s = self.shape
        large = self.operand.itemsize > 2
        blocks = {"BLOCK_R": 32 if large else 64, "BLOCK_O": parts.block, "num_stages": 2 if large else 3}
        common = {
            "PLANES": s.planes,
            "WIDTH": s.width,
            "PRECISION": self._constants()["PRECISION"],
            "enable_fp_fusion": True,
        }
        tiles = (s.width // parts.hidden_block) ** 2
        _weight_gradients.first[(s.width // parts.block, s.features // s.block_f, len(parts.first))](
            x, self._slopes, self._shifts, kept, parts.first, parts.first[:, s.width * s.features :],
            len(x), points, parts.size(points, parts.first), parts.first.stride(0),
            INPUT=s.input, DIM=s.dim, FEATURES=s.features, WIDTH=s.width, BLOCK_F=s.block_f, enable_fp_fusion=True,
            **blocks,
        )  # fmt: skip
        if s.depth > 1:
            entries = (s.depth - 1) * s.planes * s.width**2
            _weight_gradients.hidden[(tiles, s.depth - 1, len(parts.hidden))](
                kept, h, parts.hidden, parts.hidden[:, entries:], points,
                parts.size(points, parts.hidden), parts.hidden.stride(0), h.stride(1),
                ROWS=s.width, BELOW=True, LAYER_STRIDE=s.planes * s.width**2, BLOCK_I=parts.hidden_block,
                num_warps=8 if s.planes * parts.hidden_block > 64 else 4, **common,
                **blocks | {"BLOCK_O": parts.hidden_block},
            )  # fmt: skip
        _weight_gradients.hidden[(s.width // parts.block, 1, len(parts.last))](
            gradients, h[-1], parts.last, parts.last[:, s.planes * s.outs * s.width :], points,
            parts.size(points, parts.last), parts.last.stride(0), h.stride(1),
            ROWS=s.outs, BELOW=False, LAYER_STRIDE=0, BLOCK_I=parts.block, **common, **blocks | {"BLOCK_O": s.outs},
        )  # fmt: skip


class _Parts:
    """Padded gradients in parts: (parts, numbers) of the first layer, the hidden ones, and the last.

    Attributes:
        block, hidden_block: a program's share of the first and last layer, and of a hidden one, across. Large ones
            read their operands less often, which is what bounds those kernels.
    """

    def __init__(self, s: Shape, points: int, operand_bytes: int, device: torch.device) -> None:
        large = operand_bytes > 2
        self.block = min(s.width, 32 if large and s.planes == 2 else 64)
        self.hidden_block = 128 if s.width % 128 == 0 and s.planes == 1 and not large else self.block
        self._shape = s
        across, tiles = s.width // self.block, (s.width // self.hidden_block) ** 2
        w = s.width

        def room(numbers: int, programs: int) -> Tensor:
            """As many parts as all programs together fill the machine with, and no more: the rest would run alone."""
            longest = max(points // (16 * 64), 1)
            return torch.zeros(min(max(_programs(device) // programs, 1), longest), numbers, device=device)

        self.first = room(w * s.features + w, across * (s.features // s.block_f))
        hidden = (s.depth - 1) * s.planes * (w * w + w)
        self.hidden = room(hidden, max(tiles * (s.depth - 1), 1))
        self.last = room(s.planes * s.outs * w + s.outs, across)

    def size(self, points: int, parts: Tensor) -> int:
        """Points of one part, in whole blocks."""
        return -(-points // len(parts) // 64) * 64 if len(parts) > 1 else points

    def sums(self, factor: float) -> tuple[dict[str, list[Tensor]], list[Tensor]]:
        """Gradients by the field's names, in views of padded arrays; and those arrays."""
        s = self._shape
        w = s.width
        first, hidden, last = (part.sum(0).mul_(factor) for part in (self.first, self.hidden, self.last))
        inputs = first[: w * s.features].view(w, s.features)
        entries = (s.depth - 1) * s.planes * w * w
        matrices = hidden[:entries].view(s.depth - 1, s.planes, w, w)
        outs = last[: -s.outs].view(s.planes, s.outs, w)
        biases = first.new_zeros(s.depth, s.planes, w)
        biases[0, 0] = first[w * s.features :]
        biases[1:] = hidden[entries:].view(s.depth - 1, s.planes, w)
        return places_of(s, inputs, matrices, outs, biases, last[-s.outs :]), [first, hidden, last]


def _programs(device: torch.device) -> int:
    """Programs that keep a device busy."""
    if device.type != "cuda":
        return 3  # the interpreter runs one after the other; several parts are to be tested all the same
    return 2 * _processors(device)


def _processors(device: torch.device) -> int:
    """Multiprocessors of a device."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


@dataclass(frozen=True)
class Learned:
    """What a pass forward and back gives.

    Attributes:
        losses: sums of the (weighted) losses, a number a tile of points.
        residuals: (n, c).
        feature_gradients: (n, d), already multiplied with the factor; empty if not asked for.
        gradients: by parameter name, in one or several pieces of columns.
        arrays: what those are views of.
    """

    losses: Tensor
    residuals: Tensor
    feature_gradients: Tensor
    gradients: dict[str, list[Tensor]]
    arrays: list[Tensor]

    def finite(self) -> Tensor:
        """1 if all gradients are finite, else 0."""
        return torch.stack([array.isfinite().all() for array in (*self.arrays, self.feature_gradients)]).all().float()

    def gradient(self, name: str) -> Tensor:
        """A parameter's gradient, contiguous."""
        pieces = self.gradients[name]
        return torch.cat(pieces, dim=1) if len(pieces) > 1 else pieces[0].contiguous()
