"""Small signals to measure sets with: crops of pictures."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from inr.signals import Signal, from_array


def quartered(picture: np.ndarray) -> UInt8[np.ndarray, "h w c"]:
    """Means over 4 x 4 pixels of a picture of 8 bits, whose rest at the edges is left out."""
    high, wide = (length // 4 for length in picture.shape[:2])
    blocks = picture[: 4 * high, : 4 * wide].astype(np.float32).reshape(high, 4, wide, 4, picture.shape[2])
    return np.rint(blocks.mean((1, 3))).astype(np.uint8)


def crops(pictures: Sequence[np.ndarray], count: int, side: int, *, grey: bool = False) -> list[Signal]:
    """Crops at places drawn once, from each picture in turn.

    Args:
        pictures: uint8 (h, w, 3), none of them smaller than a crop.
        count: how many crops.
        side: pixels of each, in both directions.
        grey: the green channel alone.
    """
    rng = np.random.default_rng(0)
    found: list[Signal] = []
    for number in range(count):
        picture = pictures[number % len(pictures)]
        row, column = (rng.integers(length - side + 1) for length in picture.shape[:2])
        crop = np.ascontiguousarray(picture[row : row + side, column : column + side])
        found.append(from_array(np.ascontiguousarray(crop[..., 1]) if grey else crop, kind="image"))
    return found
