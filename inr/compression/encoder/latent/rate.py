"""What a fit of latent grids aims at, and finding the weight of a bit that leads there while it goes on."""

import math
from dataclasses import dataclass

from inr._errors import InrError
from inr.compression.bitstream.latent.layout import Layout

# Mean of published points (Cool-Chic 5.0.1, Kodak) at a weight of 1e-3, and how they change with it.
_USUAL_WEIGHT, _USUAL_RATE, _USUAL_PSNR = 1e-3, 0.482, 34.52
_RATE_SLOPE, _PSNR_SLOPE = -0.5, -6.65  # d ln bits / d ln weight; dB for a weight ten times as large
_LEAST, _MOST = 1e-7, 0.3
# Of the change that a measurement asks for, what is made at once; the most that a weight changes by, as a logarithm.
_GAIN, _MOST_CHANGE = 0.7, 0.5
# Steps in which latents do 1 - 1/e of what a new weight makes them do.
_LAG = 40.0
# Bits that a network's parameter takes in a file, about, and those of tables and headers.
_PARAMETER_BITS, _HEADER_BITS = 5.0, 300.0


@dataclass(frozen=True)
class Goal:
    """What the file of one component is to be: exactly one of these is given.

    Attributes:
        bytes: that all of its sections may take.
        psnr: in dB, that the decoded picture is to reach, against a peak of 1.
        weight: of a bit per pixel against the mean squared error of values in [0, 1] (λ): as many bits as are worth it.

    Raises:
        InrError: none or several, or a number with which nothing can be done.
    """

    bytes: int | None = None
    psnr: float | None = None
    weight: float | None = None

    def __post_init__(self) -> None:
        given = [each for each in (self.bytes, self.psnr, self.weight) if each is not None]
        if len(given) != 1:
            raise InrError("a component is coded to bytes, to a PSNR or with a weight: give one of them")
        if not 0 < given[0] < math.inf:
            raise InrError(f"a target is a positive number, got {given[0]:g}")

    def first_weight(self, pixels: int) -> float:
        """The weight that leads there with an average picture."""
        if self.weight is not None:
            return self.weight
        if self.psnr is not None:
            found = _USUAL_WEIGHT * 10 ** ((self.psnr - _USUAL_PSNR) / _PSNR_SLOPE)
        else:
            assert self.bytes is not None
            found = _USUAL_WEIGHT * (8 * self.bytes / pixels / _USUAL_RATE) ** (1 / _RATE_SLOPE)
        return min(max(found, _LEAST), _MOST)


def network_bits(layout: Layout) -> float:
    """Bits that networks and headers take in a file, about."""
    return _PARAMETER_BITS * layout.parameters + _HEADER_BITS


class RateControl:
    """Adapts the weight of a bit, from measurements with latents rounded to whole numbers.

    Args:
        goal: of the component.
        layout: of its grids and networks.
        share: of the main phase, between which the weight is adapted; then it stays.

    Attributes:
        goal: of the component.
        weight: of a bit per pixel.
        effective: the weight that bits and error go with so far, for latents take some steps to follow.
    """

    def __init__(self, goal: Goal, layout: Layout, share: tuple[float, float] = (0.05, 0.85)) -> None:
        self.goal, self._share = goal, share
        self._pixels = layout.height * layout.width
        self._apart = network_bits(layout)
        self.weight = self.effective = goal.first_weight(self._pixels)

    def frozen(self, fraction: float) -> bool:
        """Whether the weight stays from here on.

        Args:
            fraction: of the main phase that is done.
        """
        return self.goal.weight is not None or fraction >= self._share[1]

    def loss(self, error: float, bits: float) -> float:
        """What is minimised, of a mean squared error and bits of all latents."""
        return error + self.weight * bits / self._pixels

    def bits_per_pixel(self, bits: float) -> float:
        """Of the whole file, of bits of the latents."""
        return (bits + self._apart) / self._pixels

    def observe(self, fraction: float, steps: int, since: float, error: float, bits: float) -> None:
        """Adapt the weight to what was measured.

        Args:
            fraction: of the main phase that is done. steps: of all the fit.
            since: steps since the last measurement.
            error: mean squared error. bits: of all latents. Both with whole numbers.
        """
        if self.frozen(fraction) or fraction < self._share[0]:
            return
        follows = 1 - math.exp(-since / _LAG)
        self.effective *= (self.weight / self.effective) ** follows
        if self.goal.psnr is not None:
            decibels = -10 * math.log10(max(error, 1e-12)) + _gain_to_come(fraction, steps)
            change = (self.goal.psnr - decibels) / _PSNR_SLOPE * math.log(10)
        else:
            assert self.goal.bytes is not None
            # what a weight can change are the latents' bits; networks may alone be more than is allowed
            allowed = max(8 * self.goal.bytes - self._apart, 0.1 * 8 * self.goal.bytes)
            change = math.log(allowed / max(bits * _rate_to_come(fraction, self.effective), 1.0)) / _RATE_SLOPE
        change = _GAIN * (math.log(self.effective / self.weight) + change)
        change = min(max(change, -_MOST_CHANGE), _MOST_CHANGE)
        self.weight = min(max(self.weight * math.exp(change), _LEAST), _MOST)


def _rate_to_come(fraction: float, weight: float) -> float:
    """By what factor bits change until the end of a fit, with the weight as it is, about: measured on photographs."""
    excess = min(max(0.35 + 0.4 * math.log10(weight / 1e-3), 0.04), 0.45)
    return 1 / (1 + excess * (1 - fraction) ** 2)


def _gain_to_come(fraction: float, steps: int) -> float:
    """By how many dB a picture becomes better until the end of a fit of so many steps, about, as measured."""
    return 1.9 * (1 - fraction) ** 2 * min(math.sqrt(600 / steps), 1.2)
