"""Nonparametric teaching: exact selections, stale subsets, pools, what it costs, and going on exactly."""

import math

import numpy as np
import pytest
import torch

import inr.teaching._int  # noqa: F401  (registers the teacher)
from inr import Budget, InrError, Signal
from inr.fitting import make_fitter
from inr.teaching import teachers
from inr.teaching._choice import largest
from tests.tables import mostly_long

SIREN = {"encoding": "identity", "activation": "sine", "network": "mlp:depth=1,width=16"}
HASH = {"encoding": "hash:levels=3,log2_size=8,finest=16", "network": "mlp:depth=1,width=16"}


class FakeScorer:
    """Residuals that are given, whatever the weights."""

    def __init__(self, residuals):
        self.given = torch.tensor(residuals, dtype=torch.float32).reshape(len(residuals), -1)
        self.scored = 0

    def residuals(self, indices=None):
        found = self.given if indices is None else self.given[indices]
        self.scored += len(found)
        return found.clone()

    def tangent(self, residuals):
        raise NotImplementedError


def bound(spec, size, *, batch=10**9, steps=1000, seed=0, channels=1):
    teacher = teachers.build(spec)
    values = np.random.default_rng(0).random((size, channels), dtype=np.float32)
    teacher.bind(Signal.from_samples(np.linspace(0, 1, size), values), steps, batch, seed)
    return teacher


@pytest.fixture
def signal():
    y, x = np.mgrid[0:16, 0:16] / 16
    return Signal.from_array((255 * np.stack([x, y, x * y], axis=-1)).astype(np.uint8), kind="image")


def test_the_largest_residuals_are_chosen():
    teacher = bound("int:ratio=0.5", 4)
    batch = teacher.select(0, FakeScorer([0.1, -0.9, 0.5, 0.3]))
    assert batch.indices.tolist() == [1, 2]
    assert batch.weights is None


def test_channels_add_up():
    batch = bound("int:ratio=0.4", 3, channels=2).select(0, FakeScorer([[0.6, 0.0], [-0.5, 0.5], [0.0, 0.9]]))
    assert batch.indices.tolist() == [1]


@pytest.mark.parametrize("count", [1, 3, 5, 9, 10])
def test_of_equal_scores_the_first_are_taken(count):
    scores = torch.tensor([1.0, 2, 1, 2, 2, 0, 1, 2, 0, 1])
    by_score = sorted(range(10), key=lambda i: (-scores[i].item(), i))
    assert largest(scores, count).nonzero().flatten().tolist() == sorted(by_score[:count])


def test_numbers_that_are_none_count_as_the_largest():
    scores = torch.tensor([1.0, math.nan, 3.0, math.inf, 2.0])
    assert largest(scores, 1).tolist() == [False, True, False, False, False]
    assert largest(scores, 3).tolist() == [False, True, True, True, False]


@pytest.mark.parametrize("size", [5, 49, 100, 1000])
def test_a_ratio_less_than_1_by_one_sample_drops_the_smallest_residual(size):
    scores = np.random.default_rng(size).permutation(size) - size / 2 + 0.2
    batch = bound({"name": "int", "ratio": 1 - 1 / size, "schedule": "constant"}, size).select(0, FakeScorer(scores))
    dropped = int(np.abs(scores).argmin())
    assert batch.indices.tolist() == [i for i in range(size) if i != dropped]


def test_at_least_one_sample_is_chosen():
    assert bound("int:ratio=0.001", 5).select(0, FakeScorer([1, 2, 5, 4, 3])).indices.tolist() == [2]


def test_between_selections_the_subset_and_its_size_stay():
    size = 100
    teacher = bound("int:ratio=0.2,schedule=linear,interval=dense2", size, steps=10)
    scorer = FakeScorer(range(1, size + 1))
    for step, expected in enumerate((20, 20, 36, 36, 52, 52, 68, 68, 84, 84)):
        if step % 2:
            scorer.given = scorer.given.flip(0)
        batch = teacher.select(step, scorer)
        first = size - expected if step % 4 < 2 else 0
        assert batch.indices.tolist() == list(range(first, first + expected))
    assert scorer.scored == 5 * size


def test_void_is_no_selection():
    teacher = bound("int:interval=void", 7)
    scorer = FakeScorer(range(7))
    assert [teacher.select(step, scorer).indices.tolist() for step in range(3)] == [list(range(7))] * 3
    assert scorer.scored == 0


def test_a_fit_that_is_measured_first_leaves_no_subset():
    teacher = bound("int:ratio=0.5,interval=decremental", 4)
    teacher.select(0, FakeScorer([1, 2, 3, 4]))
    assert teacher.state()["indices"].tolist() == [2, 3]
    teacher.bind(Signal.from_array(np.arange(4.0)), 1000, 4, 0)
    assert teacher.state() == {}


def test_a_smaller_batch_is_the_pool_that_is_chosen_from():
    size, pool = 1000, 50
    teacher = bound("int:ratio=0.2,interval=dense", size, batch=pool, seed=3)
    uniform = bound("uniform", size, batch=pool, seed=3)
    scores = np.random.default_rng(1).random(size)
    scorer = FakeScorer(scores)
    seen = []
    for step in range(4):
        drawn = uniform.select(step).indices
        best = drawn[torch.from_numpy(scores)[drawn].argsort(descending=True)[:10]].sort().values
        seen.append(teacher.select(step, scorer).indices)
        assert torch.equal(seen[-1], best)
    assert scorer.scored == 4 * pool
    assert not torch.equal(seen[0], seen[1])


def test_all_of_a_small_pool_is_a_plain_mini_batch():
    teacher = bound("int:ratio=1", 1000, batch=50)
    uniform = bound("uniform", 1000, batch=50)
    scorer = FakeScorer(range(1000))
    for step in range(300, 310):  # most of which don't select
        assert torch.equal(teacher.select(step, scorer).indices, uniform.select(step).indices)
    assert scorer.scored == 0


def test_a_mixed_subset_holds_random_samples_besides_the_largest():
    size, steps = 100, 400
    teacher = bound("int:ratio=0.2,mix=0.75,schedule=constant,interval=dense", size, steps=steps)
    scorer = FakeScorer(range(size))
    counts = torch.zeros(size)
    for step in range(steps):
        indices = teacher.select(step, scorer).indices
        assert len(indices) == 20
        assert (indices.diff() > 0).all()
        counts += torch.bincount(indices, minlength=size)
    assert (counts[95:] == steps).all()
    expected = steps * 15 / 95
    # 5 standard deviations of a binomial count
    assert (counts[:95] - expected).abs().max() < 5 * (expected * 80 / 95) ** 0.5


def test_the_random_samples_are_a_function_of_seed_and_step():
    scorer = FakeScorer(range(100))

    def chosen(seed, step):
        return bound("int:ratio=0.3,mix=0.5,interval=dense", 100, seed=seed).select(step, scorer).indices

    assert torch.equal(chosen(1, 4), chosen(1, 4))
    assert not torch.equal(chosen(1, 4), chosen(1, 5))
    assert not torch.equal(chosen(1, 4), chosen(2, 4))
    assert len(chosen(2**32 - 1, 4)) == 30


def test_random_samples_alone_cost_no_scoring():
    scorer = FakeScorer(range(100))
    batch = bound("int:ratio=0.2,mix=1", 100).select(0, scorer)
    assert len(batch.indices) == 20
    assert scorer.scored == 0


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("int:ratio=0", "ratio must be > 0 and <= 1, got 0"),
        ("int:ratio=1.01", "ratio must be > 0 and <= 1"),
        ("int:mix=1.5", "mix must be 0 to 1, got 1.5"),
        ("int:schedule=wave", "schedule must be one of constant, linear, step, cosine, reverse-cosine"),
        ("int:interval=often", "interval must be one of dense, dense2, incremental, decremental, void"),
        ("int:rate=0.2", "no parameter 'rate'; did you mean 'ratio'"),
    ],
)
def test_bad_parameters_are_refused_with_the_reason(spec, reason):
    with pytest.raises(InrError, match=reason):
        teachers.build(spec)


@pytest.mark.parametrize("engine", ["cpu", "eager"])
@pytest.mark.parametrize("batch", mostly_long([100, 256]))
def test_all_samples_make_the_plain_loop_bit_for_bit(signal, curve_of, engine, batch):
    def fitted(teacher):
        fitter = make_fitter(signal, teacher=teacher, budget=Budget(steps=30), engine=engine, batch=batch, **HASH)
        curve = curve_of(fitter)
        return curve, fitter.field.state_dict(), fitter._progress.scored

    plain = fitted("uniform")
    for teacher in ("int:ratio=1", "int:interval=void"):
        curve, weights, scored = fitted(teacher)
        assert curve == plain[0]
        assert all(torch.equal(tensor, plain[1][name]) for name, tensor in weights.items())
        assert scored == 0


@pytest.mark.parametrize("engine", ["cpu", "eager"])
def test_a_fit_learns_from_the_samples_that_it_misses_most(signal, engine):
    parts = {"teacher": "int:ratio=0.25,schedule=constant,interval=dense", "engine": engine, "batch": 10**6}
    fitter = make_fitter(signal, budget=Budget(steps=3), lattice_only=True, **parts, **SIREN)
    chosen, kept = [], fitter._teacher.select

    def watched(step, scorer):
        field, everything = fitter.field, torch.arange(256)
        scores = (field(signal.coords(everything)) - signal.values(everything)).abs().sum(1)
        batch = kept(step, scorer)
        chosen.append(len(batch.indices))
        others = torch.ones(256, dtype=torch.bool)
        others[batch.indices] = False
        assert scores[batch.indices].min() > scores[others].max() - 1e-4  # engines agree to that
        return batch

    fitter._teacher.select = watched
    last = list(fitter.run())[-1]
    assert chosen == [64, 64, 64]
    assert last.points == 3 * 64
    assert last.scored == 3 * 256


def test_a_scattered_signal_is_taught():
    places = np.random.default_rng(0).random((300, 3))
    source = Signal.from_samples(places, places**2)
    fitter = make_fitter(source, teacher="int", budget=Budget(steps=40), batch=200, **SIREN)
    events = list(fitter.run())
    assert events[-1].scored == 12 * 200  # steps 0 to 9, 10 and 20; later periods hold no multiple of theirs
    assert events[-2].loss < events[1].loss


@pytest.mark.parametrize(
    ("engine", "batch", "teacher"),
    mostly_long(
        [
            ("cpu", 100, "int:mix=0.3,schedule=linear"),
            ("eager", 100, "int:ratio=0.8,schedule=cosine,interval=decremental"),
            ("cpu", 256, "int:mix=0.3,schedule=linear"),
            ("cpu", 256, "int:ratio=0.8,schedule=cosine,interval=decremental"),
        ],
        2,
    ),
)
def test_resume_gives_the_same_curve_bit_for_bit(signal, resumed, engine, teacher, batch):
    options = {"budget": Budget(steps=60), "seed": 2, "teacher": teacher, "batch": batch, "engine": engine, **HASH}
    for cut in (1, 37):  # 37: between two selections
        whole, second, _ = resumed(signal, cut, **options)
        assert second._progress.scored == whole._progress.scored


def test_what_is_chosen_is_where_the_signal_is_hard():
    samples = np.full((64, 64), 128, np.uint8)
    samples[20:34, 30:45] = np.random.default_rng(0).integers(0, 256, (14, 15))  # 5 % of the picture
    source = Signal.from_array(samples, kind="image")
    parts = {"network": "mlp:depth=2,width=32", "activation": "sine", "encoding": "identity"}
    fitter = make_fitter(source, teacher="int", budget=Budget(steps=100), batch=4096, engine="cpu", **parts)
    list(fitter.run())
    missed = fitter._scorer.residuals().abs().sum(1)
    assert missed[largest(missed, 4096 // 5)].mean() > 2 * missed.mean()
