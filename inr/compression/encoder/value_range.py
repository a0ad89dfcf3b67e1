"""Value ranges with few digits: a float64 range would take as many bytes as a dozen weights."""

import math

from inr.signals import ValueMap

# by how much a range may widen, of itself: as much as it costs in dB, 0.09
_WIDER = 0.01
# of the range from 0 to 1, that is used in place of what lies within
_MUCH = 0.25


def short_range(values: ValueMap) -> ValueMap:
    """A range that holds the given one, is at most a hundredth wider, and has as few digits as that allows.

    What lies between 0 and 1, and fills a quarter of that, gets the range from 0 to 1.
    """
    if min(values.low) >= 0 and max(values.high) <= 1 and max(values.high) - min(values.low) >= _MUCH:
        return ValueMap((0.0,), (1.0,))  # which goes without saying
    pairs = [_shortened(low, high) for low, high in zip(values.low, values.high, strict=True)]
    return ValueMap(tuple(low for low, _ in pairs), tuple(high for _, high in pairs))


def _shortened(low: float, high: float) -> tuple[float, float]:
    for digits in range(-math.floor(math.log10(high - low)), 330):
        scale = 10.0**digits if digits <= 300 else math.inf
        if not math.isfinite(scale) or not math.isfinite(scale * max(abs(low), abs(high))):
            break
        ends = round(math.floor(low * scale) / scale, digits), round(math.ceil(high * scale) / scale, digits)
        # rounding may have moved an end inwards by a last digit
        if ends[0] <= low and high <= ends[1] and ends[1] - ends[0] <= (1 + _WIDER) * (high - low):
            return ends
    return low, high
