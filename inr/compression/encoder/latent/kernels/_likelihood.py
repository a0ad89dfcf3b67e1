"""Bits of latents under Laplace's distribution, and the gradients of their sum, for a tile of latents."""

import math
from typing import Any

import numpy as np

from inr.compression.encoder.latent.eager import LEAST_PROBABILITY, LOG_SCALE_BOUND, LOG_SCALE_SHIFT
from inr.jit import inline
from inr.jit.maths import exp, expm1, log2
from inr.jit.vector import POINTERS

_at = POINTERS["float32"]
_ZERO, _HALF, _ONE = map(np.float32, (0, 0.5, 1))
_SHIFT, _BOUND, _LEAST = map(np.float32, (LOG_SCALE_SHIFT, LOG_SCALE_BOUND, LEAST_PROBABILITY))
_PER_LN2 = 1 / math.log(2)


def likelihood(stride: int, values: int, outputs: int, gradients: int, bits: int, direct: int) -> Any:
    """The function of a tile's latents, whose rows of numbers are `stride` apart.

    Args:
        stride: numbers between rows.
        values: the row with the latents.
        outputs: that with the means, before that with the log scales as the network gives them, which become those that
            hold.
        gradients: the row that takes the gradients by means, before that which takes those by log scales.
        bits: the row that takes the bits.
        direct: the row that takes the gradients by the latents.

    Returns:
        A function of the tile's address, of how many latents there are, and of what a bit counts.
    """
    value_at, mean_at, scale_at = values * stride, outputs * stride, (outputs + 1) * stride
    mean_gradient_at, scale_gradient_at = gradients * stride, (gradients + 1) * stride
    bits_at, direct_at = bits * stride, direct * stride

    @inline
    def of_tile(tile: int, count: int, weight: float) -> None:
        numbers = _at(tile)
        factor = np.float32(-weight * _PER_LN2)
        for index in range(count):
            raw = numbers[scale_at + index] - _SHIFT
            log_scale = _BOUND if raw > _BOUND else raw
            log_scale = -_BOUND if raw < -_BOUND else log_scale
            inverse = exp(-log_scale)
            signed = numbers[value_at + index] - numbers[mean_at + index]
            distance = abs(signed)
            over, under = distance - _HALF, distance + _HALF
            far = over >= _ZERO
            # exp(u) - 1 and exp(v) - 1, with u = -|over| / b, and v = -under / b within half a unit, else -1/b
            beyond = -abs(over) * inverse
            up, rise = expm1(beyond), exp(beyond)  # far away, 1 + (exp(u) - 1) would have lost its digits
            down = expm1(-inverse if far else -under * inverse)
            fall = down + _ONE
            probability = -_HALF * (down * rise if far else up + down)
            floored = probability < _LEAST
            bounded = _LEAST if floored else probability
            slope = _ZERO if floored else factor / bounded
            by_distance = -inverse * (probability if far else _HALF * (up - down))
            by_inverse = _HALF * (rise * (fall + over * down) if far else under * fall - over * rise)
            by_value = slope * (by_distance if signed > _ZERO else -by_distance)
            numbers[bits_at + index] = -log2(bounded)
            numbers[scale_at + index] = log_scale
            numbers[direct_at + index] = by_value
            numbers[mean_gradient_at + index] = -by_value
            numbers[scale_gradient_at + index] = _ZERO if abs(raw) > _BOUND else -slope * inverse * by_inverse

    return of_tile
