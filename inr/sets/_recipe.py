"""What all fields of a set share: architecture, steps, and where they begin."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from inr._errors import InrError
from inr.field import Field
from inr.fitting import Budget, Fitter, Setup
from inr.signals import GridSignal, Signal

Init = Literal["shared", "own"]
StepEngine = Literal["cpu", "triton"]


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
        engine: "cpu": fits are those of `fitter`, to the bit; "triton": a kernel of the GPU takes all steps of a fit,
            in the same way but for roundings.
    """

    setup: Setup
    budget: Budget
    init: Init = "shared"
    seed: int = 0
    start: Mapping[str, Tensor] | None = None
    engine: StepEngine = "cpu"

    @property
    def alike(self) -> bool:
        """Whether all fields begin with the same weights."""
        return self.start is not None or self.init == "shared"

    def seed_of(self, name: str) -> int:
        """The seed of a field's batches, and of its first weights where they are its own.

        Args:
            name: of the signal in its set; never its place, so that fields stay the same when others come and go.
        """
        return seed_of(name, self.seed)

    def learned(self, signal: Signal) -> Signal:
        """The signal as fits take it: where only its samples are learned, they are values at points."""
        if self.setup.lattice_only and isinstance(signal, GridSignal) and signal.domain.sampling != "point":
            return signal.measured_as("point")
        return signal

    def first_weights(self, name: str, signal: Signal) -> Mapping[str, Tensor]:
        """The weights that a field begins with, by the names of its state.

        Args:
            name: of the signal in its set; it makes a difference where each field has its own.
            signal: any of them where all begin alike.
        """
        if self.start is not None:
            return self.start
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed_of(name) if self.init == "own" else self.seed)
            field = Field.build(
                signal.domain, encoding=self.setup.encoding, activation=self.setup.activation,
                network=self.setup.network,
            )  # fmt: skip
            if self.init == "own":
                field.network.init_from(signal)
        return field.state_dict()

    def fitter(self, name: str, signal: Signal, **options: Any) -> Fitter:
        """The fit of one field by itself, to whose bits those of a set of engine "cpu" are equal.

        Args:
            name: of the signal in its set.
            signal: what is represented.
            options: further arguments of `Fitter`; if they name no engine it is "cpu:threads=1", or "eager" for what
                that has no kernels for.
        """
        signal = self.learned(signal)
        options = {"start": self.first_weights(name, signal), "seed": self.seed_of(name), **options}
        if "engine" in options:
            return Fitter(signal, self.setup, self.budget, **options)
        try:
            return Fitter(signal, self.setup, self.budget, engine="cpu:threads=1", **options)
        except InrError:  # whatever is wrong with more than the engine is said again
            return Fitter(signal, self.setup, self.budget, engine="eager", **options)


def seed_of(name: str, seed: int) -> int:
    """The seed of the fit of one signal of a set, from 0 to 2^32 - 1.

    Args:
        name: of the signal.
        seed: of the set.
    """
    return zlib.crc32(name.encode(), seed)
