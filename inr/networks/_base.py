"""What every network is, and the registry that finds them by name."""

from jaxtyping import Float
from torch import Tensor, nn

from inr._parts import Part, Registry
from inr.activations import Activation

networks = Registry("network", "inr.networks._mlp")


class Network(Part, nn.Module):
    """Features (n, in_dim) to values (n, out_dim); built as `Network(in_dim, out_dim, activation, *, …)`."""

    def __init__(self, in_dim: int, out_dim: int, activation: Activation) -> None:
        super().__init__()
        if in_dim < 1 or out_dim < 1:
            raise ValueError(f"a network needs at least one input and one output, got {in_dim} and {out_dim}")
        self.in_dim = in_dim
        self.out_dim = out_dim
        self.activation = activation

    def forward(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n c"]:
        """Values of features."""
        raise NotImplementedError
