"""Grid encodings on the processor as operators of PyTorch, for any model: `grid_encode`.

First derivatives come from kernels; higher ones from the eager expression, which is differentiated in their stead.
Where there is Triton, `inr.engines._triton._grid_ops` gives the operators kernels of CUDA devices.
"""

import functools
import importlib
import importlib.util
import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr._cores import usable_cores
from inr._errors import InrError
from inr.encodings import DenseGrid, HashGrid, Lattice
from inr.engines._cpu import _grid
from inr.engines._cpu._corners import CHUNK, FLAG_ROWS
from inr.jit import Call, run

_SHAPE = "int count, int coarsest, int finest, int size, int smoothness"  # as `Lattice.shape`; size 0: no bound
_TRITON = importlib.util.find_spec("triton") is not None


def grid_encode(encoding: HashGrid | DenseGrid, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
    """What `encoding(coords)` gives, by compiled kernels where it is float32 on the processor or, with Triton, a GPU.

    Differentiable any number of times in the coordinates and in the table, and known to `torch.compile`. Sums run in
    another order than the encoding's own, with differences of a few float32 roundings. Deterministic; on a GPU only
    after `torch.use_deterministic_algorithms(True)`.

    Args:
        encoding: a grid of d axes, whose table is float32.
        coords: coordinates (n, d), float32, in [-1, 1], on the device of the table.

    Returns:
        Features (n, levels x features), float32.

    Raises:
        InrError: coordinates that are not (n, d), with the encoding's d.

    >>> encoding = inr.encodings.HashGrid(3)
    >>> features = inr.engines.grid_encode(encoding, torch.rand(100, 3))
    >>> features.shape
    torch.Size([100, 32])
    >>> features.square().sum().backward()
    >>> encoding.table.grad.shape == encoding.table.shape
    True
    """
    if coords.ndim != 2 or coords.shape[1] != encoding.in_dim:
        raise InrError(f"coordinates must have shape (n, {encoding.in_dim}), got {tuple(coords.shape)}")
    table = encoding.table
    kernels = coords.device.type == "cpu" or (_TRITON and coords.device.type == "cuda")
    if not (kernels and coords.device == table.device and coords.dtype == table.dtype == torch.float32):
        return encoding(coords)
    count, coarsest, finest, size, smoothness = encoding.lattice.shape
    rows = 0 if size == math.inf else int(size)
    return torch.ops.inr.grid_encode(encoding.placed_in(coords), table, count, coarsest, finest, rows, smoothness)


def _lattice(in_dim: int, shape: tuple) -> Lattice:
    count, coarsest, finest, size, smoothness = shape
    return Lattice(in_dim, count, coarsest, finest, size or math.inf, smoothness=smoothness)


@functools.lru_cache(maxsize=64)
def _geometry(in_dim: int, shape: tuple) -> tuple[int, dict[str, np.ndarray]]:
    """Rows of all levels, and the levels as stages take them."""
    lattice = _lattice(in_dim, shape)
    return lattice.entries, _grid.level_table(lattice.levels)


def _levels(coords: Tensor, table: Tensor, shape: tuple) -> dict[str, np.ndarray]:
    """The levels as stages take them, once it is sure that no row lies beyond the table."""
    entries, levels = _geometry(coords.shape[1], shape)
    check_table(table, entries)
    return levels


def check_table(table: Tensor, entries: int) -> None:
    """That the table has the rows of all levels, beyond which kernels would read."""
    if table.shape[0] != entries:
        raise InrError(f"the table of such a grid has {entries:,} rows, got {table.shape[0]:,}")


def check_grad(grad: Tensor, coords: Tensor, table: Tensor, levels: int) -> None:
    """That the features' gradient has their shape."""
    shape = len(coords), levels * table.shape[1]
    if grad.shape != shape:
        raise InrError(f"the gradient must have shape {shape}, got {tuple(grad.shape)}")


def _run(points: int, call: Call) -> None:
    run([call], min(torch.get_num_threads(), usable_cores()) if points > CHUNK else 1)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


@torch.library.custom_op(
    "inr::grid_encode", mutates_args=(), device_types="cpu", schema=f"(Tensor coords, Tensor table, {_SHAPE}) -> Tensor"
)
def _encode(coords: Tensor, table: Tensor, *shape: Any) -> Tensor:
    levels, smoothness = _levels(coords, table, shape), shape[-1]
    out = table.new_empty(len(coords), shape[0] * table.shape[1])
    stage = _grid.encode(coords.shape[1], table.shape[1], smoothness)
    _run(len(coords), Call(stage, coords=_array(coords), table=_array(table), out=out.numpy(), **levels))
    return out


@_encode.register_fake
def _(coords: Tensor, table: Tensor, *shape: Any) -> Tensor:
    return table.new_empty(coords.shape[0], shape[0] * table.shape[1])


@torch.library.custom_op(
    "inr::grid_encode_backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"(Tensor grad, Tensor coords, Tensor table, {_SHAPE}, bool of_coords, bool of_table) -> (Tensor, Tensor)",
)
def _backward(grad: Tensor, coords: Tensor, table: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    """Gradients of coordinates and table; empty where they are not wanted."""
    *shape, of_coords, of_table = rest
    levels, smoothness = _levels(coords, table, tuple(shape)), shape[-1]
    check_grad(grad, coords, table, shape[0])
    grads = coords.new_zeros(coords.shape if of_coords else 0), table.new_zeros(table.shape if of_table else 0)
    given: dict[str, Any] = {"coords": _array(coords), "given": _array(grad), **levels}
    if of_coords:
        stage = _grid.scatter_coords(coords.shape[1])
        _run(len(coords), Call(stage, table=_array(table), grad=grads[0].numpy(), smoothness=smoothness, **given))
    if of_table:
        stage = _grid.scatter(coords.shape[1], table.shape[1], smoothness)
        touched = np.zeros(-(-len(table) // FLAG_ROWS), np.uint8)
        _run(len(coords), Call(stage, grad=grads[1].numpy(), touched=touched, **given))
    return grads


@_backward.register_fake
def _(grad: Tensor, coords: Tensor, table: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    of_coords, of_table = rest[-2:]
    return coords.new_empty(coords.shape if of_coords else 0), table.new_empty(table.shape if of_table else 0)


def _keep(ctx: Any, inputs: tuple, output: Any) -> None:
    tensors = [value for value in inputs if isinstance(value, Tensor)]
    ctx.save_for_backward(*tensors)
    ctx.rest = inputs[len(tensors) :]


def _once(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    of_coords, of_table = ctx.needs_input_grad[:2]
    grads = torch.ops.inr.grid_encode_backward(grad, *ctx.saved_tensors, *ctx.rest, of_coords, of_table)
    return grads[0] if of_coords else None, grads[1] if of_table else None, *(None for _ in ctx.rest)


def _twice(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
    """The derivative of `_backward`: of the eager expression's, which autograd can go on to differentiate."""
    *shape, of_coords, of_table = ctx.rest
    # made anew: a compiler that traces this knows only the tensors that it saw being made
    lattice = _lattice(int(ctx.saved_tensors[1].shape[1]), tuple(shape)).to(ctx.saved_tensors[1].device)
    higher = torch.is_grad_enabled()
    with torch.enable_grad():
        tensors = [
            tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
            for tensor in ctx.saved_tensors
        ]
        grad, coords, table = tensors
        wanted = [tensor for tensor, of in ((coords, of_coords), (table, of_table)) if of]
        given = [tensor for tensor, of in zip(grads, (of_coords, of_table), strict=True) if of]
        first = torch.autograd.grad(lattice(coords, table), wanted, grad, create_graph=True)
        second = torch.autograd.grad(first, tensors, given, create_graph=higher, allow_unused=True)
    return *second, *(None for _ in ctx.rest)


torch.library.register_autograd(_encode, _once, setup_context=_keep)
torch.library.register_autograd(_backward, _twice, setup_context=_keep)
if _TRITON:
    importlib.import_module("inr.engines._triton._grid_ops")
