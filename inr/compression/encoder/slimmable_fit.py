"""Fits all widths of one set of weights, rounds them and codes their blocks."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from inr.compression.bitstream.network import feature_count, sine_network
from inr.compression.bitstream.slimmable import Slimmable
from inr.compression.bitstream.weights import QuantisedTensor
from inr.compression.encoder.network_size import batch_size, learning_rate, network_size
from inr.compression.encoder.qat import RoundedWeights
from inr.compression.encoder.slimmable_weights import SlimmableWeights
from inr.compression.encoder.weights import encode_weights
from inr.compression.fit_series import FitSeries
from inr.field import Field, Spec
from inr.fitting import Fitter, Setup, recommended_optimiser
from inr.signals import Domain, GridSignal

# Units of the narrowest network over those of the widest; of three widths, each then shares a fifth of its weights with
# narrower ones.
_NARROWEST_SHARE = 0.19
# Bits of a number under which files of equal bytes did best: more than in "mlp", for several networks share them.
_BITS_PER_WEIGHT = 6.5
# The share of the steps that has rounded weights, and the share of the learning rate that those begin with.
_ROUNDED_SHARE, _ROUNDED_RATE = 0.3, 0.2
# By how many units widths differ at least.
_MIN_DIFFERENCE = 2


class SlimmableFit:
    """A fit of all widths, first as usual, then with rounded weights.

    Args:
        signal: on a grid.
        slimmable: how the widths share their weights.
        sphere: as of `sine_network`.
        engine: what runs the fit.
        seed: of the first weights and of batches.
    """

    def __init__(
        self, signal: GridSignal, slimmable: Slimmable, *, sphere: bool, engine: Spec = "auto", seed: int = 0
    ) -> None:
        self._signal, self._slimmable, self._engine, self._seed = signal, slimmable, engine, seed
        self._parts = sine_network(signal.domain, slimmable.depth, slimmable.widths[-1], sphere=sphere)
        self._narrower = fields_of_widths(signal.domain, slimmable, seed, sphere=sphere)[:-1]

    def run(self, max_bytes: int, *, steps: int, fits: FitSeries) -> list[bytes]:
        """Fit for so many steps; the coded blocks, in at most so many bytes."""
        rounded_steps = round(_ROUNDED_SHARE * steps)
        setup = Setup(
            *self._parts,
            batch_size(self._signal),
            steps - rounded_steps,
            learning_rate=learning_rate(self._signal),
            optimiser=recommended_optimiser(steps),
            lattice_only=True,
        )
        weights = self._fitted(setup, fits, 1 - _ROUNDED_SHARE)
        leaves = {name: leaf.cpu() for name, leaf in weights.leaves.items()}
        rounded = _RoundedBlocks(leaves, weights.loss, max_bytes, rate=0.0)
        if rounded_steps and not fits.stopped:
            setup = replace(setup, steps=rounded_steps, learning_rate=_ROUNDED_RATE * learning_rate(self._signal))
            weights = self._fitted(setup, fits, _ROUNDED_SHARE, start=weights.leaves, rounding=rounded)
        fits.stage("coding")
        if not rounded.indices:
            rounded.choose(weights.leaves)
        rounded.fit_within_limit(weights.leaves)
        return _coded(rounded.rounded(weights.leaves))

    def _fitted(self, setup: Setup, fits: FitSeries, share: float, **options: Any) -> SlimmableWeights:
        """The weights after the setup's steps."""
        weights = SlimmableWeights(
            self._signal, self._slimmable, self._narrower, engine=self._engine, seed=self._seed, **options
        )
        budget = fits.budget(setup.steps or 0, share)
        fits.run(
            partial(Fitter, self._signal, setup, budget, engine=self._engine, seed=self._seed, parametrisation=weights)
        )
        return weights


def slimmable_of_size(domain: Domain, max_bytes: int, count: int, *, sphere: bool) -> Slimmable:
    """The widest networks, of `count` widths, that take about so many bytes."""
    depth, widest = network_size(domain, max_bytes, sphere=sphere)
    inside = feature_count(domain, sphere=sphere)
    while True:
        slimmable = Slimmable(_spread(widest, count), depth, inside, domain.channels)
        numbers = sum(slimmable.count(block) for block in range(count))
        if widest <= _MIN_DIFFERENCE * count or _BITS_PER_WEIGHT * numbers <= 8 * max_bytes:
            return slimmable
        widest -= 1


def fields_of_widths(domain: Domain, slimmable: Slimmable, seed: int, *, sphere: bool) -> list[Field]:
    """A field of each width, drawn from a seed."""
    fields = []
    with torch.random.fork_rng(devices=[]):
        for width in slimmable.widths:
            torch.manual_seed(seed)
            fields.append(sine_network(domain, slimmable.depth, width, sphere=sphere).build(domain))
    return fields


class _RoundedBlocks(RoundedWeights):
    """Rounded weights of which every block is coded by itself, which takes more than all of them at once."""

    def size(self, parameters: Mapping[str, Tensor]) -> int:
        """Bytes of all blocks."""
        return sum(map(len, _coded(self.rounded(parameters))))


def _spread(widest: int, count: int) -> tuple[int, ...]:
    """Widths that grow by equal factors, and by at least some units, even if the last one is then wider."""
    factor = _NARROWEST_SHARE ** (1 / (count - 1))
    widths = [max(round(widest * _NARROWEST_SHARE), _MIN_DIFFERENCE)]
    for left in reversed(range(count - 1)):
        widths.append(max(round(widest * factor**left), widths[-1] + _MIN_DIFFERENCE))
    return tuple(widths)


def _coded(tensors: Mapping[str, QuantisedTensor]) -> list[bytes]:
    """Blocks' bytes; the names of tensors begin with their block."""
    grouped = groupby(tensors.items(), key=lambda item: item[0].partition(".")[0])
    return [encode_weights(dict(items)) for _, items in grouped]
