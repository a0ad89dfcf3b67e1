"""Total variation: its gradient and divergence, and the solver on cases that can be solved by hand."""

import numpy as np
import pytest

import inr
from inr.reconstruction import tv_reconstruct
from inr.reconstruction._total_variation import divergence, gradient, operator_norm


@pytest.mark.parametrize("shape", [(7,), (5, 6), (4, 3, 5)])
def test_divergence_is_the_negative_transpose_of_the_gradient(shape):
    draw = np.random.default_rng(0)
    picture, vectors = draw.standard_normal(shape), draw.standard_normal((len(shape), *shape))
    assert np.vdot(gradient(picture), vectors) == pytest.approx(-np.vdot(picture, divergence(vectors)), rel=1e-12)


def test_total_variation_of_a_square():
    picture = np.zeros((6, 6))
    picture[2:4, 2:4] = 3.0
    # of the four sides of 2, two of a corner's differences are of one pixel
    assert np.sqrt((gradient(picture) ** 2).sum(0)).sum() == pytest.approx(3 * (6 + 2**0.5))


def test_denoising_a_step_loses_contrast():
    """Of a step between m and n samples, in one dimension, the means move towards each other by λ/m and λ/n."""
    step = np.concatenate((np.zeros(4), np.ones(6))).astype(np.float32)
    found = tv_reconstruct(lambda u: u, lambda u: u, step, np.zeros(10, np.float32), strength=0.3, steps=2_000)
    wanted = np.concatenate((np.full(4, 0.3 / 4), np.full(6, 1 - 0.3 / 6)))
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_least_squares_without_a_prior():
    draw = np.random.default_rng(0)
    matrix = draw.standard_normal((12, 6))
    measured = draw.standard_normal(12)
    found = tv_reconstruct(lambda u: matrix @ u, lambda v: matrix.T @ v, measured, np.zeros(6), 0.0, steps=3_000)
    np.testing.assert_allclose(found, np.linalg.lstsq(matrix, measured, rcond=None)[0], atol=1e-6)


def test_the_norm_is_the_largest_singular_value():
    matrix = np.random.default_rng(0).standard_normal((9, 7))
    found = operator_norm(lambda u: matrix @ u, lambda v: matrix.T @ v, np.zeros(7), rounds=200)
    assert found == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-6)


def test_a_negative_strength_is_refused():
    with pytest.raises(inr.InrError, match="0 or more"):
        tv_reconstruct(lambda u: u, lambda u: u, np.zeros(3), np.zeros(3), -1.0)
