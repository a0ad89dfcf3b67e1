"""What a picture's file says besides its pixels, as the plain JSON that a domain's `meta` keeps.

| key | value |
|---|---|
| icc | the colour profile, deflated, base64; none where it says sRGB |
| exif | EXIF, likewise, without what only that one file had: thumbnail, orientation, numbers of pixels, maker's notes |
| dpi | pixels an inch, [x, y] |
| opaque | true where there was an alpha channel, at its maximum everywhere, which is no channel of the signal then |
| tiff | photometric, extrasamples and planar, where a TIFF of so many channels usually has others |
| nodata | the value that stands for missing pixels in the file |
| geotiff | where the pixels lie on Earth: TIFF tags by name, as in "OGC GeoTIFF Standard", 2019 |
"""

import base64
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from inr.signals import _colour
from inr.signals._domain import Domain

_MAX_BYTES = 64_000  # of a deflated profile, or of EXIF, that is kept; JPEG holds no more of this
_MAX_INFLATED = 1 << 20  # what a crafted file may make of one
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_INTEROPERABILITY, _MAKER_NOTE = 0xA005, 0x927C
# orientation, resolution and its unit, the offsets of a thumbnail, numbers of pixels
_OF_ONE_FILE = {0x0112, 0x011A, 0x011B, 0x0128, 0x0201, 0x0202, 0xA002, 0xA003, _INTEROPERABILITY, _MAKER_NOTE}
_POINT_PIXELS = (1025, 0, 1, 2)  # the GeoKey that counts pixels from their centres


class Picture(NamedTuple):
    """A picture as it was decoded, upright.

    Attributes:
        pixels: (H, W, C), in the file's own sample type.
        meta: see above.
        missing: bool (H, W), true where the file says that there is no picture; None where it says nothing.
    """

    pixels: np.ndarray
    meta: dict[str, Any]
    missing: np.ndarray | None = None


def described(channels: int, *, icc: bytes | None = None, exif: Any = None, dpi: Any = None) -> dict[str, Any]:
    """The meta of a picture of so many channels; `exif` is a `PIL.Image.Exif`. What is damaged is left out."""
    meta: dict[str, Any] = {}
    if icc and _colour.fits(icc, channels) and not _colour.says_srgb(icc) and len(zlib.compress(icc, 9)) <= _MAX_BYTES:
        meta["icc"] = packed(icc)
    if exif is not None and (data := _lasting(exif)):
        meta["exif"] = packed(data)
    if dpi is not None and all(math.isfinite(number) and number > 0 for number in dpi):
        meta["dpi"] = [round(float(number), 4) for number in dpi]
    return meta


def without_opaque_alpha(picture: Picture) -> Picture:
    """The picture without an alpha channel that is at its maximum everywhere; its meta says so."""
    pixels, meta, missing = picture
    if not has_alpha(pixels.shape[2], meta) or (pixels[..., -1] != _opaque(pixels.dtype)).any():
        return picture
    return Picture(np.ascontiguousarray(pixels[..., :-1]), meta | {"opaque": True}, missing)


def with_opaque_alpha(image: np.ndarray, meta: Mapping[str, Any]) -> np.ndarray:
    """(H, W, C), and once more the channel that `without_opaque_alpha` took away, if it did."""
    if not meta.get("opaque") or image.shape[2] not in (1, 3):
        return image
    return np.concatenate([image, np.full_like(image[..., :1], _opaque(image.dtype))], axis=-1)


def has_alpha(channels: int, meta: Mapping[str, Any]) -> bool:
    """Whether the last of a picture's channels is transparency.

    Args:
        channels: how many there are.
        meta: of the picture's domain, which may say that the last one is something else.
    """
    return channels in (2, 4) and "extrasamples" not in meta.get("tiff", {})


def colour_profile(domain: Domain) -> bytes | None:
    """The ICC profile of a picture's colours, for files that show it.

    Args:
        domain: of any signal; it may come from a file of any origin.

    Returns:
        The profile; None where the colours are sRGB, or those of the display, or the profile is damaged.

    >>> inr.signals.colour_profile(inr.open("photo.png").domain) is None
    True
    """
    try:
        return unpacked(domain.meta["icc"]) if "icc" in domain.meta else None
    except (ValueError, TypeError, zlib.error):
        return None


def resampled_meta(domain: Domain, shape: Sequence[int]) -> dict[str, Any]:
    """The meta of a picture of (H, W) pixels that spans the domain: resolution and place follow the pixels."""
    meta = dict(domain.meta)
    lows = [axis.low for axis in domain.axes]
    steps = [(axis.high - axis.low) / n for axis, n in zip(domain.axes, reversed(shape), strict=True)]
    if "dpi" in meta:
        meta["dpi"] = [density / step for density, step in zip(meta["dpi"], steps, strict=True)]
    if "geotiff" in meta:
        meta["geotiff"] = _moved(meta["geotiff"], lows, steps)
    return meta


def metadata_bytes(domain: Domain) -> int:
    """The bytes that a picture's profile, EXIF and the like take in a file, whatever its format.

    Args:
        domain: of any signal; what is not of pictures counts as nothing.

    >>> inr.signals.metadata_bytes(inr.open("photo.png").domain)
    0
    """
    if domain.kind != "image" or not domain.meta:
        return 0
    return len(zlib.compress(json.dumps(dict(domain.meta), sort_keys=True).encode(), 9))


def without_story(domain: Domain) -> Domain:
    """The domain without what changes no pixel: EXIF and resolution. A few bytes have no room for them.

    Args:
        domain: of any signal.

    >>> domain = inr.open("photo.png").domain
    >>> inr.signals.without_story(domain) == domain
    True
    """
    return replace(domain, meta={key: value for key, value in domain.meta.items() if key not in ("exif", "dpi")})


def packed(data: bytes) -> str:
    """Bytes as text that JSON can hold."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9)
    return base64.b64encode(deflater.compress(data) + deflater.flush()).decode()


def unpacked(text: str) -> bytes:
    """What `packed` was given. Raises ValueError or zlib.error for anything else."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(base64.b64decode(text, validate=True), _MAX_INFLATED)
    if not inflater.eof:
        raise ValueError(f"a colour profile or EXIF of the file is cut short, or over {_MAX_INFLATED} bytes")
    return data


def _opaque(dtype: np.dtype) -> float:
    return np.iinfo(dtype).max if dtype.kind in "iu" else 1.0


def _lasting(exif: Any) -> bytes | None:
    """The EXIF that another picture of the same scene would have; None where there is none, or too much."""
    from PIL import Image

    kept = Image.Exif()
    try:
        for tag, value in exif.items():
            if tag not in _OF_ONE_FILE and tag not in (_EXIF_IFD, _GPS_IFD):
                kept[tag] = _as_stored(value)
        for directory in (_EXIF_IFD, _GPS_IFD):
            values = exif.get_ifd(directory).items()
            if found := {tag: _as_stored(value) for tag, value in values if tag not in _OF_ONE_FILE}:
                kept[directory] = found
        data = kept.tobytes() if len(kept) else b""
    except Exception:  # damaged EXIF is no reason to refuse the pixels
        return None
    return data if 0 < len(data) <= _MAX_BYTES else None


def _as_stored(value: Any) -> Any:
    """Text beyond ASCII as the bytes that pillow read as Latin-1, and would write as question marks."""
    return value.encode("latin-1") if isinstance(value, str) and not value.isascii() else value


def _moved(tags: Mapping[str, Any], lows: Sequence[float], steps: Sequence[float]) -> dict[str, Any]:
    """GeoTIFF tags for pixels of `steps` old ones, the first of which begins at `lows`, both x first.

    Old and new places of a raster are lows + steps (new + c) - c, where c is 1/2 if integers are centres of pixels.
    """
    tags = dict(tags)
    keys = tags.get("GeoKeyDirectory", [])
    centre = 0.5 if tuple(_POINT_PIXELS) in zip(*[iter(keys)] * 4, strict=False) else 0.0
    starts = [low + step * centre - centre for low, step in zip(lows, steps, strict=True)]
    if "ModelPixelScale" in tags:
        scale = tags["ModelPixelScale"]
        tags["ModelPixelScale"] = [scale[0] * steps[0], scale[1] * steps[1], *scale[2:]]
    if "ModelTiepoint" in tags:
        points = np.array(tags["ModelTiepoint"], np.float64).reshape(-1, 6)
        points[:, :2] = (points[:, :2] - starts) / steps
        tags["ModelTiepoint"] = points.ravel().tolist()
    if "ModelTransformation" in tags:
        matrix = np.array(tags["ModelTransformation"], np.float64).reshape(4, 4)
        matrix[:, 3] += matrix[:, :2] @ starts
        matrix[:, :2] *= steps
        tags["ModelTransformation"] = matrix.ravel().tolist()
    return tags
