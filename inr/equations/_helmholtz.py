"""Helmholtz's equation: plane waves, absorbing layers, and a medium that is found from its waves."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.equations._lens import Lens
from inr.equations._preset import Preset
from inr.equations._tracing import FUNCTIONS

_cos, _exp, _maximum = (FUNCTIONS[name] for name in ("cos", "exp", "maximum"))
_PI = math.pi
_REFLECTED = 1e-6  # of a wave's amplitude, by absorbing layers that it meets head-on
_SOURCES = 8  # the most whose waves are told apart by a letter and solved for together
_OBSERVED, _NOISE = 2_000, 0.01


def helmholtz(
    k: float | None = None, pml: float | None = None, inverse: bool = False, data: tuple[Any, Any] | None = None
) -> Preset:
    """Waves of one frequency: a plane wave given at the boundary; a source within absorbing layers; or the inverse.

    Args:
        k: wavenumber; None: 20, and 8 of the inverse.
        pml: width of the layers; None for a plane wave.
        inverse: find the medium from waves through it.
        data: of the inverse, points (n, 2) and complex values (n, s) of the waves of s sources, which lie outside of
            the square; None: those of two plane waves through a round lens, at 2,000 points, with noise of 1 %.
    """
    k = (8.0 if inverse else 20.0) if k is None else k
    if not 0 < k <= 200:
        raise InrError(f"the wavenumber lies above 0 and up to 200, not {k:g}")
    if inverse and pml is not None:
        raise InrError("the inverse has no absorbing layers: its waves are observed, whatever is around the square")
    if inverse and data is not None:
        return _medium(k, *data)
    if inverse:
        lens = Lens()
        known = _medium(k, *observed_waves(lens, k))
        return replace(known, exact=lambda points: lens.excess(points)[:, None])
    if data is not None:
        raise InrError("data are for the inverse (inverse=True, --inverse), which finds the medium from them")
    if pml is not None:
        return _absorbed(k, pml)
    a, b = 0.8 * k, 0.6 * k
    stated = {
        "residual": lambda u: u.xx + u.yy + k**2 * u,
        "domain": "x=-1..1,y=-1..1",
        "where": {"boundary": lambda u, at: u - _cos(a * at.x + b * at.y)},
    }
    return Preset(stated, lambda points: np.cos(points @ np.array([a, b]))[:, None])


def _medium(k: float, points: Any, waves: Any) -> Preset:
    """The medium m as what it exceeds that of its surroundings by, and the waves of all sources beside it.

    Each wave has Δu + k² (1 + m) u = 0 inside of the square, and is observed at points; m is 0 at the boundary.
    """
    waves = np.asarray(waves)
    waves = waves[:, None] if waves.ndim == 1 else waves
    if waves.ndim != 2 or not 1 <= waves.shape[1] <= _SOURCES:
        raise InrError(f"data of the inverse are points (n, 2) and values (n, 1) to (n, {_SOURCES}), not {waves.shape}")
    names = [f"u{chr(ord('a') + source)}" for source in range(waves.shape[1])]

    def residual(channels: Any) -> Any:
        m, *several = channels
        return tuple(u.lap + k**2 * (1 + m) * u for u in several)

    unmeasured = np.full((len(waves), 1), np.nan)
    stated = {
        "residual": residual,
        "domain": "x=-1..1,y=-1..1",
        "channels": ",".join(["m", *(f"{name}:complex" for name in names)]),
        "where": {"boundary": "m = 0"},
        "data": (points, np.concatenate([unmeasured, waves], 1)),
    }
    return Preset(stated, options={"solver": "closed-form", "features": 320, "seconds": 60.0})


def observed_waves(lens: Lens, k: float) -> tuple[np.ndarray, np.ndarray]:
    """Two plane waves, one along each axis, behind and in a lens: what is observed of them at random points.

    Args:
        lens: in the square from -1 to 1.
        k: wavenumber of the surroundings.

    Returns:
        Points (n, 2), and complex values (n, 2) with noise of 1 % of their root mean square.
    """
    draw = np.random.default_rng(0)
    points = draw.uniform(-1, 1, (_OBSERVED, 2))
    waves = np.stack([lens.waves(points, k, angle) for angle in (0.0, _PI / 2)], 1)
    noise = draw.standard_normal(waves.shape) + 1j * draw.standard_normal(waves.shape)
    return points, waves + _NOISE * np.sqrt(np.mean(np.abs(waves) ** 2) / 2) * noise


def damping(k: float, width: float) -> float:
    """The a0 of layers that absorb a wave but for a millionth of its amplitude: R = e^(-k a0 L/2), there and back.

    Args:
        k: wavenumber.
        width: of the layers, L.
    """
    return -2 * math.log(_REFLECTED) / (k * width)


def stretch(position: Any, k: float, width: float) -> tuple[Any, Any, Any]:
    """A coordinate of [-1, 1] as absorbing layers stretch it, how they do, e, and the derivative of that.

    e = 1 - i a0 ((d₋/L)³ + (d₊/L)³), d being the depth in the layers at both ends. Sitzmann et al. 2020, after Chen et
    al. 2013, have squares and a0 = 5: then third derivatives of the solution jump where layers begin, which takes high
    frequencies to represent.

    Args:
        position: of points, array or symbol.
        k: wavenumber.
        width: of the layers, L.
    """
    low, high = _maximum(-(position + 1 - width), 0), _maximum(position - 1 + width, 0)
    factor = -1j * damping(k, width)
    stretched = position + factor * width / 4 * ((high / width) ** 4 - (low / width) ** 4)
    e = 1 + factor * ((low / width) ** 3 + (high / width) ** 3)
    slope = 3 * factor * ((high / width) ** 2 - (low / width) ** 2) / width
    return stretched, e, slope


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
    (_, ex, dx), (_, ey, dy) = stretch(at.x, k, width), stretch(at.y, k, width)
    along_x = ey / ex * u.xx - ey * dx / ex**2 * u.x
    along_y = ex / ey * u.yy - ex * dy / ey**2 * u.y
    return along_x + along_y + ex * ey * slowness * k**2 * u


def _absorbed(k: float, width: float) -> Preset:
    """A Gaussian source in the middle, radiating into the layers."""
    if not 0.1 <= width <= 0.8:
        raise InrError(f"absorbing layers of a square from -1 to 1 are 0.1 to 0.8 wide, not {width:g}")
    spread = 2 / k  # of the source; a narrower one has frequencies that no wave carries away

    def residual(u: Any, at: Any) -> Any:
        (x, ex, _), (y, ey, _) = stretch(at.x, k, width), stretch(at.y, k, width)
        # of stretched coordinates, too, for it reaches into the layers
        source = _exp(-(x**2 + y**2) / (2 * spread**2)) / (2 * _PI * spread**2)
        # divided by the stretches, so that corners of the layers, where nothing is, do not outweigh everything else
        return absorbing(u, at, k, width) / (ex * ey) + source

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
