"""What plans without kernels of derivatives have PyTorch do."""

import torch
from jaxtyping import Float
from torch import Tensor

from inr.engines._batch import Tensors
from inr.engines._eager import EagerPlan
from inr.engines._objectives import AnyObjective, OfJets
from inr.field import Field, Jet, Reads

NOTE = "derivatives are computed by PyTorch"


class DerivativesByEager:
    """Base of plans whose kernels have values alone: the rest is automatic differentiation, on the plan's device.

    The plan notes that it is, once it is.

    Args:
        field: the field to be run.
        objective: what is minimised; losses of values are the plan's own.
        device: where the plan computes.
        notes: what else is not done by kernels.
    """

    def __init__(
        self, field: Field, objective: AnyObjective | None, device: torch.device, notes: tuple[str, ...]
    ) -> None:
        self.device = device
        self.notes = notes
        self._takes_over = isinstance(objective, OfJets)
        self._eager = EagerPlan(field, objective if self._takes_over else None, device)
        if self._takes_over:
            self._tell()

    def jet(self, tensors: Tensors, coords: Float[Tensor, "n d"], reads: Reads) -> Jet:
        """Values and derivatives at coordinates; see `DerivativePlan.jet`."""
        self._tell()
        return self._eager.jet(tensors, coords, reads)

    def pull(self, tensors: Tensors, coords: Float[Tensor, "n d"], adjoint: Jet, reads: Reads) -> dict[str, Tensor]:
        """Gradients of the weights from those of values and derivatives; see `DerivativePlan.pull`."""
        self._tell()
        return self._eager.pull(tensors, coords, adjoint, reads)

    def _tell(self) -> None:
        if NOTE not in self.notes:
            self.notes = (*self.notes, NOTE)
