"""What the network reads: coordinates, or an encoding's features of them, computed in PyTorch."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from inr.encodings import Encoding, Identity

_PREFIX = "encoding."


class Features:
    """An encoding on another device than its own, with weights given by name.

    Args:
        encoding: stays where it is; its state is read anew every time, as progressive encodings change it.
        device: where features are computed.

    Attributes:
        names: the encoding's weights as the field names them.
    """

    def __init__(self, encoding: Encoding, device: torch.device) -> None:
        self._encoding = encoding
        self._device = device
        self.names = tuple(_PREFIX + name for name, _ in encoding.named_parameters())

    def __call__(self, weights: Mapping[str, Tensor], coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """Features on the device, differentiable in `weights`."""
        coords = coords.to(self._device)
        if type(self._encoding) is Identity:
            return coords
        tensors = {name: state.to(self._device) for name, state in self._encoding.named_buffers()}
        tensors |= {name.removeprefix(_PREFIX): weights[name].to(self._device) for name in self.names}
        return torch.func.functional_call(self._encoding, tensors, (coords,))
