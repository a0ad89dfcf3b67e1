"""Writing samples back in the kind they came in."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr._files import replacing
from inr.signals._domain import Domain, Kind

_SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "image": (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"),
    "audio": (".wav", ".flac"),
    "video": (".mp4", ""),
    "volume": (".npy", ".npz", ".nii", ".nii.gz"),
    "scattered": (".npz",),
}


def default_suffix(domain: Domain) -> str:
    """The suffix that holds signals of this domain best: ".png", ".tif" (float images), ".wav", ".nii.gz" …"""
    if domain.kind == "image" and (np.dtype(domain.dtype).kind == "f" or domain.channels > 4):
        return ".tif"
    if domain.kind == "volume" and "affine" in domain.meta:
        return ".nii.gz"
    return _SUFFIXES[domain.kind][0]


def write(path: str | os.PathLike[str], array: Any, domain: Domain, *, coords: Any = None, force: bool = False) -> None:
    """Write samples in the kind of their domain, in the format that `path`'s suffix names.

    Integers are restored by rounding and clipping to the domain's type; 8-bit formats (.jpg, .webp, .mp4 …) get
    other types with the domain's value range spread over 0..255, and so does .png for all but uint16.

    Args:
        path: with a suffix of `domain.kind`: .png .jpg .webp .tif, .wav .flac, .mp4 or none (a folder of PNG
            frames), .npy .npz .nii .nii.gz, or .npz for scattered samples.
        array: (…, C) in own units, on a grid of any size that spans the domain; (N, C) when scattered.
        coords: (N, D) positions in own units, for scattered samples only.
        force: whether to overwrite an existing file.

    Raises:
        InrError: a suffix that does not fit the kind, a shape that does not fit the domain, an existing file
            without `force`, or a failure of the file system.
    """
    path = Path(path)
    suffix = _suffix(path, domain.kind)
    samples = _own_type(array, domain)
    if domain.kind == "scattered":
        return _write_scattered(path, samples, coords, domain, force)
    with replacing(path, force=force) as temporary:
        if domain.kind == "image":
            from inr.signals import _image

            _image.encode(temporary, samples, (domain.values.low[0], domain.values.high[0]))
        elif suffix in (".npy", ".npz"):
            from inr.signals import _numpy_files

            plain = samples[..., 0] if domain.channels == 1 else samples
            if suffix == ".npy":
                _numpy_files.write_npy(temporary, plain)
            else:
                _numpy_files.write_npz(temporary, values=plain)
    return None


def _write_scattered(path: Path, samples: np.ndarray, coords: Any, domain: Domain, force: bool) -> None:
    from inr.signals import _numpy_files

    places = np.asarray(coords)
    if coords is None or places.shape != (len(samples), domain.in_dim):
        raise InrError(f"scattered samples are written with coords of shape {(len(samples), domain.in_dim)}")
    with replacing(path, force=force) as temporary:
        _numpy_files.write_npz(temporary, coords=places, values=samples)


def _suffix(path: Path, kind: Kind) -> str:
    name = path.name.lower()
    suffix = ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
    if suffix not in _SUFFIXES[kind]:
        known = ", ".join(known or "no suffix (a folder of frames)" for known in _SUFFIXES[kind])
        raise InrError(f"{path}: {kind} is written as {known}, not as '{suffix}'")
    return suffix


def _own_type(array: Any, domain: Domain) -> np.ndarray:
    """Samples (…, C) in the domain's type: rounded and clipped where that is of integers."""
    samples = np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
    axes = 1 if domain.kind == "scattered" else domain.in_dim
    if samples.ndim != axes + 1 or samples.shape[-1] != domain.channels or samples.size == 0:
        raise InrError(
            f"samples of this {domain.kind} have {axes} axes and {domain.channels} channels last, got shape {samples.shape}"
        )
    dtype = np.dtype(domain.dtype)
    if samples.dtype == dtype:
        return samples
    if dtype.kind == "f":
        return samples.astype(dtype)
    limits = np.iinfo(dtype)
    # the largest float that fits: int64's own maximum rounds up, out of range
    high = float(limits.max) if dtype.itemsize < 8 else np.nextafter(float(limits.max), 0)
    return np.clip(np.rint(samples.astype(np.float64)), float(limits.min), high).astype(dtype)
