"""Encodings without parameters as stages: coordinates as they are, and Fourier features, with their derivatives."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from inr.encodings import FourierFeatures, Identity, IntegerFourierFeatures
from inr.engines._cpu._encoders import encoders
from inr.engines._cpu._planes import Planes
from inr.jit import F1, F2, I1, Call, Stage, inline, share
from inr.jit.maths import cos, fma, sin

_share = inline(share)
_zero, _one = np.float32(0), np.float32(1)


def _copy(worker: int, workers: int, coords: F2, features: F2) -> None:
    """Coordinates as they are."""
    start, stop = _share(coords.shape[0], worker, workers, 64)
    for point in range(start, stop):
        for axis in range(coords.shape[1]):
            features[point, axis] = coords[point, axis]


def _copy_jet(worker: int, workers: int, coords: F2, features: F2, axes: I1, planes: int) -> None:
    """Coordinates, the unit vectors of axes, and zeros for operators of second order."""
    start, stop = _share(coords.shape[0], worker, workers, 64)
    for point in range(start, stop):
        row = point * planes
        for axis in range(coords.shape[1]):
            features[row, axis] = coords[point, axis]
            for plane in range(1, planes):
                features[row + plane, axis] = _zero
        for place in range(axes.shape[0]):
            features[row + 1 + place, axes[place]] = _one


def _waves(worker: int, workers: int, coords: F2, features: F2, slopes: F2, shifts: F1) -> None:
    """Sines, then cosines, of slopes (d, m) · coordinates + shifts (m,)."""
    start, stop = _share(coords.shape[0], worker, workers, 64)
    count = shifts.shape[0]
    for point in range(start, stop):
        phases, others = features[point, :count], features[point, count : 2 * count]
        for wave in range(count):
            phases[wave] = shifts[wave]
        for axis in range(coords.shape[1]):
            x, slope = coords[point, axis], slopes[axis]
            for wave in range(count):
                phases[wave] = fma(x, slope[wave], phases[wave])
        for wave in range(count):
            phase = phases[wave]
            phases[wave] = sin(phase)
            others[wave] = cos(phase)


def _waves_jet(
    worker: int, workers: int, coords: F2, features: F2, slopes: F2, shifts: F1, axes: I1, squares: F2
) -> None:
    """As `_waves`, with derivatives by `axes`, and operators whose forms of the slopes are `squares` (m2, m)."""
    start, stop = _share(coords.shape[0], worker, workers, 64)
    count, firsts, seconds = shifts.shape[0], axes.shape[0], squares.shape[0]
    planes = 1 + firsts + seconds
    for point in range(start, stop):
        row = point * planes
        sines, cosines = features[row, :count], features[row, count : 2 * count]
        for wave in range(count):
            sines[wave] = shifts[wave]
        for axis in range(coords.shape[1]):
            x, slope = coords[point, axis], slopes[axis]
            for wave in range(count):
                sines[wave] = fma(x, slope[wave], sines[wave])
        for wave in range(count):
            phase = sines[wave]
            sines[wave] = sin(phase)
            cosines[wave] = cos(phase)
        for place in range(firsts):
            slope, here = slopes[axes[place]], features[row + 1 + place]
            for wave in range(count):
                here[wave] = slope[wave] * cosines[wave]
                here[count + wave] = -slope[wave] * sines[wave]
        for place in range(seconds):
            square, here = squares[place], features[row + 1 + firsts + place]
            for wave in range(count):
                here[wave] = -square[wave] * sines[wave]
                here[count + wave] = -square[wave] * cosines[wave]


_COPY, _COPY_JET = Stage(_copy, phase="encoding"), Stage(_copy_jet, phase="encoding")
_WAVES, _WAVES_JET = Stage(_waves, phase="encoding"), Stage(_waves_jet, phase="encoding")


class _FormulaEncoder:
    """What encodings without parameters have in common: nothing to learn, and one stage with and without derivatives.

    `_call` and `_jet_call` are calls of the stages, which `start` gives the encoding's numbers.
    """

    learns = False
    note = ""
    immediate = False
    _call: Call
    _jet_call: Call

    @property
    def stages(self) -> Sequence[Stage]:
        return [self._call.stage]

    def jet_stages(self, planes: Planes) -> Sequence[Stage]:
        return [self._jet_call.stage]

    def lacks(self, planes: Planes) -> str:
        return ""

    def start(self, tensors: Mapping[str, Tensor], learning: bool) -> Sequence[Call]:
        return ()

    def encode(self, coords: np.ndarray, features: np.ndarray) -> Sequence[Call]:
        return [self._call.set(coords=coords, features=features)]

    def backward(self, coords: np.ndarray, grads: np.ndarray) -> Sequence[Call]:
        return ()

    def backward_jet(self, coords: np.ndarray, grads: np.ndarray, planes: Planes) -> Sequence[Call]:
        return ()

    def after_backward(self, grads: np.ndarray) -> None:
        pass

    def finish(self) -> dict[str, Any]:
        return {}


@encoders.kernel_for(Identity)
class IdentityEncoder(_FormulaEncoder):
    """Coordinates as they are."""

    def __init__(self, encoding: Identity) -> None:
        self._call, self._jet_call = Call(_COPY), Call(_COPY_JET)

    def encode_jet(self, coords: np.ndarray, features: np.ndarray, planes: Planes) -> Sequence[Call]:
        axes = np.array(planes.axes, np.int64)
        return [self._jet_call.set(coords=coords, features=features, axes=axes, planes=planes.count)]


@encoders.kernel_for(FourierFeatures, IntegerFourierFeatures)
class FourierEncoder(_FormulaEncoder):
    """2 pi B (x + 1)/2 = (pi B) x + pi B 1, as `FourierFeatures.phases`."""

    def __init__(self, encoding: FourierFeatures) -> None:
        self._encoding = encoding
        self._call, self._jet_call = Call(_WAVES), Call(_WAVES_JET)
        self._squares: dict[Planes, np.ndarray] = {}

    def start(self, tensors: Mapping[str, Tensor], learning: bool) -> Sequence[Call]:
        # every time: buffers of an encoding may be loaded anew
        self._slopes = math.pi * self._encoding.frequencies.numpy().astype(np.float64)
        self._squares.clear()
        numbers = {
            "slopes": np.ascontiguousarray(self._slopes.T, np.float32),
            "shifts": self._slopes.sum(1).astype(np.float32),
        }
        self._call.set(**numbers)
        self._jet_call.set(**numbers)
        return ()

    def encode_jet(self, coords: np.ndarray, features: np.ndarray, planes: Planes) -> Sequence[Call]:
        axes = np.array(planes.axes, np.int64)
        return [self._jet_call.set(coords=coords, features=features, axes=axes, squares=self._squares_of(planes))]

    def _squares_of(self, planes: Planes) -> np.ndarray:
        """What operators make of the slopes: s^T a s, (operators, waves)."""
        if planes not in self._squares:
            forms = [((self._slopes @ np.array(each)) * self._slopes).sum(1) for each in planes.operators]
            self._squares[planes] = np.array(forms, np.float32).reshape(len(forms), len(self._slopes))
        return self._squares[planes]
