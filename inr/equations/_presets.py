"""Equations by name, with the solutions that are known of them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.equations._helmholtz import helmholtz
from inr.equations._preset import Preset
from inr.equations._tracing import FUNCTIONS

_sin, _exp = FUNCTIONS["sin"], FUNCTIONS["exp"]
_PI = math.pi


def poisson() -> Preset:
    """Four modes up to 5π in a square, 0 at its boundary."""
    modes = ((1, 1, 1.0), (3, 2, 0.5), (5, 5, 0.3), (2, 5, 0.4))

    def source(at: Any) -> Any:
        return sum(
            -size * _PI**2 * (p * p + q * q) * _sin(p * _PI * at.x) * _sin(q * _PI * at.y) for p, q, size in modes
        )

    def exact(points: np.ndarray) -> np.ndarray:
        x, y = points.T
        return sum(size * np.sin(p * _PI * x) * np.sin(q * _PI * y) for p, q, size in modes)[:, None]

    stated = {"residual": lambda u, at: u.lap - source(at), "domain": "x=-1..1,y=-1..1", "where": {"boundary": "0"}}
    return Preset(stated, exact)


def wave() -> Preset:
    """A pulse that parts in two (d'Alembert)."""

    def pulse(z: Any) -> Any:
        return _exp(-20 * z**2)

    stated = {
        "residual": "u_tt - u_xx",
        "domain": "x=-2..2,t=0..1",
        "where": {"t=0": lambda u, at: (u - pulse(at.x), u.t), "x=-2|x=2": "u"},
    }
    return Preset(
        stated, lambda points: (pulse(points[:, 0] - points[:, 1]) + pulse(points[:, 0] + points[:, 1]))[:, None] / 2
    )


def heat() -> Preset:
    """A wave of temperature that fades."""
    stated = {
        "residual": "u_t - 0.1*u_xx", "domain": "x=0..3,t=0..2", "where": {"t=0": "sin(pi*x)", "x=0|x=3": "u"},
    }  # fmt: skip
    return Preset(stated, lambda points: (np.exp(-0.1 * _PI**2 * points[:, 1]) * np.sin(_PI * points[:, 0]))[:, None])


def burgers(nu: float = 0.01 / _PI) -> Preset:
    """A sine that steepens to a front (Cole-Hopf).

    Args:
        nu: viscosity.
    """
    if not nu > 0:
        raise InrError(f"the viscosity is positive, not {nu:g}")
    stated = {
        "residual": lambda u: u.t + u * u.x - nu * u.xx,
        "domain": "x=-1..1,t=0..1",
        "where": {"t=0": lambda u, at: u + _sin(_PI * at.x), "x=-1|x=1": "u"},
    }
    return Preset(stated, lambda points: cole_hopf(points[:, 0], points[:, 1], nu)[:, None])


def cole_hopf(x: np.ndarray, t: np.ndarray, nu: float) -> np.ndarray:
    """The solution of Burgers' equation that begins as -sin(πx), by Gauss-Hermite quadrature.

    Args:
        x, t: (n,).
        nu: viscosity.
    """
    nodes, weights = np.polynomial.hermite.hermgauss(200)
    there = np.asarray(x)[:, None] - np.sqrt(4 * nu * np.maximum(t, 1e-14))[:, None] * nodes
    logs = -np.cos(_PI * there) / (2 * _PI * nu)
    shares = weights * np.exp(logs - logs.max(1, keepdims=True))
    return -(shares * np.sin(_PI * there)).sum(1) / shares.sum(1)


PRESETS: dict[str, Callable[..., Preset]] = {
    "burgers": burgers, "heat": heat, "helmholtz": helmholtz, "poisson": poisson, "wave": wave,
}  # fmt: skip
