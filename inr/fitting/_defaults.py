"""What a fit uses where the user says nothing: one recipe per kind of signal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from inr._parts import Config, parse_spec
from inr.activations import activations
from inr.encodings import encodings
from inr.field import Spec
from inr.networks import networks
from inr.networks._kronecker import COUNTS, proportional
from inr.signals import Signal


@dataclass(frozen=True)
class Setup:
    """Everything that decides how a fit goes, besides the signal and the budget.

    Attributes:
        encoding, activation, network, teacher: part specs ("hash:levels=12" or configurations).
        batch: samples a step; steps: the horizon where the budget sets none.
        schedule: how learning rates fall; rates: by part, or the network's, where they differ from the parts' own.
        optimiser: "adam", or "soap", which takes better steps where layers are small.
    """

    encoding: Spec
    activation: Spec
    network: Spec
    batch: int
    steps: int
    teacher: Spec = "uniform"
    schedule: str = "cosine"
    rates: float | Mapping[str, float] | None = None
    optimiser: str = "adam"

    def with_parts(self, signal: Signal, **given: Spec | None) -> "Setup":
        """The setup with the parts the user named, their open parameters set to what suits the signal."""
        chosen: dict[str, Any] = {part: spec for part, spec in given.items() if spec is not None}
        setup = replace(self, **_default_partners(chosen), **chosen)
        suited = suited_parameters(signal)
        return replace(
            setup,
            encoding=_complete_encoding(setup.encoding, suited),
            activation=_complete(setup.activation, suited),
            network=_complete(setup.network, suited),
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
        **_suited_factors(signal),
    }
    if signal.domain.shape is not None:
        ratio = COUNTS[signal.in_dim] / signal.size ** (1 / signal.in_dim)
        suited["kronecker"] = {"size": proportional(signal.domain.shape[::-1], min(ratio, 1.0))}
    if signal.domain.kind == "audio":
        suited |= {name: {"first_omega": 3000.0} for name in ("sine", "finer", "hosc")}
    sizes = [min(axis.size, 2**20) for axis in signal.domain.axes if axis.size is not None]
    if sizes:  # as far as samples tell frequencies apart
        suited["bacon"] = {"bandwidth": sizes[0] if len(set(sizes)) == 1 else "x".join(map(str, sizes))}
        suited["mfn"] = {"scale": float(max(sizes))}
    return suited


def _suited_factors(signal: Signal) -> dict[str, dict[str, Any]]:
    """Vertices of planes and lines: one for every sample of an axis, as far as planes go."""
    if signal.domain.shape is None or signal.in_dim == 1:
        return {}
    last, *others = signal.domain.shape
    planes, lines = (
        {"resolution": min(max(2, *others), most), "last_resolution": min(max(2, last), most)}
        for most in (128 if signal.in_dim == 4 else 256, 2**16)
    )
    # the first of three scales
    first = {"resolution": max(2, planes["resolution"] // 4), "last_resolution": max(2, planes["last_resolution"] // 4)}
    if signal.in_dim == 4:  # time has one scale
        first["last_resolution"] = planes["last_resolution"]
    return {"triplane": planes, "vm": planes, "cp": lines, "kplanes": first}


def _coarsest(finest: int) -> int:
    """The published 16, and less where the finest level leaves no room for levels above it."""
    return min(16, max(2, finest // 8))


def _default_partners(chosen: Mapping[str, Spec]) -> dict[str, Any]:
    """What goes with the parts the user named, where it did not name the rest.

    The recipe of a kind is one whole. An activation that needs no encoding stands alone, as in its paper, on the bare
    coordinates; an encoding is read by relu, and grids by a small network.
    """
    default_partners: dict[str, Any] = {}
    names = {part: parse_spec(spec)["name"] for part, spec in chosen.items()}
    if "network" in names:
        for part, spec in networks.info(names["network"]).cls.default_partners.items():
            if part not in names:
                default_partners[part], names[part] = spec, parse_spec(spec)["name"]
    alone = "activation" in names and not activations.info(names["activation"]).cls.needs_encoding
    if alone and "encoding" not in names:
        default_partners["encoding"] = names["encoding"] = "identity"
    if "encoding" in names and "activation" not in names:
        default_partners["activation"] = names["activation"] = "relu"
    if "encoding" in names and "network" not in names:
        own = encodings.info(names["encoding"]).cls.default_partners
        if "network" in own:
            default_partners["network"] = own["network"]
        elif (cost := _cost(names["activation"])) > 1:
            default_partners["network"] = f"mlp:depth=3,width={int(256 / math.sqrt(cost))}"
        else:
            default_partners["network"] = f"mlp:depth={4 if names['encoding'] == 'identity' else 3},width=256"
    return default_partners


def _cost(activation: str) -> int:
    """How many real units' weights a unit has: a complex one has two, and so has one of two affine maps."""
    cls = activations.info(activation).cls
    return cls.planes * cls.maps


def _complete(spec: Spec, suited: Mapping[str, Mapping[str, Any]]) -> Config:
    config = parse_spec(spec)
    return {**suited.get(config["name"], {}), **config}


def _complete_encoding(spec: Spec, suited: Mapping[str, Mapping[str, Any]]) -> Config:
    """As `_complete`, with the encodings within, as far as they read the same coordinates."""
    config = _complete(spec, suited)
    for param in encodings.info(config["name"]).params:
        if param.is_part and isinstance(config.get(param.name), str | Mapping):
            config[param.name] = _complete_encoding(config[param.name], suited)
    return config
