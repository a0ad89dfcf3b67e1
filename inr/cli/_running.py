"""Running a fit on the command line: compiling, the bar, Ctrl-C, and the exit status."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from inr.cli._console import INTERRUPTED, complain, going_on, remark
from inr.cli._pipes import is_piped
from inr.cli._progress import FitBar, waiting

if TYPE_CHECKING:
    from inr.fitting import Event, Fitter

# by the reason for which a fit ended; 0 for all others
STATUS = {"diverged": 1, "disk": 2, "interrupted": INTERRUPTED}
# reasons after which there is something to go on with; after others, going on would end the same way
UNFINISHED = ("interrupted", "disk")


def compile_engine(fitter: "Fitter", *, quiet: bool) -> float:
    """Make the engine of a fit ready, and say what it hands to another; the seconds that it took."""
    with waiting(f"compiling for engine {fitter.engine}", quiet=quiet):
        seconds = fitter.prepare()
    for note in () if quiet else fitter.plan.notes:
        remark(note)
    return seconds


def run_by_loss(fitter: "Fitter", events: "Iterable[Event]", *, quiet: bool) -> "Event":
    """Run a fit whose loss is none of samples, with a bar that shows it, until it ends or Ctrl-C ends it.

    Args:
        fitter: which Ctrl-C stops.
        events: of the fit.
        quiet: show nothing.

    Returns:
        The last event.
    """
    from inr.fitting import stopping_on_interrupt

    with stopping_on_interrupt(fitter), FitBar(quiet=quiet, by_loss=True) as bar:
        for event in events:
            bar.show(event)
    return event


def explain(end: "Event", checkpoint: Path) -> None:
    """One line on a fit that ended early, with the command that goes on where there is something to go on from.

    Args:
        end: its last event.
        checkpoint: where it keeps what can be resumed.
    """
    message = end.message
    if checkpoint.exists() and not is_piped(checkpoint):
        message += f"; go on with: {going_on('--resume')}"
    if end.reason in ("steps", "seconds", "interrupted"):
        remark(message)
    else:
        complain(message, 2)
