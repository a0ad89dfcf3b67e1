"""Fits whose last part computes with rounded weights: the file is small, and what is measured is what is saved."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from inr.compression.bitstream.pieces import cut, joined, pieces_of
from inr.compression.bitstream.step_sizes import step_of
from inr.compression.bitstream.weights import QuantisedTensor
from inr.compression.encoder.rounding import add_bit_slopes, round_to
from inr.compression.encoder.step_allocation import balanced_steps, nearest_index, to_integers
from inr.compression.encoder.weights import encode_weights
from inr.compression.files import CodedStorage
from inr.engines import Plan
from inr.field import Execute, Field
from inr.fitting import Gradients, PlainWeights, dense
from inr.signals import GridSignal, Signal

# Samples by which sensitivities and losses are measured, and numbers of a piece by which its entropy is.
_SAMPLES, _NUMBERS = 4_096, 16_384
# Share of a piece's root mean square of the noise by which its sensitivity is measured.
_NOISE = 0.1
# Choices of steps in all rounded steps of a fit, least training steps between two, and after which share none is made.
_CHOICES, _MIN_INTERVAL, _LAST_CHOICE = 16, 24, 0.95
# Rounded steps after which losses are compared with each other, and the factor that sets them apart from plain ones.
_SETTLING, _APART = 64, 1e-6
# Bounds of log2 of the multiplier of `balanced_steps`, and how exactly it is found.
_MIN_EXPONENT, _MAX_EXPONENT, _PRECISION = -80.0, 60.0, 0.05
# Of the bytes allowed, what is aimed at: what weights take drifts up a little after the last choice.
_AIM = 0.985
# Of the bytes allowed, what is aimed at in the end, what is enough, in how many goes; and growths of the exponent where
# these did not come within them.
_FILL, _FILLED, _FILLINGS, _WIDER = 0.997, 0.99, 5, 0.125
# dB above a target that are aimed at, and by what factor the multiplier changes towards it at most.
_SPARE, _MAX_CHANGE = 0.05, 2.0
# How near a target is near enough, in dB, how often it is looked for, how far a look goes, and what a unit is worth.
_NEAR, _TRIALS, _FARTHEST, _DECIBELS = 0.02, 12, 6.0, 3.01
# Width, in steps, of the narrowest distribution by which weights are drawn to 0.
_MIN_WIDTH = 0.05
# Least rows and numbers of a row that are looked at as such, and what a row's scale takes.
_MIN_ROW, _ROW_BITS = 4, 1.5
_FLOAT_BITS = 22

Measured = TypeVar("Measured")


@dataclass(frozen=True)
class Rate:
    """How many bytes weights are to take.

    Attributes:
        max_bytes: most bytes of all weights.
        growth: share of the loss that rounding may add; where that takes fewer bytes, fewer are taken. None: all bytes
            that are allowed.
        psnr: dB to be reached, on normalised values; what a fit has beyond goes into fewer bytes. None: no target.
    """

    max_bytes: int
    growth: float | None = None
    psnr: float | None = None


class CodedWeights(PlainWeights):
    """Plain weights until a share of the horizon, rounded ones from then on; gradients pass straight through.

    Pieces are rounded with steps of their own (see `pieces_of`), which follow from how much a piece's noise changes the
    field's values, by `balanced_steps`. They are chosen anew now and then. Times what a bit is worth, the gradient of
    the bits that weights take is added to the gradient of the loss.

    Args:
        signal: what is fitted.
        rate: how many bytes weights are to take.
        start: share of the horizon from which on weights are rounded.
        bits_learned: whether bits count in the loss, which is then a mean squared error.
        continuous: whether the continuous signal is learned, and not its samples alone.

    Attributes:
        limited: whether the bytes that are allowed made steps larger than the loss alone would have.
    """

    def __init__(
        self,
        signal: Signal,
        rate: Rate,
        *,
        start: float = 0.5,
        bits_learned: bool = True,
        continuous: bool = True,
    ) -> None:
        self._continuous = continuous
        self._signal, self.rate = signal, rate
        self._start, self._bits_learned = start, bits_learned
        self._count = 0
        self._chosen_at = -math.inf
        self._exponent = 0.0
        self._finished = False
        self.limited = False
        self.indices: dict[str, int] = {}
        self._widths: dict[str, float] = {}

    def bind(self, field: Field, plan: Plan) -> None:
        """See `Parametrisation.bind`."""
        super().bind(field, plan)
        self._plan = plan
        self._pieces = pieces_of(field)
        self._grads = self._like_leaves()
        drawn = torch.randperm(self._signal.size, generator=torch.Generator().manual_seed(0))[:_SAMPLES]
        self._coords = self._signal.coords(drawn).to(plan.device)
        values = self._signal.values(drawn)
        if isinstance(self._signal, GridSignal) and self._continuous:
            values = self._signal.interpolated(drawn, torch.zeros(len(drawn), self._signal.in_dim))
        self._values = values.to(plan.device)

    def materialise(self, fraction: float) -> Mapping[str, Tensor]:
        """The leaves, and from the share `start` on the rounded weights."""
        if fraction < self._start:
            return self.leaves
        interval = (1 - self._start) / _CHOICES
        due = self._count % _MIN_INTERVAL == 0 and fraction >= self._chosen_at + interval and fraction < _LAST_CHOICE
        if due or not self.indices:
            self._choose()
            self._chosen_at = fraction
        self._count += 1
        return self._rounded()

    def backward(self, grads: Gradients) -> Gradients:
        """The same gradients, and once weights are rounded those of the bits."""
        if not self.indices or not self._bits_learned:
            return grads
        # Δ² = multiplier n / c of n weights, by which the loss grows by c Δ² for n log2 (1 / Δ) bits
        worth = 2 * 2.0**self._exponent
        # gradients of tables are an engine's buffers, which it clears where it has touched them: not to be written to
        whole = {name: dense(grad).contiguous() for name, grad in grads.items()}
        slopes, into = cut(self._pieces, whole), cut(self._pieces, self._grads)
        for name, tensor in cut(self._pieces, self.leaves).items():
            step = step_of(self.indices[name])
            add_bit_slopes(slopes[name], tensor, step, worth / (self._widths[name] * step), into[name])
        return self._grads

    def weights(self) -> Mapping[str, Tensor]:
        """What is measured: the rounded weights, once there are such."""
        return self._rounded() if self.indices and not self._finished else self.leaves

    def write_to(self, field: Field) -> None:
        """Nothing: checkpoints keep the leaves, and `finish` gives the field its rounded weights."""

    def judged(self, running_loss: float) -> float:
        """The running loss, that of rounded weights always below that of plain ones."""
        return running_loss * _APART if self._count >= _SETTLING else running_loss

    def recipe(self) -> dict[str, float | None]:
        """The rate."""
        return {"bytes": self.rate.max_bytes, "growth": self.rate.growth, "psnr": self.rate.psnr}

    def state(self) -> dict[str, Tensor]:
        """The steps, the widths of the distributions, and when the next choice is due."""
        numbers = torch.tensor([self._count, self._chosen_at, self._exponent], dtype=torch.float64)
        indices = {f"index/{name}": torch.tensor(index) for name, index in self.indices.items()}
        widths = {f"width/{name}": torch.tensor(each, dtype=torch.float64) for name, each in self._widths.items()}
        return {"numbers": numbers, **indices, **widths}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state."""
        count, self._chosen_at, self._exponent = state["numbers"].tolist()
        self._count = int(count)
        of = {
            kind: {key.removeprefix(kind): each for key, each in state.items() if key.startswith(kind)}
            for kind in ("index/", "width/")
        }
        self.indices = {name: int(each) for name, each in of["index/"].items()}
        self._widths = {name: float(each) for name, each in of["width/"].items()}

    def finish(self, field: Field, max_bytes: int | None = None) -> None:
        """Round the field's weights for good, so that they take no more bytes than allowed; saving it codes them.

        Args:
            field: the one that was fitted.
            max_bytes: of all weights; the rate's own if None.
        """
        limit = self.rate.max_bytes if max_bytes is None else max_bytes
        if not self.indices:
            self._choose()
        self._write(self._within(limit), field)

    def finish_reaching(self, psnr: float, field: Field, measure: Callable[[Execute], float]) -> float:
        """Round the field's weights for good, as coarsely as a PSNR allows; saving the field codes them.

        Args:
            psnr: dB to be reached.
            field: the one that was fitted.
            measure: the PSNR in dB of what evaluates coordinates.

        Returns:
            The PSNR that was reached: less than asked for only where rounding hardly matters any more.
        """
        if not self.indices:
            self._choose()

        def reached() -> float:
            weights = self._rounded()
            return measure(lambda coords: self._plan.forward(weights, coords.to(self._plan.device)))

        def at(exponent: float) -> float:
            self._use(exponent)
            return reached()

        fine, coarse, found = coarsest_reaching(psnr, at, self._exponent)
        if found >= psnr:
            found = self._refine(fine, coarse, found, reached, lambda now: now >= psnr)
        else:
            self._use(fine)
        self._write(self._integers(), field)
        return found

    def _refine(
        self, good: float, other: float, found: Measured, measure: Callable[[], Measured], holds: Callable[[Any], bool]
    ) -> Measured:
        """Take the steps of one exponent, and for as many pieces as can be those of another one.

        Steps are a quarter of an octave apart, so that exponents near to each other differ in few of them.

        Args:
            good: whose steps will do.
            other: whose steps would be better, and will not do for all pieces.
            found: what is measured with the first.
            measure: what decides, with the steps as they are.
            holds: whether what was measured will do.

        Returns:
            What is measured with the steps that are taken.
        """
        self._use(other)
        others = self.indices
        self._use(good)
        usual = self.indices
        differing = sorted((name for name in usual if others[name] != usual[name]), key=self._numbers)
        low, high = 0, len(differing)
        while low < high - 1:
            middle = (low + high) // 2
            self.indices = usual | {name: others[name] for name in differing[:middle]}
            now = measure()
            low, high, found = (middle, high, now) if holds(now) else (low, middle, found)
        self.indices = usual | {name: others[name] for name in differing[:low]}
        return found

    def _numbers(self, name: str) -> int:
        return math.prod(self._pieces[name].shape)

    def _write(self, found: Mapping[str, QuantisedTensor], field: Field) -> None:
        """Give the field the values of integers, and let it be saved as these."""
        self._finished = True
        values = {name: each.values for name, each in found.items()}
        with torch.no_grad():
            for name, tensor in joined(self._pieces, values, self.leaves).items():
                self.leaves[name].copy_(tensor)
        field.storage = CodedStorage({name: each.step_index for name, each in found.items()})

    def _within(self, limit: int) -> dict[str, QuantisedTensor]:
        """Integers that take nearly all bytes that are allowed, and no more; or are all 0."""
        some, tried = self._some(), {self._exponent: self._size()}
        for _ in range(_FILLINGS):
            if tried[self._exponent] <= limit and (tried[self._exponent] >= _FILLED * limit or not self.limited):
                return self._integers()
            # bits by entropies are off by the same factor for steps that are not far apart
            wanted = _FILL * limit * self._bits(some) / tried[self._exponent]
            self._use(self._exponent_of(some, wanted))
            if self._exponent in tried:
                break
            tried[self._exponent] = self._size()
        while min(tried.values()) > limit and self._exponent < _MAX_EXPONENT:
            self._use(max(tried) + _WIDER)
            tried[self._exponent] = self._size()
        good = min((each for each, size in tried.items() if size <= limit), default=max(tried))
        other = max((each for each in tried if each < good), default=good)
        self._refine(good, other, tried[good], self._size, lambda size: size <= limit)
        return self._integers()

    def _size(self) -> int:
        """Bytes that the weights take, rounded with the steps as they are."""
        return len(encode_weights(self._integers()))

    def _integers(self) -> dict[str, QuantisedTensor]:
        pieces = cut(self._pieces, self.leaves)
        return {
            name: QuantisedTensor(to_integers(tensor, self.indices[name]), self.indices[name])
            for name, tensor in pieces.items()
        }

    def _some(self) -> dict[str, np.ndarray]:
        """Rows of every piece."""
        return {name: _some_rows(tensor) for name, tensor in cut(self._pieces, self.leaves).items()}

    def _exponent_of(self, some: Mapping[str, np.ndarray], bits: float) -> float:
        """The least logarithm of the multiplier with which the pieces take at most so many bits, by these rows."""
        low, high = _MIN_EXPONENT, _MAX_EXPONENT
        while high - low > _PRECISION:
            middle = (low + high) / 2
            self._use(middle)
            low, high = (middle, high) if self._bits(some) > bits else (low, middle)
        return high

    def _like_leaves(self) -> dict[str, Tensor]:
        """Memory for as many numbers as there are leaves."""
        return {
            name: torch.empty_like(leaf, requires_grad=False, memory_format=torch.contiguous_format)
            for name, leaf in self.leaves.items()
        }

    def _rounded(self) -> dict[str, Tensor]:
        found = self._like_leaves()
        into = cut(self._pieces, found)
        for name, tensor in cut(self._pieces, self.leaves).items():
            round_to(tensor, step_of(self.indices[name]), into[name])
        return found

    def _choose(self) -> None:
        """Choose the steps by the rate that is asked for."""
        self._measure()
        some = self._some()
        low = _MIN_EXPONENT
        if (allowed := self._allowed()) is not None:  # rounding adds the multiplier for every weight
            count = sum(leaf.numel() for leaf in self.leaves.values())
            low = min(max(math.log2(max(allowed, 1e-24) / count), low), _MAX_EXPONENT)
        self._use(low)
        most = 8 * _AIM * self.rate.max_bytes
        self.limited = self._bits(some) > most
        if self.limited:
            self._use(self._exponent_of(some, most))
        for name, numbers in some.items():
            step = step_of(self.indices[name])
            self._widths[name] = max(float(np.abs(np.rint(numbers / step)).mean()), _MIN_WIDTH)

    def _allowed(self) -> float | None:
        """By how much rounding may let the mean squared error grow; None where only bytes are bounded."""
        if self.rate.growth is None and self.rate.psnr is None:
            return None
        with torch.no_grad():
            before = self._rounded() if self.indices else self.leaves
            loss = float((self._plan.forward(before, self._coords) - self._values).square().mean())
        if self.rate.psnr is None:
            return (self.rate.growth or 0.0) * loss
        target = 4 * 10 ** (-(self.rate.psnr + _SPARE) / 10)
        if not self.indices:
            return max(target - loss, 0.01 * target)
        count = sum(leaf.numel() for leaf in self.leaves.values())
        return 2.0**self._exponent * count * min(max(target / loss, 1 / _MAX_CHANGE), _MAX_CHANGE)

    @torch.no_grad()
    def _measure(self) -> None:
        """By how much a piece's noise changes the field's values, over the square of the noise's width."""
        base = {name: leaf.detach() for name, leaf in self.leaves.items()}
        before = self._plan.forward(base, self._coords).clone()
        generator = torch.Generator().manual_seed(0)
        self._sensitivity = {}
        for name, piece in self._pieces.items():
            width = _NOISE * float(cut({name: piece}, base)[name].square().mean().sqrt()) or 1e-6
            other = {**base, piece.parameter: base[piece.parameter].clone()}
            noise = width * (torch.rand(piece.shape, generator=generator) - 0.5)
            cut({name: piece}, other)[name].add_(noise.to(before.device))
            grown = float((self._plan.forward(other, self._coords) - before).square().mean())
            self._sensitivity[name] = max(grown, 1e-30) / width**2

    def _use(self, exponent: float) -> None:
        """Take the steps of a multiplier, given by its logarithm."""
        self._exponent = exponent
        pieces = cut(self._pieces, self.leaves)
        chosen = balanced_steps({name: each.numel() for name, each in pieces.items()}, self._sensitivity, 2.0**exponent)
        self.indices = {name: max(chosen[name], self._finest(name, pieces[name])) for name in pieces}

    def _finest(self, name: str, tensor: Tensor) -> int:
        """The step below which nothing is gained, for float32 rounds more coarsely."""
        return nearest_index(max(float(tensor.abs().max()) * 2.0**-_FLOAT_BITS, 2.0**-60))

    def _bits(self, some: Mapping[str, np.ndarray]) -> float:
        """Bits of all weights, by the entropies of their pieces' integers."""
        return sum(
            math.prod(self._pieces[name].shape) * _entropy(np.rint(numbers / step_of(self.indices[name])))
            for name, numbers in some.items()
        )


def coarsest_reaching(psnr: float, measured: Callable[[float], float], start: float) -> tuple[float, float, float]:
    """The largest logarithm of the multiplier of `balanced_steps` with which a PSNR is reached, nearly.

    Args:
        psnr: dB to be reached.
        measured: dB at a logarithm; falls by 3 dB a unit where rounding is what limits it, and by less elsewhere.
        start: where to look first.

    Returns:
        The logarithm, the next one that was seen and does not reach the PSNR, and what was measured at the first. That
        is the best that was seen where nothing reaches the PSNR; and the second is the first where all do.
    """
    found = {start: measured(start)}
    for _ in range(_TRIALS):
        good = [each for each, reached in found.items() if reached >= psnr]
        bad = [each for each, reached in found.items() if reached < psnr]
        if good and (found[max(good)] - psnr <= _NEAR or (bad and min(bad) - max(good) <= _PRECISION)):
            break
        if good and bad:
            share = (found[max(good)] - psnr) / (found[max(good)] - found[min(bad)])
            following = max(good) + min(max(share, 0.1), 0.9) * (min(bad) - max(good))
        else:
            edge = max(good) if good else min(bad)
            look = (found[edge] - psnr) / _slope(found)
            following = edge + min(max(look, -_FARTHEST), _FARTHEST)
            following += -_PRECISION if bad else _PRECISION
        following = min(max(following, _MIN_EXPONENT), _MAX_EXPONENT)
        if following in found:
            break
        found[following] = measured(following)
    good = [each for each, reached in found.items() if reached >= psnr]
    best = max(good) if good else max(found, key=lambda each: found[each])
    return best, min((each for each in found if each > best), default=best), found[best]


def _slope(found: Mapping[float, float]) -> float:
    """dB that a unit takes away, between the last two that were measured; more than nothing, and 3 to begin with."""
    if len(found) < 2:
        return _DECIBELS
    (first, before), (last, after) = list(found.items())[-2:]
    return min(max((before - after) / (last - first), 0.1 * _DECIBELS), _DECIBELS)


def _some_rows(tensor: Tensor) -> np.ndarray:
    """Rows of a piece, evenly spread, as float64 (rows, numbers); of one of few rows all that it has, as one row."""
    rows = tensor.reshape(1, -1) if tensor.ndim < 2 or min(tensor.shape) < _MIN_ROW else tensor
    spread = max(rows.numel() // _NUMBERS, 1)
    rows = rows[:, ::spread] if len(rows) == 1 else rows[::spread]
    return rows.cpu().numpy().astype(np.float64)


def _entropy(integers: np.ndarray) -> float:
    """Bits of an integer of a piece whose rows have scales of their own, an octave apart."""
    if len(integers) == 1:
        return _entropy_of_alike(integers[0])
    octaves = np.rint(np.log2(np.abs(integers).mean(1) + _MIN_WIDTH))
    kinds, counts = np.unique(octaves, return_counts=True)
    bits = sum(
        _entropy_of_alike(integers[octaves == kind].ravel()) * count for kind, count in zip(kinds, counts, strict=True)
    )
    return float(bits / len(integers) + _ROW_BITS / integers.shape[1])


def _entropy_of_alike(integers: np.ndarray) -> float:
    """Bits of an integer by how often each is there; of wide distributions by Laplace's."""
    magnitude = float(np.abs(integers).mean())
    if magnitude * 8 > len(integers):
        return math.log2(2 * math.e * magnitude)
    counts = np.bincount((integers - integers.min()).astype(np.int64))
    shares = counts[counts > 0] / len(integers)
    unseen = (len(shares) - 1) / (2 * len(integers) * math.log(2))  # Miller and Madow's correction
    return float(-(shares * np.log2(shares)).sum() + unseen)
