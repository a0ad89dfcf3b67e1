"""Fits that begin at half resolution: what the halved picture's grids and networks are to the whole one's."""

import numpy as np
import pytest
import torch

from inr.compression import FitSeries
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.encoder.latent import eager
from inr.compression.encoder.latent.fit import fit_component
from inr.compression.encoder.latent.half import HalfStep, half_layout, halved
from inr.compression.encoder.latent.rate import Goal
from inr.compression.encoder.latent.schedule import Recipe, Schedule
from inr.compression.encoder.latent.steps import EagerStep, tensors_of
from tests.tables import mostly_long

SHAPE = (3, 70, 45)


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).random(SHAPE, np.float32)


@pytest.fixture
def pair(picture):
    """The whole layout, its parameters, and the step at half resolution, of random numbers in float64."""
    whole = Layout(*SHAPE[1:], 3, "lop")
    half = HalfStep(EagerStep(half_layout(whole), halved(picture), dtype=torch.float64), whole)
    draw = torch.Generator().manual_seed(0)
    half.step.latents.normal_(0, 2, generator=draw)
    return whole, torch.randn(whole.parameters, generator=draw, dtype=torch.float64) / 8, half


def test_halves_are_means_and_repeat_odd_borders():
    planes = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    assert halved(planes).tolist() == [[[2.0, 3.5], [6.5, 8.0]]]


def test_small_pictures_are_not_halved():
    assert half_layout(Layout(31, 400, 3, "hop")) is None
    assert half_layout(Layout(32, 400, 3, "hop")).levels == 6


def test_every_grid_costs_the_same_and_looks_the_same_in_the_whole_picture(pair):
    whole, parameters, half = pair
    half.take(parameters)
    latents = torch.zeros(whole.latents, dtype=torch.float64)
    half.lift(latents)
    small, small_tensors, tensors = half.step.layout, tensors_of(half.step.layout, half.step.parameters), None
    tensors = tensors_of(whole, parameters)
    bits = eager.latent_bits(whole, tensors, latents)
    own = eager.latent_bits(small, small_tensors, half.step.latents)
    places = {(grid.level, grid.hyper): grid for grid in whole.grids}
    for grid in small.grids:
        theirs = places[grid.level + 1, grid.hyper]
        assert torch.allclose(own[grid.start : grid.stop], bits[theirs.start : theirs.stop], rtol=0, atol=1e-9)
    planes = eager.upsampled(
        eager.synthesis_inputs(small, small_tensors, half.step.latents), tensors["upsampling.0"], *SHAPE[1:]
    )
    found = eager.synthesis_inputs(whole, tensors, latents)
    assert not found[0].any()
    assert torch.allclose(found[1:], planes, rtol=0, atol=1e-9)


def test_gradients_are_those_by_the_whole_pictures_parameters(pair):
    whole, parameters, half = pair
    direction = torch.randn(whole.parameters, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def loss(at):
        half.take(at)
        error, bits = half.step.differentiate(1e-3)
        return error + 1e-3 * bits / (35 * 23)

    loss(parameters)
    slope = half.gradient(parameters) @ direction
    change = loss(parameters + 1e-6 * direction) - loss(parameters - 1e-6 * direction)
    assert change / 2e-6 == pytest.approx(float(slope), rel=1e-5)


def test_the_finest_grid_begins_as_the_next_one(pair):
    whole, parameters, half = pair
    before = tensors_of(whole, parameters.clone())
    half.begin_finest(parameters)
    after = tensors_of(whole, parameters)
    assert torch.equal(after["synthesis.linear"][:, 0], before["synthesis.linear"][:, 1])
    assert torch.equal(after["synthesis.0.weight"][:, 1:], before["synthesis.0.weight"][:, 1:])
    assert torch.equal(after["upsampling.0"], before["upsampling.1"])
    assert torch.equal(after["prefilter.1"], before["prefilter.1"])
    # the finest grid's features read level 1 as those of level 1 read level 2
    assert torch.equal(after["features.0.weight"][:, -1], before["features.1.weight"][:, -1])
    assert torch.equal(after["entropy.0.weight"], before["entropy.0.weight"])


def test_a_part_of_the_steps_is_done_there():
    schedule = Schedule(Recipe(), 1_400, halving=True)
    assert (schedule.warm_steps, schedule.half_steps, schedule.main_steps) == (245, 210, 875)
    assert schedule.time == pytest.approx(1_400 - 0.7 * 455)
    kinds = [schedule.stage(step).kind for step in (244, 245, 454, 455)]
    assert kinds == ["warm", "half", "half", "main"]
    begin, end = (schedule.settings(schedule.stage(step), 1e-3) for step in (245, 454))
    assert (begin.temperature, begin.deviation, begin.network_rate) == (0.35, 0.22, 1e-2)
    assert (end.temperature, end.deviation, end.network_rate) == pytest.approx((0.3, 0.2, 6e-3), rel=1e-2)
    assert Schedule(Recipe(), 1_500, halving=True).half_steps == 0


@pytest.mark.parametrize(
    ("stop_at", "engine"),
    mostly_long([(9, "eager"), (4, "cpu:threads=1"), (9, "cpu:threads=1"), (20, "cpu:threads=1")]),
)
def test_a_resumed_fit_goes_on_to_the_bit(picture, tmp_path, stop_at, engine):
    def fit(**options):
        fits = FitSeries(on_event=lambda event: None, **options)
        if options:
            fits.begin({"work": 1})
        return fits

    def run(fits):
        return fit_component(picture, None, "lop", Goal(weight=1e-3), steps=48, seed=3, engine=engine, fits=fits)

    class Stop:
        def __call__(self, event):
            if event.kind == "step" and event.step == stop_at:
                cut.stop()

    whole = run(fit())
    cut = FitSeries(on_event=Stop(), checkpoint=tmp_path / "work.inr", every=1000.0)
    cut.begin({"work": 1})
    run(cut)
    again = run(fit(checkpoint=tmp_path / "work.inr", resume=True))
    assert np.array_equal(whole.latents, again.latents)
    assert np.array_equal(whole.parameters, again.parameters)
