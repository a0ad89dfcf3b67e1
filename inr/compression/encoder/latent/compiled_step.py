"""One step of a fit of latent grids by compiled kernels, as a `LatentStep`."""

import numpy as np
import torch

from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent.buffers import Buffers
from inr.compression.encoder.latent.kernels.step import Step


class CompiledStep:
    """A step on the processor.

    Args:
        layout: of the grids and the parameters.
        picture: what is to be reproduced, (channels, height, width), in [0, 1].
        importance: of each pixel, (height, width), not negative; None: all count alike.
        threads: workers; the same number gives the same result.
    """

    def __init__(
        self, layout: Layout, picture: np.ndarray, importance: np.ndarray | None = None, *, threads: int = 1
    ) -> None:
        self.layout, self.threads, self.device = layout, threads, torch.device("cpu")
        self._buffers = buffers = Buffers.of(layout, picture, importance)
        self._step = Step(buffers, threads)
        self.latents, self.parameters = torch.from_numpy(buffers.latents), torch.from_numpy(buffers.parameters)
        self.gradient = torch.from_numpy(buffers.parameter_gradient)
        self.latent_gradient = torch.from_numpy(buffers.gradient)
        first, second = self._step.moments
        self.moments = torch.from_numpy(first), torch.from_numpy(second)

    def prepare(self) -> float:
        """See `LatentStep.prepare`."""
        return self._step.prepare()

    def run(
        self,
        temperature: float | None,
        deviation: float,
        seed: int,
        step: int,
        weight: float,
        rate: float,
        betas: tuple[float, float],
        count: int,
    ) -> tuple[float, float]:
        """See `LatentStep.run`."""
        found = self._step.run(temperature, deviation, seed, step, weight)
        if temperature is not None:
            self._step.move_latents(count, rate, betas)
        return found

    def measure(self) -> tuple[float, float]:
        """See `LatentStep.measure`."""
        return self._step.measure()

    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """See `LatentStep.maps`."""
        self._step.measure()
        buffers = self._buffers
        errors = np.zeros(buffers.output.shape[1:], np.float32)
        for output, wanted in zip(buffers.output, buffers.picture, strict=True):
            missed = output - wanted
            missed *= missed
            errors += missed
        if buffers.importance.size:
            errors *= buffers.importance
        errors *= np.float32(1 / buffers.output.size)
        return errors, buffers.bits

    def picture(self) -> torch.Tensor:
        """See `LatentStep.picture`."""
        self._step.measure()
        return torch.from_numpy(self._buffers.output)
