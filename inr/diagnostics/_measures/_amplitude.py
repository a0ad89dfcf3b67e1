"""What amplitudes the harmonics of a sine network can have, from its weights alone.

A hidden unit of a sine network is h(x) = sin(Σ_j w_j sin(ω_j x + φ_j) + b) = Σ_k α_k sin(⟨k, ω⟩ x + λ_k), a sum over
integers k: Novello et al., Tuning the frequencies: robust training for sinusoidal neural networks, CVPR 2025 (TUNER).
"""

import math

import numpy as np
from jaxtyping import Float, Int
from torch import nn

from inr._errors import InrError
from inr.diagnostics._measures._layers import affine_maps
from inr.field import Field


def amplitude_bound(weights: Float[np.ndarray, " m"], orders: Int[np.ndarray, " m"]) -> float:
    """The largest amplitude of the harmonic ⟨k, ω⟩: Π (|w_j| / 2)^|k_j| / |k_j|! (TUNER, theorem 2).

    Args:
        weights: of the unit, including the factor omega of its sine.
        orders: k, how often each input frequency is counted.

    >>> inr.diagnostics.amplitude_bound(np.array([1.0, 0.5]), np.array([1, 2]))
    0.015625
    """
    factors = [(abs(w) / 2) ** abs(int(k)) / math.factorial(abs(int(k))) for w, k in zip(weights, orders, strict=True)]
    return float(math.prod(factors))


def harmonic_bounds(field: Field, *, orders: int = 8) -> dict[str, Float[np.ndarray, " p"]]:
    """What the harmonics of each order |k| = 1, 2, … can add up to, in the widest unit of every hidden sine layer.

    Σ over all k of one order p is at most ‖w‖₁^p / p!, by the exponential series: weights of small sum are a soft
    limit of a layer's band, and clipping them lowers it.

    Args:
        field: whose activation is sine.
        orders: the highest.

    Returns:
        Bounds (orders,) by layer, from the second on; the first makes the frequencies themselves.

    Raises:
        InrError: another activation.
    """
    activation = field.network.activation
    name = activation.config()["name"]
    if name != "sine":
        raise InrError(f"bounds of harmonics are those of activation sine, not '{name}'")
    counts = np.arange(1, orders + 1)
    factorials = np.cumprod(counts, dtype=float)
    found = {}
    for layer, module in affine_maps(field)[1:-1]:
        assert isinstance(module.weight, nn.Parameter)
        omega = activation.constants("hidden")["omega"]
        sums = float(omega * module.weight.detach().abs().sum(1).max())
        found[layer] = sums**counts / factorials
    return found
