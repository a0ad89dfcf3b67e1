"""Pictures that imagecodecs, the extra `images`, decodes to the last bit, in the file's own sample type.

JPEG XL, AVIF, JPEG 2000, JPEG XR, JPEG-LS, lossless JPEG, Radiance HDR and QOI. Samples of 10 or 12 bits keep their
own numbers in uint16. Without imagecodecs, pillow reads those of 8 bits that it knows.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from inr._errors import InrError, MissingExtra
from inr.signals import _picture_headers as headers
from inr.signals._arrays import GridSamples, build_grid, grid_axes, real_array
from inr.signals._libraries import check_bytes, reading, silent_stderr

SUFFIXES = (".jxl", ".avif", ".jp2", ".j2k", ".jxr", ".wdp", ".hdp", ".jls", ".hdr", ".pic", ".qoi")


class _Codec(NamedTuple):
    """How a format is read: its name, what its header says, imagecodecs' function, and whether pillow knows it."""

    name: str
    header: Callable[[bytes], headers.Header]
    function: str
    pillow: bool = False


_BY_MAGIC: dict[tuple[bytes, ...], _Codec] = {
    headers.JPEG_XL: _Codec("JPEG XL", headers.jpeg_xl, "jpegxl_decode"),
    headers.JPEG_2000: _Codec("JPEG 2000", headers.jpeg_2000, "jpeg2k_decode", pillow=True),
    (b"II\xbc\x01",): _Codec("JPEG XR", headers.jpeg_xr, "jpegxr_decode"),
    (b"#?RADIANCE", b"#?RGBE"): _Codec("Radiance HDR", headers.radiance, "rgbe_decode"),
    (b"qoif",): _Codec("QOI", headers.qoi, "qoi_decode", pillow=True),
}
_AVIF = _Codec("AVIF", headers.avif, "avif_decode", pillow=True)
_JPEG_LS = _Codec("JPEG-LS", headers.jpeg, "jpegls_decode")
_LOSSLESS_JPEG = _Codec("lossless JPEG", headers.jpeg, "ljpeg_decode")


def find_codec(head: bytes) -> _Codec | None:
    """What reads a file that begins with `head`, of a few thousand bytes; None for other formats."""
    if head[4:8] == b"ftyp":
        brands = head[8 : int.from_bytes(head[:4], "big")]
        return _AVIF if b"avif" in brands or b"avis" in brands else None
    if headers.is_jpeg_ls(head):
        return _JPEG_LS
    if headers.is_lossless_jpeg(head):
        return _LOSSLESS_JPEG
    return next((codec for magic, codec in _BY_MAGIC.items() if head.startswith(magic)), None)


def read(path: Path, max_bytes: int) -> GridSamples:
    """The image at `path`."""
    image = read_pixels(path, max_bytes)
    return build_grid(image, "image", grid_axes("image", image.shape[:2], {}), {}, source=str(path))


def read_pixels(path: Path, max_bytes: int) -> np.ndarray:
    """Pixels (H, W, C) of the image at `path`, in the file's own sample type."""
    data = path.read_bytes()
    codec = find_codec(data)
    assert codec is not None
    with reading(path, f"{codec.name} image"):
        header = codec.header(data)
    if header.end > len(data):
        raise InrError(f"{path} is damaged or cut short: not a readable {codec.name} image (it ends too early)")
    width, height = header.width, header.height
    needed = width * height * header.channels * max(1, (header.bits or 16) // 8)
    check_bytes(path, needed, max_bytes, f"{width} x {height} pixels")
    with reading(path, f"{codec.name} image"), silent_stderr():
        pixels = _decode(path, data, codec, header)
    if pixels.shape[:2] != (height, width) or pixels.ndim > 3:
        raise InrError(f"{path} is an animation; ffmpeg -i {path.name} {path.stem}.mp4 makes a video that is read")
    pixels = _turned(pixels, data) if codec is _AVIF else pixels
    return real_array(pixels if pixels.ndim == 3 else pixels[..., None], str(path))


def _decode(path: Path, data: bytes, codec: _Codec, header: headers.Header) -> np.ndarray:
    try:
        imagecodecs: Any = importlib.import_module("imagecodecs")
        return getattr(imagecodecs, codec.function)(data)
    except ImportError:  # imagecodecs raises it, too, for what it was built without
        if not codec.pillow or header.bits != 8:
            raise MissingExtra("imagecodecs", "images", f"reading {codec.name}") from None
    from inr.signals import _imageio

    return _imageio.decode(path, 16 * header.width * header.height, codec.name)


def _turned(pixels: np.ndarray, data: bytes) -> np.ndarray:
    """Pixels of an AVIF made upright, as its properties say: quarters against the clock, then a mirror."""
    turn, mirror = data.find(b"irot"), data.find(b"imir")
    if turn >= 0:
        pixels = np.rot90(pixels, data[turn + 4] & 3)
    if mirror >= 0:
        pixels = pixels[:, ::-1] if data[mirror + 4] & 1 else pixels[::-1]
    return pixels
