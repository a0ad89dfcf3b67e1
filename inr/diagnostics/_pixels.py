"""Values as pictures: tones, transparency, amplified errors, sizes."""

import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8
from PIL import Image

from inr.signals import Domain, nan_samples

LONGEST_SIDE = 1024  # pixels; larger pictures are averaged down
ENLARGED_SIDE = 320  # pixels; smaller pictures are enlarged to it, or a little more
_AMPLIFICATIONS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_CHECKER_SIDE = 8  # pixels of a square
_HATCH_STEP, _HATCH_WIDTH = 8, 2  # pixels along a row, from line to line and of a line
_HATCH_COLOURS = np.array([[150, 150, 150], [225, 225, 225]], np.uint8)  # of a line, and between lines
_QUANTILE_SAMPLES = 1_000_000  # differences that are enough to tell what most of them are


def picture(values: Shaped[np.ndarray, "h w c"], domain: Domain) -> UInt8[np.ndarray, "h w 3"]:
    """Values (h, w, c) in own units as uint8 RGB (h, w, 3): the domain's range from black to white.

    One channel is grey, the fourth of four (the second of two, in pictures) is transparency, shown over a
    checkerboard; of any other number the first is shown. What is missing (NaN) is hatched.
    """
    missing = nan_samples(values)
    tones = domain.values.normalise(values.astype(np.float32))
    tones *= 0.5  # in place from here: pictures may be large
    tones += 0.5
    colour, alpha = _colour(np.clip(tones, 0, 1, out=tones), domain)
    if alpha is not None:
        colour = colour * alpha + _checkerboard(values.shape[0], values.shape[1]) * (1 - alpha)
    return _hatched(_as_rgb(np.nan_to_num(colour, copy=False)), missing)


def error_picture(
    original: Shaped[np.ndarray, "h w c"], fit: Float[np.ndarray, "h w c"], domain: Domain
) -> tuple[UInt8[np.ndarray, "h w 3"], int]:
    """The distance between values (h, w, c) in own units, amplified, on black: uint8 RGB (h, w, 3) and the factor.

    The factor is the largest of 1, 2, 5, 10 … that leaves 99 % of the distances unclipped. What is missing is hatched.
    """
    share = fit - original.astype(np.float32)
    missing = nan_samples(share)
    np.nan_to_num(np.abs(share, out=share), copy=False)
    share /= domain.values.data_range
    worst = float(np.quantile(share.reshape(-1)[:: max(share.size // _QUANTILE_SAMPLES, 1)], 0.99))
    factor = max((factor for factor in _AMPLIFICATIONS if factor * worst < 1.001), default=1)
    share *= factor
    np.clip(share, 0, 1, out=share)
    shown = _as_rgb(share if share.shape[2] in (1, 3) else share.max(axis=2, keepdims=True))
    return _hatched(shown, missing), factor


def fitted(
    pixels: UInt8[np.ndarray, "h w 3"], longest: int = LONGEST_SIDE, enlarged: int = ENLARGED_SIDE
) -> Image.Image:
    """Pixels as an image that is neither huge nor tiny.

    Args:
        pixels: uint8 RGB.
        longest: the longest side that is left as it is; larger pictures are averaged down to it.
        enlarged: the longest side that smaller pictures come to at least, each pixel in a whole square.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    side = max(image.size)
    if side > longest:
        scale = longest / side
        return image.resize(
            (max(round(image.width * scale), 1), max(round(image.height * scale), 1)), Image.Resampling.BOX
        )
    if side < enlarged:
        factor = -(-enlarged // side)
        return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    return image


def _hatched(pixels: UInt8[np.ndarray, "h w 3"], missing: Bool[np.ndarray, "h w"] | None) -> UInt8[np.ndarray, "h w 3"]:
    """Pixels with diagonal lines where they are missing."""
    if missing is None:
        return pixels
    rows, columns = np.nonzero(missing)
    hatched = pixels.copy()
    on_line = (rows + columns) % _HATCH_STEP < _HATCH_WIDTH
    hatched[rows, columns] = np.where(on_line[:, None], *_HATCH_COLOURS)
    return hatched


def _as_rgb(tones: Float[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w 3"]:
    """Tones (h, w, 1 or 3) from 0 to 1, which are overwritten, as uint8 (h, w, 3)."""
    tones *= 255
    np.rint(tones, out=tones)
    return np.broadcast_to(tones.astype(np.uint8), (*tones.shape[:2], 3))


def _colour(
    tones: Float[np.ndarray, "h w c"], domain: Domain
) -> tuple[Float[np.ndarray, "h w colours"], Float[np.ndarray, "h w 1"] | None]:
    """Grey or RGB channels, and the transparency if there is one."""
    channels = tones.shape[2]
    if channels in (1, 3):
        return tones, None
    if channels == 4 or (channels == 2 and domain.kind == "image"):
        return tones[..., :-1], tones[..., -1:]
    return tones[..., :1], None


def _checkerboard(height: int, width: int) -> Float[np.ndarray, "h w 1"]:
    rows, columns = np.indices((height, width), sparse=True)
    return np.where((rows // _CHECKER_SIDE + columns // _CHECKER_SIDE) % 2, 0.8, 0.95)[..., None]
