"""How far a target's spectrum is from that of a network's outputs before training."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from inr._errors import InrError


def radial_spectrum(values: Float[np.ndarray, "*shape c"]) -> Float[np.ndarray, " k"]:
    """The sizes of Fourier coefficients by radius in cycles over the whole, without the mean, as shares.

    Args:
        values: on a grid, with a last axis of channels, over which sizes are added.

    Returns:
        (k,), of radii 1, 2, … up to the Nyquist frequency of the longest axis; they sum to 1.

    Raises:
        InrError: values that do not vary.
    """
    shape = values.shape[:-1]
    axes = tuple(range(len(shape)))
    sizes = np.abs(np.fft.fftn(values - values.mean(axis=axes), axes=axes)).sum(-1)
    squares = [np.square(np.fft.fftfreq(size) * size) for size in shape]
    radius = np.rint(np.sqrt(sum(np.meshgrid(*squares, indexing="ij")))).astype(int)
    last = max(max(shape) // 2, 1)
    found = np.bincount(radius.ravel(), sizes.ravel(), minlength=last + 1)[1 : last + 1]
    if not found.sum() > 0:
        raise InrError("a spectrum has shapes to compare where values vary; these are all alike")
    return found / found.sum()


def fresh_distance(target: Float[np.ndarray, "*shape c"], outputs: Sequence[Float[np.ndarray, "..."]]) -> float:
    """The Wasserstein distance between the spectra of a target and of untrained networks' outputs.

    Kania et al., FreSh: frequency shifting for accelerated neural representation learning, ICLR 2025: of several
    frequencies, that with the least distance trains best. It says nothing of what is right between samples.

    Args:
        target: on a grid.
        outputs: of about ten networks that differ in their seed, on the same grid.

    Returns:
        In cycles over the whole: how far, in the mean, the spectrum's mass would have to be moved.

    Raises:
        InrError: no outputs, or another shape.
    """
    shapes = {each.shape[:-1] for each in outputs} - {target.shape[:-1]}
    if not outputs or shapes:
        raise InrError(f"outputs on the target's grid {target.shape[:-1]} are compared with it, got {sorted(shapes)}")
    ours = np.mean([radial_spectrum(each) for each in outputs], axis=0)
    return float(np.abs(np.cumsum(ours) - np.cumsum(radial_spectrum(target))).sum())
