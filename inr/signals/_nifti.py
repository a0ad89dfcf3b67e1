"""Volumes in NIfTI-1 and NIfTI-2 files, .nii and .nii.gz.

A file's axes are x, y, z (and t) with x fastest, which is what an array (t, z, y, x) in C order is: nothing
is copied or turned. Axes span voxels times zoom, in the header's unit; the affine (voxel index to the
scanner's millimetres) is kept beside them in the domain's `meta`.
"""

import gzip
import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.signals._arrays import GridSamples, build_grid, check_real, real_array
from inr.signals._domain import Axis, Domain
from inr.signals._libraries import check_bytes, load, quiet_logger, reading

_TIME_UNITS = {"sec": "s", "msec": "ms", "usec": "us", "unknown": "s"}


def read(path: Path, max_bytes: int) -> GridSamples:
    """The volume at `path`: (x, y, z) or (x, y, z, t) become axes x, y, z(, t); trailing axes of one drop out."""
    with _open(path) as file, reading(path, "NIfTI file"), quiet_logger("nibabel.global"):
        header = _header(file)
        shape, dtype = header.get_data_shape(), header.get_data_dtype()
        if header["magic"].item() in (b"ni1", b"ni2"):
            raise InrError(f"{path} is the header of a NIfTI pair; convert the pair to one .nii file")
        check_real(dtype, str(path))
        check_bytes(path, math.prod(shape) * dtype.itemsize, max_bytes, f"a volume of {_times(shape)}")
        samples = _scaled(header.raw_data_from_fileobj(file), header.get_slope_inter())
        file.read(1)  # a gzip file checks itself at its end
        affine = header.get_best_affine()
        axes = _axes(header, path)
    samples = real_array(samples.T.reshape(*samples.T.shape[samples.ndim - len(axes) :], 1), str(path))
    return build_grid(samples, "volume", axes, {"affine": affine.tolist()}, source=str(path))


def write(path: Path, samples: np.ndarray, domain: Domain) -> None:
    """Write (t, z, y, x, 1) as NIfTI-1, on any number of voxels that span the domain."""
    nibabel = load("nibabel", "volume", "writing NIfTI volumes")
    if domain.channels != 1:
        raise InrError(f"NIfTI holds one channel, not {domain.channels}; write .npy or .npz")
    domain = domain.resampled(samples.shape[:-1])
    voxels = samples[..., 0].T
    voxels = voxels.astype(np.float32) if voxels.dtype == np.float16 else voxels
    zooms = [abs(axis.high - axis.low) / n for axis, n in zip(domain.axes, voxels.shape, strict=True)]
    spacings = [*zooms, 1.0, 1.0][:3]
    affine = np.array(domain.meta.get("affine", np.diag([*spacings, 1.0])), dtype=np.float64)
    image = nibabel.Nifti1Image(voxels, affine, dtype=voxels.dtype)
    image.header.set_zooms(zooms)
    image.header.set_xyzt_units(*_units(domain))
    with path.open("wb") as file:
        if path.suffix == ".gz":
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
                image.to_stream(packed)
        else:
            image.to_stream(file)


def _open(path: Path) -> io.BufferedIOBase:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def _header(file: io.BufferedIOBase) -> Any:
    nibabel = load("nibabel", "volume", "reading NIfTI volumes")
    first = file.read(4)
    file.seek(0)
    kind = nibabel.Nifti1Header if first in (b"\x5c\x01\0\0", b"\0\0\x01\x5c") else nibabel.Nifti2Header
    return kind.from_fileobj(file)


def _scaled(raw: np.ndarray, scaling: tuple[float | None, float | None]) -> np.ndarray:
    """Stored numbers times slope plus intercept, float32; as stored where the header gives neither."""
    slope, intercept = scaling
    if slope in (None, 1) and intercept in (None, 0):
        return np.array(raw, order="K") if isinstance(raw, np.memmap) else raw
    work = np.float32 if raw.dtype.itemsize <= 2 else np.float64
    return (raw * work(1 if slope is None else slope) + work(intercept or 0)).astype(np.float32, copy=False)


def _axes(header: Any, path: Path) -> tuple[Axis, ...]:
    shape = list(header.get_data_shape())
    while len(shape) > 1 and shape[-1] == 1:
        shape.pop()
    if not 1 <= len(shape) <= 4:
        raise InrError(f"{path} has {len(shape)} axes ({_times(shape)}); a volume has x, y, z and perhaps t")
    space, time = header.get_xyzt_units()
    space = "mm" if space == "unknown" else space
    axes = []
    for name, size, zoom in zip("xyzt", shape, header.get_zooms(), strict=False):
        step = float(zoom) if math.isfinite(zoom) and zoom > 0 else 1.0
        axes.append(Axis(name, size, _TIME_UNITS.get(time, time) if name == "t" else space, 0.0, size * step))
    return tuple(axes)


def _times(shape: Any) -> str:
    return " x ".join(map(str, shape))


def _units(domain: Domain) -> tuple[str, str]:
    """Units of space and time as NIfTI names them."""
    names = {ours: theirs for theirs, ours in _TIME_UNITS.items() if theirs != "unknown"}
    space = domain.axes[0].unit if domain.axes[0].unit in ("mm", "micron", "meter") else "unknown"
    time = names.get(domain.axes[3].unit, "unknown") if domain.in_dim == 4 else "unknown"
    return space, time
