"""What a set is fitted with where nothing is said, by the size of its signals."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from inr._errors import InrError
from inr._parts import parse_spec
from inr.activations import Sine
from inr.field import Spec
from inr.fitting import Budget, Setup, check_buildable
from inr.sets._recipe import Init, Recipe
from inr.signals import Signal

_PARAMETERS_A_VALUE = 0.75
_WIDTHS = range(16, 257, 16)  # whole vectors of the widest registers
_SMALL_VALUES = 1_024  # of a signal, up to which two layers are enough
_LARGEST_BATCH = 4_096
_LEAST_STEPS, _MOST_STEPS, _VALUES_A_STEP = 100, 600, 2
_HIGHEST_OMEGA, _OMEGA_A_SAMPLE = 30.0, 1.25
_RATE_TIMES_WIDTH = 0.128  # 0.004 at 32 units; measured on crops of 8 to 64 pixels in `studies/sets.py`


def set_recipe(
    signals: Sequence[Signal],
    *,
    encoding: Spec | None = None,
    activation: Spec | None = None,
    network: Spec | None = None,
    steps: int | None = None,
    psnr: float | None = None,
    batch: int | None = None,
    learning_rate: float | str | Mapping[str, float] | None = None,
    schedule: str | None = None,
    optimiser: str | None = None,
    init: Init = "shared",
    seed: int = 0,
    lattice_only: bool = True,
) -> Recipe:
    """A recipe for a set of small signals, completed by the first of them.

    By default sines (Sitzmann et al., "Implicit neural representations with periodic activation functions", NeurIPS
    2020) of bare coordinates, with about three weights for every four values. All samples are learned from in every
    step, up to some thousands, since small signals have no others and steps without noise allow for high rates.

    Args:
        signals: some of the set, at least one; the median of their sizes counts.
        encoding, activation, network: parts, which are completed for the first signal.
        steps: the horizon, also where there is a target.
        psnr: target in dB at which a field stops by itself; None for none.
        batch: samples a step.
        learning_rate: the network's, or several by part; None: for sines of coordinates what suits their width, for
            other parts what these declare.
        schedule: how rates fall; "cosine" when None.
        optimiser: "adam" when None; steps of others need the interpreter.
        init: whether all fields begin with the same weights, by which weights of different fields can be compared.
        seed: from 0 to 2^32 - 1.
        lattice_only: learn the samples alone; places between them cost a signal's interpolation, and the interpreter.

    Returns:
        The recipe, in which nothing is left open.

    Raises:
        InrError: no signals, or parts and numbers that no fit can work with.

    >>> recipe = inr.sets.set_recipe([inr.from_array(np.zeros((32, 32, 3), np.uint8))])
    >>> recipe.setup.network["depth"], recipe.setup.network["width"]
    (3, 32)
    """
    if not signals:
        raise InrError("a set needs at least one signal")
    values = int(statistics.median(signal.size for signal in signals)) * signals[0].channels
    if encoding is None and activation is None and (network is None or parse_spec(network)["name"] == "mlp"):
        encoding, activation = "identity", _sines(signals)
        network = network or _network(signals[0], values)
    steps = steps or min(max(values // _VALUES_A_STEP, _LEAST_STEPS), _MOST_STEPS)
    batch = batch or min(values // signals[0].channels, _LARGEST_BATCH)
    setup = Setup(
        encoding="identity", activation="sine", network="mlp", batch=batch, steps=steps,
        schedule=schedule or "cosine", optimiser=optimiser or "adam", lattice_only=lattice_only,
    ).with_parts(signals[0], seed=seed, encoding=encoding, activation=activation, network=network)  # fmt: skip
    setup = replace(setup, learning_rate=learning_rate or _rate(setup), choices=())
    check_buildable(signals[0], setup, seed)
    return Recipe(setup, Budget(steps=steps, psnr=psnr), init, seed)


def _network(signal: Signal, values: int) -> str:
    """Layers for signals like this one, of so many values: of the widths that registers hold, the nearest."""
    depth = 2 if values <= _SMALL_VALUES else 3

    def weights(width: int) -> int:
        return (signal.in_dim + 1) * width + (depth - 1) * (width + 1) * width + (width + 1) * signal.channels

    width = min(_WIDTHS, key=lambda each: abs(weights(each) - _PARAMETERS_A_VALUE * values))
    return f"mlp:depth={depth},width={width}"


def _rate(setup: Setup) -> float | str:
    """For sines of coordinates in full batches the wider the layers, the lower; for other parts what they declare."""
    encoding, activation, network = (parse_spec(part) for part in (setup.encoding, setup.activation, setup.network))
    sines = (encoding["name"], activation["name"], network["name"]) == ("identity", "sine", "mlp")
    return _RATE_TIMES_WIDTH / max(network["width"], _WIDTHS[0]) if sines else "paper"


def _sines(signals: Sequence[Signal]) -> str:
    """As SIREN's, but no faster than the finest waves of the longest axis ask for.

    Of sounds that is about the first layer. SIREN's is for seconds of 44.1 kHz: in clips of some thousand samples its
    waves are far finer than the samples, and nothing is learned. They get half of what `omega=auto` begins to search
    with, which is about what it comes to: twice as much cost a clip of music 25 dB.
    """
    longest = statistics.median(max(signal.domain.shape or (1_000,)) for signal in signals)
    if signals[0].domain.kind == "audio":
        first = min(Sine.suited(signals[0])["first_omega"], Sine.automatic["first_omega"](longest) / 2)
        return f"sine:omega={_HIGHEST_OMEGA:g},first_omega={first:g}"
    return f"sine:omega={min(_HIGHEST_OMEGA, _OMEGA_A_SAMPLE * longest):g}"
