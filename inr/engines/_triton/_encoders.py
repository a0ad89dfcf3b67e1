"""Encodings on the GPU: what the network's kernels read, and gradients back to the encoding's parameters."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from inr.encodings import DenseGrid, Encoding, FourierFeatures, HashGrid, Identity, IntegerFourierFeatures
from inr.engines._checks import weight_of
from inr.engines._triton._coverage import encoders, note

_TABLE = "encoding.table"


@dataclass(frozen=True)
class Waves:
    """Fourier features: sines, then cosines, of slopes (d, m) · coordinates + shifts (m,), float32."""

    slopes: Float[Tensor, "d m"]
    shifts: Float[Tensor, " m"]


@runtime_checkable
class Encoder(Protocol):
    """An encoding made ready for the kernels.

    Attributes:
        note: what is not done by a kernel, and why; "" where all is.
        learns: whether it has parameters, and so wants the gradients of its features.
        waves: the Fourier features that the network's kernels compute by themselves from coordinates; or None.
    """

    note: str
    learns: bool
    waves: Waves | None

    def prepare(self, coords: Float[Tensor, "n d"]) -> None:
        """Run every kernel once, which compiles it."""
        ...

    def features(self, tensors: Mapping[str, Tensor], coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """What the network's kernels read of each point."""
        ...

    def backward(self, coords: Float[Tensor, "n d"], grads: Float[Tensor, "n f"]) -> dict[str, Tensor]:
        """Gradients of the encoding's parameters, by the field's names, from those of the last features."""
        ...


def encoder(encoding: Encoding, device: torch.device, *, deterministic: bool) -> Encoder:
    """The encoder of an encoding: kernels where there are some, PyTorch where not.

    Args:
        encoding: any.
        device: where features are computed.
        deterministic: whether gradients of tables are to be the same bits every time.
    """
    found: Encoder = (encoders.find(encoding) or _TorchEncoder)(encoding, device, deterministic)
    return found


class _CoordinatesEncoder:
    """Nothing to compute beforehand: the network's kernels read coordinates."""

    note = ""
    learns = False

    def __init__(self, waves: Waves | None) -> None:
        self.waves = waves

    def prepare(self, coords: Tensor) -> None:
        pass

    def features(self, tensors: Mapping[str, Tensor], coords: Tensor) -> Tensor:
        return coords

    def backward(self, coords: Tensor, grads: Tensor) -> dict[str, Tensor]:
        return {}


@encoders.kernel_for(Identity)
def _identity(encoding: Identity, device: torch.device, deterministic: bool) -> Encoder:
    return _CoordinatesEncoder(None)


@encoders.kernel_for(FourierFeatures, IntegerFourierFeatures)
def _fourier(encoding: FourierFeatures, device: torch.device, deterministic: bool) -> Encoder:
    """2 pi B (x + 1)/2 = (pi B) x + pi B 1, as `FourierFeatures.phases`."""
    slopes = math.pi * encoding.frequencies.double()
    return _CoordinatesEncoder(Waves(slopes.T.float().contiguous().to(device), slopes.sum(1).float().to(device)))


@encoders.kernel_for(DenseGrid, HashGrid)
class _GridEncoder:
    """Dense and hash grids."""

    note = ""
    learns = True
    waves: Waves | None = None

    def __init__(self, encoding: DenseGrid | HashGrid, device: torch.device, deterministic: bool) -> None:
        from inr.engines._triton import _grid  # needs Triton, while what there are kernels for is known without

        self._kernels = _grid
        self._placed_in = encoding.placed_in
        self._levels = _grid.levels_on(encoding.levels, device)
        self._smoothness = int(encoding.smoothness)
        self._shape, self._out_dim = encoding.table.shape, encoding.out_dim
        self._deterministic = deterministic

    def prepare(self, coords: Tensor) -> None:
        self.backward(coords, self.features({_TABLE: coords.new_zeros(self._shape)}, coords))

    def features(self, tensors: Mapping[str, Tensor], coords: Tensor) -> Tensor:
        features = coords.new_empty(len(coords), self._out_dim)
        table = weight_of(tensors, _TABLE, tuple(self._shape)).detach().float().contiguous()
        self._kernels.encode(self._placed_in(coords).contiguous(), table, self._levels, self._smoothness, features)
        return features

    def backward(self, coords: Tensor, grads: Tensor) -> dict[str, Tensor]:
        table = grads.new_zeros(self._shape)
        self._kernels.scatter(
            self._placed_in(coords).contiguous(), grads, self._levels, self._smoothness, table, self._deterministic
        )
        return {_TABLE: table}


class _TorchEncoder:
    """Any encoding, evaluated and differentiated by PyTorch."""

    waves: Waves | None = None

    def __init__(self, encoding: Encoding, device: torch.device, deterministic: bool) -> None:
        self._encoding = encoding
        self._names = [name for name, _ in encoding.named_parameters()]
        self.learns = bool(self._names)
        self.note = note(encoding)

    def prepare(self, coords: Tensor) -> None:
        pass

    def features(self, tensors: Mapping[str, Tensor], coords: Tensor) -> Tensor:
        self._tensors = {name: tensors[f"encoding.{name}"].detach().requires_grad_() for name in self._names}
        # a field that is rendered stays where it is, while its weights and the coordinates come to the plan's device
        buffers = {name: buffer.to(coords.device) for name, buffer in self._encoding.named_buffers()}
        with torch.set_grad_enabled(self.learns):
            self._features = torch.func.functional_call(self._encoding, self._tensors | buffers, (coords,))
        return self._features.detach().contiguous()

    def backward(self, coords: Tensor, grads: Tensor) -> dict[str, Tensor]:
        found = torch.autograd.grad(
            self._features, list(self._tensors.values()), grads, allow_unused=True, materialize_grads=True
        )
        return {f"encoding.{name}": grad for name, grad in zip(self._tensors, found, strict=True)}
