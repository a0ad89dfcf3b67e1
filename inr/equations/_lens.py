"""Plane waves through a round lens, by partial waves: exact wave fields in a medium that is not homogeneous."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex128, Float64

_BEYOND = 12  # partial waves more than k r, which is where they end
_FROM = 1e-6  # radius at which the integration begins, where regular solutions are as powers of r


@dataclass(frozen=True)
class Lens:
    """A medium in the plane in which waves are slower around a point: m = 1 + contrast e^(-r²/2s²).

    Attributes:
        contrast: of the slowness squared in the middle, relative to that of the surroundings.
        spread: s.
        middle: (x, y).
    """

    contrast: float = 0.5
    spread: float = 0.25
    middle: tuple[float, float] = (0.2, -0.1)

    def excess(self, points: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, " n"]:
        """By how much the slowness squared exceeds that of the surroundings.

        Args:
            points: (n, 2).
        """
        radii = np.linalg.norm(points - np.array(self.middle), axis=1)
        return self.contrast * np.exp(-(radii**2) / (2 * self.spread**2))

    def waves(self, points: Float64[np.ndarray, "n 2"], k: float, angle: float) -> Complex128[np.ndarray, " n"]:
        """What becomes of a plane wave: Δu + k² m u = 0, as e^(ik·(x - middle)) comes in and outgoing waves leave.

        Partial waves u = Σ iⁿ R_n(r) e^(inθ): each R_n solves an ordinary equation, regular in the middle, and is
        J_n + b H_n⁽¹⁾ where the lens has ended.

        Args:
            points: (n, 2).
            k: wavenumber of the surroundings.
            angle: of the direction in which the wave goes, in radians.
        """
        from scipy.interpolate import CubicSpline

        away = points - np.array(self.middle)
        radii, angles = np.linalg.norm(away, axis=1), np.arctan2(away[:, 1], away[:, 0]) - angle
        end = max(float(radii.max()), 7 * self.spread) * 1.01
        nodes = np.linspace(0, end, 2_000)
        found = np.zeros(len(points), complex)
        for order in range(round(k * end) + _BEYOND):
            radial = CubicSpline(nodes, self._radial(order, k, nodes))(radii)
            found += (1 if order == 0 else 2) * 1j**order * radial * np.cos(order * angles)
        return found

    def _radial(self, order: int, k: float, nodes: np.ndarray) -> np.ndarray:
        """R_n at radii from 0 on, of which the last lies beyond the lens."""
        from scipy.integrate import solve_ivp
        from scipy.special import h1vp, hankel1, jv, jvp

        def slope(r: float, state: np.ndarray) -> list[float]:  # of S = R/(r/end)ⁿ, whose equation has no tiny numbers
            m = 1 + self.contrast * np.exp(-(r**2) / (2 * self.spread**2))
            return [state[1], -(2 * order + 1) / r * state[1] - k**2 * m * state[0]]

        end = nodes[-1]
        run = solve_ivp(slope, (_FROM, end), [1.0, 0.0], "DOP853", np.maximum(nodes, _FROM), rtol=1e-10, atol=1e-13)
        regular = run.y[0] * (nodes / end) ** order
        value, across = run.y[0][-1], run.y[1][-1] + order / end * run.y[0][-1]
        z = k * end
        # value and slope of c R = J + b H
        c, _ = np.linalg.solve(
            np.array([[value, -hankel1(order, z)], [across, -k * h1vp(order, z)]]), [jv(order, z), k * jvp(order, z)]
        )
        return c * regular
