"""Functions of one position: shifted copies of a mother function, and Fourier pairs.

The embedders of Zheng et al. ("Rethinking positional encoding" 2021; "Trading positional complexity vs deepness in
coordinate networks", ECCV 2022), for one axis. Positions are v = (x + 1)/2 in [0, 1]: lengths are parts of the axis,
frequencies cycles over it. Every basis is divided by the largest norm its row of features can have, so that the
largest is 1: a constant of its configuration, whatever is sampled.

The publication counts positions i/N without the end and puts centres at k/K. Samples here are cell-centred, at
(i + 1/2)/N, and so are the centres, at (k + 1/2)/K: the matrix of K = N is the same, and both ends are treated alike.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from inr._errors import InrError

Kind = Literal["gaussian", "triangle", "square", "sine", "impulse", "noise", "rff", "linf", "logf"]

# what each kind reads, and what the publication takes for photographs where features of the axes stand side by side
DEFAULTS: dict[str, dict[str, float]] = {
    "gaussian": {"width": 0.006},
    "triangle": {"width": 2.5 / 128},
    "square": {"frequency": 1.0},
    "sine": {"frequency": 1.0},
    "impulse": {},
    "noise": {},
    "rff": {"sigma": 14.0},
    "linf": {"octaves": 5.0},
    "logf": {"octaves": 5.5},
}


def resolve(kind: str, label: str, given: Mapping[str, float | None], defaults: Mapping | None = None) -> dict:
    """The value of the parameter that a kind reads, given or else its default, and none of the others.

    Raises InrError, beginning with `label`, for a value that the kind does not read.
    """
    own = (DEFAULTS if defaults is None else defaults)[kind]
    for name, value in given.items():
        if value is not None and name not in own:
            raise InrError(f"{label}: basis={kind} does not read {name}; it reads {', '.join(own) or 'nothing else'}")
    return {name: default if given.get(name) is None else given[name] for name, default in own.items()}


def basis(kind: str, count: int, **parameters: float) -> "Basis":
    """A basis of `count` functions.

    Args:
        kind: gaussian, triangle, square, sine, impulse, noise, rff, linf or logf.
        count: functions; the Fourier kinds (rff, linf, logf) need an even number, of sines and cosines.
        parameters: what the kind reads, at its default where it is missing:
            width: the standard deviation of gaussian, half the support of triangle, in parts of the axis;
            frequency: of square and sine, in cycles over the axis;
            sigma: standard deviation of the random frequencies of rff, in cycles;
            octaves: log2 of the highest frequency of linf and logf.

    Returns:
        A module: positions (n,) in [0, 1] to features (n, count).

    Raises:
        InrError: an unknown kind, a parameter that it does not read, or an odd number of sines and cosines.

    >>> inr.encodings.basis("impulse", 4)(torch.tensor([0.1, 0.9]))
    tensor([[1., 0., 0., 0.],
            [0., 0., 0., 1.]])
    """
    if kind not in _CLASSES:
        raise InrError(f"unknown basis '{kind}'; known: {', '.join(_CLASSES)}")
    if count < 1:
        raise InrError(f"a basis needs at least 1 function, got {count}")
    return _CLASSES[kind](count, **resolve(kind, "a basis", parameters))


def basis_smoothness(kind: str) -> float:
    """How often the functions of a basis can be differentiated everywhere.

    Args:
        kind: gaussian, triangle, … as in `basis`.

    Returns:
        math.inf where they are smooth, 0 where they are continuous only, -1 where they jump.
    """
    return _CLASSES[kind].smoothness


class Basis(nn.Module):
    """Positions (n,) in [0, 1] to features (n, count), whose norm is 1 at most.

    Computes in the dtype and on the device of the positions.

    Attributes:
        count: number of functions.
        smoothness: how often they can be differentiated everywhere (0: continuous only; -1: they jump).
    """

    smoothness: float = math.inf

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def forward(self, positions: Float[Tensor, " n"]) -> Float[Tensor, "n count"]:
        """Features of positions."""
        raise NotImplementedError

    def _centres(self, positions: Tensor) -> Float[Tensor, " count"]:
        """(k + 1/2)/K: the middle of every one of K equal cells."""
        steps = torch.arange(self.count, dtype=positions.dtype, device=positions.device)
        return (steps + 0.5) / self.count

    def _cells(self, positions: Tensor) -> Int[Tensor, " n"]:
        """The cell in which each position lies, whose centre is the nearest."""
        return (positions.detach() * self.count).clamp(0, self.count - 1).to(torch.int64)


class _Shifted(Basis):
    """Copies of a mother function, one about every centre."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._scale = 1 / self._largest_norm()

    def forward(self, positions: Float[Tensor, " n"]) -> Float[Tensor, "n count"]:
        """The mother function of the distance to each centre, scaled."""
        return self._scale * self.mother(positions[:, None] - self._centres(positions))

    def mother(self, distance: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The function that is shifted."""
        raise NotImplementedError

    def _largest_norm(self) -> float:
        """The norm of the features in the middle of the axis, where a bump has neighbours on both sides.

        At a centre or between two, or wherever else a sixteenth of their spacing leads to.
        """
        middle = 0.5 + torch.linspace(-0.5, 0.5, 17, dtype=torch.float64, device="cpu") / self.count
        rows = self.mother(middle[:, None] - self._centres(middle))
        return float(rows.norm(dim=1).max())


class Gaussian(_Shifted):
    """exp(-(v - t_k)²/(2 width²))."""

    def __init__(self, count: int, width: float) -> None:
        self.width = width
        super().__init__(count)

    def mother(self, distance: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """A bell."""
        return (distance / self.width).square().mul(-0.5).exp()


class Triangle(_Shifted):
    """max(0, 1 - |v - t_k|/width)."""

    smoothness = 0.0

    def __init__(self, count: int, width: float) -> None:
        self.width = width
        super().__init__(count)

    def mother(self, distance: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """A hat."""
        return (1 - distance.abs() / self.width).clamp(min=0)


class Square(_Shifted):
    """The sign of sin 2πf(v - t_k): 1 in the first half of every cycle, -1 in the second."""

    smoothness = -1.0

    def __init__(self, count: int, frequency: float) -> None:
        self.frequency = frequency
        super().__init__(count)

    def mother(self, distance: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """A square wave, by the part of its cycle: sines would round at its jumps."""
        turn = distance.detach() * self.frequency
        return torch.where(turn - turn.floor() < 0.5, 1.0, -1.0).to(distance.dtype)

    def _largest_norm(self) -> float:
        return math.sqrt(self.count)


class Sine(_Shifted):
    """sin 2πf(v - t_k): of rank two, however many there are."""

    def __init__(self, count: int, frequency: float) -> None:
        self.frequency = frequency
        super().__init__(count)

    def mother(self, distance: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """A sine."""
        return (2 * math.pi * self.frequency * distance).sin()

    def _largest_norm(self) -> float:
        """Over all phases: the squares add up to K/2 less half the real part of a turning sum of K unit vectors."""
        turns = 2 * self.frequency * torch.arange(self.count, dtype=torch.float64, device="cpu") / self.count
        angles = 2 * math.pi * turns
        return math.sqrt((self.count + math.hypot(float(angles.cos().sum()), float(angles.sin().sum()))) / 2)


class Impulse(Basis):
    """1 for the centre nearest to v, 0 for the others."""

    smoothness = -1.0

    def forward(self, positions: Float[Tensor, " n"]) -> Float[Tensor, "n count"]:
        """One feature is on."""
        cells = torch.arange(self.count, device=positions.device)
        return (self._cells(positions)[:, None] == cells).to(positions.dtype)


class Noise(Basis):
    """Circularly shifted copies of one random vector: r[j - k mod K] in cell j."""

    smoothness = -1.0
    vector: Float[Tensor, " count"]

    def __init__(self, count: int) -> None:
        super().__init__(count)
        vector = torch.randn(count)
        self.register_buffer("vector", vector / vector.norm())

    def forward(self, positions: Float[Tensor, " n"]) -> Float[Tensor, "n count"]:
        """The vector, shifted to the cell of each position."""
        shifts = torch.arange(self.count, device=positions.device)
        return self.vector.to(positions)[(self._cells(positions)[:, None] - shifts) % self.count]


class Fourier(Basis):
    """sin 2πbv, then cos 2πbv, of `frequencies` (count/2,) in cycles."""

    frequencies: Float[Tensor, " half"]

    def __init__(self, count: int, frequencies: Float[Tensor, " half"]) -> None:
        super().__init__(count)
        self.register_buffer("frequencies", frequencies)

    def forward(self, positions: Float[Tensor, " n"]) -> Float[Tensor, "n count"]:
        """All sines, then all cosines; the norm is the same everywhere."""
        phases = (2 * math.pi * positions)[:, None] * self.frequencies.to(positions)
        return torch.cat((phases.sin(), phases.cos()), dim=1) * math.sqrt(2 / self.count)


class RandomFourier(Fourier):
    """Frequencies N(0, sigma²), drawn from torch's global generator."""

    def __init__(self, count: int, sigma: float) -> None:
        super().__init__(count, sigma * torch.randn(_pairs(count)))


class LinearFourier(Fourier):
    """Frequencies evenly from 1 to 2^octaves."""

    def __init__(self, count: int, octaves: float) -> None:
        super().__init__(count, torch.linspace(1, 2**octaves, _pairs(count)))


class LogarithmicFourier(Fourier):
    """Frequencies 2^e, with e evenly from 0 to octaves."""

    def __init__(self, count: int, octaves: float) -> None:
        super().__init__(count, 2 ** torch.linspace(0, octaves, _pairs(count)))


def _pairs(count: int) -> int:
    if count % 2:
        raise InrError(f"a Fourier basis has as many sines as cosines: use an even number of functions, not {count}")
    return count // 2


_CLASSES: dict[str, Any] = {
    "gaussian": Gaussian,
    "triangle": Triangle,
    "square": Square,
    "sine": Sine,
    "impulse": Impulse,
    "noise": Noise,
    "rff": RandomFourier,
    "linf": LinearFourier,
    "logf": LogarithmicFourier,
}
