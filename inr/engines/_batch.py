"""What a step is given and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """The samples of one step.

    Attributes:
        indices: flat indices (n,) into the signal, int64.
        weights: importance of each sample (n,), or of each value (n, c); 1 where None.
        offsets: (n, c), half of what is added to the slope of the loss by each residual, before it is weighted and
            divided by n c; 0 where None. A squared error adds them to the residuals. By them a further term of the loss
            joins in on any engine: one whose slope by a residual is g acts as an offset of g (n c) / (2 weight).
        shifts: where in the cells of a grid's samples the places lie that are learned, from the centres, in cells, from
            -1/2 to 1/2; (n, d), columns x, y(, z)(, t). Their values are the signal's in between its samples, see
            `inr.signals.GridSignal.interpolated`. None: the samples themselves, at the centres.
        excess: by what factor the mean squared error of such batches exceeds that of the whole signal, as far as a
            teacher knows that its choice and weights make a difference. Steps do not heed it; what a fit tells of its
            squared error does.
    """

    indices: Int[Tensor, " n"]
    weights: Float[Tensor, "..."] | None = None
    offsets: Float[Tensor, "n c"] | None = None
    excess: float = 1.0
    shifts: Float[Tensor, "n d"] | None = None

    def to(self, device: torch.device) -> "Batch":
        """The batch with its tensors on a device.

        Args:
            device: where the tensors are to be.

        Returns:
            The same batch where they are there already.
        """
        if self.indices.device == device:
            return self

        def moved(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device, non_blocking=True)

        return Batch(
            self.indices.to(device, non_blocking=True), moved(self.weights), moved(self.offsets), self.excess,
            moved(self.shifts),
        )  # fmt: skip


@dataclass(frozen=True)
class RowSparse:
    """The gradient of a table of which a batch touches few rows.

    Attributes:
        grad: the whole gradient (entries, features), zeros included; an engine's own buffer, good until its next step.
        touched: uint8, one for every BLOCK rows (the last block may be short): 0 where all of `grad` is zero.
    """

    BLOCK = 8

    grad: Float[Tensor, "entries features"]
    touched: UInt8[Tensor, " blocks"]

    def to_dense(self) -> Float[Tensor, "entries features"]:
        """The gradient as an ordinary tensor; not a copy."""
        return self.grad


class StepResult(NamedTuple):
    """What a step computes: the loss, its gradients by tensor name, the coordinates seen and what they still miss.

    Of a network with several heads `loss` and `residuals` are the last one's, gradients those of the sum of all losses.
    Gradients may be the plan's own buffers, which its next step overwrites. Where 16-bit gradients overflowed,
    `skipped` is true and there are none: the plan then scales them down, and parameters stay until its next step.
    `squared` is the mean squared error where it is known besides the loss; residuals are then read by teachers alone,
    and where no teacher reads them they may be without columns, (n, 0).
    """

    loss: Tensor
    grads: dict[str, Tensor | RowSparse]
    coords: Float[Tensor, "n d"]
    residuals: Float[Tensor, "n c"]  # prediction - target, normalised values
    skipped: bool = False
    squared: float | None = None
