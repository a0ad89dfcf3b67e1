"""Rows of a trained table, blended with weights.

Torch reads and adds short rows one by one, and slowly; single numbers it streams. So the table is handled by
columns, two features at a time as one complex number. On a CPU additions run in the order of the rows, hence
always give the same bits.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function


def blend_rows(
    table: Float[Tensor, "entries features"],
    rows: Int[Tensor, "levels corners n"],
    weights: Float[Tensor, "levels corners n"],
) -> Float[Tensor, "n out"]:
    """Weighted sums of a table's rows: the interpolation of grids, level after level.

    Differentiable any number of times in `table` and `weights`, and deterministic on a processor.

    Args:
        table: float (entries, features).
        rows: int32 (levels, corners, n), the rows around each of n points at every level.
        weights: float (levels, corners, n), what each of them counts.

    Returns:
        Float (n, levels x features).

    >>> table = torch.tensor([[0.0], [10.0]])
    >>> rows, weights = inr.encodings.grid_corners(torch.tensor([[-0.5]]), [2])
    >>> inr.encodings.blend_rows(table, rows[None], weights[None])
    tensor([[2.5000]])
    """
    if torch.compiler.is_exporting() or type(rows) is not Tensor:  # recorded: by what other programs have, too
        return (table[rows.long()] * weights[..., None]).sum(1).transpose(0, 1).flatten(1)
    paired = table.shape[1] % 2 == 0 and table.dtype in (torch.float32, torch.float64)  # 16-bit numbers make none
    columns = torch.view_as_complex(table.unflatten(1, (-1, 2)).contiguous()) if paired else table
    blended = torch.stack([(_Read.apply(column, rows) * weights).sum(1) for column in columns.unbind(1)], dim=2)
    blended = blended.transpose(0, 1).contiguous()
    return (torch.view_as_real(blended) if paired else blended).flatten(1)


class _Read(Function):
    """column[rows]."""

    generate_vmap_rule = True

    @staticmethod
    def forward(column: Tensor, rows: Tensor) -> Tensor:
        return column.index_select(0, rows.flatten()).view(rows.shape)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        column, rows = inputs
        ctx.entries = len(column)
        ctx.save_for_backward(rows)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Add.apply(grad, *ctx.saved_tensors, ctx.entries), None


class _Add(Function):
    """A column of `entries` zeros to which the values are added at their rows: the transpose of `_Read`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(values: Tensor, rows: Tensor, entries: int) -> Tensor:
        return values.new_zeros(entries).scatter_add(0, rows.flatten().to(torch.int64), values.flatten())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return _Read.apply(grad, *ctx.saved_tensors), None, None
