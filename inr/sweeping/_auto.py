"""The search for good parts: what is tried, and how few of them get the whole budget."""

import math

from inr._parts import PartInfo, Range
from inr.activations import activations
from inr.encodings import encodings
from inr.networks import networks
from inr.signals import Signal
from inr.sweeping._tasks import Combination

DEFAULT_SECONDS = 10.0  # of a finalist's fit, where no budget is given
_SAMPLES_PER_CYCLE = 128, 64, 32, 16  # of the bandwidths of encodings that are tried


def space(signal: Signal) -> list[Combination]:
    """What a search of everything tries for a signal, with frequencies that suit it.

    Every encoding is read by relu and by sine; every activation stands on the bare coordinates, as in its paper;
    every other network has the parts that belong to it. What cannot be built is left out later.
    """
    encoded, units, built = (
        [info for info in map(registry.info, registry.names()) if info.cls.searched]
        for registry in (encodings, activations, networks)
    )
    readers = [name for name in ("relu", "sine") if name in activations.names()]
    tried = [
        Combination(encoding=spec, activation=reader)
        for info in encoded
        for spec in _encodings(info, signal)
        for reader in readers
    ]
    tried += [
        Combination(encoding="identity", activation=spec) for info in units for spec in _activations(info, signal)
    ]
    return tried + [Combination(network=info.name) for info in built]


def _encodings(info: PartInfo, signal: Signal) -> list[str]:
    """An encoding with frequencies that samples so far apart can have; as it is where it has none."""
    if info.cls.bandwidth is None:
        return [info.name]
    samples = max(signal.domain.shape or (round(signal.size ** (1 / signal.in_dim)),))
    cycles = {max(samples / each, 1.0): None for each in _SAMPLES_PER_CYCLE}
    return [f"{info.name}:{info.cls.bandwidth}={number:.3g}" for number in cycles]


def _activations(info: PartInfo, signal: Signal) -> list[str]:
    """An activation as it is, then with one frequency changed at a time."""
    usual = {param.name: param.default for param in info.params} | info.cls.suited(signal)
    specs = [info.name]
    for param in info.params:
        value = usual[param.name]
        if param.name in info.cls.frequencies and isinstance(value, (int, float)):
            changed = [value * factor for factor in (0.5, 2.0)]
            specs += [
                f"{info.name}:{param.name}={number:g}" for number in changed if number in (param.allowed or Range())
            ]
    return specs


def rounds(
    count: int,
    *,
    steps: int | None,
    seconds: float | None,
    reduction: int = 3,
    fewest_finalists: int = 3,
    fewest_steps: int = 30,
    fewest_seconds: float = 2.5,
) -> list[tuple[int, float]]:
    """The rounds of successive halving: how many fits each has, and its share of the budget.

    Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016.

    Args:
        count: fits of the first round.
        steps: of a fit with the whole budget; None for a budget in seconds.
        seconds: of a fit with the whole budget; None for a budget in steps.
        reduction: of the fits of a round, one in so many goes on, with so many times the budget.
        fewest_finalists: fits of the last round, at least.
        fewest_steps: of any round's fits: shorter ones tell nothing.
        fewest_seconds: likewise.

    Returns:
        Number and share of every round; the last share is 1.
    """
    plan: list[tuple[int, float]] = [(count, 1.0)]
    while plan[-1][0] > 2 * fewest_finalists:  # else a round would cost more than it saves
        shares = [share / reduction for _, share in plan]
        if (steps or math.inf) * shares[0] < fewest_steps or (seconds or math.inf) * shares[0] < fewest_seconds:
            break
        fits = max(math.ceil(plan[-1][0] / reduction), fewest_finalists)
        plan = [(number, share) for (number, _), share in zip(plan, shares, strict=True)] + [(fits, 1.0)]
    return plan
