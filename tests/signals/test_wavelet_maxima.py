"""Wavelet modulus maxima: at steps and nowhere else, along the normal, and only what persists across scales."""

import math

import numpy as np
import pytest

import inr
from inr import InrError
from inr.signals import Signal, modulus_maxima

SIZES = {1: (64,), 2: (48, 64), 3: (20, 24, 28)}


def volume(array):
    return Signal.from_array(np.asarray(array, np.float32), kind="volume", channels_last=False)


def places(shape):
    """Coordinates x, y, … of all samples, in the shape of the array."""
    axes = [(2 * np.arange(size) + 1) / size - 1 for size in shape]
    return np.meshgrid(*axes, indexing="ij")[::-1]


@pytest.mark.parametrize(("in_dim", "axis"), [(dim, axis) for dim in SIZES for axis in range(dim)])
def test_a_step_is_found_within_a_sample_and_nothing_else(in_dim, axis):
    shape = SIZES[in_dim]
    along = places(shape)[axis]
    found = modulus_maxima(volume(along > 0.25))
    sample = 2 / shape[in_dim - 1 - axis]
    assert np.abs(found.points[:, axis] - 0.25).max() <= sample
    np.testing.assert_allclose(found.orientations, np.eye(in_dim)[[axis]].repeat(len(found.points), 0), atol=1e-6)
    # both samples beside the step, all along it
    assert len(found.points) == 2 * along.size // shape[in_dim - 1 - axis]


@pytest.mark.parametrize("angle", [0.4, 1.1, 2.5, -2.0])
def test_orientation_is_the_normal_in_coordinates_whatever_the_samples_are(angle):
    x, y = places((60, 90))
    normal = np.array([math.cos(angle), math.sin(angle)])
    found = modulus_maxima(volume(normal[0] * x + normal[1] * y > 0.1), scales=(2.0, 4.0))
    inner = np.abs(found.points).max(axis=1) < 0.8  # the border bends the gradient
    assert inner.sum() > 40
    assert np.abs(found.points[inner] @ normal - 0.1).max() < 2 / 60
    assert (found.orientations[inner] @ normal).min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(found.orientations, axis=1), 1, atol=1e-6)


def test_a_ball_is_found_on_its_sphere_with_normals_inwards():
    grid = np.stack(places((32, 32, 32)))
    found = modulus_maxima(volume((grid**2).sum(axis=0) < 0.6**2), scales=(1.5, 3.0))
    radii = np.linalg.norm(found.points, axis=1)
    assert len(found.points) > 500
    assert np.abs(radii - 0.6).max() < 1.1 * 2 / 32  # the ball is one of whole samples itself
    assert (-(found.orientations * found.points).sum(axis=1) / radii).min() > 0.95


@pytest.mark.parametrize("scale", [3.0, 5.0])
def test_the_modulus_of_a_step_is_the_gaussian_at_half_a_sample(scale):
    found = modulus_maxima(volume(np.arange(128) >= 50), scales=(scale,))
    # s ∇(f * G_s) half a sample from a step of height 2, the values being normalised
    expected = 2 * math.exp(-0.5 * (0.5 / scale) ** 2) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(found.moduli, expected, rtol=0.01)
    np.testing.assert_allclose(found.points[:, 0], [-29 / 128, -27 / 128], atol=1e-6)


@pytest.mark.parametrize("shape", [(4096,), (128, 128), (32, 32, 32)])
def test_noise_does_not_persist(shape):
    noise = volume(np.random.default_rng(0).normal(size=shape))
    counts = [len(modulus_maxima(noise, scales).points) for scales in ((1,), (1, 2), (1, 2, 4))]
    assert counts[1] < 0.3 * counts[0]
    assert counts[2] < 0.3 * counts[1]


def test_an_edge_persists_in_noise():
    x, _ = places((64, 64))
    picture = volume((x > 0.2) + np.random.default_rng(0).normal(scale=0.1, size=x.shape))
    once, across = modulus_maxima(picture, (1.0,)), modulus_maxima(picture, (1.0, 2.0, 4.0))

    def edge(found):
        return np.abs(found.points[:, 0] - 0.2) <= 1.5 * 2 / 64

    assert len(np.unique(across.points[edge(across), 1])) >= 60  # of 64 rows
    assert edge(once).mean() < 0.2
    assert edge(across).mean() > 0.6
    assert across.moduli[edge(across)].min() > 2 * across.moduli[~edge(across)].max()


def test_the_steepest_channel_counts():
    x, y = places((32, 32))
    picture = np.stack([0.1 * (y > 0), x > 0, np.zeros_like(x)], axis=-1).astype(np.float32)
    found = modulus_maxima(Signal.from_array(picture, kind="image"))
    strong = found.moduli > 0.2
    assert np.abs(found.points[strong, 0]).max() <= 2 / 32
    assert np.abs(found.points[~strong, 1]).max() <= 2 / 32
    assert strong.any()
    assert (~strong).any()


def test_a_signal_without_edges_has_no_maxima():
    found = modulus_maxima(volume(np.ones((9, 7))))
    assert found.points.shape == found.orientations.shape == (0, 2)
    assert found.moduli.shape == (0,)


@pytest.mark.parametrize("shape", [(2,), (1, 2), (3, 1, 5, 2)])
def test_small_grids(shape):
    found = modulus_maxima(volume(np.arange(math.prod(shape)).reshape(shape)))
    assert found.points.shape == found.orientations.shape == (len(found.moduli), len(shape))


def test_what_has_no_maxima_is_refused(refused):
    scattered = Signal.from_samples(np.random.default_rng(0).random((9, 2)), np.arange(9.0))
    refused(lambda: modulus_maxima(scattered), "need samples on a grid")
    for scales in ((), (2.0, 1.0), (1.0, 1.0), (0.0, 1.0), (1.0, math.inf), (math.nan,)):
        with pytest.raises(InrError, match="must be positive and rise"):
            modulus_maxima(volume(np.arange(9)), scales)


def test_it_is_public():
    assert inr.signals.modulus_maxima is modulus_maxima
