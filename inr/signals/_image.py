"""Images: PNG, JPEG, WebP and TIFF, 8 and 16 bits and float, grey to RGBA.

The pixels are those a viewer would show: a palette is looked up, one bit becomes 0 or 255, a transparent
colour becomes alpha, CMYK becomes RGB, and the orientation noted in EXIF is applied (not in 16-bit PNG).
"""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.signals import _png
from inr.signals._arrays import GridSamples, build_grid, grid_axes, real_array
from inr.signals._domain import ValueMap
from inr.signals._libraries import check_bytes, quiet_logger, reading, silent_stderr

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
_MAGIC = {
    _png.SIGNATURE: "PNG",
    b"\xff\xd8\xff": "JPEG",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF"),
}
# No deflate or JPEG stream grows more than about a thousandfold: a header that claims more is a lie.
_MAX_EXPANSION = 2000
_PLAIN_MODES = {"1": "L", "P": "RGB", "PA": "RGBA", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB"}
_MAX_SIDE = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}
_TIFFFILE_UNPACKS = ("NONE", "ADOBE_DEFLATE", "DEFLATE")
_ORIENTED = {  # EXIF orientation: the stored pixels made upright
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


def read(path: Path, max_bytes: int) -> GridSamples:
    """The image at `path`."""
    image = read_pixels(path, max_bytes)
    return build_grid(image, "image", grid_axes("image", image.shape[:2], {}), {}, source=str(path))


def read_pixels(path: Path, max_bytes: int) -> np.ndarray:
    """Pixels (H, W, C) of the image at `path`, in the file's own sample type."""
    form = _format(path)
    if form == "TIFF":
        pixels = _decode_tiff(path, max_bytes)
    elif form == "PNG" and (header := _png.read_header(path)).depth == 16:
        _check_size(path, (header.width, header.height), 8, max_bytes)
        with reading(path, "PNG image"):
            pixels = _decode_16_bit_png(path)
    else:
        pixels = _decode_pillow(path, form, max_bytes)
    return real_array(pixels if pixels.ndim == 3 else pixels[..., None], str(path))


def image_format(head: bytes) -> str | None:
    """PNG, JPEG, WebP or TIFF, when a file that begins with `head` is one of them."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((form for magic, form in _MAGIC.items() if head.startswith(magic)), None)


def _format(path: Path) -> str:
    with path.open("rb") as file:
        form = image_format(file.read(12))
    if form is None:
        raise InrError(f"{path} is not a PNG, JPEG, WebP or TIFF image, whatever its name says")
    return form


def _decode_pillow(path: Path, form: str, max_bytes: int) -> np.ndarray:
    with path.open("rb") as file, reading(path, f"{form} image"):
        # the plug-in itself, as Image.open has a size limit of its own, with warnings
        image = _plugin(form)(file)
        if getattr(image, "n_frames", 1) > 1 and form == "WebP":
            raise InrError(f"{path} is an animated WebP; save it as .gif or .mp4, or its frames as a folder of .png")
        _check_size(path, image.size, 4 if image.mode in ("F", "I", "RGBA", "P") else len(image.getbands()), max_bytes)
        if form == "PNG":
            _png.check(path)
        image.load()
        orientation = _orientation(image)  # after load, which turns a TIFF upright by itself
        if "transparency" in image.info:
            image = image.convert("LA" if image.mode in ("1", "L") else "RGBA")
        elif image.mode in _PLAIN_MODES:
            image = image.convert(_PLAIN_MODES[image.mode])
        return _ORIENTED.get(orientation, np.asarray)(np.asarray(image))


def _decode_16_bit_png(path: Path) -> np.ndarray:
    """The pixels of a 16-bit PNG, uint16 (H, W) or (H, W, C), by libpng where the extra `images` brings it.

    Pillow cuts colour of 16 bits down to 8. Our own reader gives the same pixels, and takes several times as long.
    """
    try:
        imagecodecs: Any = importlib.import_module("imagecodecs")
    except ImportError:
        return _png.decode(path)
    _png.check(path)  # libpng takes a file without its end
    with silent_stderr():
        return imagecodecs.png_decode(path.read_bytes())


def _plugin(form: str) -> Any:
    from PIL import JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

    return {
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "TIFF": TiffImagePlugin.TiffImageFile,
        "WebP": WebPImagePlugin.WebPImageFile,
    }[form]


def _orientation(image: Any) -> int:
    try:
        return image.getexif().get(0x0112, 1)
    except Exception:  # damaged EXIF is no reason to refuse the pixels
        return 1


def _check_size(path: Path, size: tuple[int, int], pixel_bytes: int, max_bytes: int) -> None:
    width, height = size
    if width == 0 or height == 0:
        raise InrError(f"{path} is damaged: it claims {width} x {height} pixels")
    check_bytes(path, width * height * pixel_bytes, max_bytes, f"{width} x {height} pixels")
    held = path.stat().st_size
    if width * height > 8 * held * _MAX_EXPANSION:
        raise InrError(f"{path} is damaged: it claims {width} x {height} pixels but holds {held} bytes")


def _decode_tiff(path: Path, max_bytes: int) -> np.ndarray:
    """TIFF by tifffile; what that leaves to a further library (LZW, JPEG, palettes) goes to pillow."""
    tifffile: Any = importlib.import_module("tifffile")
    with reading(path, "TIFF image"), quiet_logger("tifffile"), tifffile.TiffFile(path) as file:
        series, page = file.series[0], file.pages[0]
        check_bytes(path, series.size * series.dtype.itemsize, max_bytes, f"an array of shape {series.shape}")
        further = [other for other in file.series[1:] if not other.keyframe.is_reduced]  # a thumbnail is no page
        if further or series.axes not in ("YX", "YXS", "SYX"):
            raise InrError(f"{path} holds {len(file.pages)} pages; save one as an image, or the stack as .npy")
        direct = page.photometric.name in ("MINISBLACK", "RGB") and series.dtype.kind != "b"
        packing = page.compression.name
        if direct and packing in _TIFFFILE_UNPACKS:
            pixels = np.moveaxis(series.asarray(), 0, -1) if series.axes == "SYX" else series.asarray()
            return _ORIENTED.get(int(page.tags.valueof(274) or 1), np.asarray)(pixels)
        if series.ndim == 3 and series.dtype.itemsize > 1:
            raise InrError(f"{path} packs {series.dtype} colour with {packing}; save it unpacked, or with deflate")
    with silent_stderr():
        return _decode_pillow(path, "TIFF", max_bytes)


def encode(path: Path, image: np.ndarray, values: ValueMap) -> None:
    """Write (H, W, C) in the format of `path`'s suffix; see `write` for what becomes of its values.

    Raises InrError when the format cannot hold that many channels.
    """
    suffix = path.suffix.lower()
    channels = image.shape[2]
    if suffix in (".tif", ".tiff"):
        return _encode_tiff(path, image)
    allowed = (1, 3) if suffix in (".jpg", ".jpeg") else (1, 2, 3, 4)
    if channels not in allowed:
        raise InrError(f"{suffix} cannot hold {channels} channels; use {'.png or .tif' if channels <= 4 else '.tif'}")
    side = max(image.shape[:2])
    if side > _MAX_SIDE.get(suffix, side):
        raise InrError(f"{suffix} holds at most {_MAX_SIDE[suffix]} pixels a side, not {side}; use .png or .tif")
    if suffix == ".png" and image.dtype == np.uint16:
        return _png.encode(path, image)
    return _encode_pillow(path, to_8_bit(image, values))


def to_8_bit(image: np.ndarray, values: ValueMap) -> np.ndarray:
    """The value range spread over 0..255, rounded; 8-bit samples are left as they are."""
    if image.dtype == np.uint8:
        return image
    spread = (values.normalise(image.astype(np.float32)) + 1) * 127.5
    return np.clip(np.rint(spread), 0, 255).astype(np.uint8)


def _encode_pillow(path: Path, image: np.ndarray) -> None:
    from PIL import Image

    suffix = path.suffix.lower()
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    options: dict[str, Any] = {}
    if suffix in (".jpg", ".jpeg"):
        options = {"quality": 95, "subsampling": 0}
    elif suffix == ".webp":
        options = {"lossless": True, "exact": True}
    picture.save(path, **options)


def _encode_tiff(path: Path, image: np.ndarray) -> None:
    import tifffile

    channels = image.shape[2]
    if channels == 1:
        tifffile.imwrite(path, image[..., 0], photometric="minisblack")
        return
    colour = "rgb" if channels in (3, 4) else "minisblack"
    extra = {2: ["unassalpha"], 4: ["unassalpha"]}.get(channels)
    tifffile.imwrite(path, image, photometric=colour, planarconfig="contig", extrasamples=extra)
