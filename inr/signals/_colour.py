"""Colour profiles (ICC): which ones need not be kept, and pictures turned into sRGB by them."""

import functools
import io
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.signals._libraries import load

_SPACES = {b"GRAY": (1, 2), b"RGB ": (3, 4)}  # what a profile is of: the channels of pictures that can have it


def fits(profile: bytes, channels: int) -> bool:
    """Whether a profile is one of pictures with so many channels, alpha among them."""
    return channels in _SPACES.get(profile[16:20], ())


@functools.lru_cache(maxsize=16)
def says_srgb(profile: bytes) -> bool:
    """Whether a profile's colours are those of sRGB, which goes without saying; also of one that is damaged."""
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(27, 27, 3)
    try:
        found = _by_pillow(colours[..., :1] if fits(profile, 1) else colours, profile)
    except Exception:
        return True
    expected = colours[..., :1] if fits(profile, 1) else colours
    return bool(np.abs(found.astype(np.int16) - expected).max() <= 1)


def to_srgb(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """Pixels (H, W, C) whose numbers mean the same colours in sRGB; an alpha channel is left as it is.

    Raises:
        InrError: a sample type that no converter takes.
        MissingExtra: more than 8 bits, without the library for them.
    """
    colours = 1 if pixels.shape[2] < 3 else 3
    if pixels.dtype == np.uint8:
        converted = _by_pillow(pixels[..., :colours], profile)
    elif pixels.dtype == np.uint16:
        converted = _by_imagecodecs(pixels[..., :colours], profile)
    else:
        raise InrError(f"colours of {pixels.dtype} cannot be turned into sRGB, those of uint8 and uint16 can")
    return np.concatenate([converted, pixels[..., colours:]], axis=-1)


def cmyk_to_rgb(inks: np.ndarray, profile: bytes | None, top: float) -> np.ndarray:
    """Pixels (H, W, 4) of inks from 0 to `top` as RGB: by their profile where there are 8 bits, or else as if on paper.

    Without a profile cyan takes away red in proportion, and so on.
    """
    if profile is not None and profile[16:20] == b"CMYK" and inks.dtype == np.uint8:
        try:
            return _by_pillow(inks, profile)
        except Exception:  # a damaged profile is no reason to refuse the pixels
            pass
    light = (top - inks.astype(np.float64)) / top
    colour = light[..., :3] * light[..., 3:] * top
    return (np.rint(colour) if inks.dtype.kind in "iu" else colour).astype(inks.dtype)


def ycbcr_to_rgb(pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) of luma and colour differences, of full range and as in BT.601, as RGB."""
    luma, blue, red = np.moveaxis(pixels.astype(np.float64), -1, 0)
    blue, red = blue - 128, red - 128
    planes = (luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue)
    return np.clip(np.rint(np.stack(planes, axis=-1)), 0, 255).astype(np.uint8)


def lab_to_rgb(image: Any) -> Any:
    """A pillow picture of mode LAB in sRGB."""
    from PIL import ImageCms

    spaces = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.applyTransform(image, ImageCms.buildTransform(*spaces, "LAB", "RGB"))


def _by_pillow(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """uint8 (H, W, 1, 3 or 4) in sRGB: grey stays one channel, inks become three."""
    from PIL import Image, ImageCms

    grey = pixels.shape[2] == 1
    image = (
        Image.fromarray(pixels[..., 0]) if grey else Image.fromarray(pixels, "RGB" if pixels.shape[2] == 3 else "CMYK")
    )
    target = ImageCms.createProfile("sRGB")
    found = ImageCms.profileToProfile(image, io.BytesIO(profile), target, outputMode="RGB")
    return np.asarray(found)[..., : 1 if grey else 3]


def _by_imagecodecs(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """uint16 (H, W, 1 or 3), likewise."""
    imagecodecs = load("imagecodecs", "images", "turning colours of more than 8 bits into sRGB")
    grey = pixels.shape[2] == 1
    found = imagecodecs.cms_transform(
        np.ascontiguousarray(pixels[..., 0] if grey else pixels), profile, imagecodecs.cms_profile("srgb"),
        colorspace="gray" if grey else "rgb", outcolorspace="rgb", intent=imagecodecs.CMS.INTENT.PERCEPTUAL,
        flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE,  # what is optimised is some levels of 8 bits off
    )  # fmt: skip
    return found[..., : 1 if grey else 3]
