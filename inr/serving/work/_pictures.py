"""Small pictures of signals and fields, for pages that show them while they are waited for."""

from pathlib import Path

import numpy as np
from PIL import Image

from inr.serving.views import pixels
from inr.signals import Domain

LARGEST_SIDE = 768  # pixels
_QUALITY = 85


def save_picture(array: np.ndarray, domain: Domain, path: Path) -> bool:
    """Write a picture of samples as WebP, as small as pages need it.

    Args:
        array: (..., H, W, C) in the domain's units; of volumes and videos the middle slice is shown.
        domain: of the samples.
        path: the file.

    Returns:
        Whether there is anything to show: there is not of sounds, series and scattered samples.
    """
    if domain.kind not in ("image", "video", "volume") or array.ndim < 3:
        return False
    while array.ndim > 3:
        array = array[len(array) // 2]
    stride = max(1, max(array.shape[:2]) // (4 * LARGEST_SIDE))  # spares huge pictures a float copy
    shown = pixels(array[::stride, ::stride], domain)
    return save_pixels(shown, path)


def save_pixels(shown: np.ndarray, path: Path) -> bool:
    """Write pixels, uint8 (h, w, k), in the same way; True."""
    picture = Image.fromarray(shown[..., 0] if shown.shape[2] == 1 else shown)
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    picture.save(path, "WEBP", quality=_QUALITY, method=2)
    return True
