"""Files of signals that are told from a base: its SHA-256, and a few bytes for each signal."""

import math
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float64

from inr import container
from inr._errors import DamagedFile, InrError
from inr.container import Contents, Section
from inr.priors._base import Base, as_base
from inr.priors._collection import signal_files
from inr.priors._gaussian import DEVIATIONS, MEAN, SPREAD, Gaussian, directions
from inr.priors._kind import CODED
from inr.priors._lookup import found_base
from inr.priors._spread import Spread, decode, encode
from inr.signals import Signal, as_signal, from_array

_CODING = "bytes"
_MOST = 1 << 20  # signals in a file


def compress_signals(signals: Sequence[Any], base: Any, *, psnr: float = 35.0, names: Sequence[str] = ()) -> bytes:
    """Tell signals from a base, in few bytes.

    The coefficients of the base's principal deviations are rounded, as coarsely as each signal allows by itself, and
    coded under their learned spread. Where that takes fewer bytes, those of a signal are told from the one before: of
    maps in the order of time, say. The bytes begin with the base's SHA-256, without which they mean nothing.

    Args:
        signals: of the base's sort and size, each as of `inr.fit`.
        base: of method gaussian, or its file's path. Its value range is that of the PSNR.
        psnr: dB that every signal has at least.
        names: of the signals, kept in the file; none are if not given.

    Returns:
        The bytes of an .inr file.

    Raises:
        InrError: another base or signal, or a quality that the base's deviations do not reach.

    >>> maps = [np.outer(np.arange(6.0), np.full(5, level)) for level in (1, 2, 3, 4, 5)]
    >>> maps = [inr.from_array(each, value_range=(0, 25)) for each in maps]
    >>> base = inr.learn(maps, method="gaussian", steps=1, held_out=0, network="mlp:depth=1,width=4")
    >>> data = inr.priors.compress_signals(maps[1:3], base, psnr=40)
    >>> inr.priors.decompress_signals(data, base)[0].shape
    (2, 6, 5, 1)
    """
    given = as_base(base)
    if not math.isfinite(psnr):
        raise InrError(f"psnr is a number of dB, got {psnr:g}")
    basis, spread = _basis(given), _spread(given)
    found = [as_signal(each) for each in signals]
    if not 0 < len(found) <= _MOST:
        raise InrError(f"a file holds from 1 to {_MOST:,} signals, got {len(found):,}")
    for signal in found:
        given.check(signal.domain)
        if signal.domain.shape != given.domain.shape:
            raise InrError(
                f"the base is of signals of {_size(given.domain.shape)} samples, and this one has "
                f"{_size(signal.domain.shape)}: codes are for the base's own size"
            )
        if not np.isfinite(signal.array).all():
            raise InrError("a signal lacks samples; inr complete finds them first")
    mean = given.own[MEAN].double().numpy().ravel()
    values = given.domain.values
    rows = np.array([values.normalise(signal.array.astype(np.float64)).ravel() for signal in found]) - mean
    coefficients = rows @ basis.T
    rest = np.maximum(np.square(rows).sum(1) - np.square(coefficients).sum(1), 0)
    payload = encode(coefficients, rest, 4 * rows.shape[1] * 10 ** (-psnr / 10), spread)
    file = "base.inr" if given.file is None else given.file.name
    told: dict[str, Any] = {"base": given.name, "file": file, "count": len(found)}
    if names:
        told["names"] = list(names)
    section = Section(CODED, {"payload": np.frombuffer(payload, dtype=np.uint8)}, _CODING)
    return container.dumps({CODED: told}, [section])


def decompress_signals(
    data: bytes | Contents, base: Any = None, *, path: str | os.PathLike[str] | None = None
) -> tuple[Float[np.ndarray, "count *shape c"], Base, list[str]]:
    """The signals in a file that was told from a base.

    Args:
        data: what `compress_signals` gave, or what was read of its file.
        base: the base, or its file's path. None: the file of its name or of its SHA-256 beside `path`, or in the folder
            that the environment variable INR_BASES names.
        path: of the file.

    Returns:
        Samples in the signals' units, float32; the base; and the signals' names, where there are some.

    Raises:
        DamagedFile: bytes that do not hold together.
        UnknownWeights: the base is not there, or another one.
    """
    contents = data if isinstance(data, Contents) else container.loads(data)
    told = told_of_signals(contents)
    given = found_base(told["base"], told["file"], base, path)
    if "payload" not in (tensors := contents.sections[CODED].tensors if CODED in contents.sections else {}):
        raise DamagedFile(f"its section '{CODED}' is damaged or missing", CODED)
    basis, spread = _basis(given), _spread(given)
    payload = memoryview(np.asarray(tensors["payload"]).tobytes())
    try:
        coefficients = decode(payload, told["count"], spread)
    except InrError as error:
        raise DamagedFile(f"section '{CODED}' cannot be decoded: {error}", CODED) from error
    rows = coefficients @ basis + given.own[MEAN].double().numpy().ravel()
    domain = given.domain
    shape = (told["count"], *(domain.shape or ()), domain.channels)
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
    ):
        raise DamagedFile("its header tells of no signals from a base", "header")
    return dict(told)


def _basis(base: Base) -> Float64[np.ndarray, "k samples"]:
    """Orthonormal deviations."""
    if not isinstance(base.method, Gaussian):
        name = base.method.config()["name"]
        raise InrError(
            f"signals are told from a base of method gaussian, and this one is of {name}: inr learn --method gaussian"
        )
    return directions(base.own[DEVIATIONS].double().numpy())


def _spread(base: Base) -> Spread:
    return Spread(*(row.astype(np.int64) for row in base.own[SPREAD].numpy()))


def _size(shape: Sequence[int] | None) -> str:
    return "x".join(str(each) for each in reversed(shape or ()))


def read_signals(path: str | os.PathLike[str], base: Base) -> tuple[list[Signal], list[str]]:
    """The signals in a file or a folder, to be told from a base.

    Args:
        path: a signal; a folder of signals; or an .npz file whose arrays are one each, or whose only array has one more
            axis, along which they lie.
        base: of their sort.

    Returns:
        The signals, and their names.

    Raises:
        InrError: no signals, or unreadable ones.
    """
    where, domain = Path(path), base.domain
    if where.is_dir():
        files = signal_files(where)
        if not files:
            raise InrError(f"{where} holds no signals")
        return [as_signal(each) for each in files], [each.name for each in files]
    if where.suffix.lower() != ".npz":
        return [as_signal(where)], [where.name]
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
    return [from_array(each, kind=domain.kind) for each in arrays.values()], list(arrays)
