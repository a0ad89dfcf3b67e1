"""Pictures from pixels, blurs and means: operators, noise, masks."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import inr
from inr.engines import Batch
from inr.field import Jet
from inr.reconstruction import (
    Blur,
    deblur,
    denoise,
    estimate_noise,
    gaussian_kernel,
    inpaint,
    reconstruct,
    superresolve,
)
from inr.reconstruction._classical import wiener
from inr.reconstruction._pixels import _LEFT
from inr.reconstruction._sensor import variation, window

_DRAW = np.random.default_rng(0)
_SHAPE = 18, 15
_SINES = {"encoding": "identity", "activation": "sine", "network": "mlp:depth=2,width=48"}
_SMALL = {**_SINES, "learning_rate": 5e-4, "batch": 512, "engine": "eager"}


def _picture(shape=_SHAPE):
    rows, across = np.indices(shape)
    return np.rint(127 + 60 * np.sin(rows / 3) + 40 * np.cos(across / 4)).astype(np.uint8)


@pytest.mark.parametrize("kernel", [gaussian_kernel(1.2), _DRAW.random((3, 7)), _DRAW.random((21, 1))])
def test_a_blur_and_its_adjoint_are_transposes(kernel):
    """<A x, y> = <x, Aᵀ y>; kernels that reach beyond both edges are among them."""
    blur = Blur(kernel / kernel.sum(), _SHAPE)
    x, y = _DRAW.normal(size=(2, *_SHAPE, 2))
    assert (blur(x) * y).sum() == pytest.approx((x * blur.adjoint(y)).sum(), rel=1e-10)
    single = (blur(np.float32(x)) * np.float32(y)).sum(), (np.float32(x) * blur.adjoint(np.float32(y))).sum()
    scale = np.linalg.norm(blur(x)) * np.linalg.norm(y)
    assert abs(single[0] - single[1]) < 1e-6 * scale


def test_a_blur_spreads_a_bright_pixel_by_its_kernel_and_keeps_constants():
    kernel = _DRAW.random((3, 5))
    blur = Blur(kernel / kernel.sum(), _SHAPE)
    bright = np.zeros((*_SHAPE, 1))
    bright[9, 7] = 1
    np.testing.assert_allclose(blur(bright)[8:11, 5:10, 0], blur.kernel, atol=1e-15)
    np.testing.assert_allclose(blur(np.ones((*_SHAPE, 1))), 1, atol=1e-12)


def test_a_blur_is_that_of_scipy_with_mirrored_edges():
    from scipy.ndimage import convolve

    kernel = _DRAW.random((5, 3))
    picture = _DRAW.random(_SHAPE)
    blur = Blur(kernel, _SHAPE)
    np.testing.assert_allclose(blur(picture[..., None])[..., 0], convolve(picture, kernel, mode="reflect"), atol=1e-12)


def test_the_loss_of_the_unblurred_picture_is_nought_in_every_window():
    picture = _DRAW.random((*_SHAPE, 1))
    blur = Blur(gaussian_kernel(1.0), _SHAPE)
    signal = inr.from_array(blur(picture), kind="image", value_range=(0, 1))
    problem = deblur(signal, kernel=1.0, prior="none")
    objective = replace(problem.objective, side=7)
    flat = torch.from_numpy(2 * picture.reshape(-1, 1) - 1).float()
    for place in range(0, flat.shape[0], 11):
        batch = Batch(torch.tensor([place]))
        coords = objective.coords(batch)
        columns = torch.round((coords[:, 0] + 1) * _SHAPE[1] / 2 - 0.5).long()
        rows = torch.round((coords[:, 1] + 1) * _SHAPE[0] / 2 - 0.5).long()
        values = flat[rows * _SHAPE[1] + columns]
        empty = values.new_zeros((len(values), 1, 0))
        assert float(objective.total(Jet(values, empty, empty), batch)) < 1e-11


def test_wiener_undoes_a_symmetric_blur_without_noise():
    picture = _picture()[..., None] / 255
    blur = Blur(gaussian_kernel(0.7), _SHAPE)
    np.testing.assert_allclose(wiener(blur(picture), blur, 1e-12), picture, atol=1e-4)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_means_over_cells_of_a_bilinear_field_are_its_values_at_the_centres(factor):
    """And those of a cubic along x are its means: the quadrature is Gauss's."""
    problem = superresolve(_picture(), factor=factor, prior="none")
    coords = problem.objective.coords(Batch(torch.tensor([0]))).double()
    centres = problem.signal.coords(torch.arange(_SHAPE[0] * _SHAPE[1])).double()
    places = math.isqrt(len(coords) // len(centres))

    def means(function):
        lattice = function(coords).reshape(_SHAPE[0], places, _SHAPE[1], places)
        return lattice.mean((1, 3)).flatten()

    def bilinear(at):
        return 1 + 2 * at[:, 0] - at[:, 1] + 3 * at[:, 0] * at[:, 1]

    torch.testing.assert_close(means(bilinear), bilinear(centres), atol=1e-6, rtol=0)
    side = 1 / _SHAPE[1]
    exact = ((centres[:, 0] + side) ** 4 - (centres[:, 0] - side) ** 4) / (8 * side)
    torch.testing.assert_close(means(lambda at: at[:, 0] ** 3), exact, atol=1e-6, rtol=0)


@pytest.mark.parametrize("factor", [2, 4])
def test_the_loss_of_means_is_nought_in_every_window(factor):
    """And the prior is the length of an edge, whatever the derivatives of the field are there."""
    picture = _picture()
    objective = superresolve(picture, factor=factor, prior="tv", strength=1.0).objective
    objective = replace(objective, side=5)
    given = torch.from_numpy(objective.signal.grid_values)
    places = 2 * math.ceil(factor / 2)
    for place in range(0, picture.size, 17):
        batch = Batch(torch.tensor([place]))
        rows, across = window(batch, _SHAPE, 5)
        assert rows.start <= place // _SHAPE[1] < rows.stop
        assert across.start <= place % _SHAPE[1] < across.stop
        flat = given[rows, across].repeat_interleave(places, 0).repeat_interleave(places, 1)
        assert len(objective.coords(batch)) == flat.shape[0] * flat.shape[1]
        empty = flat.new_zeros((flat[..., 0].numel(), 1, 0))
        found = objective.total(Jet(flat.flatten(0, 1), empty, empty), batch)
        assert float(found) == pytest.approx(float(variation(flat, 1.0)), abs=1e-7)


def test_total_variation_is_that_of_differences():
    """An edge of height 2 along 6 rows; the 1e-3 that no difference counts as is what the others add."""
    values = torch.zeros(6, 9, 3)
    values[:, 4:] = 2.0
    assert float(variation(values, 0.5)) == pytest.approx(0.5 * (6 * 2 + 48 * 1e-3) / 54, rel=1e-5)
    assert variation(values, 0.0) == 0.0


@pytest.mark.parametrize("sigma", [0.04, 0.1])
def test_noise_is_estimated_within_a_tenth(sigma):
    """Of 9,216 pixels: the median is exact to 1.2 %, and the edge and the waves of the picture add some."""
    rows, across = np.indices((96, 96)) / 96
    clean = np.where(rows + across > 1, 0.8, 0.2) + 0.1 * np.sin(6 * rows)
    noisy = clean + np.random.default_rng(1).normal(0, sigma, clean.shape)
    assert estimate_noise(noisy[..., None]) == pytest.approx(sigma, rel=0.1)


def test_total_variation_leaves_as_much_as_there_is_noise():
    noisy = _picture((64, 64)) + np.random.default_rng(0).normal(0, 10, (64, 64))
    signal = inr.from_array(noisy, kind="image", value_range=(0, 255))
    problem = denoise(signal, noise=10.0)
    left = problem.classical[0].run()[..., 0] - noisy
    assert np.sqrt(np.mean(left**2)) == pytest.approx(10 * _LEFT, rel=0.02)


def test_masked_pixels_never_change_the_loss():
    mask = np.zeros(_SHAPE, bool)
    mask[4:9, 3:12] = True
    other = _picture()
    other[mask] = 255 - other[mask]
    signals = [inpaint(picture, mask=mask).signal for picture in (_picture(), other)]
    for first, second in zip(*(each.sets for each in signals), strict=True):
        np.testing.assert_array_equal(first.coords, second.coords)
        np.testing.assert_array_equal(first.data, second.data)
    assert len(signals[0].sets[0].coords) == (~mask).sum()


def test_known_pixels_come_back_as_they_are_and_others_are_filled():
    picture = _picture((24, 24))
    found = reconstruct(picture, "inpaint", keep=0.7, truth=picture, steps=120, **_SMALL)
    known = ~np.isnan(found.given)
    np.testing.assert_array_equal(found.picture[known], picture[..., None][known])
    assert found.methods[0].psnr > 25
    assert found.best in ("field", "biharmonic")


def test_transparent_pixels_and_those_that_are_no_numbers_are_unknown():
    clear = np.dstack([_picture(), _picture(), _picture(), np.full(_SHAPE, 255, np.uint8)])
    clear[2:5, 2:5, 3] = 0
    problem = inpaint(clear)
    assert problem.domain.channels == 3
    assert np.isnan(problem.given[2:5, 2:5]).all()
    assert np.isnan(problem.given).sum() == 27
    broken = _picture().astype(np.float32)
    broken[7, 7] = np.nan
    assert np.isnan(inpaint(broken).given).sum() == 1


def test_priors_are_lengths_of_derivatives_by_pixels():
    from inr.activations import FUNCTIONS
    from inr.engines import At
    from inr.reconstruction._terms import prior_term

    first = torch.tensor([3.0, 0.0]), torch.tensor([4.0, 0.0])
    at = At(values=(), first=(first,), second=(), coords=(), data={}, numbers={})
    flat = prior_term("tv", 2.0, (10, 20)).formula(FUNCTIONS, at)
    torch.testing.assert_close(flat, torch.tensor([np.hypot(3 * 0.1, 4 * 0.2), 1e-3]).float(), atol=1e-5, rtol=0)
    second = (torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([2.0]))
    at = At(values=(), first=(), second=(second,), coords=(), data={}, numbers={})
    bent = prior_term("hessian", 1.0, (10, 20)).formula(FUNCTIONS, at)
    torch.testing.assert_close(bent, torch.tensor([13.0]).sqrt(), atol=1e-5, rtol=0)
    assert prior_term("none", 1.0, (10, 20)) is None


@pytest.mark.parametrize(
    ("task", "options", "words"),
    [
        ("inpaint", {}, "no pixel is unknown"),
        ("inpaint", {"mask": np.ones(_SHAPE, bool)}, "all pixels are unknown"),
        ("inpaint", {"mask": np.ones((3, 3), bool)}, "one size"),
        ("inpaint", {"keep": 1.5}, "between 0 and 1"),
        ("inpaint", {"keep": 0.5, "prior": "l2"}, "the prior of this task"),
        ("inpaint", {"kernel": 2}, "takes no kernel"),
        ("denoise", {"noise": 0.0}, "nothing to be done"),
        ("deblur", {}, "needs kernel"),
        ("deblur", {"kernel": -1.0}, "above 0"),
        ("deblur", {"kernel": np.ones((4, 4))}, "odd sides"),
        ("deblur", {"kernel": np.zeros((3, 3))}, "not all are 0"),
        ("deblur", {"kernel": 1.0, "prior": "hessian"}, "tv or none"),
        ("superresolve", {"factor": 1}, "from 2 to 16"),
        ("sharpen", {}, "unknown task"),
        (None, {}, "Give a task"),
    ],
)
def test_bad_input_is_told_in_one_line(task, options, words):
    with pytest.raises(inr.InrError, match=words) as caught:
        reconstruct(_picture(), task, **options)
    assert "\n" not in str(caught.value)


def test_complex_pictures_are_refused():
    with pytest.raises(inr.InrError, match="complex"):
        reconstruct(_picture() + 0j, "denoise")


def test_a_truth_of_another_size_is_refused():
    with pytest.raises(inr.InrError, match="the truth is"):
        reconstruct(_picture(), "denoise", noise=5.0, truth=_picture((20, 20)), steps=1, engine="eager")
