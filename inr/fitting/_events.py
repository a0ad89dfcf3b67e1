"""What a running fit tells its readers: the progress bar, the log, the plots."""

from dataclasses import dataclass
from typing import Literal

EventKind = Literal["start", "step", "checkpoint", "stage", "end"]
Reason = Literal["steps", "seconds", "target", "interrupted", "diverged", "disk"]


@dataclass(frozen=True)
class Event:
    """One moment of a fit.

    The log of `inr fit --events` holds one a line as JSON, with the learning rate as "lr".

    Attributes:
        kind: "start" (the horizon is known), "step" (one was taken), "checkpoint" (one was written), "end", or
            "stage" (`message` is what is done between and after the fits of which `inr.compress` takes several).
        step: steps done so far.
        steps: the horizon: steps of the whole fit.
        loss: of the step's batch by the objective; not a number in start events, the running mean in end events.
        psnr: in dB, of the running mean of the batches' squared errors: an estimate of the whole signal's.
        seconds: spent fitting so far, without compiling, reading, writing and measuring.
        learning_rate: of the network, in this step.
        engine: name of what runs the field.
        points: samples learned from so far, each counted as often as it was.
        reason: why the fit ended, in end events: "steps" (all were taken), "seconds" (the machine became slower than
            when steps were measured), "target" (the PSNR was reached), "interrupted", "diverged" or "disk" (a
            checkpoint could not be written).
        message: the same in words; in stage events, what is done.
        compiling: seconds that went into compiling kernels, or loading them, before the first step.
        skipped: steps so far whose 16-bit gradients overflowed, and which changed nothing.
        scored: samples evaluated so far only to choose others, each counted as often as it was.
        probing: of the seconds, those that went into finding learning rates before the first step.
        bits: for each sample, that the file would take as it stands, where the fit knows.
    """

    kind: EventKind
    step: int
    steps: int
    loss: float
    psnr: float
    seconds: float
    learning_rate: float
    engine: str
    points: int
    reason: Reason | None = None
    message: str = ""
    compiling: float = 0.0
    skipped: int = 0
    scored: int = 0
    probing: float = 0.0
    bits: float | None = None


def message(reason: Reason, step: int, detail: str) -> str:
    """Why a fit ended, in words.

    Args:
        reason: of the end event.
        step: steps done.
        detail: what else there is to say; may be empty.
    """
    words = {
        "steps": f"finished {step} steps",
        "seconds": f"out of time after {step} steps: the machine became slower than when the steps were planned",
        "target": f"reached the target after {step} steps",
        "interrupted": f"interrupted after {step} steps; the best state so far is kept",
        "diverged": f"the loss stopped being finite at step {step + 1}; the best state so far is kept "
        "(a lower learning rate may help)"
        if step
        else "the loss was not finite at step 1, before anything was learned: parameters of the parts are too large "
        "for 32-bit floats; take smaller ones (omega, sigma, scale, octaves)",
        "disk": f"stopped after {step} steps; the best state so far is kept",
    }[reason]
    return f"{words}: {detail}" if detail else words
