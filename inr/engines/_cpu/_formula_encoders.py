"""Encodings without parameters as stages: coordinates as they are, and Fourier features."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from inr.encodings import FourierFeatures, Identity
from inr.engines._cpu._encoders import encoders
from inr.jit import F1, F2, Call, Stage, inline, share
from inr.jit.maths import cos, fma, sin

_share = inline(share)


class FormulaEncoder:
    """Encodings without parameters, by a stage of coordinates and constants."""

    learns = False
    note = ""
    immediate = False

    def __init__(self, stage: Stage, constants: Callable[[], dict[str, np.ndarray]] = dict) -> None:
        self.stages: Sequence[Stage] = [stage]
        self._call = Call(stage)
        self._constants = constants

    def start(self, tensors: Mapping[str, Tensor], learning: bool) -> Sequence[Call]:
        self._call.set(**self._constants())  # every time: buffers of an encoding may be loaded anew
        return ()

    def encode(self, coords: np.ndarray, features: np.ndarray) -> Sequence[Call]:
        return [self._call.set(coords=coords, features=features)]

    def backward(self, coords: np.ndarray, grads: np.ndarray) -> Sequence[Call]:
        return ()

    def after_backward(self, grads: np.ndarray) -> None:
        pass

    def finish(self) -> dict[str, Any]:
        return {}


def _copy(worker: int, workers: int, coords: F2, features: F2) -> None:
    """Coordinates as they are."""
    start, stop = _share(coords.shape[0], worker, workers, 64)
    for point in range(start, stop):
        for axis in range(coords.shape[1]):
            features[point, axis] = coords[point, axis]


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


_COPY, _WAVES = Stage(_copy, phase="encoding"), Stage(_waves, phase="encoding")


@encoders.kernel_for(Identity)
def _identity(encoding: Identity) -> FormulaEncoder:
    return FormulaEncoder(_COPY)


@encoders.kernel_for(FourierFeatures)
def _fourier(encoding: FourierFeatures) -> FormulaEncoder:
    """2 pi B (x + 1)/2 = (pi B) x + pi B 1, as `FourierFeatures.phases`."""

    def constants() -> dict[str, np.ndarray]:
        slopes = math.pi * encoding.frequencies.numpy().astype(np.float64)
        shifts = slopes.sum(1).astype(np.float32)
        return {"slopes": np.ascontiguousarray(slopes.T, np.float32), "shifts": shifts}

    return FormulaEncoder(_WAVES, constants)
