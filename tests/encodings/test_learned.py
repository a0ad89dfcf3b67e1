"""Learned Fourier features: those of fixed frequencies, which then move."""

import pytest
import torch

from inr.encodings import FourierFeatures, LearnedFourierFeatures


def test_it_starts_as_gaussian_features():
    torch.manual_seed(0)
    learned = LearnedFourierFeatures(3, frequencies=20, sigma=4.0)
    torch.manual_seed(0)
    fixed = FourierFeatures(3, frequencies=20, sigma=4.0)
    assert torch.equal(learned.frequencies.detach(), fixed.frequencies)
    coords = torch.rand(50, 3) * 2 - 1
    torch.testing.assert_close(learned(coords), fixed(coords), rtol=0, atol=1e-5)


def test_a_frequency_finds_the_signals():
    """A sine of 3 cycles, from a frequency of 2.8: what follows is linear, so the frequency has to move."""
    coords = ((2 * torch.arange(200) + 1) / 200 - 1)[:, None]
    wave = torch.sin(3 * torch.pi * (coords + 1))
    encoding, last = LearnedFourierFeatures(1, frequencies=1), torch.nn.Linear(2, 1)
    torch.nn.init.constant_(encoding.frequencies, 2.8)
    adam = torch.optim.Adam([*encoding.parameters(), *last.parameters()], encoding.learning_rate)
    for _ in range(600):
        adam.zero_grad()
        (last(encoding(coords)) - wave).square().mean().backward()
        adam.step()
    assert encoding.frequencies.item() == pytest.approx(3, abs=0.01)
