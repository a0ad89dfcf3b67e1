"""The operators of grid encodings on CUDA devices, by the kernels of `_grid`; importing this registers them.

Triton itself is imported when the first of them runs.
"""

import functools
import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from inr.encodings import make_levels
from inr.engines._cpu._grid_ops import check_grad, check_table  # defines the operators

if TYPE_CHECKING:
    from inr.engines._triton._grid import Levels


@torch.library.register_kernel("inr::grid_encode", "cuda")
def encode(coords: Tensor, table: Tensor, *shape: Any) -> Tensor:
    """`inr::grid_encode`."""
    from inr.engines._triton import _grid

    levels = _levels(coords, table, shape)
    out = table.new_empty(len(coords), shape[0] * table.shape[1])
    _grid.encode(coords.contiguous(), table.contiguous(), levels, shape[-1], out)
    return out


@torch.library.register_kernel("inr::grid_encode_backward", "cuda")
def backward(grad: Tensor, coords: Tensor, table: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    """`inr::grid_encode_backward`; deterministic where PyTorch is asked to be."""
    from inr.engines._triton import _grid

    *shape, of_coords, of_table = rest
    levels, smoothness = _levels(coords, table, tuple(shape)), shape[-1]
    check_grad(grad, coords, table, shape[0])
    coords, table, grad = coords.contiguous(), table.contiguous(), grad.contiguous()
    coords_grad = coords.new_zeros(coords.shape if of_coords else 0)
    table_grad = table.new_zeros(table.shape if of_table else 0)
    if of_coords:
        _grid.scatter_coords(coords, table, grad, levels, smoothness, coords_grad)
    if of_table:
        _grid.scatter(coords, grad, levels, smoothness, table_grad, torch.are_deterministic_algorithms_enabled())
    return coords_grad, table_grad


def _levels(coords: Tensor, table: Tensor, shape: tuple) -> "Levels":
    """The levels as kernels take them, once it is sure that no row lies beyond the table."""
    entries, levels = _geometry(coords.shape[1], shape, coords.device)
    check_table(table, entries)
    return levels


@functools.lru_cache(maxsize=64)
def _geometry(in_dim: int, shape: tuple, device: torch.device) -> "tuple[int, Levels]":
    from inr.engines._triton import _grid

    count, coarsest, finest, size, _ = shape
    levels = make_levels(in_dim, count, coarsest, finest, size or math.inf)
    return levels[-1].offset + levels[-1].entries, _grid.levels_on(levels, device)
