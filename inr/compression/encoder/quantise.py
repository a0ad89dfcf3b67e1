"""Tensors as integers and a step: uniform quantisation of 2 to 16 bits, by tensor or by row.

    value = (integer - zero) * step

Integers of b bits go from -2^(b-1) to 2^(b-1) - 1. Their difference to `zero` is below 2^24, where float32 holds every
integer, and steps and values are no denormal numbers; so a value is one float32 product, rounded once. Whoever computes
it, fused or not, flushing denormals or not, gets the same bits.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float32, Float64, Int32
from torch import Tensor

from inr._errors import InrError

Choice = Literal["range", "mse"]

MIN_BITS, MAX_BITS = 2, 16
# the least step: the smallest normal number of float32
_LEAST = 2.0**-126
# the largest weight: so far from overflow that no product reaches it
_LARGEST = 2.0**100
# multiples of the step up to which a tensor may lie from zero
_FARTHEST = 2.0**22
# columns at once, which stay in the caches
_BLOCK = 32_768
# what of a range is tried when its ends are chosen: 10 octaves in eighths, then sixty-fourths about the best
_COARSE = [2.0 ** (-k / 8) for k in range(1, 81)]
_FINE = [2.0 ** (k / 64) for k in range(-7, 8) if k]


@dataclass(frozen=True, eq=False)
class Quantised:
    """A tensor as integers.

    Attributes:
        integers: of the tensor's shape, within `integer_range(bits)`.
        step: one number (), or one a row of the first axis (rows,); positive.
        zero: the integer that stands for 0, of the step's shape; it may lie outside the range of the integers.
        bits: width of an integer.
    """

    integers: Int32[Tensor, "..."]
    step: Float32[Tensor, "*rows"]
    zero: Int32[Tensor, "*rows"]
    bits: int


def integer_range(bits: int) -> tuple[int, int]:
    """The lowest and the highest integer of a width. Raises InrError for a width other than 2 to 16."""
    if not MIN_BITS <= bits <= MAX_BITS:
        raise InrError(f"weights are quantised to {MIN_BITS} to {MAX_BITS} bits, got {bits}")
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def quantise(
    tensor: Float32[Tensor, "..."],
    bits: int,
    *,
    zero_point: bool = False,
    per_channel: bool = False,
    choice: Choice = "range",
) -> Quantised:
    """The nearest integers, with a step that suits the tensor.

    With the step of the range, no value is farther from its tensor's than half a step, but for float32's own rounding.

    Args:
        tensor: any shape, at least one element.
        bits: width of the integers, 2 to 16.
        zero_point: let the integers span any range; without it `zero` is 0, and they span one about 0.
        per_channel: choose a step (and a zero point) for every row of the first axis.
        choice: "range" spans all values; "mse" clips a few where that lowers the mean squared error, by search.

    Raises:
        InrError: a width out of bounds; values that are not finite, or beyond 2^100; no values at all.
    """
    integer_range(bits)
    check_values(tensor)
    if per_channel and not tensor.ndim:
        raise InrError("a single number has no rows to be quantised by")
    values = tensor.detach()
    rows = values.reshape(len(values) if per_channel else 1, -1)
    low, high = rows.amin(1).double(), rows.amax(1).double()
    if not zero_point:
        high = torch.maximum(-low, high)
        low = -high
    if choice == "mse":
        low, high = _least_error(rows, low, high, bits, zero_point)
    step, zero = _spanning(low, high, bits, zero_point)
    return quantise_to(tensor, bits, step, zero) if per_channel else quantise_to(tensor, bits, step[0], zero[0])


def quantise_to(
    tensor: Float32[Tensor, "..."], bits: int, step: Float32[Tensor, "*rows"], zero: Int32[Tensor, "*rows"]
) -> Quantised:
    """The nearest integers for a given step and zero point, () or (rows,); values beyond their range are clipped.

    Raises InrError as `quantise`, and for steps and zero points with which values would not be exact.
    """
    check_values(tensor)
    integer_range(bits)
    if not bool(((step >= _LEAST) & (step <= _LARGEST)).all()):
        raise InrError("steps lie between 2^-126 and 2^100")
    if bool((zero.abs() > 2 * _FARTHEST).any()):
        raise InrError("zero points lie between -2^23 and 2^23")
    multiples = _multiples(tensor.detach(), along_rows(step, tensor), along_rows(zero, tensor), bits)
    return Quantised(multiples.int() + along_rows(zero, tensor), step, zero, bits)


def dequantise(quantised: Quantised) -> Float32[Tensor, "..."]:
    """The values of the integers: their difference to `zero` as float32, times the step."""
    integers = quantised.integers
    return (integers - along_rows(quantised.zero, integers)).float() * along_rows(quantised.step, integers)


def along_rows(numbers: Tensor, tensor: Tensor) -> Tensor:
    """Numbers () or (rows,) shaped so that they meet the rows of a tensor's first axis."""
    if not numbers.ndim:
        return numbers
    if tensor.shape[:1] != numbers.shape:
        raise InrError(f"{tuple(numbers.shape)} steps do not go with the rows of a tensor {tuple(tensor.shape)}")
    return numbers.view(-1, *[1] * (tensor.ndim - 1))


def check_values(tensor: Tensor, name: str = "a tensor") -> None:
    """Refuse what cannot be quantised."""
    if not tensor.numel():
        raise InrError(f"{name} to be quantised has no values")
    if not bool(tensor.isfinite().all()):
        raise InrError(f"{name} to be quantised holds NaN or infinity")
    if bool((tensor.abs() > _LARGEST).any()):
        raise InrError(f"{name} to be quantised holds values beyond 2^100")


def _multiples(values: Tensor, step: Tensor, zero: Tensor, bits: int) -> Tensor:
    """By which multiples of the step values are represented."""
    low, high = integer_range(bits)
    return (values / step).round_().clamp_(low - zero, high - zero)


def _spanning(
    low: Float64[Tensor, " rows"], high: Float64[Tensor, " rows"], bits: int, zero_point: bool
) -> tuple[Float32[Tensor, " rows"], Int32[Tensor, " rows"]]:
    """Step and zero point with which the integers span from low to high; the step is 1 where both are 0."""
    lowest, highest = integer_range(bits)
    peak = torch.maximum(low.abs(), high.abs())
    # far from zero float32 itself is coarse, and a finer step would only make large integers
    step = torch.maximum((high - low) / (highest - lowest), peak / _FARTHEST) if zero_point else peak / highest
    step = torch.where(peak > 0, step.clamp_min(_LEAST), 1.0).float()
    zero = (lowest - low / step).round() if zero_point else torch.zeros_like(low)
    return step, zero.int()


def _least_error(rows: Tensor, low: Tensor, high: Tensor, bits: int, zero_point: bool) -> tuple[Tensor, Tensor]:
    """Ends, one pair a row, whose steps give a lower mean squared error than the range does, or the range.

    The range is shrunk about its middle, and then, where a zero point allows it, from above and from below.
    """

    def error(low: Tensor, high: Tensor) -> Tensor:
        step, zero = _spanning(low, high, bits, zero_point)
        step, zero = step[:, None], zero[:, None]
        sums = [
            _multiples(block, step, zero, bits).mul_(step).sub_(block).square_().sum(1, dtype=torch.float64)
            for block in rows.split(_BLOCK, dim=1)
        ]
        return torch.stack(sums).sum(0)

    least = error(low, high)
    for fixed in (0.5, 0.0, 1.0) if zero_point else (0.5,):  # which point of the range stays where it is
        point, below, above = low + fixed * (high - low), fixed * (high - low), (1 - fixed) * (high - low)
        best = torch.ones_like(low)
        for ratios in (_COARSE, _FINE):
            start = torch.ones_like(low) if ratios is _COARSE else best.clone()
            for ratio in ratios:
                tried = ratio * start
                ends = point - tried * below, point + tried * above
                found = error(*ends)
                better = found < least
                least, best = torch.where(better, found, least), torch.where(better, tried, best)
        low, high = point - best * below, point + best * above
    return low, high
