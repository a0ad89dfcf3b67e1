"""One-blob: shares of a bell, by numerical integration, and what they sum to."""

import math

import pytest
import torch

from inr.encodings import OneBlob


def normal(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def test_features_are_integrals_of_a_bell_over_bins():
    bins = 6
    v = torch.tensor([0.02, 0.31, 0.5, 0.97], dtype=torch.float64)
    features = OneBlob(1, bins=bins)(2 * v[:, None] - 1)
    fine = (torch.arange(60_000, dtype=torch.float64) + 0.5) / 60_000
    bell = torch.exp(-((fine - v[:, None]) ** 2) * bins**2 / 2) * bins / math.sqrt(2 * math.pi)
    expected = bell.view(4, bins, -1).sum(2) / 60_000
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("bins", [1, 4, 64])
def test_an_axis_sums_to_what_lies_between_its_ends(bins):
    v = torch.rand(50, 3, dtype=torch.float64)
    sums = OneBlob(3, bins=bins)(2 * v - 1).view(50, 3, bins).sum(2)
    expected = [[normal((1 - float(x)) * bins) - normal(-float(x) * bins) for x in row] for row in v]
    torch.testing.assert_close(sums, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)
    if bins == 64:
        assert sums[(v > 0.1) & (v < 0.9)].min() > 1 - 1e-6


def test_the_largest_share_is_the_bin_of_the_point():
    v = (torch.arange(10) + 0.5) / 10
    assert OneBlob(1, bins=10)(2 * v[:, None] - 1).argmax(1).tolist() == list(range(10))
