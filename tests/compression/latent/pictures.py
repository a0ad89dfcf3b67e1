"""Pictures and networks of chance, and what the eager mathematics makes of them in float64."""

import numpy as np
import torch

from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent import eager
from inr.compression.encoder.latent.buffers import Buffers


def some_buffers(
    height: int, width: int, channels: int = 3, preset: str = "hop", *, weighted: bool = False, seed: int = 0
) -> Buffers:
    """Buffers of a picture, latents and networks of chance: all gradients are far from 0."""
    draw = np.random.default_rng(seed)
    layout = Layout(height, width, channels, preset)
    importance = draw.random((height, width)) + 0.1 if weighted else None
    buffers = Buffers.of(layout, draw.random((channels, height, width)), importance)
    for name, tensor in eager.initial_parameters(layout, seed).items():
        buffers.tensor(name)[...] = tensor.numpy() + 0.1 * draw.standard_normal(tensor.shape)
    buffers.latents[...] = 2 * draw.standard_normal(layout.latents)
    buffers.rounded[...] = draw.standard_normal(layout.latents)
    return buffers


def leaves(buffers: Buffers) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Parameters by name and rounded latents, float64, to be differentiated by."""
    parameters = {
        name: torch.tensor(buffers.tensor(name), dtype=torch.float64, requires_grad=True)
        for name in buffers.layout.tensors
    }
    return parameters, torch.tensor(buffers.rounded, dtype=torch.float64, requires_grad=True)


def squared_error(buffers: Buffers, picture: torch.Tensor) -> torch.Tensor:
    """The mean squared error of a picture, weighted by importance."""
    squares = (picture - torch.tensor(buffers.picture, dtype=torch.float64)).square()
    if buffers.importance.size:
        squares = squares * torch.tensor(buffers.importance, dtype=torch.float64)
    return squares.mean()


def furthest(found: np.ndarray, expected: torch.Tensor | np.ndarray) -> float:
    """The largest difference, against the largest number that is expected."""
    expected = np.asarray(expected)
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-12))
