"""EVOS: when it surveys, who survives, crossover by hand, the loss's further term, exact resuming."""

import itertools
import math

import numpy as np
import pytest
import torch

import inr
from inr import Budget, InrError, Signal
from inr.engines import plan
from inr.field import Field
from inr.fitting import make_fitter
from inr.objectives import Regression
from inr.teaching import teachers
from inr.teaching._evos import child, survey_steps
from inr.teaching._laplacian import laplacian
from tests.tables import mostly_long

SHAPE = (20, 50)
SIZE = 1000
UNIT = 127.5**2


class Residuals:
    """A scorer with given residuals, which counts what it is asked."""

    def __init__(self, residuals):
        self.scored = 0
        self.given = residuals

    def residuals(self, indices=None):
        found = self.given if indices is None else self.given[indices]
        self.scored += len(found)
        return found

    def tangent(self, residuals):
        raise AssertionError("not this teacher's")


def random(channels=3, seed=0, size=SIZE):
    return torch.randn(size, channels, generator=torch.Generator().manual_seed(seed))


def bound(spec="evos", steps=1000, batch=SIZE, seed=0):
    teacher = teachers.build(spec)
    signal = Signal.from_array(np.zeros((*SHAPE, 3), np.float32), kind="image")
    teacher.bind(signal, steps, batch, seed)
    return teacher


def step_through(teacher, scorer, steps):
    """The batches of the first steps."""
    batches = []
    for step in range(steps):
        batches.append(teacher.select(step, scorer))
        teacher.observe(batches[-1], scorer.given[batches[-1].indices])
    return batches


def highest(scores, count):
    return set(torch.argsort(scores, descending=True, stable=True)[:count].tolist())


def test_surveys_come_closer_linearly():
    assert survey_steps(40, 10, 5) == [0, 10, 18, 25, 31, 37]
    published = survey_steps(5000, 100, 50)
    gaps = [later - earlier for earlier, later in itertools.pairwise(published)]
    assert gaps == [math.floor(100 - 50 * step / 5000) for step in published[:-1]]
    assert (gaps[0], gaps[-1], len(published)) == (100, 50, 70)
    assert survey_steps(5, 100, 50) == [0]
    assert survey_steps(4, 1, 1) == [0, 1, 2, 3]


def test_the_elite_stays_between_surveys_and_mutants_are_drawn_at_every_step():
    scorer = Residuals(random())
    teacher = bound("evos:cross=false,first=10,last=10,mutation=0.4")
    batches = [batch.indices.tolist() for batch in step_through(teacher, scorer, 10)]
    assert batches[0] == list(range(SIZE))
    elite = highest(random().square().mean(1), 300)
    for indices in batches[1:]:
        assert indices == sorted(set(indices))
        assert len(indices) == 500
        assert elite <= set(indices)
    assert set(batches[1]) & set(batches[2]) != elite
    scorer.given = random(seed=1)
    later = step_through(teacher, scorer, 12)[-1].indices.tolist()
    assert highest(random(seed=1).square().mean(1), 300) <= set(later)
    assert scorer.scored == 0  # surveys took what their own steps returned


def test_mutants_are_any_of_the_others_as_often():
    draws, scorer = 600, Residuals(random())
    batches = step_through(bound(f"evos:cross=false,first={draws + 1}"), scorer, draws + 1)[1:]
    counts = sum(torch.bincount(batch.indices, minlength=SIZE) for batch in batches)
    elite = torch.zeros(SIZE, dtype=torch.bool)
    elite[list(highest(random().square().mean(1), 250))] = True
    assert (counts[elite] == draws).all()
    probability = 250 / 750
    spread = (draws * probability * (1 - probability)) ** 0.5
    assert (counts[~elite] - draws * probability).abs().max() < 5 * spread


@pytest.mark.parametrize(
    ("spec", "elite", "mutants"), [("ratio=1", 500, 500), ("mutation=1", 0, 500), ("ratio=0.001,mutation=0", 1, 0)]
)
def test_extreme_shares(spec, elite, mutants):
    batch = step_through(bound(f"evos:cross=false,{spec}"), Residuals(random()), 2)[1]
    assert len(batch.indices) == elite + mutants
    assert highest(random().square().mean(1), elite) <= set(batch.indices.tolist())


def test_the_elite_grows_with_the_schedule_and_the_mutants_stay_as_many():
    scorer = Residuals(random())
    teacher = bound("evos:cross=false,ratio=0.2,schedule=step,first=1000", steps=1000)
    errors = random().square().mean(1)
    batches = step_through(teacher, scorer, 205)
    assert len(batches[50].indices) == 200
    assert len(batches[204].indices) == 360
    assert highest(errors, 260) <= set(batches[204].indices.tolist())


def test_the_child_of_two_parents_by_hand():
    errors = torch.tensor([9.0, 8, 7, 6, 5, 1, 1, 1, 1, 1])  # 4.0 on average
    others = torch.tensor([9.0, 1, 7, 1, 1, 8, 6, 1, 1, 1])  # 3.6
    # parents {0, 1, 2, 3} and {0, 2, 5, 6}: both have {0, 2}; of two more, ⌊2 x 4 / 7.6⌋ come from {1, 3}
    assert child(errors, others, 4).nonzero().flatten().tolist() == [0, 1, 2, 5]
    assert child(errors, 3 * others, 4).nonzero().flatten().tolist() == [0, 2, 5, 6]
    assert child(errors, errors, 4).nonzero().flatten().tolist() == [0, 1, 2, 3]
    # two parents with nothing in common: ⌊3 x 30 / 40⌋ and one more
    ours, theirs = torch.tensor([10.0, 11, 9, 0, 0, 0]), torch.tensor([0.0, 0, 0, 3, 5, 2])
    assert child(ours, theirs, 3).nonzero().flatten().tolist() == [0, 1, 4]
    assert child(torch.full((4,), math.nan), ours[:4], 2).sum() == 2


def test_crossover_heeds_the_laplacian_until_its_share_of_the_steps():
    scorer = Residuals(random())
    teacher = bound("evos:first=1000,crossover=0.01,mutation=0", steps=1000)
    batches = step_through(teacher, scorer, 12)
    errors = random().square().mean(1)
    curved = 1e-5 * UNIT * laplacian(random().mean(1), SHAPE).square()
    crossed = child(errors, curved, 500).nonzero().flatten()
    plain = torch.tensor(sorted(highest(errors, 500)))
    assert not torch.equal(crossed, plain)
    assert [torch.equal(batch.indices, crossed) for batch in batches[1:]] == [True] * 9 + [False] * 2
    assert [torch.equal(batch.indices, plain) for batch in batches[1:]] == [False] * 9 + [True] * 2
    assert [batch.offsets is None for batch in batches] == [False] * 10 + [True] * 2


def test_offsets_are_the_slope_of_the_laplacians_term():
    scorer = Residuals(random())
    teacher = bound("evos:weight=0.01", steps=1000)
    survey = teacher.select(0, scorer)
    teacher.observe(survey, scorer.given)
    later = random(seed=1)
    scorer.given = later
    batch = teacher.select(1, scorer)
    for step, (given, indices) in ((survey, (random(), survey.indices)), (batch, (later, batch.indices))):
        pasted = random()
        pasted[indices] = given[indices]
        pasted.requires_grad_(True)
        term = 0.01 * UNIT * laplacian(pasted.mean(1), SHAPE).square().mean()
        slope = torch.autograd.grad(term, pasted)[0][indices]
        torch.testing.assert_close(step.offsets, slope * slope.numel() / 2, rtol=1e-4, atol=1e-4)
    assert scorer.scored == SIZE + 500


def tiny():
    samples = np.random.default_rng(0).integers(0, 255, (4, 5, 3)).astype(np.uint8)
    source = Signal.from_array(samples, kind="image")
    torch.manual_seed(0)
    return source, Field.build(source.domain, network="mlp:depth=1,width=8").double()


@pytest.mark.parametrize("batch", [20, 9])
def test_gradients_are_those_of_the_whole_loss(monkeypatch, batch):
    source, field = tiny()
    for name in ("coords", "values"):
        original = getattr(source, name)
        monkeypatch.setattr(source, name, lambda i, original=original: original(i).double())
    everything = torch.arange(20)
    targets = source.values(everything)
    engine = plan(field, Regression(source), "eager")[1]
    tensors = dict(field.named_parameters())
    scorer = Residuals(None)
    teacher = teachers.build("evos:weight=0.001,ratio=0.6")
    teacher.bind(source, 100, batch, 0)
    frozen = None
    for step in range(4):
        values = field(source.coords(everything))
        scorer.given = (values - targets).detach()
        frozen = values.detach() if step == 0 else frozen
        chosen = teacher.select(step, scorer)
        indices = chosen.indices.unique()
        pasted = frozen.index_put((indices,), values[indices])
        missed = laplacian((pasted - targets).mean(1), (4, 5))
        loss = (values - targets)[chosen.indices].square().mean() + 0.001 * UNIT * missed.square().mean()
        expected = torch.autograd.grad(loss, list(tensors.values()))
        found = engine.loss_and_grad(tensors, chosen)
        for name, gradient in zip(tensors, expected, strict=True):
            torch.testing.assert_close(found.grads[name], gradient, rtol=1e-10, atol=1e-12)
        teacher.observe(chosen, found.residuals - chosen.offsets)
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor -= 0.01 * found.grads[name]


def test_small_batches_are_surveyed_by_a_pass_and_learn_from_a_uniform_batch():
    scorer = Residuals(random())
    teacher = bound("evos:cross=false,first=5,last=5", batch=100)
    batches = step_through(teacher, scorer, 6)
    assert (batches[0].indices // 10).tolist() == list(range(100))
    assert highest(random().square().mean(1), 25) <= set(batches[1].indices.tolist())
    assert [len(batch.indices) for batch in batches] == [100, 50, 50, 50, 50, 100]
    assert scorer.scored == 2 * SIZE


def test_equal_seeds_give_equal_batches():
    chosen = [step_through(bound(seed=seed), Residuals(random()), 3)[2].indices for seed in (1, 1, 2)]
    assert torch.equal(chosen[0], chosen[1])
    assert not torch.equal(chosen[0], chosen[2])


@pytest.fixture
def signal():
    y, x = np.mgrid[0:16, 0:16] / 16
    return Signal.from_array((255 * np.stack([x, y, x * y], axis=-1)).astype(np.uint8), kind="image")


PARTS = {"encoding": "hash:levels=3,log2_size=8,finest=16", "network": "mlp:depth=1,width=16"}


@pytest.mark.parametrize("spec", ["evos:first=10,last=5,crossover=0.6", "evos:cross=false,schedule=step"])
@pytest.mark.parametrize(("batch", "cut"), mostly_long([(100, 15), (256, 15), (256, 1), (100, 1)]))
def test_resuming_goes_on_bit_for_bit(signal, resumed, spec, cut, batch):
    settings = {"budget": Budget(steps=30), "seed": 2, "teacher": spec, "batch": batch, **PARTS}
    resumed(signal, cut, **settings)


@pytest.mark.parametrize("engine", mostly_long(["cpu", "eager"]))
@pytest.mark.parametrize(
    ("spec", "batch", "scored"),
    [
        ("", 256, 2 * 256 + 10 * 128),  # of 12 steps with the Laplacian's term, 2 are surveys
        (",weight=0", 256, 0),
        (",cross=false", 256, 0),
        (",cross=false", 100, 6 * 256),
        ("", 100, 6 * 256 + 10 * 50),
    ],
)
def test_fits_count_what_they_score(signal, engine, spec, batch, scored):
    teacher = f"evos:first=10,last=5{spec}"
    fitter = make_fitter(signal, budget=Budget(steps=40), teacher=teacher, batch=batch, engine=engine, **PARTS)
    events = list(fitter.run())
    assert events[-1].scored == scored
    assert events[-1].points == 6 * batch + 34 * (batch // 2)
    assert events[-2].loss < events[1].loss


def test_a_ratio_of_one_without_crossing_is_the_plain_loop(signal, curve_of):
    curves = [
        curve_of(make_fitter(signal, budget=Budget(steps=8), teacher=teacher, batch=256, **PARTS))
        for teacher in ("uniform", "evos:ratio=1,cross=false,first=3")
    ]
    assert curves[0] == curves[1]


@pytest.mark.parametrize("shape", [(30,), (3, 4, 5), (2, 3, 4, 2)])
def test_signals_of_any_number_of_axes(shape):
    samples = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    source = Signal.from_array(samples, kind="volume")
    parts = {"encoding": "identity", "network": "mlp:depth=1,width=8", "engine": "eager"}
    field = inr.fit(source, steps=9, teacher="evos:first=4,last=4", **parts)
    assert math.isfinite(field.metrics["psnr"])


def test_scattered_samples_have_no_laplacian():
    places = np.linspace(0, 1, 50)
    source = Signal.from_samples(places, places)
    teacher = teachers.build("evos")
    with pytest.raises(InrError, match="use evos:cross=false"):
        teacher.bind(source, 10, 50, 0)
    field = inr.fit(source, steps=4, teacher="evos:cross=false", encoding="identity", network="mlp:depth=1,width=8")
    assert math.isfinite(field.metrics["psnr"])


@pytest.mark.parametrize("spec", ["ratio=0", "mutation=2", "first=0", "weight=-1", "schedule=steep", "crossover=1.5"])
def test_bad_parameters_are_refused(spec):
    with pytest.raises(InrError):
        teachers.build(f"evos:{spec}")
