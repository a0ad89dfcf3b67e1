"""What an engine is, and the registry that finds engines by name."""

from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from inr._parts import Part, Registry
from inr.engines._batch import Batch, StepResult, Tensors
from inr.engines._objectives import AnyObjective
from inr.field import Field, Jet, Reads

engines = Registry(
    "engine",
    "inr.engines._cpu._engine",
    "inr.engines._eager",
    "inr.engines._tcnn._engine",
    "inr.engines._triton._engine",
)


@runtime_checkable
class Plan(Protocol):
    """A field made ready to run on an engine. `tensors` are the field's effective weights by name.

    Attributes:
        notes: what the plan hands to `eager` and why, a line each; empty where it runs everything itself.
        block: points at once with which `forward` is fast, for those who walk over many.
        threads: worker threads that it uses; the optimiser uses as many.
        device: where it computes, and where weights, coordinates and batches are to be.
    """

    notes: tuple[str, ...]
    block: int
    threads: int
    device: torch.device

    def prepare(self) -> float:
        """Compile or load what the first step would otherwise wait for; seconds that it took."""
        ...

    def forward(self, tensors: Tensors, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates, without gradients.

        Args:
            tensors: the field's effective weights by name.
            coords: coordinates (n, d), float32, in [-1, 1]; any number of them.

        Returns:
            Normalised values (n, c), float32.
        """
        ...

    def loss_and_grad(self, tensors: Tensors, batch: Batch) -> StepResult:
        """Loss of a batch and its gradients.

        Args:
            tensors: the field's effective weights by name.
            batch: the samples to learn from, any number of them.

        Returns:
            The loss, the gradients by the names of `tensors`, and the residuals (n, c).

        Raises:
            InrError: a plan that was made without an objective, or weights of other shapes than the field's.
        """
        ...

    def profile(self) -> dict[str, float]:
        """Seconds by phase ("encoding", "products", "activations" …) since the plan was made; empty if not measured.

        Phases exclude each other, and their sum is the time within `loss_and_grad` as far as it is accounted for.
        """
        ...

    def roofline(self) -> dict[str, tuple[float, float]]:
        """What was reached of what this machine can do, by what limits it, in units that the name states.

        As {"products, GFLOP/s": (reached, measured peak)}; empty if not measured.
        """
        ...


@runtime_checkable
class DerivativePlan(Plan, Protocol):
    """A plan that also gives derivatives, and takes their gradients back: that of every engine."""

    def jet(self, tensors: Tensors, coords: Float[Tensor, "n d"], reads: Reads) -> Jet:
        """Values and derivatives at coordinates, without a graph.

        Args:
            tensors: the field's effective weights by name.
            coords: float32 (n, d), in [-1, 1].
            reads: which derivatives.

        Returns:
            float32 tensors.

        Raises:
            InrError: derivatives that the field does not have.
        """
        ...

    def pull(self, tensors: Tensors, coords: Float[Tensor, "n d"], adjoint: Jet, reads: Reads) -> dict[str, Any]:
        """Gradients of the weights from any gradient of values and derivatives, recomputing what lies between.

        With `jet` it trains on losses of many points at once, in memory that does not grow with their number.

        Args:
            tensors, coords, reads: as of `jet`.
            adjoint: gradients of the loss by what `jet` gives, float32 of the same shapes.

        Returns:
            The gradients by the names of `tensors`, which may be the plan's own buffers, good until its next step.
        """
        ...


class Engine(Part):
    """Executes fields. The mathematics is the same on every engine, to a stated tolerance.

    An engine is a class registered under a name, in this package or in another one by the entry point `inr.engines`;
    the keyword arguments of its constructor are its options, as in "cpu:threads=2".

    Attributes:
        priority: "auto" tries engines that can run here from the highest priority down; None for an engine that is
            only taken by its name. Of this package's, triton has 30, tcnn 20, cpu 10 and eager, which runs
            everything, 0.
    """

    priority: ClassVar[int | None] = None

    @staticmethod
    def unavailable() -> str | None:
        """Why the engine cannot run on this machine and what would change that; None where it can."""
        return None

    @staticmethod
    def passed_over() -> str | None:
        """Why "auto" does not take the engine on this machine, though it can run; None where it may."""
        return None

    def facts(self) -> dict[str, Any]:
        """How the engine is set up on this machine, as plain JSON, in words for `inr doctor`."""
        return {}

    def covers(self, field: Field) -> tuple[str, ...] | str:
        """Whether the engine has kernels for a field, on a machine that has what it needs.

        Args:
            field: the field to be run.

        Returns:
            What the engine hands to `eager` and why, a line each; or the reason in words why it cannot run the field.
        """
        return ()

    def plan(self, field: Field, objective: AnyObjective | None) -> Plan | str:
        """Make a field ready to run.

        Args:
            field: the field to be run; it stays as it is.
            objective: what is minimised; None for a plan of which only `forward` is used, as rendering does.

        Returns:
            The plan, or the reason in words why this engine has none for this field and objective.
        """
        raise NotImplementedError
