"""SIREN's sine with its initialisation."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from torch import nn

from inr._parts import WAYS, Automatic, Config, Range
from inr.activations._base import Activation, Ops, Position, activations, fan_in
from inr.signals import Signal

Omega = Annotated[float, Range(0, above=True), "frequency of the hidden layers (auto: to suit the signal)"]
FirstOmega = Annotated[float | None, Range(0, above=True), "frequency of the first layer (none: omega; auto)"]


class Siren(Activation):
    """What is initialised as a sine is, by its frequency.

    Attributes:
        omega: of hidden layers; first_omega: of the first one, where it has its own.
        first_bias: the first layer's biases are U(±first_bias), none: as all others.
    """

    learning_rate = 5e-4
    frequencies = ("omega", "first_omega")
    automatic: ClassVar[Automatic] = {"omega": lambda samples: samples / 5, "first_omega": lambda samples: samples / 5}
    omega: float
    first_omega: float
    first_bias: float | None = None

    @classmethod
    def placed(cls, config: Config, signal: Signal) -> Config:
        """For sounds omega=auto is about the first layer, in which their frequencies lie."""
        if config.get("omega") not in WAYS or "first_omega" in config or "first_omega" not in cls.suited(signal):
            return config
        return {**{key: value for key, value in config.items() if key != "omega"}, "first_omega": config["omega"]}

    def frequency(self, position: Position) -> float:
        """Of the layer at a position."""
        return self.first_omega if position == "first" else self.omega

    def init_linear_(self, layer: nn.Module, position: Position) -> None:
        """Draw weights and biases so that hidden values keep their distribution with depth."""
        init_siren_(layer, position, self.omega, self.first_bias)


@activations.register(
    "sine",
    source="Sitzmann et al., Implicit Neural Representations with Periodic Activation Functions, NeurIPS 2020",
    formula="sin(ω z)",
    limits="omega sets the frequencies that are learned fast: too large a one learns noise between the samples",
)
class Sine(Siren):
    """SIREN: sin(omega z) with weights that keep the spread of values the same at every depth.

    The first layer's weights are U(±1/d), those of the later layers, the linear one at the end included,
    U(±sqrt(6/n)/omega); biases are U(±1/sqrt(n)) and are multiplied by omega too, as in the authors' code.
    Frequencies are per unit of [-1, 1]: sounds need a `first_omega` in the thousands.

    >>> sine = inr.activations.Sine(omega=30.0)
    >>> sine((torch.tensor([0.0, torch.pi / 60]),))
    (tensor([0., 1.]),)
    """

    def __init__(self, *, omega: Omega = 30.0, first_omega: FirstOmega = None) -> None:
        self.omega = omega
        self.first_omega = omega if first_omega is None else first_omega

    @staticmethod
    def formula(ops: Ops, *planes: Any, **constants: Any) -> tuple[Any, ...]:
        """sin(omega z)."""
        return (ops.sin(constants["omega"] * planes[0]),)

    def constants(self, position: Position) -> Mapping[str, float]:
        """The frequency of a layer."""
        return {"omega": self.frequency(position)}

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """A fast first layer for sounds."""
        return suited_first_omega(signal)


def suited_first_omega(signal: Signal) -> Config:
    """SIREN's first layer for sounds, whose seconds hold thousands of periods."""
    return {"first_omega": 3000.0} if signal.domain.kind == "audio" else {}


def init_siren_(layer: nn.Module, position: Position, omega: float, first_bias: float | None = None) -> None:
    """SIREN's initialisation; with `first_bias`, the first layer's biases are U(±first_bias)."""
    inputs = fan_in(layer)
    bound = 1 / inputs if position == "first" else math.sqrt(6 / inputs) / omega
    offset = first_bias if position == "first" and first_bias is not None else 1 / math.sqrt(inputs)
    for parameter in layer.parameters():
        limit = bound if parameter.ndim == 2 else offset
        nn.init.uniform_(parameter, -limit, limit)
