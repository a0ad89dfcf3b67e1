"""Classical methods for pictures on their grid, on values from 0 to 1.

Sources: Chambolle, An algorithm for total variation minimization and applications, 2004 (by scikit-image); Wiener,
Extrapolation, interpolation and smoothing of stationary time series, 1949; Richardson 1972 and Lucy 1974; Damelin and
Hoang, On surface completion and image inpainting by biharmonic functions, 2018 (by scikit-image); Pérez, Gangnet and
Blake, Poisson image editing, SIGGRAPH 2003.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image
from scipy import fft, sparse
from scipy.sparse.linalg import spsolve

from inr.reconstruction._blur import Blur

Picture = Float[np.ndarray, "h w c"]
_HALVINGS = 18  # of the range, in logarithms, in which a strength is searched
_MOST_ITERATIONS = 200
_NEAR = 0.01  # of the noise, within which what is left may differ from it


def by_discrepancy(
    left: Callable[[float], float], wanted: float, low: float = 1e-6, high: float = 10.0
) -> float:  # fmt: skip
    """The strength at which as much is left of the data as there is noise (Morozov 1966).

    Args:
        left: the root mean square of what a method misses of the data, rising with its strength.
        wanted: the standard deviation of the noise.
        low, high: between which the strength lies.
    """
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(low * high))
        missed = left(middle)
        if abs(missed - wanted) < _NEAR * wanted:
            return middle
        low, high = (middle, high) if missed < wanted else (low, middle)
    return float(np.sqrt(low * high))


def denoised(noisy: Picture, strength: float) -> Picture:
    """The minimiser of half the squared distance plus so many times the total variation."""
    from skimage.restoration import denoise_tv_chambolle

    # not `tv_reconstruct`, which takes any operator: of the identity it needs up to twice as long for the same energy
    return np.asarray(
        denoise_tv_chambolle(noisy, weight=strength, eps=1e-5, max_num_iter=_MOST_ITERATIONS, channel_axis=-1)
    )


def root_mean_square(missed: np.ndarray) -> float:
    """Of all numbers."""
    return float(np.sqrt(np.mean(np.square(missed))))


def inpainted(picture: Picture, unknown: Bool[np.ndarray, "h w"]) -> Picture:
    """Biharmonic functions where pixels are unknown."""
    from skimage.restoration import inpaint_biharmonic

    return np.asarray(inpaint_biharmonic(np.where(unknown[..., None], 0.0, picture), unknown, channel_axis=-1))


def enlarged(picture: Picture, factor: int, kind: Image.Resampling) -> Picture:
    """A picture enlarged by Pillow."""
    size = picture.shape[1] * factor, picture.shape[0] * factor
    channels = [np.asarray(Image.fromarray(np.float32(each)).resize(size, kind)) for each in np.moveaxis(picture, 2, 0)]
    return np.stack(channels, 2)


def wiener(blurred: Picture, blur: Blur, balance: float) -> Picture:
    """Wiener's filter, with the powers of a picture falling as the fourth of the frequency.

    Exact for the mirrored edges of `Blur` where the kernel is symmetric.
    """
    height, width = blur.shape
    shape = 2 * height, 2 * width
    kernel = np.zeros(shape)
    down, across = (np.arange(-reach, reach + 1) for reach in blur.reach)
    np.add.at(kernel, np.ix_(down % shape[0], across % shape[1]), blur.kernel)
    transfer = fft.rfft2(kernel)[..., None]
    y, x = fft.fftfreq(shape[0])[:, None, None], fft.rfftfreq(shape[1])[None, :, None]
    rough = np.square(4 - 2 * np.cos(2 * np.pi * x) - 2 * np.cos(2 * np.pi * y))
    whole = np.concatenate((blurred, blurred[:, ::-1]), 1)
    whole = np.concatenate((whole, whole[::-1]), 0)
    found = fft.rfft2(whole, axes=(0, 1)) * transfer.conj() / (np.abs(transfer) ** 2 + balance * rough)
    return fft.irfft2(found, s=shape, axes=(0, 1))[:height, :width]


def richardson_lucy(blurred: Picture, blur: Blur, noise: float) -> tuple[Picture, int]:
    """Richardson's and Lucy's iteration, until what is left of the data is the noise; and the iterations."""
    data = np.maximum(blurred, 1e-6)
    found = np.full_like(data, data.mean())
    sums = blur.adjoint(np.ones_like(data))
    done = 0
    while done < _MOST_ITERATIONS:
        expected = np.maximum(blur(found), 1e-9)
        if root_mean_square(expected - blurred) <= noise:
            break
        found *= blur.adjoint(data / expected) / sums
        done += 1
    return found, done


def cloned(background: Picture, source: Picture, inside: Bool[np.ndarray, "h w"], *, mixed: bool) -> Picture:
    """The background with a picture within it that has the source's differences, by a sparse solver.

    Args:
        background, source: on one grid.
        inside: where the source's differences count.
        mixed: the larger of the source's and the background's differences count.
    """
    height, width = inside.shape
    numbers = np.full(inside.shape, -1)
    numbers[inside] = np.arange(inside.sum())
    rows, across = np.nonzero(inside)
    own = numbers[rows, across]
    diagonal = np.zeros(len(own))
    right = np.zeros((len(own), background.shape[2]))
    entries: list[tuple[np.ndarray, np.ndarray]] = []
    for down, beside in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        there = (rows + down >= 0) & (rows + down < height) & (across + beside >= 0) & (across + beside < width)
        here, r, c = own[there], rows[there], across[there]
        near = r + down, c + beside
        slope = source[r, c] - source[near]
        if mixed:
            other = background[r, c] - background[near]
            slope = np.where(np.abs(other) > np.abs(slope), other, slope)
        diagonal[here] += 1
        right[here] += slope
        unknown = inside[near]
        entries.append((here[unknown], numbers[near][unknown]))
        right[here[~unknown]] += background[near][~unknown]
    first = np.concatenate([pair[0] for pair in entries] + [own])
    second = np.concatenate([pair[1] for pair in entries] + [own])
    weights = np.concatenate([-np.ones(len(first) - len(own)), diagonal])
    matrix = sparse.csc_matrix((weights, (first, second)), shape=(len(own), len(own)))
    found = background.copy()
    found[inside] = np.asarray(spsolve(matrix, right)).reshape(len(own), -1)
    return found
