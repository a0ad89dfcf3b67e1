"""Images: PNG, JPEG, WebP, TIFF and GIF, 8 and 16 bits and float, grey to RGBA, and TIFF of any number of channels.

The pixels are those a viewer would show: a palette is looked up, one bit becomes 0 or 255, a transparent
colour becomes alpha, inks become RGB, and the orientation noted in EXIF is applied. Pictures that move are videos.
"""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.signals import _animation, _colour, _pillow, _png, _tiff
from inr.signals._arrays import GridSamples, build_grid, grid_axes, real_array
from inr.signals._domain import ValueMap
from inr.signals._libraries import optional, reading, silent_stderr
from inr.signals._picture import (
    Picture,
    has_alpha,
    unpacked,
    with_opaque_alpha,
    without_opaque_alpha,
)

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
_MAGIC = {
    _png.SIGNATURE: "PNG",
    b"\xff\xd8\xff": "JPEG",
    **dict.fromkeys((b"GIF87a", b"GIF89a"), "GIF"),
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF"),
}
_MAX_SIDE = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}
_MAX_DPI = {".jpg": 65_535, ".jpeg": 65_535, ".png": 1e8}
_MAX_RATIONAL = 2**32 - 1
_INCH, _A_METRE = 0.0254, 1  # in metres, and the unit of a PNG's resolution


def read(path: Path, max_bytes: int, *, srgb: bool = False) -> GridSamples:
    """The image at `path`, with the numbers of its own colour space, or turned into sRGB; if it moves, the video."""
    form = _format(path)
    if _animation.moves(path, form):
        if srgb:
            raise InrError(f"{path} is a picture that moves, whose profile is not read; leave out srgb")
        return _animation.read(path, form, max_bytes)
    picture = read_picture(path, max_bytes)
    if srgb and (profile := picture.meta.get("icc")):
        with reading(path, "colour profile"):
            pixels = _colour.to_srgb(picture.pixels, unpacked(profile))
        meta = {key: value for key, value in picture.meta.items() if key != "icc"}
        picture = Picture(pixels, meta, picture.missing)
    pixels, meta, missing = without_opaque_alpha(picture)
    axes = grid_axes("image", pixels.shape[:2], {})
    return build_grid(pixels, "image", axes, meta, source=str(path), missing=missing, nodata=meta.get("nodata"))


def read_pixels(path: Path, max_bytes: int) -> np.ndarray:
    """Pixels (H, W, C) of the image at `path`, in the file's own sample type, with whatever alpha there is."""
    return read_picture(path, max_bytes).pixels


def read_picture(path: Path, max_bytes: int) -> Picture:
    """The picture at `path`, in the file's own sample type, what the file says, and where it is missing."""
    form = _format(path)
    if form == "TIFF":
        picture = _tiff.read(path, max_bytes)
    elif form == "PNG" and (header := _png.read_header(path)).depth == 16:
        _pillow.check_size(path, (header.width, header.height), 8, max_bytes)
        picture = _read_16_bit_png(path)
    else:
        picture = _pillow.decode(path, form, max_bytes)
    return picture._replace(pixels=real_array(picture.pixels, str(path)))


def image_format(head: bytes) -> str | None:
    """PNG, JPEG, WebP, TIFF or GIF, when a file that begins with `head` is one of them."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((form for magic, form in _MAGIC.items() if head.startswith(magic)), None)


def _format(path: Path) -> str:
    with path.open("rb") as file:
        form = image_format(file.read(12))
    if form is None:
        raise InrError(f"{path} is not a PNG, JPEG, WebP, TIFF or GIF image, whatever its name says")
    return form


def _read_16_bit_png(path: Path) -> Picture:
    """A 16-bit PNG, uint16, by libpng where the extra `images` brings it.

    Pillow cuts colour of 16 bits down to 8. Our own reader gives the same pixels, and takes several times as long.
    What the file says besides is read by pillow from a copy of it that has one pixel.
    """
    with reading(path, "PNG image"):
        data = path.read_bytes()
        imagecodecs = optional("imagecodecs")
        if imagecodecs is None:
            pixels = _png.decode(path)
        else:
            _png.check(path)  # libpng takes a file without its end
            with silent_stderr():
                pixels = imagecodecs.png_decode(data)
        pixels = pixels if pixels.ndim == 3 else pixels[..., None]
        image = _pillow.plugin("PNG")(io.BytesIO(_png.with_one_pixel(data)))
        image.load()
        meta = _pillow.what_it_says(image, "PNG", pixels.shape[2])
        return Picture(_pillow.turned(pixels, _pillow.orientation(image)), meta)


def encode(path: Path, image: np.ndarray, values: ValueMap, meta: dict[str, Any] | None = None) -> None:
    """Write (H, W, C) in the format of `path`'s suffix; see `write` for what becomes of its values.

    Of `meta`, see `Picture`, everything is written that the format holds. Raises InrError when it cannot hold that
    many channels, or not such ones.
    """
    meta, suffix = meta or {}, path.suffix.lower()
    if max(meta.get("dpi", (0,))) > _MAX_DPI.get(suffix, _MAX_RATIONAL):
        meta = {key: value for key, value in meta.items() if key != "dpi"}
    if suffix in (".tif", ".tiff"):
        return _tiff.write(path, with_opaque_alpha(image, meta), meta)
    jpeg = suffix in (".jpg", ".jpeg")
    channels = image.shape[2]
    if channels not in ((1, 3) if jpeg else (1, 2, 3, 4)):
        raise InrError(f"{suffix} cannot hold {channels} channels; use {'.png or .tif' if channels <= 4 else '.tif'}")
    if channels in (2, 4) and not has_alpha(channels, meta):
        raise InrError(f"{suffix} would take channel {channels}, which is none of transparency, for one; use .tif")
    side = max(image.shape[:2])
    if side > _MAX_SIDE.get(suffix, side):
        raise InrError(f"{suffix} holds at most {_MAX_SIDE[suffix]} pixels a side, not {side}; use .png or .tif")
    if not jpeg:
        image = with_opaque_alpha(image, meta)
    if suffix == ".png" and image.dtype == np.uint16:
        return _png.encode(path, image, _png_chunks(meta))
    return _encode_pillow(path, to_8_bit(image, values), meta)


def to_8_bit(image: np.ndarray, values: ValueMap) -> np.ndarray:
    """The value range spread over 0..255, rounded; 8-bit samples are left as they are."""
    if image.dtype == np.uint8:
        return image
    spread = (values.normalise(image.astype(np.float32)) + 1) * 127.5
    return np.clip(np.rint(spread), 0, 255).astype(np.uint8)


def _png_chunks(meta: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """What a PNG says besides its pixels, as names and bodies of chunks."""
    chunks = []
    if "icc" in meta:
        chunks.append((b"iCCP", b"icc\0\0" + zlib.compress(unpacked(meta["icc"]))))
    if "dpi" in meta:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(dpi / _INCH) for dpi in meta["dpi"]), _A_METRE)))
    if "exif" in meta:
        chunks.append((b"eXIf", unpacked(meta["exif"]).removeprefix(b"Exif\0\0")))
    return chunks


def _encode_pillow(path: Path, image: np.ndarray, meta: dict[str, Any]) -> None:
    from PIL import Image

    suffix = path.suffix.lower()
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    options: dict[str, Any] = {}
    if suffix in (".jpg", ".jpeg"):
        options = {"quality": 95, "subsampling": 0}
    elif suffix == ".webp":
        options = {"lossless": True, "exact": True}
    if "icc" in meta:
        options["icc_profile"] = unpacked(meta["icc"])
    if "exif" in meta:
        options["exif"] = unpacked(meta["exif"])
    if "dpi" in meta:
        options["dpi"] = tuple(meta["dpi"])
    picture.save(path, **options)
