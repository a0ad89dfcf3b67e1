"""Steps of quantisation: the same numbers everywhere, rounding, sensitivities of a known loss, and their balance."""

import math

import numpy as np
import pytest
import torch

from inr import InrError
from inr.compression.bitstream.step_sizes import step_of, to_values
from inr.compression.encoder.step_allocation import balanced_steps, nearest_index, sensitivities, to_integers


def test_steps_are_quarter_octaves_to_the_last_bit():
    assert [step_of(4 * octave) for octave in (-64, -1, 0, 10, 64)] == [2.0**-64, 0.5, 1, 1024, 2.0**64]
    for index in range(-256, 257):
        assert step_of(index) == float(np.float32(2 ** (index % 4 / 4))) * 2.0 ** (index // 4)
    for index in (-257, 257):
        with pytest.raises(InrError, match="between"):
            step_of(index)


def test_the_nearest_step_is_found():
    for index in range(-256, 257):
        assert nearest_index(step_of(index)) == index
        assert nearest_index(step_of(index) * 1.08) == min(index, 256)
    assert (nearest_index(1e-40), nearest_index(1e40)) == (-256, 256)


def test_rounding_is_to_the_nearest_multiple():
    tensor = torch.randn(500, generator=torch.Generator().manual_seed(0))
    for index in (-30, -7, 3):
        integers = to_integers(tensor, index)
        assert (tensor - to_values(integers, index)).abs().max() <= step_of(index) / 2 * (1 + 1e-6)
        assert np.array_equal(to_integers(to_values(integers, index), index), integers)


def test_values_are_products_rounded_once():
    integers = np.array([1, -3, 2**24 + 1, 12345, -(2**31) + 1])
    found = to_values(integers, 5).numpy()
    assert found.dtype == np.float32
    assert found.tolist() == [float(np.float32(int(n) * step_of(5))) for n in integers]


def test_sensitivities_are_those_of_a_quadratic():
    """A loss of Σ a (w - w0)² + b grows by a n Δ²/12 under even noise of width Δ."""
    weights = {"flat": torch.zeros(3000), "steep": torch.full((3000,), 2.0)}
    curvature = {"flat": 0.5, "steep": 80.0}

    def loss(tensors):
        return 1.0 + sum(curvature[name] * float((tensors[name] - weights[name]).square().sum()) for name in weights)

    found = sensitivities(loss, weights)
    for name, tensor in weights.items():
        assert found[name] == pytest.approx(curvature[name] * tensor.numel() / 12, rel=0.05)


def test_balanced_steps_minimise_rate_and_loss():
    """No other steps have a lower c Δ² - multiplier n log2 Δ (in units of log2 e / 2)."""
    sizes, sensitivity, multiplier = {"a": 100, "b": 4000}, {"a": 3.0, "b": 0.2}, 1e-4
    chosen = balanced_steps(sizes, sensitivity, multiplier)

    def cost(name, index):
        step = step_of(index)
        return sensitivity[name] * step**2 - 2 * multiplier * sizes[name] * math.log(step)

    for name, index in chosen.items():
        assert cost(name, index) <= min(cost(name, index - 1), cost(name, index + 1))
