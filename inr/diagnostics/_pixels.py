"""Values as pictures: tones, transparency, amplified errors, sizes."""

import numpy as np
from PIL import Image

from inr.signals import Domain

# longest side of a panel, and the least that small pictures are enlarged to
LARGEST, SMALLEST = 1024, 320
# factors an error is shown at
_FACTORS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_CHECKER = 8
_SAMPLED = 1_000_000  # distances that are enough to tell what most of them are


def picture(values: np.ndarray, domain: Domain) -> np.ndarray:
    """Values (h, w, c) in own units as uint8 RGB (h, w, 3): the domain's range from black to white.

    One channel is grey, the fourth of four (the second of two, in pictures) is transparency, shown over a
    checkerboard; of any other number the first is shown.
    """
    tones = domain.values.normalise(values.astype(np.float32))
    tones *= 0.5  # in place from here: pictures may be large
    tones += 0.5
    colour, alpha = _colour(np.clip(tones, 0, 1, out=tones), domain)
    if alpha is not None:
        colour = colour * alpha + _checkerboard(values.shape[0], values.shape[1]) * (1 - alpha)
    return _as_rgb(colour)


def error_picture(original: np.ndarray, fit: np.ndarray, domain: Domain) -> tuple[np.ndarray, int]:
    """The distance between values (h, w, c) in own units, amplified, on black: uint8 RGB (h, w, 3) and the factor.

    The factor is the largest of 1, 2, 5, 10 … that leaves 99 % of the distances unclipped.
    """
    share = fit - original.astype(np.float32)
    np.abs(share, out=share)
    share /= domain.values.data_range
    worst = float(np.quantile(share.reshape(-1)[:: max(share.size // _SAMPLED, 1)], 0.99))
    factor = max((factor for factor in _FACTORS if factor * worst < 1.001), default=1)
    share *= factor
    np.clip(share, 0, 1, out=share)
    return _as_rgb(share if share.shape[2] in (1, 3) else share.max(axis=2, keepdims=True)), factor


def fitted(pixels: np.ndarray, largest: int = LARGEST, smallest: int = SMALLEST) -> Image.Image:
    """RGB pixels as an image that is neither huge nor tiny: averaged down, or enlarged in whole squares."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    longest = max(image.size)
    if longest > largest:
        scale = largest / longest
        return image.resize(
            (max(round(image.width * scale), 1), max(round(image.height * scale), 1)), Image.Resampling.BOX
        )
    if longest < smallest:
        factor = -(-smallest // longest)
        return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    return image


def _as_rgb(tones: np.ndarray) -> np.ndarray:
    """Tones (h, w, 1 or 3) from 0 to 1, which are overwritten, as uint8 (h, w, 3)."""
    tones *= 255
    np.rint(tones, out=tones)
    return np.broadcast_to(tones.astype(np.uint8), (*tones.shape[:2], 3))


def _colour(tones: np.ndarray, domain: Domain) -> tuple[np.ndarray, np.ndarray | None]:
    """Grey or RGB channels, and the transparency if there is one."""
    channels = tones.shape[2]
    if channels in (1, 3):
        return tones, None
    if channels == 4 or (channels == 2 and domain.kind == "image"):
        return tones[..., :-1], tones[..., -1:]
    return tones[..., :1], None


def _checkerboard(height: int, width: int) -> np.ndarray:
    rows, columns = np.indices((height, width), sparse=True)
    return np.where((rows // _CHECKER + columns // _CHECKER) % 2, 0.8, 0.95)[..., None]
