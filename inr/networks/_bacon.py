"""BACON: a multiplicative filter network whose frequencies are fixed, and none above a known bound."""

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Config, Range, Sizes
from inr.activations import Activation
from inr.networks._base import Network, check_no_activation, networks
from inr.networks._linear import Affine
from inr.networks._lists import ascending, numbers
from inr.signals import Signal

MAX_SAMPLES = 2**20  # of an axis: beyond, float32 coordinates no longer tell the phase


@networks.register(
    "bacon",
    source="Lindell et al., BACON: Band-limited Coordinate Networks for Multiscale Scene Representation, CVPR 2022",
    formula="z₀ = g₀(x); zₗ = gₗ(x) ∘ (Wₗ zₗ₋₁ + bₗ); valuesₗ = Vₗ zₗ + cₗ for l in `outputs`; "
    "gₗ(x) = sin(π kₗ·x + φₗ), kₗ whole cycles over the extent, |kₗ| ≤ Bₗ on each axis",
    limits="periodic: opposite edges meet; no other encoding or activation, and no fused kernels",
)
class BACON(Network):
    """A band-limited network: each of its outputs holds no frequency above a bound that is known before fitting.

    Filters multiply sines of fixed frequencies k, whole numbers of cycles over the extent of each axis, uniform in
    {-Bₗ, …, Bₗ}; phases φ (U(±π) at first) and linear maps are learned. The output after layer l holds no cycles above
    B₀ + … + Bₗ, exactly, whatever is learned; that after the last layer none above `bandwidth`/2, the highest that so
    many samples an axis carry. `heads` gives all outputs, coarse to fine: each of them learns the whole signal.

    The publication's coordinates are pixel centres x/2 in (-½, ½), its frequencies 2πk. `shares` of the bandwidth go to
    filters in turn (the first l + 1 get the part of their shares that is a whole number of cycles, rounded down);
    none: each output has twice the bandwidth of the one before, and the filters between the two have equal shares.
    With that outputs="1+2+4" is the publication's network for pictures, outputs="2+4+6+8" its network for shapes (where
    filters of an output are one and the same; here each is drawn). W is U(±√(6/n)), by which values keep their spread
    at any depth: products have a variance of ½, outputs of 1.

    Attributes:
        bands: the highest frequencies of each head, in cycles over the extent of every axis x, y, ….

    Raises:
        InrError: an activation other than linear, or bandwidth, outputs or shares that do not go together.
    """

    learning_rate: ClassVar[float | None] = 5e-3
    default_partners: ClassVar = {"encoding": "identity", "activation": "linear"}
    required_encoding: ClassVar[str | None] = "identity"
    sizes = Sizes(("width",))
    frequencies: Float[Tensor, "filters width d"]

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        outputs: Annotated[int | str, "layers after which values are read out; the last is the depth"] = "1+2+4",
        width: Annotated[int, Range(1, 8192), "units in each layer"] = 256,
        bandwidth: Annotated[
            int | str, Range(1, MAX_SAMPLES), "samples an axis that it can hold, as in 768, or 768x512 for x and y"
        ] = 256,
        shares: Annotated[str | None, "of the bandwidth, a filter each, as in 1/8+1/8+1/4+1/2 (none: octaves)"] = None,
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        check_no_activation("bacon", activation)
        self.outputs = ascending(outputs, 1, 64, "network 'bacon': outputs")
        self.depth = self.outputs[-1]
        self.width = width
        parts = _octaves(self.outputs) if shares is None else _given_shares(shares, self.depth + 1)
        highest = [_highest(parts, size // 2) for size in _sizes(bandwidth, in_dim)]
        self.bands = tuple(tuple(sum(axis[: output + 1]) for axis in highest) for output in self.outputs)
        self.register_buffer("frequencies", _draw(highest, width))
        self.phases = nn.Parameter(torch.empty(self.depth + 1, width).uniform_(-math.pi, math.pi))
        self.layers = nn.ModuleList(_affine(width, width) for _ in range(self.depth))
        self.readers = nn.ModuleList(_affine(width, out_dim) for _ in self.outputs)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates: the last head's."""
        *_, last = self._products(coords)
        return self.readers[-1](last)[0]

    def heads(self, *inputs: Float[Tensor, "n _"]) -> tuple[Float[Tensor, "n c"], ...]:
        """The values of all outputs, of growing bandwidth."""
        products = list(self._products(*inputs))
        return tuple(read(products[layer])[0] for layer, read in zip(self.outputs, self.readers, strict=True))

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """The samples of every axis as bandwidth, as far as they tell frequencies apart."""
        sizes = [min(size, MAX_SAMPLES) for size in reversed(signal.domain.shape or ())]
        if not sizes:
            return {}
        return {"bandwidth": sizes[0] if len(set(sizes)) == 1 else "x".join(map(str, sizes))}

    def _products(self, coords: Float[Tensor, "n d"]) -> Iterator[Float[Tensor, "n w"]]:
        """z₀, z₁, …."""
        values = self._filter(0, coords)
        yield values
        for index, layer in enumerate(self.layers, 1):
            values = self._filter(index, coords) * layer(values)[0]
            yield values

    def _filter(self, index: int, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n w"]:
        return torch.addmm(self.phases[index], coords, self.frequencies[index].T, alpha=math.pi).sin()


def _affine(inputs: int, outputs: int) -> Affine:
    """Weights U(±√(6/n)), of variance 2/n; biases U(±1/√n)."""
    layer = Affine(inputs, outputs)
    assert layer.bias is not None
    nn.init.uniform_(layer.weight, -math.sqrt(6 / inputs), math.sqrt(6 / inputs))
    nn.init.uniform_(layer.bias, -1 / math.sqrt(inputs), 1 / math.sqrt(inputs))
    return layer


def _draw(highest: list[list[int]], width: int) -> Float[Tensor, "filters width d"]:
    """Whole numbers, uniform up to the highest of each axis and filter."""
    axes = [[torch.randint(-bound, bound + 1, (width,)) for bound in axis] for axis in highest]
    return torch.stack([torch.stack(axis) for axis in axes], dim=2).to(torch.get_default_dtype())


def _highest(shares: tuple[Fraction, ...], nyquist: int) -> list[int]:
    """Cycles of the filters' highest frequencies; rounded so that sums never exceed the sums of the shares."""
    ends = [math.floor(nyquist * total) for total in itertools.accumulate(shares, initial=Fraction(0))]
    return [end - start for start, end in itertools.pairwise(ends)]


def _octaves(outputs: tuple[int, ...]) -> tuple[Fraction, ...]:
    """Shares by which each output has twice the bandwidth of the one before; filters between two have the same."""
    shares: list[Fraction] = []
    for index, output in enumerate(outputs):
        part = Fraction(1, 2 ** (len(outputs) - max(index, 1)))
        count = output + 1 - len(shares)
        shares += [part / count] * count
    return tuple(shares)


def _given_shares(given: str, count: int) -> tuple[Fraction, ...]:
    found = numbers(given, _ratio, "network 'bacon': shares")
    if len(found) != count or min(found) < 0 or sum(found) != 1:
        raise InrError(f"network 'bacon': shares must be {count} numbers that sum to 1, one a filter, got {given!r}")
    return found


def _ratio(text: str) -> Fraction:
    """A number such as 1/8; not all that Fraction reads, which includes powers of any size."""
    top, _, bottom = text.partition("/")
    return Fraction(int(top), int(bottom or 1))


def _sizes(bandwidth: int | str, in_dim: int) -> tuple[int, ...]:
    """Samples of every axis."""
    found = numbers(bandwidth, int, "network 'bacon': bandwidth", between="x")
    if len(found) == 1:
        found *= in_dim
    if len(found) != in_dim or not all(1 <= size <= MAX_SAMPLES for size in found):
        raise InrError(
            f"network 'bacon': bandwidth must be 1 to {MAX_SAMPLES} samples, once or for each of {in_dim} axes "
            f"with x between them, got {bandwidth!r}"
        )
    return found
