"""Optimisers with a learning rate per part."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Adam

from inr._errors import InrError
from inr.encodings import Encoding
from inr.engines import RowSparse
from inr.field import Field

Gradients = Mapping[str, Tensor | RowSparse]
Rates = Mapping[str, float]

OPTIMISERS = ("adam", "soap")


def default_rates(field: Field) -> dict[str, float]:
    """Learning rates by part, as the field's network, encoding and activation recommend them."""
    network, activation, encoding = field.network, field.network.activation, field.encoding
    rate = activation.learning_rate if network.learning_rate is None else network.learning_rate
    if encoding.tables:
        rate = activation.learning_rate_on_tables or rate
    rates = {"network": rate, **network.learning_rates}
    return rates if encoding.learning_rate is None else {**rates, "encoding": encoding.learning_rate}


def check_rates(field: Field, given: Rates | float | None) -> dict[str, float]:
    """The default rates with the given ones in their place; a single number is the network's."""
    rates = default_rates(field)
    overrides = {"network": given} if isinstance(given, (int, float)) else dict(given or {})
    for part, rate in overrides.items():
        if part not in rates:
            raise InrError(f"no learning rate to set for '{part}'; this field learns: {', '.join(rates)}")
        if not (isinstance(rate, (int, float)) and 0 < rate < math.inf):
            raise InrError(f"the learning rate of the {part} must be a positive number, got {rate!r}")
        rates[part] = float(rate)
    return rates


@dataclass
class Group:
    """Parameters that share a learning rate and Adam's constants.

    Attributes:
        name: the part's, "network" or "encoding", or the name of parameters that have `learning_rates` in the network.
        parameters: by their names in the field.
        share: of the part's learning rate, where the part is composed of several.
    """

    name: str
    parameters: Mapping[str, Tensor]
    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    share: float = 1.0


class Optimiser(ABC):
    """Steps of groups of parameters: Adam (Kingma and Ba 2015), or what is made of it."""

    def __init__(self, groups: list[Group]) -> None:
        self.groups = groups

    def set_rates(self, rates: Rates, factor: float) -> None:
        """Set every group's learning rate to its part's, times the schedule's factor."""
        for group in self.groups:
            group.lr = rates[group.name] * factor * group.share

    def prepare(self) -> float:
        """Compile or load what the first step would otherwise wait for; seconds that it took."""
        return 0.0

    @abstractmethod
    def step(self, grads: Gradients) -> None:
        """Move all parameters by their gradients, given by name."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """The state by parameter name: "layers.0.weight/exp_avg", "…/exp_avg_sq", "…/step"."""

    @abstractmethod
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of `tensors`."""


def make_optimiser(field: Field, rates: Rates, threads: int, name: str = "adam") -> Optimiser:
    """The optimiser of this name, one of `OPTIMISERS`, with one group per part.

    Tables get the moments of Instant-NGP (beta2 0.99, epsilon 1e-15): entries that collide or are rarely hit
    have tiny gradients and still need full-size steps. Unlike there, an entry that was hit once goes on moving
    by its momentum in steps that do not hit it (0.3 to 0.8 dB better after equal steps, on pictures); one that was
    never hit stays as it is.
    """
    own = {name: _named(field, f"network.{name}") for name in field.network.learning_rates}
    rest = _named(field, "network")
    for parameters in own.values():
        rest = {name: tensor for name, tensor in rest.items() if name not in parameters}
    groups = [Group("network", rest, rates["network"])]
    groups += [Group(name, parameters, rates[name]) for name, parameters in own.items()]
    groups += _encoding_groups(field, rates)
    return optimiser_of(groups, threads, name)


def optimiser_of(groups: list[Group], threads: int, name: str) -> Optimiser:
    """The optimiser of this name, one of `OPTIMISERS`, for parameters of whatever origin.

    Adam is fused for float32 parameters in main memory, torch's for others.
    """
    fusible = all(
        parameter.device.type == "cpu" and parameter.dtype == torch.float32 and parameter.is_contiguous()
        for group in groups
        for parameter in group.parameters.values()
    )

    def adam(groups: list[Group]) -> Optimiser:
        return _FusedAdam(groups, threads) if fusible else _TorchAdam(groups)

    if name == "adam":
        return adam(groups)
    from inr.fitting._soap import Soap

    return Soap(groups, adam)


def _encoding_groups(field: Field, rates: Rates) -> list[Group]:
    """The encoding's parameters; those of encodings within it keep their own constants, and their rates' ratio."""
    groups: dict[tuple[float, tuple[float, float, float]], dict[str, Tensor]] = {}
    for name, parameter in _named(field, "encoding").items():
        owner = _owner(field, name)
        assert owner.learning_rate is not None
        assert field.encoding.learning_rate is not None
        share = owner.learning_rate / field.encoding.learning_rate
        groups.setdefault((share, owner.moments), {})[name] = parameter
    return [
        Group("encoding", parameters, rates["encoding"] * share, (beta1, beta2), eps, share)
        for (share, (beta1, beta2, eps)), parameters in groups.items()
    ]


def _owner(field: Field, name: str) -> Encoding:
    """The innermost encoding that a parameter belongs to."""
    path = name.split(".")[:-1]
    modules = [field.get_submodule(".".join(path[:depth])) for depth in range(1, len(path) + 1)]
    return next(module for module in reversed(modules) if isinstance(module, Encoding))


def _named(field: Field, part: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in field.named_parameters() if name.startswith(f"{part}.")}


class _FusedAdam(Optimiser):
    """All parameters in one pass over memory, by a compiled kernel, whatever engine differentiates."""

    def __init__(self, groups: list[Group], threads: int) -> None:
        super().__init__(groups)
        self._threads = threads
        self._steps = 0
        self._moments = {
            name: (torch.zeros_like(tensor), torch.zeros_like(tensor))
            for group in groups
            for name, tensor in group.parameters.items()
        }

    def prepare(self) -> float:
        """Compile the kernel, or load it from disk."""
        start = time.perf_counter()
        from inr.fitting._adam_kernel import prepare

        prepare(self._threads)
        return time.perf_counter() - start

    def step(self, grads: Gradients) -> None:
        """One program for all parameters."""
        from inr.fitting._adam_kernel import Move, adam_step

        self._steps += 1
        moves = [
            Move(
                tensor,
                *self._moments[name],
                dense(grads[name]).contiguous(),
                self._steps,
                group.lr,
                group.betas,
                group.eps,
            )
            for group in self.groups
            for name, tensor in group.parameters.items()
        ]
        adam_step(moves, self._threads)

    def tensors(self) -> dict[str, Tensor]:
        """The moments, and the number of steps as torch's Adam keeps it."""
        return {
            f"{name}/{key}": value
            for name, (mean, square) in self._moments.items()
            for key, value in (("step", torch.tensor(float(self._steps))), ("exp_avg", mean), ("exp_avg_sq", square))
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of `tensors`."""
        for name, (mean, square) in self._moments.items():
            mean.copy_(tensors[f"{name}/exp_avg"])
            square.copy_(tensors[f"{name}/exp_avg_sq"])
            self._steps = int(tensors[f"{name}/step"])


class _TorchAdam(Optimiser):
    """torch's Adam, for parameters that the kernel does not take."""

    def __init__(self, groups: list[Group]) -> None:
        super().__init__(groups)
        self._parameters = {name: tensor for group in groups for name, tensor in group.parameters.items()}
        self._adam = Adam(
            [
                {"params": list(group.parameters.values()), "lr": group.lr, "betas": group.betas, "eps": group.eps}
                for group in groups
            ],
            fused=True,
        )

    def step(self, grads: Gradients) -> None:
        """One call of torch's fused kernel."""
        for ours, theirs in zip(self.groups, self._adam.param_groups, strict=True):
            theirs["lr"] = ours.lr
        for name, parameter in self._parameters.items():
            parameter.grad = dense(grads[name])
        self._adam.step()

    def tensors(self) -> dict[str, Tensor]:
        """All of Adam's state."""
        return {
            f"{name}/{key}": value
            for name, parameter in self._parameters.items()
            for key, value in self._adam.state[parameter].items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of `tensors`."""
        for full_name, value in tensors.items():
            name, _, key = full_name.rpartition("/")
            parameter = self._parameters[name]
            self._adam.state[parameter][key] = value.to(parameter.device)


def dense(grad: Tensor | RowSparse) -> Tensor:
    """All of a gradient."""
    return grad.to_dense() if isinstance(grad, RowSparse) else grad
