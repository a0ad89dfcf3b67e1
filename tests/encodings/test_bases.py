"""Bases of one position: formulas, norms, and the publication's two measures in closed form (recipe c)."""

import math

import pytest
import torch

from inr import InrError
from inr.diagnostics import stable_rank
from inr.encodings import basis
from inr.encodings._bases import DEFAULTS, basis_smoothness

KINDS = list(DEFAULTS)
FOURIER = ("rff", "linf", "logf")


def middles(count: int) -> torch.Tensor:
    """The samples of an axis."""
    return (torch.arange(count, dtype=torch.float64) + 0.5) / count


@pytest.mark.parametrize(
    ("kind", "parameters", "mother"),
    [
        ("gaussian", {"width": 0.07}, lambda u: math.exp(-(u**2) / (2 * 0.07**2))),
        ("triangle", {"width": 0.2}, lambda u: max(0.0, 1 - abs(u) / 0.2)),
        ("square", {"frequency": 3.0}, lambda u: 1.0 if math.sin(2 * math.pi * 3 * u) > 0 else -1.0),
        ("sine", {"frequency": 3.0}, lambda u: math.sin(2 * math.pi * 3 * u)),
        ("impulse", {}, lambda u: 1.0 if abs(u) < 0.5 / 12 else 0.0),
    ],
)
def test_shifted_copies_of_a_mother_function(kind, parameters, mother):
    torch.manual_seed(0)
    positions = torch.rand(40, dtype=torch.float64)
    features = basis(kind, 12, **parameters)(positions)
    expected = torch.tensor([[mother(float(v) - (k + 0.5) / 12) for k in range(12)] for v in positions]).double()
    scale = features.abs().max() / expected.abs().max()  # of the norm, which is tested below
    torch.testing.assert_close(features, expected * scale, rtol=1e-6, atol=1e-9)


def test_noise_is_one_vector_shifted_in_a_circle():
    torch.manual_seed(0)
    noise = basis("noise", 7)
    rows = noise(middles(7).float())
    for cell in range(7):
        for k in range(7):
            assert rows[cell, k] == noise.vector[(cell - k) % 7]
    assert torch.equal(noise(middles(70).float()), rows.repeat_interleave(10, dim=0))  # constant around a centre


def test_fourier_bases_are_sines_then_cosines_of_their_frequencies():
    torch.manual_seed(0)
    positions = torch.rand(20, dtype=torch.float64)
    wanted = {
        "linf": torch.linspace(1, 8, 5, dtype=torch.float64),
        "logf": 2 ** torch.linspace(0, 3, 5, dtype=torch.float64),
    }
    for kind, frequencies in wanted.items():
        made = basis(kind, 10, octaves=3.0)
        torch.testing.assert_close(made.frequencies.double(), frequencies, rtol=1e-6, atol=0)
        phases = 2 * math.pi * positions[:, None] * frequencies
        expected = torch.cat((phases.sin(), phases.cos()), dim=1) / math.sqrt(5)
        torch.testing.assert_close(made(positions), expected, rtol=0, atol=1e-5)
    assert basis("rff", 20_000, sigma=4.0).frequencies.std() == pytest.approx(4, rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [2, 16, 150])
def test_the_largest_row_has_norm_one(kind, count):
    torch.manual_seed(0)
    width = {"width": 2.0 / count} if "width" in DEFAULTS[kind] else {}
    norms = basis(kind, count, **width)(torch.linspace(0, 1, 20_001, dtype=torch.float64)).norm(dim=1)
    assert norms.max() == pytest.approx(1, abs=2e-3)
    assert norms.max() <= 1 + 1e-5


@pytest.mark.parametrize("kind", ["gaussian", "triangle", "sine"])
def test_on_as_many_samples_as_centres_it_is_the_publications_matrix(kind):
    """There positions are i/N, centres k/K; here both lie half a cell further."""
    count = 32
    made = basis(kind, count)
    theirs = torch.arange(count, dtype=torch.float64) / count
    matrix = made._scale * made.mother(theirs[:, None] - theirs)
    torch.testing.assert_close(made(middles(count)), matrix)


def test_stable_rank_of_gaussians_on_a_circle():
    made = basis("gaussian", 1000, width=0.01)
    circulant = sum(made(middles(1000) + turn) for turn in (-1, 0, 1))
    assert stable_rank(circulant) == pytest.approx(28.2, abs=0.1)
    assert stable_rank(circulant) == pytest.approx(1 / (2 * math.sqrt(math.pi) * 0.01), rel=1e-6)


def test_stable_ranks_of_impulses_and_sines():
    assert stable_rank(basis("impulse", 60)(middles(60))) == pytest.approx(60)
    assert stable_rank(basis("sine", 60, frequency=3.0)(middles(300))) <= 2 + 1e-6


def test_stable_rank_of_random_fourier_features():
    """sqrt(2π) sigma, less what the ends of an axis take: 24.0 of 25.07 where sigma is 10."""
    torch.manual_seed(0)
    assert stable_rank(basis("rff", 4096, sigma=10.0)(middles(500))) == pytest.approx(24.0, abs=0.7)


def likeness(kind: str, count: int, distances: torch.Tensor, **parameters: float) -> torch.Tensor:
    made = basis(kind, count, **parameters)
    here, there = made(0.5 - distances / 2), made(0.5 + distances / 2)
    return torch.nn.functional.cosine_similarity(here, there)


def test_distance_preservation_of_gaussians_and_random_fourier_features():
    torch.manual_seed(0)
    distances = torch.linspace(0, 0.15, 30, dtype=torch.float64)
    sigma = 0.03
    bell = torch.exp(-(distances**2) / (4 * sigma**2))
    torch.testing.assert_close(likeness("gaussian", 400, distances, width=sigma), bell, rtol=0, atol=1e-3)
    equal = 1 / (2 * math.sqrt(2) * math.pi * sigma)  # the standard deviation that gives the same likeness
    found = likeness("rff", 200_000, distances, sigma=equal)
    torch.testing.assert_close(found, bell, rtol=0, atol=0.01)
    torch.testing.assert_close(found, torch.exp(-2 * (math.pi * equal * distances) ** 2), rtol=0, atol=0.01)


def test_distance_preservation_of_sines_is_a_cosine():
    distances = torch.linspace(0, 0.4, 30, dtype=torch.float64)
    made = likeness("sine", 1000, distances, frequency=4.0)
    torch.testing.assert_close(made, torch.cos(2 * math.pi * 4 * distances), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_dtype_ends_and_derivatives(kind):
    torch.manual_seed(0)
    made = basis(kind, 8)
    ends = torch.tensor([0.0, 1.0, -0.2, 1.3])
    assert made(ends).isfinite().all()
    assert made(ends.double()).dtype == torch.float64
    assert made(ends[:0]).shape == (0, 8)
    positions = torch.rand(5, dtype=torch.float64, requires_grad=True)
    if basis_smoothness(kind) >= 0:
        assert torch.autograd.gradcheck(made, positions)
    else:
        assert not made(positions).requires_grad


@pytest.mark.parametrize(
    ("arguments", "parameters", "message"),
    [
        (("bell", 4), {}, "unknown basis 'bell'; known: gaussian, triangle"),
        (("gaussian", 0), {}, "at least 1 function"),
        (("gaussian", 4), {"sigma": 1.0}, "basis=gaussian does not read sigma; it reads width"),
        (("linf", 5), {}, "use an even number of functions, not 5"),
    ],
)
def test_refusals(arguments, parameters, message):
    with pytest.raises(InrError, match=message):
        basis(*arguments, **parameters)
