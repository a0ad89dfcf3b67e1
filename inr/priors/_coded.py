"""Files of signals that are told from a base: its SHA-256, and a few bytes for each signal."""

import math
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float64

from inr import container
from inr._errors import DamagedFile, InrError
from inr.compression.bitstream.coefficients import decode
from inr.compression.encoder.coefficients import encode
from inr.container import GIB, Contents, Section
from inr.priors._base import Base, as_base
from inr.priors._collection import signal_files
from inr.priors._kind import CODED
from inr.priors._lookup import found_base
from inr.priors._telling import TooFar, telling_of
from inr.signals import Signal, as_signal, from_array

_CODING = "bytes"
_MOST = 1 << 20  # signals in a file
USUAL_PSNR = 35.0
_LEVELS, _PRECISION = (0.0, 120.0), 0.1  # dB between which a size is searched, and how exactly
bytes_ = bytes  # where an argument has the name


def compress_signals(
    signals: Sequence[Any],
    base: Any,
    *,
    psnr: float | None = None,
    bytes: int | None = None,
    names: Sequence[str] = (),
) -> bytes:
    """Tell signals from a base, in few bytes.

    What tells a signal are coefficients: of the base's principal deviations, or the code of a modulated field. They are
    rounded as coarsely as each signal allows by itself, and coded under their learned spread. Where that takes fewer
    bytes, those of a signal are told from the one before: of maps in the order of time, say. The file names the base by
    its SHA-256, without which it means nothing.

    Args:
        signals: of the base's sort and size, each as of `inr.fit`.
        base: of method gaussian or modulated, or its file's path. Its value range is that of the PSNR.
        psnr: dB that every signal has at least; 35 where no bytes are given either.
        bytes: most bytes of the file: all signals have the same PSNR at least, as high as these allow.
        names: of the signals, kept in the file; none are if not given.

    Returns:
        The bytes of an .inr file.

    Raises:
        InrError: another base or signal, a quality that the base does not reach, or fewer bytes than any file has.

    >>> maps = [np.outer(np.arange(6.0), np.full(5, level)) for level in (1, 2, 3, 4, 5)]
    >>> maps = [inr.from_array(each, value_range=(0, 25)) for each in maps]
    >>> base = inr.learn(maps, method="gaussian", steps=1, held_out=0, network="mlp:depth=1,width=4")
    >>> data = inr.priors.compress_signals(maps[1:3], base, psnr=40)
    >>> inr.priors.decompress_signals(data, base)[0].shape
    (2, 6, 5, 1)
    """
    given = as_base(base)
    if psnr is not None and bytes is not None:
        raise InrError("give one of psnr and bytes")
    if psnr is not None and not math.isfinite(psnr):
        raise InrError(f"psnr is a number of dB, got {psnr:g}")
    if bytes is not None and bytes < 1:
        raise InrError(f"a file has at least 1 byte, got {bytes}")
    telling = telling_of(given)
    rows = _rows(given, signals, names)
    coefficients = telling.coefficients(rows)

    def file_of(level: float) -> bytes_:
        meets = telling.meets(rows, coefficients, 4 * rows.shape[1] * 10 ** (-level / 10))
        return _packed(given, encode(coefficients, meets, telling.spread), len(rows), names)

    return file_of(USUAL_PSNR if psnr is None else psnr) if bytes is None else _best_within(bytes, file_of)


def _rows(base: Base, signals: Sequence[Any], names: Sequence[str]) -> Float64[np.ndarray, "count values"]:
    """Normalised values of signals, a row each."""
    found = [as_signal(each) for each in signals]
    if not 0 < len(found) <= _MOST:
        raise InrError(f"a file holds from 1 to {_MOST:,} signals, got {len(found):,}")
    for place, signal in enumerate(found):
        called = names[place] if names else f"signal {place}"
        try:
            base.check(signal.domain)
        except InrError as error:
            raise InrError(f"{called}: {error}") from error
        if signal.domain.shape != base.domain.shape:
            raise InrError(
                f"the base is of signals of {_size(base.domain.shape)} samples, and {called} has "
                f"{_size(signal.domain.shape)}: codes are for the base's own size"
            )
        if not np.isfinite(signal.array).all():
            raise InrError(f"{called} lacks samples; inr complete finds them first")
    values = base.domain.values
    return np.array([values.normalise(signal.array.astype(np.float64)).ravel() for signal in found])


def _packed(base: Base, payload: bytes_, count: int, names: Sequence[str]) -> bytes_:
    """The file."""
    file = "base.inr" if base.file is None else base.file.name
    told: dict[str, Any] = {"base": base.name, "file": file, "count": count}
    if names:
        told["names"] = list(names)
    section = Section(CODED, {"payload": np.frombuffer(payload, dtype=np.uint8)}, _CODING)
    return container.dumps({CODED: told}, [section])


def _best_within(most: int, file_of: Callable[[float], bytes_]) -> bytes_:
    """The best file of at most so many bytes, by halving the PSNR."""
    best: bytes_ | None = None
    low, high = _LEVELS
    while high - low > _PRECISION:
        level = (low + high) / 2
        try:
            data = file_of(level)
        except TooFar:  # nothing is better than the base itself
            high = level
            continue
        if len(data) <= most:
            best, low = data, level
        else:
            high = level
    if best is None:
        raise InrError(f"{most:,} bytes are too few for these signals: at {low:.1f} dB they take {len(file_of(low)):,}")
    return best


def decompress_signals(
    data: bytes | Contents, base: Any = None, *, path: str | os.PathLike[str] | None = None, max_bytes: int = GIB
) -> tuple[Float[np.ndarray, "count *shape c"], Base, list[str]]:
    """The signals in a file that was told from a base.

    Args:
        data: what `compress_signals` gave, or what was read of its file.
        base: the base, or its file's path. None: the file of its name or of its SHA-256 beside `path`, or in the folder
            that the environment variable INR_BASES names.
        path: of the file.
        max_bytes: most bytes that the samples may take.

    Returns:
        Samples in the signals' units, float32; the base; and the signals' names, where there are some.

    Raises:
        DamagedFile: bytes that do not hold together.
        UnknownWeights: the base is not there, or another one.
        InrError: more samples than `max_bytes` hold.
    """
    contents = data if isinstance(data, Contents) else container.loads(data)
    told = told_of_signals(contents)
    given = found_base(told["base"], told["file"], base, path)
    if "payload" not in (tensors := contents.sections[CODED].tensors if CODED in contents.sections else {}):
        raise DamagedFile(f"its section '{CODED}' is damaged or missing", CODED)
    domain = given.domain
    shape = (told["count"], *(domain.shape or ()), domain.channels)
    if (needed := 8 * math.prod(shape)) > max_bytes:
        raise InrError(f"{needed} bytes of samples are more than the limit of {max_bytes} (--max-memory)")
    telling = telling_of(given)
    payload = memoryview(np.asarray(tensors["payload"]).tobytes())
    try:
        coefficients = decode(payload, told["count"], telling.spread)
    except InrError as error:
        raise DamagedFile(f"section '{CODED}' cannot be decoded: {error}", CODED) from error
    rows = telling.restored(coefficients)
    return domain.values.restore(rows.reshape(shape)).astype(np.float32), given, list(told.get("names", []))


def told_of_signals(contents: Contents) -> dict[str, Any]:
    """What a file says of its signals: "base" (SHA-256), "file", "count", and "names" where they are kept.

    Raises:
        DamagedFile: it says no such thing.
    """
    told = contents.header.get(CODED)
    if (
        not isinstance(told, Mapping)
        or not isinstance(told.get("base"), str)
        or not isinstance(told.get("file"), str)
        or not isinstance(told.get("count"), int)
        or not 0 < told["count"] <= _MOST
        or not _are_names(told.get("names", []), told["count"])
    ):
        raise DamagedFile("its header tells of no signals from a base", "header")
    return dict(told)


def _are_names(names: Any, count: int) -> bool:
    """Whether there are none, or one for each signal."""
    return isinstance(names, list) and all(isinstance(each, str) for each in names) and len(names) in (0, count)


def _size(shape: Sequence[int] | None) -> str:
    return "x".join(str(each) for each in reversed(shape or ()))


class Read(NamedTuple):
    """Signals that were read, their names, and why files were left out, a line each."""

    signals: list[Signal]
    names: list[str]
    unreadable: list[str]


def read_signals(path: str | os.PathLike[str], base: Base) -> Read:
    """The signals in a file or a folder, to be told from a base.

    Args:
        path: a signal; a folder of signals; or an .npz file whose arrays are one each, or whose only array has one more
            axis, along which they lie.
        base: of their sort.

    Returns:
        The signals; files of a folder that cannot be read are left out, and named.

    Raises:
        InrError: no signals, or one that cannot be read.
    """
    where, domain = Path(path), base.domain
    if where.is_dir():
        return _read_folder(where)
    if where.suffix.lower() != ".npz":
        return Read([as_signal(where)], [where.name], [])
    try:
        with np.load(where, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InrError(f"{where} is no .npz file of arrays: {error}") from error
    axes = len(domain.shape or ())
    if len(arrays) == 1 and next(iter(arrays.values())).ndim == axes + 1 + (domain.channels > 1):
        arrays = {f"{place:04}": each for place, each in enumerate(next(iter(arrays.values())))}
    if not arrays:
        raise InrError(f"{where} holds no signals")
    return Read([from_array(each, kind=domain.kind) for each in arrays.values()], list(arrays), [])


def _read_folder(folder: Path) -> Read:
    found = Read([], [], [])
    for file in signal_files(folder):
        try:
            found.signals.append(as_signal(file))
        except InrError as error:
            found.unreadable.append(str(error))
        else:
            found.names.append(file.name)
    if not found.signals:
        raise InrError(f"{folder} holds no signals{f'; {found.unreadable[0]}' if found.unreadable else ''}")
    return found
