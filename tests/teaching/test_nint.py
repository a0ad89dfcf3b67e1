"""NINT: shares of the mixture, which scores decide, when they are renewed, and exact resuming."""

import math

import numpy as np
import pytest
import torch

import inr
from inr import Budget, InrError, Signal
from inr.engines import Batch, plan
from inr.field import Field
from inr.fitting import FieldScorer, make_fitter
from inr.objectives import Regression
from inr.teaching import teachers
from inr.teaching._nint import tangent_scores, tangent_share
from tests.tables import mostly_long

SIZE = 1000


class Scores:
    """A scorer with given residuals and tangent products, which counts how often it is asked."""

    def __init__(self, residuals, products):
        self.scored, self.passes, self.tangents = 0, 0, 0
        self._residuals, self._products = residuals, products

    def residuals(self, indices=None):
        self.passes += 1
        return self._residuals if indices is None else self._residuals[indices]

    def tangent(self, residuals):
        assert torch.equal(residuals, self._residuals)
        self.tangents += 1
        return self._products


def random(channels=2, seed=0):
    return torch.randn(SIZE, channels, generator=torch.Generator().manual_seed(seed))


def bound(spec="nint", steps=100, batch=SIZE, seed=0):
    teacher = teachers.build(spec)
    teacher.bind(Signal.from_array(np.zeros(SIZE, np.float32)), steps, batch, seed)
    return teacher


def top(scores, count, without=()):
    left = [i for i in torch.argsort(scores, descending=True, stable=True).tolist() if i not in set(without)]
    return left[:count]


def test_the_first_selection_takes_the_best_of_both_scores_and_draws_the_rest():
    scorer = Scores(random(), random(seed=1))
    indices = bound().select(0, scorer).indices.tolist()
    assert indices == sorted(set(indices))
    assert len(indices) == 200
    influential = top(random(seed=1).square().sum(1), math.floor(60 * math.exp(-1)))  # 22
    missed = top(random().abs().sum(1), 60 - len(influential), influential)
    assert set(influential) | set(missed) <= set(indices)
    assert (scorer.passes, scorer.tangents) == (1, 1)


def test_uniform_samples_are_any_of_the_others_as_often():
    scorer = Scores(random(), random(seed=1))
    teacher = bound("nint:tangent=false")
    guided = torch.zeros(SIZE, dtype=torch.bool)
    guided[top(random().abs().sum(1), 60)] = True
    draws = 600
    counts = sum(torch.bincount(teacher.select(step, scorer).indices, minlength=SIZE) for step in range(draws))
    assert (counts[guided] == draws).all()
    probability = 140 / 940
    spread = (draws * probability * (1 - probability)) ** 0.5
    assert (counts[~guided] - draws * probability).abs().max() < 5 * spread


@pytest.mark.parametrize(
    ("counter", "share"),
    [(1, math.exp(-1)), (10, math.exp(-1)), (11, math.exp(-2)), (20, math.exp(-2)), (50, math.exp(-5)), (51, 0.0)],
)
def test_the_tangent_kernels_share_dies_away(counter, share):
    assert tangent_share(counter) == share


def test_tangent_scores_are_renewed_at_six_selections_and_end():
    scorer = Scores(random(), random(seed=1))
    teacher, renewed = bound(steps=100), []
    influential = top(random(seed=1).square().sum(1), SIZE)
    missed = top(random().abs().sum(1), 60)
    for step in range(80):
        before = scorer.tangents
        indices = set(teacher.select(step, scorer).indices.tolist())
        if scorer.tangents > before:
            renewed.append(step + 1)
        share = math.floor(60 * tangent_share(step + 1))
        assert set(influential[:share]) <= indices
        assert set(top(random().abs().sum(1), 60 - share, influential[:share])) <= indices
        assert step < 50 or set(missed) <= indices
    assert renewed == [1, 10, 20, 30, 40, 50]
    assert scorer.passes == 80
    assert teacher.state().keys() == {"counter", "subset"}


def test_without_the_tangent_kernel_it_is_what_it_becomes_after_fifty_selections():
    scorer = Scores(random(), random(seed=1))
    plain, full = bound("nint:tangent=false"), bound()
    for step in range(60):
        mixture, batch = plain.select(step, scorer), full.select(step, scorer)
        same = torch.equal(mixture.indices, batch.indices)
        assert same if step >= 50 else (step > 20 or not same)
    assert scorer.tangents == 6


def test_between_selections_the_subset_stays():
    scorer = Scores(random(), random(seed=1))
    teacher = bound("nint:interval=incremental,schedule=linear")
    batches = [teacher.select(step, scorer).indices for step in range(100)]
    assert scorer.passes == 25 + 4  # every step below 25, and 30, 40, 60 and 80
    assert torch.equal(batches[31], batches[30])
    assert [len(batch) for batch in batches[:3]] == [200, 208, 216]


def test_decremental_is_dense_in_the_last_quarter():
    scorer = Scores(random(), random(seed=1))
    teacher = bound("nint:interval=decremental", steps=1000)
    asked = []
    for step in range(1000):
        before = scorer.passes
        teacher.select(step, scorer)
        if scorer.passes > before:
            asked.append(step)
    assert asked[:2] == [0, 90]
    assert [step for step in asked if step >= 740] == [740, *range(750, 1000)]


def test_cached_selections_go_by_what_steps_returned():
    scorer = Scores(random(), random(seed=1))
    teacher = bound("nint:tangent=false,cached=true")
    known = random().abs().sum(1)
    for step in range(20):
        batch = teacher.select(step, scorer)
        assert set(top(known, 60)) <= set(batch.indices.tolist())
        seen = random(seed=10 + step)[batch.indices] / 2
        teacher.observe(batch, seen)
        known[batch.indices] = seen.abs().sum(1)
    assert scorer.passes == 1
    mixed = bound("nint:cached=true")
    for step in range(60):
        mixed.observe(mixed.select(step, scorer), random()[:200])
    assert (scorer.passes, scorer.tangents) == (7, 6)


def test_small_batches_choose_from_the_whole_signal():
    scorer = Scores(random(), random(seed=1))
    for batch, size in ((100, 20), (3, 1), (1, 1)):
        assert len(bound(batch=batch).select(0, scorer).indices) == size
    assert set(top(random().abs().sum(1), 6)) <= set(
        bound("nint:tangent=false", batch=100).select(0, scorer).indices.tolist()
    )


def test_all_samples_need_no_scores():
    scorer = Scores(random(), random(seed=1))
    assert bound("nint:ratio=1").select(0, scorer).indices.tolist() == list(range(SIZE))
    assert len(bound("nint:uniform=1").select(0, scorer).indices) == 200
    assert scorer.passes == 0
    chosen = bound("nint:uniform=0,tangent=false").select(0, scorer).indices.tolist()
    assert chosen == sorted(top(random().abs().sum(1), 200))


def test_equal_seeds_and_steps_give_equal_batches():
    scorer = Scores(random(), random(seed=1))
    chosen = [bound(seed=seed).select(step, scorer).indices.tolist() for seed, step in ((1, 4), (1, 4), (2, 4), (1, 5))]
    assert chosen[0] == chosen[1]
    assert chosen[0] != chosen[2]
    assert chosen[0] != chosen[3]


def test_a_fit_that_is_breaking_is_left_to_break():
    broken = random()
    broken[7] = math.nan
    assert 7 in bound("nint:tangent=false").select(0, Scores(broken, broken)).indices.tolist()


def test_tangent_scores_are_those_of_the_explicit_matrix(monkeypatch):
    samples = np.random.default_rng(0).integers(0, 255, (5, 4, 2)).astype(np.uint8)
    source = Signal.from_array(samples, kind="image", channels_last=True)
    torch.manual_seed(0)
    field = Field.build(source.domain, network="mlp:depth=2,width=8")
    scorer = FieldScorer(field, source, plan(field, Regression(source), "eager")[1])
    teacher = teachers.build("nint:ratio=0.5,uniform=0.4")
    teacher.bind(source, 10, 20, 0)
    field.double()
    monkeypatch.setattr(
        source, "blocks", lambda block, original=source.blocks: ((x.double(), y.double()) for x, y in original(block))
    )
    everything = torch.arange(20)
    values = field(source.coords(everything).double())
    residuals = (values - source.values(everything)).detach()
    monkeypatch.setattr(scorer, "residuals", lambda: residuals)
    parameters = list(field.parameters())
    rows = [torch.autograd.grad(v, parameters, retain_graph=True) for v in values.flatten()]
    jacobian = torch.stack([torch.cat([g.flatten() for g in row]) for row in rows])
    expected = (jacobian @ (jacobian.T @ residuals.flatten())).view(20, 2).square().sum(1)
    torch.testing.assert_close(tangent_scores(scorer, residuals), expected, rtol=1e-9, atol=1e-9)
    influential = top(expected, 2)  # 10 samples, 6 of them not uniform, a share of 1/e of those
    missed = top(residuals.abs().sum(1), 4, influential)
    assert set(influential) | set(missed) <= set(teacher.select(0, scorer).indices.tolist())


@pytest.fixture
def signal():
    y, x = np.mgrid[0:16, 0:16] / 16
    return Signal.from_array((255 * np.stack([x, y, x * y], axis=-1)).astype(np.uint8), kind="image")


PARTS = {"encoding": "hash:levels=3,log2_size=8,finest=16", "network": "mlp:depth=1,width=16"}


@pytest.mark.parametrize("spec", ["nint", "nint:cached=true", "nint:interval=incremental,schedule=step"])
@pytest.mark.parametrize("cut", mostly_long([27, 1]))
def test_resuming_goes_on_bit_for_bit(signal, resumed, spec, cut):
    settings = {"budget": Budget(steps=40), "seed": 2, "teacher": spec, "batch": 256, **PARTS}
    resumed(signal, cut, **settings)


@pytest.mark.parametrize("engine", ["cpu", "eager"])
def test_fits_count_what_they_score(signal, engine):
    fitter = make_fitter(signal, budget=Budget(steps=12), teacher="nint", batch=256, engine=engine, **PARTS)
    last = list(fitter.run())[-1]
    assert last.scored == 12 * 256 + 2 * 3 * 256
    assert last.points == 12 * 51


def test_scattered_samples_and_sounds():
    places = np.linspace(0, 1, 50)
    for source in (Signal.from_samples(places, places), Signal.from_array(places, kind="audio", sample_rate=50)):
        field = inr.fit(source, steps=4, teacher="nint", encoding="identity", network="mlp:depth=1,width=8")
        assert math.isfinite(field.metrics["psnr"])


@pytest.mark.parametrize("spec", ["nint:ratio=0", "nint:uniform=1.1", "nint:interval=void", "nint:schedule=steep"])
def test_bad_parameters_are_refused(spec):
    with pytest.raises(InrError):
        teachers.build(spec)


def test_observing_before_anything_is_known():
    teacher = bound("nint:cached=true,ratio=1")
    teacher.observe(Batch(torch.arange(3)), random()[:3])
    assert teacher.state().keys() == {"counter"}
