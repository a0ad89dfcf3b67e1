"""Values as pictures: tones, transparency, amplified errors, sizes."""

import numpy as np
from PIL import Image

from inr.signals import Domain

# longest side of a panel, and the least that small pictures are enlarged to
LARGEST, SMALLEST = 1024, 320
# factors an error is shown at
_FACTORS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_CHECKER = 8


def picture(values: np.ndarray, domain: Domain) -> np.ndarray:
    """Values (h, w, c) in own units as uint8 RGB (h, w, 3): the domain's range from black to white.

    One channel is grey, the fourth of four (the second of two, in pictures) is transparency, shown over a
    checkerboard; of any other number the first is shown.
    """
    tones = np.clip(domain.values.normalise(values.astype(np.float32)) * 0.5 + 0.5, 0, 1)
    colour, alpha = _colour(tones, domain)
    if alpha is not None:
        colour = colour * alpha + _checkerboard(values.shape[0], values.shape[1]) * (1 - alpha)
    return np.broadcast_to(np.rint(colour * 255).astype(np.uint8), (*values.shape[:2], 3))


def error_picture(error: np.ndarray, domain: Domain) -> tuple[np.ndarray, int]:
    """The size of an error (h, w, c) in own units, amplified, on black: uint8 RGB (h, w, 3) and the factor.

    The factor is the largest of 1, 2, 5, 10 … that leaves 99 % of the values unclipped.
    """
    share = np.abs(error).astype(np.float32) / domain.values.data_range
    worst = float(np.quantile(share, 0.99))
    factor = max((factor for factor in _FACTORS if factor * worst < 1.001), default=1)
    amplified = np.clip(share * factor, 0, 1)
    if error.shape[2] not in (1, 3):
        amplified = amplified.max(axis=2, keepdims=True)
    return np.broadcast_to(np.rint(amplified * 255).astype(np.uint8), (*error.shape[:2], 3)), factor


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
