"""How many bytes a signal takes in the lossless format of its kind: what a field's size is measured by."""

import gzip
import io
import os
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from inr._errors import MissingExtra
from inr.signals import _png
from inr.signals._audio import is_sound
from inr.signals._codecs import find_codec
from inr.signals._image import image_format
from inr.signals._libraries import load
from inr.signals._picture import metadata_bytes
from inr.signals._signal import Signal
from inr.signals._video import is_video

# What a PNG has besides its pixels' stream: signature, IHDR, the frame of one IDAT, and IEND.
_PNG_FRAME = 8 + 25 + 12 + 12
_PALETTE_COLOURS = 256
# The effort of deflate: 9 takes three times as long as 6 on photographs, for half a per cent.
_EFFORT, _EFFORT_OF_SMALL, _SMALL = 6, 9, 1 << 18
_NIFTI_HEADER = 352
# Most channels that FLAC holds.
_FLAC_CHANNELS = 8
_LOSSY_PICTURES = ("AVIF", "JPEG XL", "JPEG 2000", "JPEG XR")  # or may be so
_PLAIN_WAVS = (1, 3, 0xFFFE)  # the encodings of WAV that code samples as they are: integers, floats, and either


class LosslessSize(NamedTuple):
    """A signal's size without loss.

    Attributes:
        bytes: of the whole file.
        format: in which, as "PNG".
    """

    bytes: int
    format: str


class SourceSize(NamedTuple):
    """The size of the file that a signal was read from.

    Attributes:
        bytes: of the file, or of all files in a folder of frames.
        lossy: whether its format leaves out what is not seen or heard, as JPEG does.
    """

    bytes: int
    lossy: bool


def lossless_size(signal: Signal, source: str | os.PathLike[str] | LosslessSize | None = None) -> LosslessSize:
    """The bytes of a signal in the usual lossless format of its kind.

    Pictures of 8 or 16 bits are taken as PNG, with the better of several ways to filter and with a palette where that
    holds all colours; sounds of up to 24 bits as FLAC, videos of 8 bits as FFV1, volumes with an affine as gzipped
    NIfTI, all else as a compressed .npz. Where the library for sound or video is not installed, those are .npz, too. A
    picture's profile, EXIF and the like count as they are kept.

    Args:
        signal: what is measured.
        source: the file that it was read from; where that is smaller and lossless, it is what counts. Or what this
            function found before, which it then gives back: videos take seconds to measure.

    Returns:
        The least of the bytes, and the format that takes them.

    >>> inr.signals.lossless_size(inr.from_array(np.zeros((8, 8), np.uint8))).format
    'PNG'
    """
    if isinstance(source, LosslessSize):
        return source
    if source is not None and signal.domain.kind == "shape":  # what a file of a mesh holds is not its samples
        return LosslessSize(source_size(source).bytes, f"the source ({Path(source).suffix.lstrip('.').upper()})")
    found = _own_size(signal)
    if source is not None:
        file = source_size(source)
        if not file.lossy and file.bytes < found.bytes:
            return LosslessSize(file.bytes, f"the source ({Path(source).suffix.lstrip('.').upper() or 'frames'})")
    return found


def lossless_bytes(signal: Signal, source: str | os.PathLike[str] | LosslessSize | None = None) -> int:
    """The bytes alone of what `lossless_size` finds, for the same arguments.

    >>> inr.signals.lossless_bytes(inr.from_array(np.zeros((8, 8), np.uint8))) < 100
    True
    """
    return lossless_size(signal, source).bytes


def source_size(path: str | os.PathLike[str]) -> SourceSize:
    """The size of a signal's file, and whether its format is lossy.

    Args:
        path: a file that `inr.open` reads, or a folder of frames.

    >>> inr.signals.source_size("photo.png").lossy
    False
    """
    path = Path(path)
    if path.is_dir():
        files = [file for file in path.rglob("*") if file.is_file()]
        return SourceSize(sum(file.stat().st_size for file in files), any(_is_lossy(file) for file in files))
    return SourceSize(path.stat().st_size, _is_lossy(path))


def _is_lossy(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4096)
    if (codec := find_codec(head)) is not None:
        return codec.name in _LOSSY_PICTURES
    match image_format(head):
        case "JPEG":
            return True
        case "WebP":  # VP8L is its lossless form; VP8X may hold either
            return head[12:16] != b"VP8L"
    if is_sound(head):
        coded = head[12:16] == b"fmt " and int.from_bytes(head[20:22], "little") not in _PLAIN_WAVS
        return coded or head.startswith((b"ID3", b"OggS", b"\xff"))
    return is_video(head) and not head.startswith(b"YUV4")


# What was measured of signals that are still in use: a fit asks several times, and a video takes seconds.
_measured: WeakKeyDictionary[Signal, LosslessSize] = WeakKeyDictionary()


def _own_size(signal: Signal) -> LosslessSize:
    """The size in the lossless format of the signal's kind, measured once."""
    if signal not in _measured:
        size, form = _measure(signal)
        beside = metadata_bytes(signal.domain) + len(signal.domain.missing)
        _measured[signal] = LosslessSize(size + beside, form)
    return _measured[signal]


def _measure(signal: Signal) -> LosslessSize:
    domain, array = signal.domain, signal.array
    if domain.kind == "image" and array.dtype in (np.uint8, np.uint16) and domain.channels <= 4:
        return LosslessSize(_png_bytes(array), "PNG")
    try:
        sound = domain.kind == "audio" and domain.channels <= _FLAC_CHANNELS
        if sound and (integers := _as_integers(array)) is not None:
            return LosslessSize(_flac_bytes(integers, domain.meta), "FLAC")
        if domain.kind == "video" and array.dtype == np.uint8 and domain.channels in (1, 3):
            return LosslessSize(_ffv1_bytes(array), "FFV1")
    except MissingExtra:
        pass
    if domain.kind == "volume" and "affine" in domain.meta:
        return LosslessSize(len(gzip.compress(bytes(_NIFTI_HEADER) + array.tobytes(), _EFFORT, mtime=0)), ".nii.gz")
    arrays = {"values": array} if signal.positions is None else {"coords": signal.positions, "values": array}
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    return LosslessSize(len(packed.getvalue()), ".npz")


def _png_bytes(image: np.ndarray) -> int:
    """Of uint8 or uint16 (H, W, C), as the best of some PNGs: with a palette, unfiltered, and filtered."""
    if image.shape[2] >= 3 and (image[..., :1] == image[..., 1:3]).all():
        image = np.concatenate([image[..., :1], image[..., 3:]], axis=-1)
    ways = [zlib.compressobj(_EFFORT if image.nbytes > _SMALL else _EFFORT_OF_SMALL) for _ in _WAYS]
    sizes = [0] * len(ways)
    for start in range(0, len(image), _BAND):
        rows = _png.filtered_rows(image, start, min(start + _BAND, len(image)))
        for place, (packer, choose) in enumerate(zip(ways, _WAYS, strict=True)):
            sizes[place] += len(packer.compress(choose(rows).tobytes()))
    sizes = [size + len(packer.flush()) for size, packer in zip(sizes, ways, strict=True)]
    palette = _palette_bytes(image)
    return _PNG_FRAME + min(sizes if palette is None else [*sizes, palette])


def _least(rows: np.ndarray) -> np.ndarray:
    """Of every row the filter of the least sum of magnitudes, as the standard recommends."""
    sums = np.abs(rows[:, :, 1:].view(np.int8).astype(np.int16)).sum(axis=2, dtype=np.int64)
    return rows[sums.argmin(axis=0), np.arange(rows.shape[1])]


# Rows that are filtered at once, and the ways to choose from the filters' (filters, rows, bytes).
_BAND = 256
_WAYS = (lambda rows: rows[0], lambda rows: rows[4], _least)


def _palette_bytes(image: np.ndarray) -> int | None:
    """Of a picture's pixels and its palette chunks; None where there are more colours than one holds."""
    if image.dtype != np.uint8:
        return None
    pixels = image.reshape(-1, image.shape[2]).astype(np.uint32) @ (256 ** np.arange(image.shape[2], dtype=np.uint32))
    colours, places = np.unique(pixels, return_inverse=True)
    if len(colours) > _PALETTE_COLOURS:
        return None
    bits = next(bits for bits in (1, 2, 4, 8) if len(colours) <= 1 << bits)
    rows = places.reshape(image.shape[:2]).astype(np.uint8)
    unpacked = np.unpackbits(rows[..., None], axis=-1)[..., 8 - bits :].reshape(len(rows), -1)
    packed = np.packbits(unpacked, axis=1)
    lines = np.concatenate([np.zeros((len(rows), 1), np.uint8), packed], axis=1)
    has_alpha = image.shape[2] in (2, 4)
    chunks = 12 + 3 * len(colours) + (12 + len(colours) if has_alpha else 0)
    return _deflated(lines.tobytes()) + chunks


def _deflated(data: bytes) -> int:
    return len(zlib.compress(data, _EFFORT if len(data) > _SMALL else _EFFORT_OF_SMALL))


def _as_integers(samples: np.ndarray) -> np.ndarray | None:
    """Samples as FLAC holds them: int16, or int32 with 24 bits in its upper ones; None where they are neither.

    Floats count as the integers that they were made of, where they are such.
    """
    if samples.dtype == np.int16 or (samples.dtype == np.int32 and not (samples & 0xFF).any()):
        return samples
    if samples.dtype == np.float32 and np.abs(samples).max() <= 1:
        for bits, dtype in ((16, np.int16), (24, np.int32)):
            scaled = samples.astype(np.float64) * 2 ** (bits - 1)
            if (scaled == np.rint(scaled)).all():
                return (scaled.clip(max=2 ** (bits - 1) - 1).astype(np.int32) << (0 if bits == 16 else 8)).astype(dtype)
    return None


def _flac_bytes(samples: np.ndarray, meta: Any) -> int:
    """Of int16, or of int32 with 24 bits, (N, C)."""
    soundfile = load("soundfile", "audio", "writing sound")
    subtype = "PCM_16" if samples.dtype == np.int16 else "PCM_24"
    packed = io.BytesIO()
    soundfile.write(packed, samples, int(meta.get("sample_rate", 44_100)), subtype=subtype, format="FLAC")
    return len(packed.getvalue())


def _ffv1_bytes(frames: np.ndarray) -> int:
    av = load("av", "video", "writing video")
    grey = frames.shape[3] == 1
    packed = io.BytesIO()
    with av.open(packed, "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=Fraction(25), options={"level": "3", "coder": "1", "context": "1"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "gray" if grey else "bgr0"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(frame[..., 0] if grey else frame), format="gray" if grey else "rgb24"
            )
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return len(packed.getvalue())
