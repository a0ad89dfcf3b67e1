"""The kernels of coded fits beside the same in torch's operations, in double precision."""

import pytest
import torch

from inr.compression.encoder.rounding import add_bit_slopes, round_to

SHAPES = [(1,), (7,), (3, 5), (1, 1025), (64, 64), ()]


def numbers(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [2.0**-20, 0.0625, 0.07433, 3.0])
def test_multiples_of_the_step_that_are_nearest(shape, step):
    given = numbers(shape)
    found = torch.empty(shape)
    round_to(given, step, found)
    quotients = found.double() / step
    torch.testing.assert_close(quotients, quotients.round(), atol=1e-6, rtol=1e-6)
    assert ((given.double() - found.double()).abs() <= step * (0.5 + 1e-4)).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_slope_of_the_bits_is_that_of_the_rounded_off_distance(shape):
    given, grad = numbers(shape), numbers(shape, 1)
    found = torch.empty(shape)
    add_bit_slopes(grad, given, 0.3, 0.7, found)
    exact = given.double().requires_grad_(True)
    distance = 0.7 * (exact.square() + 0.15**2).sqrt().sum()
    expected = grad.double() + torch.autograd.grad(distance, exact)[0]
    torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=1e-5)
