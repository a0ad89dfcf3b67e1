"""Stable rank and distance preservation, of matrices and of encodings."""

import math

import pytest
import torch

from inr import InrError
from inr.diagnostics import _embedding, distance_preservation, stable_rank
from inr.encodings import FourierFeatures, OneBlob, encodings


def grid(count: int) -> torch.Tensor:
    axis = (2 * torch.arange(count) + 1) / count - 1
    return torch.cartesian_prod(axis, axis)


@pytest.mark.parametrize("shape", [(30, 7), (7, 30)])
def test_stable_rank_is_the_ratio_of_two_norms(shape):
    torch.manual_seed(0)
    features = torch.randn(shape, dtype=torch.float64)
    values = torch.linalg.svdvals(features)
    assert stable_rank(features) == pytest.approx(float(values.square().sum() / values[0] ** 2))
    assert stable_rank(features.float()) == pytest.approx(stable_rank(features), rel=1e-5)


def test_stable_rank_of_orthogonal_and_of_equal_rows():
    assert stable_rank(torch.eye(9)) == pytest.approx(9)
    assert stable_rank(torch.ones(9, 4)) == pytest.approx(1)


@pytest.mark.parametrize("block", [1, 2**22])
def test_stable_rank_of_an_encoding_is_that_of_its_features(block, monkeypatch):
    monkeypatch.setattr(_embedding, "_BLOCK_NUMBERS", block)
    torch.manual_seed(0)
    for encoding in (FourierFeatures(2, frequencies=20), encodings.build("hash:levels=2,finest=20", 2)):
        assert stable_rank(encoding, grid(16)) == pytest.approx(stable_rank(encoding(grid(16)).detach()), rel=1e-5)
        assert stable_rank(encoding, grid(2)) == pytest.approx(stable_rank(encoding(grid(2)).detach()), rel=1e-5)


def test_higher_frequencies_give_a_higher_rank():
    torch.manual_seed(0)
    ranks = [stable_rank(FourierFeatures(2, frequencies=128, sigma=sigma), grid(24)) for sigma in (0.5, 2.0, 5.0)]
    assert ranks == sorted(ranks)
    assert ranks[2] > 10 * ranks[0]


def test_distance_preservation_of_gaussian_frequencies():
    torch.manual_seed(0)
    encoding = FourierFeatures(2, frequencies=2**15, sigma=2.0)
    first, second = torch.rand(30, 2), torch.rand(30, 2)
    apart = ((first - second) / 2).square().sum(1).double()
    expected = torch.exp(-2 * math.pi**2 * 4 * apart)
    torch.testing.assert_close(distance_preservation(encoding, first, second), expected, rtol=0, atol=0.02)


def test_a_point_is_like_itself():
    coords = torch.rand(9, 3)
    likeness = distance_preservation(OneBlob(3), coords, coords)
    torch.testing.assert_close(likeness, torch.ones(9).double())
    assert distance_preservation(OneBlob(1), -torch.ones(1, 1), torch.ones(1, 1)) < 1e-12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(4, 3),), "not all 0"),
        ((torch.full((4, 3), math.nan),), "not all 0"),
        ((torch.zeros(0, 3),), "not all 0"),
        ((OneBlob(2),), "needs coordinates"),
        ((torch.eye(3), torch.eye(3)), "given already"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(InrError, match=message):
        stable_rank(*arguments)
