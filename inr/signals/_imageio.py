"""Pictures in formats that the exact readers do not know, by the plug-ins of imageio.

Only formats that hold no more than the plug-in gives are read: what would be cut to 8 bits is refused, with a command
that makes it readable. Palettes, single bits and CMYK become what a viewer would show.
"""

import contextlib
import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from inr._errors import InrError
from inr.signals._arrays import GridSamples, build_grid, grid_axes, real_array
from inr.signals._domain import Kind
from inr.signals._libraries import check_bytes, quiet_logger, reading

SUFFIXES = (".bmp", ".dib", ".tga", ".ico", ".cur", ".pcx", ".sgi", ".rgb", ".ras", ".psd", ".xbm", ".xpm", ".icns")
_TGA_END = b"TRUEVISION-XFILE.\0"
_PLAIN_MODES = {"1": "L", "PA": "RGBA", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "RGBX": "RGB", "RGBa": "RGBA"}


class Reader(NamedTuple):
    """A format, the plug-in of imageio that reads it, and the package which that needs besides pillow."""

    name: str
    plugin: str = "pillow"
    package: str | None = None


_BY_MAGIC = {
    b"BM": Reader("BMP"),
    b"\0\0\1\0": Reader("icon"),
    b"\0\0\2\0": Reader("cursor"),
    b"\x01\xda": Reader("SGI"),
    b"8BPS": Reader("Photoshop"),
    b"\x59\xa6\x6a\x95": Reader("Sun raster"),
    b"icns": Reader("icon"),
    b"/* XPM */": Reader("XPM"),
    b"#define ": Reader("XBM"),
    **{bytes((10, version, 1)): Reader("PCX") for version in (0, 2, 3, 5)},
    b"SIMPLE  =": Reader("FITS", "FITS", "astropy"),
}


def find_reader(path: Path, head: bytes) -> Reader | None:
    """What reads the file at `path`, which begins with `head`; None for other formats."""
    if head[128:132] == b"DICM":
        return Reader("DICOM", "pydicom", "pydicom")
    for magic, reader in _BY_MAGIC.items():
        if head.startswith(magic):
            return reader
    return Reader("TGA") if _is_tga(path, head) else None


def read(path: Path, max_bytes: int) -> GridSamples:
    """The picture at `path`, or the volume in files of sciences."""
    array = read_array(path, max_bytes)
    kind: Kind = "image" if array.ndim == 3 else "volume"
    return build_grid(array, kind, grid_axes(kind, array.shape[:-1], {}), {}, source=str(path))


def read_pixels(path: Path, max_bytes: int) -> np.ndarray:
    """Pixels (H, W, C) of the picture at `path`."""
    pixels = read_array(path, max_bytes)
    if pixels.ndim != 3:
        raise InrError(f"{path} holds an array of shape {pixels.shape[:-1]}, which is no picture")
    return pixels


def read_array(path: Path, max_bytes: int) -> np.ndarray:
    """What a file holds, (…, C)."""
    with path.open("rb") as file:
        head = file.read(4096)
    reader = find_reader(path, head)
    assert reader is not None
    if reader.package is not None:
        return _of_sciences(path, reader, max_bytes)
    if reader.name == "SGI" and head[3:4] == b"\2":
        raise InrError(f"{path} has 16 bits a sample, which pillow cuts to 8: magick {path.name} {path.stem}.png")
    if reader.name == "PCX" and _lacks_palette(path, head):
        raise InrError(f"{path} is damaged or cut short: it ends before its palette")
    pixels = decode(path, max_bytes, reader.name)
    return real_array(pixels if pixels.ndim == 3 else pixels[..., None], str(path))


def decode(path: Path, max_bytes: int, name: str) -> np.ndarray:
    """The pixels that pillow gives, (H, W) or (H, W, C)."""
    with reading(path, f"{name} image"), _unbounded_pillow(), _opened(path, "pillow") as file:
        shown = file.properties(index=0)
        check_bytes(path, int(np.prod(shown.shape)) * shown.dtype.itemsize, max_bytes, f"a picture of {shown.shape}")
        mode = file.metadata(index=0)["mode"]
        return file.read(index=0, mode=_PLAIN_MODES.get(mode))


def _of_sciences(path: Path, reader: Reader, max_bytes: int) -> np.ndarray:
    """The numbers of a FITS or DICOM file, in their own units."""
    if importlib.util.find_spec(reader.package or "") is None:
        needed = reader.package
        raise InrError(f"reading {reader.name} needs {needed}, which is not installed: pip install {needed}")
    if reader.plugin not in importlib.import_module("imageio.config").known_plugins:
        raise InrError(f"reading {reader.name} needs a newer imageio: pip install --upgrade imageio")
    logger = quiet_logger("pydicom")
    with reading(path, f"{reader.name} file"), logger, _opened(path, reader.plugin) as file:
        array = _dicom(path, file, max_bytes) if reader.name == "DICOM" else np.asarray(file.read(index=0))
        check_bytes(path, array.nbytes, max_bytes, f"an array of shape {array.shape}")
    colour = array.ndim == 3 and reader.name == "DICOM" and array.shape[2] in (3, 4)
    return real_array(array if colour else array[..., None], str(path))


def _dicom(path: Path, file: Any, max_bytes: int) -> np.ndarray:
    """Stored values by their linear map to own units (Hounsfield units, say), without the window of a display."""
    tags: Mapping[str, Any] = file.metadata(exclude_applied=False)
    single = int(tags.get("SamplesPerPixel", 1)) == 1 and tags.get("PhotometricInterpretation") != "PALETTE COLOR"
    shown = file.properties(raw=single)
    check_bytes(path, int(np.prod(shown.shape)) * shown.dtype.itemsize, max_bytes, f"an array of shape {shown.shape}")
    stored = file.read(raw=single)
    slope, intercept = (float(tags.get(name, usual)) for name, usual in (("RescaleSlope", 1), ("RescaleIntercept", 0)))
    if not single or (slope, intercept) == (1, 0):
        return stored
    whole = slope.is_integer() and intercept.is_integer() and stored.dtype.itemsize <= 2
    return (stored * slope + intercept).astype(np.int32 if whole else np.float32)


def _lacks_palette(path: Path, head: bytes) -> bool:
    """Whether a PCX of 256 colours ends without them: pillow would take their numbers for shades of grey."""
    if head[1:2] + head[3:4] + head[65:66] != b"\5\x08\1":  # version, bits, planes
        return False
    return _tail(path, 769)[:1] != b"\x0c"


def _is_tga(path: Path, head: bytes) -> bool:
    """Whether it is a TGA: the format has no signature at its start, and in its first version none at all."""
    if len(head) < 18 or head[1] > 1 or head[2] not in (1, 2, 3, 9, 10, 11) or head[16] not in (1, 8, 15, 16, 24, 32):
        return False
    if path.suffix.lower() == ".tga":
        return True
    return _tail(path, 18) == _TGA_END


def _tail(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - count, 0))
        return file.read()


@contextlib.contextmanager
def _opened(path: Path, plugin: str) -> Iterator[Any]:
    imageio: Any = importlib.import_module("imageio.v3")
    extension = ".fits" if plugin == "FITS" else None  # which goes by the name
    with imageio.imopen(path, "r", plugin=plugin, extension=extension) as file:
        yield file


@contextlib.contextmanager
def _unbounded_pillow() -> Iterator[None]:
    """Without pillow's own limit of pixels: ours is in bytes, and is the reader's to choose."""
    image: Any = importlib.import_module("PIL.Image")
    before, image.MAX_IMAGE_PIXELS = image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        image.MAX_IMAGE_PIXELS = before
