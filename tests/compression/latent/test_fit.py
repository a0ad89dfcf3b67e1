"""Fits of latent grids: schedule, rate control, resuming, stopping."""

import math

import numpy as np
import pytest
import torch

from inr import InrError
from inr.compression import FitSeries
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent import schedule as schedule_module
from inr.compression.encoder.latent.eager import initial_parameters
from inr.compression.encoder.latent.fit import fit_component, make_step
from inr.compression.encoder.latent.optimiser import NetworkOptimiser
from inr.compression.encoder.latent.rate import Goal, RateControl
from inr.compression.encoder.latent.schedule import Recipe, Schedule, gain_of
from inr.compression.encoder.latent.steps import EagerStep, vector_of
from inr.fitting import Group, Soap, TorchAdam

STEPS = 48


@pytest.fixture(scope="module")
def picture():
    y, x = np.mgrid[0:17, 0:34].astype(np.float32) / 20  # 7 levels, as most tests have: kernels are made for them
    planes = [0.5 + 0.3 * np.sin(7 * x + 3 * y * y), 0.5 + 0.2 * np.cos(5 * x * y), 0.2 + 0.4 * (x > y)]
    return np.stack(planes).astype(np.float32)


def fitted(picture, goal=None, *, fits=None, engine="cpu:threads=1", **options):
    options = {"steps": STEPS, "seed": 3} | options
    return fit_component(picture, None, "lop", goal or Goal(weight=1e-3), engine=engine, fits=fits, **options)


def same(a, b):
    return np.array_equal(a.latents, b.latents) and np.array_equal(a.parameters, b.parameters) and a.weight == b.weight


class Log:
    """Keeps the events of a series, and stops it after a step."""

    def __init__(self, stop_at=None, **options):
        self.events, self._stop_at = [], stop_at
        self.fits = FitSeries(on_event=self, **options)

    def __call__(self, event):
        self.events.append(event)
        if event.kind == "step" and event.step == self._stop_at:
            self.fits.stop()


def test_stages_follow_each_other_and_all_steps_count():
    schedule = Schedule(Recipe(), 10_000, halving=False)
    assert (schedule.warm_steps, schedule.main_steps, schedule.last_steps) == (1_400, 8_100, 500)
    kinds = [schedule.stage(step) for step in range(10_000)]
    begun = [(each.kind, each.round, each.start) for each in kinds if each.place == 0]
    starts = [("warm", 0, start) for start in range(5)] + [("warm", 1, start) for start in range(2)]
    assert begun == [*starts, ("main", 0, 0), ("last", 0, 0)]
    assert schedule.carried(kinds[1_000]) == 2
    assert schedule.carried(kinds[1_400]) == 1
    assert Schedule(Recipe(), 8, halving=False).warm_steps == 0  # too few steps for several starts
    assert Schedule(Recipe(starts=(1,)), 8_000, halving=False).warm_steps == 0
    assert [Schedule(Recipe(), steps, halving=True).adapts_noise for steps in (3_999, 4_000)] == [False, True]


def test_settings_are_those_of_the_recipe():
    schedule = Schedule(Recipe(), 10_000, halving=False)

    def at(step, weight=1e-3):
        return schedule.settings(schedule.stage(step), weight)

    warm = at(0)
    assert (warm.temperature, warm.betas, warm.network_rate, warm.latent_rate) == (0.35, (0.725, 0.97), 1e-2, 0.16)
    assert warm.deviation == pytest.approx(0.2043, abs=1e-4)
    begin, middle, end = at(1_400), at(1_400 + 4_050), at(9_499)
    assert (begin.temperature, begin.deviation, begin.network_rate) == (0.35, 0.22, 1e-2)
    assert middle.temperature == pytest.approx((0.35 + 0.08) / 2)
    assert middle.deviation == pytest.approx((0.22 + 0.15) / 2)
    assert middle.network_rate == pytest.approx((1e-2 + 1e-5) / 2)
    assert end.network_rate == pytest.approx(1e-5, rel=1e-3)
    assert middle.latent_rate == pytest.approx(16 * middle.network_rate)
    last = at(9_500)
    assert (last.temperature, last.latent_rate, last.network_rate) == (None, 0.0, 1e-4)
    assert [gain_of(weight) for weight in (1e-3, 5e-4, 4e-4, 1e-4)] == [16, 16, 20, 24]


def test_goals_are_one_each_and_positive():
    with pytest.raises(InrError, match="give one of them"):
        Goal(bytes=100, psnr=30.0)
    with pytest.raises(InrError, match="positive"):
        Goal(weight=-1.0)
    assert Goal(weight=0.002).first_weight(1000) == 0.002
    assert Goal(bytes=round(0.482 * 393_216 / 8)).first_weight(393_216) == pytest.approx(1e-3, rel=1e-3)
    assert Goal(psnr=34.52).first_weight(1) == pytest.approx(1e-3)


@pytest.mark.parametrize("goal", [Goal(bytes=24_000), Goal(psnr=33.0)])
def test_rate_control_finds_the_weight_and_leaves_it_then(goal):
    rate = RateControl(goal, Layout(512, 768, 3, "hop"))

    def picture(weight):  # a picture harder than the average one
        return 2e-3 * (weight / 1e-3) ** 0.66, 2.5e5 * (weight / 1e-3) ** -0.5

    for index in range(90):
        error, bits = picture(rate.weight)  # as it would be in the end
        to_come = -math.log(1 + 0.35 * (1 - index / 100) ** 2)
        rate.observe(index / 100, 10**6, 1000.0, error, bits * math.exp(-to_come))
    found = rate.weight
    rate.observe(0.9, 10**6, 1000.0, 1.0, 1.0)
    assert rate.weight == found
    error, bits = picture(found)
    if goal.bytes:
        assert rate.bits_per_pixel(bits) * 512 * 768 / 8 == pytest.approx(goal.bytes, rel=0.03)
    else:
        assert -10 * math.log10(error) == pytest.approx(goal.psnr, abs=0.05)


def test_a_fit_learns(picture):
    log = Log()
    fitted(picture, steps=300, fits=log.fits)
    steps = [event for event in log.events if event.kind == "step"]
    assert [event.step for event in steps] == [*range(1, 301)]
    # an even picture is at 13 dB; the networks' estimated bits are 5.5 a pixel of this tiny one
    assert steps[-1].psnr > 24
    networks = 5.0 * Layout(17, 34, 3, "lop").parameters / (17 * 34)
    assert networks < steps[-1].bits < networks + 2.5
    assert log.events[-1].reason == "steps"


def test_equal_seeds_give_equal_fits(picture):
    first = fitted(picture)
    assert same(first, fitted(picture))
    assert not same(first, fitted(picture, seed=4))
    assert first.latents.dtype == np.int32
    assert first.parameters.dtype == np.float32
    assert first.weight == 1e-3


@pytest.mark.parametrize("stop_at", [3, 30])
@pytest.mark.parametrize("goal", [Goal(weight=1e-3), Goal(bytes=500)])
def test_a_resumed_fit_goes_on_to_the_bit(picture, tmp_path, goal, stop_at):
    whole = fitted(picture, goal)
    cut = Log(stop_at, checkpoint=tmp_path / "work.inr", every=1000.0)
    cut.fits.begin({"work": 1})
    fitted(picture, goal, fits=cut.fits)
    log = Log(checkpoint=tmp_path / "work.inr", resume=True)
    log.fits.begin({"work": 1})
    again = fitted(picture, goal, fits=log.fits)
    assert same(whole, again)


def test_noise_is_adapted_in_long_fits_and_after_a_resume(picture, tmp_path, monkeypatch):
    usual = fitted(picture)
    monkeypatch.setattr(schedule_module, "_ADAPTED_FROM", STEPS)
    whole = fitted(picture)
    assert not same(whole, usual)
    cut = Log(35, checkpoint=tmp_path / "work.inr", every=1000.0)  # between two checks
    cut.fits.begin({"work": 1})
    fitted(picture, fits=cut.fits)
    log = Log(checkpoint=tmp_path / "work.inr", resume=True)
    log.fits.begin({"work": 1})
    assert same(whole, fitted(picture, fits=log.fits))


@pytest.mark.parametrize("stop_at", [1, 30])
def test_a_stopped_fit_gives_the_best_so_far(picture, stop_at):
    log = Log(stop_at)
    found = fitted(picture, fits=log.fits)
    assert log.events[-1].reason == "interrupted"
    assert log.events[-1].step == stop_at
    assert np.isfinite(found.parameters).all()


def test_seconds_become_steps(picture):
    log = Log()
    fitted(picture, steps=None, seconds=1.5, fits=log.fits)
    assert log.events[-1].steps > 5
    assert log.events[-1].seconds < 1.9


def test_unimportant_pixels_do_not_matter(picture):
    importance = np.ones((17, 34), np.float32)
    importance[:, 14:] = 0
    other = picture.copy()
    other[:, :, 14:] = 0.9
    a, b = (
        fit_component(each, importance, "lop", Goal(weight=1e-3), steps=20, engine="eager") for each in (picture, other)
    )
    assert same(a, b)


def test_nonsense_is_refused(picture):
    with pytest.raises(InrError, match="channels, height, width"):
        fit_component(picture[0], None, "lop", Goal(weight=1e-3), steps=5)
    with pytest.raises(InrError, match="steps or seconds"):
        fit_component(picture, None, "lop", Goal(weight=1e-3))
    with pytest.raises(InrError, match="fitted by the engines"):
        fit_component(picture, None, "lop", Goal(weight=1e-3), steps=5, engine="triton")


def test_hard_steps_leave_latents(picture):
    layout = Layout(17, 34, 3, "lop")
    step = make_step(layout, picture, None, "eager")
    step.latents.normal_(0, 2, generator=torch.Generator().manual_seed(0))
    step.parameters.copy_(vector_of(layout, initial_parameters(layout, 0)))
    before = step.latents.clone()
    error, bits = step.differentiate(1e-3)
    assert torch.equal(step.latents, before)
    assert (error, bits) == pytest.approx(step.measure(), rel=1e-6)
    errors, each = step.maps()
    assert (errors.sum(), each.sum()) == pytest.approx((error, bits), rel=1e-5)
    assert step.latent_gradient.abs().max() > 0


def test_the_latents_step_is_adam(picture):
    layout = Layout(17, 34, 3, "lop")
    step = EagerStep(layout, picture, dtype=torch.float64)
    step.parameters.normal_(0, 0.1, generator=torch.Generator().manual_seed(0))
    leaf = step.latents.clone()
    adam = torch.optim.Adam([leaf], lr=0.1)
    before = torch.zeros_like(leaf)
    for index in range(4):
        step.run(0.3, 0.2, 1, index, 1e-3, 0.1, (0.9, 0.999), index + 1)
        mean = step.moments[0].clone()
        leaf.grad, before = (mean - 0.9 * before) / 0.1, mean
        adam.step()
        assert torch.allclose(leaf, step.latents, rtol=0, atol=1e-9)
    assert step.latents.any()


@pytest.mark.parametrize("shape", [(3, 17, 34), pytest.param((1, 33, 18), marks=pytest.mark.long)])
def test_the_compiled_step_is_the_eager_one(shape):
    draw = np.random.default_rng(0)
    layout = Layout(*shape[1:], shape[0], "lop")
    wanted, importance = draw.random(shape, np.float32), draw.random(shape[1:], np.float32)
    first = vector_of(layout, initial_parameters(layout, 0)) + 0.05 * torch.from_numpy(
        draw.standard_normal(layout.parameters).astype(np.float32)
    )
    steps = [make_step(layout, wanted, importance, engine) for engine in ("cpu:threads=2", "eager")]
    for step in steps:
        step.parameters.copy_(first)
    # float32 in another order: Adam makes differences of gradients near 0 larger from step to step
    for index in range(5):
        found = [step.run(0.3, 0.2, 1, index, 1e-3, 0.16, (0.9, 0.999), index + 1) for step in steps]
        assert found[0] == pytest.approx(found[1], rel=2e-5)
        assert torch.allclose(steps[0].latents, steps[1].latents, rtol=0, atol=1e-3)
        assert torch.allclose(steps[0].gradient, steps[1].gradient, rtol=0, atol=1e-4 * steps[1].gradient.abs().max())
    with torch.no_grad():
        steps[1].latents.copy_(steps[0].latents)
    assert steps[0].measure() == pytest.approx(steps[1].measure(), rel=2e-5)
    for ours, theirs in zip(steps[0].maps(), steps[1].maps(), strict=True):
        assert np.allclose(ours, theirs, rtol=0, atol=1e-4 * theirs.max())


@pytest.mark.parametrize("soap", [True, False])
def test_the_networks_optimiser_is_soap_with_decay(soap):
    layout = Layout(40, 40, 3, "mop")
    draw = torch.Generator().manual_seed(0)
    ours = torch.randn(layout.parameters, generator=draw)
    optimiser = NetworkOptimiser(Group("network", {"vector": ours}, 0.01), layout, soap=soap)
    optimiser.basis_interval = 5
    # of other matrices the first gradient's covariances are singular, and eigenvectors not determined
    compared = [name for name in layout.tensors if name[:9] in ("entropy.0", "entropy.1", "upsamplin")]
    tensors = {name: ours[layout.slices[name]].double().reshape(layout.tensors[name]) for name in compared}
    groups = [Group("network", tensors, 0.01, (0.95, 0.95))]
    reference = Soap(groups, TorchAdam) if soap else TorchAdam(groups, fused=False)
    for _ in range(12):
        gradient = torch.randn(layout.parameters, generator=draw)
        optimiser.step({"vector": gradient})
        reference.step(
            {name: gradient[layout.slices[name]].double().reshape(layout.tensors[name]) for name in compared}
        )
    for name, theirs in tensors.items():
        assert torch.allclose(ours[layout.slices[name]].double(), theirs.reshape(-1), rtol=0, atol=2e-5), name


def test_a_restored_networks_optimiser_goes_on():
    layout = Layout(40, 40, 1, "lop")
    draw = torch.Generator().manual_seed(1)
    gradients = [torch.randn(layout.parameters, generator=draw) for _ in range(14)]
    values = torch.zeros(layout.parameters)
    optimiser = NetworkOptimiser(Group("network", {"vector": values}, 0.01), layout, decay=0.01)
    for index, gradient in enumerate(gradients):
        if index == 7:
            other = values.clone()
            again = NetworkOptimiser(Group("network", {"vector": other}, 0.01), layout, decay=0.01)
            again.restore({name: tensor.clone() for name, tensor in optimiser.state().items()})
        optimiser.step({"vector": gradient})
        if index >= 7:
            again.step({"vector": gradient})
    assert torch.equal(values, other)
