"""Pictures from gradients, from Laplacians and from two pictures: what is known of the solutions."""

import numpy as np
import pytest
import torch

import inr
from inr.activations import FUNCTIONS
from inr.engines import At, Batch
from inr.field import jet
from inr.reconstruction import composite, gradients, laplacian, reconstruct
from inr.reconstruction._classical import cloned
from inr.reconstruction._frequencies import from_gradients, from_laplacian
from inr.reconstruction._spline import MirroredSpline

_SIZE = 24
_SINES = {"encoding": "identity", "activation": "sine", "network": "mlp:depth=2,width=48"}
_SMALL = {**_SINES, "learning_rate": 5e-4, "batch": 512, "engine": "eager"}


def _cosines(x, y):
    """A picture whose mirrored edges are smooth, of places in [-1, 1]."""
    return np.cos(np.pi * (x + 1)) * np.cos(np.pi * (y + 1) / 2) + 0.5 * np.cos(np.pi * (y + 1))


def _centres(size=_SIZE):
    places = (2 * np.arange(size) + 1) / size - 1
    return np.meshgrid(places, places)


def _picture(size=_SIZE):
    return _cosines(*_centres(size))


def _grey(size=_SIZE):
    return np.rint(127.5 + 80 * _picture(size)).astype(np.uint8)


def test_a_spline_gives_its_samples_and_the_derivatives_of_cosines():
    spline = MirroredSpline(_picture()[..., None])
    x, y = _centres()
    at = spline(np.stack((x.ravel(), y.ravel()), 1))
    np.testing.assert_allclose(at.values.reshape(x.shape), _picture(), atol=1e-12)
    pixel = 2 / _SIZE
    slope = -np.pi * np.sin(np.pi * (x + 1)) * np.cos(np.pi * (y + 1) / 2) * pixel
    np.testing.assert_allclose(at.x.reshape(x.shape), slope, atol=1e-4)
    curvature = -(np.pi**2) * (1.25 * (_picture() - 0.5 * np.cos(np.pi * (y + 1))) + 0.5 * np.cos(np.pi * (y + 1)))
    # a twelfth of the squared radians a pixel, of what there is
    np.testing.assert_allclose(at.laplacian.reshape(x.shape), curvature * pixel**2, atol=7e-4)


def test_a_spline_has_no_slope_across_the_edges():
    spline = MirroredSpline(np.random.default_rng(0).random((7, 9, 2)))
    along = np.linspace(-1, 1, 20)
    edges = np.concatenate([np.stack((np.full(20, end), along), 1) for end in (-1.0, 1.0)])
    assert np.abs(spline(edges).x).max() < 1e-12
    assert np.abs(spline(edges[:, ::-1]).y).max() < 1e-12


def test_derivatives_of_a_spline_are_differences_of_its_values():
    spline, step = MirroredSpline(np.random.default_rng(0).random((7, 9, 1))), 1e-5
    places = np.random.default_rng(1).uniform(-0.95, 0.95, (30, 2))
    pixel = 2 / np.array([9, 7])
    for axis, derivative in enumerate((spline(places).x, spline(places).y)):
        shift = np.eye(2)[axis] * step * pixel
        slope = (spline(places + shift).values - spline(places - shift).values) / (2 * step)
        np.testing.assert_allclose(derivative, slope, atol=1e-8)


def test_solvers_by_the_fourier_transform_give_cosines_back():
    x, y = _centres()
    pixel, picture = 2 / _SIZE, _picture()
    gx = -np.pi * np.sin(np.pi * (x + 1)) * np.cos(np.pi * (y + 1) / 2) * pixel
    gy = -np.pi / 2 * np.cos(np.pi * (x + 1)) * np.sin(np.pi * (y + 1) / 2) * pixel
    gy -= np.pi / 2 * np.sin(np.pi * (y + 1)) * pixel
    found = from_gradients(gx[..., None], gy[..., None])[..., 0]
    np.testing.assert_allclose(found, picture - picture.mean(), atol=1e-10)
    waves = 0.5 * np.cos(np.pi * (y + 1))
    curvature = -(np.pi**2) * (1.25 * (picture - waves) + waves) * pixel**2
    np.testing.assert_allclose(from_laplacian(curvature[..., None])[..., 0], picture - picture.mean(), atol=1e-10)


def _loss(objective, function, batch):
    """The loss of a function of coordinates, by automatic differentiation."""
    total = 0.0
    for term, points in zip(objective.terms, objective.points(batch), strict=True):
        found = jet(function, points.coords.double(), term.reads)
        data = dict(zip(term.columns, points.data.unbind(1), strict=True))
        first, second = ([channel.unbind(1) for channel in part.unbind(1)] for part in found[1:])
        at = At(found.values.unbind(1), first, second, points.coords.unbind(1), data, {})
        total += term.weight * float(term.formula(FUNCTIONS, at).detach().mean())
    return total


@pytest.mark.parametrize("make", [gradients, laplacian])
def test_the_loss_of_the_true_picture_is_nought_whatever_constant_is_added(make):
    """And that of its half is not: losses are relative to the data's squares, those of a constant are 1 or more."""
    whole = inr.from_array((127.5 + 80 * _picture()), kind="image", value_range=(0, 255))
    objective, batch = make(whole).objective, Batch(torch.arange(0, make(whole).signal.size, 7))

    def waves(coords):
        x, y = (coords + 1).unbind(1)
        found = torch.cos(np.pi * x) * torch.cos(np.pi * y / 2) + 0.5 * torch.cos(np.pi * y)
        return 80 / 127.5 * found[:, None]

    assert _loss(objective, waves, batch) < 1e-4
    assert _loss(objective, lambda coords: waves(coords) + 0.3, batch) < 1e-4
    assert _loss(objective, lambda coords: waves(coords) / 2, batch) > 0.2


def test_a_picture_comes_back_from_its_gradients_and_its_mean_with_it():
    picture = _grey()
    found = reconstruct(picture, "gradients", truth=picture, steps=100, **_SMALL)
    ours, classical = found.methods
    assert ours.psnr > 30
    assert classical.psnr > 40
    assert found.picture.mean() == pytest.approx(picture.mean(), abs=0.05)
    np.testing.assert_allclose(found.field.render(block=1024), found.picture, atol=60)


def test_arrays_of_gradients_are_taken_as_they_are():
    gy, gx = np.gradient(_picture())
    problem = gradients({"gx": gx, "gy": gy})
    assert problem.domain.shape == (_SIZE, _SIZE)
    assert problem.level is None


def test_compositing_a_picture_with_itself_gives_the_picture():
    picture = np.repeat(_grey()[..., None], 3, 2)
    mask = np.zeros(picture.shape[:2], bool)
    mask[8:16, 6:18] = True
    unit = picture / 255
    for mixed in (False, True):
        np.testing.assert_allclose(cloned(unit, unit, mask, mixed=mixed), unit, atol=1e-9)
    found = reconstruct(picture, "composite", background=picture, mask=mask, truth=picture, steps=100, **_SMALL)
    assert found.methods[0].psnr > 35
    outside = ~mask
    np.testing.assert_array_equal(found.picture[outside], picture[outside])


def test_a_composite_of_a_brighter_picture_has_no_seam():
    """Adding a constant to the source changes nothing but what is fitted."""
    picture = _grey().astype(np.float64)[..., None]
    mask = np.zeros(picture.shape[:2], bool)
    mask[8:16, 6:18] = True
    np.testing.assert_allclose(cloned(picture, picture + 40, mask, mixed=False), picture, atol=1e-8)
    ours, theirs = (composite(inr.from_array(source, kind="image", value_range=(0, 255), sampling="area"),
                              inr.from_array(picture, kind="image", value_range=(0, 255), sampling="area"), mask=mask)
                    for source in (picture, picture + 40))  # fmt: skip
    for first, second in zip(ours.signal.sets, theirs.signal.sets, strict=True):
        np.testing.assert_allclose(first.data, second.data, atol=1e-6)


def test_what_lies_beyond_the_background_is_cut_off():
    picture = _grey()
    problem = composite(picture, picture, mask=np.ones(picture.shape, bool), offset=(20, -20))
    assert "16 pixels" in problem.facts[0]


def test_problems_with_derivatives_are_told_in_one_line():
    slopes = np.zeros((4, 5))
    for data, words in (
        ({"gx": slopes}, "holds gx"),
        ({"gx": slopes + 0j, "gy": slopes}, "complex"),
        ({"gx": slopes, "gy": slopes.T}, "one shape"),
        ({"gx": slopes, "gy": slopes}, "all derivatives are 0"),
        ({"gx": slopes + np.nan, "gy": slopes}, "not finite"),
        ({"laplacian": np.zeros(5)}, "laplacian is"),
    ):
        with pytest.raises(inr.InrError, match=words) as caught:
            reconstruct(data)
        assert "\n" not in str(caught.value)
    picture = _grey()
    for options, words in (
        ({}, "needs background and mask"),
        ({"background": picture, "mask": np.zeros((3, 3), bool)}, "one size"),
        ({"background": picture, "mask": np.zeros(picture.shape, bool)}, "no bright pixel"),
        ({"background": picture, "mask": np.ones(picture.shape, bool)}, "covers all"),
        ({"background": picture, "mask": np.ones(picture.shape, bool), "offset": (99, 0)}, "no pixel of the mask"),
    ):
        with pytest.raises(inr.InrError, match=words):
            reconstruct(picture, "composite", **options)
    with pytest.raises(inr.InrError, match="spline or sobel"):
        reconstruct(picture, "gradients", operator="prewitt")
