"""Picture, error and all gradients beside the eager mathematics in float64.

Outputs agree within 1e-6 of the largest one. Gradients agree within 2e-4 of the largest one of a tensor: a hidden unit
that is 0 but for rounding may be on in float32 and off in float64.
"""

import numpy as np
import pytest

from inr.compression.encoder.latent import eager
from inr.compression.encoder.latent.compiled_step import CompiledStep
from inr.compression.encoder.latent.kernels.picture import Picture
from inr.jit import run
from tests.compression.latent.pictures import furthest, leaves, some_buffers, squared_error
from tests.tables import mostly_long

# Code is made for every number of levels and channels: the first cases, and the other tests, share 7 levels and RGB.
CASES = mostly_long(
    [
        (61, 37, 3, "mop"), (2, 300, 3, "lop"), (64, 48, 3, "hop"), (1, 1, 3, "hop"), (5, 7, 3, "hop"),
        (33, 1, 3, "mop"), (1, 40, 1, "mop"), (61, 37, 1, "lop"),
    ],
    3,
)  # fmt: skip


@pytest.mark.parametrize(("height", "width", "channels", "preset"), CASES)
def test_picture_error_and_gradients(height, width, channels, preset):
    threads, weighted = 1 + height % 2, width % 2 == 1
    buffers = some_buffers(height, width, channels, preset, weighted=weighted)
    picture = Picture(buffers, threads)
    parameters, rounded = leaves(buffers)
    expected = eager.decoded(buffers.layout, parameters, rounded)
    error = squared_error(buffers, expected)
    error.backward()
    for _ in range(2):  # nothing may be left of the first time
        buffers.gradient[...] = 1
        run(picture.learn, threads)
    assert furthest(buffers.output, expected.detach()) < 1e-6
    assert buffers.sums[0] == pytest.approx(error.item(), rel=1e-6)
    assert furthest(buffers.gradient - 1, rounded.grad) < 2e-4
    for name, parameter in parameters.items():
        if parameter.grad is not None:
            assert furthest(buffers.tensor(name, gradient=True), parameter.grad) < 2e-4, name


def test_no_latents_are_a_constant_picture():
    buffers = some_buffers(61, 37)
    buffers.rounded[...] = 0
    run(Picture(buffers, 1).measure, 1)
    np.testing.assert_allclose(buffers.output, np.broadcast_to(buffers.output[:, :1, :1], (3, 61, 37)), rtol=1e-5)


def some_step():
    """A step with the picture, the latents and the networks of some buffers."""
    drawn = some_buffers(61, 37, preset="lop")
    step = CompiledStep(drawn.layout, drawn.picture, threads=2)
    step.buffers.latents[...], step.buffers.parameters[...] = drawn.latents, drawn.parameters
    return step


@pytest.mark.parametrize("temperature", [0.3, None])
def test_a_step_is_that_of_the_eager_mathematics(temperature):
    step = some_step()
    buffers = step.buffers
    before = buffers.latents.copy()
    if temperature is None:
        error, bits = step.differentiate(1e-2)
    else:
        error, bits = step.run(temperature, 0.2, seed=1, step=2, weight=1e-2, rate=0.1, betas=(0.9, 0.999), count=1)
    parameters, rounded = leaves(buffers)
    expected = squared_error(buffers, eager.decoded(buffers.layout, parameters, rounded))
    expected_bits = eager.latent_bits(buffers.layout, parameters, rounded).sum()
    (expected + 1e-2 * expected_bits / (61 * 37)).backward()
    assert error == pytest.approx(expected.item(), rel=1e-5)
    assert bits == pytest.approx(expected_bits.item(), rel=1e-5)
    assert furthest(buffers.gradient, rounded.grad) < 2e-4
    for name, parameter in parameters.items():
        assert furthest(buffers.tensor(name, gradient=True), parameter.grad) < 2e-4, name
    slope = buffers.gradient * buffers.slopes  # Adam's first step is as long for all that is well above 1e-8
    moved = (temperature is not None) * -0.1 * slope / (np.abs(slope) + 1e-8)
    np.testing.assert_allclose(buffers.latents - before, moved, atol=1e-3)


def test_measuring_a_step_rounds_to_whole_numbers():
    step = some_step()
    buffers = step.buffers
    error, bits = step.measure()
    assert np.array_equal(buffers.rounded, np.rint(buffers.latents))
    parameters, rounded = leaves(buffers)
    expected = squared_error(buffers, eager.decoded(buffers.layout, parameters, rounded))
    assert error == pytest.approx(expected.item(), rel=1e-5)
    assert bits == pytest.approx(eager.latent_bits(buffers.layout, parameters, rounded).sum().item(), rel=1e-5)
