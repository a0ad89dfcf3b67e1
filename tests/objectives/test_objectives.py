"""Objectives: closed forms, slopes, limits, batches with weights and offsets, and what fits do with them."""

import math

import numpy as np
import pytest
import torch

import inr
from inr import Budget
from inr.engines import Batch, plan
from inr.field import Field
from inr.fitting import make_fitter
from inr.objectives import (
    AbsoluteError,
    Huber,
    PointwiseObjective,
    Regression,
    RelativeError,
    mean_squared_error,
    objectives,
)

pytestmark = pytest.mark.quick

# losses of pools of points have tests of their own
NAMES = [name for name in objectives.names() if issubclass(objectives.info(name).cls, PointwiseObjective)]


def signal(high=(2.0, 5.0)):
    values = np.random.default_rng(0).uniform(0, 1, (7, 9, 2)).astype(np.float32) * np.array(high, np.float32)
    return inr.Signal.from_array(values, kind="volume", channels_last=True)


class Doubled:
    """Mixed into an objective: targets in float64."""

    def targets(self, batch):
        return super().targets(batch).double()


def doubled(name, source):
    """An objective whose targets are float64."""
    cls = objectives.info(name).cls
    return type(cls.__name__, (Doubled, cls), {})(source)


def closed_form(name, residual, prediction, source):
    """The loss of each value, in numpy's float64."""
    low, high = (np.array(bound) for bound in (source.domain.values.low, source.domain.values.high))
    largest = np.maximum(abs(low), abs(high))
    match name:
        case "squared":
            return residual**2
        case "l1":
            return abs(residual)
        case "huber":
            return np.where(abs(residual) <= 0.1, residual**2, 0.2 * abs(residual) - 0.01)
        case "relative":
            share = (prediction * (high - low) / 2 + (high + low) / 2) / largest
            return (residual * (high - low) / 2 / largest) ** 2 / (share**2 + 0.01)
        case "mape":
            return abs(residual) / (abs(prediction - residual) + 0.01)
        case "clipped":
            return abs(np.clip(prediction, -0.1, 0.1) - np.clip(prediction - residual, -0.1, 0.1))
        case "occupancy":
            return np.logaddexp(0, prediction) - prediction * (1 + prediction - residual) / 2
    raise AssertionError(f"no closed form of objective '{name}'")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("weighted", ["", "samples", "values"])
def test_losses_are_their_closed_forms(name, weighted):
    source, generator = signal(), torch.Generator().manual_seed(1)
    objective = doubled(name, source)
    weights = {"": None, "samples": torch.rand(20, generator=generator), "values": torch.rand(20, 2)}[weighted]
    batch = Batch(torch.arange(3, 63, 3), weights)
    prediction = torch.rand(20, 2, generator=generator, dtype=torch.float64) * 2.4 - 1.2
    residuals = objective.residuals(prediction, batch)
    assert torch.equal(residuals, prediction - source.values(batch.indices).double())
    terms = closed_form(name, residuals.numpy(), prediction.numpy(), source)
    factor = {"": 1, "samples": None, "values": None}[weighted] or (
        weights[:, None] if weighted == "samples" else weights
    ).numpy()
    exact = 1e-7 if name == "occupancy" else 1e-12  # its logarithm is a series
    assert objective.loss(residuals, batch).item() == pytest.approx(float((terms * factor).mean()), rel=exact)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"relative"}))
def test_slopes_agree_with_differences(name):
    objective = doubled(name, signal())
    batch = Batch(torch.arange(20))
    prediction = (torch.rand(20, 2, dtype=torch.float64) * 2 - 1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda values: objective.loss(objective.residuals(values, batch), batch), prediction
    )


def test_the_relative_error_is_not_differentiated_through_its_denominator():
    source = signal()
    objective, batch = doubled("relative", source), Batch(torch.arange(20))
    prediction = (torch.rand(20, 2, dtype=torch.float64) * 2 - 1).requires_grad_()
    residuals = objective.residuals(prediction, batch)
    slope = torch.autograd.grad(objective.loss(residuals, batch), prediction)[0]
    held = closed_form("relative", residuals.detach().numpy(), prediction.detach().numpy(), source)
    expected = 2 * held / residuals.detach().numpy() / prediction.numel()
    np.testing.assert_allclose(slope.numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_offsets_join_the_slope(name):
    objective, indices = doubled(name, signal()), torch.arange(20)
    weights, offsets = torch.rand(20, dtype=torch.float64), torch.rand(20, 2, dtype=torch.float64) - 0.5
    prediction = (torch.rand(20, 2, dtype=torch.float64) * 2 - 1).requires_grad_()

    def slope(batch):
        return torch.autograd.grad(objective.loss(objective.residuals(prediction, batch), batch), prediction)[0]

    plain, joined = slope(Batch(indices, weights)), slope(Batch(indices, weights, offsets))
    torch.testing.assert_close(joined - plain, 2 * weights[:, None] * offsets / 40, rtol=1e-10, atol=1e-14)


def test_hubers_loss_is_squared_within_delta_and_absolute_beyond():
    source, batch = signal(), Batch(torch.arange(20))
    residuals = torch.rand(20, 2, dtype=torch.float64) * 2 - 1
    wide, narrow = Huber(source, delta=4.0), Huber(source, delta=1e-6)
    assert wide.loss(residuals, batch).item() == pytest.approx(
        Regression(source).loss(residuals, batch).item(), rel=1e-12
    )
    absolute = AbsoluteError(source).loss(residuals, batch).item()
    assert narrow.loss(residuals, batch).item() / 2e-6 == pytest.approx(absolute, rel=1e-5)


def test_relative_errors_do_not_depend_on_the_unit():
    """As shares of the largest magnitude, values in other units are the same numbers; each channel has its own."""
    batch, prediction = Batch(torch.arange(40)), torch.rand(40, 2) * 2 - 1
    losses = []
    for high in ((1.0, 1.0), (1000.0, 1000.0)):
        objective = RelativeError(signal(high))
        losses.append(objective.loss(objective.residuals(prediction, batch), batch).item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_bytes_of_pictures_are_relative_to_white():
    source = inr.Signal.from_array(np.array([[0, 51, 255]], np.uint8), kind="image")
    objective, batch = RelativeError(source), Batch(torch.arange(3))
    residuals = objective.residuals(torch.tensor([[-0.8], [-0.8], [-0.8]]), batch)  # 0.1 in [0, 1]
    expected = np.mean([0.1**2, 0.1**2, 0.9**2]) / (0.1**2 + 0.01)
    assert objective.loss(residuals, batch).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("spec", ["huber:delta=0", "huber:delta=5", "relative:epsilon=0", "l1:delta=1", "absolute"])
def test_bad_objectives_are_refused_in_a_line(spec):
    with pytest.raises(inr.InrError, match=r"delta|epsilon|unknown objective"):
        objectives.build(spec, signal())


@pytest.mark.parametrize("name", NAMES)
def test_configurations_build_equal_objectives(name):
    source = signal()
    config = objectives.build(name, source).config()
    assert objectives.build(config, source).config() == config


def test_mean_squared_errors_heed_weights():
    residuals = torch.tensor([[1.0, 3.0], [2.0, 0.0]])
    assert mean_squared_error(residuals, Batch(torch.arange(2))).item() == pytest.approx(14 / 4)
    weighted = Batch(torch.arange(2), torch.tensor([2.0, 0.5]))
    assert mean_squared_error(residuals, weighted).item() == pytest.approx((2 * 10 + 0.5 * 4) / 4)


# small enough to be fitted in a moment
SMALL = {
    "activation": "sine:omega=10,first_omega=10", "network": "mlp:depth=1,width=16", "learning_rate": 1e-2, "seed": 1,
}  # fmt: skip


def waves():
    y, x = np.mgrid[:20, :20] / 20
    return (127.5 + 80 * np.sin(9 * x) * np.cos(7 * y)).astype(np.uint8)


@pytest.mark.long
def test_robust_losses_see_through_outliers():
    """Of a picture of which a tenth of the samples are black or white."""
    clean, generator = waves(), np.random.default_rng(0)
    spoilt, hit = clean.copy(), generator.uniform(size=clean.shape) < 0.1
    spoilt[hit] = generator.choice([0, 255], hit.sum())
    quality = {}
    for spec in ("squared", "l1", "huber:delta=0.02"):
        field = inr.fit(inr.Signal.from_array(spoilt), objective=spec, steps=200, **SMALL)
        quality[spec] = inr.signals.psnr(clean, field.render()[..., 0], 255)
    assert quality["squared"] < 35
    assert min(quality["l1"], quality["huber:delta=0.02"]) > quality["squared"] + 15


def test_relative_errors_favour_dark_values():
    """Of a sound that fades, the quiet half has a smaller relative error than with the squared error."""
    x = np.linspace(0, 1, 200, dtype=np.float32)
    values = (10 ** (-2 * x) * (1 + 0.5 * np.sin(40 * x))).astype(np.float32)
    source = inr.Signal.from_array(values, kind="audio", sample_rate=8000)
    error = {}
    for spec in ("squared", "relative:epsilon=1e-3"):
        options = SMALL | {"activation": "sine:omega=10,first_omega=20", "network": "mlp:depth=1,width=8"}
        field = inr.fit(source, objective=spec, steps=200, engine="eager", **options)
        error[spec] = np.abs(field.render()[:, 0] / values - 1)[100:].mean()
    assert error["relative:epsilon=1e-3"] < error["squared"] / 3


# every loss has kernels of its own, which the engine's tests hold to its formula
@pytest.mark.parametrize(
    ("name", "engine"),
    [
        *((name, "eager") for name in NAMES),
        *(pytest.param(name, "cpu", marks=pytest.mark.long) for name in NAMES),
    ],
)
def test_psnr_on_the_way_is_of_squared_errors(name, engine):
    source = inr.Signal.from_array(waves())
    fitter = make_fitter(source, budget=Budget(steps=1), objective=name, engine=engine, lattice_only=True, **SMALL)
    indices = torch.arange(source.size)
    missed = fitter.field(source.coords(indices)).detach() - source.values(indices)
    event = next(event for event in fitter.run() if event.kind == "step")  # of all samples, before the first update
    assert event.psnr == pytest.approx(10 * math.log10(4 / missed.square().mean().item()), rel=1e-5)


def test_a_target_is_of_the_psnr_whatever_the_loss():
    events = []
    field = inr.fit(
        inr.Signal.from_array(waves()), objective="huber", psnr=35, coding="exact", on_event=events.append, **SMALL
    )
    assert events[-1].reason == "target"
    assert field.metrics["psnr"] >= 35


@pytest.mark.parametrize("teacher", ["uniform", "int", "mint", "nint", "evos", "expansive", "soft", "auto"])
def test_every_teacher_works_with_other_objectives(teacher):
    source = inr.Signal.from_array(waves())
    fields = [inr.fit(source, objective="huber", teacher=teacher, steps=steps, batch=200, **SMALL) for steps in (1, 60)]
    assert fields[1].metrics["psnr"] > fields[0].metrics["psnr"] + 5


def test_auto_draws_evenly_where_the_slope_is_not_the_residual():
    source = inr.Signal.from_array(waves())
    fields = [
        inr.fit(source, teacher=teacher, objective="l1", steps=20, batch=100, engine="eager", **SMALL)
        for teacher in ("auto", "uniform")
    ]
    states = [field.state_dict() for field in fields]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_checkpoint_goes_on_with_its_objective_only(tmp_path):
    def fitter(objective, resume=False):
        return make_fitter(
            inr.Signal.from_array(waves()), budget=Budget(steps=20), objective=objective,
            checkpoint=tmp_path / "fit.checkpoint", every=0.0, resume=resume, **SMALL,
        )  # fmt: skip

    whole = fitter("huber")
    list(whole.run())
    (tmp_path / "fit.checkpoint").unlink()
    stopped = fitter("huber")
    for event in stopped.run():
        if event.step == 10 and event.kind == "checkpoint":
            break
    with pytest.raises(inr.InrError, match="its objective differ"):
        fitter("l1", resume=True)
    with pytest.raises(inr.InrError, match="its objective differ"):
        fitter("squared", resume=True)
    resumed = fitter("huber", resume=True)
    events = list(resumed.run())
    assert all(torch.equal(*pair) for pair in zip(whole.field.parameters(), resumed.field.parameters(), strict=True))
    assert events[-1].psnr != pytest.approx(10 * math.log10(4 / events[-1].loss))


def test_an_objective_without_a_formula_runs_on_eager_with_a_line_that_says_so():
    class Cauchy(PointwiseObjective):
        def loss(self, residuals, batch):
            return torch.log1p(residuals.square()).mean()

    source = signal()
    field = Field.build(source.domain, activation="sine", network="mlp:depth=1,width=8", encoding="identity")
    name, ready = plan(field, Cauchy(source))
    assert name == "eager"
    assert "no kernels for objective Cauchy" in ready.notes[-1]
