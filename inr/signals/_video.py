"""Videos: what PyAV reads, and MP4 for writing; sound tracks are left out.

Frames are 8-bit RGB (grey where the file's pixels are), upright, and taken to be evenly spaced at the average
rate. MP4 has no grey of its own: grey frames come back from it with three equal channels.
"""

import contextlib
import importlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.signals._arrays import DEFAULT_FPS, GridSamples, build_grid, grid_axes
from inr.signals._libraries import check_bytes, load, reading
from inr.signals._truncation import check_complete

_CRF = "8"  # H.264 rate factor; 0 is lossless, 17 counts as visually lossless, 23 is the usual one


def read(path: Path, max_bytes: int) -> GridSamples:
    """The video at `path`, uint8 (T, H, W, C)."""
    av = load("av", "video", "reading video")
    check_complete(path)
    with reading(path, "video"), _silent(), av.open(str(path)) as container:
        if not container.streams.video:
            raise InrError(f"{path} holds no video; save its sound as .wav")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        rate = float(stream.average_rate or DEFAULT_FPS)
        samples = _collect(_frames(path, container, stream), path, stream.frames, max_bytes)
    meta = {"fps": rate}
    return build_grid(samples, "video", grid_axes("video", samples.shape[:3], meta), meta, source=str(path))


def write(path: Path, frames: np.ndarray, seconds: float) -> None:
    """Write uint8 (T, H, W, C) as H.264 in MP4, without chroma subsampling, so that any size will do."""
    if frames.shape[3] not in (1, 3):
        raise InrError(f".mp4 holds 1 or 3 channels, not {frames.shape[3]}; write a folder of PNG frames (no suffix)")
    av = load("av", "video", "writing video")
    grey = frames.shape[3] == 1
    with _silent(), av.open(str(path), "w") as container:
        rate = Fraction(len(frames) / seconds).limit_denominator(10_000)
        stream = container.add_stream("libx264", rate=rate, options={"crf": _CRF})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv444p"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame[..., 0] if grey else frame, format="gray" if grey else "rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """FFmpeg's own messages stay off stderr."""
    logging = importlib.import_module("av.logging")
    before = logging.get_level()
    logging.set_level(None)
    try:
        yield
    finally:
        logging.set_level(before)


def _frames(path: Path, container: Any, stream: Any) -> Iterator[np.ndarray]:
    """Every frame, uint8 (H, W, C). Raises InrError at the first that is not whole."""
    form = "gray" if (stream.codec_context.pix_fmt or "").startswith("gray") else "rgb24"
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise InrError(f"{path} is damaged or cut short: a part of its frames is not whole")
        for frame in packet.decode():
            if frame.is_corrupt:
                raise InrError(f"{path} is damaged: a frame cannot be decoded whole")
            picture = frame.to_ndarray(format=form)
            turns = round(getattr(frame, "rotation", 0) / 90)  # older PyAV does not tell
            yield np.rot90(picture if picture.ndim == 3 else picture[..., None], turns)


def _collect(frames: Iterator[np.ndarray], path: Path, announced: int, max_bytes: int) -> np.ndarray:
    """All frames in one array, which grows in one buffer: a list of frames would need the memory twice."""
    buffer = bytearray()
    shape: tuple[int, ...] = ()
    for count, frame in enumerate(frames, 1):
        shape = shape or frame.shape
        if frame.shape != shape:
            raise InrError(f"{path} changes from {shape[1]} x {shape[0]} to {frame.shape[1]} x {frame.shape[0]} pixels")
        total = max(count, announced)
        check_bytes(path, total * frame.nbytes, max_bytes, f"{total} frames of {shape[1]} x {shape[0]}")
        buffer += np.ascontiguousarray(frame).data
    if not shape:
        raise InrError(f"{path} is damaged or cut short: a video without frames")
    return np.frombuffer(buffer, np.uint8).reshape(-1, *shape)
