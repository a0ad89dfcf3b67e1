"""Pictures of the Fourier-feature test set, at the size of a setting."""

from pathlib import Path

import numpy as np
from skimage.io import imread

from faithful.study import Setting
from faithful.training import block_mean

NAMES = ("00", "05", "10", "14")  # of sixteen, spread over the set; 14 is the lion
ALL = tuple(f"{index:02d}" for index in range(16))


def names(setting: Setting) -> tuple[str, ...]:
    """Four pictures, or all of them at paper size."""
    return ALL if setting.paper else NAMES


def load(data: Path, name: str, side: int) -> np.ndarray:
    """Pixels (side, side, 3) in [0, 255]: the picture of 512x512, averaged over squares."""
    pixels = imread(data / "div2k_512" / f"{name}.png").astype(np.float32)
    return block_mean(pixels, 512 // side) if side < 512 else pixels
