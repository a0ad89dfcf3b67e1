"""Spectral prefiltering: exact where nothing follows the features but a linear map, learned where something does."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import inr
from inr.encodings import FourierFeatures
from inr.fitting import adjustments, make_fitter
from inr.objectives import Regression
from inr.signals import ScatteredSignal

LINEAR = {"encoding": "fourier:frequencies=24,sigma=3", "activation": "linear", "network": "mlp:depth=1,width=8"}
SMALL = {"encoding": "fourier:frequencies=16,sigma=2", "activation": "relu", "network": "mlp:depth=1,width=16"}


def field_of(parts: dict[str, str], shape: tuple[int, ...] = (24, 32)) -> inr.Field:
    torch.manual_seed(0)
    signal = inr.from_array(np.zeros((*shape, 1), np.float32), kind="image", value_range=(-1, 1))
    return inr.Field.build(signal.domain, **parts).double()


@pytest.mark.parametrize(("kernel", "widths"), [("gaussian", (0.03, 0.05)), ("box", (0.2, 0.1))])
def test_a_filtered_linear_field_is_the_convolution_of_the_field(kernel: str, widths: tuple[float, float]) -> None:
    field, place = field_of(LINEAR), torch.tensor([[0.1, -0.2]], dtype=torch.float64)
    nodes, weights = np.polynomial.legendre.leggauss(80)
    reach = 8.0 if kernel == "gaussian" else 0.5
    offsets = [torch.tensor(nodes * reach * width * 2) for width in widths]  # extents are two units of coordinates
    grid = torch.cartesian_prod(*offsets)
    density = torch.tensor(weights)
    if kernel == "gaussian":
        density = density * torch.exp(-0.5 * torch.tensor(nodes * reach) ** 2)
    mass = torch.outer(density, density).flatten()
    with torch.no_grad():
        wanted = (field(place + grid) * (mass / mass.sum())[:, None]).sum(0)
        in_units = [width * axis.high for width, axis in zip(widths, field.domain.axes, strict=True)]
        found = field.blurred(in_units, kernel)(place)[0]
    assert torch.allclose(found, wanted, atol=1e-6)  # of float64; the frequencies are float32


def test_a_response_is_what_a_filter_does_to_a_wave() -> None:
    encoding = FourierFeatures(2, kind="positional", frequencies=8, octaves=2)
    cycles = encoding.frequencies.double()
    gaussian = encoding.response([0.1, 0.2]).double()
    assert torch.allclose(gaussian[:8], torch.exp(-2 * torch.pi**2 * ((cycles[:, 0] * 0.1) ** 2
                          + (cycles[:, 1] * 0.2) ** 2)), atol=1e-6)  # fmt: skip
    assert torch.equal(gaussian[:8], gaussian[8:])  # no phase moves
    assert torch.equal(encoding.response([0.0, 0.0], "box"), torch.ones(16))
    assert encoding.response([1 / 3.0, 0.0], "box")[3].abs() < 1e-6  # three cycles, and a box of one of them


def test_blurs_of_a_linear_field_add_up() -> None:
    field, places = field_of(LINEAR), torch.rand(50, 2, dtype=torch.float64) * 2 - 1
    twice = field.blurred(1.5).blurred(2.0)
    assert torch.allclose(twice(places), field.blurred(2.5)(places), atol=1e-6)  # 1.5² + 2² = 2.5²
    assert torch.equal(field.blurred(0.0)(places), field(places))


@pytest.mark.parametrize("shape", [(6, 8), (12, 8), (24, 32), (40, 60)])
def test_a_level_is_what_rendering_averages_to(shape: tuple[int, int]) -> None:
    field = field_of(LINEAR).float()
    level = field.prefiltered(shape)
    assert level.domain.shape == shape
    # rendering has two places an axis of each of the signal's cells, this has all
    assert np.abs(level.render() - field.render(shape)).max() < 2e-3
    assert np.abs(level(level_centres(shape)).detach().numpy() - level.render().reshape(-1, 1)).max() < 1e-5


def level_centres(shape: tuple[int, int]) -> torch.Tensor:
    return inr.signals.grid_coords(shape, torch.arange(shape[0] * shape[1]))


def test_a_filtered_field_is_kept_in_a_file(tmp_path) -> None:
    blurred = field_of(LINEAR).float().blurred(2.0)
    blurred.save(tmp_path / "blurred.inr")
    assert np.array_equal(inr.load(tmp_path / "blurred.inr").render(), blurred.render())


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"encoding": "identity", "activation": "sine", "network": "mlp:depth=1,width=8"}, "identity read by mlp"),
        ({"encoding": "fourier:frequencies=8", "activation": "relu", "network": "skip:depth=2,width=8"}, "by skip"),
    ],
)
def test_other_fields_are_refused(parts: dict[str, str], words: str) -> None:
    field = field_of(parts)
    for ask in (lambda: field.blurred(1.0), lambda: field.prefiltered((3, 4))):
        with pytest.raises(inr.InrError, match=words):
            ask()


def test_widths_that_make_no_sense_are_refused() -> None:
    field = field_of(LINEAR)
    with pytest.raises(inr.InrError, match="positive number"):
        field.blurred(-1.0)
    with pytest.raises(inr.InrError, match="each of 2 axes"):
        field.blurred([1.0, 1.0, 1.0])
    clip = inr.from_array(np.zeros((4, 8, 8, 3), np.uint8), kind="video", fps=25)
    with pytest.raises(inr.InrError, match="different units"):
        inr.Field.build(clip.domain, **LINEAR).blurred(1.0)


def fitter_of(adjust: str | None, array: np.ndarray, **options) -> inr.Fitter:
    parts = {**SMALL, "learning_rate": 1e-2, "engine": "eager", **options}
    return make_fitter(
        inr.from_array(array, kind="image", value_range=(-1, 1)), budget=inr.Budget(steps=2), adjust=adjust, **parts
    )


@pytest.mark.parametrize("kernel", ["gaussian", "both"])
def test_a_step_is_that_of_the_stated_loss(kernel: str) -> None:
    """Gradients are those of plain and blurred residuals, by automatic differentiation of their formula."""
    array = np.random.default_rng(0).uniform(-1, 1, (8, 8, 1)).astype(np.float32)
    fitter = fitter_of(f"prefilter:scales=2,sigma=3,least=1,share=0.5,kernel={kernel}", array, lattice_only=True)
    field, plan = fitter.field, fitter._steps_by
    indices = torch.arange(64)
    tensors = dict(field.named_parameters())
    result = plan.loss_and_grad(tensors, inr.engines.Batch(indices))
    seen = result.coords
    sigmas = adjustments.build("prefilter:scales=2,sigma=3,least=1").draw(0, 0)
    values, losses = [], []
    for place, rows in enumerate((slice(0, 32), slice(32, 48), slice(48, 64))):
        features = field.encoding(seen[rows])
        if place:
            box = kernel == "both" and place == 1
            width = float(sigmas[place - 1]) / 8 * (12**0.5 if box else 1)
            features = features * field.encoding.response([width] * 2, "box" if box else "gaussian")
        values.append(field.network(features))
        targets = (values[-1] - result.residuals[rows]).detach()  # the signal a step away, whatever was drawn
        losses.append(len(targets) / 64 * (values[-1] - targets).square().mean())
    wanted = torch.autograd.grad(sum(losses), list(tensors.values()))
    for (name, _), grad in zip(tensors.items(), wanted, strict=True):
        assert torch.allclose(result.grads[name], grad, atol=1e-6), name


@pytest.mark.parametrize("kernel", ["gaussian", "box"])
def test_targets_are_the_filtered_signal_in_the_mean(kernel: str) -> None:
    """A cosine that is filtered is the cosine, times exp(-2π²(bσ)²) or sin(πbw) / (πbw)."""
    places = (np.arange(64) + 0.5) / 64
    array = np.repeat(np.cos(4 * np.pi * places)[None, :, None], 64, axis=0).astype(np.float32)  # 2 cycles, mirrored
    fitter = fitter_of("prefilter", array)
    plan = fitter._steps_by
    cells = torch.full((40_000,), 64 * 20)  # x = 0.5 / 64
    drawn = plan._elsewhere(inr.engines.Batch(cells, shifts=torch.zeros(40_000, 2)), 6.0, kernel, 0).mean()
    factor = np.exp(-2 * (np.pi * 2 * 6 / 64) ** 2) if kernel == "gaussian" else np.sinc(2 * 6 / 64)
    assert drawn == pytest.approx(np.cos(4 * np.pi * places[0]) * factor, abs=0.02)


def test_what_cannot_be_learned_blurred_is_refused() -> None:
    array = np.zeros((8, 8, 1), np.float32)
    with pytest.raises(inr.InrError, match="Fourier features"):
        fitter_of("prefilter", array, encoding="identity", activation="sine")
    with pytest.raises(inr.InrError, match="objective squared"):
        fitter_of("prefilter", array, objective="l1")
    with pytest.raises(inr.InrError, match="use uniform"):
        fitter_of("prefilter", array, teacher="soft")
    with pytest.raises(inr.InrError, match="least=20"):
        fitter_of("prefilter:least=20", array)
    field = field_of(SMALL)
    domain = replace(field.domain, kind="scattered", sampling="point")
    points = ScatteredSignal(np.ones((3, 2)), np.zeros((3, 1)), domain)
    with pytest.raises(inr.InrError, match="signals on grids"):
        adjustments.build("prefilter").check(field, points, Regression(points))


def test_engines_agree_and_a_fit_says_how_it_was_adjusted() -> None:
    array = np.random.default_rng(0).uniform(-1, 1, (16, 16, 1)).astype(np.float32)
    found = []
    for engine in ("eager", "cpu"):
        fitter = fitter_of("prefilter:sigma=4", array, engine=engine)
        list(fitter.run())
        found.append(fitter.field)
    assert found[0].fit["adjust"] == {"name": "prefilter", "sigma": 4}
    assert np.abs(found[0].render() - found[1].render()).max() < 1e-3
