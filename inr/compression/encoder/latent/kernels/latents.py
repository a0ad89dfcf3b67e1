"""Rounding latents, softly with noise or to whole numbers, and moving them by Adam."""

import math

import numpy as np

from inr.compression.encoder.latent.buffers import Buffers
from inr.jit import F1, GOLDEN_STEP, Call, Stage, exact, inline, share
from inr.jit.maths import tanh
from inr.jit.polynomials import ROUNDING_SHIFT
from inr.jit.vector import POINTERS

_share = inline(share)
_GRAIN = 1024  # latents that are not divided among workers

# 8 bytes of two words are added: their sum has this mean, and this variance.
_MEAN, _VARIANCE = 8 * 127.5, 8 * (2**16 - 1) / 12
_WORD = 2**32 - 1
# MurmurHash3's last mixing step (Appleby, 2011), in which every bit of the result depends on every one of the number.
_FIRST, _SECOND = 0x85EBCA6B, 0xC2B2AE35
_STRIDE = 0x9E3779B9  # 2^32 by the golden ratio


class Rounding:
    """Sets `rounded` and `slopes` of buffers.

    Args:
        buffers: what it reads and writes.

    Attributes:
        soft: the call for learning; `set_soft` says how.
        hard: the call for whole numbers, the even one halfway between two, with slopes of 0; latents below 2^22.
    """

    def __init__(self, buffers: Buffers) -> None:
        arrays = {"latents": buffers.latents, "rounded": buffers.rounded, "slopes": buffers.slopes}
        self.soft = Call(_SOFT, **arrays)
        self.hard = Call(_HARD, **arrays)

    def set_soft(self, temperature: float, deviation: float, seed: int, step: int) -> Call:
        """Soft rounding twice with noise between, s_T(s_T(y) + σ n), and its derivative.

        Args:
            temperature: T of `eager.soft_round`, above 0.
            deviation: σ, of the noise.
            seed, step: which noise; not negative.

        Returns:
            The call.
        """
        first, second = noise_keys(seed, step)
        return self.soft.set(
            inverse=1 / temperature, height=0.5 / math.tanh(0.5 / temperature),
            deviation=deviation, first=first, second=second,
        )  # fmt: skip


def noise_keys(seed: int, step: int) -> tuple[int, int]:
    """Two words of 32 bits that stand for a step's noise: both halves of SplitMix64 of seed and step."""
    word = (seed * int(GOLDEN_STEP) + step + 1) * int(GOLDEN_STEP) & 2**64 - 1
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        word = (word ^ word >> shift) * factor & 2**64 - 1
    word ^= word >> 31
    return word & _WORD, word >> 32


def noise(seed: int, step: int, count: int) -> np.ndarray:
    """What the kernel adds to latents at a deviation of 1: (count,) float32, of nearly normal distribution.

    Args:
        seed, step: which noise.
        count: how many latents.
    """
    index = np.arange(count, dtype=np.uint32)
    total = np.zeros(count, np.int64)
    for key in noise_keys(seed, step):
        word = index * np.uint32(_STRIDE) + np.uint32(key)
        for shift, factor in ((16, _FIRST), (13, _SECOND), (16, 1)):
            word = (word ^ word >> np.uint32(shift)) * np.uint32(factor)
        total += word.view(np.uint8).reshape(count, 4).sum(1, dtype=np.int64)
    return ((total - _MEAN) / math.sqrt(_VARIANCE)).astype(np.float32)


_at = POINTERS["float32"]  # an index of an array may count from its end, which keeps loops from reading vectors
_f = np.float32
_SHIFT = _f(ROUNDING_SHIFT)
_ONE, _HALF, _HASH_MEAN, _HASH_SCALE = _f(1), _f(0.5), _f(_MEAN), _f(1 / math.sqrt(_VARIANCE))
_u = np.uint32
_U_FIRST, _U_SECOND, _U_STRIDE, _U_BYTES = _u(_FIRST), _u(_SECOND), _u(_STRIDE), _u(0x00FF00FF)


@inline
def _byte_pairs(index: np.uint32, key: np.uint32) -> np.uint32:
    """Two sums of two bytes of a word that stands for a number, in the halves of a word."""
    word = _u(_u(index * _U_STRIDE) + key)
    word = _u(_u(word ^ _u(word >> _u(16))) * _U_FIRST)
    word = _u(_u(word ^ _u(word >> _u(13))) * _U_SECOND)
    word = _u(word ^ _u(word >> _u(16)))
    return _u(_u(word & _U_BYTES) + _u(_u(word >> _u(8)) & _U_BYTES))


def _soft(
    worker: int, workers: int, latents: F1, rounded: F1, slopes: F1, inverse: float, height: float, deviation: float,
    first: int, second: int,
) -> None:  # fmt: skip
    """Soft rounding, noise, and soft rounding again."""
    start, stop = _share(len(latents), worker, workers, _GRAIN)
    per_temperature, half_height, sigma = _f(inverse), _f(height), _f(deviation)
    slope = _f(inverse * inverse * height * height)
    key1, key2 = _u(first), _u(second)
    source, target, derivative = _at(latents.ctypes.data), _at(rounded.ctypes.data), _at(slopes.ctypes.data)
    for index in range(start, stop):
        pairs = _u(_byte_pairs(_u(index), key1) + _byte_pairs(_u(index), key2))
        total = np.int32(_u(_u(pairs & _u(0xFFFF)) + _u(pairs >> _u(16))))
        number = (_f(total) - _HASH_MEAN) * _HASH_SCALE
        latent = source[index]
        below = np.floor(latent)
        bend = tanh((latent - below - _HALF) * per_temperature)
        once = below + _HALF + half_height * bend + sigma * number
        below = np.floor(once)
        second_bend = tanh((once - below - _HALF) * per_temperature)
        target[index] = below + _HALF + half_height * second_bend
        derivative[index] = slope * (_ONE - bend * bend) * (_ONE - second_bend * second_bend)


@exact
def _nearest(x: np.float32) -> np.float32:
    """The nearest whole number: adding takes the fraction off a number, for which there is no room left."""
    return (x + _SHIFT) - _SHIFT


def _hard(worker: int, workers: int, latents: F1, rounded: F1, slopes: F1) -> None:
    """The nearest whole numbers."""
    start, stop = _share(len(latents), worker, workers, _GRAIN)
    source, target, derivative = _at(latents.ctypes.data), _at(rounded.ctypes.data), _at(slopes.ctypes.data)
    for index in range(start, stop):
        target[index] = _nearest(source[index])
        derivative[index] = _f(0)


class LatentMove:
    """Adam (Kingma and Ba, ICLR 2015) on the latents; the gradient is `gradient` times `slopes`.

    Args:
        buffers: whose latents it moves.

    Attributes:
        first, second: moments, (latents,) float32; whoever reads a checkpoint writes into them.
        call: the call; `set` says how.
    """

    def __init__(self, buffers: Buffers) -> None:
        self.first, self.second = np.zeros_like(buffers.latents), np.zeros_like(buffers.latents)
        self.call = Call(
            _MOVE, latents=buffers.latents, gradient=buffers.gradient, slopes=buffers.slopes, first=self.first,
            second=self.second,
        )  # fmt: skip

    def set(self, number: int, learning_rate: float, betas: tuple[float, float], eps: float) -> Call:
        """How far the next step goes.

        Args:
            number: how many steps the moments have seen with this one, from 1 on.
            learning_rate: in units of integers.
            betas: of the two moments.
            eps: what is added to the root of the second one.

        Returns:
            The call.
        """
        rate = learning_rate / (1 - betas[0] ** number)
        scale = 1 / (1 - betas[1] ** number)
        return self.call.set(rate=rate, scale=scale, keep_first=betas[0], keep_second=betas[1], eps=eps)


def _move(
    worker: int, workers: int, latents: F1, gradient: F1, slopes: F1, first: F1, second: F1, rate: float,
    scale: float, keep_first: float, keep_second: float, eps: float,
) -> None:  # fmt: skip
    """A step of Adam."""
    start, stop = _share(len(latents), worker, workers, _GRAIN)
    beta1, beta2, far, unbias, least = _f(keep_first), _f(keep_second), _f(rate), _f(scale), _f(eps)
    fresh1, fresh2 = _f(1 - keep_first), _f(1 - keep_second)
    target, by_rounded, derivative = _at(latents.ctypes.data), _at(gradient.ctypes.data), _at(slopes.ctypes.data)
    means, squares = _at(first.ctypes.data), _at(second.ctypes.data)
    for index in range(start, stop):
        slope = by_rounded[index] * derivative[index]
        mean = beta1 * means[index] + fresh1 * slope
        square = beta2 * squares[index] + fresh2 * slope * slope
        means[index] = mean
        squares[index] = square
        target[index] -= far * mean / (np.sqrt(square * unbias) + least)


_SOFT, _HARD, _MOVE = (Stage(function, phase="latents") for function in (_soft, _hard, _move))
