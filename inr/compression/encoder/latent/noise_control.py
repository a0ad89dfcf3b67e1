"""How much noise the steps of a fit of latent grids take."""

import math
from collections.abc import Sequence

from inr.compression.encoder.latent.rate import RateControl

# What a check adds to the deviation, times the logarithm of the losses' ratio, and between which it stays.
_GAIN, _LEAST, _MOST = 0.1, 0.08, 0.3


class NoiseControl:
    """Keeps the loss of a long fit's steps, with their noise, at what it is with whole numbers.

    Soft rounding leaves a part of a latent's fraction. With too little noise the networks learn to read it, and
    latents move to where it says most: the loss that is minimised falls, and that of what will be in the file rises.
    Noise drowns the fraction, but more of it than that takes costs bits. So it becomes stronger at every check with
    whole numbers that finds a higher loss than the steps before it had, and weaker where it is lower.

    Args:
        rate: the weight of a bit.
        deviation: of the noise at the beginning, in integers.

    Attributes:
        deviation: of the noise at the moment.
    """

    def __init__(self, rate: RateControl, deviation: float) -> None:
        self._rate = rate
        self.deviation = deviation
        self._count, self._error, self._bits = 0, 0.0, 0.0  # of the steps since the last check

    def add(self, error: float, bits: float) -> None:
        """Tell what a step, with its noise, came to.

        Args:
            error: mean squared error. bits: of all latents.
        """
        self._count, self._error, self._bits = self._count + 1, self._error + error, self._bits + bits

    def observe(self, error: float, bits: float) -> None:
        """Adapt the noise to what was measured with whole numbers.

        Args:
            error, bits: as `add` takes them.
        """
        if not self._count:
            return
        noisy = self._rate.loss(self._error / self._count, self._bits / self._count)
        whole = self._rate.loss(error, bits)
        if noisy > 0 and whole > 0:
            self.deviation = min(max(self.deviation + _GAIN * math.log(whole / noisy), _LEAST), _MOST)
        self._count, self._error, self._bits = 0, 0.0, 0.0

    def state(self) -> list[float]:
        """For `restore`."""
        return [self.deviation, self._count, self._error, self._bits]

    def restore(self, state: Sequence[float]) -> None:
        """Go on from a state."""
        self.deviation, count, self._error, self._bits = state
        self._count = int(count)
