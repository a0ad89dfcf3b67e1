"""Dense and hash grids as stages."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inr.encodings import DenseGrid, HashGrid
from inr.engines._batch import RowSparse
from inr.engines._cpu import _grid
from inr.engines._cpu._encoders import encoders, weight
from inr.jit import Call, Stage


@encoders.kernel_for(DenseGrid, HashGrid)
class GridEncoder:
    """Dense and hash grids, by kernels; the gradient of the table tells which of its rows were touched."""

    learns = True
    note = ""
    immediate = False

    def __init__(self, encoding: DenseGrid | HashGrid) -> None:
        shape = encoding.table.shape
        kind = encoding.in_dim, shape[1], int(encoding.smoothness)
        levels = _grid.level_table(encoding.levels)
        self._shape = shape
        self._encode = Call(_grid.encode(*kind), **levels)
        self._scatter = Call(_grid.scatter(*kind), **levels)
        self._clear = Call(_grid.clear)
        calls = [self._encode, self._scatter, self._clear]
        self._place = Call(_grid.place, last_share=encoding.last_share) if encoding.last_share != 1 else None
        self._placed = np.zeros((0, encoding.in_dim), np.float32)
        self.stages: Sequence[Stage] = [call.stage for call in calls + ([self._place] if self._place else [])]
        self._sparse: RowSparse | None = None

    def start(self, tensors: Mapping[str, Tensor], learning: bool) -> Sequence[Call]:
        self._table = weight(tensors, "encoding.table", tuple(self._shape))
        self._encode.set(table=self._table)
        if not learning:
            return ()
        self._allocate()
        return [self._clear]

    def encode(self, coords: np.ndarray, features: np.ndarray) -> Sequence[Call]:
        if self._place is None:
            return [self._encode.set(coords=coords, out=features)]
        if len(self._placed) < len(coords):
            self._placed = np.empty_like(coords)
        placed = self._placed[: len(coords)]
        return [self._place.set(coords=coords, placed=placed), self._encode.set(coords=placed, out=features)]

    def backward(self, coords: np.ndarray, grads: np.ndarray) -> Sequence[Call]:
        placed = coords if self._place is None else self._placed[: len(coords)]
        return [self._scatter.set(coords=placed, given=grads)]

    def after_backward(self, grads: np.ndarray) -> None:
        pass

    def finish(self) -> dict[str, Any]:
        return {"encoding.table": self._sparse}

    def _allocate(self) -> None:
        """Make the gradient, when first needed."""
        if self._sparse is not None:
            return
        grad = torch.zeros(*self._shape)
        touched = torch.zeros(-(-len(grad) // RowSparse.BLOCK), dtype=torch.uint8)
        self._sparse = RowSparse(grad, touched)
        for call in (self._scatter, self._clear):
            call.set(grad=grad.numpy(), touched=touched.numpy())
