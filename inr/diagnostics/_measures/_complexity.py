"""How complex the functions are that a network begins with.

Teney et al., Neural Redshift: random networks are not random functions, CVPR 2024: what a network is inclined to shows
in its outputs before any training, and has more to do with its activation and weights than with gradient descent.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float

from inr._errors import InrError
from inr.field import Field


class Complexity(NamedTuple):
    """Three measures of one function on [-1, 1]^d.

    Attributes:
        fourier: the mean frequency of its Fourier coefficients' sizes, in cycles over the domain.
        chebyshev: the mean order of the sizes of its Chebyshev coefficients: the steadiest of the three.
        lempel_ziv: words of its signs' dictionary, over that of as many random signs: near 0 for a constant, 1 for
            noise.
    """

    fourier: float
    chebyshev: float
    lempel_ziv: float


@torch.no_grad()
def untrained_complexity(field: Field, *, points: int | None = None) -> Complexity:
    """The complexity of a field as it stands, which for a new one is that of its initial weights.

    Args:
        field: of one to three axes; the first channel is looked at.
        points: along an axis; 256, 64 or 16 if not given.

    Raises:
        InrError: a field of more axes.
    """
    dims = field.domain.in_dim
    if dims > 3:
        raise InrError(f"complexity is measured on grids of up to 3 axes, not {dims}")
    count = points or {1: 256, 2: 64, 3: 16}[dims]
    even = (2 * torch.arange(count) + 1) / count - 1
    nodes = torch.cos(torch.pi * (torch.arange(count) + 0.5) / count)

    def on(places: torch.Tensor) -> np.ndarray:
        mesh = torch.stack([each.flatten() for each in torch.meshgrid(*[places] * dims, indexing="ij")], dim=1)
        return field(mesh.to(field.dtype))[:, 0].double().reshape([count] * dims).numpy()

    values = on(even)
    signs = (values > np.median(values)).ravel()
    noise = np.random.default_rng(0).random(signs.size) > 0.5
    return Complexity(
        fourier_complexity(values), chebyshev_complexity(on(nodes)), lempel_ziv_words(signs) / lempel_ziv_words(noise)
    )


def fourier_complexity(values: Float[np.ndarray, "*shape"]) -> float:
    """Σ k |f_k| / Σ |f_k| of samples on an even grid, without the mean; k in cycles over the whole.

    >>> round(inr.diagnostics.fourier_complexity(np.sin(2 * np.pi * 5 * np.arange(64) / 64)), 6)
    5.0
    """
    sizes = np.abs(np.fft.fftn(values - values.mean()))
    squares = [np.square(np.fft.fftfreq(size) * size) for size in values.shape]
    radius = np.sqrt(sum(np.meshgrid(*squares, indexing="ij")))
    return _mean_of(radius, sizes)


def chebyshev_complexity(values: Float[np.ndarray, "*shape"]) -> float:
    """The mean order of Chebyshev coefficients' sizes, without the constant, of values at Chebyshev's nodes.

    Args:
        values: at cos(π (i + 1/2) / n) along every axis.
    """
    found = values
    for axis, size in enumerate(values.shape):
        angles = np.pi * np.outer(np.arange(size), np.arange(size) + 0.5) / size
        matrix = np.cos(angles) * (2 - (np.arange(size) == 0))[:, None] / size
        found = np.moveaxis(np.tensordot(matrix, found, axes=(1, axis)), 0, axis)
    squares = [np.square(np.arange(size, dtype=float)) for size in found.shape]
    orders = np.sqrt(sum(np.meshgrid(*squares, indexing="ij")))
    sizes = np.abs(found)
    sizes.flat[0] = 0.0
    return _mean_of(orders, sizes)


def lempel_ziv_words(signs: Bool[np.ndarray, " n"]) -> int:
    """The words that a sequence falls into, each the shortest that did not come before (Lempel and Ziv, 1978).

    >>> inr.diagnostics.lempel_ziv_words(np.zeros(10, dtype=bool))
    4
    """
    words: set[bytes] = set()
    text, start, count = np.asarray(signs, np.uint8).tobytes(), 0, 0
    for stop in range(1, len(text) + 1):
        if text[start:stop] not in words:
            words.add(text[start:stop])
            start, count = stop, count + 1
    return count


def _mean_of(orders: np.ndarray, sizes: np.ndarray) -> float:
    whole = float(sizes.sum())
    return float((orders * sizes).sum()) / whole if whole > 1e-12 else 0.0
