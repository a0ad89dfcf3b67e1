"""What an optimiser is, and how the parameters of a field are grouped for one."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from inr._errors import InrError
from inr.encodings import Encoding
from inr.engines import RowSparse
from inr.field import Field

Gradients = Mapping[str, Tensor | RowSparse]
LearningRates = Mapping[str, float]

OPTIMISERS = ("adam", "soap")


@dataclass
class Group:
    """Parameters that share a learning rate and Adam's constants.

    Attributes:
        name: the part's, "network" or "encoding", or the name of parameters that have `learning_rates` in the network.
        parameters: by their names in the field; tensors that an optimiser changes in place.
        learning_rate: of the next step.
        betas: decay of the first and the second moment. eps: what is added to the root of the second.
        share: of the part's learning rate, where the part is composed of several.
    """

    name: str
    parameters: Mapping[str, Tensor]
    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    share: float = 1.0


class Optimiser(ABC):
    """Moves groups of parameters by their gradients.

    What it keeps between steps is laid out in memory as `restore` lays it out, so that a resumed fit goes on bit for
    bit on every processor.

    Args:
        groups: of all parameters that it moves.
    """

    def __init__(self, groups: list[Group]) -> None:
        self.groups = groups

    def set_learning_rates(self, learning_rates: LearningRates, factor: float) -> None:
        """Set the learning rate of every group.

        Args:
            learning_rates: by the names of the groups.
            factor: of a schedule, that they are multiplied by.
        """
        for group in self.groups:
            group.learning_rate = learning_rates[group.name] * factor * group.share

    def prepare(self) -> float:
        """Compile or load what the first step would otherwise wait for.

        Returns:
            Seconds that it took.
        """
        return 0.0

    @abstractmethod
    def step(self, grads: Gradients) -> None:
        """Move all parameters.

        Args:
            grads: by the names of the parameters, and of their shapes.
        """

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """What later steps depend on, by parameter: "layers.0.weight/exp_avg", "…/exp_avg_sq", "…/step"."""

    @abstractmethod
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""


def make_optimiser(groups: list[Group], threads: int = 1, name: str = "adam") -> Optimiser:
    """An optimiser of any tensors.

    Adam is computed by the project's own kernel for float32 parameters in main memory, by torch for others. SOAP moves
    matrices, and leaves other parameters to Adam.

    Args:
        groups: the parameters.
        threads: that the optimiser may use.
        name: one of `OPTIMISERS`.

    Returns:
        The optimiser, with a state as before the first step.

    >>> weight = torch.ones(3)
    >>> optimiser = inr.fitting.make_optimiser([inr.fitting.Group("network", {"weight": weight}, learning_rate=0.5)])
    >>> optimiser.step({"weight": torch.tensor([1.0, -2.0, 0.0])})
    >>> weight
    tensor([0.5000, 1.5000, 1.0000])
    """
    from inr.fitting._adam import FusedAdam, TorchAdam

    fusible = all(
        parameter.device.type == "cpu" and parameter.dtype == torch.float32 and parameter.is_contiguous()
        for group in groups
        for parameter in group.parameters.values()
    )

    def adam(groups: list[Group]) -> Optimiser:
        return FusedAdam(groups, threads) if fusible else TorchAdam(groups)

    if name == "adam":
        return adam(groups)
    from inr.fitting._soap import Soap

    return Soap(groups, adam)


def default_learning_rates(field: Field) -> dict[str, float]:
    """Learning rates by part, as the field's network, encoding and activation recommend them."""
    network, activation, encoding = field.network, field.network.activation, field.encoding
    rate = activation.learning_rate if network.learning_rate is None else network.learning_rate
    if encoding.tables:
        rate = activation.learning_rate_on_tables or rate
    found = {"network": rate, **network.learning_rates}
    return found if encoding.learning_rate is None else {**found, "encoding": encoding.learning_rate}


def resolve_learning_rates(field: Field, given: LearningRates | float | None) -> dict[str, float]:
    """The learning rates of a field's parts.

    Args:
        field: whose parts they are.
        given: the network's as a number, or several by part; the others keep their default.

    Returns:
        One for every part that learns.

    Raises:
        InrError: a part that the field does not have or that does not learn; a number that is not positive.
    """
    found = default_learning_rates(field)
    overrides = {"network": given} if isinstance(given, (int, float)) else dict(given or {})
    for part, rate in overrides.items():
        if part not in found:
            raise InrError(f"no learning rate to set for '{part}'; this field learns: {', '.join(found)}")
        if not (isinstance(rate, (int, float)) and 0 < rate < math.inf):
            raise InrError(f"the learning rate of the {part} must be a positive number, got {rate!r}")
        found[part] = float(rate)
    return found


def parameter_groups(field: Field, learning_rates: LearningRates) -> list[Group]:
    """A field's parameters, in a group for every part.

    Tables get the moments of Instant-NGP (beta2 0.99, epsilon 1e-15): entries that collide or are rarely hit
    have tiny gradients and still need full-size steps. Unlike there, an entry that was hit once goes on moving
    by its momentum in steps that do not hit it (0.3 to 0.8 dB better after equal steps, on pictures); one that was
    never hit stays as it is.
    """
    own = {name: _named(field, f"network.{name}") for name in field.network.learning_rates}
    rest = _named(field, "network")
    for parameters in own.values():
        rest = {name: tensor for name, tensor in rest.items() if name not in parameters}
    groups = [Group("network", rest, learning_rates["network"])]
    groups += [Group(name, parameters, learning_rates[name]) for name, parameters in own.items()]
    return groups + _encoding_groups(field, learning_rates)


def dense(grad: Tensor | RowSparse) -> Tensor:
    """All of a gradient as an ordinary tensor; not a copy."""
    return grad.to_dense() if isinstance(grad, RowSparse) else grad


def _encoding_groups(field: Field, learning_rates: LearningRates) -> list[Group]:
    """The encoding's parameters; those of encodings within it keep their own constants, and their rates' ratio."""
    groups: dict[tuple[float, tuple[float, float, float]], dict[str, Tensor]] = {}
    for name, parameter in _named(field, "encoding").items():
        owner = _owner(field, name)
        assert owner.learning_rate is not None
        assert field.encoding.learning_rate is not None
        share = owner.learning_rate / field.encoding.learning_rate
        groups.setdefault((share, owner.moments), {})[name] = parameter
    return [
        Group("encoding", parameters, learning_rates["encoding"] * share, (beta1, beta2), eps, share)
        for (share, (beta1, beta2, eps)), parameters in groups.items()
    ]


def _owner(field: Field, name: str) -> Encoding:
    """The innermost encoding that a parameter belongs to."""
    path = name.split(".")[:-1]
    modules = [field.get_submodule(".".join(path[:depth])) for depth in range(1, len(path) + 1)]
    return next(module for module in reversed(modules) if isinstance(module, Encoding))


def _named(field: Field, part: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in field.named_parameters() if name.startswith(f"{part}.")}
