"""What an engine is, what it is given and what it gives back, and the registry that finds engines by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from inr._parts import Part, Registry
from inr.field import Field

engines = Registry("engine", "inr.engines._eager")

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """The samples of one step.

    Attributes:
        indices: flat indices (n,) into the signal, int64.
        weights: importance of each sample (n,), or of each value (n, c); 1 where None.
    """

    indices: Int[Tensor, " n"]
    weights: Float[Tensor, "..."] | None = None


class StepResult(NamedTuple):
    """What a step computes: the loss, its gradients by tensor name, the coordinates seen and what they still miss."""

    loss: Tensor
    grads: dict[str, Tensor]
    coords: Float[Tensor, "n d"]
    residuals: Float[Tensor, "n c"]  # prediction - target, normalised values


@runtime_checkable
class Objective(Protocol):
    """What is minimised, as engines see it."""

    derivative_order: int

    def coords(self, batch: Batch) -> Float[Tensor, "n d"]:
        """Coordinates of a batch."""
        ...

    def residuals(self, values: Float[Tensor, "n c"], batch: Batch) -> Float[Tensor, "n c"]:
        """Prediction minus target."""
        ...

    def loss(self, residuals: Float[Tensor, "n c"], batch: Batch) -> Float[Tensor, ""]:
        """The number to minimise."""
        ...


@runtime_checkable
class Plan(Protocol):
    """A field made ready to run on an engine. `tensors` are the field's effective weights by name."""

    def forward(self, tensors: Tensors, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates, without gradients."""
        ...

    def loss_and_grad(self, tensors: Tensors, batch: Batch) -> StepResult:
        """Loss of a batch and its gradients by the names of `tensors`."""
        ...


class Engine(Part):
    """Executes fields. The mathematics is the same on every engine, to a stated tolerance."""

    @staticmethod
    def unavailable() -> str | None:
        """Why the engine cannot run on this machine and what would change that; None where it can."""
        return None

    def plan(self, field: Field, objective: Objective) -> Plan | str:
        """The plan, or the reason in words why this engine has none for this field and objective."""
        raise NotImplementedError
