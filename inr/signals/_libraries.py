"""Other people's decoders and encoders: loaded when needed, kept quiet, bounded, their errors made one line."""

import contextlib
import importlib
import logging
import os
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inr._errors import InrError, InrWarning, MissingExtra

MAX_BYTES = 4 * 2**30  # of a decoded signal, unless its reader says otherwise


def load(module: str, extra: str, purpose: str) -> Any:
    """An optional library. Raises MissingExtra, naming the extra that brings it, when it is not there."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtra(module, extra, purpose) from None


def optional(module: str) -> Any | None:
    """An optional library, None where it is not there."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


@contextlib.contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Run a decoding library without its warnings; whatever it raises becomes one line about `path`.

    Decoders answer damaged files with almost any exception (struct.error, SyntaxError, EOFError …), hence the
    broad catch.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (InrError, MemoryError):
        raise
    except Exception as error:
        raise InrError(f"{path} is damaged or cut short: not a readable {what} ({_reason(error)})") from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Run an encoding library without its warnings; what it raises, but for the file system's, becomes one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (InrError, OSError):
        raise
    except Exception as error:
        raise InrError(f"cannot write {path}: {_reason(error)}") from error


def note(words: str) -> None:
    """Say what of a file was read otherwise than somebody may expect; not inside of `reading`, which is quiet."""
    warnings.warn(words, InrWarning, stacklevel=4)  # where the caller of `inr.open` stands


def _reason(error: Exception) -> str:
    """The library's own words, on one line and without its numbers."""
    if isinstance(error, (struct.error, EOFError, IndexError)):
        return "it ends too early"
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(words.split())[:200] or type(error).__name__


@contextlib.contextmanager
def quiet_logger(name: str) -> Iterator[None]:
    """Silence one library's logger, which would otherwise print warnings to stderr."""
    logger = logging.getLogger(name)
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Close the door on C libraries that print to stderr on their own (libtiff, on a damaged JPEG inside)."""
    with contextlib.ExitStack() as undo:
        with contextlib.suppress(OSError):  # a process without stderr has nothing to silence
            saved = os.dup(2)
            undo.callback(os.close, saved)
            undo.callback(os.dup2, saved, 2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            undo.callback(os.close, nowhere)
            os.dup2(nowhere, 2)
        yield


def check_bytes(source: Path | str, needed: int, max_bytes: int, what: str) -> None:
    """Refuse, before anything is allocated, what would take more than `max_bytes` once decoded."""
    if needed > max_bytes:
        raise InrError(
            f"{source} claims {what}: {_in_words(needed)} decoded, over the limit of {_in_words(max_bytes)}; "
            "raise max_bytes if that is meant"
        )


def _in_words(count: int) -> str:
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
