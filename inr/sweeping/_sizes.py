"""Fields of about equally many parameters: the size of a table, then the width of a network, are chosen for it."""

import math
from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from typing import Any

import torch

from inr._errors import InrError
from inr._params import Param, Range
from inr._parts import Config, PartInfo, Registry, Sizes
from inr.encodings import encodings
from inr.field import Field
from inr.fitting import Setup
from inr.networks import networks
from inr.signals import Domain

Counts = tuple[int, int]  # parameters of the encoding, and of the network

_REGISTRIES: dict[str, Registry] = {"encoding": encodings, "network": networks}


def meta_field(setup: Setup, domain: Domain) -> Field:
    """The field of a setup without memory for its weights."""
    with torch.device("meta"):
        return Field.build(domain, encoding=setup.encoding, activation=setup.activation, network=setup.network)


def sized(setup: Setup, domain: Domain, target: int, given: Mapping[str, Set[str]]) -> Setup:
    """The setup with its sizes chosen so that the field has about `target` parameters.

    A table gets what the network leaves of them, or half where the network alone takes more; then the network's width
    makes up the difference.

    Args:
        given: names of parameters that are not to change, by part.
    """
    spelled = meta_field(setup, domain).config()  # with what was left open
    setup = replace(setup, encoding=spelled["encoding"], network=spelled["network"])
    fixed = given.get("encoding", frozenset())
    knobs = _knobs(setup, domain, "encoding", fixed)
    for place, knob in enumerate(knobs):
        counts = _counts(setup, domain)
        assert counts is not None
        budget = max(target - counts[1], target // 2)
        setup = _turned(setup, domain, "encoding", knob, budget, fixed, nearest=place + 1 < len(knobs))
    fixed = given.get("network", frozenset())
    for knob in _knobs(setup, domain, "network", fixed):
        setup = _turned(setup, domain, "network", knob, target, fixed, nearest=True)
    return setup


def _counts(setup: Setup, domain: Domain) -> Counts | None:
    """Parameters by part; None for a setup that is refused."""
    try:
        field = meta_field(setup, domain)
    except InrError:
        return None
    table = sum(parameter.numel() for parameter in field.encoding.parameters())
    return table, field.parameter_count - table


def _with(setup: Setup, part: str, name: str, value: int, fixed: Set[str] = frozenset()) -> Setup:
    """The setup with another size, which takes along those that are tied to it, unless they are fixed."""
    before: Mapping[str, Any] = getattr(setup, part)
    config: Config = {**before, name: value}
    for tied, leader in _info(setup, part).cls.sizes.tied.items():
        if leader == name and tied not in fixed and isinstance(before.get(tied), int):
            config[tied] = max(round(before[tied] * value / before[leader]), 2)
    return replace(setup, encoding=config) if part == "encoding" else replace(setup, network=config)


def _info(setup: Setup, part: str) -> PartInfo:
    return _REGISTRIES[part].info(getattr(setup, part)["name"])


def _knobs(setup: Setup, domain: Domain, part: str, fixed: Set[str]) -> list[str]:
    """The parameters that set a part's size, the coarsest first."""
    config: Mapping[str, Any] = getattr(setup, part)
    info = _info(setup, part)
    sizes: Sizes = info.cls.sizes
    whole = [param for param in info.params if param.name not in fixed and type(config.get(param.name)) is int]
    order = {name: place for place, name in enumerate(sizes.names)}
    whole.sort(key=lambda param: order.get(param.name, len(order)))
    found = next((param.name for param in whole if _matters(setup, domain, part, param)), None)
    if found is None:
        return []
    finer = found in sizes.names[:1] and any(param.name == sizes.finer for param in whole)
    return [found, *([sizes.finer] if finer and sizes.finer else [])]


def _matters(setup: Setup, domain: Domain, part: str, param: Param) -> bool:
    """Whether a larger, or else a smaller, value changes how many parameters the part has."""
    place = 0 if part == "encoding" else 1
    config: Mapping[str, Any] = getattr(setup, part)
    here, allowed = _counts(setup, domain), param.allowed or Range()
    for value in (config[param.name] + 1, config[param.name] - 1):
        there = _counts(_with(setup, part, param.name, value), domain) if value in allowed else None
        if here is not None and there is not None and here[place] != there[place]:
            return True
    return False


def _turned(
    setup: Setup, domain: Domain, part: str, name: str, target: int, fixed: Set[str], *, nearest: bool
) -> Setup:
    """The setup with one size such that the table, or the whole field, comes to the target, or stays below it."""
    info = _info(setup, part)
    param = next(param for param in info.params if param.name == name)

    def count(value: int) -> int | None:
        counts = _counts(_with(setup, part, name, value, fixed), domain)
        return None if counts is None else counts[0] if part == "encoding" else sum(counts)

    allowed = param.allowed or Range(1)
    bounds = int(max(allowed.low, 0)), int(min(allowed.high, 2**24))
    start = getattr(setup, part)[name]
    if name == info.cls.sizes.finer:
        bounds = max(bounds[0], start * 2 // 3), min(bounds[1], start * 3 // 2)
    value = _largest_within(count, start, bounds, target)
    if nearest and value < bounds[1]:
        value = min((value, value + 1), key=lambda candidate: _distance(count(candidate), target))
    while value > bounds[0] and count(value - 1) == count(value):  # larger, but for nothing
        value -= 1
    return _with(setup, part, name, value, fixed)


def _largest_within(count: Callable[[int], int | None], start: int, bounds: tuple[int, int], target: int) -> int:
    """The largest value that counts at most the target, or the smallest that is allowed where none does.

    `start` is allowed; values beyond what is allowed count as None.
    """

    def fits(value: int) -> bool:
        found = count(value)
        return found is not None and found <= target

    low, high = bounds
    if fits(start):
        good, step = start, 1
        while good < high and fits(min(good + step, high)):
            good, step = min(good + step, high), 2 * step
        bad = min(good + step, high + 1)
    else:
        good, bad, step = start, start, 1
        while not fits(good):
            if good == low:
                return low
            bad, good = good, max(good - step, low)
            step *= 2
            if count(good) is None:
                good = _smallest_allowed(count, good, bad)
                if not fits(good):
                    return good
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good


def _smallest_allowed(count: Callable[[int], int | None], refused: int, allowed: int) -> int:
    """The smallest allowed value above one that is refused."""
    while allowed - refused > 1:
        middle = (refused + allowed) // 2
        refused, allowed = (middle, allowed) if count(middle) is None else (refused, middle)
    return allowed


def _distance(count: int | None, target: int) -> float:
    """How many times too many or too few."""
    return math.inf if count is None else abs(math.log(count / target)) if count else math.inf
