"""The rectifier, the activation of Fourier-feature and grid networks."""

from typing import Annotated, Any, Literal

from torch import nn

from inr.activations._base import Activation, Ops, Position, activations


@activations.register(
    "relu",
    source="Tancik et al., Fourier Features Let Networks Learn High Frequency Functions, NeurIPS 2020",
    formula="max(0, z)",
    limits="blurred on bare coordinates: needs an encoding to see detail; kinks: no Laplacians",
)
class ReLU(Activation):
    """max(0, z): needs an encoding to see detail.

    `init` is the initialisation: "default" (torch's U(±1/sqrt(n)) for weights and biases, as SAPE uses) or
    "glorot" (Glorot normal weights and biases of standard deviation 0.01, as Fourier feature networks use).
    """

    smoothness = 0
    learning_rate = 1e-3
    learning_rate_on_tables = 1e-2
    needs_encoding = True

    def __init__(
        self, *, init: Annotated[Literal["default", "glorot"], "initialisation of the affine layers"] = "default"
    ) -> None:
        self.init = init

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """max(0, z)."""
        return (ops.relu(planes[0]),)

    def init_linear_(self, layer: nn.Module, position: Position) -> None:
        """Initialise as `init` says."""
        if self.init == "default":
            super().init_linear_(layer, position)
            return
        for parameter in layer.parameters():
            if parameter.ndim == 2:
                nn.init.xavier_normal_(parameter)
            else:
                nn.init.normal_(parameter, std=0.01)
