"""Turning an upload into its canonical form, without this process ever decoding a byte of it."""

import json
import multiprocessing
import signal as posix_signal
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, get_args

import numpy as np

from inr._errors import InrError
from inr._main_module import nothing_of_this_script
from inr._option_values import READING, parse_range
from inr.serving import DiskFull
from inr.serving.store import Store
from inr.serving.work._reading import ARRAY, DESCRIPTION, FIELD, NO_ROOM, PREVIEW, REFUSED, run_reader
from inr.serving.work._sandbox import ReadLimits
from inr.signals import Domain, GridSignal, LosslessSize, ScatteredSignal, ShapeAs, ShapeSource, Signal

_MOST_DESCRIPTION = 32 << 20  # bytes
_LONGEST_SENTENCE = 2_000  # letters
_processes = threading.Lock()  # whoever begins a process looks after all others, and an exit status is told once


@dataclass(frozen=True)
class Canonical:
    """What an upload was read as.

    Attributes:
        kind: "image", "audio", "video", "volume", "scattered" or "shape"; "field" for a file that is one already.
        description: plain JSON: kind, domain, size, shape, channels, lossless_bytes and lossless_format of a signal,
            preview (the digest of a WebP in the store, or None) and remarks (what was read otherwise than somebody may
            expect).
        array_sha256: digest of the samples in the store, or of the field's file.
    """

    kind: str
    description: dict[str, Any]
    array_sha256: str


def read(
    path: Path, name: str, options: Mapping[str, Any], store: Store, *, limits: ReadLimits | None = None
) -> Canonical:
    """Read an uploaded file in a process that is thrown away, and keep what it holds in the store.

    The process may read the file and write one folder, opens no socket, and has so much memory and time.

    Args:
        path: of the upload.
        name: what its owner calls it, for what is said of it.
        options: sampling, value_range ("LOW,HIGH"), nodata, srgb, variable and as_shape, as of `inr.open`.
        store: takes the samples and the picture.
        limits: of the process.

    Returns:
        What was read.

    Raises:
        InrError: an option that makes no sense, or a file that cannot be read; in one line that `inr fit` would print.
        DiskFull: there is no room for the samples.
    """
    limits = limits or ReadLimits()
    wanted = reading_options(options)
    with tempfile.TemporaryDirectory(prefix=".inr-reading-", dir=path.parent) as folder:
        into = Path(folder).resolve()
        process = _start(str(path.resolve()), str(into), name, wanted, limits)
        status = _ended(process, limits.wall_seconds)
        if status is None:
            raise InrError(f"{name} takes more than {limits.wall_seconds:g} seconds to read")
        if status == NO_ROOM:
            raise DiskFull(f"the disk is full, and {name} could not be read; free some space")
        if status != 0:
            raise InrError(_broken(name, status))
        return _kept(into, store, name)


def reading_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of reading, as requests write them, as `inr.open` takes them. Raises InrError for what makes no sense."""
    unknown = [each for each in options if each not in READING]
    if unknown:
        raise InrError(f"reading a signal has no option '{unknown[0]}'; it has {', '.join(READING)}")
    found = {key: value for key, value in options.items() if value is not None and value is not False}
    if "value_range" in found:
        found["value_range"] = parse_range(str(found["value_range"]).replace(":", ","))
    if "nodata" in found:
        try:
            found["nodata"] = float(found["nodata"])
        except (TypeError, ValueError):
            raise InrError(f"nodata is a number, not {found['nodata']!r}") from None
    if found.get("as_shape", "sdf") not in get_args(ShapeAs):
        raise InrError(f"as_shape is one of {', '.join(get_args(ShapeAs))}, not {found['as_shape']!r}")
    return found


def signal_of(array: Path, description: Mapping[str, Any], name: str = "the shape") -> Signal:
    """The signal of a canonical form.

    Args:
        array: the file of its samples in the store.
        description: as `Canonical` has it.
        name: what is said to be at fault with a shape.

    Raises:
        InrError: the two do not belong together.
    """
    domain = Domain.from_json(description["domain"])
    if domain.shape is not None:
        return GridSignal(np.load(array, allow_pickle=False), domain)
    with np.load(array, allow_pickle=False) as arrays:
        if domain.kind == "shape":
            holds, as_shape, rule = (description[key] for key in ("holds", "as_shape", "rule"))
            return ShapeSource(holds, dict(arrays), as_shape, name, rule).signal()
        return ScatteredSignal(arrays["positions"], arrays["values"], domain)


def lossless_of(description: Mapping[str, Any]) -> LosslessSize:
    """What a signal takes without loss, as its reader measured it beside the uploaded file."""
    return LosslessSize(description["lossless_bytes"], description["lossless_format"])


def warm_readers() -> None:
    """Begin the process that readers are forked from; it loads what they need meanwhile."""
    with _processes, nothing_of_this_script():
        _context()
        forkserver.ensure_running()


def _context() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([run_reader.__module__])
    return context


def _start(*arguments: Any) -> BaseProcess:
    """Fork a reader from a process that has loaded what readers need, and nothing of this one."""
    context = _context()
    process = context.Process(target=run_reader, args=arguments, daemon=True)
    with _processes, nothing_of_this_script():
        process.start()
    return process


def _ended(process: BaseProcess, seconds: float) -> int | None:
    """The exit status of a process; None where it had to be killed after so many seconds."""
    in_time = bool(wait([process.sentinel], seconds))
    with _processes:
        if not in_time:
            process.kill()
        process.join()
        return process.exitcode if in_time else None


def _broken(name: str, status: int) -> str:
    if status == -posix_signal.SIGXCPU or status == -posix_signal.SIGKILL:
        return f"{name} takes more processor time or memory to read than a reader has"
    return f"{name} broke what reads it (status {status}): it is damaged, or no such file as it seems"


def _kept(into: Path, store: Store, name: str) -> Canonical:
    """Put what a reader left into the store, once it holds together; a reader that a file took over could lie."""
    try:
        if _left(into / REFUSED):
            raise _Refused(" ".join(_text(into / REFUSED).split())[:_LONGEST_SENTENCE])
        description = json.loads(_text(into / DESCRIPTION))
        kind = description["kind"]
        samples = into / (FIELD if kind == "field" else ARRAY)
        if not _left(samples):
            raise ValueError("no samples")
        if kind != "field":
            _check(samples, description)
        digest, _ = store.put(samples)
        preview = into / PREVIEW
        description["preview"] = store.put(preview)[0] if _left(preview) else None
    except (_Refused, DiskFull):
        raise
    except (KeyError, TypeError, ValueError, AttributeError, EOFError, FileNotFoundError) as error:
        raise InrError(_broken(name, 0)) from error
    return Canonical(kind, description, digest)


class _Refused(InrError):
    """The sentence of a reader that cannot read a file."""


def _left(path: Path) -> bool:
    """Whether a reader left a file of that name; a link to another one is none."""
    return path.is_file() and not path.is_symlink()


def _check(samples: Path, description: Mapping[str, Any]) -> None:
    """Whether the file is an array of the shape that the description says, as far as its header tells."""
    domain = Domain.from_json(description["domain"])
    if domain.shape is not None:
        array = np.load(samples, mmap_mode="r", allow_pickle=False)
        if array.shape != (*domain.shape, domain.channels) or array.dtype.name != domain.dtype:
            raise ValueError(f"samples of shape {array.shape} and type {array.dtype}")
    lossless_of(description)


def _text(path: Path) -> str:
    if not _left(path) or path.stat().st_size > _MOST_DESCRIPTION:
        raise ValueError(f"{path.name} is missing, or too long")
    return path.read_text(encoding="utf-8")
