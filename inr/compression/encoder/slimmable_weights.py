"""Fitting all widths of one set of weights at once."""

import math
import operator
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from inr.compression.bitstream.slimmable import Slimmable, Tensors
from inr.engines import Batch, Plan, StepResult, plan
from inr.field import Field, Spec
from inr.fitting import Group, Optimiser, Parametrisation, make_optimiser
from inr.objectives import Regression
from inr.signals import Signal

# samples on which `SlimmableWeights.loss` is measured, at most
_JUDGED_SAMPLES = 16_384
# widths between the narrowest and the widest that a step learns from
_WIDTHS_BETWEEN = 2
# Of what a decibel counts at the narrowest width, that at the widest: narrow networks gain by what they share, and wide
# ones pay for it.
_EMPHASIS = 1.8
# what losses are at least, in what their logarithms and slopes are taken of
_SMALLEST_LOSS = 1e-30


class SlimmableWeights(Parametrisation):
    """One set of weights, of which every step learns at several widths.

    A step learns from the narrowest network, the widest, and up to two drawn between (Yu and Huang, "Universally
    slimmable networks and improved training techniques", ICCV 2019). What is minimised is a sum of the logarithms of
    their losses: a decibel counts however large a loss is, and up to 1.8 times as much at wide networks. In a plain sum
    of losses the narrow networks, whose losses are larger, are fitted at the expense of the wide ones.

    The field that is fitted is the widest network, and a fit's losses are its. The best leaves are those of the least
    geometric mean of the narrowest's and the widest's running losses.

    Args:
        signal: what is represented.
        slimmable: how the widths share their weights.
        narrower: a field for every width but the widest.
        engine: what runs the narrower ones.
        start: leaves to begin with; None: those of the fitted field, from which the narrower networks are cut.
        rounding: what makes of the leaves the tensors that steps compute with; None: they are the same.
        seed: decides which widths take part.

    Attributes:
        leaves: the tensors of all blocks, see `Slimmable`, on the engine's device.
    """

    tolerated_rise = math.exp(0.1)
    keeps_start = True

    def __init__(
        self,
        signal: Signal,
        slimmable: Slimmable,
        narrower: Sequence[Field],
        *,
        engine: Spec = "auto",
        start: Tensors | None = None,
        rounding: Parametrisation | None = None,
        seed: int = 0,
    ) -> None:
        self._signal, self._slimmable, self._start = signal, slimmable, start
        self._narrower = [plan(field, Regression(signal), engine)[1] for field in narrower]
        self._rounding = rounding
        count = len(narrower) + 1
        self._shares = [1 + (_EMPHASIS - 1) * index / (count - 1) for index in range(count)]
        self._seed = seed
        self._drawn = torch.Generator().manual_seed(seed)
        # exponential means of the logarithms of the narrowest's and the widest's losses
        self._running = math.nan, math.nan

    def bind(self, field: Field, plan: Plan) -> None:
        """See `Parametrisation.bind`."""
        self._plans = [*self._narrower, plan]
        start = self._slimmable.tensors(field.state_dict()) if self._start is None else self._start
        self.leaves = {name: tensor.detach().to(plan.device) for name, tensor in start.items()}
        if self._rounding is not None:
            self._rounding.leaves = self.leaves

    def prepare(self) -> float:
        """See `Parametrisation.prepare`."""
        return sum(each.prepare() for each in self._narrower)

    def optimiser(self, learning_rates: Mapping[str, float], threads: int, name: str) -> Optimiser:
        """See `Parametrisation.optimiser`; the matrices of every block have bases of their own in SOAP."""
        return make_optimiser([Group("network", self.leaves, learning_rates["network"])], threads, name)

    def weights(self) -> dict[str, Tensor]:
        """The widest network's."""
        return self._slimmable.networks(self.leaves, len(self._plans))[-1]

    def loss_and_grad(self, plan: Plan, batch: Batch, fraction: float) -> StepResult:
        """The widest network's loss and residuals, and the gradients of what is minimised by the leaves."""
        tensors = self.leaves if self._rounding is None else self._rounding.materialise(fraction)
        results, result = self._differentiate(tensors, batch)
        losses = [float(each.loss) for each in results]
        if not all(map(math.isfinite, losses)):
            return result._replace(loss=torch.tensor(math.nan))
        self._observe(losses[0], losses[-1])
        grads = result.grads if self._rounding is None else dict(self._rounding.backward(result.grads))
        return result._replace(grads=grads)

    def judged(self, running_loss: float) -> float:
        """See `Parametrisation.judged`."""
        return math.exp(sum(self._running) / 2)

    def state(self) -> dict[str, Tensor]:
        """The running losses, where the drawing of widths stands, and the rounding's state."""
        inner = {} if self._rounding is None else self._rounding.state()
        running = torch.tensor(self._running, dtype=torch.float64)
        return {"running": running, "drawn": self._drawn.get_state()} | {f"rounding/{key}": inner[key] for key in inner}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Parametrisation.restore`."""
        narrowest, widest = state["running"].tolist()
        self._running = narrowest, widest
        self._drawn.set_state(state["drawn"])
        if self._rounding is not None:
            prefix = "rounding/"
            self._rounding.restore({k.removeprefix(prefix): each for k, each in state.items() if k.startswith(prefix)})

    def loss(self, tensors: Tensors) -> float:
        """The geometric mean of the widths' losses, weighted by their shares, on some samples; of a bound set.

        Args:
            tensors: in the place of the leaves.
        """
        device = self._plans[-1].device
        generator = torch.Generator().manual_seed(self._seed)
        indices = torch.randperm(self._signal.size, generator=generator)[:_JUDGED_SAMPLES].to(device)
        coords, values = self._signal.coords(indices), self._signal.values(indices)
        there = {name: tensor.detach().to(device) for name, tensor in tensors.items()}
        losses = [
            float((ready.forward(network, coords) - values).square().mean())
            for ready, network in zip(self._plans, self._slimmable.networks(there, len(self._plans)), strict=True)
        ]
        return math.exp(sum(map(operator.mul, self._shares, map(_logarithm, losses))) / sum(self._shares))

    def _differentiate(self, tensors: Tensors, batch: Batch) -> tuple[list[StepResult], StepResult]:
        """The results of the widths that take part, from narrow to wide, and the widest's with gradients of all."""
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in tensors.items()}
        networks = self._slimmable.networks(leaves, len(self._plans))
        results, outputs, slopes = list[StepResult](), list[Tensor](), list[Tensor]()
        for index in self._taking_part():
            there = {name: tensor.detach().contiguous() for name, tensor in networks[index].items()}
            results.append(self._plans[index].loss_and_grad(there, batch))
            if not results[-1].skipped:
                outputs += networks[index].values()
                slope = self._shares[index] / max(float(results[-1].loss), _SMALLEST_LOSS)
                slopes += [slope * results[-1].grads[name].to_dense() for name in networks[index]]
        if not outputs:
            return results, results[-1]
        grads = torch.autograd.grad(outputs, [*leaves.values()], slopes, allow_unused=True, materialize_grads=True)
        return results, results[-1]._replace(grads=dict(zip(leaves, grads, strict=True)), skipped=False)

    def _taking_part(self) -> list[int]:
        """Which widths a step learns from, ascending."""
        count = len(self._plans)
        between = (torch.randperm(count - 2, generator=self._drawn)[:_WIDTHS_BETWEEN] + 1).tolist()
        return [0, *sorted(between), count - 1]

    def _observe(self, narrowest: float, widest: float) -> None:
        """Take a step's losses into the running ones."""
        latest = _logarithm(narrowest), _logarithm(widest)
        if math.isnan(self._running[0]):
            self._running = latest
        else:
            first, last = (0.95 * mean + 0.05 * new for mean, new in zip(self._running, latest, strict=True))
            self._running = first, last


def _logarithm(loss: float) -> float:
    return math.log(max(loss, _SMALLEST_LOSS))
