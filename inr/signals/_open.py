"""Opening a signal from a file: what it is, is told by its content."""

import importlib
import os
import zlib
from pathlib import Path

from inr._errors import InrError
from inr._files import describe
from inr.signals._arrays import GridSamples
from inr.signals._audio import is_sound
from inr.signals._domain import SamplingModel
from inr.signals._formats import SUPPORTED
from inr.signals._libraries import MAX_BYTES
from inr.signals._pictures import picture_module
from inr.signals._signal import GridSignal, ScatteredSignal, Signal
from inr.signals._unreadable import advice
from inr.signals._video import is_video

_INR_MAGIC = b"\x89INR"
_NIFTI = (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")  # the header's length, 348 or 540


def open(path: str | os.PathLike[str], *, sampling: SamplingModel | None = None, max_bytes: int = MAX_BYTES) -> Signal:
    """Read a signal; its kind is found by the content of the file, not by its name.

    Args:
        path: an image, sound, video, volume or .npz of scattered samples, or a folder of numbered frames.
        sampling: what a sample of a grid measures, see `inr.from_array`; what is usual for the kind when None.
        max_bytes: refuse, before decoding, what would be larger than this in memory.

    Returns:
        The signal, in the file's own sample type.

    Raises:
        InrError: no such file, none of the known formats, damaged, too large, or not finite real numbers.
        MissingExtra: the library that reads this format is not installed.

    Warns, by `inr.InrWarning`, of what was read otherwise than somebody may expect: uneven times of frames, say.

    >>> signal = inr.open("photo.png")
    >>> signal.array.shape, signal.array.dtype
    ((24, 32, 3), dtype('uint8'))
    """
    path = Path(path)
    head = _head(path)
    module = "_frames" if head is None else _module(path, head)
    try:
        found = importlib.import_module(f"inr.signals.{module}").read(path, max_bytes)
    except MemoryError:
        raise InrError(f"{path} does not fit in this machine's memory") from None
    if isinstance(found, GridSamples):
        return GridSignal(*found) if sampling is None else GridSignal(*found).measured_as(sampling)
    if sampling not in (None, "point"):
        raise InrError(f"{path} holds scattered samples, which are points, not sampling={sampling}")
    return ScatteredSignal(*found)


def _head(path: Path) -> bytes | None:
    """The first bytes of a file, None for a folder."""
    try:
        if path.is_dir():
            return None
        with path.open("rb") as file:
            head = file.read(4096)
    except FileNotFoundError:
        raise InrError(f"{path} does not exist") from None
    except OSError as error:
        raise InrError(f"cannot read {path}: {describe(error)}") from error
    except ValueError as error:  # a zero byte in the name
        raise InrError(f"{str(path)!r} is not a file name: {error}") from error
    if not head:
        raise InrError(f"{path} is empty (0 bytes)")
    return head


def _module(path: Path, head: bytes) -> str:
    """The module of this package that reads a file which begins with `head`."""
    if head.startswith(_INR_MAGIC):
        raise InrError(f"{path} is already a fitted field; use inr render to turn it back into samples")
    if (module := picture_module(path, head)) is not None:
        return module
    if is_sound(head):
        return "_audio"
    if is_video(head):
        return "_video"
    if head.startswith((b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")):
        return "_numpy_files"
    if _unpacked(head).startswith(_NIFTI):
        return "_nifti"
    if (words := advice(path, head)) is not None:
        raise InrError(f"{path} {words}")
    text = all(byte >= 32 or byte in b"\t\n\r\f" for byte in head)
    raise InrError(f"{path} is {'a text file' if text else 'of no known format'}; inr reads {SUPPORTED}")


def _unpacked(head: bytes) -> bytes:
    """The first bytes of what a gzip file holds; other files' as they are."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 4) if head.startswith(b"\x1f\x8b") else head
    except zlib.error:
        return head
