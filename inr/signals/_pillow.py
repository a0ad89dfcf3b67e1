"""Pictures that pillow decodes: as a viewer would show them, within bounds."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.signals import _colour, _png
from inr.signals._libraries import check_bytes, reading
from inr.signals._picture import Picture, described

# No deflate or JPEG stream grows more than about a thousandfold: a header that claims more is a lie.
_MAX_EXPANSION = 2000
_PLAIN_MODES = {"1": "L", "P": "RGB", "PA": "RGBA", "YCbCr": "RGB", "HSV": "RGB"}
_CONVERTED = ("CMYK", "LAB")  # to sRGB: the profile was of what is gone
_LYING = 5  # orientations from here on exchange rows and columns
_ORIENTATION, _RESOLUTION = 0x0112, 0x011A
_ORIENTED: dict[int, Callable[[np.ndarray], np.ndarray]] = {  # EXIF orientation: the stored pixels made upright
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@contextlib.contextmanager
def opened(path: Path, form: str) -> Iterator[Any]:
    """The picture at `path`, its pixels not decoded yet."""
    with path.open("rb") as file, reading(path, f"{form} image"):
        yield plugin(form)(file)


def decode(path: Path, form: str, max_bytes: int) -> Picture:
    """The picture at `path`; raises InrError where it is animated."""
    with opened(path, form) as image:
        if form != "TIFF" and getattr(image, "n_frames", 1) > 1:
            raise InrError(f"{path} is an animated {form}; open it by itself, as a video")
        check_size(path, image.size, 4 if image.mode in ("F", "I", "RGBA", "P") else len(image.getbands()), max_bytes)
        if form == "PNG":
            _png.check(path)
        image.load()
        pixels = _plain(image)
        return Picture(turned(pixels, orientation(image)), what_it_says(image, form, pixels.shape[2]))


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Stored pixels (H, W, C) made upright, by the number that EXIF has for how they lie."""
    return _ORIENTED.get(orientation, np.asarray)(pixels)


def orientation(image: Any) -> int:
    """How the pixels lie, by EXIF or XMP; of a TIFF upright once it is loaded."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF is no reason to refuse the pixels
        return 1


def what_it_says(image: Any, form: str, channels: int) -> dict[str, Any]:
    """The meta of a picture that was loaded."""
    try:
        exif = image.getexif()
    except Exception:
        exif = None
    dpi = image.info.get("dpi")
    if form == "JPEG" and image.info.get("jfif_unit") not in (1, 2) and _RESOLUTION not in (exif or ()):
        dpi = None  # pillow's guess
    if dpi is not None and orientation(image) >= _LYING:
        dpi = dpi[::-1]
    icc = None if image.mode in _CONVERTED else image.info.get("icc_profile")
    return described(channels, icc=icc, exif=exif, dpi=dpi)


def check_size(path: Path, size: tuple[int, int], pixel_bytes: int, max_bytes: int) -> None:
    """Refuse more pixels than `max_bytes` hold, or than a file of this size can."""
    width, height = size
    if width == 0 or height == 0:
        raise InrError(f"{path} is damaged: it claims {width} x {height} pixels")
    check_bytes(path, width * height * pixel_bytes, max_bytes, f"{width} x {height} pixels")
    held = path.stat().st_size
    if width * height > 8 * held * _MAX_EXPANSION:
        raise InrError(f"{path} is damaged: it claims {width} x {height} pixels but holds {held} bytes")


def _plain(image: Any) -> np.ndarray:
    """Pixels (H, W, C) of grey or RGB, with alpha where there is transparency."""
    if "transparency" in image.info:
        image = image.convert("LA" if image.mode in ("1", "L") else "RGBA")
    elif image.mode == "LAB":
        image = _colour.lab_to_rgb(image)
    elif image.mode in _PLAIN_MODES:
        image = image.convert(_PLAIN_MODES[image.mode])
    pixels = np.asarray(image)
    if image.mode == "CMYK":
        return _colour.cmyk_to_rgb(pixels, image.info.get("icc_profile"), 255)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def plugin(form: str) -> Any:
    """What opens a file of a format, without the size limit and the warnings of `Image.open`."""
    from PIL import GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

    return {
        "GIF": GifImagePlugin.GifImageFile,
        "JPEG": JpegImagePlugin.JpegImageFile,
        "PNG": PngImagePlugin.PngImageFile,
        "TIFF": TiffImagePlugin.TiffImageFile,
        "WebP": WebPImagePlugin.WebPImageFile,
    }[form]
