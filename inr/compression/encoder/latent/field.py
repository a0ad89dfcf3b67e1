"""Latent grids under fit as a field: the grids are its encoding, the synthesis its network."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr.activations import Linear
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent import eager
from inr.compression.encoder.latent.steps import tensors_of
from inr.encodings import Encoding
from inr.field import Field, SampledField
from inr.networks import Network
from inr.signals import GridSignal, Signal

LATENTS, PARAMETERS = "encoding.latents", "network.vector"


class LatentField(Field):
    """The picture that latents stand for, and between its pixels what their classical interpolator says.

    Args:
        signal: the picture that is fitted, (height, width, channels), with values in [0, 1].
        layout: of grids and networks.
        latents: float32 (layout.latents,), in integers; shared, not copied.
        parameters: of the networks, float32 (layout.parameters,); shared.
    """

    def __init__(self, signal: GridSignal, layout: Layout, latents: Tensor, parameters: Tensor) -> None:
        super().__init__(
            signal.domain, _Grids(signal.in_dim, layout, latents), _Synthesis(signal.channels, layout, parameters)
        )
        self.layout = layout

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """See `Field.forward`."""
        return SampledField(self.signal())(coords.cpu()).to(coords.device)

    @torch.no_grad()
    def signal(self) -> GridSignal:
        """The picture of the latents' nearest integers, (height, width, channels), clipped to [0, 1]."""
        latents, parameters = self.get_parameter(LATENTS), self.get_parameter(PARAMETERS)
        planes = eager.decoded(self.layout, tensors_of(self.layout, parameters), latents.round()).clamp_(0, 1)
        return picture_signal(planes.cpu().numpy())


class _Grids(Encoding):
    """Grids of latents."""

    def __init__(self, in_dim: int, layout: Layout, latents: Tensor) -> None:
        super().__init__(in_dim, layout.levels)
        self.latents = nn.Parameter(latents)
        self.smoothness = 1

    def config(self) -> dict[str, Any]:
        """Its name."""
        return {"name": "latents"}


class _Synthesis(Network):
    """All networks' parameters; their 3x3 layers work on whole pictures only, which the field has."""

    def __init__(self, channels: int, layout: Layout, parameters: Tensor) -> None:
        super().__init__(layout.levels, channels, Linear())
        self.preset = layout.preset
        self.vector = nn.Parameter(parameters)

    def config(self) -> dict[str, Any]:
        """Its name and preset."""
        return {"name": "latent-synthesis", "preset": self.preset}


def picture_signal(planes: Any) -> GridSignal:
    """A picture as a signal whose values in [0, 1] go to [-1, 1].

    Args:
        planes: float32 (channels, height, width).
    """
    return Signal.from_array(
        planes.transpose(1, 2, 0), kind="image", value_range=(0.0, 1.0), sampling="area", channels_last=True
    )
