"""What a fit uses where the user says nothing: one recipe per kind of signal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from inr._parts import Config, parse_spec
from inr.field import Spec
from inr.signals import Signal


@dataclass(frozen=True)
class Setup:
    """Everything that decides how a fit goes, besides the signal and the budget.

    Attributes:
        encoding, activation, network, teacher: part specs ("hash:levels=12" or configurations).
        batch: samples a step; steps: the horizon where the budget sets none.
        schedule: how learning rates fall; rates: by part, or the network's, where they differ from the parts' own.
    """

    encoding: Spec
    activation: Spec
    network: Spec
    batch: int
    steps: int
    teacher: Spec = "uniform"
    schedule: str = "cosine"
    rates: float | Mapping[str, float] | None = None

    def with_parts(self, signal: Signal, **given: Spec | None) -> "Setup":
        """The setup with the parts the user named, their open parameters set to what suits the signal."""
        chosen: dict[str, Any] = {part: spec for part, spec in given.items() if spec is not None}
        setup = replace(self, **_companions(chosen), **chosen)
        return replace(
            setup,
            encoding=_complete(setup.encoding, suited_parameters(signal)),
            activation=_complete(setup.activation, suited_parameters(signal)),
            network=_complete(setup.network, {}),
        )


def default_setup(signal: Signal) -> Setup:
    """The recipe for a kind of signal, found by measurement on two processor cores."""
    if signal.domain.kind == "scattered" and signal.size < 4_096:  # a grid would not reach between the samples
        return Setup("identity", "sine", "mlp:depth=3,width=128", batch=4_096, steps=2_000)
    batch = 16_384
    passes = 40  # over the signal; large ones get fewer, minutes being as much as one waits unasked
    steps = min(max(passes * signal.size // batch, 600), 2_000)
    return Setup("hash", "relu", "mlp:depth=2,width=64", batch=batch, steps=steps)


def suited_parameters(signal: Signal) -> dict[str, dict[str, Any]]:
    """Parameters, by part name, that depend on the signal: used where the user leaves them open."""
    # the finest level resolves every sample, as far as grids go
    finest = min(max(16, *(signal.domain.shape or (512,))), 2**20)
    # rows of the finest levels: one for 18 values, as 2^16 rows are for a 768 x 512 picture in colour
    log2_size = round(min(max(math.log2(signal.size * signal.channels / 18), 10), 19))
    finest_dense = min(finest, {1: 2**16, 2: 256, 3: 64, 4: 24}[signal.in_dim])
    suited: dict[str, dict[str, Any]] = {
        "hash": {"levels": 12, "log2_size": log2_size, "coarsest": _coarsest(finest), "finest": finest},
        "dense": {"coarsest": _coarsest(finest_dense), "finest": finest_dense},
    }
    if signal.domain.kind == "audio":
        suited["sine"] = {"first_omega": 3000.0}
    return suited


def _coarsest(finest: int) -> int:
    """The published 16, and less where the finest level leaves no room for levels above it."""
    return min(16, max(2, finest // 8))


def _companions(chosen: Mapping[str, Spec]) -> dict[str, Any]:
    """What goes with the parts the user named, where it did not name the rest.

    The recipe of a kind is one whole. An activation other than relu stands alone, as in its paper, on the bare
    coordinates; an encoding is read by relu, and grids by a small network.
    """
    companions: dict[str, Any] = {}
    names = {part: parse_spec(spec)["name"] for part, spec in chosen.items()}
    if "activation" in names and names["activation"] != "relu" and "encoding" not in names:
        companions["encoding"] = names["encoding"] = "identity"
    if "encoding" in names and "activation" not in names:
        companions["activation"] = names["activation"] = "relu"
    if "encoding" in names:
        if names["encoding"] in ("hash", "dense"):
            companions["network"] = "mlp:depth=2,width=64"
        elif names["activation"] == "gabor":  # of equal cost: a complex unit is two real ones
            companions["network"] = "mlp:depth=3,width=181"
        else:
            companions["network"] = f"mlp:depth={4 if names['encoding'] == 'identity' else 3},width=256"
    return {part: spec for part, spec in companions.items() if part not in chosen}


def _complete(spec: Spec, suited: Mapping[str, Mapping[str, Any]]) -> Config:
    config = parse_spec(spec)
    return {**suited.get(config["name"], {}), **config}
