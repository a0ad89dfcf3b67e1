"""Projectors: transposes, closed forms, and the geometry that their rays have."""

import numpy as np
import pytest
import torch

import inr
from inr.reconstruction import Ellipse, Projector, Quadrature, Scan, line_integrals, sampled, shepp_logan

PARALLEL = Scan(np.arange(0, 180, 15), 24)
FAN = Scan(np.arange(0, 360, 30), 24, "fan", pitch=1.5, offset=0.7, source=50.0, detector=25.0)
CONE = Scan(np.arange(0, 360, 60), 12, "cone", pitch=2.5, source=40.0, detector=30.0, rows=7, row_pitch=2.0)
CASES = [(PARALLEL, (24, 24)), (FAN, (20, 24)), (CONE, (6, 12, 14))]


@pytest.mark.parametrize(("scan", "shape"), CASES, ids=lambda case: getattr(case, "beam", None))
def test_adjoint(scan, shape):
    """<A x, y> = <x, Aᵀ y>, to rounding of float32 numbers that are added in float64 forwards."""
    draw = np.random.default_rng(0)
    projector = Projector(scan.rays(), shape, scan.fov)
    picture = draw.standard_normal(shape).astype(np.float32)
    values = draw.standard_normal(projector.measured).astype(np.float32)
    forward, backward = projector(picture).astype(np.float64), projector.adjoint(values).astype(np.float64)
    gap = abs(np.vdot(forward, values) - np.vdot(picture, backward))
    assert gap < 1e-6 * np.linalg.norm(forward) * np.linalg.norm(values)


@pytest.mark.parametrize(("scan", "shape"), CASES, ids=lambda case: getattr(case, "beam", None))
def test_same_bits_for_any_number_of_threads(scan, shape):
    draw = np.random.default_rng(0)
    picture = draw.standard_normal(shape).astype(np.float32)
    values = draw.standard_normal(scan.shape).astype(np.float32)
    projectors = [Projector(scan.rays(), shape, scan.fov, threads=threads) for threads in (1, 2, 3)]
    for other in projectors[1:]:
        np.testing.assert_array_equal(other(picture), projectors[0](picture))
        np.testing.assert_array_equal(other.adjoint(values), projectors[0].adjoint(values))


def test_adjoint_of_quadrature():
    draw = torch.Generator().manual_seed(0)
    quadrature = Quadrature(FAN.rays().reshape(-1, 2, 2), FAN.fov, 30)
    values = torch.randn(len(quadrature.coords), generator=draw)
    integrals = torch.randn(len(quadrature.lengths), generator=draw)
    forward, backward = quadrature.project(values).double(), quadrature.adjoint(integrals).double()
    gap = abs(forward @ integrals.double() - values.double() @ backward)
    assert gap < 1e-6 * forward.norm() * integrals.norm()


def test_the_gradient_is_the_adjoint():
    projector = Projector(PARALLEL.rays(), (24, 24), 24.0)
    picture = torch.randn(24, 24, requires_grad=True)
    values = torch.randn(projector.measured)
    (projector.project(picture) * values).sum().backward()
    np.testing.assert_array_equal(picture.grad, projector.adjoint(values.numpy()))


@pytest.mark.parametrize(
    "scan", [Scan(np.arange(0, 180, 9), 256), Scan(np.arange(0, 360, 18), 256, "fan", 1.5, 0.0, 400.0, 200.0)]
)
def test_chords_of_a_disc(scan):
    """2 √(R² − s²), in the mean within 0.15 %; single rays are off at the disc's edge, where pixels are means."""
    disc = [Ellipse(1.0, (0.4 * scan.fov, 0.4 * scan.fov))]
    exact = line_integrals(disc, scan.rays())
    found = Projector(scan.rays(), (256, 256), scan.fov)(sampled(disc, 256, scan.fov))
    assert np.abs(found - exact).sum() < 1.5e-3 * exact.sum()


def test_exact_integrals_are_those_of_quadrature():
    """Of an ellipse that is turned and off the axis, along the rays of a fan; an edge is met within a piece."""
    ellipse = Ellipse(0.7, (6.0, 3.0), (2.0, -4.0), 25.0)
    rays = FAN.rays().reshape(-1, 2, 2)
    quadrature = Quadrature(rays, FAN.fov, 4_000)
    x, y = (quadrature.coords.numpy() * [1, -1] * FAN.fov / 2 - [2.0, -4.0]).T
    turn = np.deg2rad(25)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    inside = torch.from_numpy(0.7 * ((along / 6) ** 2 + (across / 3) ** 2 <= 1))
    step = 0.7 * float(quadrature.lengths.max())
    np.testing.assert_allclose(quadrature.project(inside), line_integrals([ellipse], rays), atol=2.1 * step)


def test_the_projector_comes_to_the_exact_integrals_of_the_head_phantom():
    """The error falls with the pixels: 2.2 % at 128, in the norm, and less than 3/4 of it at twice as many."""
    errors = []
    for size in (128, 256):
        scan = Scan(np.arange(0, 180, 9), size, pitch=128 / size)
        exact = line_integrals(shepp_logan(128.0), scan.rays())
        found = Projector(scan.rays(), (size, size), 128.0)(sampled(shepp_logan(128.0), size, 128.0))
        errors.append(np.linalg.norm(found - exact) / np.linalg.norm(exact))
    assert errors[0] < 0.025
    assert errors[1] < errors[0] * 3 / 4


def test_directions():
    """At 0 degrees columns are summed, from left to right; at 90 degrees rows, from the lowest to the uppermost."""
    picture = np.arange(16, dtype=np.float32).reshape(4, 4)
    found = Projector(Scan([0.0, 90.0], 4).rays(), (4, 4), 4.0)(picture)
    np.testing.assert_allclose(found[0], picture.sum(0), rtol=1e-6)
    np.testing.assert_allclose(found[1], picture.sum(1)[::-1], rtol=1e-6)


def test_angles_are_those_of_scikit_image():
    from skimage.transform import radon

    phantom = [Ellipse(1.0, (9.0, 4.0), (6.0, 8.0), 30.0)]
    picture = sampled(phantom, 64, 64.0)
    angles = np.array([20.0, 75.0, 140.0])
    theirs = radon(picture, angles, circle=True).T
    ours = line_integrals(phantom, Scan(angles, 64).rays())
    shifted = line_integrals(phantom, Scan(angles, 64, offset=-0.5).rays())  # their axis goes through a pixel's centre
    assert min(np.abs(theirs - each).mean() for each in (ours, shifted)) < 0.03 * ours.max()


def test_a_fan_from_far_away_is_a_parallel_beam():
    fan = Scan(PARALLEL.angles, 24, "fan", source=1e7, detector=0.0)
    picture = np.random.default_rng(0).random((24, 24)).astype(np.float32)
    found = [Projector(scan.rays(), (24, 24), 24.0)(picture) for scan in (PARALLEL, fan)]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4)


def test_the_middle_row_of_a_cone_is_a_fan():
    """Of a volume that does not change along the axis."""
    fan = Scan(CONE.angles, 12, "fan", pitch=2.5, source=40.0, detector=30.0)
    slice_ = np.random.default_rng(0).random((14, 14)).astype(np.float32)
    volume = np.broadcast_to(slice_, (9, 14, 14))
    cone = Projector(CONE.rays(), (9, 14, 14), 14.0)(volume)
    np.testing.assert_allclose(cone[:, 3], Projector(fan.rays(), (14, 14), 14.0)(slice_), rtol=1e-5)


def test_rays_end_where_they_are_said_to():
    rays = np.array([[[0.0, -5.0], [0.0, 5.0]], [[0.0, 0.0], [0.5, 0.0]], [[3.0, -5.0], [3.0, 5.0]]])
    quadrature = Quadrature(rays, 2.0, 10)
    assert quadrature.project(torch.ones(30)).tolist() == pytest.approx([2.0, 0.5, 0.0])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"beam": "fan", "detector": 3.0}, "needs the distance of its source"),
        ({"beam": "fan", "source": 0.0, "detector": 3.0}, "positive"),
        ({"source": 3.0}, "geometry=fan"),
        ({"pitch": 0.0}, "positive pitch"),
        ({"beam": "helix"}, "parallel, fan or cone"),
    ],
)
def test_geometries_that_are_none(given, words):
    with pytest.raises(inr.InrError, match=words):
        Scan([0.0, 1.0], 4, **given)
