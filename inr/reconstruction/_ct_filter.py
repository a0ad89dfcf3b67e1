"""Weights of frequencies along the detector: the ramp, flattened where noise is; and how much noise there is."""

import math

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy.fft import next_fast_len
from torch import Tensor

from inr.reconstruction._projector import Projector
from inr.reconstruction._projector_geometry import Scan

_DETAIL = np.array([1.0, -3.0, 3.0, -1.0]) / math.sqrt(20)  # blind to parabolas, keeps the variance of white noise
# differences of which a root mean square is taken; its quantile that tells the noise; what it is of noise alone
_WINDOW, _QUANTILE, _OF_NOISE = 16, 0.1, 0.656


def noise_level(sinogram: Float[np.ndarray, "... detectors"]) -> float:
    """The standard deviation of white noise in a sinogram, in its own units.

    From third differences along the detector, which are small of what is smooth: their root mean squares in windows of
    16 are about equal of noise, and large where the object has edges, so that a low quantile tells the noise. Runs of
    zeros, beside the object or set so, have no say.

    Args:
        sinogram: the last axis along the detector.

    Returns:
        0 of a detector with fewer than 19 bins.
    """
    rows = np.asarray(sinogram, np.float64).reshape(-1, sinogram.shape[-1])
    if rows.shape[1] < _WINDOW + 3:
        return 0.0
    details = np.lib.stride_tricks.sliding_window_view(rows, 4, axis=1) @ _DETAIL
    windows = np.lib.stride_tricks.sliding_window_view(details, _WINDOW, axis=1)
    spread = np.sqrt((windows**2).mean(-1))[(windows != 0).all(-1)]
    return float(np.quantile(spread, _QUANTILE) / _OF_NOISE) if spread.size else 0.0


class Ramp:
    """The quadratic form that weighs residuals of a sinogram by the frequency along the detector.

    Projections see a picture's frequency ω with a power that falls as 1/|ω|, so that steps towards small squared
    residuals find large shapes at once and edges last of all. Weighing by |ω| undoes that: the form is then the mean
    squared error of the picture, as far as the views see it (Parseval and the projection-slice theorem), for
    projections all round. Where noise is stronger than the signal, the weight stays what it is at the frequency at
    which the two are equal: noise has the same power at all frequencies, and would be learned.

    The kernel is the band-limited one of Ramachandran and Lakshminarayanan (1971), on rows that are padded to twice
    their length, so that the mean counts too.

    Args:
        scan: of the sinogram; the last axis of what it measures is filtered.
        area: of the picture over which the mean is taken, in the unit of the scan, squared.
        cutoff: of the ramp, as a share of the highest frequency: 1 for the ramp itself, 0 for weights that are equal.
    """

    def __init__(self, scan: Scan, area: float, cutoff: float = 1.0) -> None:
        count = scan.detectors
        self.padded = next_fast_len(2 * count, real=True)
        self.pitch = scan.pitch / scan.magnification
        self._count = math.prod(scan.shape)
        self.weights = flattened(ramp_weights(self.padded), cutoff)
        # a picture's squared norm is π/views · Σ over views of ∫ |P(ω)|² |ω| dω
        self._scale = math.pi / (len(scan.angles) * area)

    def filtered(self, sinogram: Float[Tensor, "*views detectors"]) -> Float[Tensor, "*views detectors"]:
        """The sinogram with every frequency multiplied by its weight, per unit of length."""
        weights = torch.from_numpy((self.weights / self.pitch).astype(np.float32)).to(sinogram.device)
        spectrum = torch.fft.rfft(sinogram, self.padded) * weights
        return torch.fft.irfft(spectrum, self.padded)[..., : sinogram.shape[-1]]

    def noise_of(self, noise: float) -> float:
        """The standard deviation that white noise of a sinogram makes in the picture by the whole ramp.

        Args:
            noise: its standard deviation in the sinogram.

        Returns:
            In the picture's units.
        """
        kernel = float(np.fft.irfft(ramp_weights(self.padded), self.padded)[0])
        return noise * math.sqrt(self._scale * self._count * kernel)

    def form(self, residuals: Float[Tensor, "*views detectors"]) -> Float[Tensor, ""]:
        """The mean squared error of a picture that such residuals mean, in its own units."""
        return (residuals * self.filtered(residuals)).sum() * (self._scale * self.pitch)


def ramp_weights(count: int) -> Float[np.ndarray, " frequencies"]:
    """|ω| in cycles a sample, at the frequencies of a real FFT of `count` samples, of the band-limited kernel.

    The kernel is 1/4 at 0, −1/(π n)² at odd and 0 at even distances n, which makes the mean count a little.
    """
    distance = np.minimum(np.arange(count), count - np.arange(count))
    kernel = np.where(distance % 2 == 1, -1 / (np.pi * np.maximum(distance, 1)) ** 2, 0.0)
    kernel[0] = 0.25
    return np.fft.rfft(kernel).real


def flattened(weights: Float[np.ndarray, " frequencies"], cutoff: float) -> Float[np.ndarray, " frequencies"]:
    """Weights that stay, beyond a share of the highest frequency, what they are there; all equal at 0."""
    if cutoff <= 0:
        return np.full_like(weights, weights[-1])
    return np.minimum(weights, max(cutoff * weights[-1], weights[0]))


def noise_cutoff(sinogram: Float[np.ndarray, "... detectors"], noise: float) -> float:
    """The share of the highest frequency at which noise becomes stronger than the signal.

    Args:
        sinogram: the last axis along the detector.
        noise: its standard deviation.

    Returns:
        1 where that is nowhere.
    """
    if noise <= 0:
        return 1.0
    rows = np.asarray(sinogram, np.float64).reshape(-1, sinogram.shape[-1])
    power = (np.abs(np.fft.rfft(rows, axis=1)) ** 2).mean(0) / rows.shape[1]
    width = max(3, len(power) // 16)
    smooth = np.convolve(np.pad(power, width, mode="edge"), np.ones(2 * width + 1) / (2 * width + 1), mode="valid")
    below = np.flatnonzero(smooth < 2 * noise * noise)
    return float(max(below[0], 1) / (len(power) - 1)) if below.size else 1.0


def filtered_backprojection(
    scan: Scan, sinogram: Float[np.ndarray, "*measured"], projector: Projector
) -> Float32[np.ndarray, "*shape"]:
    """A picture from its sinogram by the ramp, under Hann's window, and the transpose of the projector.

    Args:
        scan: how rays ran; for fans and cones it is an approximation, good enough to see the range of values.
        sinogram: float32 (*scan.shape).
        projector: of the scan's rays.

    Returns:
        float32 of the projector's shape, per unit of length.
    """
    ramp = Ramp(scan, 1.0)
    ramp.weights *= 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, len(ramp.weights)))
    filtered = ramp.filtered(torch.from_numpy(np.ascontiguousarray(sinogram, np.float32))).numpy()
    crossed = projector.side ** len(projector.shape)  # of all rays of a view, within a sample, by what parts them
    crossed /= ramp.pitch * ((scan.row_pitch or scan.pitch) / scan.magnification if len(projector.shape) == 3 else 1)
    return projector.adjoint(filtered) * np.float32(math.pi / (len(scan.angles) * crossed))
