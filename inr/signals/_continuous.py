"""The continuous signal that the samples of a grid stand for, by the best classical interpolator of what they measure.

Means over cells (`area`) are those of the quadratic spline that has exactly these means: within every cell it is one
polynomial of second degree an axis. Values at points (`point`) are interpolated by the cubic spline. Both have their
coefficients from one and the same system, (c[i-1] + 4 c[i] + c[i+1]) / 6 = sample i, and go on linearly beyond the
first and the last sample, so that constants and ramps come back exactly everywhere. Band-limited samples are
interpolated by a windowed sinc.

Source: Unser, Splines: a perfect fit for signal and image processing, IEEE Signal Processing Magazine 1999; the
quadratic spline of given cell means is the histospline of Schoenberg, Splines and histograms, 1973.
"""

import functools
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from inr.jit import kernel
from inr.signals._domain import Domain

SINC_HALF_WIDTH = 16
"""Samples on either side that a windowed sinc reaches."""
SINC_STEPS = 256
"""Places between two samples at which the windowed sinc is tabulated; in between it is interpolated linearly."""
_SINC_WINDOW = 7.0  # of Kaiser: stops about 70 dB


class Kernel(NamedTuple):
    """How the values around a place are weighted along one axis.

    Attributes:
        name: "quadratic", "cubic", "sinc", or "still" for samples between which nothing is interpolated.
        taps: samples that are weighted.
        before: how many of them lie before the nearest sample, where the place is not before that.
    """

    name: str
    taps: int
    before: int


QUADRATIC = Kernel("quadratic", 3, 1)
CUBIC = Kernel("cubic", 4, 1)
STILL = Kernel("still", 1, 0)
SINC = Kernel("sinc", 2 * SINC_HALF_WIDTH, SINC_HALF_WIDTH - 1)


def axis_kernels(domain: Domain) -> tuple[Kernel, ...]:
    """The interpolator of every axis, in array order, that suits the sampling model of a domain of a grid."""
    return ({"area": QUADRATIC, "point": CUBIC, "band": SINC}[domain.sampling],) * domain.in_dim


class Interpolant:
    """A continuous function from the samples of a grid.

    Args:
        values: normalised samples, float32 (…, C).
        kernels: the interpolator of every axis, in array order.

    Attributes:
        kernels: as given.
        coefficients: float32, of the grid widened by `margins` on either side of every axis.
        margins: by axis.
        shape: of the grid, without channels.
    """

    def __init__(self, values: Float32[np.ndarray, "..."], kernels: tuple[Kernel, ...]) -> None:
        self.kernels = kernels
        self.shape = values.shape[:-1]
        self.margins = tuple(each.taps - each.before if each is not STILL else 0 for each in kernels)
        widths = [*((margin, margin) for margin in self.margins), (0, 0)]
        self.coefficients = np.empty(
            [n + low + high for n, (low, high) in zip(values.shape, widths, strict=True)], np.float32
        )
        inner = tuple(slice(low, low + n) for n, (low, _) in zip(values.shape, widths, strict=True))
        self.coefficients[inner] = values
        for axis, each in enumerate(self.kernels):
            part = list(inner)
            for done in range(axis):
                part[done] = slice(None)
            lines = np.moveaxis(self.coefficients[tuple(part)], axis, 0)
            if each in (QUADRATIC, CUBIC):
                _to_coefficients(lines)
            part[axis] = slice(None)
            _extend(np.moveaxis(self.coefficients[tuple(part)], axis, 0), self.margins[axis], linear=each is not SINC)
        self._there: dict[torch.device, Tensor] = {}

    def __call__(self, indices: Int[Tensor, " n"], shifts: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values of the continuous signal.

        Args:
            indices: flat C-order indices of samples, int64 (n,).
            shifts: where a place lies from the centre of its sample's cell, in cells, from -1/2 to 1/2; float32 (n, d),
                columns in coordinate order x, y(, z)(, t).

        Returns:
            Normalised values, float32 (n, c), on the device of the indices.
        """
        if indices.device not in self._there:
            table = torch.from_numpy(self.coefficients).reshape(-1, self.coefficients.shape[-1])
            self._there[indices.device] = table.to(indices.device)
        table = self._there[indices.device]
        rows, weights, stride, left = None, None, 1, indices
        for axis in reversed(range(len(self.shape))):
            size, margin, each = self.shape[axis], self.margins[axis], self.kernels[axis]
            place = left % size
            left = left // size
            before, own = axis_weights(each, shifts[:, len(self.shape) - 1 - axis])
            first = (place + margin - before)[:, None] + torch.arange(each.taps, device=indices.device)
            first = first * stride
            stride *= size + 2 * margin
            rows = first if rows is None else (first[:, :, None] + rows[:, None, :]).flatten(1)
            weights = own if weights is None else (own[:, :, None] * weights[:, None, :]).flatten(1)
        assert rows is not None
        assert weights is not None
        found = torch.zeros(len(indices), table.shape[1], device=indices.device)
        for tap in range(rows.shape[1]):
            found.addcmul_(table[rows[:, tap]], weights[:, tap, None])
        return found


def axis_weights(each: Kernel, shift: Float[Tensor, " n"]) -> tuple[Int[Tensor, " n"], Float[Tensor, "n taps"]]:
    """Which sample is the first that counts, and the weights from it on.

    Args:
        each: the axis' kernel.
        shift: from the sample's centre, in cells, (n,).

    Returns:
        How many samples before the place's own the first one lies, int64 (n,), and the weights, (n, taps).
    """
    if each is QUADRATIC:
        weights = torch.stack(((0.5 - shift) ** 2 / 2, 0.75 - shift**2, (0.5 + shift) ** 2 / 2), 1)
        return torch.ones_like(shift, dtype=torch.int64), weights
    if each is STILL:
        return torch.zeros_like(shift, dtype=torch.int64), torch.ones_like(shift)[:, None]
    earlier = (shift < 0).to(torch.int64)
    rest = shift + earlier
    if each is CUBIC:
        back = 1 - rest
        weights = torch.stack(
            (back**3 / 6, 2 / 3 - rest**2 * (2 - rest) / 2, 2 / 3 - back**2 * (2 - back) / 2, rest**3 / 6), 1
        )
    else:
        table = torch.from_numpy(sinc_table()).to(shift.device)
        step = (rest * SINC_STEPS).floor().clamp_(max=SINC_STEPS - 1)
        share = (rest * SINC_STEPS - step)[:, None]
        weights = torch.lerp(table[step.long()], table[step.long() + 1], share)
    return earlier + each.before, weights


@functools.cache
def sinc_table() -> Float32[np.ndarray, "steps taps"]:
    """Weights of the windowed sinc at SINC_STEPS + 1 places from a sample to the next; they add up to 1."""
    rest = np.arange(SINC_STEPS + 1)[:, None] / SINC_STEPS
    distance = rest - (np.arange(SINC.taps) - SINC.before)
    inside = np.sqrt(np.maximum(1 - (distance / SINC_HALF_WIDTH) ** 2, 0))
    weights = np.sinc(distance) * np.i0(_SINC_WINDOW * inside) / np.i0(_SINC_WINDOW)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _to_coefficients(lines: Float32[np.ndarray, "n ..."]) -> None:
    """Solve (c[i-1] + 4 c[i] + c[i+1]) / 6 = sample i in place along the first axis; both ends go on linearly."""
    count = len(lines)
    if count < 3:
        return  # a ramp is its own spline
    pivots = np.empty(count - 1, np.float64)
    pivots[1] = 4.0
    for row in range(2, count - 1):
        pivots[row] = 4.0 - 1.0 / pivots[row - 1]
    flat = np.ascontiguousarray(lines).reshape(count, -1)
    _solve(flat, pivots)
    lines[...] = flat.reshape(lines.shape)


@kernel
def _solve(lines: np.ndarray, pivots: np.ndarray) -> None:
    """Gaussian elimination of the tridiagonal system, in the place of the samples (n, columns)."""
    count, columns = lines.shape
    for row in range(1, count - 1):
        for column in range(columns):
            known = 6.0 * lines[row, column]
            if row == 1:
                known -= lines[0, column]
            else:
                known -= lines[row - 1, column] / pivots[row - 1]
            if row == count - 2:
                known -= lines[count - 1, column]
            lines[row, column] = known
    for back in range(1, count - 1):
        row = count - 1 - back
        for column in range(columns):
            known = lines[row, column]
            if row < count - 2:
                known -= lines[row + 1, column]
            lines[row, column] = known / pivots[row]


def _extend(lines: Float32[np.ndarray, "n ..."], margin: int, *, linear: bool) -> None:
    """Fill the margins of the first axis: a straight line on, or the samples mirrored at the edges of their cells."""
    count = len(lines) - 2 * margin
    first, last = lines[margin].copy(), lines[margin + count - 1].copy()
    rise, fall = (lines[margin + 1] - first, last - lines[margin + count - 2]) if linear and count > 1 else (0.0, 0.0)
    for step in range(1, margin + 1):
        if linear:
            lines[margin - step], lines[margin + count - 1 + step] = first - step * rise, last + step * fall
        else:
            inside = (step - 1) % (2 * count)
            inside = inside if inside < count else 2 * count - 1 - inside
            lines[margin - step] = lines[margin + inside]
            lines[margin + count - 1 + step] = lines[margin + count - 1 - inside]
