"""Tomography: filters, noise, what is refused, and fields that come out better than filtered backprojections."""

import numpy as np
import pytest
import torch

import inr
from inr.reconstruction import (
    Ellipse,
    Projector,
    Ramp,
    Scan,
    ct,
    filtered_backprojection,
    line_integrals,
    noise_level,
    sampled,
    sart,
    tomography,
)
from inr.reconstruction._ct_filter import flattened, noise_cutoff, ramp_weights
from inr.reconstruction._total_variation import gradient, mean_variation
from inr.signals import psnr

SIZE = 32
SCAN = Scan(np.arange(0, 180, 180 / 12), SIZE)
PHANTOM = [Ellipse(1.0, (11.0, 9.0), (1.0, -2.0), 20.0), Ellipse(-0.4, (4.0, 3.0), (3.0, 1.0))]
TRUTH = sampled(PHANTOM, SIZE, float(SIZE))
# means over the bins of the detector, of eight exact integrals each
EXACT = line_integrals(PHANTOM, SCAN.finer(8).rays()).reshape(12, SIZE, 8).mean(-1).astype(np.float32)


def test_ramp_is_the_frequency():
    """The band-limited kernel's transform is |ω|, but for ω = 0, where it is small and above 0."""
    weights = ramp_weights(256)
    np.testing.assert_allclose(weights[1:], np.fft.rfftfreq(256)[1:], atol=1e-3)
    assert 0 < weights[0] < 1e-3


def test_flattened_weights():
    weights = ramp_weights(64)
    half = flattened(weights, 0.5)
    np.testing.assert_array_equal(half[:16], weights[:16])
    np.testing.assert_allclose(half[16:], weights[-1] / 2, rtol=1e-2)
    assert np.unique(flattened(weights, 0.0)).size == 1


def test_the_form_is_the_mean_squared_error_of_a_picture():
    """Parseval: of a smooth blob of many views, ∫ f² over the area."""
    width, spread = 64.0, 5.0
    scan = Scan(np.arange(0, 180, 2), 64)
    # the integrals of exp(−r²/2σ²) are those of its middle times exp(−s²/2σ²)
    places = np.arange(64) - 31.5
    row = np.sqrt(2 * np.pi) * spread * np.exp(-(places**2) / (2 * spread**2))
    sinogram = torch.from_numpy(np.broadcast_to(row, (90, 64)).copy())
    found = float(Ramp(scan, width * width).form(sinogram))
    assert found == pytest.approx(np.pi * spread**2 / width**2, rel=2e-3)


def test_the_form_is_positive():
    residuals = torch.randn(12, SIZE, generator=torch.Generator().manual_seed(0))
    ramp = Ramp(SCAN, SIZE**2, 0.3)
    assert float(ramp.form(residuals)) > 0
    assert float((residuals * ramp.filtered(residuals)).sum()) > 0


def test_noise_in_the_picture():
    """White noise has the form, in the mean, of its standard deviation in the picture."""
    ramp, draw = Ramp(SCAN, SIZE**2), torch.Generator().manual_seed(0)
    forms = [float(ramp.form(0.3 * torch.randn(12, SIZE, generator=draw))) for _ in range(200)]
    assert np.mean(forms) == pytest.approx(ramp.noise_of(0.3) ** 2, rel=0.05)


@pytest.mark.parametrize("noise", [0.2, 1.0])
def test_noise_is_found(noise):
    scan = Scan(np.arange(0, 180, 6), 128, pitch=SIZE / 128)
    clean = line_integrals(PHANTOM, scan.rays())
    noisy = clean + np.random.default_rng(0).normal(0, noise, clean.shape)
    assert noise_level(noisy) == pytest.approx(noise, rel=0.15)
    assert noise_level(clean) < 0.02
    assert noise_cutoff(noisy, noise) < 0.8
    assert noise_cutoff(clean, 0.0) == 1.0


def test_backprojection_of_many_views():
    """A wide disc's middle comes back within a percent: scale and ramp are right, for fans too."""
    disc = [Ellipse(0.8, (12.0, 12.0))]
    for scan in (Scan(np.arange(0, 180, 2), SIZE), Scan(np.arange(0, 360, 2), SIZE, "fan", 2.0, 0.0, 3e4, 3e4)):
        projector = Projector(scan.rays(), (SIZE, SIZE), float(SIZE))
        found = filtered_backprojection(scan, line_integrals(disc, scan.rays()).astype(np.float32), projector)
        assert found[12:20, 12:20].mean() == pytest.approx(0.8, rel=0.01)


def test_variation_of_tensors_and_of_arrays():
    picture = np.random.default_rng(0).standard_normal((5, 7))
    found = float(mean_variation(torch.from_numpy(picture)[None], softness=0.0))
    assert found == pytest.approx(np.sqrt((gradient(picture) ** 2).sum(0)).mean())


def _fbp():
    projector = Projector(SCAN.rays(), (SIZE, SIZE), float(SIZE))
    return filtered_backprojection(SCAN, EXACT, projector)


def test_a_field_is_better_than_a_backprojection():
    """From exact integrals, which no projector made, by 5 dB or more in 150 steps."""
    field = ct(EXACT, SCAN.angles, steps=150, parts=1, engine="eager")
    picture = field.render()[..., 0]
    assert psnr(TRUTH, picture, 1.0) > psnr(TRUTH, _fbp(), 1.0) + 5
    assert field.domain.positions(np.array([[1.0, -1.0]])).tolist() == [[SIZE / 2, SIZE / 2]]
    assert field.at((-4.0, -6.0))[0] == pytest.approx(1.0, abs=0.2)  # y points up


def test_algebraic_reconstruction_comes_to_the_data():
    """Of data that the same projector made, without noise, what is missed falls to a hundredth; nothing is below 0."""
    projector = Projector(SCAN.rays(), TRUTH.shape, float(SIZE))
    measured = projector(TRUTH)
    found = sart(SCAN, measured, TRUTH.shape, float(SIZE), rounds=20)
    assert np.linalg.norm(projector(found) - measured) < 0.01 * np.linalg.norm(measured)
    assert found.min() >= 0


@pytest.mark.long
def test_a_field_from_a_fan():
    scan = Scan(np.arange(0, 360, 24), 40, "fan", pitch=1.5, source=60.0, detector=40.0)
    sinogram = line_integrals(PHANTOM, scan.rays())
    given = {
        "sinogram": sinogram,
        "angles": scan.angles,
        "geometry": "fan",
        "source": 60.0,
        "detector": 40.0,
        "pitch": 1.5,
    }
    field = ct(given, steps=100, parts=1, size=SIZE, extent=float(SIZE), engine="eager")
    assert psnr(TRUTH, field.render()[..., 0], 1.0) > 22


def test_a_field_from_rays_that_lie_anyhow():
    draw = np.random.default_rng(0)
    turns = draw.uniform(0, 2 * np.pi, (2, 300))
    ends = np.stack([np.stack((np.cos(turn), np.sin(turn)), 1) for turn in turns], 1) * 22.6
    values = line_integrals(PHANTOM, ends)
    field = ct({"rays": ends, "values": values}, size=16, extent=float(SIZE), steps=80, engine="eager")
    assert psnr(sampled(PHANTOM, 16, float(SIZE)), field.render()[..., 0], 1.0) > 18


def test_finer_points_with_finer_rays():
    """The mean over parts of a bin of a constant is the constant: the loss of the true disc falls with the parts."""
    wide = [Ellipse(1.0, (11.0, 11.0))]
    fine = SCAN.finer(8)
    sinogram = line_integrals(wide, fine.rays()).reshape(12, SIZE, 8).mean(-1).astype(np.float32)
    losses = []
    for parts in (1, 2):
        ready = tomography(sinogram, angles=SCAN.angles, parts=parts, noise=0.0, strength=0.0, value_range=(0.0, 1.0))
        values = torch.from_numpy(sampled(wide, SIZE * parts, float(SIZE)) * 2 - 1).reshape(-1, 1)
        jet = inr.field.Jet(values, values[..., None][..., :0], values[..., None][..., :0])
        losses.append(float(ready.objective.total(jet, inr.engines.Batch(torch.arange(1)))))
    assert losses[1] < losses[0] / 2


@pytest.mark.parametrize(
    ("given", "angles", "options", "words"),
    [
        (EXACT, SCAN.angles[:-1], {}, "12 views, but there are 11 angles"),
        (EXACT.T, SCAN.angles, {}, "transposed"),
        (EXACT + 0j, SCAN.angles, {}, "complex"),
        (np.where(EXACT > 15, np.nan, EXACT), SCAN.angles, {}, "not finite"),
        (EXACT, SCAN.angles, {"geometry": "fan"}, "needs the distance of its source"),
        (EXACT, None, {}, "angles"),
        (EXACT, SCAN.angles, {"geometry": "cone", "source": 9.0, "detector": 9.0}, r"\(views, rows, detectors\)"),
        (EXACT, SCAN.angles, {"size": 1}, "at least 2 samples"),
        ({"sinogram": EXACT}, None, {}, "angles"),
        ({"rays": np.zeros((3, 2, 2)), "values": np.zeros(4)}, None, {}, "3 rays, but 4 values"),
        ({"rays": np.zeros((3, 2, 2)), "values": np.zeros(3)}, None, {"extent": 1.0}, "two different points"),
    ],
)
def test_what_is_refused(given, angles, options, words):
    with pytest.raises(inr.InrError, match=words):
        tomography(given, angles=angles, **options)


def test_a_file_says_its_geometry(tmp_path):
    path = tmp_path / "fan.npz"
    np.savez(path, sinogram=EXACT, angles=SCAN.angles, geometry="fan", source=90.0, detector=30.0, pitch=1.2)
    ready = tomography(str(path))
    assert ready.domain.axes[0].high == pytest.approx(SIZE * 1.2 / (120 / 90) / 2)
    assert [each.name for each in ready.classical] == ["FBP", "SART", "TV"]


def test_a_picture_of_a_sinogram(tmp_path):
    path = tmp_path / "sinogram.tif"
    inr.from_array(EXACT).save(path)
    np.savetxt(tmp_path / "angles.txt", SCAN.angles)
    ready = tomography(path, angles=tmp_path / "angles.txt")
    assert ready.domain.shape == (SIZE, SIZE)
