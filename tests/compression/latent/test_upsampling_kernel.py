"""Up-sampling of grids beside the eager mathematics in float64: planes agree within 1e-6, gradients within 2e-5."""

import numpy as np
import pytest
import torch

from inr.compression.encoder.latent import eager
from inr.compression.encoder.latent.kernels._planes import START
from inr.compression.encoder.latent.kernels.upsampling import Upsampling
from inr.jit import run
from tests.compression.latent.pictures import furthest, leaves, some_buffers

SIZES = [(1, 1), (1, 2), (5, 7), (33, 1), (1, 33), (2, 64), (64, 48), (61, 37)]


def inside(planes: np.ndarray, width: int) -> np.ndarray:
    return planes[:, :, START : START + width]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_planes_and_gradients(size, threads):
    buffers = some_buffers(*size, preset="lop")
    sums = np.zeros((threads, buffers.layout.parameters))
    kernel = Upsampling(buffers, threads, sums)
    parameters, rounded = leaves(buffers)
    for _ in range(2):  # nothing may be left of the first time
        run(kernel.forward, threads)
        expected = eager.synthesis_inputs(buffers.layout, parameters, rounded)
        found = inside(kernel.inputs, size[1])
        assert furthest(found, expected.detach()) < 1e-6
        weights = np.random.default_rng(1).standard_normal(found.shape).astype(np.float32)
        kernel.inputs[...] = 0
        inside(kernel.inputs, size[1])[...] = weights
        buffers.gradient[...] = 1
        sums[...] = 0
        run(kernel.backward, threads)
    (expected * torch.tensor(weights)).sum().backward()
    assert furthest(buffers.gradient - 1, rounded.grad) < 2e-5
    for name, place in buffers.layout.slices.items():
        if name.startswith(("prefilter", "upsampling")):
            assert furthest(sums.sum(0)[place], parameters[name].grad) < 2e-5, name


def test_latents_gradients_are_equal_for_any_number_of_threads():
    found = []
    for threads in (1, 2, 3):
        buffers = some_buffers(61, 37, preset="lop")
        kernel = Upsampling(buffers, threads, np.zeros((threads, buffers.layout.parameters)))
        inside(kernel.inputs, 37)[...] = np.random.default_rng(1).standard_normal((buffers.layout.levels, 61, 37))
        run(kernel.backward, threads)
        found.append(buffers.gradient.copy())
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_constants_become_constants_and_the_first_filter_starts_by_doubling():
    buffers = some_buffers(61, 37, preset="lop")
    for name, tensor in eager.initial_parameters(buffers.layout, 0).items():
        buffers.tensor(name)[...] = tensor.numpy()
    buffers.rounded[...] = 3
    kernel = Upsampling(buffers, 1, np.zeros((1, buffers.layout.parameters)))
    run(kernel.forward, 1)
    found = inside(kernel.inputs, 37)
    np.testing.assert_allclose(found[:-1], 6, rtol=1e-5)  # all but the coarsest grid pass the first filter
    np.testing.assert_allclose(found[-1], 3, rtol=1e-5)
