"""From numbers to causes: what holds a fit back, how much it costs, and what to change.

Thresholds come from fits with planted faults, see studies/planted_faults.py, whose `tuning` set they were chosen with.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from inr._specs import format_spec
from inr.diagnostics._explain._capacity import SMALL
from inr.diagnostics._explain._facts import NOISE, Facts
from inr.diagnostics._explain._frequency import Ladder
from inr.field import Field

# of learning rates, from the history of the loss
STUCK_WITHIN, STUCK_GAIN = 1.0, 1.0  # dB of predicting the mean, and of the second half of the steps
SUITED = 1.0  # octaves from the rate that a probe finds, within which the rate is not to blame
SPIKES, MANY_SPIKES = 0.3, 0.9  # share of steps in the second half that are 1.5 times above the least so far
RATE_OCTAVES, OCTAVE_GAIN = 2.0, 2.0  # below the rate that a probe finds, and dB that each of them costs
MOST_OF_A_RATE = 16.0  # dB that are promised of a higher rate
STILL_GAINING, MOST_OF_A_HALF = 5.0, 6.0  # dB that the second half of the steps brought; the most that is promised
FEW_STEPS = 200  # after fewer, a fit that learned nothing has hardly begun
ENOUGH = 80.0  # dB: from an error of a ten-thousandth of the range on, more steps are not advised
# of what the field does between samples
ALIAS, NO_ALIAS = 2.0, 1.5
HELD_OUT_GAP = 10.0  # dB from samples that were learned to those that were not
LOWER_GAIN, HIGHER_GAIN = 1.0, 3.0  # dB that another frequency must promise
MUCH_LOWER, MUCH_GAIN = -2.0, 6.0  # octaves and dB that need no sign between samples, where most power is in few tones
TOP_BAND = 0.1  # of the target's power in the highest octave, that a fit of too low frequencies misses
# of its size
FULL_RANK, STILL_ALIKE, ENDED = 0.5, 0.3, 1.5  # feature rank, autocorrelation, dB of the last fifth of the steps
BEYOND_GRID, TARGET_BEYOND = 0.5, 0.01
DEAD, COLLAPSED = 0.9, 1.1  # share of units, stable rank of a hidden layer: fits that are well have up to 0.7, and 1.5
FEW_GAIN = 2.0  # dB that more parameters must promise
# of noise
PAST_NOISE = 2  # times the steps at which the loss passes the noise: a rate that falls in these learns half as much
LEAST_EXPECTED = 1.0  # dB


@dataclass(frozen=True)
class Advice:
    """One cause that a rule names.

    Attributes:
        cause, measure, number, threshold, expected: as of `Finding`.
        words: the sentence, without what is expected.
        changes: as of `Finding`.
    """

    cause: str
    measure: str
    number: float
    threshold: float
    expected: float
    words: str
    changes: Mapping[str, Any]


Rule = Callable[[Facts, Field], Iterator[Advice]]


def advise(facts: Facts, field: Field) -> list[Advice]:
    """What holds a fit back, the worst first.

    A fit that learned nothing, or whose loss never settled, says little of its parts: then that is all that is said of
    them. But one that learned nothing at no higher a rate than a probe finds has another reason: a rate too low, parts
    too coarse or too small for its signal, dead units, or too few steps.

    Args:
        facts: of the fit.
        field: whose parts are changed.
    """
    if facts.psnr_of_mean >= ENOUGH:  # a constant
        return []
    stuck = list(_stuck(facts, field))
    if stuck:
        if _too_fast(facts):
            return stuck
        for rules in ((_rate_low, _frequency_low, _grid_coarse), (_hardly_begun,), (_too_small,), (_dead,)):
            found = _by_rules(rules, facts, field)
            if found:
                return found
        return [replace(each, expected=LEAST_EXPECTED) for each in stuck]
    return list(_rate_high(facts, field)) or _by_rules(
        (_noise, _frequency_high, _grid_coarse, _rate_low, _narrow, _frequency_low, _budget_short, _dead), facts, field
    )


def _by_rules(rules: Sequence[Rule], facts: Facts, field: Field) -> list[Advice]:
    """What some rules find, the most promising first."""
    return sorted((each for rule in rules for each in rule(facts, field)), key=lambda each: -each.expected)


def _too_fast(facts: Facts) -> bool:
    """Whether the rate is why nothing was learned: above what a probe finds, or else one at which the loss rose."""
    octaves = _rate_octaves(facts)
    if math.isnan(octaves):
        return facts.history is None or facts.history.blew_up()
    return octaves < -SUITED


def _stuck(facts: Facts, field: Field) -> Iterator[Advice]:
    above = facts.psnr - facts.psnr_of_mean
    history = facts.history
    if not above < STUCK_WITHIN or (history is not None and history.gain(0.5) > STUCK_GAIN):
        return
    changes, what = _lower(facts, 0.1, "a tenth of the learning rate")
    if changes:
        expected = facts.baseline - facts.psnr
        words = (
            f"The fit is stuck {_beside_the_mean(above)} (less than {STUCK_WITHIN:g} dB above it is nothing learned): "
            f"start again at {what}"
        )
        expected = expected if expected > STUCK_WITHIN else STUCK_WITHIN
        yield Advice("stuck", "dB above the mean", above, STUCK_WITHIN, expected, words, changes)


def _beside_the_mean(above: float) -> str:
    return f"{abs(above):.1f} dB {'above' if above >= 0 else 'below'} predicting the mean"


def _hardly_begun(facts: Facts, field: Field) -> Iterator[Advice]:
    steps, above = int(facts.fit.get("steps", 0)), facts.psnr - facts.psnr_of_mean
    if 0 < steps < FEW_STEPS:
        words = (
            f"The fit has hardly begun: it ends {_beside_the_mean(above)} after {steps} steps ({FEW_STEPS} are few), "
            f"and nothing speaks against its rate: take {2 * FEW_STEPS} steps"
        )
        yield Advice("budget_short", "steps", steps, FEW_STEPS, MOST_OF_A_HALF, words, {"steps": 2 * FEW_STEPS})


def _rate_high(facts: Facts, field: Field) -> Iterator[Advice]:
    if facts.history is None or facts.history.spikes() < SPIKES:
        return
    spikes, expected = facts.history.spikes(), max(facts.history.above_least(), 1.0)
    seen = f"{spikes:.0%} of the later steps have a loss over 1.5 times the least so far ({SPIKES:.0%} is too much)"
    constant = facts.fit.get("schedule") == "constant"
    if constant and spikes < MANY_SPIKES and not _rate_octaves(facts) <= -SUITED:
        changes, what = {"schedule": "cosine"}, "let the learning rate fall, by schedule cosine"
    else:
        changes, what = _lower(facts, 0.25, "a quarter of the learning rate")
        what = f"take {what}"
        if constant:
            changes, what = {**changes, "schedule": "cosine"}, what + ", and let it fall"
    yield Advice(
        "rate_high", "share of spikes", spikes, SPIKES, expected, f"The loss never settled: {seen}: {what}", changes
    )


def _rate_low(facts: Facts, field: Field) -> Iterator[Advice]:
    octaves = _rate_octaves(facts)
    if not octaves >= RATE_OCTAVES or (facts.history is not None and facts.history.spikes() >= SPIKES):
        return
    words = (
        f"The learning rate is {octaves:.1f} octaves below what a probe finds for these parts and steps "
        f"({RATE_OCTAVES:g} are too many): {facts.fit['rates']['network']:.3g} -> {facts.suited['network']:.3g}"
    )
    rates = {part: _rounded(rate) for part, rate in facts.suited.items()}
    expected = min(OCTAVE_GAIN * octaves, MOST_OF_A_RATE)
    yield Advice(
        "rate_low", "octaves below the probe's rate", octaves, RATE_OCTAVES, expected, words, {"learning_rate": rates}
    )


def _budget_short(facts: Facts, field: Field) -> Iterator[Advice]:
    if facts.history is None or facts.alias >= ALIAS or _learns_noise(facts) or not facts.fit.get("steps"):
        return
    gain = facts.history.gain(0.5)
    if gain < STILL_GAINING or facts.psnr >= ENOUGH or _rate_octaves(facts) >= RATE_OCTAVES:
        return
    steps = 2 * int(facts.fit["steps"])
    words = (
        f"The fit was still learning when it ended: the second half of the steps brought {gain:.1f} dB "
        f"({STILL_GAINING:g} dB is much): take {steps} steps"
    )
    expected = min(gain, MOST_OF_A_HALF)
    yield Advice("budget_short", "dB of the second half", gain, STILL_GAINING, expected, words, {"steps": steps})


def _rate_octaves(facts: Facts) -> float:
    """How far the fit's rate lies below that of the probe; NaN where there is none."""
    used, found = facts.fit.get("rates", {}).get("network", 0.0), facts.suited.get("network", 0.0)
    return math.log2(found / used) if used > 0 and found > 0 else math.nan


def _noise(facts: Facts, field: Field) -> Iterator[Advice]:
    if not _learns_noise(facts):
        return
    history, steps = facts.history, int(facts.fit.get("steps", 0))
    passed = None if history is None else history.first_below((2 * facts.noise) ** 2)
    if passed is None or PAST_NOISE * passed >= steps or not facts.run_on >= LEAST_EXPECTED:
        return
    stop = PAST_NOISE * passed
    words = (
        f"The fit learns noise: of {facts.noise:.1%} of the range in the signal ({NOISE:.0%} counts) it leaves "
        f"{math.sqrt(facts.mse) / 2:.1%}; its loss passed the noise at step {passed}: take {stop} steps"
    )
    yield Advice("noise", "noise, share of the range", facts.noise, NOISE, facts.run_on, words, {"steps": stop})


def _learns_noise(facts: Facts) -> bool:
    """Whether the signal has noise, and less than half of its power is left in the residual."""
    return facts.noise >= NOISE and facts.mse < (2 * facts.noise) ** 2 / 2


def _frequency_high(facts: Facts, field: Field) -> Iterator[Advice]:
    gap = facts.psnr - facts.psnr_held_out
    much = max((each.gain for each in facts.ladders if each.octaves <= MUCH_LOWER), default=0.0)
    if _learns_noise(facts):
        return
    if gap >= HELD_OUT_GAP:
        number, threshold, measure = gap, HELD_OUT_GAP, "dB from learned to held-out samples"
        seen = f"Between samples the field invents detail: {gap:.1f} dB are lost there ({threshold:g} dB is too much)"
    elif facts.alias >= ALIAS:
        number, threshold, measure = facts.alias, ALIAS, "alias ratio"
        seen = f"Between samples the field invents detail (alias ratio {number:.1f}, {threshold:g} is too much)"
    elif much >= MUCH_GAIN:
        number, threshold, measure = much, MUCH_GAIN, "dB of kernel regression"
        seen = (
            f"Kernel regression gains {much:.1f} dB on samples left out with lower frequencies ({threshold:g} is much)"
        )
    else:
        return
    lower = [ladder for ladder in facts.ladders if ladder.octaves <= -1 and ladder.gain >= LOWER_GAIN]
    if lower:
        ladder = max(lower, key=lambda each: each.gain)
        words = f"{seen}: {_from_to(ladder)}"
        yield Advice("frequency_high", measure, number, threshold, ladder.gain, words, _at(field, ladder))
    elif not facts.ladders and (lost := _lost_between(facts)) >= LEAST_EXPECTED:
        what = "learn places between the samples too, with --for zoom"
        expected = max(min(lost, facts.baseline - facts.psnr + lost), LEAST_EXPECTED)
        yield Advice("frequency_high", measure, number, threshold, expected, f"{seen}: {what}", {"lattice_only": False})


def _lost_between(facts: Facts) -> float:
    """Decibels from the samples that were learned to places between them: measured, or what invented detail makes."""
    if not math.isnan(facts.psnr_held_out):
        return facts.psnr - facts.psnr_held_out
    return 10 * math.log10(1 + facts.invented / max(facts.mse, 1e-12))


def _frequency_low(facts: Facts, field: Field) -> Iterator[Advice]:
    if not facts.bands or not facts.alias < NO_ALIAS or not facts.bands[-1] >= TOP_BAND:
        return
    for ladder in facts.ladders:
        if ladder.octaves >= 1 and ladder.gain >= HIGHER_GAIN:
            words = (
                f"The field begins with frequencies too low for the signal: {facts.bands[-1]:.0%} of its highest "
                f"octave is missing ({TOP_BAND:.0%} is too much): {_from_to(ladder)}"
            )
            yield Advice(
                "frequency_low", "missing share of the top band", facts.bands[-1], TOP_BAND, ladder.gain, words,
                _at(field, ladder),
            )  # fmt: skip


def _grid_coarse(facts: Facts, field: Field) -> Iterator[Advice]:
    grid = facts.grid
    if grid is None or grid.residual_share <= BEYOND_GRID or grid.target_share <= TARGET_BEYOND:
        return
    wanted = 2 * grid.vertices
    words = (
        f"The grid is too coarse: {grid.residual_share:.0%} of the residual's power lies beyond its own "
        f"{grid.vertices / 2:g} cycles ({BEYOND_GRID:.0%} is too much): {grid.parameter} {grid.vertices} -> {wanted}"
    )
    expected = -10 * math.log10(max(1 - grid.residual_share, 1e-3))
    config = dict(field.encoding.config()) | {grid.parameter: wanted}
    yield Advice(
        "grid_coarse", "residual beyond the grid", grid.residual_share, BEYOND_GRID, expected, words,
        {"encoding": format_spec(config)},
    )  # fmt: skip


def _narrow(facts: Facts, field: Field) -> Iterator[Advice]:
    capacity = facts.capacity
    if capacity is None or not facts.whiteness > STILL_ALIKE:
        return
    full = facts.rank >= FULL_RANK
    if facts.history is not None and facts.history.gain(0.2) >= ENDED:
        return
    few = f"{capacity.parameters:,} parameters for {capacity.values:,} values"
    alike = f"the residual goes on from sample to sample (autocorrelation {facts.whiteness:.2f})"
    more = f"{capacity.changed}, {capacity.larger:,} parameters"
    if full and capacity.gain > 0:
        words = (
            f"The layers are full: the last one uses {facts.rank:.0%} of its width ({FULL_RANK:.0%} is much), and "
            f"{alike}; {few}: {more}"
        )
        yield Advice("narrow", "feature rank", facts.rank, FULL_RANK, capacity.gain, words, capacity.changes)
    elif facts.history is not None and capacity.gain >= FEW_GAIN and _far_from_noise(facts):
        share = capacity.parameters / capacity.values
        words = f"The field is too small: {few} ({SMALL:g} a value are few), and {alike}: {more}"
        yield Advice("narrow", "parameters for a value", share, SMALL, capacity.gain, words, capacity.changes)


def _too_small(facts: Facts, field: Field) -> Iterator[Advice]:
    capacity = facts.capacity
    if capacity is None:
        return
    share = capacity.parameters / capacity.values
    words = (
        f"The field is too small to learn anything: {capacity.parameters:,} parameters for {capacity.values:,} values "
        f"({SMALL:g} a value are few): {capacity.changed}, {capacity.larger:,} parameters"
    )
    expected = max(capacity.gain, LEAST_EXPECTED)
    yield Advice("narrow", "parameters for a value", share, SMALL, expected, words, capacity.changes)


def _far_from_noise(facts: Facts) -> bool:
    """Whether the residual is more than the signal's noise, and nothing is invented between samples."""
    return facts.mse > 4 * (2 * facts.noise) ** 2 and facts.alias < NO_ALIAS


def _dead(facts: Facts, field: Field) -> Iterator[Advice]:
    expected = facts.baseline - facts.psnr  # what a closed form does that a fit should not fall behind
    if not expected >= LEAST_EXPECTED:
        return
    hidden = list(facts.ranks.items())[1:-1]
    name, rank = min(hidden, key=lambda each: each[1], default=("", math.inf))
    behind = f"the fit is {expected:.1f} dB behind random features solved at once"
    if facts.dead > DEAD:
        words = (
            f"{facts.dead:.0%} of the units are dead ({DEAD:.0%} is too much), and {behind}: take a sine activation, "
            "or a lower rate"
        )
        yield Advice("dead", "share of dead units", facts.dead, DEAD, expected, words, {"activation": "sine"})
    elif rank < COLLAPSED:
        words = (
            f"Layer {name} has collapsed to a stable rank of {rank:.1f} (below {COLLAPSED:g} is too low), and "
            f"{behind}: half the rate"
        )
        yield Advice("dead", "stable rank", rank, COLLAPSED, expected, words, _scaled(facts, 0.5))


def _lower(facts: Facts, factor: float, otherwise: str) -> tuple[dict[str, Any], str]:
    """The probe's rates where they are lower than the fit's, else the fit's times a factor; and what that is called."""
    if _rate_octaves(facts) < 0:
        rates = {part: _rounded(rate) for part, rate in facts.suited.items()}
        return {"learning_rate": rates}, f"the learning rate that a probe finds, {rates['network']:g}"
    return _scaled(facts, factor), otherwise


def _scaled(facts: Facts, factor: float) -> dict[str, Any]:
    """The fit's learning rates times a factor; none where the file does not say them."""
    rates = facts.fit.get("rates", {})
    return {"learning_rate": {part: _rounded(rate * factor) for part, rate in rates.items()}} if rates else {}


def _at(field: Field, ladder: Ladder) -> dict[str, Any]:
    """The part of a ladder at its best number."""
    return {ladder.part: format_spec(dict(field.config()[ladder.part]) | {ladder.parameter: _rounded(ladder.best)})}


def _from_to(ladder: Ladder) -> str:
    return f"{ladder.parameter} {ladder.value:g} -> {_rounded(ladder.best):g}"


def _rounded(number: float) -> float:
    return float(f"{number:.3g}")
