"""One step of a fit of latent grids in plain PyTorch, and what every implementation of it offers."""

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent import eager
from inr.compression.encoder.latent.kernels.latents import noise

_EPS = 1e-8


@runtime_checkable
class LatentStep(Protocol):
    """Latents, parameters and picture of a fit, and what is computed of them in each of its steps.

    Attributes:
        layout: of the grids and the parameters.
        device: where everything is. threads: that it uses.
        latents: (latents,), float32, in integers; moved by `run`.
        moments: first and second moment of their gradients, (latents,) each.
        parameters: of the networks, (parameters,); left as they are.
        gradient: of the loss by them, (parameters,), set by `run` and `differentiate`.
        latent_gradient: of the loss by what the latents were rounded to, (latents,), set by both.
    """

    layout: Layout
    device: torch.device
    threads: int
    latents: Tensor
    moments: tuple[Tensor, Tensor]
    parameters: Tensor
    gradient: Tensor

    @property
    def latent_gradient(self) -> Tensor:
        """See the attributes."""
        ...

    def prepare(self) -> float:
        """Compile or load kernels; seconds that it took."""
        ...

    def run(
        self,
        temperature: float,
        deviation: float,
        seed: int,
        step: int,
        weight: float,
        rate: float,
        betas: tuple[float, float],
        count: int,
    ) -> tuple[float, float]:
        """Loss, gradients, and a step of Adam with the latents.

        Args:
            temperature: of the soft rounding.
            deviation: of the noise, in integers.
            seed, step: decide the noise.
            weight: of a bit per pixel against the mean squared error.
            rate, betas: of Adam. count: which step of Adam's it is since its moments were 0, from 1 on.

        Returns:
            Mean squared error, weighted by importance, and bits of all latents, with the noise.
        """
        ...

    def differentiate(self, weight: float) -> tuple[float, float]:
        """Loss and gradients with latents rounded to whole numbers, by which there is nothing to learn for latents.

        Args:
            weight: of a bit per pixel against the mean squared error.

        Returns:
            As of `run`, without noise.
        """
        ...

    def measure(self) -> tuple[float, float]:
        """Mean squared error and bits with latents rounded to whole numbers."""
        ...

    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """Where `measure` finds what it sums up, with latents rounded to whole numbers.

        Returns:
            Of each pixel its part of the mean squared error, (height, width), and the bits of each latent, (latents,);
            float32, and good until the next call.
        """
        ...

    def picture(self) -> Tensor:
        """What the whole numbers nearest to the latents stand for, (channels, height, width), not clipped."""
        ...


class EagerStep:
    """A step by automatic differentiation: the reference of the kernels, and what runs on other devices.

    Args:
        layout: of the grids and the parameters.
        picture: what is to be reproduced, (channels, height, width), in [0, 1].
        importance: of each pixel, (height, width), not negative; None: all count alike.
        device: of torch. dtype: float32, or float64 for comparisons.
    """

    def __init__(
        self,
        layout: Layout,
        picture: np.ndarray,
        importance: np.ndarray | None = None,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.layout, self.device, self.threads = layout, torch.device(device), torch.get_num_threads()

        def zeros(count: int) -> Tensor:
            return torch.zeros(count, dtype=dtype, device=self.device)

        self.latents, self.moments = zeros(layout.latents), (zeros(layout.latents), zeros(layout.latents))
        self.parameters, self.gradient = zeros(layout.parameters), zeros(layout.parameters)
        self._latent_gradient = zeros(layout.latents)
        self._picture = torch.as_tensor(np.ascontiguousarray(picture, np.float32)).to(self.device, dtype)
        self._importance: Tensor | None = None
        if importance is not None:
            given = torch.as_tensor(np.ascontiguousarray(importance, np.float32)).to(self.device, dtype)
            self._importance = given / given.mean()

    @property
    def latent_gradient(self) -> Tensor:
        """See `LatentStep`."""
        return self._latent_gradient

    def prepare(self) -> float:
        """Nothing is compiled."""
        return 0.0

    @torch.enable_grad()
    def run(
        self,
        temperature: float,
        deviation: float,
        seed: int,
        step: int,
        weight: float,
        rate: float,
        betas: tuple[float, float],
        count: int,
    ) -> tuple[float, float]:
        """See `LatentStep.run`."""
        latents = self.latents.detach().requires_grad_(True)
        rounded = eager.noisy_latents(latents, self._noise(seed, step), temperature, deviation)
        found = self._differentiate(rounded.detach(), weight)
        (slope,) = torch.autograd.grad(rounded, latents, self._latent_gradient)
        self._move(slope, rate, betas, count)
        return found

    def differentiate(self, weight: float) -> tuple[float, float]:
        """See `LatentStep.differentiate`."""
        return self._differentiate(self.latents.detach().round(), weight)

    @torch.enable_grad()
    def _differentiate(self, rounded: Tensor, weight: float) -> tuple[float, float]:
        """Error and bits with the latents rounded so; sets the gradients."""
        rounded, parameters = rounded.requires_grad_(True), self.parameters.detach().requires_grad_(True)
        error, bits = self._parts(parameters, rounded)
        loss = error + weight * bits / (self.layout.height * self.layout.width)
        by_rounded, gradient = torch.autograd.grad(loss, [rounded, parameters])
        self._latent_gradient.copy_(by_rounded)
        self.gradient.copy_(gradient)
        return float(error.detach()), float(bits.detach())

    @torch.no_grad()
    def measure(self) -> tuple[float, float]:
        """See `LatentStep.measure`."""
        error, bits = self._parts(self.parameters, self.latents.round())
        return float(error), float(bits)

    @torch.no_grad()
    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """See `LatentStep.maps`."""
        squares, bits = self._maps(self.parameters, self.latents.round())
        return (squares.sum(0) / squares.numel()).float().cpu().numpy(), bits.float().cpu().numpy()

    @torch.no_grad()
    def picture(self) -> Tensor:
        """See `LatentStep.picture`."""
        return eager.decoded(self.layout, tensors_of(self.layout, self.parameters.detach()), self.latents.round())

    def _parts(self, parameters: Tensor, rounded: Tensor) -> tuple[Tensor, Tensor]:
        """Mean squared error and bits."""
        squares, bits = self._maps(parameters, rounded)
        return squares.mean(), bits.sum()

    def _maps(self, parameters: Tensor, rounded: Tensor) -> tuple[Tensor, Tensor]:
        """Squared errors, weighted, and the bits of every latent."""
        tensors = tensors_of(self.layout, parameters)
        squares = (eager.decoded(self.layout, tensors, rounded) - self._picture).square()
        if self._importance is not None:
            squares = squares * self._importance
        return squares, eager.latent_bits(self.layout, tensors, rounded)

    def _noise(self, seed: int, step: int) -> Tensor:
        """The kernels' noise."""
        return torch.from_numpy(noise(seed, step, len(self.latents))).to(self.latents)

    @torch.no_grad()
    def _move(self, slope: Tensor, rate: float, betas: tuple[float, float], count: int) -> None:
        """A step of Adam."""
        mean, square = self.moments
        mean.lerp_(slope, 1 - betas[0])
        square.mul_(betas[1]).addcmul_(slope, slope, value=1 - betas[1])
        root = (square / (1 - betas[1] ** count)).sqrt_().add_(_EPS)
        self.latents.detach().addcdiv_(mean, root, value=-rate / (1 - betas[0] ** count))


def integers_of(step: LatentStep) -> np.ndarray:
    """The whole numbers nearest to the latents of a step, int32 (latents,)."""
    return step.latents.detach().cpu().round().to(torch.int32).numpy()


def tensors_of(layout: Layout, parameters: Tensor) -> dict[str, Tensor]:
    """The tensors of a vector of all parameters, by name; views."""
    return {name: parameters[layout.slices[name]].view(shape) for name, shape in layout.tensors.items()}


def vector_of(layout: Layout, tensors: eager.Tensors) -> Tensor:
    """The vector of all parameters that tensors make, (parameters,)."""
    return torch.cat([tensors[name].reshape(-1) for name in layout.tensors])
