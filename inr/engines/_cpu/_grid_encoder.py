"""Dense and hash grids as stages."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inr.encodings import DenseGrid, HashGrid
from inr.engines._batch import RowSparse
from inr.engines._cpu import _grid, _grid_jets
from inr.engines._cpu._corner_jets import Derivatives
from inr.engines._cpu._encoders import encoders, weight
from inr.engines._cpu._planes import Planes
from inr.jit import Call, Stage

# by smoothness: what follows the encoding's name
_LACKS = {
    0: "has kinks; interpolation=smoothstep has gradients, and quintic Laplacians too",
    1: "has second derivatives that jump; interpolation=quintic has Laplacians",
}


@encoders.kernel_for(DenseGrid, HashGrid)
class GridEncoder:
    """Dense and hash grids, by kernels; the gradient of the table tells which of its rows were touched."""

    learns = True
    note = ""
    immediate = False

    def __init__(self, encoding: DenseGrid | HashGrid) -> None:
        self._name = encoding.config()["name"]
        shape = encoding.table.shape
        kind = encoding.in_dim, shape[1], int(encoding.smoothness)
        levels = _grid.level_table(encoding.levels)
        self._shape, self._kind, self._levels, self._last_share = shape, kind, levels, encoding.last_share
        self._encode = Call(_grid.encode(*kind), **levels)
        self._scatter = Call(_grid.scatter(*kind), **levels)
        self._clear = Call(_grid.clear)
        calls = [self._encode, self._scatter, self._clear]
        self._place = Call(_grid.place, last_share=encoding.last_share) if encoding.last_share != 1 else None
        self._placed = np.zeros((0, encoding.in_dim), np.float32)
        self.stages: Sequence[Stage] = [call.stage for call in calls + ([self._place] if self._place else [])]
        self._sparse: RowSparse | None = None
        self._jet_calls: dict[Planes, tuple[Call, Call]] = {}

    def start(self, tensors: Mapping[str, Tensor], learning: bool) -> Sequence[Call]:
        self._table = weight(tensors, "encoding.table", tuple(self._shape))
        self._encode.set(table=self._table)
        if not learning:
            return ()
        grad, touched = self._gradient()
        self._scatter.set(grad=grad, touched=touched)
        return [self._clear.set(grad=grad, touched=touched)]

    def encode(self, coords: np.ndarray, features: np.ndarray) -> Sequence[Call]:
        if self._place is None:
            return [self._encode.set(coords=coords, out=features)]
        if len(self._placed) < len(coords):
            self._placed = np.empty_like(coords)
        placed = self._placed[: len(coords)]
        return [self._place.set(coords=coords, into=placed), self._encode.set(coords=placed, out=features)]

    def backward(self, coords: np.ndarray, grads: np.ndarray) -> Sequence[Call]:
        placed = coords if self._place is None else self._placed[: len(coords)]
        return [self._scatter.set(coords=placed, given=grads)]

    def lacks(self, planes: Planes) -> str:
        smoothness = self._kind[2]
        return f"encoding '{self._name}' {_LACKS[smoothness]}" if planes.order > smoothness else ""

    def jet_stages(self, planes: Planes) -> Sequence[Stage]:
        return [call.stage for call in (*self._calls_of(planes), self._clear)]

    def encode_jet(self, coords: np.ndarray, features: np.ndarray, planes: Planes) -> Sequence[Call]:
        encode, _ = self._calls_of(planes)
        return [encode.set(coords=coords, table=self._table, out=features)]

    def backward_jet(self, coords: np.ndarray, grads: np.ndarray, planes: Planes) -> Sequence[Call]:
        _, scatter = self._calls_of(planes)
        grad, touched = self._gradient()
        return [scatter.set(coords=coords, given=grads, grad=grad, touched=touched)]

    def after_backward(self, grads: np.ndarray) -> None:
        pass

    def finish(self) -> dict[str, Any]:
        return {"encoding.table": self._sparse}

    def _gradient(self) -> tuple[np.ndarray, np.ndarray]:
        """The memory of the gradient and of its flags, made when first needed."""
        if self._sparse is None:
            grad = torch.zeros(*self._shape)
            self._sparse = RowSparse(grad, torch.zeros(-(-len(grad) // RowSparse.BLOCK), dtype=torch.uint8))
        return self._sparse.grad.numpy(), self._sparse.touched.numpy()

    def _calls_of(self, planes: Planes) -> tuple[Call, Call]:
        """What writes the planes, and what adds their gradients."""
        if planes not in self._jet_calls:
            axes = range(self._kind[0])
            patterns = [
                tuple((i, j) for i in axes for j in axes if i <= j and operator[i][j]) for operator in planes.operators
            ]
            wanted = Derivatives(planes.axes, tuple(patterns))
            # a[i][j] and a[j][i] in one
            factors = np.array([np.array(each) * (2 - np.eye(len(axes))) for each in planes.operators], np.float32)
            given = {"factors": factors.reshape(-1), "last_share": self._last_share, **self._levels}
            self._jet_calls[planes] = (
                Call(_grid_jets.encode_jet(*self._kind, wanted), **given),
                Call(_grid_jets.scatter_jet(*self._kind, wanted), **given),
            )
        return self._jet_calls[planes]
