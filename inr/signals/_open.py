"""Opening a signal from a file: what it is, is told by its content."""

import builtins
import os
from collections.abc import Callable
from pathlib import Path

from inr._errors import InrError
from inr._files import describe
from inr.signals._reading import MAX_BYTES
from inr.signals._signal import Signal

_INR_MAGIC = b"\x89INR"
_SUPPORTED = (
    "images (PNG, JPEG, WebP, TIFF), audio (WAV, FLAC), video (MP4, MOV, MKV, WebM, AVI, GIF, a folder of frames), "
    "volumes (.npy, .npz, NIfTI), scattered samples (.npz with coords and values)"
)


def open(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Signal:
    """Read a signal; its kind is found by the content of the file, not by its name.

    Args:
        path: an image, sound, video, volume or .npz of scattered samples, or a folder of frames.
        max_bytes: refuse, before decoding, what would be larger than this in memory.

    Raises:
        InrError: no such file, none of the known formats, damaged, too large, or not finite real numbers.
        MissingExtra: the library that reads this format is not installed.
    """
    path = Path(path)
    if path.is_dir():
        from inr.signals import _frames

        return _frames.read_folder(path, max_bytes)
    head = _head(path)
    if not head:
        raise InrError(f"{path} is empty (0 bytes)")
    if head.startswith(_INR_MAGIC):
        raise InrError(f"{path} is already a fitted field; use inr render to turn it back into samples")
    return _reader(path, head)(max_bytes)


def _head(path: Path) -> bytes:
    try:
        with builtins.open(path, "rb") as file:
            return file.read(4096)
    except FileNotFoundError:
        raise InrError(f"{path} does not exist") from None
    except OSError as error:
        raise InrError(f"cannot read {path}: {describe(error)}") from error


def _reader(path: Path, head: bytes) -> Callable[[int], Signal]:
    """What reads the file, given a bound on memory."""
    image = image_format(head)
    if image:
        from inr.signals import _image

        return lambda max_bytes: _image.read(path, image, max_bytes)
    if head[:6] == b"\x93NUMPY":
        from inr.signals import _numpy_files

        return lambda max_bytes: _numpy_files.read_npy(path, max_bytes)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        from inr.signals import _numpy_files

        return lambda max_bytes: _numpy_files.read_npz(path, max_bytes)
    raise InrError(f"{path} is {_guess(head)}; inr reads {_SUPPORTED}")


def image_format(head: bytes) -> str | None:
    """The image format that a file beginning with `head` is in, None for no image."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return "TIFF" if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") else None


def _guess(head: bytes) -> str:
    text = all(byte >= 32 or byte in b"\t\n\r\f" for byte in head)
    return "a text file" if text else "of no known format"
