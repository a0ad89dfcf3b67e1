"""Learning rates found before a fit: where the edge is, and that looking for it changes nothing else."""

import functools
import math

import numpy as np
import pytest
import torch

from inr import Budget, InrError, Signal
from inr.engines import Batch, StepResult
from inr.fitting import Fitter, PlainWeights, Setup, default_learning_rates
from inr.fitting._optimiser import Group, Optimiser
from inr.fitting._rate_probe import RateProbe, trial_loss

pytestmark = pytest.mark.quick

STEPS = 120
exact = RateProbe(clear=0.0, trust=1.0)  # what trials say, taken at its word
EDGE = 2 / 25  # of gradient descent on a parabola whose second derivative is 25


@pytest.fixture
def signal():
    y, x = np.mgrid[0:20, 0:24] / 20
    return Signal.from_array((120 + 60 * np.sin(9 * x + 2 * y)).astype(np.uint8)[..., None].repeat(3, axis=2))


@pytest.fixture
def affordable(monkeypatch):
    """A probe that small fits can afford too."""
    small = functools.partial(RateProbe, steps=16, batch=64, share=10.0, least_steps=10)
    monkeypatch.setattr("inr.fitting._fitter.RateProbe", small)


def fitter_of(signal, learning_rate="auto", steps=STEPS, **options):
    setup = Setup("identity", "sine", "mlp:depth=2,width=16", batch=90, steps=steps, learning_rate=learning_rate)
    budget = options.pop("budget", None) or Budget(steps=steps)
    return Fitter(signal, setup, budget, engine="eager", seed=1, **options)


def run(fitter):
    return list(fitter.run())


class Descent(Optimiser):
    """Plain gradient descent, whose edge of stability is known."""

    def step(self, grads):
        for group in self.groups:
            for name, tensor in group.parameters.items():
                tensor -= group.learning_rate * grads[name]

    def state(self):
        return {}

    def restore(self, state):
        pass


class Parabola(PlainWeights):
    """Weights whose loss is half of a weighted sum of their squares."""

    curvature = torch.tensor([25.0, 1.0, 0.1])

    def __init__(self):
        self.leaves = {"weights": torch.ones(3)}

    def loss_and_grad(self, plan, batch, fraction):
        weights = self.leaves["weights"]
        loss = (self.curvature * weights**2).sum() / 2
        return StepResult(loss, {"weights": self.curvature * weights}, torch.zeros(1, 2), torch.zeros(1, 3))


def test_the_edge_of_a_parabola_is_found(signal):
    parabola, plan = Parabola(), fitter_of(signal).plan
    batches = [Batch(torch.zeros(1, dtype=torch.int64))] * 64

    def judge(octaves):
        parabola.leaves["weights"].fill_(1.0)
        rates = {"network": 0.004 * 2**octaves}
        return trial_loss(parabola, plan, Descent([Group("network", parabola.leaves, 0.0)]), batches, rates)

    found = 0.004 * 2 ** exact.exponent(judge, up_to_the_edge=False)
    assert EDGE / 4 < found < 2 * EDGE  # rates fall to zero: what is lost above the edge at first can be made good


@pytest.mark.parametrize("valley", [-4.3, -1.2, 0.0, 0.6, 3.4])
def test_the_lowest_point_of_a_valley_is_found(valley):
    seen = []

    def judge(octaves):
        seen.append(octaves)
        return 0.3 * (octaves - valley) ** 2

    assert exact.exponent(judge, up_to_the_edge=False) == pytest.approx(valley, abs=0.15)
    assert len(seen) == len(set(seen)) <= abs(valley) + 5


def test_a_valley_beside_a_cliff_stays_below_it():
    found = exact.exponent(lambda octaves: math.inf if octaves > 1.2 else -octaves, up_to_the_edge=False)
    assert 0.5 <= found <= 1.2


def test_of_trials_that_end_nearly_alike_the_highest_rate_counts():
    def judge(octaves):
        return math.inf if octaves > 2.6 else 0.1 * octaves**2

    assert exact.exponent(judge, up_to_the_edge=False) == pytest.approx(0, abs=0.1)
    assert 0.7 < exact.exponent(judge, up_to_the_edge=True) <= 1.1


def test_where_the_edge_is_not_seen_declared_rates_stay_unless_others_are_clearly_better():
    probe = RateProbe(trust=1.0)
    assert probe.exponent(lambda octaves: 0.1 * (octaves - 2) ** 2, up_to_the_edge=False) == 0
    assert probe.exponent(lambda octaves: 0.3 * (octaves - 2) ** 2, up_to_the_edge=False) == pytest.approx(2)


def test_where_nothing_is_learned_rates_stay():
    assert exact.exponent(lambda octaves: math.inf, up_to_the_edge=False) == 0


def test_the_way_out_of_ruin_is_down():
    found = exact.exponent(lambda octaves: math.inf if octaves > -3 else -octaves, up_to_the_edge=False)
    assert found == pytest.approx(-3, abs=0.6)


def test_what_trials_say_is_drawn_towards_what_is_usual():
    for valley in (-2.0, 0.0, 3.0):
        found = RateProbe(clear=0.0, slack=0.0).exponent(lambda at: 0.3 * (at - valley) ** 2, up_to_the_edge=True)  # noqa: B023
        assert found == pytest.approx(1 + 0.85 * (valley - 1))


def test_tables_are_probed_where_trials_are_dense():
    probe = RateProbe(steps=48, epochs=24, density=64)
    assert probe.dense_enough(64 * 400, 200)
    assert not probe.dense_enough(64 * 400 + 1, 200)


def test_the_search_ends_at_the_farthest_octave():
    assert RateProbe(farthest=3, trust=1.0).exponent(lambda octaves: -octaves, up_to_the_edge=False) == 3


def test_rates_and_fields_are_equal_under_a_seed(signal, affordable):
    first, second = fitter_of(signal), fitter_of(signal)
    run(first), run(second)
    rates = first.choices()["rates"]
    assert rates == second.choices()["rates"] != default_learning_rates(first.field)
    for name, tensor in first.field.state_dict().items():
        assert torch.equal(second.field.state_dict()[name], tensor), name


@pytest.mark.long
def test_a_probe_changes_rates_alone(signal, affordable):
    """The same fit as one that is given those rates from the start: weights, batches and generators are untouched."""
    probed = fitter_of(signal)
    before = torch.random.get_rng_state()
    run(probed)
    assert torch.equal(torch.random.get_rng_state(), before)
    given = fitter_of(signal, probed.choices()["rates"])
    run(given)
    for name, tensor in given.field.state_dict().items():
        assert torch.equal(probed.field.state_dict()[name], tensor), name


@pytest.mark.long
def test_a_resumed_fit_does_not_probe_again(signal, affordable, resumes_exactly, monkeypatch):
    def make(resume=False, **options):
        if resume:
            monkeypatch.setattr("inr.fitting._fitter.trial_loss", None)
        return fitter_of(signal, resume=resume, **options)

    resumes_exactly(make, cut=40)


@pytest.mark.long
def test_its_seconds_are_told_and_count(signal, affordable):
    events = run(fitter_of(signal))
    assert 0 < events[0].probing <= events[0].seconds
    assert events[-1].probing == events[0].probing
    events = run(fitter_of(signal, budget=Budget(seconds=1.0)))
    assert 0 < events[0].probing <= events[0].seconds < events[-1].seconds


@pytest.mark.long
def test_short_fits_and_published_rates_are_not_probed(signal, monkeypatch):
    monkeypatch.setattr("inr.fitting._fitter.trial_loss", None)
    for fitter in (fitter_of(signal, steps=50), fitter_of(signal, "paper")):
        events = run(fitter)
        assert fitter.choices()["rates"] == default_learning_rates(fitter.field)
        assert events[-1].probing == 0


@pytest.mark.parametrize("density", [1, 64])
@pytest.mark.long
def test_rates_of_tables_stay_as_declared_where_trials_are_sparse(signal, monkeypatch, density):
    small = functools.partial(RateProbe, steps=16, batch=64, share=10.0, least_steps=10, density=density)
    monkeypatch.setattr("inr.fitting._fitter.RateProbe", small)
    setup = Setup("hash:levels=3,log2_size=5,coarsest=2,finest=9", "relu", "mlp:depth=1,width=8", batch=90, steps=STEPS)
    fitter = Fitter(signal, setup, Budget(steps=STEPS), engine="eager", seed=1)
    probed = run(fitter)[-1].probing > 0
    assert probed == (density == 64)  # a trial sees 42 of the 480 samples
    if not probed:
        assert fitter.choices()["rates"] == default_learning_rates(fitter.field)


def test_what_a_probe_may_cost():
    probe = RateProbe()
    assert probe.affordable_batch(99, 10**9) == 0
    assert probe.affordable_batch(300, 300 * 100) == 0
    for points in (10**6, 10**7, 10**9):
        count = probe.affordable_batch(1000, points)
        assert probe.least_batch <= count <= probe.batch
        assert count * probe.steps * probe.trials <= probe.share * points


def test_the_batches_of_a_trial_see_few_samples_often():
    probe = RateProbe()
    batches = probe.batches(10_000, 256, 3, torch.device("cpu"))
    assert [len(batch.indices) for batch in batches] == [256] * probe.steps
    seen = torch.cat([batch.indices for batch in batches]).unique()
    assert len(seen) <= 256 * probe.steps // probe.epochs
    assert (seen.min() < 50, seen.max() >= 9_950) == (True, True)
    assert len(probe.batches(10, 256, 3, torch.device("cpu"))[0].indices) == 10


def test_rates_that_nobody_knows_are_refused(signal):
    with pytest.raises(InrError, match="unknown learning rate 'fast'; give a number, or one of auto, paper"):
        fitter_of(signal, "fast")
