"""Videos: what PyAV reads, and MP4 for writing; sound tracks are left out, but where there is nothing else.

Frames are RGB (grey where the file's pixels are), upright, of 8 bits, or of 16 where the file has more than 8, and
taken to be evenly spaced at the average rate. Transparency is dropped, which is said. The shape of pixels that are not
square is kept, as `pixel_aspect`. MP4 has no grey of its own: grey frames come back with three equal channels.
"""

import contextlib
import importlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.signals import _sound_track
from inr.signals._arrays import DEFAULT_FPS, GridSamples, build_grid, grid_axes, real_array
from inr.signals._domain import Domain
from inr.signals._frame_times import note_if_uneven, pace
from inr.signals._libraries import check_bytes, load, note, reading
from inr.signals._truncation import check_complete

_CRF = "8"  # H.264 rate factor; 0 is lossless, 17 counts as visually lossless, 23 is the usual one
_VIDEOS = (b"\x1aE\xdf\xa3", b"FLV\x01", b"\0\0\x01\xba", b"YUV4MPEG2 ", b"OggS", b"\x30\x26\xb2\x75")
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_PICTURE_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1")


def is_video(head: bytes) -> bool:
    """Whether a file that begins with `head`, and is neither picture nor sound, is a video that PyAV reads."""
    avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    return head.startswith(_VIDEOS) or avi or _is_mp4(head) or _is_transport_stream(head)


def _is_mp4(head: bytes) -> bool:
    return head[4:8] in _MP4_BOXES and head[8:12] not in _PICTURE_BRANDS


def _is_transport_stream(head: bytes) -> bool:
    return len(head) > 376 and head[0] == head[188] == head[376] == 0x47


def read(path: Path, max_bytes: int) -> GridSamples:
    """The video at `path`, uint8 or uint16 (T, H, W, C); the sound, (N, C), where a file holds no video."""
    av = load("av", "video", "reading video")
    check_complete(path)
    with reading(path, "video"), _silent(), av.open(str(path)) as container:
        stream = _stream(path, container)
        if stream is None:
            return _sound(path, *_sound_track.read(path, container, max_bytes))
        stream.thread_type = "AUTO"
        decoder = _Frames(path, container, stream)
        samples = _collect(iter(decoder), path, stream.frames, max_bytes)
        nominal = float(stream.average_rate) if stream.average_rate else None
        found = pace(decoder.times, decoder.last, float(stream.time_base or 0), nominal)
        meta: dict[str, Any] = {"fps": found.fps if found else nominal or DEFAULT_FPS}
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        if aspect != 1:
            aspect = 1 / aspect if decoder.turned else aspect
            meta["pixel_aspect"] = [aspect.numerator, aspect.denominator]
    note_if_uneven(path, found)
    if decoder.transparent:
        note(f"{path}: its transparency is dropped; save its frames as a folder of .png to keep it")
    return build_grid(samples, "video", grid_axes("video", samples.shape[:3], meta), meta, source=str(path))


def write(path: Path, frames: np.ndarray, domain: Domain) -> None:
    """Write uint8 (T, H, W, C), which spans the domain, as H.264 in MP4.

    Chroma is not subsampled, so that any size will do.
    """
    if frames.shape[3] not in (1, 3):
        raise InrError(f".mp4 holds 1 or 3 channels, not {frames.shape[3]}; write a folder of PNG frames (no suffix)")
    av = load("av", "video", "writing video")
    grey = frames.shape[3] == 1
    time = domain.axes[-1]
    with _silent(), av.open(str(path), "w") as container:
        rate = Fraction(len(frames) / (time.high - time.low)).limit_denominator(10_000)
        stream = container.add_stream("libx264", rate=rate, options={"crf": _CRF})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv444p"
        if "pixel_aspect" in domain.meta:
            stream.codec_context.sample_aspect_ratio = _pixel_aspect(domain, frames.shape[2], frames.shape[1])
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame[..., 0] if grey else frame, format="gray" if grey else "rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _pixel_aspect(domain: Domain, width: int, height: int) -> Fraction:
    """Width by height of a pixel where a domain is shown in so many; its axes are in pixels of the source."""
    own = Fraction(*domain.meta["pixel_aspect"])
    x, y = domain.axes[:2]
    cell = Fraction((x.high - x.low) / width) / Fraction((y.high - y.low) / height)
    return (own * cell).limit_denominator(10_000)


def _stream(path: Path, container: Any) -> Any:
    """The first stream of frames that is no picture on a cover; None for a sound."""
    for stream in container.streams.video:
        disposition = getattr(stream, "disposition", None)  # older PyAV does not tell
        if not disposition or not disposition & type(disposition).attached_pic:
            return stream
    if container.streams.audio:
        return None
    raise InrError(f"{path} holds neither video nor sound")


def _sound(path: Path, samples: np.ndarray, rate: int) -> GridSamples:
    samples, meta = real_array(samples, str(path)), {"sample_rate": rate}
    return build_grid(samples, "audio", grid_axes("audio", samples.shape[:1], meta), meta, source=str(path))


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


class _Frames:
    """Decodes every frame, and tells what only they know.

    Attributes:
        times: of the frames so far, in seconds; None for one that has none.
        last: seconds that the last of them is shown; 0 if that is not known.
        transparent: whether one of them was, anywhere.
        turned: whether they were turned by a quarter.
    """

    def __init__(self, path: Path, container: Any, stream: Any) -> None:
        self._path, self._container, self._stream = path, container, stream
        self.times: list[float | None] = []
        self.last = 0.0
        self.transparent = stream.metadata.get("alpha_mode") == "1"  # WebM: not decoded at all
        self.turned = False

    def __iter__(self) -> Iterator[np.ndarray]:
        """Every frame, uint8 or uint16 (H, W, C). Raises InrError at the first that is not whole."""
        for packet in self._container.demux(self._stream):
            if packet.is_corrupt:
                raise InrError(f"{self._path} is damaged or cut short: a part of its frames is not whole")
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise InrError(f"{self._path} is damaged: a frame cannot be decoded whole")
                yield self._upright(frame)

    def _upright(self, frame: Any) -> np.ndarray:
        self.times.append(frame.time)
        lasting = getattr(frame, "duration", None)  # nor does it this
        self.last = float(lasting * frame.time_base) if lasting and frame.time_base else 0.0
        turns = round(getattr(frame, "rotation", 0) / 90)  # nor this
        self.turned = bool(turns % 2)
        return np.rot90(self._pixels(frame), turns)

    def _pixels(self, frame: Any) -> np.ndarray:
        """Grey or RGB, spread over all of the type's range: 10 bits are repeated below, and can be had back."""
        parts = frame.format.components
        bits = max(part.bits for part in parts)
        if bits > 16:
            raise InrError(f"{self._path} has pixels of {bits} bits ({frame.format.name}), which inr does not read")
        deep = bits > 8
        if any(part.is_alpha for part in parts):
            picture = frame.to_ndarray(format="rgba64le" if deep else "rgba")
            self.transparent |= bool(picture[..., 3].min() < (65535 if deep else 255))
            return picture[..., : 1 if parts[0].is_luma and len(parts) == 2 else 3]
        if len(parts) == 1 and parts[0].is_luma and not frame.format.has_palette:
            return frame.to_ndarray(format="gray16le" if deep else "gray")[..., None]
        return frame.to_ndarray(format="rgb48le" if deep else "rgb24")


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
    return np.frombuffer(buffer, frame.dtype).reshape(-1, *shape)
