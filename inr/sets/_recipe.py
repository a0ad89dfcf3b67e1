"""What all fields of a set share: architecture, steps, and where they begin."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from inr.field import Field
from inr.fitting import Budget, Fitter, Setup
from inr.signals import Domain, Signal

Init = Literal["shared", "own"]


@dataclass(frozen=True)
class Recipe:
    """How every field of a set is fitted; with a signal and its name it decides all bits of a field.

    Attributes:
        setup: parts, batch, schedule, learning rates and optimiser, complete: nothing in it is "auto".
        budget: steps, and a target in dB at which a field stops by itself; no seconds, which would make fields depend
            on the machine's load.
        init: "shared": all fields begin with the weights that the seed draws, so that weights of one place mean the
            same in all of them; "own": each begins with weights drawn by its name.
        seed: from 0 to 2^32 - 1.
        start: weights to begin with, by the names of a field's state, in the place of drawn ones, as a prior gives
            them; None: drawn ones.
    """

    setup: Setup
    budget: Budget
    init: Init = "shared"
    seed: int = 0
    start: Mapping[str, Tensor] | None = None

    def seed_of(self, name: str) -> int:
        """The seed of a field's batches, and of its first weights where they are its own.

        Args:
            name: of the signal in its set; never its place, so that fields stay the same when others come and go.
        """
        return seed_of(name, self.seed)

    def first_weights(self, domain: Domain) -> Mapping[str, Tensor] | None:
        """The weights that all fields begin with; None where each has its own.

        Args:
            domain: of any of the signals.
        """
        if self.start is not None or self.init == "own":
            return self.start
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            field = Field.build(
                domain, encoding=self.setup.encoding, activation=self.setup.activation, network=self.setup.network
            )
        return field.state_dict()

    def fitter(self, name: str, signal: Signal, **options: Any) -> Fitter:
        """The fit of one field by itself, to whose bits those of the set are equal.

        Args:
            name: of the signal in its set.
            signal: what is represented.
            options: further arguments of `Fitter`; the engine is "cpu:threads=1" if none is named.
        """
        options = {"engine": "cpu:threads=1", **options}
        start = self.first_weights(signal.domain)
        return Fitter(signal, self.setup, self.budget, seed=self.seed_of(name), start=start, **options)


def seed_of(name: str, seed: int) -> int:
    """The seed of the fit of one signal of a set, from 0 to 2^32 - 1.

    Args:
        name: of the signal.
        seed: of the set.
    """
    return zlib.crc32(name.encode(), seed)
