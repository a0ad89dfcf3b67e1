"""Methods with an inner loop for every signal: their parametrisation, and what they share."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from inr.engines import Batch, Plan, StepResult
from inr.engines import plan as make_plan
from inr.field import Field
from inr.fitting import (
    Budget,
    Fitter,
    Gradients,
    Group,
    LearningRates,
    Optimiser,
    Parametrisation,
    Setup,
    make_optimiser,
    parameter_groups,
)
from inr.priors._collection import Collection
from inr.priors._method import Learned, Method
from inr.signals import grid_coords


class Outer(NamedTuple):
    """What an outer step found, without a graph.

    Attributes:
        loss: the mean squared error after the inner loop, of all signals.
        grads: by the names of the leaves.
        residuals: of the signals after the inner loop, (signals, n, c).
    """

    loss: Tensor
    grads: dict[str, Tensor]
    residuals: Tensor


class Lost(NamedTuple):
    """What some signals lose, with a graph.

    Attributes:
        loss: what is minimised.
        values: of the signals after the inner loop, (signals, n, c).
        told: the loss that is told; None: the one that is minimised.
    """

    loss: Tensor
    values: Tensor
    told: Tensor | None = None


def differentiated(
    leaves: Mapping[str, Tensor], targets: Float[Tensor, "b n c"], lose: Callable[[Mapping[str, Tensor]], Lost]
) -> Outer:
    """An outer step by automatic differentiation.

    Args:
        leaves: what is learned, by name.
        targets: of every signal.
        lose: gives the loss by the leaves, which it can be differentiated by.
    """
    with torch.enable_grad():
        given = {name: leaf.detach().requires_grad_(True) for name, leaf in leaves.items()}
        lost = lose(given)
        slopes = torch.autograd.grad(lost.loss, list(given.values()), allow_unused=True, materialize_grads=True)
    told = lost.loss if lost.told is None else lost.told
    return Outer(told.detach(), dict(zip(given, slopes, strict=True)), (lost.values - targets).detach())


class MetaMethod(Method):
    """A method whose steps go through an inner loop of each of some signals.

    Attributes:
        signals: in a step.
    """

    batch = 1_024
    signals: int

    @abstractmethod
    def outer(
        self,
        field: Field,
        leaves: Mapping[str, Tensor],
        coords: Float[Tensor, "n d"],
        targets: Float[Tensor, "b n c"],
        draw: np.random.Generator,
    ) -> Outer:
        """Loss and gradients of some signals.

        Args:
            field: of one signal.
            leaves: its parameters, and those of `own`, by name.
            coords: of samples.
            targets: their values, of every signal.
            draw: for what a method draws in a step.
        """

    def bound(self, own: Mapping[str, Tensor]) -> None:
        """Take what is learned besides the field's parameters back to where it makes sense, in place.

        Args:
            own: after a step.
        """

    def fitter(self, signals: Collection, setup: Setup, steps: int, **options: Any) -> Fitter:
        """See `Method.fitter`."""
        engine = options.pop("engine", "auto")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.get("seed", 0))
            parts = {"encoding": setup.encoding, "activation": setup.activation, "network": setup.network}
            field = Field.build(signals.domain, **parts)
            weights = MetaWeights(self, signals, options.get("seed", 0))
            # gradients of gradients are autograd's alone
            plan = make_plan(field, None, "eager" if engine == "auto" else engine)
            return Fitter(
                signals.stacked(), setup, Budget(steps=steps), parametrisation=weights, field=field, plan=plan,
                **options,
            )  # fmt: skip

    def learned(self, fitter: Fitter, signals: Collection) -> Learned:
        """See `Method.learned`."""
        weights = fitter.parametrisation
        assert isinstance(weights, MetaWeights)
        self.bound(weights.own)
        return Learned(fitter.field.state_dict(), weights.own)


class MetaWeights(Parametrisation):
    """A field's parameters, and what a method learns besides, moved by gradients through inner loops.

    Every step takes some of the signals, a function of the seed and the step alone.

    Args:
        method: what an outer step is.
        signals: all that is learned from.
        seed: decides which signals a step has.
    """

    tolerated_rise: ClassVar[float] = float("inf")  # batches of different signals

    def __init__(self, method: MetaMethod, signals: Collection, seed: int) -> None:
        self._method, self._seed = method, seed
        self._targets, self._shape = signals.targets, signals.values.shape[1:-1]
        self._count = min(method.signals, len(signals))
        self._step = torch.zeros((), dtype=torch.int64)

    def bind(self, field: Field, plan: Plan) -> None:
        """See `Parametrisation.bind`."""
        self._field = field
        self.own = self._method.own(field)
        self.leaves = dict(field.named_parameters()) | self.own

    def optimiser(self, learning_rates: LearningRates, threads: int, name: str) -> Optimiser:
        """Groups of the field's parameters, and one of the others, which learn at the network's rate."""
        groups = parameter_groups(self._field, learning_rates)
        if self.own:
            groups.append(Group("network", self.own, learning_rates["network"]))
        return make_optimiser(groups, threads, name)

    def weights(self) -> Mapping[str, Tensor]:
        """The field's parameters."""
        return {name: leaf for name, leaf in self.leaves.items() if name not in self.own}

    def materialise(self, fraction: float) -> Mapping[str, Tensor]:
        """As `weights`."""
        return self.weights()

    def backward(self, grads: Gradients) -> Gradients:
        """The same: `loss_and_grad` gives them by the leaves."""
        return grads

    def loss_and_grad(self, plan: Plan, batch: Batch, fraction: float) -> StepResult:
        """A step's loss after the inner loops of its signals, and the gradients by the leaves."""
        self._method.bound(self.own)
        coords = grid_coords(self._shape, batch.indices)
        targets = self._targets[self._chosen(int(self._step))][:, batch.indices]
        draw = np.random.default_rng([self._seed, int(self._step), 1])
        self._step += 1
        found = self._method.outer(self._field, self.leaves, coords, targets, draw)
        return StepResult(found.loss, dict(found.grads), coords, found.residuals.transpose(0, 1).flatten(1))

    def _chosen(self, step: int) -> Int[Tensor, " signals"]:
        """Which signals a step learns from."""
        draw = np.random.default_rng([self._seed, step])
        return torch.from_numpy(draw.choice(len(self._targets), self._count, replace=False))

    def recipe(self) -> dict[str, Any]:
        """The method with its settings."""
        return {"method": self._method.config()}

    def state(self) -> dict[str, Tensor]:
        """How many steps were taken, which decides the next one's signals."""
        return {"step": self._step.clone()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Parametrisation.restore`."""
        self._step = state["step"].clone()
