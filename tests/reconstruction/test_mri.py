"""Magnetic resonance: the masked transform and its adjoint, exact k-space, masks, refusals, fields from k-space."""

import numpy as np
import pytest
import torch

import inr
from inr.reconstruction import (
    Ellipse,
    MaskedFourier,
    density_mask,
    fourier_samples,
    line_mask,
    magnetic_resonance,
    mri,
    sampled,
    tv_reconstruct,
)
from inr.signals import psnr

SIZE = 32
PHANTOM = [Ellipse(1.0, (0.7, 0.5), (0.1, -0.15), 20.0), Ellipse(-0.4, (0.25, 0.2), (0.2, 0.1))]
TRUTH = sampled(PHANTOM, SIZE)
KSPACE = fourier_samples(PHANTOM, (SIZE, SIZE)).astype(np.complex64)
MASK = line_mask((SIZE, SIZE), acceleration=2.0, centre=0.2)


def _complex(shape, draw):
    return torch.complex(*(torch.randn(shape, generator=draw, dtype=torch.float32) for _ in range(2)))


@pytest.mark.parametrize("shape", [(6, 9), (8, 8), (5, 4, 6)])
@pytest.mark.parametrize("coils", [None, 3])
@pytest.mark.parametrize("centred", [True, False])
def test_adjoint(shape, coils, centred):
    """<A x, y> = <x, Aᴴ y>, to rounding of float32."""
    draw = torch.Generator().manual_seed(0)
    mask = density_mask(shape, 0.5)
    sensitivities = None if coils is None else _complex((coils, *shape), draw).numpy()
    fourier = MaskedFourier(mask, sensitivities, centred=centred)
    picture, kspace = _complex(shape, draw), _complex(fourier.measured, draw)
    forward, backward = fourier(picture), fourier.adjoint(kspace)
    gap = abs(torch.vdot(forward.flatten(), kspace.flatten()) - torch.vdot(picture.flatten(), backward.flatten()))
    assert gap < 1e-6 * forward.norm() * kspace.norm()


def test_parseval():
    picture = _complex((6, 8), torch.Generator().manual_seed(0))
    fourier = MaskedFourier(np.ones((6, 8), bool))
    assert fourier(picture).norm() == pytest.approx(float(picture.norm()), rel=1e-6)
    np.testing.assert_allclose(fourier.adjoint(fourier(picture)), picture, atol=1e-5)


def test_sensitivities_are_divided_out():
    draw = torch.Generator().manual_seed(0)
    fourier = MaskedFourier(np.ones((6, 8), bool), _complex((3, 6, 8), draw).numpy())
    picture = _complex((6, 8), draw)
    np.testing.assert_allclose(fourier.zero_filled(fourier(picture)), picture, atol=1e-4)


@pytest.mark.parametrize("shape", [(64, 64), (63, 64)])
def test_exact_frequencies_are_those_of_the_picture(shape):
    """Of low ones, where pixels matter little, within half a percent of the largest."""
    picture = sampled(PHANTOM, 64)[: shape[0]]
    shifted = [each._replace(centre=(each.centre[0], each.centre[1] - (64 - shape[0]) / 64)) for each in PHANTOM]
    exact = fourier_samples(shifted, shape)
    found = MaskedFourier(np.ones(shape, bool))(torch.from_numpy(picture.astype(np.complex64))).numpy()
    low = slice(shape[0] // 2 - 8, shape[0] // 2 + 9), slice(24, 41)
    assert np.abs(found[low] - exact[low]).max() < 5e-3 * np.abs(exact).max()


def test_masks():
    lines = line_mask((10, 100), acceleration=4.0, centre=0.08)
    assert lines[0].sum() == 25
    assert lines[:, 46:54].all()
    assert (lines == lines[:1]).all()
    points = density_mask((20, 20, 20), 0.126, centre=0.2)
    assert points.sum() == round(8000 * 0.126)
    assert points[8:13, 8:13, 8:13].all()
    assert points[5:15, 5:15, 5:15].mean() > 2 * points.mean()
    with pytest.raises(inr.InrError, match="lower the centre"):
        line_mask((10, 100), acceleration=20.0, centre=0.08)


def test_total_variation_with_coils():
    """From half of the lines, of two coils: nearer to the truth than the zero-filled picture."""
    ramp = np.linspace(0.2, 1, SIZE, dtype=np.float32)
    sensitivities = np.stack(np.broadcast_arrays(ramp, ramp[::-1] * 1j)).repeat(1, 0)
    sensitivities = np.broadcast_to(sensitivities[:, None], (2, SIZE, SIZE)).astype(np.complex64)
    fourier = MaskedFourier(MASK, sensitivities)
    kspace = fourier(torch.from_numpy(TRUTH.astype(np.complex64)))
    start = np.zeros((SIZE, SIZE), np.complex64)
    found = tv_reconstruct(*fourier.operators(), kspace.numpy(), start, 1e-3, steps=200)
    zero_filled = fourier.zero_filled(kspace).numpy()
    assert psnr(TRUTH, np.abs(found), 1.0) > psnr(TRUTH, np.abs(zero_filled), 1.0) + 5


def test_a_field_is_better_than_zeros():
    """From exact k-space of half of the lines, by 2 dB or more in 150 steps."""
    field = mri(KSPACE, MASK, steps=150, engine="eager")
    picture = field.render()
    zero_filled = MaskedFourier(MASK).zero_filled(torch.from_numpy(KSPACE)).numpy()
    assert picture.shape == (SIZE, SIZE, 2)
    assert psnr(TRUTH, np.hypot(*np.moveaxis(picture, -1, 0)), 1.0) > psnr(TRUTH, np.abs(zero_filled), 1.0) + 2


def test_a_volume():
    """Real, of all frequencies: the field comes near to what has such a transform."""
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, 8)] * 3, indexing="ij")
    truth = np.exp(-2 * (x**2 + y**2 + 2 * z**2)).astype(np.float32)
    fourier = MaskedFourier(np.ones((8, 8, 8), bool))
    kspace = fourier(torch.from_numpy(truth.astype(np.complex64))).numpy()
    field = mri(
        kspace, real=True, strength=0.0, encoding="identity", activation="relu", network="mlp:depth=2,width=64",
        steps=80, learning_rate=1e-2, engine="eager",
    )  # fmt: skip
    assert psnr(truth, field.render()[..., 0], 1.0) > 20


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        (KSPACE.real, {}, "complex"),
        (KSPACE[0], {}, "2 or 3 axes"),
        (KSPACE, {"mask": MASK[:, :-1]}, "not of the size"),
        (KSPACE, {"mask": np.zeros_like(MASK)}, "no frequency"),
        (KSPACE, {"mask": 0.5 * MASK}, "true, or 1"),
        (np.where(MASK, KSPACE, np.nan), {}, "not finite"),
        (KSPACE, {"sensitivities": np.ones((2, SIZE, SIZE), complex)}, "2 or 3 axes"),
        (np.stack((KSPACE, KSPACE)), {"sensitivities": np.ones((3, SIZE, SIZE), complex)}, "not of the shape"),
        (np.fft.ifftshift(KSPACE), {}, "centred=False"),
        (KSPACE, {"centred": False}, "centred=True"),
        ({"mask": MASK}, {}, "no kspace"),
    ],
)
def test_what_is_refused(given, options, words):
    with pytest.raises(inr.InrError, match=words):
        magnetic_resonance(given, **options)


def test_a_file_of_kspace(tmp_path):
    path = tmp_path / "scan.npz"
    np.savez(path, kspace=KSPACE, mask=MASK)
    ready = magnetic_resonance(path)
    assert ready.facts[0].startswith("50.0%")
    assert [each.name for each in ready.classical] == ["zero-filled", "TV"]


def test_pictures_are_magnitudes_and_fields_complex():
    """The truth, times a phase, has the same magnitude: what is shown does not change, and neither does the truth."""
    ready = magnetic_resonance(np.complex64(1j) * KSPACE, mask=MASK)
    fitter = ready.fitter(inr.Budget(steps=2), engine="eager")
    for _ in fitter.run():
        pass
    found = ready.finish(fitter, TRUTH)
    assert found.field.domain.channels == 2
    assert found.domain.channels == 1
    zero_filled = MaskedFourier(MASK).zero_filled(torch.from_numpy(KSPACE)).numpy()
    np.testing.assert_allclose(found.given[..., 0], np.abs(zero_filled), atol=1e-6)
    assert found.methods[1].picture.shape == (SIZE, SIZE, 1)
    field = found.field.render()
    top = found.domain.values.high[0]
    np.testing.assert_allclose(found.picture[..., 0], np.hypot(*np.moveaxis(field, -1, 0)).clip(0, top), atol=1e-5)
