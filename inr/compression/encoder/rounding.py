"""Rounding a layer's weights up or down so that what the layer computes changes least."""

import math

import torch
from jaxtyping import Bool, Float32, Float64
from torch import Tensor

from inr._errors import InrError
from inr.compression.encoder.quantise import Quantised, along_rows, check_values, dequantise, integer_range

_RATE = 1e-2
_PENALTY = 10.0
_FREE = 0.2  # of the iterations before the penalty sets in
_FLAT, _SHARP = 20.0, 2.0  # the penalty's exponent at first and in the end
_BLOCK = 16_384


def adaround(
    weight: Float32[Tensor, "out in"], start: Quantised, inputs: Float32[Tensor, "n in"], *, iterations: int = 1000
) -> Quantised:
    """The integers below or above w/s, whichever learning finds best for the layer's inputs (AdaRound).

    Nagel et al., ICML 2020: with h(V) = clip(1.2 σ(V) - 0.1, 0, 1), the weights W_q = s (⌊w/s⌋ + h(V)) minimise, by
    Adam,

        ‖W x - W_q x‖² + λ Σ (1 - |2 h(V) - 1|^β)

    from h(V) = w/s - ⌊w/s⌋ on; β falls from 20 to 2 along half a cosine, and the penalty is left out for the first
    fifth of the iterations. The first term is taken over all inputs at once, by their second moments, so that nothing
    is random. λ is 10 times what a weight adds to it when rounded evenly, s²/12 times the mean square of an input, on
    average: published is a fixed number, under which results depend on the units of weights and inputs.

    Outputs are independent of each other. Those for which learning finds nothing better keep their integers, so that
    the squared error of none is above that of `start`.

    Args:
        weight: the layer's matrix.
        start: its quantisation, of which step, zero point and width are kept.
        inputs: what the layer is given.
        iterations: of Adam.

    Raises:
        InrError: tensors that do not go together, are empty, or hold values that are not finite.
    """
    check_values(weight, "a matrix")
    check_values(inputs, "a layer's inputs")
    if start.integers.shape != weight.shape:
        raise InrError(f"integers {tuple(start.integers.shape)} are of another matrix than {tuple(weight.shape)}")
    weight = weight.detach()
    moments = second_moments(inputs.detach())
    before = squared_errors(weight, start, moments)
    if not before.sum() > 0:  # nothing to be gained
        return start
    low, span = _neighbours(weight, start)
    # in units of that contribution, and of steps, float32 holds all there is
    squares = start.step.double().square()
    sizes = 12 * weight.shape[1] * squares / squares.mean()
    ratios = weight / along_rows(start.step, weight)
    up = _learned(ratios, low, span, along_rows(sizes.float(), weight), (moments / moments.trace()).float(), iterations)
    found = Quantised((low + span * up).int() + along_rows(start.zero, weight), start.step, start.zero, start.bits)
    better = squared_errors(weight, found, moments) < before
    return Quantised(torch.where(better[:, None], found.integers, start.integers), start.step, start.zero, start.bits)


def rectified_sigmoid(logits: Float32[Tensor, "..."]) -> Float32[Tensor, "..."]:
    """h(V) = clip(1.2 σ(V) - 0.1, 0, 1), which reaches 0 and 1."""
    return (1.2 * logits.sigmoid() - 0.1).clamp(0, 1)


def softly_rounded(
    weight: Float32[Tensor, "out in"], start: Quantised, logits: Float32[Tensor, "out in"]
) -> Float32[Tensor, "out in"]:
    """s (⌊w/s⌋ + h(V)), within what the integers of `start` can express: what stands for weights while V is learned."""
    low, span = _neighbours(weight, start)
    return (low + span * rectified_sigmoid(logits)) * along_rows(start.step, weight)


def second_moments(inputs: Float32[Tensor, "n in"]) -> Float64[Tensor, "in in"]:
    """The mean of x xᵀ."""
    blocks = (block.double() for block in inputs.split(_BLOCK))
    return torch.stack([block.T @ block for block in blocks]).sum(0) / len(inputs)


def squared_errors(
    weight: Float32[Tensor, "out in"], quantised: Quantised, moments: Float64[Tensor, "in in"]
) -> Float64[Tensor, " out"]:
    """The mean of |w x - w_q x|² for every output, by the second moments of x."""
    error = weight.double() - dequantise(quantised).double()
    return ((error @ moments) * error).sum(1)


def _learned(
    ratios: Tensor, low: Tensor, span: Tensor, sizes: Tensor, moments: Tensor, iterations: int
) -> Bool[Tensor, "out in"]:
    """Which weights are rounded up."""
    logits = torch.logit((ratios - ratios.floor() + 0.1) / 1.2).requires_grad_()
    adam = torch.optim.Adam([logits], lr=_RATE)
    with torch.enable_grad():
        for iteration in range(iterations):
            soft = rectified_sigmoid(logits)
            error = ratios - low - span * soft
            loss = (sizes * (error @ moments) * error).sum()
            annealed = (iteration / iterations - _FREE) / (1 - _FREE)
            if annealed >= 0:
                exponent = _SHARP + (_FLAT - _SHARP) * (1 + math.cos(math.pi * annealed)) / 2
                loss = loss + _PENALTY * (1 - (2 * soft - 1).abs() ** exponent).sum()
            (logits.grad,) = torch.autograd.grad(loss, logits)
            adam.step()
    return rectified_sigmoid(logits.detach()) >= 0.5


def _neighbours(weight: Tensor, start: Quantised) -> tuple[Tensor, Tensor]:
    """Of every weight the multiple of the step below, and how far it is to the one above: 1, or 0 where clipped."""
    lowest, highest = integer_range(start.bits)
    zero = along_rows(start.zero, weight)
    floor = (weight / along_rows(start.step, weight)).floor()
    low = floor.clamp(lowest - zero, highest - zero)
    return low, (floor + 1).clamp(lowest - zero, highest - zero) - low
