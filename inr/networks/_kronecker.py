"""One embedding an axis and one weight for every combination of their features, contracted axis by axis."""

import math
import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from inr._errors import InrError
from inr._parts import Config, Range, Sizes
from inr.activations import Activation
from inr.encodings import Basis, basis, basis_smoothness
from inr.networks._base import Network, networks
from inr.networks._blend import Blended
from inr.networks._grids import distinct
from inr.signals import Signal

Kind = Literal["gaussian", "triangle", "rff", "linf", "logf"]

# functions an axis by number of axes, where nothing is known of the signal: the published ones in 2-D and 3-D
_DEFAULT_COUNTS = {1: 1024, 2: 256, 3: 64, 4: 24}
# the published parameters of every basis, for so many functions of an axis
_PUBLISHED_COUNT = 256
_DEFAULT_SPREADS = {"gaussian": 1.0, "triangle": 2.0}
_DEFAULT_SIGMA = 42.0
_DEFAULT_OCTAVES = {"linf": 4.5, "logf": 6.5}
_PARAMETER_READ = {"gaussian": "spread", "triangle": "spread", "rff": "sigma", "linf": "octaves", "logf": "octaves"}

_DEFAULT_MAPS = 8  # outputs of the product that a hidden layer reads
MAX_FUNCTIONS = 8_192  # of an axis
MAX_WEIGHTS = 2**28  # 1 GiB in float32
# A closed form takes seconds with so many functions of an axis, functions in all and numbers in an axis' features.
_SOLVED_AXIS, _SOLVED_FUNCTIONS, _SOLVED_FEATURES = 1_024, 2**20, 2**25
_MAX_INTERMEDIATE = 2**26  # numbers that a contraction keeps at once
_GRID_SPEED = 64  # so many points of a grid, by matrix products, cost less than one point alone


@networks.register(
    "kronecker",
    source="Zheng, Ramasinghe, Li and Lucey, Trading Positional Complexity vs. Deepness in Coordinate Networks, "
    "ECCV 2022",
    formula="f(x, y) = φ(x)ᵀ W φ(y), a matrix W for every channel; W ∈ R^(K×K×K) contracted mode by mode in 3-D",
    limits="K to the power of the axes weights a channel, so one long axis (a sound) is followed in outline only; "
    "Fourier bases (rff, linf, logf) generalise badly without a hidden layer",
)
class Kronecker(Network):
    """The complex positional encoding: one weight for every combination of one feature an axis.

    Equal to a linear layer on the Kronecker product of the axes' features, which is never formed. Shifted bumps
    (gaussian, triangle) have their centres in the middle of `size` equal cells of an axis. On a regular grid the
    weights have a closed form: `inr.fitting.solve`.

    It embeds coordinates itself and is linear in its weights: it stands on the encoding identity, with the activation
    linear. With `hidden`, the product has `maps` outputs, which one layer of that many ReLU units reads; the published
    rate of 0.1 is then high, and 0.01 often better.

    Weights begin as U(±1/√K). What is left open is the authors' choice for photographs on regular grids, given for
    256 functions and in proportion for others: gaussian σ 0.004 and triangle 2/256 (`spread` 1 and 2), rff σ 42,
    linf 4.5 and logf 6.5 octaves. A gaussian narrower than half a spacing (`spread` 0.5) leaves holes between samples.

    `blend` is for samples off the grid: a position is embedded as the weighted mean of the embeddings of its
    neighbours among so many cell centres, with weights that have the inner products with both right.

    Attributes:
        bases: the embedding of each axis, in coordinate order.
        weight: (K_x, K_y, …, outputs of the product).
    """

    learning_rate: ClassVar[float] = 1e-1
    default_partners: ClassVar[dict[str, Any]] = {"encoding": "identity", "activation": "linear"}
    required_encoding: ClassVar[str | None] = "identity"
    sizes = Sizes(("hidden", "size"))

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        activation: Activation,
        coord_dim: int | None = None,
        *,
        basis: Annotated[Kind, "the functions of an axis"] = "gaussian",
        size: Annotated[
            int | str | None, Range(1, MAX_FUNCTIONS), "functions an axis, x first as in 384x256 (none: 256 in 2-D)"
        ] = None,
        spread: Annotated[
            float | None, Range(0, 1e3, above=True), "gaussian σ or half a triangle, in spacings (none: 1, 2)"
        ] = None,
        sigma: Annotated[
            float | None, Range(0, 1e6, above=True), "rff: standard deviation in cycles (none: 42 for 256 functions)"
        ] = None,
        octaves: Annotated[
            float | None, Range(0, 24), "linf, logf: log2 of the highest frequency (none: 4.5, 6.5 for 256)"
        ] = None,
        blend: Annotated[int | None, Range(2, 2**20), "embed between so many nodes an axis (none: directly)"] = None,
        hidden: Annotated[int | None, Range(1, 8192), "ReLU units after the product; published: 256"] = None,
        maps: Annotated[int | None, Range(1, 4096), "outputs of the product for them to read (none: 8)"] = None,
    ) -> None:
        super().__init__(in_dim, out_dim, activation, coord_dim)
        if in_dim != self.coord_dim:
            raise InrError("network 'kronecker' embeds coordinates itself: use encoding identity")
        name = activation.config()["name"]
        if name != "linear":
            raise InrError(f"network 'kronecker' is linear in its weights: use activation linear, not {name}")
        _check_read(basis, spread=spread, sigma=sigma, octaves=octaves)
        if maps is not None and hidden is None:
            raise InrError("network 'kronecker': maps are what a hidden layer reads; give hidden too, as in hidden=256")
        counts = _counts_of(size, in_dim)
        outputs = out_dim if hidden is None else maps or _DEFAULT_MAPS
        if math.prod(counts) * outputs > MAX_WEIGHTS:
            raise InrError(
                f"network 'kronecker' of {'x'.join(map(str, counts))} is too large: at most {MAX_WEIGHTS:,} weights"
            )
        self.bases = nn.ModuleList(_embedding(basis, count, spread, sigma, octaves, blend) for count in counts)
        self.weight = nn.Parameter(torch.empty(*counts, outputs))
        bound = math.prod(counts) ** (-0.5 / in_dim)
        nn.init.uniform_(self.weight, -bound, bound)
        self.after: nn.Module = nn.Identity()
        self.smoothness = min(basis_smoothness(basis), math.inf if blend is None else 0.0)
        if hidden is not None:
            self.after = nn.Sequential(nn.Linear(outputs, hidden), nn.ReLU(), nn.Linear(hidden, out_dim))
            self.smoothness = min(self.smoothness, 0.0)

    @classmethod
    def suited(cls, signal: Signal) -> Config:
        """About as many functions as without a signal, in proportion to its axes, and no more than samples."""
        if signal.domain.shape is None:
            return {}
        ratio = _DEFAULT_COUNTS[signal.in_dim] / signal.size ** (1 / signal.in_dim)
        return {"size": _proportional(signal.domain.shape[::-1], min(ratio, 1.0))}

    @classmethod
    def for_closed_form(cls, config: Config, sizes: Sequence[int]) -> Config:
        """The configuration with what it leaves open set for a least-squares fit of a whole grid.

        A quarter as many functions as samples, in proportion to the axes, as far as that takes seconds.

        Args:
            config: a configuration of this network, as its registry has it.
            sizes: samples of every axis, x first.

        Returns:
            A configuration that has all that it had, and `size`.

        >>> inr.networks.Kronecker.for_closed_form({"name": "kronecker"}, (16, 12))
        {'size': '8x6', 'name': 'kronecker'}
        """
        samples, axes = math.prod(sizes), len(sizes)
        ratios = [min(_SOLVED_AXIS, _SOLVED_FEATURES // size) / size for size in sizes]
        ratio = min(*ratios, (_SOLVED_FUNCTIONS / samples) ** (1 / axes), 0.25 ** (1 / axes))
        config = {"size": _proportional(sizes, ratio), **config}
        if config.get("basis") == "triangle":
            config = {"spread": 1.0, **config}
        if config.get("basis") == "linf":
            count = math.prod(_counts_of(config["size"], axes)) ** (1 / axes)
            config = {"octaves": max(6.0 + math.log2(count / _PUBLISHED_COUNT), 0.0), **config}
        return config

    @property
    def counts(self) -> tuple[int, ...]:
        """Functions an axis, in coordinate order."""
        return tuple(self.weight.shape[:-1])

    @property
    def is_linear(self) -> bool:
        """Whether nothing follows the product, so that the weights of a regular grid have a closed form."""
        return isinstance(self.after, nn.Identity)

    def embed(self, axis: int, coords: Float[Tensor, " n"]) -> Float[Tensor, "n k"]:
        """The features of positions on one axis.

        Args:
            axis: its number, 0 for x.
            coords: float (n,) in [-1, 1].

        Returns:
            Float (n, functions of the axis).
        """
        return self.bases[axis]((coords + 1) / 2)

    def forward(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values at coordinates, which come as features of the encoding identity.

        Points that share coordinates, as those of a grid do, share the work on them.
        """
        if torch.compiler.is_compiling() or torch.jit.is_tracing():
            return self.after(self._slice(coords))  # what is recorded must hold for any points, distinct or not
        if len(coords) == 1:
            return self.after(self._by_the_point(coords))
        axes = [distinct(column) for column in coords.unbind(1)]
        gridded = self._gridded(len(coords), [len(positions) for positions, _ in axes])
        return self.after(self._shared(axes, gridded) if gridded else self._by_the_point(coords))

    def on_grid(self, axes: Sequence[Float[Tensor, " _"]]) -> Float[Tensor, "*shape c"]:
        """Values on the whole grid that coordinates of the axes span.

        Args:
            axes: for every axis, x first, float (n_axis,) in [-1, 1].

        Returns:
            Float (n_x, n_y, …, c).
        """
        features = [self.embed(axis, coords) for axis, coords in enumerate(axes)]
        return self.after(_contracted(self.weight, features).movedim(0, -1))

    def _gridded(self, points: int, distinct: Sequence[int]) -> list[int]:
        """The axes to contract on the grid of distinct positions, few positions first: all, all but one, or none."""
        order = sorted(range(len(distinct)), key=distinct.__getitem__)
        if math.prod(distinct) <= _GRID_SPEED * points:
            return order
        sizes, counts = [distinct[axis] for axis in order], [self.counts[axis] for axis in order]
        work = sum(math.prod(sizes[: axis + 1]) * math.prod(counts[axis:]) for axis in range(len(order) - 1))
        kept = math.prod(sizes[:-1]) * counts[-1] * self.weight.shape[-1]
        worth = work <= points * math.prod(counts) and (kept <= _MAX_INTERMEDIATE or len(order) == 2)
        return order[:-1] if worth else []

    def _shared(self, axes: Sequence[tuple[Tensor, Tensor]], gridded: Sequence[int]) -> Float[Tensor, "n m"]:
        """Some axes contracted on the grid of their distinct positions; the one that may be left, by the point."""
        left = [axis for axis in range(len(axes)) if axis not in gridded]
        features = [self.embed(axis, axes[axis][0]) for axis in gridded]
        table = _contracted(self.weight.permute(*gridded, *left, -1), features)  # ([K,] m, distinct positions …)
        row = torch.zeros_like(axes[0][1])
        for axis in gridded:
            row = row * len(axes[axis][0]) + axes[axis][1]
        rows = table.flatten(len(left) + 1).movedim(-1, 0)[row]
        for axis in left:
            positions, which = axes[axis]
            rows = torch.einsum("nk,nkm->nm", self.embed(axis, positions)[which], rows)
        return rows

    def _by_the_point(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n m"]:
        """Every point alone, in slices that bound memory; derivatives compute them again."""
        largest = self.weight.numel() // max(self.counts)
        slices = coords.split(max(_MAX_INTERMEDIATE // largest, 1))
        if len(slices) == 1 or not torch.is_grad_enabled():
            return torch.cat([self._slice(part) for part in slices])
        return torch.cat([checkpoint(self._slice, part, use_reentrant=False) for part in slices])

    def _slice(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n m"]:
        """One axis after the other, the one with most functions first: what is left of the weights is smallest."""
        order = sorted(range(len(self.counts)), key=lambda axis: -self.counts[axis])
        first, *others = (self.embed(axis, coords[:, axis]) for axis in order)
        rows = first @ self.weight.permute(*order, -1).flatten(1)
        for features in others:
            rows = torch.einsum("nk,nkr->nr", features, rows.unflatten(1, (features.shape[1], -1)))
        return rows


def _counts_of(size: int | str | None, axes: int) -> tuple[int, ...]:
    """Functions an axis, from how `size` is written."""
    if axes not in _DEFAULT_COUNTS:
        raise InrError(f"network 'kronecker' takes 1 to 4 coordinates, got {axes}")
    words = str(_DEFAULT_COUNTS[axes] if size is None else size).split("x")
    if not all(re.fullmatch(r"[1-9]\d{0,5}", word) for word in words) or len(words) not in (1, axes):
        raise InrError(
            f"network 'kronecker': size is one number, or one an axis as in {'x'.join(['64'] * axes)}, got {size!r}"
        )
    counts = tuple(int(word) for word in words)
    if max(counts) > MAX_FUNCTIONS:
        raise InrError(f"network 'kronecker': at most {MAX_FUNCTIONS} functions an axis, got {max(counts)}")
    return counts * axes if len(counts) == 1 else counts


def _proportional(sizes: Sequence[int], ratio: float) -> str:
    """The `size` for axes of so many samples, and so many functions a sample; even, as Fourier bases need."""
    return "x".join(str(max(int(size * ratio) // 2 * 2, min(size, 2))) for size in sizes)


def _contracted(weight: Tensor, features: Sequence[Float[Tensor, "_ _"]]) -> Tensor:
    """The leading axes of weights (K_1, K_2, …, m) replaced by positions, behind: (…, m, n_1, n_2, …)."""
    for each in features:
        weight = torch.tensordot(weight, each, dims=([0], [1]))
    return weight


def _embedding(
    kind: Kind, count: int, spread: float | None, sigma: float | None, octaves: float | None, blend: int | None
) -> Basis | Blended:
    """The basis of one axis."""
    if kind in _DEFAULT_SPREADS:
        parameters = {"width": (spread or _DEFAULT_SPREADS[kind]) / count}
    elif kind == "rff":
        parameters = {"sigma": sigma or _DEFAULT_SIGMA * count / _PUBLISHED_COUNT}
    else:
        default = max(_DEFAULT_OCTAVES[kind] + math.log2(count / _PUBLISHED_COUNT), 0.0)
        parameters = {"octaves": default if octaves is None else octaves}
    over = basis(kind, count, **parameters)
    return over if blend is None else Blended(over, blend)


def _check_read(kind: Kind, **given: float | None) -> None:
    """Refuse a parameter that another basis reads."""
    for name, value in given.items():
        if value is not None and name != _PARAMETER_READ[kind]:
            raise InrError(f"network 'kronecker': basis={kind} does not read {name}; it reads {_PARAMETER_READ[kind]}")
