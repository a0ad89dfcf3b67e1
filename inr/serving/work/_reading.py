"""What a reader does: one uploaded file becomes an array, a description and a small picture, in a folder of its own.

This runs in a process of its own that is thrown away. Its parent trusts nothing of what it leaves behind.
"""

import contextlib
import errno
import importlib
import json
import os
import signal as posix_signal
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from inr import compression as _  # noqa: F401  registers how sections are coded
from inr import container
from inr._errors import InrError, InrWarning
from inr.container import GIB
from inr.serving.work._pictures import save_picture
from inr.serving.work._sandbox import ReadLimits, confine
from inr.signals import ShapeSource, Signal, lossless_size, open, shape_source

ARRAY, FIELD, PREVIEW, DESCRIPTION, REFUSED = "array", "field.inr", "preview.webp", "description.json", "refused"
NO_ROOM = 28  # the exit status of a reader that met a full disk
_FIELD_MAGIC = b"\x89INR"
_POINTS = 1 << 18  # that are drawn around a shape, about

# loaded by the process that readers are forked from, which saves every one of them the time
for _library in ("PIL.Image", "PIL.WebPImagePlugin", "soundfile", "av"):
    with contextlib.suppress(ImportError, OSError):
        importlib.import_module(_library)


def run_reader(file: str, folder: str, name: str, options: Mapping[str, Any], limits: ReadLimits) -> None:
    """Read a file, and leave in the folder what it holds, or the sentence that says why it cannot be read.

    Args:
        file: absolute path of the upload.
        folder: absolute path of an empty folder.
        name: what the user calls the file, for the sentence.
        options: of `inr.open`.
        limits: of this process.
    """
    posix_signal.signal(posix_signal.SIGINT, posix_signal.SIG_IGN)  # who started it decides
    silence = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    path, into = Path(file), Path(folder)
    confine(path, into, limits)
    try:
        description = _describe(path, into, name, options, limits)
    except InrError as error:
        told = str(error).replace(file, name).replace(path.name, name)  # of commands in it, too
        into.joinpath(REFUSED).write_text(told, encoding="utf-8")
    except MemoryError:
        into.joinpath(REFUSED).write_text(f"{name} takes more memory to read than a reader has", encoding="utf-8")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            sys.exit(NO_ROOM)
        raise
    else:
        into.joinpath(DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")


def _describe(path: Path, into: Path, name: str, options: Mapping[str, Any], limits: ReadLimits) -> dict[str, Any]:
    with path.open("rb") as file:
        if file.read(len(_FIELD_MAGIC)) == _FIELD_MAGIC:
            return _describe_field(path, into, options)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        shape = shape_source(path, options.get("as_shape"), name=name, max_bytes=limits.decoded)
        if shape is not None:
            return _describe_shape(shape, path, into, name, options)
        signal = open(path, max_bytes=limits.decoded, **options)
    _save(signal, into / ARRAY)
    domain, lossless = signal.domain, lossless_size(signal, path)
    save_picture(signal.array, domain, into / PREVIEW)
    return {
        "kind": domain.kind,
        "domain": domain.to_json(),
        "lossless_bytes": lossless.bytes,
        "lossless_format": lossless.format,
        "size": signal.size,
        "shape": None if domain.shape is None else list(domain.shape),
        "channels": domain.channels,
        "remarks": [str(each.message) for each in said if issubclass(each.category, InrWarning)],
    }


def _describe_shape(
    shape: ShapeSource, path: Path, into: Path, name: str, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Of a shape, whose canonical form are its arrays: what is inside of it is found out where it is fitted."""
    if further := [each for each in options if each != "as_shape"]:
        raise InrError(f"{path} holds a shape, which has no {further[0].replace('_', ' ')}: leave it out")
    domain = shape.domain
    with (into / ARRAY).open("wb") as file:
        np.savez(file, allow_pickle=False, **shape.arrays)
    suffix = Path(name).suffix.lstrip(".").upper()
    return {
        "kind": domain.kind,
        "domain": domain.to_json(),
        "holds": shape.holds,
        "rule": shape.rule,
        "as_shape": shape.as_shape,
        "lossless_bytes": path.stat().st_size,
        "lossless_format": f"the source ({suffix})" if suffix else "the source",
        "size": _POINTS,
        "shape": None,
        "channels": domain.channels,
        "remarks": [],
    }


def _save(signal: Signal, path: Path) -> None:
    """The canonical form: the samples as a .npy, with positions beside them in an .npz where they are scattered."""
    with path.open("wb") as file:
        if signal.positions is None:
            np.save(file, np.ascontiguousarray(signal.array), allow_pickle=False)
        else:
            np.savez(file, allow_pickle=False, positions=signal.positions, values=signal.array)


def _describe_field(path: Path, into: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Of a file that is a field already; whether its weights make one is seen when it is used."""
    if options:
        raise InrError(f"{path} is a fitted field, which takes no {', '.join(options)}")
    contents = container.read(path, max_bytes=GIB)
    if contents.damaged:
        raise InrError(f"{path} is damaged: sections {', '.join(contents.damaged)}")
    into.joinpath(FIELD).write_bytes(path.read_bytes())
    return {"kind": "field", "domain": contents.header.get("domain"), "size": 0, "shape": None, "channels": None}
