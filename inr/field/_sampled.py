"""Fields that are the samples themselves, and between them what the samples' classical interpolator says."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from inr.activations import Linear
from inr.encodings import Encoding
from inr.field._field import Execute, Field
from inr.networks import Network
from inr.signals import Box, GridSignal

# How often the interpolators can be differentiated, by sampling model; motion between frames is not smooth.
_SMOOTHNESS = {"area": 1, "point": 2, "band": 0}


class SampledField(Field):
    """A field without weights: it keeps a signal's samples, and between them it is the signal's interpolant.

    At the samples it is exact. It is what a fit gives for signals of which no network of so few bytes is as good: tiny,
    flat and drawn pictures, and maps.

    Args:
        signal: on a grid; see `GridSignal.interpolated`.
    """

    def __init__(self, signal: GridSignal) -> None:
        super().__init__(signal.domain, _Interpolation(signal), _Values(signal.channels))
        self.signal = signal

    @property
    def device(self) -> torch.device:
        """The processor: samples stay there."""
        return torch.device("cpu")

    def render(
        self,
        shape: Sequence[int] | None = None,
        box: Box | None = None,
        *,
        block: int | None = None,
        execute: Execute | None = None,
    ) -> np.ndarray:
        """See `Field.render`. The samples themselves where their own grid is asked for."""
        if box is None and self._check_shape(shape) == self.domain.shape:
            return self._marked(self.signal.array.astype(np.float32), box)
        return super().render(shape, box, block=block, execute=execute)

    @torch.no_grad()
    def measure(self, coords: Float[Tensor, "n d"], *, execute: Execute | None = None) -> Float[Tensor, "n c"]:
        """See `Field.measure`. The samples themselves."""
        return self.signal.values(self.signal.samples_of(_cells(self.signal, coords)[0]))


class _Interpolation(Encoding):
    """Coordinates to the values of a signal's interpolant."""

    def __init__(self, signal: GridSignal) -> None:
        super().__init__(signal.in_dim, signal.channels)
        self.smoothness = 0 if signal.domain.kind == "video" else _SMOOTHNESS[signal.domain.sampling]
        self._signal = signal

    def config(self) -> dict[str, Any]:
        """Its name."""
        return {"name": "samples"}

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """See `Encoding.forward`."""
        return self._signal.interpolant(*_cells(self._signal, coords)).to(coords.dtype)


class _Values(Network):
    """Features that are values already."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, Linear())

    def config(self) -> dict[str, Any]:
        """Its name."""
        return {"name": "none"}

    def forward(self, features: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
        """The features."""
        return features


def _cells(signal: GridSignal, coords: Float[Tensor, "n d"]) -> tuple[Tensor, Tensor]:
    """The cells in which coordinates lie, int64 (n,), and how far from their centres, in cells, (n, d)."""
    assert signal.domain.shape is not None
    sizes = coords.new_tensor(signal.domain.shape[::-1], dtype=torch.float64)
    places = (coords.to(torch.float64) + 1) / 2 * sizes - 0.5
    cells = torch.minimum(places.detach().round().clamp(min=0), sizes - 1)
    strides = [math.prod(signal.domain.shape[::-1][:axis]) for axis in range(signal.in_dim)]
    indices = (cells.to(torch.int64) * cells.new_tensor(strides, dtype=torch.int64)).sum(1)
    return indices, (places - cells).float()
