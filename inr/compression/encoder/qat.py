"""Weights that a fit computes with rounded, under steps by which they take a given number of bytes when coded."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from inr.compression.bitstream.generalised_gaussian_rows import MAX_MAGNITUDE
from inr.compression.bitstream.step_sizes import step_of
from inr.compression.bitstream.weights import QuantisedTensor, Spread
from inr.compression.encoder.generalised_gaussian import laplace_widths
from inr.compression.encoder.learned_spread import learned_widths
from inr.compression.encoder.neuron_order import in_order
from inr.compression.encoder.step_allocation import balanced_steps, nearest_index, sensitivities, to_integers
from inr.compression.encoder.weights import encode_weights
from inr.fitting import Gradients, PlainWeights, dense

# Shares of the quantisation-aware steps: between two choices of the quantisation steps, and before the last choice.
# Weights drift towards fewer bits until the end, and steps that are fixed too early leave those bits unused.
_CHOICE_INTERVAL, _LAST_CHOICE = 1 / 32, 0.92
# Training steps from one choice to the next, at least: in short fits choosing would take longer than fitting.
_MIN_CHOICE_INTERVAL = 16
# Choices from one that codes the weights to the next; those in between estimate what coding would give.
_CODED_CHOICE_INTERVAL = 4
# Of the bytes allowed for weights, what is aimed at where bits are free and where they are learned: what weights take
# drifts up in the one case and down in the other.
_AIM_FREE, _AIM = 0.985, 1.005
# Bounds of log2 of the multipliers of `balanced_steps`, and how often a choice is made better.
_MIN_EXPONENT, _MAX_EXPONENT, _CHOICE_PASSES = -80.0, 40.0, 3
# Bounds of log2 of the part of a step by which numbers are drawn to 0 to make what drifted fit, for fits leave many
# about half-way; how exactly it is found, and the share of the allowed bytes that may stay unused.
_MIN_SHRINKAGE, _MAX_SHRINKAGE, _SHRINKAGE_PRECISION, _UNUSED_SHARE = -20.0, -2.0, 1 / 4, 1e-3
# By how much exponents of multipliers grow to make what drifted fit, at first and at most.
_FIRST_WIDENING, _MAX_WIDENING = 1 / 16, 128
# Bits below a tensor's largest magnitude that a step resolves at most.
_FLOAT_BITS = 22
# Width, in steps, of the narrowest distribution whose weights are drawn by it; from narrower ones they never came back.
_MIN_WIDTH = 0.5


class RoundedWeights(PlainWeights):
    """Weights rounded to steps under which they take a given number of bits; gradients pass straight through.

    What is learned is the loss and, times what a bit is worth, the bits that weights take in the distributions they
    are coded with: such fits leave most weights of the later layers 0, and give the others finer steps for that. Which
    tensor gets which step follows from measured sensitivities, see `balanced_steps`. Steps are chosen anew now and
    then, as the weights move.

    Args:
        parameters: the weights at the beginning, which are the leaves until a fit gives others.
        loss: of weights in their place.
        max_bytes: bytes that all may take.
        reference: weights whose differences from the parameters are what is rounded; None: 0.
        spread: of these differences, that was learned and that they are coded under; None: one that is measured.
        rate: of what a bit is worth by `balanced_steps`, that one is taken to cost while fitting; 0: bits are free.
        ordered: whether the integers are put in the order of `in_order`, which is for sine networks alone.

    Attributes:
        indices: of the steps, by name.
        exponent: logarithm to base 2 of their multiplier, see `balanced_steps`.
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        loss: Callable[[Mapping[str, Tensor]], float],
        max_bytes: int,
        *,
        reference: Mapping[str, Tensor] | None = None,
        spread: Spread | None = None,
        rate: float = 1.0,
        ordered: bool = False,
    ) -> None:
        self._ordered, self._spread = ordered, spread
        self._reference = None if reference is None else dict(reference)
        self._sensitivity = sensitivities(loss, parameters)
        self._max_bytes, self._rate = max_bytes, rate
        self._wrong = 0.0  # bits that coded weights took beyond what was foretold
        self._ratio, self._drawn = 1.0, 0.0
        self._choices, self._since = 0, _MIN_CHOICE_INTERVAL
        self.leaves = parameters
        self._widths: dict[str, Tensor] = {}
        self.indices: dict[str, int] = {}
        self.exponent = 0.0

    def materialise(self, fraction: float) -> Mapping[str, Tensor]:
        """The rounded weights."""
        due = self._since >= _MIN_CHOICE_INTERVAL and fraction >= self._choices * _CHOICE_INTERVAL
        if due and (fraction < _LAST_CHOICE or not self.indices):
            self.choose(self.leaves, exact=self._choices % _CODED_CHOICE_INTERVAL == 0)
            self._choices += 1
            self._since = 0
        self._since += 1
        found = {
            name: (tensor / self._steps[name]).round_().mul_(self._steps[name])
            for name, tensor in self._apart(self.leaves).items()
        }
        if self._reference is not None:
            for name, tensor in found.items():
                tensor += self._reference[name]
        return found

    def backward(self, grads: Gradients) -> Gradients:
        """The same gradients by the leaves, and those of the bits."""
        if not self._rate:
            return grads
        # Δ² = multiplier n / c of n weights, by which the loss grows by c Δ² for n log2 (1 / Δ) bits
        worth = self._rate * 2 * math.log(2) * 2.0**self.exponent
        apart = self._apart(self.leaves)
        return {name: dense(grads[name]) + worth * self._bits_by(name, tensor) for name, tensor in apart.items()}

    def state(self) -> dict[str, Tensor]:
        """The steps, the widths of the distributions, and what the next choice goes by."""
        numbers = [self._wrong, self._ratio, self._drawn, self._choices, self._since]
        chosen = {"exponent": torch.tensor(self.exponent, dtype=torch.float64)} if self.indices else {}
        indices = {f"index/{name}": torch.tensor(index) for name, index in self.indices.items()}
        widths = {f"width/{name}": width for name, width in self._widths.items()}
        return {"numbers": torch.tensor(numbers, dtype=torch.float64), **chosen, **indices, **widths}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        self._wrong, self._ratio, self._drawn, choices, since = state["numbers"].tolist()
        self._choices, self._since = int(choices), int(since)
        self._widths = {key.removeprefix("width/"): each for key, each in state.items() if key.startswith("width/")}
        self.indices = {
            key.removeprefix("index/"): int(each) for key, each in state.items() if key.startswith("index/")
        }
        self._steps = {name: step_of(index) for name, index in self.indices.items()}
        self.exponent = float(state.get("exponent", 0.0))

    def _bits_by(self, name: str, tensor: Tensor) -> Tensor:
        """The derivative of a tensor's bits: a weight takes |w| over its distribution's width, rounded off about 0."""
        step = self._steps[name]
        width = self._widths[name].to(tensor.device) * step
        return tensor / ((tensor.square() + step**2 / 4).sqrt() * width)

    def choose(self, parameters: Mapping[str, Tensor], *, aim: float | None = None, exact: bool = True) -> None:
        """Choose the smallest multiplier of steps under which the coded weights take a share of the allowed bytes.

        Without a share it is one from which weights end near 1. Sizes are foretold, by how far that was wrong the last
        time: coding takes some tenths of a second. Where it need not be exact, they are compared with the bits of their
        distributions.
        """
        aim = aim or (_AIM if self._rate else _AIM_FREE)
        spreads = {name: (tensor.numel(), _variance(tensor)) for name, tensor in self._apart(parameters).items()}
        for _ in range(_CHOICE_PASSES):
            low, high = _MIN_EXPONENT, _MAX_EXPONENT
            while high - low > 0.02:
                middle = (low + high) / 2
                self.use(parameters, middle)
                fits = self._foretold(spreads) + self._wrong <= 8 * aim * self._max_bytes
                low, high = (low, middle) if fits else (middle, high)
            self.use(parameters, high)
            self._widths, bits = self._distributions(parameters)
            if exact:
                self._ratio = 8 * self.size(parameters) / bits
            coded = self._ratio * bits
            self._wrong = coded - self._foretold(spreads)
            if abs(coded / (8 * aim * self._max_bytes) - 1) < 0.01:
                break

    def _distributions(self, parameters: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], float]:
        """How wide, in steps, the distributions are that suit the weights, and the bits that those take by them."""
        rounded = self._integers(parameters)
        integers = {name: np.clip(each.integers, -MAX_MAGNITUDE, MAX_MAGNITUDE) for name, each in rounded.items()}
        if self._spread is None:
            widths, bits = laplace_widths([*integers.values()])
        else:
            steps = [each.step_index for each in rounded.values()]
            widths, bits = learned_widths(steps, [*integers.values()], [self._spread[name] for name in integers])
        found = {
            name: torch.as_tensor(width, dtype=torch.float32).clamp(min=_MIN_WIDTH)
            for name, width in zip(integers, widths, strict=True)
        }
        return found, max(bits, 1.0)

    def _foretold(self, spreads: Mapping[str, tuple[int, float]]) -> float:
        """Bits of the weights if their integers were normally distributed, by how many there are and their variance."""
        return sum(
            0.5 * size * math.log2(2 * math.pi * math.e * (variance / self._steps[name] ** 2 + 1 / 12))
            for name, (size, variance) in spreads.items()
        )

    def use(self, parameters: Mapping[str, Tensor], exponent: float) -> None:
        """Take the steps of a multiplier, given by its logarithm."""
        self.exponent, self._drawn = exponent, 0.0
        sizes = {name: tensor.numel() for name, tensor in parameters.items()}
        chosen = balanced_steps(sizes, self._sensitivity, 2.0**exponent)
        self.indices = {name: max(chosen[name], _finest(tensor)) for name, tensor in parameters.items()}
        self._steps = {name: step_of(index) for name, index in self.indices.items()}

    def fit_within_limit(self, parameters: Mapping[str, Tensor]) -> None:
        """Take fewer bytes until the weights, coded, are within the allowed bytes, or all 0.

        Weights that are about half-way between two integers take the one nearer to 0, which costs little for the few
        per mille that fits end above the allowed bytes. Where that is not enough, all take larger steps.
        """
        if self.size(parameters) <= self._max_bytes:
            return
        low, high = _MIN_SHRINKAGE, _MAX_SHRINKAGE
        self._drawn = 2.0**high
        size = self.size(parameters)
        if size > self._max_bytes:
            self._widen(parameters)
            return
        while (
            high - low > _SHRINKAGE_PRECISION and not (1 - _UNUSED_SHARE) * self._max_bytes <= size <= self._max_bytes
        ):
            middle = (low + high) / 2
            self._drawn = 2.0**middle
            size = self.size(parameters)
            low, high = (low, middle) if size <= self._max_bytes else (middle, high)
        self._drawn = 2.0**high

    def _widen(self, parameters: Mapping[str, Tensor]) -> None:
        """Take larger steps until the weights are within the allowed bytes, or all 0."""
        low, wider = self.exponent, _FIRST_WIDENING
        while wider < _MAX_WIDENING:
            self.use(parameters, low + wider)
            if self.size(parameters) <= self._max_bytes:
                break
            wider *= 2
        # back to the smallest that does
        high = self.exponent
        low = high - wider / 2
        while high - low > _FIRST_WIDENING:
            middle = (low + high) / 2
            self.use(parameters, middle)
            low, high = (low, middle) if self.size(parameters) <= self._max_bytes else (middle, high)
        self.use(parameters, high)

    def size(self, parameters: Mapping[str, Tensor]) -> int:
        """Bytes of the weights, coded."""
        return len(encode_weights(self.rounded(parameters), self._spread))

    def rounded(self, parameters: Mapping[str, Tensor]) -> dict[str, QuantisedTensor]:
        """The weights' integers, with units in order where the network is `ordered`."""
        found = self._integers(parameters)
        return in_order(found) if self._ordered else found

    def _integers(self, parameters: Mapping[str, Tensor]) -> dict[str, QuantisedTensor]:
        return {
            name: QuantisedTensor(to_integers(tensor, self.indices[name], self._drawn), self.indices[name])
            for name, tensor in self._apart(parameters).items()
        }

    def _apart(self, parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What is rounded."""
        if self._reference is None:
            return {name: tensor.detach() for name, tensor in parameters.items()}
        for name, tensor in parameters.items():
            self._reference[name] = self._reference[name].to(tensor.device)
        return {name: tensor.detach() - self._reference[name] for name, tensor in parameters.items()}


def _finest(tensor: Tensor) -> int:
    """The step below which nothing is gained, for float32 rounds more coarsely."""
    return nearest_index(max(float(tensor.detach().abs().max()) * 2.0**-_FLOAT_BITS, 2.0**-60))


def _variance(tensor: Tensor) -> float:
    return float(tensor.detach().double().var(correction=0))
