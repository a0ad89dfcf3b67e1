"""Why a fit is as good as it is, and what to change."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from inr._errors import InrError
from inr.diagnostics._explain._blocks import Execute, blocks_of, sample_by_sample
from inr.diagnostics._explain._facts import Facts, gather
from inr.diagnostics._explain._history import History
from inr.diagnostics._explain._parts import (
    MOST_NUMBERS,
    BandRow,
    PartRow,
    band_rows,
    kernel_of,
    part_rows,
)
from inr.diagnostics._explain._rules import Advice, advise
from inr.diagnostics._explain._settings import command, settings_of, spelled
from inr.diagnostics._measures._confusion import gradient_cosines
from inr.diagnostics._measures._regions import Crossings, regions_along
from inr.diagnostics._measures._whiteness import autocorrelation_map
from inr.field import Field
from inr.signals import Domain, GridSignal, Signal

MOST = 5  # sentences of a verdict
_CONFUSED = 48  # samples whose gradients are compared
_PICTURE = 96  # samples a side of the residual that is shown


@dataclass(frozen=True)
class Finding:
    """One thing that holds a fit back.

    Attributes:
        cause: in one word, as "frequency_high"; see docs/explain.md for all of them.
        measure: what was measured; number: what it was; threshold: from where on it counts.
        expected: decibels that the advice should bring.
        sentence: all of that for people.
        changes: what to change, as `inr.fitting.make_fitter` takes it, and "steps".
        changed: the same as it is typed, as "--encoding fourier:sigma=4".
        command: the whole command that fits with the change.
        measured: decibels that the change brought in a trial, see `inr.diagnostics.try_finding`; None without one.
    """

    cause: str
    measure: str
    number: float
    threshold: float
    expected: float
    sentence: str
    changes: Mapping[str, Any]
    changed: str
    command: str
    measured: float | None = None


@dataclass(frozen=True)
class Explanation:
    """What `explain` found.

    Attributes:
        findings: the worst first, five at most; none where nothing stands out.
        parts: of the field, predicted and actual.
        bands: of frequencies, predicted and actual.
        facts: all numbers on which the findings stand.
        notes: what could not be told, and why.
        eigenvalues, shares: of the tangent kernel on a block, and the target's shares along its eigenvectors.
        residual: a block's, or a picture's, (*shape, C), in shares of the range; None without a signal on a grid.
        around: the autocorrelation of the residual at lags up to 8, of two axes; None else.
        cosines: between the gradients of single samples, of neighbours; None of one sample.
        lines: activation regions along three lines through the middle, by name.
        signal: what the signal is called.
    """

    findings: tuple[Finding, ...]
    parts: tuple[PartRow, ...]
    bands: tuple[BandRow, ...]
    facts: Facts
    notes: tuple[str, ...] = ()
    eigenvalues: Float[np.ndarray, " n"] | None = None
    shares: Float[np.ndarray, " n"] | None = None
    residual: Float[np.ndarray, "..."] | None = None
    around: Float[np.ndarray, "k k"] | None = None
    cosines: Float[np.ndarray, " p"] | None = None
    lines: Mapping[str, Crossings] = dataclass_field(default_factory=dict)
    signal: str = "SIGNAL"

    @property
    def sentences(self) -> list[str]:
        """The verdict."""
        if self.findings:
            return [each.sentence for each in self.findings]
        return ["Nothing stands out: no rule of those that could be applied says that a change of one part would help."]

    def __str__(self) -> str:
        return "\n".join(self.sentences)


def explain(
    field: Field,
    signal: Signal | None = None,
    *,
    history: History | None = None,
    execute: Execute | None = None,
    name: str = "SIGNAL",
    output: str = "OUT.inr",
    seed: int = 0,
) -> Explanation:
    """Say why a fit is as good as it is, and what to change.

    It looks at blocks of the signal at the samples' real spacing, not at all of it, so that large signals take no
    longer than small ones; `facts.errors` says how far what was measured may lie from that of all samples.

    Args:
        field: as it was fitted, with what its file says of the fit.
        signal: that it was fitted to. It may have samples that were missing in the fit: these tell how the field does
            between the others. None: what can be told from the field alone.
        history: how the fit went, see `Recorder`; None: nothing is said of learning rates and steps.
        execute: what evaluates the field at coordinates; itself by default.
        name: of the signal in commands.
        output: of the field that a command writes.
        seed: of where blocks lie and of what is drawn.

    Returns:
        Findings with advice, tables and what plots are made from.

    Raises:
        InrError: a signal of another shape than the field's.

    >>> signal = inr.open("photo.png")
    >>> parts = {"activation": "sine", "network": "mlp:depth=2,width=16"}
    >>> field = inr.fit(signal, **parts, steps=20, engine="eager", coding="exact")
    >>> explanation = inr.diagnostics.explain(field, signal)
    >>> len(explanation.findings) <= 5, [row.part for row in explanation.parts]
    (True, ['encoding', 'network'])
    """
    if signal is not None:
        _check(field, signal)
    if isinstance(signal, GridSignal) and signal.domain.values != field.domain.values:  # in the field's own range
        signal = GridSignal(signal.array, replace(signal.domain, values=field.domain.values))
    facts = gather(field, signal, history, execute=execute, seed=seed)
    settings = settings_of(field, signal)
    by_probe = _found_by_probe(facts)
    findings = tuple(
        _finding(each, settings, name, output, found_by_probe=by_probe) for each in advise(facts, field)[:MOST]
    )
    notes = _notes(field, signal, history)
    if not isinstance(signal, GridSignal):
        return Explanation(findings, part_rows(field, None), (), facts, notes, signal=name)
    kernel = kernel_of(field, signal, seed=seed)
    block = blocks_of(signal, points=_PICTURE ** min(signal.in_dim, 2), count=1, seed=seed)[0]
    residual = block.residual(execute or field)
    flat = residual if residual.ndim == 3 else None
    near = blocks_of(signal, points=_CONFUSED, count=1, seed=seed)[0]
    coords, values = near.samples()
    few = min(_CONFUSED, max(MOST_NUMBERS // field.parameter_count, 2)) if sample_by_sample(field) else _CONFUSED
    cosines = gradient_cosines(field, coords[:few], values[:few]).numpy() if len(coords) > 1 else None
    return Explanation(
        findings, part_rows(field, block), band_rows(facts, kernel), facts, notes,
        eigenvalues=None if kernel is None else kernel.eigenvalues, shares=None if kernel is None else kernel.shares,
        residual=residual / 2, around=None if flat is None or not flat.any() else autocorrelation_map(flat),
        cosines=cosines, lines=_lines(field), signal=name,
    )  # fmt: skip


def _check(field: Field, signal: Signal) -> None:
    ours, theirs = field.domain, signal.domain
    if (ours.in_dim, ours.channels) != (theirs.in_dim, theirs.channels) or ours.shape != theirs.shape:
        raise InrError(
            f"the signal has {_shape(theirs)}, but the field was fitted to {_shape(ours)}: give the signal that it was "
            "fitted to"
        )


def _shape(domain: Domain) -> str:
    sizes = f"scattered samples of {domain.in_dim} coordinates"
    if domain.shape is not None:
        sizes = f"{' x '.join(map(str, domain.shape))} samples"
    return f"{sizes} of {domain.channels} {'channel' if domain.channels == 1 else 'channels'}"


def _finding(advice: Advice, settings: Mapping[str, Any], name: str, output: str, *, found_by_probe: bool) -> Finding:
    changed = {key: value for key, value in advice.changes.items() if settings.get(key) != value}
    kept = {**settings, **advice.changes}
    if found_by_probe and not {"learning_rate", "steps"} & advice.changes.keys():
        del kept["learning_rate"]  # other parts have other rates, which the probe finds again
    whole = command(kept, name, output)
    words = f"{advice.words} (expected {advice.expected:+.1f} dB)"
    return Finding(
        advice.cause, advice.measure, advice.number, advice.threshold, advice.expected, words, advice.changes,
        " ".join(spelled(changed, usual=True)), whole,
    )  # fmt: skip


def _found_by_probe(facts: Facts) -> bool:
    """Whether the fit's learning rates are those that a probe finds."""
    rates = facts.fit.get("rates", {})
    return bool(facts.suited) and all(
        math.isclose(rates.get(part, 0.0), rate, rel_tol=1e-3) for part, rate in facts.suited.items()
    )


def _notes(field: Field, signal: Signal | None, history: History | None) -> tuple[str, ...]:
    notes = []
    if signal is None:
        notes.append(
            "no signal was given: nothing is said of residuals, noise, frequencies and what lies between samples"
        )
    elif not isinstance(signal, GridSignal):
        notes.append(
            "the signal is no grid: nothing is said of bands, noise, frequencies and what lies between samples"
        )
    if history is None:
        notes.append("no history of the fit: nothing is said of learning rates and steps (inr fit --explain keeps one)")
    if not field.fit:
        notes.append("the file does not say how it was fitted: commands name its parts alone")
    return tuple(notes)


@torch.no_grad()
def _lines(field: Field) -> dict[str, Crossings]:
    """Along the first axis, the last one and the diagonal."""
    dims = field.domain.in_dim
    ends = {field.domain.axes[0].name: 0, field.domain.axes[-1].name: dims - 1}
    lines = {}
    try:
        for axis, column in ends.items():
            along = torch.zeros(dims)
            along[column] = 1.0
            lines[axis] = regions_along(field, -along, along)
        if dims > 1:
            lines["diagonal"] = regions_along(field, -torch.ones(dims), torch.ones(dims))
    except InrError:
        return {}
    return lines
