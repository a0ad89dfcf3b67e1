"""Points of a grid, told from others by their coordinates, so that what depends on one axis is computed once."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def distinct(column: Float[Tensor, " n"]) -> tuple[Float[Tensor, " u"], Int[Tensor, " n"]]:
    """The different positions among coordinates, and which of them each is; all, where they are differentiated.

    Args:
        column: coordinates on one axis.

    Returns:
        The positions, and for every coordinate the index of its own.
    """
    if column.requires_grad:
        return column, torch.arange(len(column), device=column.device)
    return torch.unique(column, return_inverse=True)
