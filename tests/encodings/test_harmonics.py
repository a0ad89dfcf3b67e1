"""Spherical harmonics: the first by their polynomials, all of them orthonormal, and what directions are."""

import math

import numpy as np
import pytest
import torch

from inr.encodings import SphericalHarmonics


def directions(count: int) -> torch.Tensor:
    vectors = torch.randn(count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return vectors / vectors.norm(dim=1, keepdim=True)


def test_the_first_are_the_known_polynomials():
    x, y, z = (vectors := directions(20)).unbind(1)
    pi = math.pi
    expected = [
        torch.full_like(x, 0.5 / math.sqrt(pi)),
        *(-math.sqrt(3 / (4 * pi)) * y, math.sqrt(3 / (4 * pi)) * z, -math.sqrt(3 / (4 * pi)) * x),
        *(math.sqrt(15 / (4 * pi)) * x * y, -math.sqrt(15 / (4 * pi)) * y * z),
        math.sqrt(5 / (16 * pi)) * (3 * z**2 - 1),
        *(-math.sqrt(15 / (4 * pi)) * x * z, math.sqrt(15 / (16 * pi)) * (x**2 - y**2)),
        -math.sqrt(35 / (32 * pi)) * y * (3 * x**2 - y**2),
        math.sqrt(105 / (4 * pi)) * x * y * z,
        -math.sqrt(21 / (32 * pi)) * y * (5 * z**2 - 1),
        math.sqrt(7 / (16 * pi)) * (5 * z**3 - 3 * z),
        -math.sqrt(21 / (32 * pi)) * x * (5 * z**2 - 1),
        math.sqrt(105 / (16 * pi)) * z * (x**2 - y**2),
        -math.sqrt(35 / (32 * pi)) * x * (x**2 - 3 * y**2),
    ]
    torch.testing.assert_close(SphericalHarmonics(3)(vectors), torch.stack(expected, dim=1))


@pytest.mark.parametrize("degree", [4, 9])
def test_they_are_orthonormal(degree):
    """By Gauss's rule in z and equal steps of longitude: exact for products of two."""
    z, weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(degree + 1))
    angles = torch.arange(2 * degree + 2, dtype=torch.float64) * (math.pi / (degree + 1))
    parallel = (1 - z**2).sqrt()[:, None]
    vectors = torch.stack(
        (parallel * angles.cos(), parallel * angles.sin(), z[:, None].expand(-1, len(angles))), dim=2
    ).flatten(0, 1)
    areas = (weights[:, None] * (math.pi / (degree + 1))).expand(-1, len(angles)).flatten()
    values = SphericalHarmonics(3, degree=degree)(vectors)
    torch.testing.assert_close((values.T * areas) @ values, torch.eye(degree**2).double(), rtol=0, atol=1e-12)


def test_a_high_degree_keeps_its_sum_in_single_precision():
    """Unsöld: the squares of all functions of a band add up to (2l + 1)/4π."""
    values = SphericalHarmonics(3, degree=32)(directions(200).float())
    bands = values.square().split([2 * band + 1 for band in range(32)], dim=1)
    for band, squares in enumerate(bands):
        expected = torch.full((200,), (2 * band + 1) / (4 * math.pi))
        torch.testing.assert_close(squares.sum(1), expected, rtol=2e-3, atol=0)


def test_only_the_direction_counts_and_the_origin_is_harmless():
    harmonics, vectors = SphericalHarmonics(3), directions(9)
    torch.testing.assert_close(harmonics(vectors * 0.01), harmonics(vectors))
    assert harmonics(torch.zeros(1, 3)).isfinite().all()


def test_two_coordinates_are_longitude_and_latitude():
    places = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.3, 1.0], [-0.25, 0.5]], dtype=torch.float64)
    half = math.sqrt(0.5)
    vectors = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, -0.5, half]], dtype=torch.float64)
    torch.testing.assert_close(SphericalHarmonics(2, degree=5)(places), SphericalHarmonics(3, degree=5)(vectors))
