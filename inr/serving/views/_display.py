"""Values as the pixels of a picture, the way that `inr render` writes them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Shaped, UInt8

from inr.signals import Domain, has_alpha, nan_samples

# What the qualities `error` and `slope` show, as shares of the value range, on a logarithmic scale.
DARKEST, BRIGHTEST = 1e-3, 1.0
COLOURS = {"error": "inferno", "slope": "viridis"}  # maps of matplotlib


def shown_channels(domain: Domain) -> tuple[int, bool]:
    """How many channels of colour a signal's pixels show, 1 or 3, and whether the next one is transparency.

    Of channels that are no colours the first is shown.
    """
    count = domain.channels
    if domain.kind in ("image", "video") and has_alpha(count, domain.meta):
        return count - 1, True
    return (3 if count == 3 else 1), False


def pixel_channels(domain: Domain) -> int:
    """The channels of the pixels that `pixels` makes: those that are shown, and alpha where there is any."""
    colours, alpha = shown_channels(domain)
    return colours + (alpha or bool(domain.missing))


def pixels(values: Shaped[np.ndarray, "*shape c"], domain: Domain) -> UInt8[np.ndarray, "*shape k"]:
    """Values in own units as 8-bit pixels: as they are where samples are uint8, and else the value range from 0 to 255.

    Pixels are grey, grey and alpha, RGB, or RGB and alpha.

    Missing samples, which are NaN, are transparent.
    """
    colours, alpha = shown_channels(domain)
    shown = values[..., : colours + alpha].astype(np.float32)
    missing = nan_samples(shown)
    if domain.dtype != "uint8":
        low, high = _ends(domain.values.low, shown), _ends(domain.values.high, shown)
        shown -= low
        shown *= np.float32(255) / (high - low)
    else:
        shown = np.clip(shown, _ends(domain.values.low, shown), _ends(domain.values.high, shown))
    if missing is not None:
        shown[missing] = 0
    rounded = np.clip(np.rint(shown, out=shown), 0, 255, out=shown).astype(np.uint8)
    if not domain.missing:
        return rounded
    opaque = rounded[..., -1:] if alpha else np.full((*rounded.shape[:-1], 1), 255, np.uint8)
    if missing is not None:
        opaque[missing] = 0
    return np.concatenate([rounded[..., :colours], opaque], axis=-1)


def tones(shares: Float[np.ndarray, "*shape"], domain: Domain) -> UInt8[np.ndarray, "*shape k"]:
    """Shares of the value range on the scale of `error` and `slope`: 0 for `DARKEST` and less, 255 for `BRIGHTEST`.

    Where samples of the domain are missing there is alpha, and shares that are NaN are transparent.
    """
    missing = np.isnan(shares)
    decades = np.log10(np.maximum(np.where(missing, 0, shares), DARKEST) / DARKEST)
    scale = 255 / np.log10(BRIGHTEST / DARKEST)
    shown = np.clip(np.rint(decades * scale), 0, 255).astype(np.uint8)
    planes = [shown, np.where(missing, 0, 255).astype(np.uint8)] if domain.missing else [shown]
    return np.stack(planes, axis=-1)


def coloured(grey: UInt8[np.ndarray, "h w k"], name: str) -> UInt8[np.ndarray, "h w 3"] | UInt8[np.ndarray, "h w 4"]:
    """Tones, with alpha or without, in the colours of one of matplotlib's maps."""
    from matplotlib import colormaps

    table = (colormaps[name](np.arange(256))[:, :3] * 255 + 0.5).astype(np.uint8)
    return np.concatenate([table[grey[..., 0]], grey[..., 1:]], axis=-1)


def _ends(ends: Sequence[float], shown: np.ndarray) -> np.ndarray:
    """The ends of the value range, for the channels that are shown."""
    return np.array(ends[: shown.shape[-1]], np.float32)
