"""What every network is, and the registry that finds them by name."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Config, Part, Registry
from inr.activations import Activation, Linear
from inr.networks._initialise import initialise
from inr.signals import Signal

networks = Registry(
    "network",
    "inr.networks._axiswise",
    "inr.networks._bacon",
    "inr.networks._cam",
    "inr.networks._conditioned",
    "inr.networks._kronecker",
    "inr.networks._masked",
    "inr.networks._mfn",
    "inr.networks._mlp",
    "inr.networks._modulated",
    "inr.networks._normalised",
    "inr.networks._skip",
    "inr.networks._split",
)

Init = Annotated[dict | str | None, "how its weights begin: variance, gradient (none: as the activation has it)"]


class Network(Part, nn.Module):
    """Features (n, in_dim) to values (n, out_dim); built as `Network(in_dim, out_dim, activation, coord_dim, *, …)`.

    Calling it gives the values of features (n, in_dim), which coordinates (n, coord_dim) follow where it reads them.

    Attributes:
        in_dim, out_dim: number of features and of values; coord_dim: number of coordinates.
        reads_coords: whether `forward` takes the coordinates (n, coord_dim) after the features.
        smoothness: how often values can be differentiated in features and coordinates, as far as the network itself
            decides it.
        learning_rate: Adam's rate where it is not the activation's.
        learning_rates: Adam's rates for parameters that learn at another one, by the first part of their name.
        default_partners: parts that it stands with unless others are named, by kind.
        required_encoding: the one encoding whose features it can read, None where it reads any.
        reads_batch: whether the steps of a fit compute with means over their batch, which training mode is for.
    """

    reads_coords: ClassVar[bool] = False
    smoothness: float = math.inf
    learning_rate: ClassVar[float | None] = None
    learning_rates: ClassVar[Mapping[str, float]] = {}
    default_partners: ClassVar[Mapping[str, Any]] = {}
    required_encoding: ClassVar[str | None] = None
    reads_batch: ClassVar[bool] = False

    def __init__(self, in_dim: int, out_dim: int, activation: Activation, coord_dim: int | None = None) -> None:
        super().__init__()
        if in_dim < 1 or out_dim < 1:
            raise ValueError(f"a network needs at least one input and one output, got {in_dim} and {out_dim}")
        self.in_dim = in_dim
        self.out_dim = out_dim
        self.activation = activation
        self.coord_dim = in_dim if coord_dim is None else coord_dim

    def heads(self, *inputs: Float[Tensor, "n _"]) -> tuple[Float[Tensor, "n c"], ...]:
        """All outputs that learn the signal.

        Args:
            inputs: features, float (n, in_dim); then coordinates, float (n, coord_dim), where `reads_coords`.

        Returns:
            Values, float (n, out_dim), of every output, coarse to fine; the last is what `forward` gives.
        """
        return (self(*inputs),)

    def init_from(self, signal: Signal) -> None:
        """Draw again what should begin where the signal says; called once before a fit from the beginning.

        Random numbers come from torch's global generator.

        Args:
            signal: what is to be fitted.

        Raises:
            InrError: a signal that cannot tell.
        """

    def plain(self) -> "Network":
        """What computes the same without what only learning needs; the network itself where there is nothing such."""
        return self


class Initialised(Network):
    """A perceptron that can begin otherwise than its activation has it."""

    def begin(self, init: Config | str | None, layers: nn.ModuleList) -> None:
        """Draw the parameters of its layers again, as an initialisation says.

        Args:
            init: the initialisation; None leaves the layers as they are.
            layers: affine layers from first to last.
        """
        if init is None:
            return
        # coordinates are U(±1); features are taken for sines and cosines
        square = 1 / 3 if self.in_dim == self.coord_dim else 1 / 2
        self._resolved = {**(self._resolved or {}), "init": initialise(init, list(layers), self.activation, square)}

    def config(self) -> Config:
        """As of every part; an initialisation that is the activation's own is not named."""
        return {key: value for key, value in super().config().items() if key != "init" or value is not None}


def check_no_activation(network: str, activation: Activation) -> None:
    """Raises InrError for an activation other than linear, in a network that has none."""
    if not isinstance(activation, Linear):
        name = activation.config()["name"]
        raise InrError(f"network '{network}' multiplies and has no activation: use activation=linear, not '{name}'")
