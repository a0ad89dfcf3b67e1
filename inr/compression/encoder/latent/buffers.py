"""The arrays that the kernels of a step share."""

from dataclasses import dataclass

import numpy as np

from inr.compression.bitstream.latent.layout import Layout


@dataclass(frozen=True)
class Buffers:
    """What one step reads and writes; all arrays are C-contiguous and float32 but for `sums`.

    Attributes:
        layout: of the grids and the parameters.
        latents: what is learned, (latents,), in units of integers.
        rounded: what stands for them when they are rounded, (latents,): soft-rounded and noisy, or whole numbers.
        slopes: derivative of each of them by its latent, (latents,).
        gradient: derivative of the loss by each of `rounded`, (latents,). The entropy kernel sets it, the synthesis
            adds to it.
        parameters: of all networks, (parameters,), as `Layout.slices` divides it.
        parameter_gradient: derivative of the loss by each of them.
        picture: what is to be reproduced, (channels, height, width), in [0, 1].
        importance: of each pixel, (height, width), with a mean of 1; (0, 0) where all are 1.
        output: what the synthesis gives, (channels, height, width), not clipped.
        bits: of every latent, (latents,).
        sums: float64 (2,): mean squared error (weighted by `importance`, not clipped), and bits of all latents.
    """

    layout: Layout
    latents: np.ndarray
    rounded: np.ndarray
    slopes: np.ndarray
    gradient: np.ndarray
    parameters: np.ndarray
    parameter_gradient: np.ndarray
    picture: np.ndarray
    importance: np.ndarray
    output: np.ndarray
    bits: np.ndarray
    sums: np.ndarray

    @classmethod
    def of(cls, layout: Layout, picture: np.ndarray, importance: np.ndarray | None = None) -> "Buffers":
        """Buffers of zeros for a picture.

        Args:
            layout: of its grids and networks.
            picture: (channels, height, width), in [0, 1].
            importance: (height, width), not negative; all pixels count alike if None.
        """

        def zeros(*shape: int) -> np.ndarray:
            return np.zeros(shape, np.float32)

        count, parameters = layout.latents, layout.parameters
        mean_one = zeros(0, 0) if importance is None else importance / importance.mean()
        return cls(
            layout=layout, latents=zeros(count), rounded=zeros(count), slopes=zeros(count), gradient=zeros(count),
            parameters=zeros(parameters), parameter_gradient=zeros(parameters),
            picture=np.ascontiguousarray(picture, np.float32), importance=np.ascontiguousarray(mean_one, np.float32),
            output=zeros(*picture.shape), bits=zeros(count), sums=np.zeros(2),
        )  # fmt: skip

    def tensor(self, name: str, *, gradient: bool = False) -> np.ndarray:
        """A network's parameter, or its gradient, by name; a view."""
        vector = self.parameter_gradient if gradient else self.parameters
        return vector[self.layout.slices[name]].reshape(self.layout.tensors[name])
