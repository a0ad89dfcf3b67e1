"""Marching squares against closed forms and skimage."""

import numpy as np
import pytest
from skimage import measure

from inr.geometry import contours, enclosed_area


def _ring(points):
    radii = np.hypot(*points.astype(np.float64).T)
    return (np.abs(radii - 0.6) - 0.2).astype(np.float32)


def test_a_ring_has_two_curves_the_inner_one_the_other_way_round():
    curves = contours(_ring, 200)
    areas = sorted(enclosed_area([curve]) for curve in curves)
    # errors of second order in the cell
    assert areas == pytest.approx([-np.pi * 0.4**2, np.pi * 0.8**2], rel=1e-3)
    for curve in curves:
        radii = np.hypot(*curve.T)
        assert np.abs(np.abs(radii - 0.6) - 0.2).max() < 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_points_are_those_of_skimage(seed):
    cells = 20
    noise = np.random.default_rng(seed).standard_normal((cells + 1,) * 2)
    noise[[0, -1]] = noise[:, [0, -1]] = 1

    def values(points):
        x, y = np.rint((points.astype(np.float64) + 1) * cells / 2).astype(int).T
        return noise[y, x]

    ours = np.concatenate(contours(values, cells))
    theirs = np.concatenate([curve[:-1, ::-1] for curve in measure.find_contours(noise, 0.0)]) * 2 / cells - 1
    order, other = (np.lexsort(np.round(each, 5).T) for each in (ours, theirs))
    np.testing.assert_allclose(ours[order], theirs[other], atol=2e-5)


def test_what_reaches_the_rim_is_closed_there():
    (curve,) = contours(lambda points: -np.ones(len(points)), 50)
    assert enclosed_area([curve]) == pytest.approx(4, rel=0.05)


def test_nothing_comes_of_a_function_of_one_sign():
    assert contours(lambda points: np.ones(len(points)), 8) == []
