"""The noise of a picture, estimated from the picture alone.

Source: Immerkaer, Fast noise variance estimation, 1996, with the median in the place of the mean, which edges move less
(Donoho and Johnstone, Ideal spatial adaptation by wavelet shrinkage, 1994).
"""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import convolve

from inr._errors import InrError

_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6  # of noise 1 it has standard deviation 1
_GAUSSIAN = 0.674489750196082  # the median of |z| for normal z


def estimate_noise(picture: Float[np.ndarray, "h w c"]) -> float:
    """The standard deviation of white noise in a picture, in its units, a root mean square over channels.

    Args:
        picture: float, at least 3 x 3. What of its own the mask leaves, the difference of two Laplacians, passes for
            noise: fine textures all over it, but no edges.

    Raises:
        InrError: a smaller picture.

    >>> noise = np.random.default_rng(0).normal(0, 0.1, (64, 64, 1))
    >>> 0.095 < inr.reconstruction.estimate_noise(noise) < 0.105
    True
    """
    if min(picture.shape[:2]) < 3:
        size = f"{picture.shape[1]} x {picture.shape[0]}"
        raise InrError(f"noise is estimated from pictures of at least 3 x 3 pixels, not {size}; give it")
    squares = []
    for channel in np.moveaxis(picture, -1, 0):
        left = convolve(channel, _MASK, mode="reflect")[1:-1, 1:-1]
        squares.append((np.median(np.abs(left)) / _GAUSSIAN) ** 2)
    return float(np.sqrt(np.mean(squares)))
