"""What holds a fit back, in some sentences, for those who look at its page."""

from collections.abc import Mapping
from typing import Any

from inr._errors import InrError
from inr.diagnostics import Recorder, explain
from inr.field import Execute, Field
from inr.fitting import Event, Fitter
from inr.signals import GridSignal, Signal

LEAST_SECONDS = 20.0  # of fitting, of which an explanation takes less than a tenth


class Verdict:
    """Watches a fit, and explains it when it is done.

    Args:
        fitter: of the fit, which is watched from its first step on; one that was gone on with has no history.
    """

    def __init__(self, fitter: Fitter) -> None:
        self._recorder: Recorder | None = Recorder(fitter, looks=0)

    def observe(self, event: Event) -> None:
        """Take note of an event."""
        if event.kind == "start" and event.step > 0:
            self._recorder = None
        if self._recorder is not None:
            self._recorder.observe(event)

    def told(
        self, field: Field, signal: Signal, seconds: float, execute: Execute | None
    ) -> list[Mapping[str, Any]] | None:
        """Sentences, the worst first, each with what should be changed and what that should bring.

        Args:
            field: as it is kept.
            signal: that it was fitted to.
            seconds: that the fit took.
            execute: what evaluates the field; itself by default.

        Returns:
            Sentences, changes as they are typed, and decibels; empty where nothing stands out. None of fits that were
            shorter than an explanation is worth, and of signals that are no grid.
        """
        if seconds < LEAST_SECONDS or not isinstance(signal, GridSignal):
            return None
        history = None if self._recorder is None else self._recorder.history()
        try:
            found = explain(field, signal, history=history, execute=execute)
        except InrError:  # the fit is as good without
            return None
        return [
            {"sentence": each.sentence, "changed": each.changed, "expected": each.expected} for each in found.findings
        ]
