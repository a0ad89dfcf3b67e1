"""Rounding and moving latents, beside the eager mathematics in float64 and torch's Adam."""

import numpy as np
import pytest
import torch

from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent import eager
from inr.compression.encoder.latent.buffers import Buffers
from inr.compression.encoder.latent.kernels.latents import LatentMove, Rounding, noise
from inr.jit import run

SIZES = [(1, 1), (5, 7), (64, 48)]


def buffers_of(height: int, width: int) -> Buffers:
    buffers = Buffers.of(Layout(height, width, 1, "lop"), np.zeros((1, height, width)))
    buffers.latents[...] = 3 * np.random.default_rng(0).standard_normal(len(buffers.latents))
    return buffers


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("temperature", "deviation"), [(0.35, 0.22), (0.3, 0.0), (0.08, 0.15)])
def test_soft_rounding_with_noise_and_its_slopes(size, temperature, deviation):
    # values agree within 2e-5, slopes within 1e-4 of the steepest one, which is 6 at T = 0.08 before it is squared
    buffers = buffers_of(*size)
    run([Rounding(buffers).set_soft(temperature, deviation, seed=3, step=17)], 1)
    latents = torch.tensor(buffers.latents, dtype=torch.float64, requires_grad=True)
    drawn = torch.tensor(noise(3, 17, len(latents)), dtype=torch.float64)
    expected = eager.noisy_latents(latents, drawn, temperature, deviation)
    expected.sum().backward()
    np.testing.assert_allclose(buffers.rounded, expected.detach(), atol=2e-5)
    np.testing.assert_allclose(buffers.slopes, latents.grad, atol=1e-4 * 0.25 / temperature**2)


@pytest.mark.parametrize(
    ("number", "temperature", "rounded"), [(0.3, 0.3, 0.187049), (1.7, 0.35, 1.789670), (-0.2, 0.08, -0.000549)]
)
def test_soft_rounding_of_the_recipes_numbers(number, temperature, rounded):
    buffers = buffers_of(1, 1)
    buffers.latents[...] = number
    kernel = Rounding(buffers)
    run([kernel.set_soft(temperature, 0.0, seed=0, step=0)], 1)
    once = eager.soft_round(torch.tensor(number, dtype=torch.float64), temperature)
    assert float(once) == pytest.approx(rounded, abs=1e-6)
    np.testing.assert_allclose(buffers.rounded, eager.soft_round(once, temperature), atol=1e-5)


def test_noise_is_nearly_normal_and_new_in_every_step():
    drawn = noise(1, 5, 100_000)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.var() - 1) < 0.02
    assert np.abs(drawn).max() < 5
    assert abs((drawn**4).mean() - 2.85) < 0.1
    for other in (noise(1, 6, 100_000), noise(2, 5, 100_000), np.roll(drawn, 1), np.roll(drawn, 768)):
        assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.015


def test_rounding_is_equal_for_any_number_of_threads():
    buffers = buffers_of(64, 48)
    found = []
    for threads in (1, 2, 3):
        run([Rounding(buffers).set_soft(0.2, 0.2, seed=1, step=2)], threads)
        found.append((buffers.rounded.copy(), buffers.slopes.copy()))
    for rounded, slopes in found[1:]:
        assert np.array_equal(rounded, found[0][0])
        assert np.array_equal(slopes, found[0][1])


def test_hard_rounding_is_to_the_nearest_whole_number():
    buffers = buffers_of(64, 48)
    buffers.latents[:8] = [0.5, 1.5, -0.5, -1.5, 2.49, -0.49, 2.0**20 + 0.25, -(2.0**20) + 0.75]
    buffers.slopes[...] = 1
    run([Rounding(buffers).hard], 2)
    assert np.array_equal(buffers.rounded, np.rint(buffers.latents))
    assert not buffers.slopes.any()


def test_moving_latents_is_torchs_adam():
    buffers = buffers_of(33, 20)
    kernel = LatentMove(buffers)
    latents = torch.tensor(buffers.latents, dtype=torch.float64, requires_grad=True)
    draw = np.random.default_rng(1)
    rates, betas = [0.1, 0.1, 0.05, 0.01], (0.725, 0.97)
    adam = torch.optim.Adam([latents], lr=1, betas=betas, eps=1e-8)
    for number, rate in enumerate(rates, 1):
        buffers.gradient[...] = 1e-3 * draw.standard_normal(len(latents))
        buffers.slopes[...] = draw.random(len(latents))
        run([kernel.set(number, rate, betas, 1e-8)], 2)
        adam.param_groups[0]["lr"] = rate
        latents.grad = torch.tensor(buffers.gradient, dtype=torch.float64) * torch.tensor(buffers.slopes)
        adam.step()
    np.testing.assert_allclose(buffers.latents, latents.detach(), atol=1e-5)
