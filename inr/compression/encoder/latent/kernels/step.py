"""A step of a fit of latent grids by compiled kernels, and the check at whole numbers."""

from inr.compression.encoder.latent.buffers import Buffers
from inr.compression.encoder.latent.kernels.entropy import EntropyKernel
from inr.compression.encoder.latent.kernels.latents import LatentMove, Rounding
from inr.compression.encoder.latent.kernels.picture import Picture
from inr.jit import compile_seconds, run, warm

_EPS = 1e-8


class Step:
    """What a fit does in each of its steps, but for moving the networks.

    Results are the same for every run on one machine with as many threads.

    Args:
        buffers: what is read and written; only its `latents` and `parameters` count between steps, and may be changed.
        threads: workers.
        shown_steps: for `measure`, what a viewer gets of values from 0 to 1, less one: 255 for 8 bits; 0: the values
            as they are.

    Attributes:
        moments: first and second moment of the latents' gradients, (latents,) float32 each; 0 to begin with.
    """

    def __init__(self, buffers: Buffers, threads: int, shown_steps: int = 0) -> None:
        self._buffers, self._threads = buffers, threads
        self._pixels = buffers.layout.height * buffers.layout.width
        self._rounding, self._move = Rounding(buffers), LatentMove(buffers)
        self._entropy, picture = EntropyKernel(buffers, threads), Picture(buffers, threads, shown_steps)
        self._learn = [*self._entropy.calls, *picture.learn]
        self._measure = [self._rounding.hard, *self._entropy.bits_calls, *picture.measure]
        self.moments = self._move.first, self._move.second

    def prepare(self) -> float:
        """Compile all kernels, or load them.

        Returns:
            Seconds that it took.
        """
        before = compile_seconds()
        warm(self._threads)
        for call in (self._rounding.soft, *self._learn, *self._measure, self._move.call):
            _ = call.stage.address
        return compile_seconds() - before

    def run(
        self, temperature: float | None, deviation: float, seed: int, step: int, weight: float
    ) -> tuple[float, float]:
        """Loss and gradients: sets all of the buffers but `latents` and `parameters`.

        Args:
            temperature: of soft rounding, above 0; None: to whole numbers, without noise.
            deviation: of the noise, in integers.
            seed, step: decide the noise; not negative.
            weight: of a bit per pixel against the mean squared error.

        Returns:
            The mean squared error, weighted by importance, and the bits of all latents.
        """
        self._entropy.weigh(weight / self._pixels)
        rounding = self._rounding.hard
        if temperature is not None:
            rounding = self._rounding.set_soft(temperature, deviation, seed, step)
        return self._sums([rounding, *self._learn])

    def move_latents(self, count: int, rate: float, betas: tuple[float, float]) -> None:
        """A step of Adam with the latents, along the gradients of the last `run`.

        Args:
            count: which one it is since the moments were 0, from 1 on.
            rate: how far a latent goes at most, about, in integers.
            betas: how much is kept of the two moments.
        """
        run([self._move.set(count, rate, betas, _EPS)], self._threads)

    def measure(self) -> tuple[float, float]:
        """Sets `output`, `bits` and `rounded` by the nearest whole numbers.

        Returns:
            The mean squared error of what a viewer gets, weighted by importance, and the bits of all latents.
        """
        return self._sums(self._measure)

    def _sums(self, calls: list) -> tuple[float, float]:
        run(calls, self._threads)
        return float(self._buffers.sums[0]), float(self._buffers.sums[1])
