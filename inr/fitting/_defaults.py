"""What a fit uses where the user says nothing: one recipe per kind of signal."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from inr._parts import Config, Registry, parse_spec
from inr.activations import activations
from inr.encodings import encodings
from inr.field import Field, Spec
from inr.fitting._frequencies import Choice, choose_frequencies
from inr.networks import networks
from inr.signals import OrientedSignal, ShapeSignal, Signal

# Samples a step: the least of networks alone, the least of tables, and the most.
LEAST_BATCH = 1_024
_LEAST_OF_TABLES = 4_096
LARGE_BATCH = 16_384
# Steps in which a field learns best, and numbers of a table for each sample of a step.
_BEST_STEPS, _NUMBERS_A_SAMPLE = 2_000, 64
# How often a signal is seen in large batches where nothing is asked for, and the least and the most steps of these.
_PASSES, _LEAST_STEPS, _MOST_STEPS = 40, 600, 2_000


@dataclass(frozen=True)
class Setup:
    """Everything that decides how a fit goes, besides the signal and the budget.

    Attributes:
        encoding, activation, network: part specs ("hash:levels=12" or configurations).
        batch: samples a step; None: as many as suit the fit, see `suited_batch`.
        steps: the horizon where the budget sets none; None: what suits the signal, see `suited_steps`.
        teacher: chooses the samples of every step.
        objective: what is minimised.
        schedule: how learning rates fall, one of `SCHEDULES`.
        learning_rate: "auto": those that the parts declare, times a factor that a short probe finds before the fit;
            "paper": as the parts declare them, which is as their papers have them; or the network's as a number, or
            several by part, the others being as declared.
        optimiser: "adam"; "soap", which takes better steps where layers are small; or "muon", see `Muon`.
        lattice_only: learn the samples of a grid alone, at the centres of their cells. Otherwise places all over the
            cells are learned, with the values of the continuous signal that the samples stand for.
        adjust: what steps learn from in the place of plain residuals, one of `adjustments`; None for nothing else.
        choices: the frequencies that were "auto", and what was chosen for them.
        preset: the published settings that it began with, see `preset_setup`; None for none.
    """

    encoding: Spec
    activation: Spec
    network: Spec
    batch: int | None = None
    steps: int | None = None
    teacher: Spec = "uniform"
    objective: Spec = "squared"
    schedule: str = "cosine"
    learning_rate: float | str | Mapping[str, float] = "auto"
    optimiser: str = "adam"
    lattice_only: bool = False
    adjust: Spec | None = None
    choices: tuple[Choice, ...] = field(default=(), compare=False)
    preset: str | None = None

    def with_parts(self, signal: Signal, *, seed: int = 0, **given: Spec | None) -> "Setup":
        """The setup with other parts, completed for a signal; frequencies that are "auto" are chosen.

        Args:
            signal: what open parameters of the parts are set to suit.
            seed: of the choice of frequencies, see `choose_frequencies`.
            given: specs by kind ("encoding", "activation", "network"); None where nothing is named, which then is
                what goes best with the others.
        """
        chosen: dict[str, Any] = {part: spec for part, spec in given.items() if spec is not None}
        setup = replace(self, **_default_partners(chosen), **chosen)
        parts = {
            "encoding": _complete_encoding(setup.encoding, signal),
            "activation": _complete(setup.activation, activations, signal),
            "network": _complete(setup.network, networks, signal),
        }
        parts, choices = choose_frequencies(signal, parts, seed=seed)
        return replace(setup, **parts, choices=tuple(choices))  # type: ignore[arg-type]

    def classes(self) -> tuple[type, ...]:
        """Those of encoding, activation and network, whose modules another process has to import."""
        kinds = {"encoding": encodings, "activation": activations, "network": networks}
        return tuple(registry.info(parse_spec(getattr(self, part))["name"]).cls for part, registry in kinds.items())


# Of shapes, chosen by a few single fits of nefertiti, of 1,500 steps: relative errors of distances make the surface
# exact. Finer levels with a larger table ended no better there, and steps by SOAP a little better.
_GRID = "hash:levels=10,features=2,log2_size=18,coarsest=16,finest=256"
_OF_A_SOLID = Setup(
    _GRID, "relu", "mlp:depth=2,width=32", objective="mape:epsilon=0.003", learning_rate={"network": 1e-3},
    batch=LARGE_BATCH, teacher="renewed", optimiser="soap",
)  # fmt: skip
_OF_A_SILHOUETTE = replace(_OF_A_SOLID, encoding="hash:levels=10,features=2,log2_size=16,coarsest=16,finest=512")
_FROM_POINTS = Setup(
    "identity", "sine:omega=30", "mlp:depth=3,width=128", batch=8_192, steps=2_000, teacher="sets",
    objective="igr", learning_rate=1e-3,
)  # fmt: skip
_WITHOUT_NORMALS = replace(_FROM_POINTS, objective="digs", learning_rate=5e-4)


def default_setup(signal: Signal) -> Setup:
    """The recipe for a kind of signal, found by measurement on two processor cores.

    Args:
        signal: what is to be represented; its kind and size decide.

    Returns:
        A setup whose parts are not completed yet, see `Setup.with_parts`.
    """
    if isinstance(signal, OrientedSignal):
        return _FROM_POINTS if signal.oriented else _WITHOUT_NORMALS
    if isinstance(signal, ShapeSignal):
        setup = _OF_A_SOLID if signal.in_dim == 3 else _OF_A_SILHOUETTE
        return setup if signal.represents == "sdf" else replace(setup, objective="occupancy")
    if signal.domain.kind == "scattered" and signal.size < 4_096:  # a grid would not reach between the samples
        return Setup("identity", "sine", "mlp:depth=3,width=128", batch=4_096, steps=2_000)
    return Setup("hash", "relu", "mlp:depth=2,width=64")


def suited_batch(setup: Setup, field: Field, device: torch.device, samples: int | None = None) -> int:
    """The samples a step with which fits of equal time end best, measured in `studies/batches.py`.

    With some thousands of steps, that is: fewer leave a field short of where it could be, and of more, each with fewer
    samples, it gets little but their noise. A large table is besides moved as a whole in every step, however few of its
    entries a batch touches.

    Args:
        setup: how the fit goes; teachers other than "uniform" choose from all that a large batch has, and look at the
            signal between steps.
        field: what is fitted.
        device: where the engine computes. GPUs are only busy with large batches.
        samples: that there is time to learn from, each counted as often as it is seen; None where it is steps that are
            bounded, which teach the more the larger they are.
    """
    if samples is None or device.type != "cpu" or parse_spec(setup.teacher)["name"] != "uniform":
        return LARGE_BATCH
    wanted, least = samples / _BEST_STEPS, LEAST_BATCH
    if field.encoding.tables:
        numbers = sum(parameter.numel() for parameter in field.encoding.parameters())
        wanted, least = max(wanted, numbers / _NUMBERS_A_SAMPLE), _LEAST_OF_TABLES
    return int(min(max(2 ** round(math.log2(max(wanted, 1))), least), LARGE_BATCH))


def suited_samples(signal: Signal) -> int:
    """How many samples a fit learns from where nothing bounds it, each counted as often as it is seen.

    Args:
        signal: what is represented. Large ones are seen fewer times, minutes being as much as one waits unasked.
    """
    steps = min(max(_PASSES * signal.size // LARGE_BATCH, _LEAST_STEPS), _MOST_STEPS)
    return steps * min(LARGE_BATCH, signal.size)


def suited_steps(signal: Signal, batch: int) -> int:
    """The horizon where nothing bounds a fit: as many samples whatever the batch, up to large ones.

    Args:
        signal: what is represented.
        batch: samples a step.
    """
    return -(-suited_samples(signal) // max(min(batch, LARGE_BATCH, signal.size), 1))


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
        encoding = encodings.info(names["encoding"]).cls
        if "network" in encoding.default_partners:
            default_partners["network"] = encoding.default_partners["network"]
        elif (cost := _cost(names["activation"])) > 1:
            default_partners["network"] = f"mlp:depth=3,width={int(256 / math.sqrt(cost))}"
        else:
            default_partners["network"] = f"mlp:depth={encoding.default_depth},width=256"
    return default_partners


def _cost(activation: str) -> int:
    """How many real units' weights a unit has: a complex one has two, and so has one of two affine maps."""
    cls = activations.info(activation).cls
    return cls.planes * cls.maps


def _complete(spec: Spec, registry: Registry, signal: Signal) -> Config:
    """The configuration with what it leaves open set to what suits the signal."""
    config = registry.resolve(spec)
    cls = registry.info(config["name"]).cls
    return {**cls.suited(signal), **cls.placed(config, signal)}


def _complete_encoding(spec: Spec, signal: Signal) -> Config:
    """As `_complete`, with the encodings within, as far as they read the same coordinates."""
    config = _complete(spec, encodings, signal)
    for param in encodings.info(config["name"]).params:
        if param.is_part and isinstance(config.get(param.name), str | Mapping):
            config[param.name] = _complete_encoding(config[param.name], signal)
    return config
