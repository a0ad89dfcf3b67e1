"""Adam: by a compiled kernel, and by torch."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor
from torch.optim import Adam

from inr.fitting._optimiser import Gradients, Group, LearningRates, Optimiser, dense

if TYPE_CHECKING:
    from inr.fitting._adam_kernel import Move
    from inr.jit import Call


@dataclass(frozen=True)
class AdamProgram:
    """Adam's steps, as numbers and a call.

    Attributes:
        moves: what holds the memory of all that is moved.
        call: a step; its argument `numbers` is to be where those of the step are.
        places: int64 (parameters, 5), addresses of values, moments and gradient, and how many numbers each has.
        numbers: float64 (steps, parameters, 6).
        names: of the parameters.
    """

    moves: Sequence["Move"]
    call: "Call"
    places: np.ndarray
    numbers: np.ndarray
    names: Sequence[str]


def numbers_of_steps(
    optimiser: Optimiser, learning_rates: LearningRates, factors: Sequence[float]
) -> Float64[np.ndarray, "steps groups 6"]:
    """Adam's constants in every step of a fit.

    Args:
        optimiser: whose groups they are of; it is left with the rates of the last step.
        learning_rates: by the names of the groups.
        factors: of a schedule, one for every step.

    Returns:
        By the groups of the optimiser, in the order of `inr.engines.Course.numbers`.
    """
    from inr.fitting._adam_kernel import adam_numbers

    table = []
    for step, factor in enumerate(factors, start=1):
        optimiser.set_learning_rates(learning_rates, factor)
        table.append([adam_numbers(step, each.learning_rate, each.betas, each.eps) for each in optimiser.groups])
    return np.array(table, np.float64)


class FusedAdam(Optimiser):
    """Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015) by one compiled kernel.

    The kernel reads and writes all parameters in one pass over memory, whatever engine differentiates.

    Args:
        groups: contiguous float32 parameters in main memory.
        threads: that the kernel may use.
    """

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
        """See `Optimiser.prepare`."""
        start = time.perf_counter()
        from inr.fitting._adam_kernel import prepare

        prepare(self._threads)
        return time.perf_counter() - start

    def step(self, grads: Gradients) -> None:
        """See `Optimiser.step`."""
        from inr.fitting._adam_kernel import adam_step

        self._steps += 1
        adam_step(self._moves(grads), self._threads)

    def program(self, grads: Gradients, numbers: Float64[np.ndarray, "steps groups 6"]) -> "AdamProgram":
        """Steps from the first one on, for loops that run without the interpreter.

        Args:
            grads: by the names of the parameters; they stay where they are.
            numbers: of every step, by group, as `numbers_of_steps` gives them.
        """
        from inr.fitting._adam_kernel import adam_call

        moves = self._moves(grads)
        call, places = adam_call(moves)
        of_parameters = np.repeat(numbers, [len(group.parameters) for group in self.groups], axis=1)
        return AdamProgram(
            moves, call, places, of_parameters, [name for group in self.groups for name in group.parameters]
        )

    def _moves(self, grads: Gradients) -> list["Move"]:
        """The step that comes next, of every parameter."""
        from inr.fitting._adam_kernel import Move

        return [
            Move(
                tensor,
                *self._moments[name],
                dense(grads[name]).contiguous(),
                self._steps,
                group.learning_rate,
                group.betas,
                group.eps,
            )
            for group in self.groups
            for name, tensor in group.parameters.items()
        ]

    def state(self) -> dict[str, Tensor]:
        """See `Optimiser.state`."""
        return {
            f"{name}/{key}": value
            for name, (mean, square) in self._moments.items()
            for key, value in (("step", torch.tensor(float(self._steps))), ("exp_avg", mean), ("exp_avg_sq", square))
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Optimiser.restore`."""
        for name, (mean, square) in self._moments.items():
            mean.copy_(state[f"{name}/exp_avg"])
            square.copy_(state[f"{name}/exp_avg_sq"])
            self._steps = int(state[f"{name}/step"])


class TorchAdam(Optimiser):
    """Adam as `torch.optim.Adam` computes it, for parameters of any device and type.

    Args:
        groups: the parameters.
        fused: whether torch takes its fused kernel, which rounds differently from its plain one.
    """

    def __init__(self, groups: list[Group], *, fused: bool = True) -> None:
        super().__init__(groups)
        self._parameters = {name: tensor for group in groups for name, tensor in group.parameters.items()}
        self._adam = Adam(
            [
                {
                    "params": list(group.parameters.values()),
                    "lr": group.learning_rate,
                    "betas": group.betas,
                    "eps": group.eps,
                }
                for group in groups
            ],
            fused=fused,
        )

    def step(self, grads: Gradients) -> None:
        """See `Optimiser.step`."""
        for ours, theirs in zip(self.groups, self._adam.param_groups, strict=True):
            theirs["lr"] = ours.learning_rate
        for name, parameter in self._parameters.items():
            parameter.grad = dense(grads[name])
        self._adam.step()

    def state(self) -> dict[str, Tensor]:
        """See `Optimiser.state`."""
        return {
            f"{name}/{key}": value
            for name, parameter in self._parameters.items()
            for key, value in self._adam.state[parameter].items()
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """See `Optimiser.restore`."""
        for full_name, value in state.items():
            name, _, key = full_name.rpartition("/")
            parameter = self._parameters[name]
            # Moments are laid out as torch lays them out, which is as their parameter is.
            moment = value.shape == parameter.shape and key != "step"
            kept = torch.empty_like(parameter).copy_(value) if moment else value.to(parameter.device)
            self._adam.state[parameter][key] = kept.detach()
