"""Opening a signal from a file: what it is, is told by its content."""

import importlib
import os
import zlib
from pathlib import Path
from typing import Any

from inr._errors import InrError
from inr._files import describe
from inr.geometry import shape_format
from inr.signals import _numpy_files
from inr.signals._arrays import GridSamples, rebuilt, scattered_samples
from inr.signals._audio import is_sound
from inr.signals._domain import SamplingModel
from inr.signals._formats import SUPPORTED, ShapeAs
from inr.signals._libraries import MAX_BYTES
from inr.signals._pictures import picture_module
from inr.signals._shape_source import ShapeSource
from inr.signals._signal import GridSignal, ScatteredSignal, Signal, from_array
from inr.signals._unreadable import advice
from inr.signals._video import is_video

_INR_MAGIC = b"\x89INR"
_DATASETS = (b"CDF\x01", b"CDF\x02", b"CDF\x05", b"\x89HDF\r\n\x1a\n", b"GRIB")
_ZARR = ("zarr.json", ".zgroup", ".zarray", ".zattrs", ".zmetadata")
_NIFTI = (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")  # the header's length, 348 or 540


def open(
    path: str | os.PathLike[str],
    *,
    sampling: SamplingModel | None = None,
    value_range: tuple[float, float] | None = None,
    nodata: float | None = None,
    srgb: bool = False,
    variable: str | None = None,
    as_shape: ShapeAs | None = None,
    max_bytes: int = MAX_BYTES,
) -> Signal:
    """Read a signal; its kind is found by the content of the file, not by its name.

    Args:
        path: an image, sound, video, volume or .npz of scattered samples, a folder of numbered frames, a data set
            (NetCDF, HDF5, GRIB or a folder of Zarr), or a shape: a mesh (OBJ, PLY, STL, OFF, GLB), points with normals
            (PLY, .xyz, .npz of points and normals), or a silhouette.
        sampling: what a sample of a grid measures, see `inr.from_array`; what is usual for the kind when None.
        value_range: (low, high) in own units that go to -1 and 1, see `inr.from_array`.
        nodata: the value that stands for missing samples of a grid, besides the one that the file itself names.
        srgb: turn a picture of another colour profile into sRGB; its numbers and its profile are kept otherwise.
        variable: which one of a data set, by name ("group/name" within groups); the only one when None.
        as_shape: what is learned of a shape: "sdf", "occupancy" or "eikonal", see `from_mesh`; None: "sdf" of meshes,
            "eikonal" of points. A picture is a silhouette where this is given, and a picture where it is not.
        max_bytes: refuse, before decoding, what would be larger than this in memory.

    Returns:
        The signal, in the file's own sample type.

    Raises:
        InrError: no such file, none of the known formats, damaged, too large, or not real numbers.
        MissingExtra: the library that reads this format is not installed.

    Warns, by `inr.InrWarning`, of what was read otherwise than somebody may expect: uneven times of frames, say.

    >>> signal = inr.open("photo.png")
    >>> signal.array.shape, signal.array.dtype
    ((24, 32, 3), dtype('uint8'))
    """
    path = Path(path)
    head = _head(path)
    if head is not None and (shape := _shape(path, head, as_shape, max_bytes, path.name)) is not None:
        _refuse(path, sampling=sampling, value_range=value_range, nodata=nodata, srgb=srgb or None, variable=variable)
        return shape.signal()
    module = _module_of_folder(path) if head is None else _module(path, head)
    if srgb and module != "_image":
        raise InrError(f"{path} is no picture with a colour profile; leave out srgb")
    if variable is not None and module != "_xarray":
        raise InrError(
            f"{path} is no data set of named variables, as NetCDF, HDF5, Zarr and GRIB are: leave out variable"
        )
    options: dict[str, Any] = {"srgb": True} if srgb else {"variable": variable} if module == "_xarray" else {}
    try:
        found = importlib.import_module(f"inr.signals.{module}").read(path, max_bytes, **options)
    except MemoryError:
        raise InrError(f"{path} does not fit in this machine's memory") from None
    if isinstance(found, GridSamples):
        if value_range is not None or nodata is not None:
            found = rebuilt(found, value_range, nodata, str(path))
        return GridSignal(*found) if sampling is None else GridSignal(*found).measured_as(sampling)
    if sampling not in (None, "point"):
        raise InrError(f"{path} holds scattered samples, which are points, not sampling={sampling}")
    if nodata is not None:
        raise InrError(f"{path} holds scattered samples; leave out those that are missing, in the place of nodata")
    if value_range is not None:
        found = scattered_samples(found.positions, found.array, str(path), value_range=value_range)
    return ScatteredSignal(*found)


def shape_source(
    path: str | os.PathLike[str],
    as_shape: ShapeAs | None = None,
    *,
    name: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> ShapeSource | None:
    """What a file of a shape holds, before anything is measured of it; None for files of something else.

    Args:
        path, as_shape, max_bytes: as of `open`.
        name: what the file is called, where that is not its name: of text, it alone tells the format.

    Raises:
        InrError: no such file, or one of a shape that is damaged or too large.
    """
    path = Path(path)
    head = _head(path)
    return None if head is None else _shape(path, head, as_shape, max_bytes, name or path.name)


def _shape(path: Path, head: bytes, as_shape: ShapeAs | None, max_bytes: int, name: str) -> ShapeSource | None:
    """The same of a file that begins with `head`."""
    form = shape_format(name, head, path.stat().st_size)
    # these take libraries that reading other signals does not need
    if form is not None:
        return _sources("_shape_files").read(path, form, as_shape, max_bytes)
    if head.startswith(b"PK") and (found := _numpy_files.read_points(path, max_bytes)) is not None:
        return ShapeSource.of_points(*found, as_shape, str(path))
    if as_shape is None:
        return None
    return _sources("_svg" if b"<svg" in head else "_silhouettes").read(path, as_shape, max_bytes)


def _sources(name: str) -> Any:
    return importlib.import_module(f"inr.signals.{name}")


def _refuse(path: Path, **given: Any) -> None:
    """Refuse options that have no meaning for shapes."""
    for name, value in given.items():
        if value is not None:
            raise InrError(f"{path} holds a shape, which has no {name.replace('_', ' ')}: leave it out")


def as_signal(given: Any, **options: Any) -> Signal:
    """A signal as functions take it: one that is there, the path of a file, or an array.

    Args:
        given: a signal, a path that `open` reads, or an array or tensor as of `inr.from_array`.
        options: of `inr.from_array`, for arrays only.

    Raises:
        InrError: as `open` and `inr.from_array` do, or options of what is no array.
    """
    if not isinstance(given, (Signal, str, os.PathLike)):
        return from_array(given, **options)
    if options:
        raise InrError(f"{', '.join(options)}: only arrays take this; signals and files say it themselves")
    return given if isinstance(given, Signal) else open(given)


def _head(path: Path) -> bytes | None:
    """The first bytes of a file, None for a folder."""
    try:
        if path.is_dir():
            return None
        with path.open("rb") as file:
            head = file.read(4096)
    except FileNotFoundError:
        raise InrError(f"{path} does not exist") from None
    except OSError as error:
        raise InrError(f"cannot read {path}: {describe(error)}") from error
    except ValueError as error:  # a zero byte in the name
        raise InrError(f"{str(path)!r} is not a file name: {error}") from error
    if not head:
        raise InrError(f"{path} is empty (0 bytes)")
    return head


def is_store(folder: Path) -> bool:
    """Whether a folder is a data set of Zarr, rather than one of files."""
    return any((folder / name).is_file() for name in _ZARR)


def _module_of_folder(path: Path) -> str:
    return "_xarray" if is_store(path) else "_frames"


def _module(path: Path, head: bytes) -> str:
    """The module of this package that reads a file which begins with `head`."""
    if head.startswith(_INR_MAGIC):
        raise InrError(f"{path} is already a fitted field; use inr render to turn it back into samples")
    if (module := picture_module(path, head)) is not None:
        return module
    if is_sound(head):
        return "_audio"
    if is_video(head):
        return "_video"
    if head.startswith((b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")):
        return "_numpy_files"
    if head.startswith(_DATASETS):
        return "_xarray"
    if _unpacked(head).startswith(_NIFTI):
        return "_nifti"
    if (words := advice(path, head)) is not None:
        raise InrError(f"{path} {words}")
    text = all(byte >= 32 or byte in b"\t\n\r\f" for byte in head)
    raise InrError(f"{path} is {'a text file' if text else 'of no known format'}; inr reads {SUPPORTED}")


def _unpacked(head: bytes) -> bytes:
    """The first bytes of what a gzip file holds; other files' as they are."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 4) if head.startswith(b"\x1f\x8b") else head
    except zlib.error:
        return head
