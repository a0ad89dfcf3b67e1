"""`inr fit` and frequencies: what was chosen for "auto", and a remark on numbers that are far from what suits."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from inr._specs import parse_spec
from inr.cli._console import remark
from inr.cli._fit_report import Stopwatch

if TYPE_CHECKING:
    from inr import Fitter

FAR = 2.0  # octaves
# a comparison takes about a second: fits that are shorter than these do without
FEWEST_SECONDS = 20.0
FEWEST_STEPS = 500


def compare_frequencies(fitter: "Fitter", given: Mapping[str, str | None], watch: Stopwatch, *, quiet: bool) -> None:
    """Say what was chosen, and of given numbers which are far from what would be; the time is booked."""
    chosen = fitter.setup.choices
    if chosen:
        watch.laps["choosing frequencies"] = sum(choice.seconds for choice in chosen)
    if quiet:
        return
    for choice in chosen:
        remark(f"{choice} was chosen in {choice.seconds:.1f} s: {choice.figure}")
    seconds, steps = fitter.budget.seconds, fitter.budget.steps
    if (seconds is None or seconds >= FEWEST_SECONDS) and (steps is None or steps >= FEWEST_STEPS):
        _second_opinions(fitter, given, watch)


def _second_opinions(fitter: "Fitter", given: Mapping[str, str | None], watch: Stopwatch) -> None:
    from inr.fitting import second_opinions

    typed = {part: parse_spec(spec) for part in ("encoding", "activation") if (spec := given[part]) is not None}
    setup = fitter.setup
    parts = {part: parse_spec(getattr(setup, part)) for part in ("encoding", "activation", "network")}
    for number, choice in second_opinions(fitter.signal, parts, typed):
        lap = "looking at frequencies"
        watch.laps[lap] = watch.laps.get(lap, 0.0) + choice.seconds
        octaves = math.log2(number / choice.value)
        if abs(octaves) >= FAR:
            remark(
                f"{choice.parameter}={number:g} is {abs(octaves):.1f} octaves {'above' if octaves > 0 else 'below'} "
                f"{choice.value:g}, which suits this signal; {choice.parameter}=auto chooses it (inr suggest)"
            )
