"""One small network an axis, joined as a tensor decomposition is."""

import functools
import math
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from inr._errors import InrError
from inr._parts import Range, Sizes
from inr.activations import Activation
from inr.encodings import Encoding, encodings
from inr.networks._base import Network, networks
from inr.networks._grids import distinct
from inr.networks._linear import make_layers, run_layers

Join = Literal["cp", "tt", "tucker"]

# So many points of a grid, by matrix products, cost less than one point alone.
_GRID_SPEED = 4
_CORE = 2**24  # numbers that join the axes, at most
_PROBES = 256  # places at which the first factors are brought to one size


@networks.register(
    "axiswise",
    source="Vemuri, Büchner and Denzler, F-INR: Functional Tensor Decomposition for Implicit Neural Representations, "
    "WACV 2026",
    formula="cp: f(x) = W (φ₁(x₁) ∘ φ₂(x₂) ∘ …); tt: φ₁(x₁)ᵀ Φ₂(x₂) … Φ_D(x_D); tucker: the core W with every axis "
    "contracted with φ_d(x_d); φ_d a network of one coordinate",
    limits="what is of low rank along the axes: an edge that stands askew takes a rank in proportion to its sharpness, "
    "and 45° is the worst; PyTorch runs it, and the kernels of the engines do not",
)
class AxisWise(Network):
    """A network for each axis, whose outputs are joined as CP, tensor train or Tucker.

    On a regular grid each network is evaluated at the positions of its own axis alone, and the rest is a product of
    matrices: renders and fits of whole rows cost little however large the grid is. A signal that is a sum of products
    of functions of the axes is met exactly from that rank on.

    cp keeps `rank` products and weighs them into the channels; tt has matrices of `rank` x `rank` for the axes between
    the first and the last; tucker has a core of a weight for every combination, `rank` to the power of the axes times
    channels. Factors begin with variance 1 over the domain, so that a product of them does not begin at its saddle
    point 0. The publication compares ranks and kinds of networks; `rank`, `depth` and `width` here are none of its.

    With sine (SIREN) or another activation of coordinates it reads them as they are; relu reads them through an
    encoding of one axis, as in encoding=(fourier:sigma=16,frequencies=64).

    Attributes:
        embeddings: of each axis, in coordinate order; layers: the layers of each axis' network.
    """

    learning_rate: ClassVar[float | None] = None
    default_partners: ClassVar[dict[str, Any]] = {"encoding": "identity", "activation": "sine"}
    required_encoding: ClassVar[str | None] = "identity"
    sizes = Sizes(("rank", "width"))

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        join: Annotated[Join, "how the axes are joined"] = "cp",
        rank: Annotated[int, Range(1, 4096), "of the join"] = 64,
        depth: Annotated[int, Range(1, 64), "hidden layers of each network"] = 2,
        width: Annotated[int, Range(1, 8192), "units in each"] = 128,
        encoding: Annotated[dict | str, "what embeds the coordinate of an axis, as (fourier:sigma=16)"] = "identity",
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        if in_dim != self.coord_dim:
            raise InrError("network 'axiswise' reads coordinates itself: use encoding identity, and encoding=(…) in it")
        self.join, self.rank, self.depth = join, rank, depth
        embeddings = [_embedding(encoding) for _ in range(in_dim)]
        self.embeddings = nn.ModuleList(embeddings)
        given = [self._outputs(axis) for axis in range(in_dim)]
        if max(given) > _CORE or (join == "tucker" and rank**in_dim * out_dim > _CORE):
            raise InrError(f"network 'axiswise' of join={join} and rank={rank} is too large: at most {_CORE:,} numbers")
        self.layers = nn.ModuleList(
            make_layers(activation, [each.out_dim, *[width] * depth], [*[width] * depth, outputs], bias=True)
            for each, outputs in zip(embeddings, given, strict=True)
        )
        shape = {"cp": (rank, out_dim), "tt": (), "tucker": (*[rank] * in_dim, out_dim)}[join]
        self.core = nn.Parameter(torch.empty(shape)) if shape else None
        if self.core is not None:
            bound = math.sqrt(3 / (self.core.numel() / out_dim))
            nn.init.uniform_(self.core, -bound, bound)
        self.smoothness = min(each.smoothness for each in embeddings)
        self._even_out()

    def _outputs(self, axis: int) -> int:
        """How many numbers an axis' network gives."""
        if self.join != "tt":
            return self.rank
        ends = (1 if axis == 0 else self.rank), (self.out_dim if axis == self.in_dim - 1 else self.rank)
        return math.prod(ends)

    @torch.no_grad()
    def _even_out(self) -> None:
        """Scale the last layers so that factors have the variance that leaves values with variance 1."""
        places = torch.linspace(-1, 1, _PROBES)
        if places.is_meta or next(self.parameters()).is_meta:
            return
        for axis, layers in enumerate(self.layers):
            spread = self.factor(axis, places).square().mean().sqrt()
            share = self.rank**-0.5 if self.join == "tt" and axis > 0 else 1.0
            assert isinstance(layers, nn.ModuleList)
            for parameter in layers[-1].parameters():
                parameter.mul_(share / spread.clamp(min=1e-6))

    def factor(self, axis: int, coords: Float[Tensor, " n"]) -> Float[Tensor, "n k"]:
        """What the network of an axis gives.

        Args:
            axis: its number, 0 for x.
            coords: float (n,) in [-1, 1].

        Returns:
            Float (n, rank); in a tensor train the numbers of a matrix, row after row.
        """
        layers = self.layers[axis]
        assert isinstance(layers, nn.ModuleList)
        return run_layers(layers, self.activation, self.embeddings[axis](coords[:, None]))

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates, which come as features of the encoding identity.

        Points that share coordinates, as those of a grid do, share the networks' work on them.
        """
        if torch.compiler.is_compiling() or torch.jit.is_tracing() or len(coords) < 2:
            return self._by_the_point([self.factor(axis, column) for axis, column in enumerate(coords.unbind(1))])
        axes = [distinct(column) for column in coords.unbind(1)]
        counts = [len(positions) for positions, _ in axes]
        if math.prod(counts) <= _GRID_SPEED * len(coords):
            table = self.on_grid([positions for positions, _ in axes]).flatten(0, -2)
            row = torch.zeros_like(axes[0][1])
            for count, (_, which) in zip(counts, axes, strict=True):
                row = row * count + which
            return table[row]
        return self._by_the_point([self.factor(axis, positions)[which] for axis, (positions, which) in enumerate(axes)])

    def on_grid(self, axes: Sequence[Float[Tensor, " _"]]) -> Float[Tensor, "*shape c"]:
        """Values on the whole grid that coordinates of the axes span.

        Args:
            axes: for every axis, x first, float (n_axis,) in [-1, 1].

        Returns:
            Float (n_x, n_y, …, c).
        """
        factors = [self.factor(axis, coords) for axis, coords in enumerate(axes)]
        if self.join == "tt":
            rows = factors[0]
            for axis in range(1, self.in_dim):
                matrices = factors[axis].unflatten(1, (self.rank, -1))
                rows = torch.tensordot(rows, matrices, dims=([-1], [1]))  # (n_x, …, n_axis, what comes next)
            return rows
        assert self.core is not None
        if self.join == "tucker":
            table: Tensor = self.core
            for factor in factors:
                table = torch.tensordot(table, factor, dims=([0], [1]))
            return table.movedim(0, -1)
        *others, last = factors
        weights = self.core.T  # (c, r), then (n_x, …, c, r), and the rank summed with the last axis
        if others:
            products = functools.reduce(lambda rows, factor: rows[..., None, :] * factor, others)
            weights = products[..., None, :] * weights
        return (weights @ last.T).movedim(-2, -1)

    def _by_the_point(self, factors: Sequence[Float[Tensor, "n _"]]) -> Float[Tensor, "n c"]:
        """Every point alone, from its factors."""
        first, *others = factors
        if self.join == "cp":
            assert self.core is not None
            return functools.reduce(torch.mul, others, first) @ self.core
        rows = first
        if self.join == "tucker":
            assert self.core is not None
            rows = first @ self.core.flatten(1)
            for factor in others:
                rows = (factor[:, None, :] @ rows.unflatten(1, (self.rank, -1))).squeeze(1)
            return rows
        for factor in others:
            rows = (rows[:, None, :] @ factor.unflatten(1, (self.rank, -1))).squeeze(1)
        return rows


def _embedding(spec: dict | str) -> Encoding:
    """What embeds one axis."""
    found: Encoding = encodings.build(spec, 1)
    if found.learning_rate is not None:
        name = found.config()["name"]
        raise InrError(
            f"network 'axiswise': encoding '{name}' learns at a rate of its own, which a network's axes have not; use "
            "identity or fourier"
        )
    return found
