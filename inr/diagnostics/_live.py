"""The curve of a fit that grows in a notebook while the fit runs."""

import io
import math
import sys
import time
from typing import Any

import numpy as np

from inr.diagnostics._notebook import img_html
from inr.diagnostics._plot import FIT, Plot
from inr.diagnostics._wording import decibels
from inr.fitting import Event

_SIZE = 480, 160  # pixels
_EVERY_SECONDS = 1.0
_MOST_POINTS = 2_000  # of the curve; then every second one is left out


class LiveCurve:
    """Shows the PSNR of a running fit in a notebook's cell; a listener of events.

    Args:
        display: IPython's `display`, or what is called as it is.
    """

    def __init__(self, display: Any) -> None:
        self._display = display
        self._handle: Any = None
        self._curve: list[tuple[float, float]] = []
        self._every = 1
        self._shown = -math.inf

    def __call__(self, event: Event) -> None:
        """Take in an event, and draw the curve anew if it is time."""
        if event.kind == "step" and math.isfinite(event.psnr) and event.step % self._every == 0:
            self._curve.append((event.seconds, event.psnr))
        if len(self._curve) > _MOST_POINTS:
            del self._curve[1::2]
            self._every *= 2
        now = time.monotonic()
        if event.kind == "end" or now - self._shown >= _EVERY_SECONDS:
            self._shown = now
            self._show(event)

    def close(self) -> None:
        """The curve stays as it is."""

    def _show(self, event: Event) -> None:
        bundle = {"text/html": self._html(event), "text/plain": self._words(event)}
        if self._handle is None:
            self._handle = self._display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def _words(self, event: Event) -> str:
        quality = f", {decibels(event.psnr)}" if math.isfinite(event.psnr) else ""
        return f"step {event.step:,} of {event.steps:,}, {event.seconds:.1f} s{quality}"

    def _html(self, event: Event) -> str:
        words = self._words(event)
        if len(self._curve) < 2:
            return f"<div>{words}</div>"
        seconds, psnr = np.array(self._curve).T
        # early steps are far below all that follows
        low = float(np.quantile(psnr, 0.05))
        plot = Plot(_SIZE, (0.0, float(seconds[-1])), (low, float(psnr.max())), x_unit="s", y_unit="dB")
        plot.line(seconds, psnr, FIT)
        buffer = io.BytesIO()
        plot.image().save(buffer, format="PNG")
        return f"<div>{words}<br>{img_html(buffer.getvalue(), words)}</div>"


def live_curve() -> LiveCurve | None:
    """A curve for the notebook that runs; None where none does."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or getattr(shell, "kernel", None) is None:  # a terminal shows its own progress
        return None
    from IPython.display import display

    return LiveCurve(display)
