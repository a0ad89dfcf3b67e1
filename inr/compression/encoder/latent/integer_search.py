"""Better whole numbers for latents: moves by one, tried all over the picture at once and judged one by one.

A move changes the picture near it, and the bits of latents near it and after it. Moves that are far enough apart can
therefore be told apart in one evaluation: the picture is cut into cells, each has one move, and what changed in a cell
is put down to it. Which moves to try, the gradient says: it points to where the loss falls.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent.steps import LatentStep

# Sides of the cells of the finest grid's moves, in pixels, and of the part in their middle from which moves come;
# twice as long with every level.
_CELL, _MIDDLE = 12, 8
# What is tried of a grid before gradients are computed anew.
_BATCHES_A_GRADIENT = 4
# The share of a grid's cells in which a move was good, below which the grid is left alone for the rest of a round.
_LEAST_SUCCESS = 0.005


@dataclass(frozen=True)
class Bound:
    """Where a search ends: once a quantity has fallen to a bound, or, from below, before it rises above it.

    Attributes:
        quantity: which one. value: the bound, for bits of all latents, or the mean squared error.
    """

    quantity: Literal["bits", "error"]
    value: float


class IntegerSearch:
    """Moves the latents of a step, which are whole numbers, by ones that lower error + weight * bits per pixel.

    Args:
        step: whose latents move; its networks stay.
        seed: of where cells begin.
        stopped: asked between evaluations, whether to end.

    Attributes:
        error, bits: mean squared error and bits of all latents, as they stand.
    """

    def __init__(self, step: LatentStep, *, seed: int = 0, stopped: Callable[[], bool] = lambda: False) -> None:
        self._step, self._stopped = step, stopped
        self._draw = np.random.default_rng(seed)
        layout = step.layout
        self._shape, self._pixels = (layout.height, layout.width), layout.height * layout.width
        rows = [np.repeat(np.arange(grid.height) << grid.level, grid.width) for grid in layout.grids]
        columns = [np.tile(np.arange(grid.width) << grid.level, grid.height) for grid in layout.grids]
        self._rows, self._columns = (np.concatenate(each).astype(np.int32) for each in (rows, columns))
        with torch.no_grad():
            step.latents.round_()
        self.error, self.bits = self._measure()

    def improve(self, weight: float, rounds: int) -> float:
        """Move while that lowers the loss.

        Args:
            weight: of a bit per pixel.
            rounds: of all grids, from fine to coarse.

        Returns:
            By how much the loss fell.
        """
        before = self.loss(weight)
        for _ in range(rounds):
            start = self.loss(weight)
            for index in reversed(range(len(self._step.layout.grids))):
                self._grid_round(index, weight)
                if self._stopped():
                    return before - self.loss(weight)
            if start - self.loss(weight) < 1e-4 * start:
                break
        return before - self.loss(weight)

    def approach(self, weight: float, bound: Bound) -> None:
        """Move until the search is at a bound, at most once around the grids.

        Args:
            weight: of a bit per pixel; it should lead there.
            bound: where to end.
        """
        falling = self._beyond(bound)
        for index in reversed(range(len(self._step.layout.grids))):
            self._grid_round(index, weight, bound)
            if self._stopped() or (falling and not self._beyond(bound)):
                return

    def _beyond(self, bound: Bound) -> bool:
        """Whether there is more than a bound allows."""
        found: float = getattr(self, bound.quantity)
        return found > bound.value

    @property
    def layout(self) -> Layout:
        """Of the grids."""
        return self._step.layout

    def latents(self) -> Tensor:
        """A copy of the latents as they stand."""
        return self._step.latents.detach().clone()

    def take(self, latents: Tensor) -> None:
        """Put other whole numbers in the latents' place."""
        with torch.no_grad():
            self._step.latents.copy_(latents)
        self.error, self.bits = self._measure()

    def loss(self, weight: float) -> float:
        """As the latents stand."""
        return self.error + weight * self.bits / self._pixels

    def _measure(self) -> tuple[float, float]:
        errors, bits = self._step.maps()
        self._errors, self._bits = errors.astype(np.float64), bits.astype(np.float64)
        return float(self._errors.sum()), float(self._bits.sum())

    def _grid_round(self, index: int, weight: float, bound: Bound | None = None) -> None:
        """Try moves of a grid while enough of them are good."""
        falling = bound is not None and self._beyond(bound)
        grid = self._step.layout.grids[index]
        part = slice(grid.start, grid.stop)
        tried = np.zeros(grid.size, bool)
        success, batch = 1.0, 0
        gradient = np.zeros(0)
        while success > _LEAST_SUCCESS and not tried.all():
            if self._stopped() or (falling and bound is not None and not self._beyond(bound)):
                return
            if batch % _BATCHES_A_GRADIENT == 0:
                self._step.differentiate(weight)
                gradient = self._step.latent_gradient.detach().cpu().numpy()[part].astype(np.float64)
            hopes = np.where(tried, 0.0, np.abs(gradient))
            chosen, offset = self._choose(hopes, grid.level, part)
            if not len(chosen):
                return
            tried[chosen] = True
            moves = -np.sign(gradient[chosen])
            success = self._try(grid.start + chosen, moves, offset, grid.level, weight, bound)
            batch += 1

    def _cells(
        self, level: int, rows: np.ndarray, columns: np.ndarray, offset: tuple[int, int]
    ) -> tuple[np.ndarray, int]:
        """The cells in which places lie, int64, and how many there are."""
        side = _CELL << level
        across = self._shape[1] // side + 2
        found = ((rows + offset[0]) // side).astype(np.int64) * across + (columns + offset[1]) // side
        return found, across * (self._shape[0] // side + 2)

    def _choose(self, hopes: np.ndarray, level: int, part: slice) -> tuple[np.ndarray, tuple[int, int]]:
        """The latent with the most hope in the middle of each cell: places in the grid, and where cells begin."""
        side, margin = _CELL << level, (_CELL - _MIDDLE) // 2 << level
        offset = int(self._draw.integers(side)), int(self._draw.integers(side))
        rows, columns = self._rows[part], self._columns[part]
        inside = hopes > 0
        for places, begin in ((rows, offset[0]), (columns, offset[1])):
            within = (places + begin) % side
            inside &= (within >= margin) & (within < side - margin)
        candidates = np.flatnonzero(inside)
        cells = self._cells(level, rows[candidates], columns[candidates], offset)[0]
        order = np.lexsort((-hopes[candidates], cells))
        first = np.ones(len(order), bool)
        first[1:] = np.diff(cells[order]) > 0
        return candidates[order[first]], offset

    def _try(
        self, chosen: np.ndarray, moves: np.ndarray, offset: tuple[int, int], level: int, weight: float,
        bound: Bound | None,
    ) -> float:  # fmt: skip
        """Make moves, and take back those that brought nothing; the share that was good."""
        latents = self._step.latents
        places, by = torch.from_numpy(chosen).to(latents.device), torch.from_numpy(moves).to(latents)
        before = latents.detach().clone(), self._errors, self._bits, self.error, self.bits
        with torch.no_grad():
            latents[places] += by
        errors, all_bits = self._step.maps()
        rows, columns = (np.arange(size) for size in self._shape)
        side = _CELL << level
        rows, columns = (rows + offset[0]) // side, (columns + offset[1]) // side
        across = self._shape[1] // side + 2
        cells = self._shape[0] // side + 2
        by_row = np.add.reduceat(errors - self._errors, np.flatnonzero(np.diff(rows, prepend=-1)), axis=0)
        summed = np.add.reduceat(by_row, np.flatnonzero(np.diff(columns, prepend=-1)), axis=1)
        worse = np.zeros((cells, across))
        worse[rows[0] : rows[0] + summed.shape[0], columns[0] : columns[0] + summed.shape[1]] = summed
        owners, count = self._cells(level, self._rows, self._columns, offset)
        more = np.bincount(owners, weights=all_bits - self._bits, minlength=count)
        own = self._cells(level, self._rows[chosen], self._columns[chosen], offset)[0]
        change, change_of_bits = worse.ravel()[own], more[own]
        gains = -(change + weight * change_of_bits / self._pixels)
        good = gains > 0
        if bound is not None:
            changes = change_of_bits if bound.quantity == "bits" else change
            good = self._within(bound, good, gains, changes)
        with torch.no_grad():
            latents[places[torch.from_numpy(~good).to(places.device)]] -= by[torch.from_numpy(~good).to(by.device)]
        old = self.loss(weight)
        self.error, self.bits = self._measure()
        if self.loss(weight) > old:
            with torch.no_grad():
                latents.copy_(before[0])
            self._errors, self._bits, self.error, self.bits = before[1:]
            return 0.0
        return float(good.mean())

    def _within(self, bound: Bound, good: np.ndarray, gains: np.ndarray, changes: np.ndarray) -> np.ndarray:
        """Which of the good moves, the best first, lead to a bound and no further; all where it is further away."""
        now = getattr(self, bound.quantity)
        order = np.flatnonzero(good)[np.argsort(-gains[good], kind="stable")]
        after = now + np.cumsum(changes[order])
        if now > bound.value:
            reached = np.flatnonzero(after <= bound.value)
            count = reached[0] + 1 if len(reached) else len(order)
        else:
            beyond = np.flatnonzero(after > bound.value)
            count = beyond[0] if len(beyond) else len(order)
        kept = np.zeros(len(good), bool)
        kept[order[:count]] = True
        return kept
