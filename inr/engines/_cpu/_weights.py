"""A field's weights as kernels read them, and the sums of their gradients."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from inr.engines._batch import Tensors
from inr.engines._cpu._bfloat16 import PACK_BFLOAT16
from inr.engines._cpu._encoders import weight
from inr.engines._cpu._layout import BLOCK_NUMBERS, Layout
from inr.engines._cpu._packing import COLLECT, PACK, SOURCE, TARGET
from inr.jit import Call, Stage

CACHE_LINE_FLOATS = 16  # float32 numbers of a cache line


class Weights:
    """The layers' matrices and biases, packed at the begin of a step, and gradients, collected at its end.

    Args:
        layout: of the layers.
        threads: workers, each of which adds up gradients of its own.
        learning: whether there are gradients.
        start16: from which number of `packed` on matrices are also packed as bfloat16 numbers; None: none are.

    Attributes:
        packed, biases: float32, see `Layout`.
        packed16: what `packed` holds from `start16` on, in pairs of bfloat16 numbers.
        grads, bias_grads: float32 (threads, …), set to 0 by packing.
        losses: float64 (threads, 8), of which the first column is set to 0 by packing.
        collect: the call that adds up what the workers have, into the buffers that `gradients` gives.
    """

    def __init__(self, layout: Layout, threads: int, learning: bool, start16: int | None) -> None:
        self._layout = layout
        self.losses = np.zeros((threads, 8), np.float64)
        room = (layout.grads + CACHE_LINE_FLOATS, layout.biases + CACHE_LINE_FLOATS) if learning else (0, 0)
        self.grads, self.bias_grads = (np.zeros((threads, numbers), np.float32) for numbers in room)
        self._blocks = np.zeros((len(layout.blocks), BLOCK_NUMBERS), np.int64)
        seen: set[str] = set()
        for row, block in zip(self._blocks, layout.blocks, strict=True):
            row[2:] = (
                block.layer, block.row, block.column, block.rows, block.columns, block.sign,
                block.parameter not in seen,
            )  # fmt: skip
            seen.add(block.parameter)
        self.packed, self.biases = np.zeros(layout.weights, np.float32), np.zeros(layout.biases, np.float32)
        self.start16 = layout.weights if start16 is None else start16
        self.packed16 = np.zeros((layout.weights - self.start16) // 2, np.float32)
        self._pack16 = [] if start16 is None else [Call(PACK_BFLOAT16, packed=self.packed, packed16=self.packed16)]
        sums = {"blocks": self._blocks, "table": layout.table, "grads": self.grads, "bias_grads": self.bias_grads}
        self._pack = Call(PACK, packed=self.packed, biases=self.biases, losses=self.losses, **sums)
        self.collect = Call(COLLECT, **sums)
        self._grads: dict[str, Tensor] = {}

    def take(self, tensors: Tensors, learning: bool) -> Sequence[Call]:
        """Take the weights of a step, by name; what packs them, and sets gradients to 0. Raises InrError."""
        self._kept = {
            block.parameter: weight(
                tensors, block.parameter, (block.rows, block.columns) if block.columns else (block.rows,)
            )
            for block in self._layout.blocks
        }
        for row, block in zip(self._blocks, self._layout.blocks, strict=True):
            row[SOURCE] = self._kept[block.parameter].ctypes.data
        return [self._pack, *(self._pack16 if learning else ())]

    @property
    def stages(self) -> list[Stage]:
        """What packs and collects."""
        return [call.stage for call in (self._pack, *self._pack16, self.collect)]

    def gradients(self, tensors: Tensors) -> dict[str, Tensor]:
        """The buffers that the network's gradients go to, by name."""
        if not self._grads:
            for row, block in zip(self._blocks, self._layout.blocks, strict=True):
                shape = tensors[block.parameter].shape
                grad = self._grads.setdefault(block.parameter, torch.zeros(shape))  # in order, whatever the weights are
                row[TARGET] = grad.data_ptr()
        return dict(self._grads)
