"""What steps may be computed with in the place of a field's parameters."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor

from inr.fitting._optimiser import Gradients


@runtime_checkable
class StandIn(Protocol):
    """Weights that an engine is given instead of a field's parameters, which go on being what is learned.

    Quantisation-aware fits give what integers can express. A field measured on the way is the parameters', not theirs.
    """

    def tensors(self, fraction: float, parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The weights for a step, `fraction` of the way to the end; of the parameters' names, shapes and dtypes."""
        ...

    def grads(self, grads: Gradients) -> Gradients:
        """Gradients by the parameters, from those by the weights that were given last."""
        ...
