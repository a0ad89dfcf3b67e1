"""Template wavelets: functions ψ(u) of an affine image u of the coordinates, in two real planes.

u comes as its components (n, units), along the first of which a wavelet oscillates.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Components = tuple[Tensor, ...]


def gaussian(u: Components, scale: float = 1.0) -> Tensor:
    """exp(-|scale u|²), the low-pass template and the envelope of the others."""
    return torch.exp(-(scale * scale) * torch.stack(u).square().sum(dim=0))


def gabor(u: Components, omega: float, scale: float) -> tuple[Tensor, Tensor]:
    """exp(i omega u₁ - |scale u|²)."""
    envelope = gaussian(u, scale)
    return envelope * torch.cos(omega * u[0]), envelope * torch.sin(omega * u[0])


def morlet(u: Components, omega: float, scale: float) -> tuple[Tensor, Tensor]:
    """(exp(i omega u₁) - κ) exp(-|scale u|²), where κ = exp(-(omega / 2 scale)²) makes the mean 0."""
    envelope = gaussian(u, scale)
    constant = math.exp(-((omega / (2 * scale)) ** 2))
    return envelope * (torch.cos(omega * u[0]) - constant), envelope * torch.sin(omega * u[0])


def dog(u: Components, scale: float) -> tuple[Tensor, Tensor]:
    """g(u) - g(u/2) / 2^m of g(u) = exp(-|scale u|²) and the m components of u: real, and of mean 0."""
    real = gaussian(u, scale) - gaussian(u, scale / 2) / 2 ** len(u)
    return real, torch.zeros_like(real)


# by name, each with the numbers that it takes and what they are where nothing is said
TEMPLATES: Mapping[str, tuple[Callable[..., tuple[Tensor, Tensor]], Mapping[str, float]]] = {
    "dog": (dog, {"scale": 10.0}),
    "gabor": (gabor, {"omega": 10.0, "scale": 10.0}),
    "morlet": (morlet, {"omega": 25.0, "scale": 5.0}),
}
