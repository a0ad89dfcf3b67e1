"""What a picture takes in the formats that everybody knows, beside a field."""

import functools
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image, features

from inr._errors import InrError
from inr.serving.views._display import pixels
from inr.signals import Domain, GridSignal, lossless_size
from inr.signals import psnr as measured_psnr

_MAX_PIXELS = 16 << 20  # each format is tried some seven times, and no answer may take minutes
_MAX_AVIF_PIXELS = 4 << 20  # it takes some seconds for more


@dataclass(frozen=True)
class _Coded:
    quality: int
    bytes: int
    psnr: float


def codec_sizes(
    array: np.ndarray, domain: Domain, *, psnr: float | None = None, bytes: int | None = None
) -> list[dict[str, Any]]:
    """Bytes and quality of a picture in JPEG, WebP and AVIF at a PSNR or a size, and without loss.

    Args:
        array: the samples (H, W, C).
        domain: of the picture; 8 bits of its value range are coded.
        psnr: in dB; the lowest setting that reaches it is told, or else the best there is.
        bytes: the highest setting that takes no more is told, or else the smallest there is.

    Returns:
        For each format its name, the setting (None where there is none), bytes, and PSNR in dB (None without loss).

    Raises:
        InrError: no picture, one that is too large, or not one of the two limits.
    """
    if domain.kind != "image":
        raise InrError(f"sizes of picture formats are of pictures, and this is of kind {domain.kind}")
    if (psnr is None) == (bytes is None):
        raise InrError("give either psnr, in dB, or bytes")
    if not 0 < (psnr or bytes or 0) < math.inf:
        raise InrError("psnr and bytes are numbers above 0")
    if math.prod(array.shape[:2]) > _MAX_PIXELS:
        raise InrError(
            f"formats are compared for pictures of up to {_MAX_PIXELS:,} pixels, not {math.prod(array.shape[:2]):,}"
        )
    shown = pixels(array, domain)
    lossless = lossless_size(GridSignal(array, domain))
    found: list[dict[str, Any]] = [{"format": lossless.format, "quality": None, "bytes": lossless.bytes, "psnr": None}]
    for name, variants in _formats(shown).items():
        coded = [_searched(functools.partial(_coded, shown, name, options), psnr, bytes) for options in variants]
        best = _best(coded, psnr, bytes)
        told = None if math.isinf(best.psnr) else round(best.psnr, 2)
        found.append({"format": name, "quality": best.quality, "bytes": best.bytes, "psnr": told})
    return found


def _formats(shown: UInt8[np.ndarray, "h w k"]) -> dict[str, list[dict[str, Any]]]:
    """The formats that can hold pixels, with what their settings are tried beside."""
    found: dict[str, list[dict[str, Any]]] = {}
    if shown.shape[2] in (1, 3):
        found["JPEG"] = [{"optimize": True, "subsampling": subsampling} for subsampling in (0, 2)]
    if features.check("webp"):
        found["WEBP"] = [{"method": 4}]
    if features.check("avif") and shown.shape[0] * shown.shape[1] <= _MAX_AVIF_PIXELS:
        found["AVIF"] = [{"speed": 8, "subsampling": subsampling} for subsampling in ("4:4:4", "4:2:0")]
    return found


def _searched(code: Callable[[int], _Coded], least: float | None, most: int | None) -> _Coded:
    """By bisection over settings from 1 to 100, as far as quality and bytes grow with them."""

    def enough(coded: _Coded) -> bool:
        return coded.psnr >= least if least is not None else coded.bytes > (most or 0)

    low, high = 0, 101  # the first setting that is enough lies above low, at most at high
    tried: dict[int, _Coded] = {}
    while high - low > 1:
        middle = (low + high) // 2
        tried[middle] = code(middle)
        low, high = (low, middle) if enough(tried[middle]) else (middle, high)
    wanted = min(high, 100) if least is not None else max(high - 1, 1)
    return tried.get(wanted) or code(wanted)


def _best(coded: list[_Coded], least: float | None, most: int | None) -> _Coded:
    """The smallest that reaches a quality, or the best within a size."""
    if least is not None:
        return min(coded, key=lambda each: (each.psnr < least, each.bytes))
    return max(coded, key=lambda each: (each.bytes <= (most or 0), each.psnr))


def _coded(shown: UInt8[np.ndarray, "h w k"], name: str, options: dict[str, Any], quality: int) -> _Coded:
    image = Image.fromarray(shown[..., 0] if shown.shape[2] == 1 else shown)
    data = io.BytesIO()
    image.save(data, name, quality=quality, **options)
    with Image.open(data) as decoded:
        back = np.asarray(decoded.convert(image.mode)).reshape(shown.shape)
    return _Coded(quality, len(data.getvalue()), measured_psnr(shown, back, 255))
