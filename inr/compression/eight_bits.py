"""Signals as the 8-bit pictures that all codecs take."""

import numpy as np
from jaxtyping import Shaped, UInt8

from inr._errors import InrError
from inr.signals import Domain, GridSignal, Signal, has_alpha, nan_samples


def eight_bit_picture(signal: Signal) -> tuple[UInt8[np.ndarray, "h w *c"], list[str]]:
    """A picture's grey or RGB pixels in 8 bits: of a video its first frame, without transparency.

    Args:
        signal: a picture, or an animation.

    Returns:
        Pixels (h, w) or (h, w, 3), and what they are not of the signal, a sentence a change.

    Raises:
        InrError: a signal of another kind, missing samples, or a number of channels that no picture has.

    >>> from inr.compression.eight_bits import eight_bit_picture
    >>> pixels, changes = eight_bit_picture(inr.open("photo.png"))
    >>> pixels.shape, changes
    ((24, 32, 3), [])
    """
    domain = signal.domain
    if not isinstance(signal, GridSignal) or domain.kind not in ("image", "video"):
        raise InrError(f"pictures are compared with other codecs, and this is a signal of kind {domain.kind}")
    samples, changes = signal.array, list[str]()
    if domain.kind == "video":
        changes.append(f"it is animated: frame 1 of {len(samples)} is taken")
        samples = samples[0]
    if domain.missing or nan_samples(samples) is not None:
        raise InrError("it has missing samples, which other codecs do not know; compare a picture without")
    if samples.dtype != np.uint8:
        changes.append(f"its samples of {domain.dtype} are rounded to 8 bits, which all codecs take")
    channels = samples.shape[2]
    if channels not in (1, 2, 3, 4):
        raise InrError(f"a picture has 1 to 4 channels, and this has {channels}")
    if channels in (2, 4) and not has_alpha(channels, domain.meta):
        raise InrError(f"its {channels} channels are neither grey nor RGB, with or without transparency")
    pixels = _rounded(samples, domain)
    if channels in (2, 4):
        if not (pixels[..., -1] == 255).all():
            changes.append("what is transparent is laid on white, as JPEG knows no transparency")
        pixels = _on_white(pixels)
    return np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels), changes


def _rounded(samples: Shaped[np.ndarray, "h w c"], domain: Domain) -> UInt8[np.ndarray, "h w c"]:
    if samples.dtype == np.uint8:
        return samples
    shares = (domain.values.normalise(samples.astype(np.float64)) + 1) / 2
    return np.rint(255 * shares.clip(0, 1)).astype(np.uint8)


def _on_white(pixels: UInt8[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w colours"]:
    opaque = pixels[..., -1:].astype(np.float64) / 255
    return np.rint(pixels[..., :-1] * opaque + 255 * (1 - opaque)).astype(np.uint8)
