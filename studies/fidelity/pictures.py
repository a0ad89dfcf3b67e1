"""Pictures of the Fourier-feature test set, at the size of a setting."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from skimage.io import imread

from studies.fidelity.study import Run, Setting, Values
from studies.fidelity.training import block_mean

NAMES = ("00", "05", "10", "14")  # of sixteen, spread over the set; 14 is the lion
ALL = tuple(f"{index:02d}" for index in range(16))


def names(setting: Setting) -> tuple[str, ...]:
    """Four pictures, or all of them at paper size."""
    return ALL if setting.paper else NAMES


def runs(
    setting: Setting, seeds: Sequence[int], methods: Iterable[str], make: Callable[[Setting, str, str, int], Values]
) -> list[Run]:
    """Every method on every picture, by make(setting, method, picture, seed)."""
    return [
        Run(method, name, seed, partial(make, setting, method, name, seed))
        for seed in seeds
        for name in names(setting)
        for method in methods
    ]


def load(data: Path, name: str, side: int) -> np.ndarray:
    """Pixels (side, side, 3) in [0, 255]: the picture of 512x512, averaged over squares."""
    pixels = imread(data / "div2k_512" / f"{name}.png").astype(np.float32)
    return block_mean(pixels, 512 // side) if side < 512 else pixels
