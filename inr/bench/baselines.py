"""Published methods in plain PyTorch: whole image a step, autograd, torch.optim.Adam, no tricks.

Each function returns a module from coordinates (n, 2) in [-1, 1] to colours (n, 3) in [-1, 1], the optimiser and
the learning-rate factor as a function of the fraction of the run. Nothing here is shared with `inr`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

Method = tuple[nn.Module, torch.optim.Optimizer, Callable[[float], float]]


class SineLayer(nn.Module):
    """SIREN's layer with its initialisation."""

    def __init__(self, inputs: int, outputs: int, first: bool = False, omega: float = 30.0) -> None:
        super().__init__()
        self.omega = omega
        self.linear = nn.Linear(inputs, outputs)
        bound = 1 / inputs if first else math.sqrt(6 / inputs) / omega
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """sin(ω (W x + b))."""
        return torch.sin(self.omega * self.linear(x))


def siren(width: int = 256, maps: int = 3) -> Method:
    """Sitzmann et al. 2020: 256 x 3 hidden maps, omega 30, Adam 1e-4."""
    last = nn.Linear(width, 3)
    bound = math.sqrt(6 / width) / 30
    nn.init.uniform_(last.weight, -bound, bound)
    model = nn.Sequential(SineLayer(2, width, first=True), *[SineLayer(width, width) for _ in range(maps)], last)
    return model, torch.optim.Adam(model.parameters(), lr=1e-4), lambda fraction: 1.0


class Fourier(nn.Module):
    """Gaussian Fourier features."""

    matrix: Tensor

    def __init__(self, frequencies: int, sigma: float) -> None:
        super().__init__()
        self.register_buffer("matrix", sigma * torch.randn(2, frequencies))

    def forward(self, x: Tensor) -> Tensor:
        """Sines and cosines (n, 2 frequencies) of coordinates (n, 2)."""
        phases = 2 * math.pi * ((x + 1) / 2) @ self.matrix
        return torch.cat([torch.sin(phases), torch.cos(phases)], dim=-1)


def fourier_features() -> Method:
    """Tancik et al. 2020: 256 Gaussian frequencies of sigma 10, three ReLU layers of 256, Adam 1e-3."""
    layers = [nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()]
    model = nn.Sequential(Fourier(256, 10.0), *layers, nn.Linear(256, 3))
    return model, torch.optim.Adam(model.parameters(), lr=1e-3), lambda fraction: 1.0


class ComplexGabor(nn.Module):
    """WIRE's layer on complex tensors."""

    def __init__(self, inputs: int, outputs: int, dtype: torch.dtype, omega: float = 20.0, scale: float = 30.0) -> None:
        super().__init__()
        self.omega, self.scale = omega, scale
        self.linear = nn.Linear(inputs, outputs, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        """exp(i ω z - |s z|²) of z = W x + b."""
        z = self.linear(x)
        return torch.exp(1j * self.omega * z - (self.scale * z).abs().square())


class RealPart(nn.Module):
    """The last complex layer, of which the real part counts."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, dtype=torch.complex64)

    def forward(self, x: Tensor) -> Tensor:
        """The real part of W x + b."""
        return self.linear(x).real


def wire(maps: int = 2, width: int = 181) -> Method:
    """Saragadam et al. 2023: 181 complex units x 2 hidden maps, omega 20, scale 30 (representation), Adam 5e-3."""
    hidden = [ComplexGabor(width, width, torch.complex64) for _ in range(maps)]
    model = nn.Sequential(ComplexGabor(2, width, torch.float32), *hidden, RealPart(width, 3))
    return model, torch.optim.Adam(model.parameters(), lr=5e-3), lambda fraction: 0.1**fraction


class HashGrid(nn.Module):
    """Instant-NGP's encoding with one gather a corner and level, as PyTorch ports of it write it."""

    def __init__(self, levels: int, log2_size: int, coarsest: int, finest: int) -> None:
        super().__init__()
        growth = (finest / coarsest) ** (1 / (levels - 1))
        self.scales = [coarsest * growth**level - 1 for level in range(levels)]
        sizes = [min(2**log2_size, (math.ceil(scale) + 1) ** 2) for scale in self.scales]
        self.tables = nn.ParameterList([nn.Parameter(torch.empty(size, 2).uniform_(-1e-4, 1e-4)) for size in sizes])

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, 2 levels) of coordinates (n, 2)."""
        features = []
        for scale, table in zip(self.scales, self.tables, strict=True):
            position = (x + 1) / 2 * scale + 0.5
            corner = position.floor().long()
            part = position - corner
            total = torch.zeros(len(x), 2)
            for dx in (0, 1):
                for dy in (0, 1):
                    weight = (part[:, 0] if dx else 1 - part[:, 0]) * (part[:, 1] if dy else 1 - part[:, 1])
                    total = (
                        total
                        + weight[:, None] * table[self.rows(corner[:, 0] + dx, corner[:, 1] + dy, scale, len(table))]
                    )
            features.append(total)
        return torch.cat(features, dim=1)

    @staticmethod
    def rows(px: Tensor, py: Tensor, scale: float, size: int) -> Tensor:
        """Rows of a table that corners have: in order where all fit, hashed otherwise."""
        resolution = math.ceil(scale) + 1
        if resolution**2 <= size:
            return px.clamp(max=resolution - 1) + py.clamp(max=resolution - 1) * resolution
        return (px ^ (py * 2654435761 & 0xFFFFFFFF)) % size


def hash_grid() -> Method:
    """Mueller et al. 2022: 12 levels, 2^16 entries, finest 768, two ReLU layers of 64, Adam 1e-2 (eps 1e-15)."""
    layers = [nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3)]
    model = nn.Sequential(HashGrid(12, 16, 16, 768), *layers)
    return model, torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.9, 0.99), eps=1e-15), lambda fraction: 1.0


METHODS = {"siren": siren, "fourier": fourier_features, "wire": wire, "hash": hash_grid}
