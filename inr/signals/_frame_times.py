"""The rate of a video by the times of its frames.

A container's nominal rate is what a header claims: in Matroska and WebM the frames may lie anywhere, and browsers'
recorders write none. Fields have an evenly spaced time axis, so frames that are not are taken as evenly spaced over the
time that they fill together.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from inr.signals._libraries import note


class Pace(NamedTuple):
    """How fast frames follow each other.

    Attributes:
        fps: frames a second over all of the video.
        largest_shift: by how many seconds a frame is moved by taking all as evenly spaced; 0 where that is rounding.
    """

    fps: float
    largest_shift: float


def pace(times: Sequence[float | None], last: float, tick: float, nominal: float | None) -> Pace | None:
    """The pace of frames, by the nominal rate where their times agree with it, else by these times.

    Args:
        times: of the frames in seconds, in order; None for one that has none.
        last: seconds that the last frame is shown; 0 if that is not known.
        tick: seconds of the container's unit of time, to which it rounds.
        nominal: frames a second that the container claims, if it does.

    Returns:
        The pace; None for a single frame, or times that are missing or do not rise.
    """
    if len(times) < 2 or any(time is None for time in times):
        return None
    seconds = np.array(times, np.float64)
    gaps = np.diff(seconds)
    if gaps.min() <= 0:
        return None
    if nominal and _shift(seconds, nominal) <= max(1.01 * tick, 0.25 / nominal):
        return Pace(nominal, 0.0)
    fps = len(seconds) / float(seconds[-1] - seconds[0] + (last if last > 0 else float(np.median(gaps))))
    shift = _shift(seconds, fps)
    return Pace(fps, shift if shift > (1 + 1e-9) * max(1.01 * tick, 0.5 / fps) else 0.0)


def note_if_uneven(path: Path, found: Pace | None) -> None:
    """Say that frames are taken as evenly spaced where they are not."""
    if found and found.largest_shift:
        note(
            f"{path}: its frames are unevenly spaced; they are taken as evenly spaced, at {found.fps:.4g} a second, "
            f"which moves some by up to {found.largest_shift:.3g} s"
        )


def _shift(seconds: np.ndarray, fps: float) -> float:
    return float(np.abs(seconds - seconds[0] - np.arange(len(seconds)) / fps).max())
