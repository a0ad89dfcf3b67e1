"""Encodings as stages: coordinates to features, and gradients of features back to the encoding's parameters."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from inr.encodings import DenseGrid, Encoding, FourierFeatures, HashGrid, Identity
from inr.engines._base import RowSparse
from inr.engines._checks import weight_of
from inr.engines._cpu import _grid
from inr.jit import F1, F2, Call, Stage, inline, share
from inr.jit import maths as _maths

_share = inline(share)
_sin, _cos = _maths.sin, _maths.cos


@runtime_checkable
class Encoder(Protocol):
    """An encoding made ready for the kernels.

    Attributes:
        learns: whether it has parameters, and so wants the gradients of its features.
        note: what is not done by a kernel, and why, in words; "" where all is.
        immediate: whether `encode` reads the coordinates when it is called, not when its stages run.
        stages: the kernels.
    """

    learns: bool
    note: str
    immediate: bool
    stages: Sequence[Stage]

    def start(self, tensors: Mapping[str, Tensor], learning: bool) -> Sequence[Call]:
        """Take the weights of a step, by the field's names; what runs before its first points."""
        ...

    def encode(self, coords: np.ndarray, features: np.ndarray) -> Sequence[Call]:
        """Fill the first columns of features (n, …) from coords (n, d)."""
        ...

    def backward(self, coords: np.ndarray, grads: np.ndarray) -> Sequence[Call]:
        """Add up the gradients of parameters, from those of the features of the same points."""
        ...

    def after_backward(self, grads: np.ndarray) -> None:
        """Called when a program with `backward` has run: `grads` holds the features' gradients until the next one."""

    def finish(self) -> dict[str, Any]:
        """The gradients of the step, by the field's names; called when all programs have run."""
        ...


def array(tensor: Tensor) -> np.ndarray:
    """A tensor's memory, or a copy of it where its numbers are not float32 in order."""
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)


def weight(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An effective weight's memory, or a copy of it. Raises InrError if it is not there in this shape."""
    return array(weight_of(tensors, name, shape))


def encoder(encoding: Encoding) -> Encoder:
    """The encoder of an encoding: a kernel where there is one, PyTorch where not."""
    make = _KNOWN.get(type(encoding))
    return make(encoding) if make is not None else ByTorch(encoding)


class ByFormula:
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
                phases[wave] = _maths_fma(x, slope[wave], phases[wave])
        for wave in range(count):
            phase = phases[wave]
            phases[wave] = _sin(phase)
            others[wave] = _cos(phase)


_maths_fma = _maths.fma
_COPY, _WAVES = Stage(_copy, phase="encoding"), Stage(_waves, phase="encoding")


def _fourier(encoding: Encoding) -> Encoder:
    """2 pi B (x + 1)/2 = (pi B) x + pi B 1, as `FourierFeatures.phases`."""
    assert isinstance(encoding, FourierFeatures)

    def constants() -> dict[str, np.ndarray]:
        slopes = math.pi * encoding.frequencies.numpy().astype(np.float64)
        shifts = slopes.sum(1).astype(np.float32)
        return {"slopes": np.ascontiguousarray(slopes.T, np.float32), "shifts": shifts}

    return ByFormula(_WAVES, constants)


class ByGrid:
    """Dense and hash grids, by kernels; the gradient of the table tells which of its rows were touched."""

    learns = True
    note = ""
    immediate = False

    def __init__(self, encoding: DenseGrid | HashGrid) -> None:
        shape = encoding.table.shape
        kind = encoding.in_dim, shape[1], encoding.interpolation == "smoothstep"
        levels = _grid.level_table(encoding.levels)
        self._shape = shape
        self._encode = Call(_grid.encode(*kind), **levels)
        self._scatter = Call(_grid.scatter(*kind), **levels)
        self._clear = Call(_grid.clear)
        self.stages: Sequence[Stage] = [call.stage for call in (self._encode, self._scatter, self._clear)]
        self._sparse: RowSparse | None = None

    def start(self, tensors: Mapping[str, Tensor], learning: bool) -> Sequence[Call]:
        self._table = weight(tensors, "encoding.table", tuple(self._shape))
        self._encode.set(table=self._table)
        if not learning:
            return ()
        self._allocate()
        return [self._clear]

    def encode(self, coords: np.ndarray, features: np.ndarray) -> Sequence[Call]:
        return [self._encode.set(coords=coords, out=features)]

    def backward(self, coords: np.ndarray, grads: np.ndarray) -> Sequence[Call]:
        return [self._scatter.set(coords=coords, given=grads)]

    def after_backward(self, grads: np.ndarray) -> None:
        pass

    def finish(self) -> dict[str, Any]:
        return {"encoding.table": self._sparse}

    def _allocate(self) -> None:
        """Make the gradient, when first needed."""
        if self._sparse is not None:
            return
        grad = torch.zeros(*self._shape)
        touched = torch.zeros(-(-len(grad) // RowSparse.BLOCK), dtype=torch.uint8)
        self._sparse = RowSparse(grad, touched)
        for call in (self._scatter, self._clear):
            call.set(grad=grad.numpy(), touched=touched.numpy())


class ByTorch:
    """Any encoding, by its own forward and automatic differentiation."""

    stages: Sequence[Stage] = ()
    immediate = True

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._names = [f"encoding.{name}" for name, _ in encoding.named_parameters()]
        self.learns = bool(self._names)
        self.note = f"encoding '{encoding.config()['name']}' runs on eager: there is no kernel for it"
        self._made = torch.empty(0)
        self._tensors: dict[str, Tensor] = {}
        self._grads: dict[str, Tensor] = {}

    def start(self, tensors: Mapping[str, Tensor], learning: bool) -> Sequence[Call]:
        self._tensors = {name: tensors[name].detach().requires_grad_(True) for name in self._names}
        self._grads = {name: torch.zeros_like(tensor) for name, tensor in self._tensors.items() if learning}
        return ()

    def encode(self, coords: np.ndarray, features: np.ndarray) -> Sequence[Call]:
        with torch.enable_grad() if self.learns else torch.no_grad():
            parameters = {name.removeprefix("encoding."): tensor for name, tensor in self._tensors.items()}
            made = torch.func.functional_call(self._encoding, parameters, (torch.from_numpy(coords),))
        features[: len(coords), : made.shape[1]] = made.detach().numpy()
        self._made = made
        return ()

    def backward(self, coords: np.ndarray, grads: np.ndarray) -> Sequence[Call]:
        return ()

    def after_backward(self, grads: np.ndarray) -> None:
        given = torch.from_numpy(grads[:, : self._made.shape[1]])
        found = torch.autograd.grad(
            self._made, list(self._tensors.values()), given, allow_unused=True, materialize_grads=True
        )
        for total, grad in zip(self._grads.values(), found, strict=True):
            total += grad

    def finish(self) -> dict[str, Any]:
        return dict(self._grads)


def _identity(encoding: Encoding) -> Encoder:
    return ByFormula(_COPY)


_KNOWN: dict[type[nn.Module], Any] = {
    DenseGrid: ByGrid, FourierFeatures: _fourier, HashGrid: ByGrid, Identity: _identity,
}  # fmt: skip
