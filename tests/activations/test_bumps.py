"""The Gaussian's relatives beside their formulas, and what is no other function."""

import pytest
import torch

from inr.activations import ExpSin, Gaussian, Laplacian, Multiquadric, Quadratic

LINE = torch.linspace(-2, 2, 1001, dtype=torch.float64)


@pytest.mark.parametrize(
    ("activation", "formula"),
    [
        (Quadratic(scale=7.0), lambda z: (1 + (7 * z) ** 2) ** -1.0),
        (Multiquadric(scale=7.0), lambda z: (1 + (7 * z) ** 2) ** -0.5),
        (Laplacian(scale=7.0), lambda z: torch.exp(-(7 * z).abs())),
        (ExpSin(omega=7.0), lambda z: torch.exp(-torch.sin(7 * z))),
    ],
)
def test_formulas(activation, formula):
    torch.testing.assert_close(activation((LINE,))[0], formula(LINE), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("bump", [Quadratic, Multiquadric, Laplacian, Gaussian])
def test_bumps_are_even_with_their_peak_of_1_at_0(bump):
    value = bump(scale=3.0)((LINE,))[0]
    torch.testing.assert_close(value, value.flip(0), rtol=0, atol=1e-12)
    assert value.argmax() == 500
    assert value[500].item() == pytest.approx(1, rel=1e-12)
    assert (value > 0).all()
    assert (value[500:].diff() <= 0).all()


def test_the_super_gaussian_is_a_gaussian_of_another_width():
    a, b = 0.3, 2.5
    theirs = torch.exp(-(LINE**2) / (2 * a**2)) ** b
    torch.testing.assert_close(Gaussian(scale=(b / 2) ** 0.5 / a)((LINE,))[0], theirs, rtol=1e-12, atol=1e-300)


def test_the_mean_of_expsin():
    """Over a period: the modified Bessel function I0(1)."""
    period = torch.linspace(0, 2 * torch.pi, 1001, dtype=torch.float64)[:-1]
    assert ExpSin(omega=1.0)((period,))[0].mean().item() == pytest.approx(1.2660658777520084, rel=1e-12)
