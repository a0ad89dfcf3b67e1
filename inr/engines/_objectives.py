"""What is minimised, as engines see it: losses of values, and of values and derivatives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from inr.engines._batch import Batch, Tensors
from inr.field import Jet, Reads
from inr.signals import PointPool, Signal

# by what names learned numbers of an objective stand among a step's tensors and gradients: "numbers.nu"
NUMBERS = "numbers."


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


class At(NamedTuple):
    """What a formula reads at a point: tensors (n,) in eager execution, symbols where code is generated.

    Attributes:
        values: one for each channel.
        first: for each channel, one for each axis of the term's `Reads.first`.
        second: for each channel, one for each operator of the term's `Reads.second`.
        coords: one for each axis: the point, in [-1, 1].
        data: by the names of the term's columns.
        numbers: by the names of the objective's learned numbers.
    """

    values: Sequence[Any]
    first: Sequence[Sequence[Any]]
    second: Sequence[Sequence[Any]]
    coords: Sequence[Any]
    data: Mapping[str, Any]
    numbers: Mapping[str, Any]


@dataclass(frozen=True)
class Term:
    """A term of a loss: its weight times the mean, over a set of points, of a formula.

    The formula is called with torch's functions and tensors by eager execution, which differentiates it automatically,
    and with sympy's and symbols by engines, which generate the code of their kernels from it; see
    `inr.activations.FUNCTIONS` and `SYMBOLIC`. Terms of equal reads, columns and formula share their kernels; a formula
    is therefore a function of what it is given alone.

    Attributes:
        name: as it is told to users ("eikonal").
        reads: derivatives that the formula reads.
        formula: (ops, at) to the loss of a point, where `ops` has sin, cos, exp, tanh, relu, abs, root and reciprocal,
            and `at` is an `At`.
        columns: names of the numbers that each point of the set brings besides its coordinates.
        numbers: names of learned numbers that the formula reads.
        weight: of the term in the loss.
    """

    name: str
    reads: Reads
    formula: Callable[[Any, At], Any]
    columns: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    weight: float = 1.0


class PointSet(NamedTuple):
    """Points that a term is the mean over.

    Attributes:
        coords: float32 (n, d), in [-1, 1].
        data: float32 (n, k), the term's columns.
        importance: float32 (n,), by which each point counts in the mean, 1 where None; the mean is still over n.
    """

    coords: Float[Tensor, "n d"]
    data: Float[Tensor, "n k"]
    importance: Float[Tensor, " n"] | None = None


def point_sets(pool: PointPool, batch: Batch) -> list[PointSet]:
    """The points of a batch of a pool, set by set, on the processor: plans move them to where they compute.

    Args:
        pool: whose points they are.
        batch: with the numbers of the points, as teacher "sets" gives them.
    """
    return [PointSet(torch.from_numpy(coords), torch.from_numpy(data)) for coords, data in pool.points(batch.indices)]


@runtime_checkable
class Local(Protocol):
    """An objective that is a sum of terms, each over points of its own.

    A step's `residuals` are the losses of all points, (n, 1), set after set in the order of the terms, without weights;
    its `coords` are all points', and `squared` is the loss.
    """

    terms: Sequence[Term]

    def points(self, batch: Batch) -> Sequence[PointSet]:
        """The points of each term, in the order of `terms`, on any device.

        A set may be empty: its term is then left out.
        """
        ...


@runtime_checkable
class Scheduled(Protocol):
    """An objective that changes as a fit goes on, by its `PointSet.importance` or by what sets are empty."""

    def progress(self, done: float) -> None:
        """Be the objective of a step; called before each.

        Args:
            done: share of the fit's steps, from 0 up to 1.
        """
        ...


@runtime_checkable
class Stateful(Protocol):
    """An objective that steps change otherwise than by their number, as by points that are drawn anew."""

    def state(self) -> dict[str, Tensor]:
        """What later steps depend on, for checkpoints."""
        ...

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state.

        Args:
            state: as `state` gave it, of an objective that was made with the same arguments.
        """
        ...


@runtime_checkable
class Overall(Protocol):
    """An objective that is any function of what a field has at points: a projection, a blur, a distance of sets.

    It takes two passes over the points: values first, then, from the gradient of the loss by them, the gradients of the
    weights. A step's `residuals` are (n, 0), and `squared` is the loss.
    """

    reads: Reads

    def coords(self, batch: Batch) -> Float[Tensor, "n d"]:
        """All points that the loss reads, float32 (n, d)."""
        ...

    def total(self, jet: Jet, batch: Batch) -> Float[Tensor, ""]:
        """The loss, which can be differentiated by the jet's tensors."""
        ...


def split_numbers(tensors: Tensors) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The field's weights, and the objective's learned numbers by their own names."""
    weights = {name: tensor for name, tensor in tensors.items() if not name.startswith(NUMBERS)}
    return weights, {name.removeprefix(NUMBERS): tensor for name, tensor in tensors.items() if name.startswith(NUMBERS)}


# losses of jets: of values and derivatives of points each by itself, or of many points at once
OfJets: TypeAlias = Local | Overall
# what a plan may be made for: a loss of values, or of jets
AnyObjective: TypeAlias = Objective | OfJets
