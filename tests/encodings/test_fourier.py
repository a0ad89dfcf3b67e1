"""Fourier features: frequencies, phases, and the kernel they make."""

import math

import pytest
import torch

from inr.encodings import FourierFeatures


def unit(count: int, in_dim: int) -> torch.Tensor:
    """Points v in [0, 1)."""
    return torch.rand(count, in_dim, dtype=torch.float64)


def features_at(encoding: FourierFeatures, v: torch.Tensor) -> torch.Tensor:
    return encoding.double()(2 * v - 1)


@pytest.mark.parametrize("kind", ["basic", "positional", "gaussian", "radial"])
def test_sines_then_cosines_of_cycles_over_the_extent(kind):
    torch.manual_seed(0)
    encoding, v = FourierFeatures(3, kind=kind).double(), unit(20, 3)
    turns = v @ encoding.frequencies.T
    expected = torch.cat((torch.sin(2 * math.pi * turns), torch.cos(2 * math.pi * turns)), dim=1)
    torch.testing.assert_close(features_at(encoding, v), expected, rtol=0, atol=1e-10)


def test_basic_frequencies_are_one_cycle_an_axis():
    assert torch.equal(FourierFeatures(3, kind="basic").frequencies, torch.eye(3))


def test_positional_frequencies_are_log_spaced_on_each_axis_less_one():
    frequencies = FourierFeatures(2, kind="positional", frequencies=9, octaves=3).frequencies
    expected = torch.tensor([[0, 0], [1, 0], [3, 0], [7, 0], [0, 0], [0, 1], [0, 3], [0, 7]])
    torch.testing.assert_close(frequencies, expected.float())


def test_positional_features_coincide_at_both_ends_of_an_axis():
    encoding = FourierFeatures(1, kind="positional", frequencies=5, octaves=4)  # whole cycles
    ends = features_at(encoding, torch.tensor([[0.0], [1.0]], dtype=torch.float64))
    torch.testing.assert_close(ends[0], ends[1])


@pytest.mark.parametrize("kind", ["gaussian", "radial"])
def test_sigma_is_in_cycles(kind):
    torch.manual_seed(0)
    frequencies = FourierFeatures(2, kind=kind, frequencies=20000, sigma=7).frequencies
    spread = frequencies.norm(dim=1) if kind == "radial" else frequencies.flatten()
    assert spread.square().mean().sqrt().item() == pytest.approx(7, rel=0.02)


def test_radial_frequencies_are_sorted_half_normal_and_isotropic():
    torch.manual_seed(0)
    frequencies = FourierFeatures(2, kind="radial", frequencies=20000, sigma=1).frequencies
    lengths = frequencies.norm(dim=1)
    assert (lengths.diff() >= -1e-6).all()
    assert lengths.mean().item() == pytest.approx(math.sqrt(2 / math.pi), rel=0.02)
    directions = frequencies / lengths[:, None]
    torch.testing.assert_close(directions.T @ directions / 20000, torch.eye(2) / 2, rtol=0, atol=0.01)
    assert directions.mean(0).abs().max() < 0.02


@pytest.mark.parametrize("kind", ["basic", "positional", "gaussian", "radial"])
def test_the_kernel_is_stationary(kind):
    torch.manual_seed(0)
    encoding, u, v = FourierFeatures(2, kind=kind), unit(30, 2) / 2, unit(30, 2) / 2
    shift = torch.tensor([0.3, 0.1], dtype=torch.float64)
    here = (features_at(encoding, u) * features_at(encoding, v)).sum(1)
    there = (features_at(encoding, u + shift) * features_at(encoding, v + shift)).sum(1)
    torch.testing.assert_close(here, there, rtol=0, atol=1e-9)
    torch.testing.assert_close(
        features_at(encoding, u).square().sum(1), torch.full((30,), encoding.out_dim / 2.0).double()
    )


def test_gaussian_frequencies_make_a_gaussian_kernel():
    torch.manual_seed(0)
    sigma, m = 3.0, 4096
    encoding, u = FourierFeatures(2, frequencies=m, sigma=sigma), unit(40, 2)
    v = u + torch.randn(40, 2).double() * 0.05
    kernel = (features_at(encoding, u) * features_at(encoding, v)).sum(1) / m
    expected = torch.exp(-2 * math.pi**2 * sigma**2 * (u - v).square().sum(1))
    assert expected.std() > 0.1
    torch.testing.assert_close(kernel, expected, rtol=0, atol=0.05)


def test_frequencies_are_state_and_take_no_gradient():
    encoding = FourierFeatures(2)
    assert set(encoding.state_dict()) == {"frequencies"}
    assert not list(encoding.parameters())


def test_configuration_holds_the_defaults_of_the_kind():
    assert FourierFeatures(2).config() == {
        "name": "fourier", "kind": "gaussian", "frequencies": 256, "sigma": 10.0, "octaves": None,
    }  # fmt: skip
    assert FourierFeatures(2, kind="basic").config()["frequencies"] is None
