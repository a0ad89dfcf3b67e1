"""Writing samples back in the kind they came in."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr._files import replacing
from inr._tensor import as_numpy
from inr.signals._domain import Domain, Kind
from inr.signals._libraries import writing
from inr.signals._missing import nan_samples

_FOLDER = "a folder of frames"
_FORMATS: dict[Kind, tuple[str, ...]] = {
    "image": (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".npy"),
    "audio": (".wav", ".flac"),
    "video": (".mp4", _FOLDER),
    "volume": (".npy", ".npz", ".nii", ".nii.gz"),
    "scattered": (".npz",),
}


def default_suffix(domain: Domain) -> str:
    """The suffix of the format that holds signals of a domain best.

    Args:
        domain: of the signal, or of a field.

    Returns:
        ".png", ".tif" (images of floats, or of channels that are neither colour nor transparency), ".wav", ".mp4",
        ".npy", ".nii.gz" or ".npz".

    >>> inr.signals.default_suffix(inr.open("photo.png").domain)
    '.png'
    """
    if domain.kind == "image" and (domain.dtype not in ("uint8", "uint16") or domain.channels > 4):
        return ".tif"
    layout = domain.meta.get("tiff")
    if domain.kind == "image" and isinstance(layout, Mapping) and "extrasamples" in layout:
        return ".tif"
    if domain.kind == "volume" and "affine" in domain.meta:
        return ".nii.gz"
    return _FORMATS[domain.kind][0]


def write(path: str | os.PathLike[str], array: Any, domain: Domain, *, coords: Any = None, force: bool = False) -> None:
    """Write samples in the kind of their domain, in the format that `path`'s suffix names.

    Samples are written in the domain's own type, integers rounded and clipped to it. Where a format holds less,
    the domain's value range is spread over 0..255: in .jpg, .webp and .mp4, and in .png for all but uint8 and
    uint16. TIFF and the volumes' formats hold every type; .flac holds integers of up to 24 bits. Missing samples, which
    are NaN, are transparent in .png and .webp, and elsewhere what `cast_samples` makes of them.

    Args:
        path: .png .jpg .webp .tif for images; .wav .flac for audio; .mp4, or a name without suffix or ending in
            "/" (a folder of PNG frames) for video; .npy .npz .nii .nii.gz for volumes; .npz for scattered samples.
        array: (…, C) in own units, on a grid of any size that spans the domain; (N, C) when scattered.
        coords: (N, D) positions in own units, for scattered samples only.
        force: whether to overwrite what is there.

    Raises:
        InrError: a suffix that does not fit the kind, a shape that does not fit the domain, an existing file
            without `force`, or a failure of the file system.
        MissingExtra: the library that writes this format is not installed.

    >>> signal = inr.open("photo.png")
    >>> inr.signals.write("darker.png", signal.array // 2, signal.domain)
    """
    form = file_format(os.fspath(path), domain.kind)
    path = Path(path)
    samples = cast_samples(array, domain)
    if form == _FOLDER:
        from inr.signals import _frames

        _frames.write(path, samples, domain.values, force=force)
        return
    with replacing(path, force=force) as temporary, writing(path):
        _encode(temporary, form, samples, domain, coords, nan_samples(as_numpy(array)))


def _encode(
    path: Path, form: str, samples: np.ndarray, domain: Domain, coords: Any, missing: np.ndarray | None
) -> None:
    if domain.kind == "image" and form != ".npy":
        from inr.signals import _image, _picture

        if missing is not None and form in (".png", ".webp") and domain.channels in (1, 3):
            samples = _with_transparency(samples, missing, domain)
        _image.encode(path, samples, domain.values, _picture.resampled_meta(domain, samples.shape[:2]))
    elif domain.kind == "audio":
        from inr.signals import _audio

        _audio.write(path, samples, domain)
    elif domain.kind == "video":
        from inr.signals import _image, _video

        _video.write(path, _image.to_8_bit(samples, domain.values), domain)
    elif form in (".nii", ".nii.gz"):
        from inr.signals import _nifti

        _nifti.write(path, samples, domain)
    else:
        _encode_arrays(path, form, samples, domain, coords)


def _with_transparency(samples: np.ndarray, missing: np.ndarray, domain: Domain) -> np.ndarray:
    """A picture with a channel of alpha, in which missing pixels are transparent."""
    opaque = np.iinfo(samples.dtype).max if samples.dtype in (np.uint8, np.uint16) else domain.values.high[0]
    alpha = np.where(missing, 0 if samples.dtype.kind in "iu" else domain.values.low[0], opaque)
    return np.concatenate([samples, alpha[..., None].astype(samples.dtype)], axis=-1)


def _encode_arrays(path: Path, form: str, samples: np.ndarray, domain: Domain, coords: Any) -> None:
    from inr.signals import _numpy_files

    plain = samples[..., 0] if domain.channels == 1 else samples
    if domain.kind == "scattered":
        places, expected = np.asarray(coords), (len(samples), domain.in_dim)
        if coords is None or places.shape != expected:
            raise InrError(f"these scattered samples are written with coords of shape {expected}")
        _numpy_files.write_npz(path, coords=places, values=plain)
    elif form == ".npz":
        _numpy_files.write_npz(path, values=plain)
    else:
        _numpy_files.write_npy(path, plain)


def file_format(path: str, kind: Kind) -> str:
    """The format that a file's name asks for.

    Args:
        path: the file's name.
        kind: image, audio, video, volume or scattered.

    Returns:
        The suffix in lower case, or "a folder of frames".

    Raises:
        InrError: a format that cannot hold the kind.
    """
    name = Path(path).name.lower()
    suffix = ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix
    form = _FOLDER if not suffix or path.endswith("/") else suffix
    if form not in _FORMATS[kind]:
        known = ", ".join(_FORMATS[kind]).replace(_FOLDER, f"a name without suffix ({_FOLDER})")
        raise InrError(f"cannot write {path}: {kind} is written as {known}")
    return form


def rescaled_range(path: str, domain: Domain) -> tuple[float, float] | None:
    """The values that become 0 and 255 in a file whose format cannot hold samples of the domain's type as they are.

    Args:
        path: the file's name.
        domain: of the samples.

    Returns:
        The ends of the value range; None where samples keep their values, or where these are shares of a range anyway:
        floats from 0 to 1, and integers over all of their type.

    >>> domain = inr.from_array(np.array([[210.5, 340.0]]), kind="image").domain
    >>> inr.signals.rescaled_range("heights.png", domain), inr.signals.rescaled_range("heights.tif", domain)
    ((210.5, 340.0), None)
    """
    form = file_format(path, domain.kind)
    if domain.kind not in ("image", "video") or form in (".tif", ".tiff", ".npy"):
        return None
    ends = min(domain.values.low), max(domain.values.high)
    kept = ("uint8", "uint16") if form in (".png", _FOLDER) else ("uint8",)
    return None if domain.dtype in kept or ends in ((0.0, 1.0), (0.0, 65535.0)) else ends


def cast_samples(array: Any, domain: Domain) -> np.ndarray:
    """Samples in the domain's type, rounded and clipped where that is of integers.

    Missing samples, which are NaN, become what stands for them in the signal's file; of floats they stay as they are
    where nothing does.

    Args:
        array: array or tensor (…, C) in own units, on a grid of any size; (N, C) where the domain is scattered.
        domain: whose type it is.

    Returns:
        An array of the same shape; the memory is shared where the type is the same.

    Raises:
        InrError: a shape that does not fit the domain.

    >>> inr.signals.cast_samples(np.array([[[1.6]], [[300.0]]]), inr.from_array(np.eye(2, dtype=np.uint8)).domain)
    array([[[  2]],
    <BLANKLINE>
           [[255]]], dtype=uint8)
    """
    samples = as_numpy(array)
    axes = 1 if domain.kind == "scattered" else domain.in_dim
    if samples.ndim != axes + 1 or samples.shape[-1] != domain.channels or samples.size == 0:
        expected = f"{axes} axes and then {domain.channels} channels"
        raise InrError(f"samples of this {domain.kind} have {expected}, got shape {samples.shape}")
    dtype = np.dtype(domain.dtype)
    nodata = domain.meta.get("nodata", None if dtype.kind == "f" else 0)
    if nodata is not None and nan_samples(samples) is not None:
        samples = np.where(np.isnan(samples), samples.dtype.type(nodata), samples)
    if samples.dtype == dtype or dtype.kind == "f":
        return samples.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    # a float cannot hold the largest 64-bit integers: clip to the nearest below them
    high = float(limits.max) if dtype.itemsize < 8 else np.nextafter(float(limits.max), 0)
    exact = np.float32 if dtype.itemsize <= 2 else np.float64  # holds every value of the type
    rounded = np.rint(samples, dtype=np.result_type(samples.dtype, exact))
    return rounded.clip(float(limits.min), high, out=rounded).astype(dtype)
