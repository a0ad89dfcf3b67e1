"""Videos as folders of numbered pictures, one a frame, in the natural order of their names.

Pictures whose names have nothing in common, or that differ in size, are a set and no video: they are refused.
"""

import contextlib
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from inr._errors import InrError
from inr._files import check_writable, describe
from inr.signals import _image, _pictures
from inr.signals._arrays import DEFAULT_FPS, GridSamples, build_grid, grid_axes
from inr.signals._domain import ValueMap
from inr.signals._libraries import check_bytes

_OWN_NAME = re.compile(r"\d+\.png")


def read(folder: Path, max_bytes: int) -> GridSamples:
    """The pictures in `folder` as a video (T, H, W, C), 2.png before 10.png, at 25 frames a second."""
    paths = _frame_paths(folder)
    if not paths:
        known = ", ".join(_pictures.SUFFIXES)
        raise InrError(f"{folder} is a directory without frames ({known}); give a file, or a folder of frames")
    _check_numbered(folder, paths)
    first = _pictures.read_pixels(paths[0], max_bytes)
    check_bytes(folder, first.nbytes * len(paths), max_bytes, f"{len(paths)} frames of shape {first.shape}")
    frames = np.empty((len(paths), *first.shape), first.dtype)
    for index, path in enumerate(paths):
        frame = _pictures.read_pixels(path, max_bytes)
        if frame.shape != first.shape or frame.dtype != first.dtype:
            raise _no_video(
                folder, f"they differ: {paths[0].name} is {_described(first)}, {path.name} is {_described(frame)}"
            )
        frames[index] = frame
    meta = {"fps": DEFAULT_FPS}
    return build_grid(frames, "video", grid_axes("video", frames.shape[:3], meta), meta, source=str(folder))


def write(folder: Path, frames: np.ndarray, values: ValueMap, *, force: bool) -> None:
    """Write (T, H, W, C) as 0001.png, 0002.png … in `folder`, which appears only once all are written."""
    digits = max(4, len(str(len(frames))))
    with _replacing_folder(folder, force=force) as temporary:
        for index, frame in enumerate(frames, 1):
            _image.encode(temporary / f"{index:0{digits}}.png", frame, values)


def _frame_paths(folder: Path) -> list[Path]:
    try:
        return sorted((path for path in folder.iterdir() if _is_frame(path)), key=_natural)
    except OSError as error:
        raise InrError(f"cannot read {folder}: {describe(error)}") from error


def _check_numbered(folder: Path, paths: list[Path]) -> None:
    """Refuse names that differ in more than one number, as those of photographs taken at other times do."""
    splits = [re.findall(r"\d+|\D+", path.stem) for path in paths]
    if len({len(parts) for parts in splits}) == 1:
        varying = [parts for parts in zip(*splits, strict=True) if len(set(parts)) > 1]
        if len(varying) <= 1 and all(part.isdecimal() for parts in varying for part in parts):
            return
    names = " and ".join(path.name for path in (paths[0], paths[-1]))
    raise _no_video(folder, f"frames of one are numbered, as frame_0001.png is, and {names} are not")


def _no_video(folder: Path, reason: str) -> InrError:
    each = f"inr fit {shlex.quote(str(folder))} -o {shlex.quote(folder.resolve().name)}.inr"
    return InrError(f"{folder} is taken for a set of pictures, not for a video: {reason}; fit them with: {each}")


def _is_frame(path: Path) -> bool:
    return path.suffix.lower() in _pictures.SUFFIXES and not path.name.startswith(".") and path.is_file()


def _natural(path: Path) -> list[tuple[int, str]]:
    """Digits compare as numbers: frame9 before frame10."""
    parts = re.findall(r"\d+|\D+", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _described(frame: np.ndarray) -> str:
    height, width, channels = frame.shape
    return f"{width} x {height} of {channels} channels, {frame.dtype.name}"


@contextlib.contextmanager
def _replacing_folder(folder: Path, *, force: bool) -> Iterator[Path]:
    """Yield a temporary folder that takes `folder`'s place on success.

    A folder that is there already is replaced only with `force`, and only if it holds nothing but frames
    written by `write`: nobody should lose other files kept beside them.
    """
    if folder.is_dir():
        _check_replaceable(folder, force=force)
    else:
        if folder.exists():
            raise InrError(f"{folder} is a file; frames are written as a folder, so choose another name")
        check_writable(folder, force=False)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
            made = Path(scratch) / "new"
            made.mkdir()
            yield made
            old = Path(scratch) / "old"
            if folder.is_dir():
                folder.rename(old)
            try:
                made.rename(folder)
            except BaseException:
                if old.is_dir():
                    old.rename(folder)
                raise
    except OSError as error:
        raise InrError(f"cannot write {folder}: {describe(error)}") from error


def _check_replaceable(folder: Path, *, force: bool) -> None:
    names = [path.name for path in folder.iterdir()]
    foreign = next((name for name in names if not _OWN_NAME.fullmatch(name)), None)
    if foreign is not None:
        raise InrError(f"folder {folder} holds {foreign}, which would be lost; choose another name")
    if names and not force:
        raise InrError(f"{folder} exists; choose another name, or overwrite it with --force (force=True)")
