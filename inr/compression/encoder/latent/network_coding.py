"""Network parameters of a picture made into few bytes: steps by curvature, then rounding in turns with fits in between.

Rounding each parameter by itself is what costs: at equal steps, letting those that are still free make up for what is
rounded (Hassibi and Stork, "Optimal brain surgeon", NeurIPS 1992; Frantar and Alistarh, "Optimal brain compression",
NeurIPS 2022) loses a small part of it, so that steps can be coarser. `studies/latent/network_bytes.py` compares.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from inr.compression.bitstream.latent.layout import Grid, Layout
from inr.compression.bitstream.latent.parameters import (
    ASCENDING,
    MAX_MAGNITUDE_BITS,
    QuantisedParameters,
    initial_integers,
    usual_magnitude,
    write_parameters,
)
from inr.compression.encoder.latent.fit import Fitted
from inr.compression.encoder.latent.network_curvature import error_curvature, rate_curvature, rate_names
from inr.compression.encoder.latent.steps import LatentStep, tensors_of

# Latents and pixels whose derivatives are taken, and about how many pixels of a larger picture they are drawn from.
_LATENT_SAMPLES, _PIXEL_SAMPLES, _WINDOW = 8192, 3072, 1 << 19
# Turns of rounding, after each of which what is left is fitted.
_TURNS = 20
# Curvature that is added, in bits for a change of a parameter as large as its tensor's usual magnitude: what steps are
# chosen by, where turns begin, and the least.
_STEP_DAMPING, _FIRST_DAMPING, _LEAST_DAMPING = 300.0, 100.0, 0.01
_DAMPING_DECREASE, _DAMPING_INCREASE = 3.0, 4.0
# Magnitudes count as at least this share of what they usually are.
_LEAST_SHARE = 0.25
# Steps of a fit are a quarter as long each time they fail, so many times.
_SHORTENINGS = 4
# Bits by which a step may cost more in the loss than it saves in the file, as a share of what the file takes, before
# finer ones are tried, and how often.
_DEAR_SHARE, _MOST_REFINEMENTS = 0.4, 3
_MAX_EXPONENT = 15


def encode_parameters(q: QuantisedParameters) -> bytes:
    """The bytes that `inr.compression.bitstream.latent.parameters.decode_parameters` reads.

    Args:
        q: any parameters; what is read again has the hidden units of the synthesis by ascending bias, see `ordered`.
    """
    return write_parameters(ordered(q))


def ordered(q: QuantisedParameters) -> QuantisedParameters:
    """The same networks with the hidden units of the synthesis by ascending bias."""
    order = np.argsort(q.integers[ASCENDING], kind="stable")
    units = {
        "synthesis.0.weight": q.integers["synthesis.0.weight"][order],
        "synthesis.0.bias": q.integers["synthesis.0.bias"][order],
        "synthesis.1.weight": q.integers["synthesis.1.weight"][:, order],
    }
    return replace(q, integers={**q.integers, **units})


def quantise(step: LatentStep, fitted: Fitted, stopped: Callable[[], bool] = lambda: False) -> QuantisedParameters:
    """Integers for a fit's networks, so that error + weight * (bits of latents and networks) / pixels is low.

    Steps are powers of two, one per tensor, at which a bit more would help equally in each, by the curvature that is
    left of a parameter when those rounded after it make up for it. Then a twentieth of the parameters after another,
    the ones that matter most first, is rounded, each time letting all others follow; these are then moved by Newton's
    steps along the true gradient. Where all of this loses much, it is done again with steps half as large.

    Args:
        step: with the fit's latents; its parameters are moved.
        fitted: what the fit gave.
        stopped: whether to leave out the fits in between.
    """
    search = NetworkSearch(step, fitted, stopped)
    finer, best = 0, None
    while True:
        found, lost, bits = search.round_in_turns(search.exponents(finer))
        if best is None or lost + bits < best[0]:
            best = lost + bits, found
        if lost <= _DEAR_SHARE * bits or finer == _MOST_REFINEMENTS or stopped():
            return best[1]
        finer += 1


class _Block(NamedTuple):
    """Parameters on which one part of the cost depends: 0 the bits of latents, 1 the error."""

    part: int
    places: slice
    curvature: np.ndarray


class NetworkSearch:
    """What is known of a fit's networks; all costs are in bits.

    Args:
        step, fitted, stopped: as `quantise` takes them.
        pixels: of the picture that the fit stands for, where it is of a part only; None: of its own.
    """

    def __init__(
        self, step: LatentStep, fitted: Fitted, stopped: Callable[[], bool], pixels: int | None = None
    ) -> None:
        self._step, self._layout, self._stopped = step, fitted.layout, stopped
        own = fitted.layout.height * fitted.layout.width
        self._weight, self._pixels = fitted.weight, own if pixels is None else pixels
        self._share = self._pixels / own
        self._fitted = fitted.parameters.astype(np.float64)
        self._blocks = self._curvatures(fitted)
        self._names = list(self._layout.tensors)
        sizes = [self._layout.slices[name].stop - self._layout.slices[name].start for name in self._names]
        self._tensor = np.repeat(np.arange(len(sizes)), sizes)
        finest = {name: _initial(self._layout, name) for name in self._names}
        self._initial = np.concatenate([finest[name] for name in self._names])
        squares = np.bincount(self._tensor, (self._fitted - self._initial) ** 2) / sizes
        least = [(_LEAST_SHARE * usual_magnitude(name)) ** 2 for name in self._names]
        self._spread = np.maximum(squares, least)[self._tensor]
        self._before = self.cost(self._fitted)

    def exponents(self, finer: int, *, alone: bool = False) -> np.ndarray:
        """Exponents by tensor, int64, at which a bit more helps equally in each: Δ² = 12 / (ln 2 c) at curvature c.

        Args:
            finer: how often steps are halved besides.
            alone: whether parameters are to be rounded each by itself.
        """
        sizes = np.bincount(self._tensor)
        if alone:
            curvature = np.concatenate([block.curvature.diagonal() for block in self._blocks])
            means = np.log2(np.maximum(np.bincount(self._tensor, curvature) / sizes, 1e-9))
        else:
            logarithms = np.zeros(len(self._tensor))
            for block in self._blocks:
                damped = block.curvature + np.diag(_STEP_DAMPING / self._spread[block.places])
                order = np.argsort(-block.curvature.diagonal(), kind="stable")
                root = _following(damped[np.ix_(order, order)], len(order))
                logarithms[np.arange(len(self._tensor))[block.places][order]] = -2 * np.log2(np.diagonal(root))
            means = np.bincount(self._tensor, logarithms) / sizes
        found = np.rint((means - math.log2(12 / math.log(2))) / 2).astype(np.int64) + finer
        largest = np.zeros(len(found))
        np.maximum.at(largest, self._tensor, np.maximum(np.abs(self._fitted), np.abs(self._initial)))
        # twice the magnitude stays in range, for rounding in turns moves parameters
        most = np.floor(MAX_MAGNITUDE_BITS - 1 - np.log2(np.maximum(largest, 1e-3))).astype(np.int64)
        return np.clip(found, 0, np.minimum(most, _MAX_EXPONENT))

    def round_in_turns(self, exponents: np.ndarray) -> tuple[QuantisedParameters, float, int]:
        """Integers, by how much the cost of picture and latents grew, and the bits of the file."""
        steps = 2.0 ** -exponents[self._tensor]
        values, free = self._fitted.copy(), np.ones(len(steps), bool)
        damping = [_FIRST_DAMPING, _FIRST_DAMPING]
        turns = []
        for block in self._blocks:
            places = np.arange(len(steps))[block.places]
            matters = block.curvature.diagonal() * steps[block.places] ** 2
            turns.append(np.array_split(places[np.argsort(-matters, kind="stable")], _TURNS))
        for turn in range(_TURNS):
            slopes = self._slopes(values, free, steps)
            for block, parts in zip(self._blocks, turns, strict=True):
                self._round(values, free, parts[turn], block, damping[block.part], steps, slopes)
            if turn < _TURNS - 1 and not self._stopped():
                values = self._fit(values, free, damping)
        q = _with_short_zeros(self.integers(values, exponents))
        return q, float((self.cost(values) - self._before).sum()), 8 * len(encode_parameters(q))

    def _round(
        self,
        values: np.ndarray,
        free: np.ndarray,
        part: np.ndarray,
        block: _Block,
        damping: float,
        steps: np.ndarray,
        slopes: np.ndarray,
    ) -> None:
        """Round one parameter after another, changing all that are free; in place."""
        if not len(part):
            return
        free[part] = False
        rest = np.arange(len(values))[block.places][free[block.places]]
        order = np.concatenate([part, rest])
        inner = order - block.places.start
        damped = block.curvature[np.ix_(inner, inner)] + np.diag(damping / self._spread[order])
        root = _following(damped, len(part))
        moved = values[order]
        for at, place in enumerate(part.tolist()):
            spread, step = root[at, at], steps[place]
            initial = float(np.rint(self._initial[place] / step))
            wanted = moved[at] / step
            nearest = float(np.rint(wanted))
            # of the two candidates the one nearer to the initial integer takes fewer bits
            cheaper = nearest - np.sign(nearest - initial)
            bend = 0.5 * (step / spread) ** 2
            dearer = bend * ((wanted - cheaper) ** 2 - (wanted - nearest) ** 2)
            if cheaper != nearest and dearer < slopes[place]:
                nearest = cheaper
            moved[at + 1 :] -= (moved[at] - nearest * step) / spread * root[at, at + 1 :]
            moved[at] = nearest * step
        values[order] = moved

    def _fit(self, values: np.ndarray, free: np.ndarray, damping: list[float]) -> np.ndarray:
        """A step of Newton's with the free parameters of both blocks, shortened until it helps; `damping` follows."""
        gradient, costs = self._gradient(values), self.cost(values)
        for block in self._blocks:
            places = np.arange(len(values))[block.places][free[block.places]]
            if not len(places):
                continue
            inner = places - block.places.start
            bend = block.curvature[np.ix_(inner, inner)] + np.diag(damping[block.part] / self._spread[places])
            move, length = np.linalg.solve(bend, gradient[places]), 1.0
            for _ in range(_SHORTENINGS):
                there = values.copy()
                there[places] -= length * move
                if self.cost(there)[block.part] < costs[block.part]:
                    values = there
                    break
                length /= 4
            if length == 1.0:
                damping[block.part] = max(damping[block.part] / _DAMPING_DECREASE, _LEAST_DAMPING)
            else:
                damping[block.part] *= _DAMPING_INCREASE
        return values

    def _slopes(self, values: np.ndarray, free: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Bits that one more takes, by parameter: of a Laplace distribution of the tensor's mean magnitude."""
        magnitudes = np.abs(values - self._initial) / steps
        magnitudes[~free] = np.rint(magnitudes[~free])
        means = (np.bincount(self._tensor, magnitudes) + 0.3) / (np.bincount(self._tensor) + 0.3)
        means = np.maximum(means, 0.02)
        return (-np.log2((np.sqrt(1 + means**2) - 1) / means))[self._tensor]

    def integers(self, values: np.ndarray, exponents: np.ndarray) -> QuantisedParameters:
        """The nearest to values, float64 (parameters,), for exponents by tensor, int64."""
        most = (1 << MAX_MAGNITUDE_BITS) - 1
        integers = {
            name: np.clip(np.rint(np.ldexp(values[self._layout.slices[name]], int(exponent))), -most, most)
            .astype(np.int64)
            .reshape(self._layout.tensors[name])
            for name, exponent in zip(self._names, exponents, strict=True)
        }
        exponents_of = dict(zip(self._names, exponents.tolist(), strict=True))
        return ordered(QuantisedParameters(self._layout, integers, exponents_of))

    def cost(self, values: np.ndarray) -> np.ndarray:
        """Bits of latents, and the error in bits, with parameters of these values, float64 (parameters,)."""
        self._step.parameters.copy_(torch.from_numpy(values))
        error, bits = self._step.measure()
        return np.array([bits * self._share, error * self._pixels / self._weight])

    def _gradient(self, values: np.ndarray) -> np.ndarray:
        self._step.parameters.copy_(torch.from_numpy(values))
        self._step.differentiate(self._weight)
        return self._step.gradient.detach().cpu().numpy().astype(np.float64) * (self._pixels / self._weight)

    def _curvatures(self, fitted: Fitted) -> tuple[_Block, _Block]:
        latents = torch.from_numpy(fitted.latents.astype(np.float32)).to(self._step.device)
        layout, rounded = _window(fitted.layout, latents)
        parameters = tensors_of(layout, torch.from_numpy(fitted.parameters).to(self._step.device))
        scale = self._pixels / (layout.height * layout.width)
        rate = rate_curvature(layout, parameters, rounded, _LATENT_SAMPLES, 0).cpu().numpy() * scale
        error = error_curvature(layout, parameters, rounded, _PIXEL_SAMPLES, 0).cpu().numpy() * scale
        start = layout.slices[rate_names(layout)[-1]].stop
        return (
            _Block(0, slice(0, start), rate),
            _Block(1, slice(start, layout.parameters), error / (layout.channels * self._weight)),
        )


def _with_short_zeros(q: QuantisedParameters) -> QuantisedParameters:
    """The same values; what is all 0 has the exponent 0 where that is shorter."""
    for name, integers in q.integers.items():
        if not integers.any() and q.exponents[name]:
            other = replace(q, exponents={**q.exponents, name: 0})
            if len(encode_parameters(other)) < len(encode_parameters(q)):
                q = other
    return q


class _Window(Layout):
    """A part of a picture, with as many grids as the whole."""

    def __init__(self, whole: Layout, height: int, width: int) -> None:
        super().__init__(height, width, whole.channels, whole.preset)
        object.__setattr__(self, "_levels", whole.levels)

    @property
    def levels(self) -> int:
        """As many as of the whole."""
        found: int = vars(self)["_levels"]
        return found


def _window(layout: Layout, rounded: torch.Tensor) -> tuple[Layout, torch.Tensor]:
    """The middle of a large picture, and its latents; the whole of others."""
    if layout.height * layout.width <= _WINDOW:
        return layout, rounded
    unit = 1 << layout.levels - 1
    side = math.isqrt(_WINDOW) // unit * unit
    height, width = min(layout.height, side), min(layout.width, side)
    top, left = ((whole - part) // 2 // unit * unit for whole, part in ((layout.height, height), (layout.width, width)))
    window = _Window(layout, height, width)

    def cut(grid: Grid, inner: Grid) -> torch.Tensor:
        plane = rounded[grid.start : grid.stop].view(grid.height, grid.width)
        first, second = top >> grid.level, left >> grid.level
        return plane[first : first + inner.height, second : second + inner.width].reshape(-1)

    return window, torch.cat([cut(grid, inner) for grid, inner in zip(layout.grids, window.grids, strict=True)])


def _initial(layout: Layout, name: str) -> np.ndarray:
    """What a tensor's parameters are coded as differences from."""
    return initial_integers(layout, name, _MAX_EXPONENT).reshape(-1) * 2.0**-_MAX_EXPONENT


def _following(curvature: np.ndarray, rows: int) -> np.ndarray:
    """The first rows of U, upper triangular, with Uᵀ U the inverse.

    Row i over its diagonal is how all later ones follow a change of the i-th one, for the least cost.
    """
    lower = torch.linalg.cholesky(torch.from_numpy(curvature).flip(0, 1))
    found = torch.linalg.solve_triangular(
        lower.flip(0, 1), torch.eye(rows, len(curvature), dtype=lower.dtype), upper=True, left=False
    )
    return found.numpy()
