"""Sums of squared errors, in one order wherever they are taken."""

from typing import no_type_check

import numpy as np

from inr.jit import exact, kernel


@exact
@no_type_check
def add_squares(measured, targets, squares, largest):
    """Add up what clipped values miss, channel by channel, from the first sample to the last.

    Args:
        measured, targets: float32 (n, c), normalised.
        squares, largest: float64 (c,), the sum of squares and the largest difference so far.
    """
    low, high = np.float32(-1), np.float32(1)
    for channel in range(targets.shape[1]):
        total, most = squares[channel], largest[channel]
        for row in range(targets.shape[0]):
            value = measured[row, channel]
            if value < low:
                value = low
            elif value > high:
                value = high
            error = np.float64(targets[row, channel] - value)
            total += error * error
            if not abs(error) <= most and most == most:  # what is no number stays
                most = abs(error)
        squares[channel], largest[channel] = total, most


@exact
@no_type_check
def sum_of(numbers):
    """The sum of some numbers, from the first to the last."""
    total = 0.0
    for index in range(numbers.shape[0]):
        total += numbers[index]
    return total


@kernel
def add_errors(measured: np.ndarray, targets: np.ndarray, squares: np.ndarray, largest: np.ndarray) -> float:
    """`add_squares`; the sum of squares of all channels so far."""
    add_squares(measured, targets, squares, largest)
    total: float = sum_of(squares)
    return total
