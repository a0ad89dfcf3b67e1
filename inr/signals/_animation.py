"""Pictures that move, APNG, animated WebP and GIF, as videos. A picture of one frame does not.

Pillow reads them, also GIFs: FFmpeg takes frames that have no block of times before them for a part of the one before.
"""

from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.signals import _pillow, _png
from inr.signals._arrays import DEFAULT_FPS, GridSamples, build_grid, grid_axes
from inr.signals._frame_times import note_if_uneven, pace
from inr.signals._libraries import check_bytes
from inr.signals._truncation import check_complete

_MOVING = ("PNG", "WebP", "GIF")
_GREY_MODES = ("1", "L")
# Milliseconds below which viewers show a frame of a GIF for the usual time instead, as they always have.
_BRIEF, _USUAL = 20, 100


def moves(path: Path, form: str) -> bool:
    """Whether the picture at `path` has more than one frame."""
    if form not in _MOVING:
        return False
    with _pillow.opened(path, form) as image:
        return bool(getattr(image, "is_animated", False)) and len(_frame_numbers(image)) > 1


def read(path: Path, form: str, max_bytes: int) -> GridSamples:
    """The frames at `path` as a video, uint8 (T, H, W, C), at the mean rate of their times.

    Grey stays grey, and transparency is a channel only where something is transparent.
    """
    if form == "PNG" and _png.read_header(path).depth == 16:
        raise InrError(f"{path} is an animated PNG of 16 bits; save its frames as a folder of .png")
    check_complete(path)
    with _pillow.opened(path, form) as image:
        numbers = _frame_numbers(image)
        width, height = image.size
        check_bytes(path, len(numbers) * width * height * 4, max_bytes, f"{len(numbers)} frames of {width} x {height}")
        if form == "PNG":
            _png.check(path)
        # the first frame of a GIF does not tell what the others are
        grey = form != "GIF" and image.mode in _GREY_MODES and "transparency" not in image.info
        frames = np.empty((len(numbers), height, width, 1 if grey else 4), np.uint8)
        times, now = list[float](), 0.0
        for place, number in enumerate(numbers):
            image.seek(number)
            image.load()
            frames[place] = np.asarray(image.convert("L" if grey else "RGBA")).reshape(height, width, -1)
            times.append(now / 1000)
            now += _milliseconds(image, form)
    if not grey and (frames[..., 3] == 255).all():
        frames = np.ascontiguousarray(frames[..., :3])
    note_if_uneven(path, pace(times, now / 1000 - times[-1], 0.001, None))
    meta = {"fps": len(numbers) * 1000 / now if now else DEFAULT_FPS}
    return build_grid(frames, "video", grid_axes("video", frames.shape[:3], meta), meta, source=str(path))


def _frame_numbers(image: Any) -> range:
    """The frames that move: not the still picture that a PNG may show in their place."""
    return range(1 if image.info.get("default_image") or getattr(image, "default_image", False) else 0, image.n_frames)


def _milliseconds(image: Any, form: str) -> float:
    """How long the frame that was loaded is shown."""
    told = float(image.info.get("duration", 0) or 0)
    return _USUAL if form == "GIF" and told < _BRIEF else told
