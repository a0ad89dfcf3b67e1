"""Blur by a known point spread function, with the edges of the picture mirrored, its adjoint, and its kernels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from inr._errors import InrError
from inr.reconstruction._inputs import plain_picture

_REACH = 4.0  # standard deviations up to which a Gaussian is not cut off
_LARGEST = 129  # pixels a side of a kernel


def gaussian_kernel(sigma: float) -> Float[np.ndarray, "k k"]:
    """A Gaussian of a standard deviation in pixels, sampled at their centres; it sums to 1.

    Raises:
        InrError: a standard deviation that is not positive, or too large.
    """
    if not 0 < sigma <= (_LARGEST - 1) / 2 / _REACH:
        raise InrError(f"a blur has a standard deviation above 0 and up to {(_LARGEST - 1) / 2 / _REACH:g} pixels")
    reach = max(int(np.ceil(_REACH * sigma)), 1)
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = np.outer(line, line)
    return kernel / kernel.sum()


def read_kernel(given: Any) -> Float[np.ndarray, "k l"]:
    """A point spread function: a standard deviation in pixels, a picture, or an array (k, l); odd sides, sum 1.

    Raises:
        InrError: even sides, negative weights, too large a kernel, or one without weights.
    """
    if isinstance(given, int | float) or (isinstance(given, str) and _is_number(given)):
        return gaussian_kernel(float(given))
    kernel = np.asarray(given, np.float64) if isinstance(given, np.ndarray) else plain_picture(given, "the kernel")[0]
    kernel = kernel.mean(-1) if kernel.ndim == 3 else kernel
    if kernel.ndim != 2 or not all(side % 2 for side in kernel.shape) or max(kernel.shape) > _LARGEST:
        sides = " x ".join(map(str, kernel.shape[::-1]))
        raise InrError(f"a kernel has odd sides of up to {_LARGEST} pixels, with its centre in the middle, not {sides}")
    if not np.isfinite(kernel).all() or kernel.min() < 0 or kernel.sum() <= 0:
        raise InrError("the weights of a kernel are 0 or more, and not all are 0")
    return kernel / kernel.sum()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def mirrored(places: np.ndarray, size: int) -> np.ndarray:
    """Indices of pixels of an axis, those beyond its ends mirrored at the edges."""
    inside = places % (2 * size)
    return np.where(inside < size, inside, 2 * size - 1 - inside)


class Blur:
    """A linear operator on pictures: every pixel becomes the mean of its surroundings, weighted by a kernel.

    Args:
        kernel: (k, l) with odd sides, the point spread function: what a single bright pixel becomes.
        shape: of the picture, (h, w).
    """

    def __init__(self, kernel: Float[np.ndarray, "k l"], shape: Sequence[int]) -> None:
        self.kernel = kernel
        self.shape = tuple(shape)
        self.reach = kernel.shape[0] // 2, kernel.shape[1] // 2
        # what is gathered for a pixel comes from the side opposite to where a bright one spreads
        self._weights = torch.from_numpy(np.ascontiguousarray(kernel[::-1, ::-1]))

    def rows_and_columns(self, window: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
        """Pixels, by row and column, that the blurred pixels of a window are means of."""
        found = []
        for part, size, reach in zip(window, self.shape, self.reach, strict=True):
            found.append(mirrored(np.arange(part.start - reach, part.stop + reach), size))
        return found[0], found[1]

    def gather(self, surroundings: Float[Tensor, "h w c"]) -> Float[Tensor, "rows columns c"]:
        """Blurred pixels of a window, from the pixels at its `rows_and_columns`."""
        channels = surroundings.permute(2, 0, 1)[:, None]
        blurred = F.conv2d(channels, self._weights.to(channels)[None, None])
        return blurred[:, 0].permute(1, 2, 0)

    def __call__(self, picture: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "h w c"]:
        """The blurred picture."""
        rows, across = self.rows_and_columns((slice(0, self.shape[0]), slice(0, self.shape[1])))
        surroundings = torch.from_numpy(np.ascontiguousarray(picture[np.ix_(rows, across)]))
        return self.gather(surroundings).numpy()

    def adjoint(self, picture: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "h w c"]:
        """The transpose: every pixel is spread by the kernel, what leaves the picture comes back at its edges."""
        rows, across = self.rows_and_columns((slice(0, self.shape[0]), slice(0, self.shape[1])))
        channels = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[:, None]
        spread = F.conv_transpose2d(channels, self._weights.to(channels)[None, None])[:, 0].permute(1, 2, 0).numpy()
        found = np.zeros(picture.shape, picture.dtype)
        np.add.at(found, np.ix_(rows, across), spread)
        return found
