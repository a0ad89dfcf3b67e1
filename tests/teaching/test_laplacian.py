"""The discrete Laplacian: neighbours with zeros around the grid, and symmetric."""

import pytest
import torch
from scipy import ndimage

from inr.teaching._laplacian import laplacian

SHAPES = [(7,), (4, 5), (1, 6), (3, 4, 2), (2, 3, 1, 4)]


def random(shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).flatten()


def test_on_a_picture_it_is_the_published_kernel():
    kernel = torch.tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=torch.float64)
    picture = random((5, 6))
    expected = torch.nn.functional.conv2d(picture.view(1, 1, 5, 6), kernel.view(1, 1, 3, 3), padding=1)
    torch.testing.assert_close(laplacian(picture, (5, 6)), expected.flatten(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_on_any_number_of_axes_it_is_what_scipy_finds(shape):
    values = random(shape)
    kernel = ndimage.generate_binary_structure(len(shape), 1).astype(float)
    kernel[(1,) * len(shape)] = -2 * len(shape)
    expected = ndimage.convolve(values.view(shape).numpy(), kernel, mode="constant")
    torch.testing.assert_close(laplacian(values, shape), torch.from_numpy(expected).flatten(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_its_own_transpose(shape):
    size = random(shape).numel()
    matrix = torch.stack([laplacian(row, shape) for row in torch.eye(size, dtype=torch.float64)])
    assert torch.equal(matrix, matrix.T)
    ours, theirs = random(shape, 1), random(shape, 2)
    torch.testing.assert_close(laplacian(ours, shape) @ theirs, ours @ laplacian(theirs, shape))


def test_what_is_given_stays_as_it_is():
    values = random((3, 3))
    before = values.clone()
    laplacian(values, (3, 3))
    assert torch.equal(values, before)
