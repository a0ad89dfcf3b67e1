"""What an engine is, what it is given and what it gives back, and the registry that finds engines by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from inr._parts import Part, Registry
from inr.field import Field
from inr.signals import Signal

engines = Registry(
    "engine",
    "inr.engines._cpu._engine",
    "inr.engines._eager",
    "inr.engines._tcnn._engine",
    "inr.engines._triton._engine",
)

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """The samples of one step.

    Attributes:
        indices: flat indices (n,) into the signal, int64.
        weights: importance of each sample (n,), or of each value (n, c); 1 where None.
        offsets: (n, c), half of what is added to the slope of the loss by each residual, before it is weighted and
            divided by n c; 0 where None. A squared error adds them to the residuals. By them a further term of the loss
            joins in on any engine: one whose slope by a residual is g acts as an offset of g (n c) / (2 weight).
        shifts: where in the cells of a grid's samples the places lie that are learned, from the centres, in cells, from
            -1/2 to 1/2; (n, d), columns x, y(, z)(, t). Their values are the signal's in between its samples, see
            `inr.signals.GridSignal.interpolated`. None: the samples themselves, at the centres.
        excess: by what factor the mean squared error of such batches exceeds that of the whole signal, as far as a
            teacher knows that its choice and weights make a difference. Steps do not heed it; what a fit tells of its
            squared error does.
    """

    indices: Int[Tensor, " n"]
    weights: Float[Tensor, "..."] | None = None
    offsets: Float[Tensor, "n c"] | None = None
    excess: float = 1.0
    shifts: Float[Tensor, "n d"] | None = None

    def to(self, device: torch.device) -> "Batch":
        """The batch with its tensors on a device.

        Args:
            device: where the tensors are to be.

        Returns:
            The same batch where they are there already.
        """
        if self.indices.device == device:
            return self

        def moved(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device, non_blocking=True)

        return Batch(
            self.indices.to(device, non_blocking=True), moved(self.weights), moved(self.offsets), self.excess,
            moved(self.shifts),
        )  # fmt: skip


@dataclass(frozen=True)
class RowSparse:
    """The gradient of a table of which a batch touches few rows.

    Attributes:
        grad: the whole gradient (entries, features), zeros included; an engine's own buffer, good until its next step.
        touched: uint8, one for every BLOCK rows (the last block may be short): 0 where all of `grad` is zero.
    """

    BLOCK = 8

    grad: Float[Tensor, "entries features"]
    touched: UInt8[Tensor, " blocks"]

    def to_dense(self) -> Float[Tensor, "entries features"]:
        """The gradient as an ordinary tensor; not a copy."""
        return self.grad


class StepResult(NamedTuple):
    """What a step computes: the loss, its gradients by tensor name, the coordinates seen and what they still miss.

    Of a network with several heads `loss` and `residuals` are the last one's, gradients those of the sum of all losses.
    Gradients may be the plan's own buffers, which its next step overwrites. Where 16-bit gradients overflowed,
    `skipped` is true and there are none: the plan then scales them down, and parameters stay until its next step.
    `squared` is the mean squared error where it is known besides the loss; residuals are then read by teachers alone,
    and where no teacher reads them they may be without columns, (n, 0).
    """

    loss: Tensor
    grads: dict[str, Tensor | RowSparse]
    coords: Float[Tensor, "n d"]
    residuals: Float[Tensor, "n c"]  # prediction - target, normalised values
    skipped: bool = False
    squared: float | None = None


@runtime_checkable
class Objective(Protocol):
    """What is minimised, as engines see it.

    Attributes:
        derivative_order: how often the field is differentiated in its coordinates: 0 for a loss of values.
    """

    derivative_order: int

    def coords(self, batch: Batch) -> Float[Tensor, "n d"]:
        """Coordinates (n, d) of the n samples of a batch, float32."""
        ...

    def residuals(self, values: Float[Tensor, "n c"], batch: Batch) -> Float[Tensor, "n c"]:
        """What the field still misses.

        Args:
            values: the field's normalised values (n, c) at the coordinates of the batch, float32.
            batch: the samples.

        Returns:
            Prediction minus target (n, c), float32.
        """
        ...

    def loss(self, residuals: Float[Tensor, "n c"], batch: Batch) -> Float[Tensor, ""]:
        """The number to minimise.

        Args:
            residuals: what `residuals` gave, (n, c), float32.
            batch: the samples, with their weights.

        Returns:
            A scalar, float32.
        """
        ...


@runtime_checkable
class Pointwise(Objective, Protocol):
    """An objective that is the mean of one formula over samples and channels: what engines have kernels for.

    Attributes:
        squared: whether the formula is the square of the residual, for which engines have kernels of their own.
        signal: whose coordinates and values `coords` and `targets` are.
    """

    squared: bool
    signal: Signal

    def targets(self, batch: Batch) -> Float[Tensor, "n c"]:
        """What the values of a batch should be, (n, c), normalised, float32, less the batch's offsets."""
        ...

    def formula(self, ops: Any, residual: Any, value: Any, **constants: Any) -> Any:
        """The loss of one value, in the functions of `ops`; see `inr.objectives.PointwiseObjective`."""
        ...

    def constants(self) -> Mapping[str, float | Sequence[float]]:
        """The numbers that the formula takes besides, one for all channels or one each."""
        ...


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

    def plan(self, field: Field, objective: Objective | None) -> Plan | str:
        """Make a field ready to run.

        Args:
            field: the field to be run; it stays as it is.
            objective: what is minimised; None for a plan of which only `forward` is used, as rendering does.

        Returns:
            The plan, or the reason in words why this engine has none for this field and objective.
        """
        raise NotImplementedError
