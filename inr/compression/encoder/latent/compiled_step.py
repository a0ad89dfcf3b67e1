"""One step of a fit of latent grids by compiled kernels, as a `LatentStep`."""

import numpy as np
import torch

from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent.buffers import Buffers
from inr.compression.encoder.latent.kernels.entropy import EntropyKernel
from inr.compression.encoder.latent.kernels.latents import LatentMove, Rounding
from inr.compression.encoder.latent.kernels.picture import Picture
from inr.jit import Call, compile_seconds, run, warm

_EPS = 1e-8


class CompiledStep:
    """A step on the processor.

    Results are the same for every run on one machine with as many threads.

    Args:
        layout: of the grids and the parameters.
        picture: what is to be reproduced, (channels, height, width), in [0, 1].
        importance: of each pixel, (height, width), not negative; None: all count alike.
        threads: workers.

    Attributes:
        buffers: what the kernels read and write; only its `latents` and `parameters` count between steps.
    """

    def __init__(
        self, layout: Layout, picture: np.ndarray, importance: np.ndarray | None = None, *, threads: int = 1
    ) -> None:
        self.layout, self.threads, self.device = layout, threads, torch.device("cpu")
        self.buffers = buffers = Buffers.of(layout, picture, importance)
        self._pixels = layout.height * layout.width
        self._rounding, self._move = Rounding(buffers), LatentMove(buffers)
        self._entropy, whole = EntropyKernel(buffers, threads), Picture(buffers, threads)
        self._learn = [*self._entropy.calls, *whole.learn]
        self._measure = [self._rounding.hard, *self._entropy.bits_calls, *whole.measure]
        self.latents, self.parameters = torch.from_numpy(buffers.latents), torch.from_numpy(buffers.parameters)
        self.gradient = torch.from_numpy(buffers.parameter_gradient)
        self.latent_gradient = torch.from_numpy(buffers.gradient)
        self.moments = torch.from_numpy(self._move.first), torch.from_numpy(self._move.second)

    def prepare(self) -> float:
        """See `LatentStep.prepare`."""
        before = compile_seconds()
        warm(self.threads)
        for call in (self._rounding.soft, *self._learn, *self._measure, self._move.call):
            _ = call.stage.address
        return compile_seconds() - before

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
        self._entropy.weigh(weight / self._pixels)
        found = self._sums([self._rounding.set_soft(temperature, deviation, seed, step), *self._learn])
        run([self._move.set(count, rate, betas, _EPS)], self.threads)
        return found

    def differentiate(self, weight: float) -> tuple[float, float]:
        """See `LatentStep.differentiate`."""
        self._entropy.weigh(weight / self._pixels)
        return self._sums([self._rounding.hard, *self._learn])

    def measure(self) -> tuple[float, float]:
        """See `LatentStep.measure`."""
        return self._sums(self._measure)

    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """See `LatentStep.maps`."""
        self.measure()
        buffers = self.buffers
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
        self.measure()
        return torch.from_numpy(self.buffers.output)

    def _sums(self, calls: list[Call]) -> tuple[float, float]:
        """Run calls; the mean squared error and the bits that they find."""
        run(calls, self.threads)
        return float(self.buffers.sums[0]), float(self.buffers.sums[1])
