"""What a magnetic resonance scanner measures of a picture or a volume: some of its Fourier transform, by every coil."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Complex
from torch import Tensor

from inr._errors import InrError


class MaskedFourier:
    """The unitary Fourier transform at some frequencies, of what every coil sees of a complex picture, and its adjoint.

    Args:
        mask: which frequencies are measured, (*shape), of 2 or 3 axes.
        sensitivities: of the coils, complex (coils, *shape); one coil that sees everything alike where None.
        centred: whether frequency 0 is in the middle, at index n // 2 of every axis, as in most files; at index 0
            otherwise, as `numpy.fft` has it. So is the picture's phase counted from there.

    Attributes:
        shape: of the picture. measured: of what is measured, (*shape), or (coils, *shape).

    >>> fourier = inr.reconstruction.MaskedFourier(np.ones((4, 4), bool))
    >>> abs(fourier(torch.ones(4, 4, dtype=torch.complex64))).sum().item()  # all of it at frequency 0
    4.0
    """

    def __init__(
        self,
        mask: Bool[np.ndarray, "*shape"],
        sensitivities: Complex[np.ndarray, "coils ..."] | None = None,
        *,
        centred: bool = True,
    ) -> None:
        self.shape = mask.shape
        if mask.ndim not in (2, 3):
            raise InrError(f"k-space has 2 or 3 axes, not {mask.ndim}")
        if sensitivities is not None and sensitivities.shape[1:] != mask.shape:
            raise InrError(
                f"sensitivities are (coils, {', '.join(map(str, mask.shape))}) for such a mask, not "
                f"{tuple(sensitivities.shape)}"
            )
        self._axes = tuple(range(-mask.ndim, 0))
        self._centred = centred
        self._mask = torch.from_numpy(mask.copy())
        self._coils = None if sensitivities is None else torch.from_numpy(sensitivities.astype(np.complex64))
        self.measured = self.shape if sensitivities is None else (len(sensitivities), *self.shape)

    def __call__(self, picture: Complex[Tensor, "*shape"]) -> Complex[Tensor, "*measured"]:
        """What is measured of a picture, 0 at other frequencies; differentiable."""
        seen = picture if self._coils is None else self._coils.to(picture) * picture
        seen = torch.fft.ifftshift(seen, self._axes) if self._centred else seen
        found = torch.fft.fftn(seen, dim=self._axes, norm="ortho")
        found = torch.fft.fftshift(found, self._axes) if self._centred else found
        return found * self._mask.to(found.device)

    def adjoint(self, kspace: Complex[Tensor, "*measured"]) -> Complex[Tensor, "*shape"]:
        """The conjugate transpose: of measurements of one coil, the zero-filled picture."""
        masked = kspace * self._mask.to(kspace.device)
        masked = torch.fft.ifftshift(masked, self._axes) if self._centred else masked
        found = torch.fft.ifftn(masked, dim=self._axes, norm="ortho")
        found = torch.fft.fftshift(found, self._axes) if self._centred else found
        return found if self._coils is None else (self._coils.to(found).conj() * found).sum(0)

    def operators(self) -> tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
        """The operator and its adjoint as functions of arrays, for `tv_reconstruct`."""

        def forward(picture: np.ndarray) -> np.ndarray:
            return self(torch.from_numpy(picture)).numpy()

        def adjoint(kspace: np.ndarray) -> np.ndarray:
            return self.adjoint(torch.from_numpy(kspace)).numpy()

        return forward, adjoint

    def zero_filled(self, kspace: Complex[Tensor, "*measured"]) -> Complex[Tensor, "*shape"]:
        """The adjoint, divided by what all coils together see where they see anything."""
        found = self.adjoint(kspace)
        if self._coils is None:
            return found
        seen = (self._coils.abs() ** 2).sum(0)
        return found / torch.where(seen > 1e-3 * seen.max(), seen, torch.inf)


def line_mask(
    shape: Sequence[int], acceleration: float = 4.0, centre: float = 0.08, seed: int = 0
) -> Bool[np.ndarray, "*shape"]:
    """Random lines of k-space, all of the lowest frequencies among them, as fastMRI (Zbontar et al., 2018) draws them.

    Args:
        shape: of k-space; lines run along its last axis but one and are chosen along the last. Frequency 0 is in the
            middle.
        acceleration: of the lines, one in so many is measured.
        centre: the share of lines in the middle that are.
        seed: of the draw.

    Returns:
        True where measured.

    Raises:
        InrError: a centre that takes more lines than there are.
    """
    count = shape[-1]
    wanted, middle = round(count / acceleration), round(count * centre)
    if not 0 < wanted <= count or middle > wanted:
        raise InrError(
            f"{middle} lines of the centre and one line in {acceleration:g} do not go together: lower the centre"
        )
    lines = np.zeros(count, bool)
    first = (count - middle + 1) // 2
    lines[first : first + middle] = True
    rest = np.flatnonzero(~lines)
    lines[np.random.default_rng(seed).choice(rest, wanted - middle, replace=False)] = True
    return np.ascontiguousarray(np.broadcast_to(lines, tuple(shape)))


def density_mask(
    shape: Sequence[int], share: float, width: float = 0.25, centre: float = 0.08, seed: int = 0
) -> Bool[np.ndarray, "*shape"]:
    """Random points of k-space, denser where frequencies are low.

    Args:
        shape: of k-space, frequency 0 in the middle.
        share: of all frequencies, that are measured.
        width: standard deviation of the density, a Gaussian, as a share of every axis.
        centre: the share of every axis, in the middle, that is measured in full.
        seed: of the draw.

    Returns:
        True where measured, for exactly the share, rounded.
    """
    axes = [(np.arange(size) - size // 2) / size for size in shape]
    places = np.meshgrid(*axes, indexing="ij")
    density = np.exp(-sum(place**2 for place in places) / (2 * width * width))
    density[np.all([np.abs(place) <= centre / 2 for place in places], 0)] = np.inf
    # of exponential waiting times at such rates the shortest are a weighted draw without replacement
    times = np.random.default_rng(seed).exponential(size=shape) / density
    wanted = round(math.prod(shape) * share)
    mask = np.zeros(math.prod(shape), bool)
    mask[np.argpartition(times.ravel(), wanted - 1)[:wanted]] = True
    return mask.reshape(tuple(shape))
