"""Fitting quantised weights: the field computes with them as they will be decoded, and steps are learned as well."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float32, Int32
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from inr._errors import InrError
from inr.compression.encoder.quantise import Quantised, along_rows, check_values, integer_range, quantise_to


class FakeQuantiser:
    """Learned steps for named tensors, and what the tensors are when quantised with them.

    A fit hands `effective(tensors)` to its plan, back-propagates the plan's gradients through them, and moves both the
    tensors and `log_steps`. What is learned of a step is its logarithm: it stays positive, and an optimiser such as
    Adam, whose moves do not depend on how large gradients are, moves every step in proportion to itself.

    Args:
        start: a quantisation of each tensor. Widths and zero points are kept, and steps are learned from there.
            `quantise(…, choice="mse")` is a good start. The published one, `lsq_step`, is for 2 to 4 bits: at 8 its
            steps are several times too wide, from which short fits do not recover.

    Attributes:
        log_steps: natural logarithms of the steps by tensor name, () or (rows,), leaves that take gradients.
    """

    def __init__(self, start: Mapping[str, Quantised]) -> None:
        self._start = dict(start)
        self.log_steps = {name: quantised.step.detach().log().requires_grad_() for name, quantised in start.items()}

    def steps(self) -> dict[str, Tensor]:
        """The steps by tensor name, () or (rows,), differentiable."""
        return {name: logarithm.exp() for name, logarithm in self.log_steps.items()}

    def effective(self, tensors: Mapping[str, Tensor], noise: torch.Generator | None = None) -> dict[str, Tensor]:
        """What the field computes with: tensors as `fake_quantise` gives them, those without a step as they are.

        Args:
            tensors: as they are now, by name; float32.
            noise: draw noise from it, on the tensors' device, instead of rounding.
        """
        self._check_names(tensors)
        steps = self.steps()
        return {
            name: fake_quantise(tensor, steps[name], self._start[name].zero, self._start[name].bits, noise)
            if name in steps
            else tensor
            for name, tensor in tensors.items()
        }

    @torch.no_grad()
    def quantised(self, tensors: Mapping[str, Tensor]) -> dict[str, Quantised]:
        """The integers of tensors that have a step; dequantised, they equal what `effective` gives without noise.

        Raises InrError for tensors that cannot be quantised.
        """
        self._check_names(tensors)
        return {
            name: quantise_to(tensors[name], self._start[name].bits, step, self._start[name].zero)
            for name, step in self.steps().items()
        }

    def _check_names(self, tensors: Mapping[str, Tensor]) -> None:
        for name in self.log_steps:
            if name not in tensors:
                raise InrError(f"'{name}' has a step to be quantised with, and is not among the tensors")


def lsq_step(tensor: Float32[Tensor, "..."], bits: int, *, per_channel: bool = False) -> Float32[Tensor, "*rows"]:
    """A step to start learning from: 2 mean |w| / sqrt(Q), Q the highest integer (Esser et al., ICLR 2020).

    Args:
        tensor: any shape, at least one value.
        bits: width of the integers, 2 to 16.
        per_channel: a step for every row of the first axis.

    Returns: () or (rows,); 1 where all values are zero.
    """
    _, highest = integer_range(bits)
    check_values(tensor)
    sizes = tensor.detach().abs()
    step = 2 * (sizes.reshape(len(tensor), -1).mean(1) if per_channel else sizes.mean()) / math.sqrt(highest)
    return torch.where(step > 0, step, 1.0)


def fake_quantise(
    tensor: Float32[Tensor, "..."],
    step: Float32[Tensor, "*rows"],
    zero: Int32[Tensor, "*rows"],
    bits: int,
    noise: torch.Generator | None = None,
) -> Float32[Tensor, "..."]:
    """Values as their integers would give them, with slopes by tensor and step to learn from, once.

    Learned step size quantisation (Esser et al., ICLR 2020) gives s round(clip(w/s, -P, Q)). Its slope by w is 1 where
    w/s is between the bounds, 0 elsewhere; by s it is round(w/s) - w/s there and the bound elsewhere, all times
    g = 1 / sqrt(n q), for n values that share a step and the highest integer q.

    With noise, its stand-in of Ballé et al. (ICLR 2017) gives s (clip(w/s, -P, Q) + u), u uniform from -1/2 to 1/2.
    The slopes are exact but for g, by which that by s is multiplied too: 1 and u between the bounds, 0 and bound + u
    elsewhere.

    Args:
        tensor: any shape.
        step: () or one a row of the first axis; positive.
        zero: as `Quantised`'s, of the step's shape; bounds are those of the integers less `zero`.
        bits: width of the integers, 2 to 16.
        noise: where to draw u from, on the tensor's device.
    """
    drawn = None if noise is None else torch.rand(tensor.shape, generator=noise, device=tensor.device) - 0.5
    return _Fake.apply(tensor, along_rows(step, tensor), along_rows(zero, tensor), bits, drawn)


class _Fake(Function):
    """See `fake_quantise`; step and zero meet the tensor's rows."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, step: Tensor, zero: Tensor, bits: int, noise: Tensor | None) -> Tensor:
        lowest, highest = integer_range(bits)
        low, high = lowest - zero, highest - zero
        ratios = tensor / step
        between = (ratios > low) & (ratios < high)
        multiples = ratios.clamp(low, high)
        multiples = multiples.round_() if noise is None else multiples.add_(noise)
        ctx.save_for_backward(between, multiples - torch.where(between, ratios, 0.0))
        ctx.scale = 1 / math.sqrt(tensor.numel() / step.numel() * highest)
        ctx.rows = step.shape
        return multiples * step

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        between, slopes = ctx.saved_tensors
        return grad * between, ctx.scale * (grad * slopes).sum_to_size(ctx.rows), None, None, None
