"""The parametrisation of methods whose steps go through inner loops of several signals."""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Float
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


class Outer(NamedTuple):
    """What an outer step found.

    Without a graph.

    Attributes:
        loss: the mean squared error after the inner loop, of all signals.
        grads: by the names of the leaves.
        residuals: of the signals after the inner loop, (signals, n, c).
    """

    loss: Tensor
    grads: dict[str, Tensor]
    residuals: Tensor


class Inner(Protocol):
    """A method with an inner loop."""

    signals: int

    def own(self, field: Field) -> dict[str, Tensor]:
        """What is learned besides the field's parameters, as it begins."""
        ...

    def rate(self, name: str) -> float:
        """The share of the learning rate that one of these learns at."""
        ...

    def outer(
        self,
        field: Field,
        leaves: Mapping[str, Tensor],
        coords: Float[Tensor, "n d"],
        targets: Float[Tensor, "b n c"],
    ) -> Outer:
        """Loss and gradients of some signals."""
        ...

    def bound(self, own: Mapping[str, Tensor]) -> None:
        """Take what is learned back to where it makes sense, after a step."""
        ...


class MetaWeights(Parametrisation):
    """A field's parameters, and what a method learns besides, moved by gradients through inner loops.

    Every step takes some of the signals, a function of the seed and the step alone.

    Args:
        method: what an outer step is.
        signals: all that is learned from.
        seed: decides which signals a step has.
    """

    tolerated_rise: ClassVar[float] = float("inf")  # batches of different signals

    def __init__(self, method: Any, signals: Collection, seed: int) -> None:
        self._method: Inner = method
        self._targets, self._seed = signals.targets, seed
        self._count = min(self._method.signals, len(signals))
        self._step = torch.zeros((), dtype=torch.int64)

    def bind(self, field: Field, plan: Plan) -> None:
        """See `Parametrisation.bind`."""
        self._field = field
        self.own = self._method.own(field)
        self.leaves = dict(field.named_parameters()) | self.own

    def optimiser(self, learning_rates: LearningRates, threads: int, name: str) -> Optimiser:
        """Groups of the field's parameters, and one for each of the others that learns at a rate of its own."""
        rate = learning_rates["network"]
        apart = [
            Group("network", {key: tensor}, rate * self._method.rate(key), share=self._method.rate(key))
            for key, tensor in self.own.items()
        ]
        return make_optimiser(parameter_groups(self._field, learning_rates) + apart, threads, name)

    def weights(self) -> Mapping[str, Tensor]:
        """The field's parameters."""
        return {name: leaf for name, leaf in self.leaves.items() if name not in self.own}

    def loss_and_grad(self, plan: Plan, batch: Batch, fraction: float) -> StepResult:
        """A step's loss after the inner loops of its signals, and the gradients by the leaves."""
        self._method.bound(self.own)
        chosen = self.chosen(int(self._step))
        self._step += 1
        signal_coords = self._coords(batch)
        targets = self._targets[chosen][:, batch.indices]
        found = self._method.outer(self._field, self.leaves, signal_coords, targets)
        residuals = found.residuals.transpose(0, 1).flatten(1)
        return StepResult(found.loss, found.grads, signal_coords, residuals)  # type: ignore[arg-type]

    def chosen(self, step: int) -> Tensor:
        """Which signals a step learns from, int64 (signals,)."""
        draw = np.random.default_rng([self._seed, step])
        return torch.from_numpy(draw.choice(len(self._targets), self._count, replace=False))

    def _coords(self, batch: Batch) -> Tensor:
        from inr.signals import grid_coords

        shape = self._field.domain.shape
        assert shape is not None
        return grid_coords(shape, batch.indices)

    def backward(self, grads: Gradients) -> Gradients:
        """The same: `loss_and_grad` gives them by the leaves."""
        return grads

    def materialise(self, fraction: float) -> Mapping[str, Tensor]:
        """As `weights`."""
        return self.weights()

    def recipe(self) -> dict[str, Any]:
        """The method with its settings."""
        return {"method": self._method.config()}  # type: ignore[attr-defined]

    def state(self) -> dict[str, Tensor]:
        """How many steps were taken, which decides the next one's signals."""
        return {"step": self._step.clone()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Parametrisation.restore`."""
        self._step = state["step"].clone()


def meta_fitter(method: Any, signals: Collection, setup: Setup, steps: int, **options: Any) -> Fitter:
    """The fit of a method with an inner loop.

    Args:
        method: an `Inner`.
        signals, setup, steps, options: as of `Method.fitter`.
    """
    engine = options.pop("engine", "auto")
    seed = options.get("seed", 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        field = Field.build(signals.domain, encoding=setup.encoding, activation=setup.activation, network=setup.network)
        weights = MetaWeights(method, signals, seed)
        # gradients of gradients are autograd's alone
        plan = make_plan(field, None, "eager" if engine == "auto" else engine)
        return Fitter(
            signals.stacked(), setup, Budget(steps=steps), parametrisation=weights, field=field, plan=plan, **options
        )
