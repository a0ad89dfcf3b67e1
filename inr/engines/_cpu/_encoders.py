"""Encodings as stages: coordinates to features, and gradients of features back to the encoding's parameters."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from inr.encodings import Encoding
from inr.engines._checks import weight_of
from inr.engines._cpu._planes import Planes
from inr.engines._kernels import Kernels
from inr.jit import Call, Stage

encoders = Kernels("inr.engines._cpu._formula_encoders", "inr.engines._cpu._grid_encoder")


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


@runtime_checkable
class JetEncoder(Encoder, Protocol):
    """An encoder that also has derivatives of its features by the coordinates, as planes.

    `features` and `grads` then have a row for every plane of every point, `point * planes.count + plane`, of which the
    first columns count. A step has programs of several sets of planes, which take turns; `start` comes before all of
    them, `finish` after, as without derivatives. That is all a network needs in the reverse pass as well: it takes the
    features' Jacobian from the planes of the axes, and gives the gradients of these planes back.
    """

    def lacks(self, planes: Planes) -> str:
        """Why there are no kernels for these planes, in words; "" where there are."""
        ...

    def jet_stages(self, planes: Planes) -> Sequence[Stage]:
        """The kernels of these planes, to be compiled beforehand."""
        ...

    def encode_jet(self, coords: np.ndarray, features: np.ndarray, planes: Planes) -> Sequence[Call]:
        """Fill the first columns of features (n * planes.count, …) from coords (n, d).

        Plane 0 holds what `encode` gives; the plane of an axis the derivatives of the features by it, per unit of
        [-1, 1]; that of an operator a the sums over i and j of a[i][j] times the second derivative by i and j.
        """
        ...

    def backward_jet(self, coords: np.ndarray, grads: np.ndarray, planes: Planes) -> Sequence[Call]:
        """Add up the gradients of parameters, from those of all planes of the features of the same points."""
        ...


def array(tensor: Tensor) -> np.ndarray:
    """A tensor's memory, or a copy of it where its numbers are not float32 in order."""
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)


def weight(tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An effective weight's memory, or a copy of it. Raises InrError if it is not there in this shape."""
    return array(weight_of(tensors, name, shape))


def encoder(encoding: Encoding) -> Encoder:
    """The encoder of an encoding: a kernel where there is one, PyTorch where not."""
    found: Encoder = (encoders.find(encoding) or TorchEncoder)(encoding)
    return found


class TorchEncoder:
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
