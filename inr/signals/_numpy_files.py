"""Arrays in .npy and .npz files: volumes, and scattered samples as `coords` and `values`."""

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from inr._errors import InrError
from inr.signals._arrays import GridSamples, ScatteredSamples, check_real, grid_samples, scattered_samples
from inr.signals._libraries import check_bytes, reading


def read(path: Path, max_bytes: int) -> GridSamples | ScatteredSamples:
    """The volume or scattered samples at `path`, .npy or .npz by content."""
    with path.open("rb") as file:
        archive = file.read(2) == b"PK"
    return _read_npz(path, max_bytes) if archive else _read_npy(path, max_bytes)


def _read_npy(path: Path, max_bytes: int) -> GridSamples:
    """A volume, all of whose axes are spatial."""
    with path.open("rb") as file, reading(path, ".npy file"):
        needed = _check_header(file, str(path), max_bytes)
        held = path.stat().st_size - file.tell()
        if held < needed:
            raise InrError(f"{path} is damaged or cut short: {held} of {needed} bytes of data")
        file.seek(0)
        array = npy.read_array(file, allow_pickle=False)
    return grid_samples(array, kind="volume", channels_last=False, source=str(path))


def _read_npz(path: Path, max_bytes: int) -> GridSamples | ScatteredSamples:
    """Scattered samples where the archive holds `coords` and `values`; a volume where it holds one array."""
    with path.open("rb") as file, reading(path, ".npz file"), zipfile.ZipFile(file) as archive:
        names = sorted(name.removesuffix(".npy") for name in archive.namelist())
        scattered = {"coords", "values"} <= set(names)
        if not scattered and len(names) != 1:
            raise InrError(
                f"{path} holds {', '.join(names) or 'nothing'}; "
                "inr reads an .npz with one array, or with coords and values for scattered samples"
            )
        wanted = ("coords", "values") if scattered else names
        arrays = [_read_member(archive, name, f"{name} in {path}", max_bytes) for name in wanted]
    if scattered:
        return scattered_samples(arrays[0], arrays[1], str(path))
    return grid_samples(arrays[0], kind="volume", channels_last=False, source=str(path))


def read_points(path: Path, max_bytes: int) -> tuple[np.ndarray, np.ndarray | None] | None:
    """`points`, and `normals` where there are some, of an archive; None of one without points."""
    with path.open("rb") as file, reading(path, ".npz file"):
        if not zipfile.is_zipfile(file):
            return None
        with zipfile.ZipFile(file) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
            if "points" not in names or not names <= {"points", "normals"}:
                return None
            found = [
                _read_member(archive, name, f"{name} in {path}", max_bytes) for name in sorted(names, reverse=True)
            ]
    return found[0], found[1] if len(found) > 1 else None


def _read_member(archive: zipfile.ZipFile, name: str, source: str, max_bytes: int) -> np.ndarray:
    member = f"{name}.npy" if f"{name}.npy" in archive.namelist() else name
    with archive.open(member) as file:
        _check_header(file, source, max_bytes)
    with archive.open(member) as file:
        return npy.read_array(file, allow_pickle=False)


def _check_header(file: Any, source: str, max_bytes: int) -> int:
    """Check type and size that the header states; returns the bytes of data it announces."""
    version = npy.read_magic(file)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(file)
    check_real(dtype, source)
    needed = math.prod(shape) * dtype.itemsize
    check_bytes(source, needed, max_bytes, f"an array of shape {shape}")
    return needed


def write_npy(path: Path, array: np.ndarray) -> None:
    """Write one array."""
    with path.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write arrays by name, compressed."""
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
