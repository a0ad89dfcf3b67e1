"""What a running fit tells its readers: the progress bar, the log, the plots."""

from dataclasses import dataclass
from typing import Literal

EventKind = Literal["start", "step", "checkpoint", "end"]
Reason = Literal["steps", "seconds", "target", "interrupted", "diverged", "disk"]


@dataclass(frozen=True)
class Event:
    """One moment of a fit.

    Attributes:
        kind: start (the horizon is known), step, checkpoint (one was written) or end.
        step: steps done; steps: the horizon.
        loss: of the step's batch; psnr: of the running loss, in dB, an estimate from the batches.
        seconds: spent fitting, without compiling, reading, writing and measuring.
        compiling: seconds that were spent before the first step on compiling kernels, or loading them.
        skipped: steps so far whose 16-bit gradients overflowed, and which changed nothing.
        lr: the network's learning rate; engine: what runs the field; points: samples seen so far.
        scored: samples evaluated so far only to choose others, each counted as often as it was.
        reason: why the fit ended (end events only); message: the same in words.
    """

    kind: EventKind
    step: int
    steps: int
    loss: float
    psnr: float
    seconds: float
    lr: float
    engine: str
    points: int
    reason: Reason | None = None
    message: str = ""
    compiling: float = 0.0
    skipped: int = 0
    scored: int = 0


def message(reason: Reason, step: int, detail: str) -> str:
    """Why a fit ended, in words."""
    words = {
        "steps": f"finished {step} steps",
        "seconds": f"out of time after {step} steps: the machine became slower than when the steps were planned",
        "target": f"reached the target after {step} steps",
        "interrupted": f"interrupted after {step} steps; the best state so far is kept",
        "diverged": f"the loss stopped being finite after {step} steps; the best state so far is kept "
        "(a lower learning rate may help)",
        "disk": f"stopped after {step} steps; the best state so far is kept",
    }[reason]
    return f"{words}: {detail}" if detail else words
