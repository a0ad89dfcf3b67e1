"""Tables whose rows are taken from a few: a codebook, and for every row the number of its entry."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Float32, Float64, Int32
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from inr._errors import InrError
from inr.compression.encoder.quantise import check_values

_ITERATIONS = 100
_PROGRESS = 3e-4  # share of the error by which an iteration lowers it, or is the last
# rows that seeding looks at, and for large codebooks so many an entry
_LEAST_SEEN, _SEEN_AN_ENTRY = 16_384, 16
# distances at once
_BLOCK = 2**18


@dataclass(frozen=True, eq=False)
class Codebook:
    """A table (rows, features) in two.

    Attributes:
        entries: rows to choose from, float16 or float32, in the order of their first features, then second …; each is
            the choice of some row.
        indices: the entry of every row.
    """

    entries: Float[Tensor, "entries features"]
    indices: Int32[Tensor, " rows"]


def make_codebook(table: Float32[Tensor, "rows features"], size: int, *, half: bool = False, seed: int = 0) -> Codebook:
    """At most `size` entries with a small mean squared error, by k-means.

    Entries start from rows drawn by their squared distance from those drawn before, the best of a few each time
    (k-means++: Arthur and Vassilvitskii, SODA 2007). An entry that loses all its rows takes the row that is farthest
    from all entries. A table of at most `size` different rows is kept exactly, but for float16's rounding. On a
    processor, equal arguments give equal codebooks.

    Args:
        table: the rows.
        size: most entries; fewer where rows have no need of them.
        half: store float16 entries; every row has the nearest of them as they are stored.
        seed: of the random numbers.

    Raises:
        InrError: no entries asked for; rows that are not finite, or too large for float16.
    """
    if size < 1:
        raise InrError(f"a codebook needs at least 1 entry, got {size}")
    check_values(table, "a table")
    dtype = torch.float16 if half else torch.float32
    if bool((table.abs() > torch.finfo(dtype).max).any()):
        raise InrError(f"float16 entries go up to 65504, the table to {table.abs().max().item():g}")
    table = table.detach()
    entries = _different_rows(table, size)
    if entries is None:
        entries = _k_means(table, size, torch.Generator(table.device).manual_seed(seed))
    # rounded entries may be equal
    entries = entries.to(dtype).unique(dim=0)
    used, indices = _nearest(table, entries.float())[0].unique(return_inverse=True)
    return Codebook(entries[used], indices.int())


def look_up(codebook: Codebook) -> Float32[Tensor, "rows features"]:
    """The table that a codebook stands for."""
    return codebook.entries.float()[codebook.indices.long()]


def nearest_entries(
    table: Float32[Tensor, "rows features"], entries: Float32[Tensor, "entries features"]
) -> Int32[Tensor, " rows"]:
    """The nearest entry of every row; of equally near ones the first, as far as float32 tells them apart."""
    return _nearest(table, entries)[0].int()


def straight_through(
    table: Float32[Tensor, "rows features"],
    entries: Float32[Tensor, "entries features"],
    indices: Int32[Tensor, " rows"],
) -> Float32[Tensor, "rows features"]:
    """The rows' entries, differentiable once in table and entries: what a field is fitted with.

    A row's gradient passes to its own row of the table as if nothing had been chosen (van den Oord et al., NeurIPS
    2017), which moves it towards other entries, and to its entry, which is moved by the sum of its rows' gradients.

    Args:
        table: what indices are chosen by.
        entries: the codebook.
        indices: the entry of every row, from `nearest_entries`. Choosing costs more than looking up; now and then does.
    """
    return _Chosen.apply(table, entries, indices)


class _Chosen(Function):
    """See `straight_through`."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, entries: Tensor, indices: Tensor) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.size = len(entries)
        return entries.index_select(0, indices)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        (indices,) = ctx.saved_tensors
        return grad, _sums(grad, indices, ctx.size).float(), None


def _different_rows(table: Tensor, size: int) -> Tensor | None:
    """The rows that differ, where they are no more than `size`."""
    # most tables differ in so many of their first rows that the others need not be sorted
    if len(table) > 2 * size and len(table[: 2 * size].unique(dim=0)) > size:
        return None
    rows = table.unique(dim=0)
    return rows if len(rows) <= size else None


def _k_means(table: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Lloyd's iterations until they hardly lower the error."""
    entries = _seeds(table, size, generator)
    last = math.inf
    for _ in range(_ITERATIONS):
        indices, distances = _nearest(table, entries)
        counts = torch.bincount(indices, minlength=size)
        entries = (_sums(table, indices, size) / counts.clamp_min(1)[:, None]).float()
        error = distances.sum(dtype=torch.float64).item()
        for empty in (counts == 0).nonzero():
            row = table[distances.argmax()]
            entries[empty] = row
            distances = torch.minimum(distances, (table - row).square().sum(1))
        if error >= (1 - _PROGRESS) * last:
            break
        last = error
    return entries


def _seeds(table: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Rows to start from, by greedy k-means++ over a random part of a large table."""
    seen = max(_LEAST_SEEN, _SEEN_AN_ENTRY * size)
    if len(table) > seen:
        table = table[torch.randperm(len(table), generator=generator, device=table.device)[:seen]]
    candidates = 2 + int(math.log(size))
    chosen = table[torch.randint(len(table), (1,), generator=generator, device=table.device)]
    distances = (table - chosen).square().sum(1)
    seeds = [chosen[0]]
    while len(seeds) < size:
        drawn = torch.rand(candidates, dtype=torch.float64, generator=generator, device=table.device)
        heaps = distances.cumsum(0, dtype=torch.float64)
        tried = table[torch.searchsorted(heaps, drawn * heaps[-1], right=True).clamp_max(len(table) - 1)]
        nearer = torch.minimum(distances, (tried[:, None] - table).square().sum(2))
        best = int(nearer.sum(1, dtype=torch.float64).argmin())
        distances = nearer[best]
        seeds.append(tried[best])
    return torch.stack(seeds)


def _nearest(table: Tensor, entries: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest entry (int64) of every row, and its squared distance."""
    # |row|² is the same for all entries of a row; near their middle the rest is small and exact
    middle = entries.mean(0)
    offsets = entries - middle
    constants = offsets.square().sum(1)
    indices = torch.cat(
        [
            torch.addmm(constants, block - middle, offsets.T, alpha=-2).argmin(1)
            for block in table.split(max(1, _BLOCK // len(entries)))
        ]
    )
    return indices, (table - entries[indices]).square().sum(1)


def _sums(rows: Tensor, indices: Tensor, size: int) -> Float64[Tensor, "entries features"]:
    """The sum of the rows of every index."""
    # one by one, in the rows' order, whatever the number of threads
    return torch.stack([torch.bincount(indices, column.double(), size) for column in rows.unbind(1)], 1)
