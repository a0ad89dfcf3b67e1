"""Shifted bases and Fourier pairs of single axes, side by side."""

import math
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Automatic, Range
from inr.encodings import _bases
from inr.encodings._base import Encoding, encodings
from inr.encodings._bases import DEFAULTS, Kind, basis_smoothness, resolve

_FOURIER_BASES = ("rff", "linf", "logf")
_DEFAULT_FEATURES = {1: 512, 2: 512, 3: 192, 4: 256}


@encodings.register(
    "shifted",
    source="Zheng et al., Trading positional complexity vs deepness in coordinate networks, ECCV 2022, and "
    "Rethinking positional encoding, 2021",
    formula="ψ(u - t_k)/norm for centres t_k = (k + 1/2)/K and directions u of v = (x + 1)/2; ψ by basis: "
    "exp(-u²/2width²); max(0, 1 - |u|/width); sign sin 2πfu; sin 2πfu; 1 at the nearest centre",
    limits="its rank only adds up over axes: needs a deep network; narrower than the samples' spacing it leaves gaps",
)
class ShiftedBasis(Encoding):
    """Copies of one function along every axis, side by side: the simple (separable) encoding.

    Axes are x for one, x, y, (x + y)/2 and (x - y + 1)/2 on [0, 1] for two, the axes alone for more and for the
    Fourier bases; each has an equal share of the features. Rows are divided by the largest norm that one can have,
    found once from the basis, whatever is sampled.

    width, the standard deviation of gaussian or half the support of triangle, is in parts of an axis: unless given,
    0.77 or 2.5 spacings of the centres, which is the publication's 0.006 or 2.5/128 for pictures. impulse and noise
    are constant around every centre; noise has circular shifts of one random vector. rff, linf and logf are sines and
    cosines, of random frequencies N(0, sigma²), of frequencies evenly from 1 to 2^octaves, or of 2^(evenly to octaves).
    The publication learns the network at a rate of 0.005.
    """

    automatic: ClassVar[Automatic] = {"sigma": lambda samples: samples / 32, "width": lambda samples: 2 / samples}

    def __init__(
        self,
        in_dim: int,
        *,
        basis: Annotated[Kind, "the functions"] = "gaussian",
        features: Annotated[int | None, Range(1, 2**16), "in all (none: 512, 512, 192, 256 for 1 to 4 axes)"] = None,
        width: Annotated[
            float | None,
            Range(0, 16, above=True),
            "gaussian, triangle: in parts of an axis (none: from spacing; auto)",
        ] = None,
        frequency: Annotated[float | None, Range(0, 1e6, above=True), "square, sine: in cycles (none: 1)"] = None,
        sigma: Annotated[
            float | None, Range(0, 1e6, above=True), "rff: standard deviation of the frequencies, in cycles (none: 14)"
        ] = None,
        octaves: Annotated[
            float | None, Range(0, 24, above=True), "linf, logf: log2 of the highest frequency (none: 5; 5.5)"
        ] = None,
    ) -> None:
        self.check_in_dim(in_dim)
        directions = _directions(in_dim, diagonals=basis not in _FOURIER_BASES)
        features = _DEFAULT_FEATURES[in_dim] if features is None else features
        each = _share(features, len(directions), pairs=basis in _FOURIER_BASES)
        given = {"width": width, "frequency": frequency, "sigma": sigma, "octaves": octaves}
        own = resolve(basis, "encoding 'shifted'", given, _defaults(each))
        super().__init__(in_dim, features)
        self.smoothness = basis_smoothness(basis)
        self.bases = nn.ModuleList([_bases.basis(basis, each, **own) for _ in directions])
        self._directions = directions
        self._resolved = {"features": features, **own}

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n f"]:
        """The basis along every direction."""
        unit = (coords + 1) / 2
        positions = [_along(unit, direction) for direction in self._directions]
        rows = [module(position) for module, position in zip(self.bases, positions, strict=True)]
        return torch.cat(rows, dim=1) / math.sqrt(len(rows))


def _defaults(each: int) -> dict[str, dict[str, float]]:
    """The bases' own, with widths that go with the spacing of centres: the publication's where there are 128."""
    widths = {kind: {"width": DEFAULTS[kind]["width"] * 128 / each} for kind in ("gaussian", "triangle")}
    return DEFAULTS | widths


def _directions(in_dim: int, *, diagonals: bool) -> list[tuple[float, ...]]:
    """Weights of the axes; a direction with a negative one starts at 1/2."""
    axes = [tuple(float(axis == each) for each in range(in_dim)) for axis in range(in_dim)]
    return [*axes, (0.5, 0.5), (0.5, -0.5)] if in_dim == 2 and diagonals else axes


def _along(unit: Float[Tensor, "n d"], direction: tuple[float, ...]) -> Float[Tensor, " n"]:
    """Positions on [0, 1] along a direction."""
    terms = [weight * unit[:, axis] for axis, weight in enumerate(direction) if weight]
    return sum(terms[1:], terms[0]) + (0.5 if min(direction) < 0 else 0.0)


def _share(features: int, directions: int, *, pairs: bool) -> int:
    """Features of one direction. Raises InrError, with the nearest number that works, where shares are not equal."""
    unit = directions * (2 if pairs else 1)
    if features % unit:
        nearest = max(round(features / unit), 1) * unit
        raise InrError(f"encoding 'shifted': features must be a multiple of {unit} here, got {features}; use {nearest}")
    return features // directions
