"""Equations by name, with the solutions that are known of them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.equations._tracing import FUNCTIONS

_sin, _cos, _exp, _maximum = (FUNCTIONS[name] for name in ("sin", "cos", "exp", "maximum"))
_PI = math.pi
_DAMPING = 5.0  # a0 of the absorbing layers


@dataclass(frozen=True)
class Preset:
    """An equation that is known by name.

    Attributes:
        stated: what `inr.solve` takes.
        exact: points (n, d) in own units to values (n, c); None where nothing is known.
        within: points (n, d) to where the solution is compared, bool (n,): everywhere where None.
        options: settings that suit it.
    """

    stated: Mapping[str, Any]
    exact: Callable[[np.ndarray], np.ndarray] | None = None
    within: Callable[[np.ndarray], np.ndarray] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


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


def helmholtz(k: float = 20.0, pml: float | None = None) -> Preset:
    """Waves of one frequency: a plane wave given at the boundary; or a source within absorbing layers.

    Args:
        k: wavenumber.
        pml: width of the layers; None for a plane wave.
    """
    if not 0 < k <= 200:
        raise InrError(f"the wavenumber lies above 0 and up to 200, not {k:g}")
    if pml is not None:
        return _absorbed(k, pml)
    a, b = 0.8 * k, 0.6 * k
    stated = {
        "residual": lambda u: u.xx + u.yy + k**2 * u,
        "domain": "x=-1..1,y=-1..1",
        "where": {"boundary": lambda u, at: u - _cos(a * at.x + b * at.y)},
    }
    return Preset(stated, lambda points: np.cos(points @ np.array([a, b]))[:, None])


def stretch(position: Any, width: float) -> tuple[Any, Any]:
    """How absorbing layers stretch a coordinate of [-1, 1], and the derivative of that.

    e = 1 - i a0 ((d₋/L)² + (d₊/L)²), d being the depth in the layers at both ends (Sitzmann et al. 2020, after Chen et
    al. 2013): quadratic from 0, so that nothing is reflected where they begin.

    Args:
        position: of points, array or symbol.
        width: of the layers, L.
    """
    low, high = _maximum(-(position + 1 - width), 0), _maximum(position - 1 + width, 0)
    e = 1 - 1j * _DAMPING * ((low / width) ** 2 + (high / width) ** 2)
    slope = -1j * _DAMPING * 2 * (high - low) / width**2
    return e, slope


def absorbing(u: Any, at: Any, k: float, width: float, slowness: Any = 1.0) -> Any:
    """The operator of Helmholtz's equation with absorbing layers at all sides of [-1, 1]².

    ∂_x((e_y/e_x) ∂_x u) + ∂_y((e_x/e_y) ∂_y u) + e_x e_y m k² u.

    Args:
        u: the complex channel.
        at: the point.
        k: wavenumber.
        width: of the layers.
        slowness: m, squared, relative to that of the surroundings.
    """
    (ex, dx), (ey, dy) = stretch(at.x, width), stretch(at.y, width)
    along_x = ey / ex * u.xx - ey * dx / ex**2 * u.x
    along_y = ex / ey * u.yy - ex * dy / ey**2 * u.y
    return along_x + along_y + ex * ey * slowness * k**2 * u


def _absorbed(k: float, width: float) -> Preset:
    """A Gaussian source in the middle, radiating into the layers."""
    if not 0.1 <= width <= 0.8:
        raise InrError(f"absorbing layers of a square from -1 to 1 are 0.1 to 0.8 wide, not {width:g}")
    spread = 2 / k  # of the source; a narrower one has frequencies that no wave carries away

    def source(at: Any) -> Any:
        return _exp(-(at.x**2 + at.y**2) / (2 * spread**2)) / (2 * _PI * spread**2)

    def residual(u: Any, at: Any) -> Any:
        # divided by the stretches, so that corners of the layers, where nothing is, do not outweigh everything else
        stretches = stretch(at.x, width)[0] * stretch(at.y, width)[0]
        return absorbing(u, at, k, width) / stretches + source(at)

    stated = {
        "residual": residual,
        "domain": "x=-1..1,y=-1..1",
        "channels": "u:complex",
        "where": {"boundary": "u"},
    }
    return Preset(
        stated,
        lambda points: radiated(np.hypot(*points.T), k, spread),
        lambda points: np.abs(points).max(1) < 1 - width,
    )


def radiated(radii: np.ndarray, k: float, spread: float) -> np.ndarray:
    """Outgoing waves of a Gaussian source in the plane: -Δu - k² u = its density, with H0⁽²⁾ far away.

    Args:
        radii: (n,), distances from its centre.
        k: wavenumber.
        spread: standard deviation of the source.

    Returns:
        Real and imaginary parts (n, 2).
    """
    from scipy.interpolate import CubicSpline
    from scipy.special import hankel2, jv

    nodes = np.linspace(0, max(float(radii.max()), 8 * spread) * 1.001, 20_001)[1:]
    density = np.exp(-(nodes**2) / (2 * spread**2)) / (2 * _PI * spread**2) * nodes
    step = nodes[1] - nodes[0]

    def summed(values: np.ndarray) -> np.ndarray:
        return np.cumsum(values) * step - values * step / 2

    inner = summed(density * jv(0, k * nodes))
    outer = summed(density * hankel2(0, k * nodes))
    u = -0.5j * _PI * (hankel2(0, k * nodes) * inner + jv(0, k * nodes) * (outer[-1] - outer))
    return CubicSpline(nodes, np.stack([u.real, u.imag], 1))(radii)


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
