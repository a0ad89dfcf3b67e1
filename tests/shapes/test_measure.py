"""Measures of shapes against closed forms."""

import numpy as np
import pytest

from inr.geometry import Mesh, SignedDistance, marching_cubes
from inr.shapes import Implicit, measure
from tests.geometry.solids import ball

_SAMPLES = 1 << 14


@pytest.fixture(scope="module")
def reference():
    return SignedDistance(Mesh(*marching_cubes(lambda points: ball(points, 0.8), 64, bound=1.0)))


def test_concentric_balls(reference):
    radius, scale = 0.6, 5.0
    shape = Implicit(lambda points: ball(points, radius), scale=scale, centre=(7.0, 0.0, 0.0))
    found = measure(shape, reference, samples=_SAMPLES, resolution=64)
    # the reference lies within a thousandth of the ball, and the samples say how far off they may be
    assert found.iou == pytest.approx((radius / 0.8) ** 3, abs=1.5 * found.iou_error + 2e-3)
    assert found.iou_near == 0
    assert found.chamfer == pytest.approx(0.2 * scale, rel=0.01)
    assert found.hausdorff == pytest.approx(0.2 * scale, rel=0.02)
    assert found.normal_consistency == pytest.approx(1, abs=2e-3)
    assert found.f_score == 0
    assert found.eikonal == pytest.approx(0, abs=1e-3)


def test_the_same_ball(reference):
    found = measure(Implicit(lambda points: ball(points, 0.8)), reference, samples=_SAMPLES, resolution=64)
    assert found.iou > 0.995
    assert found.iou_near > 0.97
    assert found.chamfer < 5e-4
    assert found.hausdorff < 5e-3
    assert found.f_score == pytest.approx(1)
    assert 0 < found.iou_near_error < 0.02


def test_steep_functions_and_occupancies(reference):
    steep = measure(Implicit(lambda points: 2 * ball(points, 0.8)), reference, samples=_SAMPLES, resolution=32)
    assert steep.eikonal == pytest.approx(1, abs=1e-3)
    filled = Implicit(lambda points: np.sign(ball(points, 0.8)), unit=None)
    assert np.isnan(measure(filled, reference, samples=_SAMPLES, resolution=32).eikonal)
