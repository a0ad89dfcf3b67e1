"""Teaching of several learners: subsets by channel, the weights that make their loss, and communication."""

import numpy as np
import pytest
import torch

import inr.teaching._mint  # noqa: F401  (registers the teacher)
from inr import Budget, InrError, Signal
from inr.engines import Batch
from inr.fitting import make_fitter
from inr.objectives import Regression
from inr.teaching import communication_matrix, teachers
from tests.tables import mostly_long

PARTS = {"encoding": "hash:levels=3,log2_size=8,finest=16", "network": "mlp:depth=1,width=16"}


class FakeScorer:
    """Residuals that are given, whatever the weights."""

    def __init__(self, residuals):
        self.given = torch.as_tensor(residuals, dtype=torch.float32)
        self.scored = 0

    def residuals(self, indices=None):
        found = self.given if indices is None else self.given[indices]
        self.scored += len(found)
        return found.clone()

    def tangent(self, residuals):
        raise NotImplementedError


def random_signal(size, channels, seed=0):
    values = np.random.default_rng(seed).random((size, channels), dtype=np.float32)
    return Signal.from_samples(np.linspace(0, 1, size), values)


def bound(spec, source, *, batch=10**9, seed=0):
    teacher = teachers.build(spec)
    teacher.bind(source, 1000, batch, seed)
    return teacher


@pytest.fixture
def picture():
    y, x = np.mgrid[0:16, 0:16] / 16
    return Signal.from_array((255 * np.stack([x, y, x * y], axis=-1)).astype(np.uint8), kind="image")


def test_every_channel_chooses_its_own():
    residuals = [[0.9, 0.0], [0.1, -0.8], [-0.8, 0.1], [0.0, 0.2], [0.3, 0.7]]
    batch = bound("mint:ratio=0.4", random_signal(5, 2)).select(0, FakeScorer(residuals))
    assert batch.indices.tolist() == [0, 1, 2, 4]
    assert batch.weights.tolist() == [[2, 0], [0, 2], [2, 0], [0, 2]]


def test_channels_that_agree_need_no_weights():
    batch = bound("mint:ratio=0.4", random_signal(5, 2)).select(
        0, FakeScorer([[1.0, -2], [0, 0], [3, 4], [0, 0], [0, 1]])
    )
    assert batch.indices.tolist() == [0, 2]
    assert batch.weights is None


@pytest.mark.parametrize("mix", [0, 0.5])
def test_the_loss_is_the_mean_over_channels_of_that_of_their_subsets(mix):
    source = random_signal(200, 3)
    residuals = torch.randn(200, 3, generator=torch.Generator().manual_seed(1))
    batch = bound(f"mint:ratio=0.2,mix={mix}", source).select(0, FakeScorer(residuals))
    chosen = batch.weights > 0
    assert chosen.sum(0).tolist() == [40, 40, 40]
    assert chosen.any(1).all()
    loss = Regression(source).loss(residuals[batch.indices], batch)
    own = [residuals[batch.indices][chosen[:, j], j].square().mean() for j in range(3)]
    torch.testing.assert_close(loss, torch.stack(own).mean())
    if not mix:
        tops = [residuals[:, j].abs().topk(40).values.square().mean() for j in range(3)]
        torch.testing.assert_close(loss, torch.stack(tops).mean())


@pytest.mark.parametrize("engine", ["cpu", "eager"])
def test_engines_weigh_values_as_teachers_mean_it(picture, engine):
    parts = {"teacher": "mint:ratio=0.1", "engine": engine, "batch": 256}
    fitter = make_fitter(picture, budget=Budget(steps=1), lattice_only=True, **parts, **PARTS)
    missed = fitter._scorer.residuals()
    own = [missed[:, j].abs().topk(25).values.square().mean() for j in range(3)]
    loss = next(event.loss for event in fitter.run() if event.kind == "step")
    assert loss == pytest.approx(torch.stack(own).mean().item(), rel=1e-5)


def test_random_samples_are_shared_as_far_as_they_can_be():
    residuals = torch.randn(1000, 3, generator=torch.Generator().manual_seed(1))
    batch = bound("mint:ratio=0.1,mix=1", random_signal(1000, 3)).select(0, FakeScorer(residuals))
    assert len(batch.indices) == 100
    assert batch.weights is None
    batch = bound("mint:ratio=0.1,mix=0.5", random_signal(1000, 3)).select(0, FakeScorer(residuals))
    assert 3 * 50 <= len(batch.indices) <= 3 * 50 + 50 + 20


@pytest.mark.parametrize(
    "options", ["", "ratio=0.6,schedule=cosine,interval=dense2", "mix=0.4", "interval=decremental"]
)
@pytest.mark.parametrize("batch", [80, 33])
@pytest.mark.parametrize("communication", ["true", "false"])
def test_with_one_channel_it_is_the_teacher_of_one(options, batch, communication):
    source = random_signal(80, 1)
    one = bound(f"int:{options}" if options else "int", source, batch=batch)
    many = bound("mint:" + ",".join(filter(None, [options, f"communication={communication}"])), source, batch=batch)
    generator = torch.Generator().manual_seed(0)
    for step in range(0, 1000, 7):
        scorer = FakeScorer(torch.randn(80, 1, generator=generator))
        a = one.select(step, scorer)
        scored = scorer.scored
        b = many.select(step, scorer)
        assert torch.equal(a.indices, b.indices)
        assert a.weights is b.weights is None
        assert scorer.scored == 2 * scored


def published(predictions, targets, steps):
    """A as the paper's authors fit it: by gradient descent through the division by the rows' sums."""
    raw = torch.eye(len(predictions.T), dtype=torch.float64, requires_grad=True)
    last = torch.inf
    for _ in range(steps):
        norm = torch.linalg.norm(predictions @ (raw / raw.sum(1, keepdim=True)).T - targets)
        if norm > last:
            break
        last = norm.detach()
        raw.data -= 1e-4 * torch.autograd.grad(norm, raw)[0]
    return (raw / raw.sum(1, keepdim=True)).detach()


@pytest.mark.long
def test_communication_is_as_published():
    channels = 3
    generator = torch.Generator().manual_seed(3)
    targets = torch.rand(60, channels, generator=generator)
    mixing = torch.eye(channels) + 0.4 * torch.rand(channels, channels, generator=generator)
    predictions = targets @ (mixing / mixing.sum(1, keepdim=True)).T + 0.05 * torch.rand(
        60, channels, generator=generator
    )
    found = communication_matrix(2 * predictions - 1, 2 * (predictions - targets))  # [0, 1] to [-1, 1]
    expected = published(predictions.double(), targets.double(), 5000)
    assert (expected - torch.eye(channels)).abs().max() > 0.1
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.sum(1), torch.ones(channels))
    before, after = (torch.linalg.norm(predictions @ a.T - targets) for a in (torch.eye(channels), found))
    assert after < before


def test_nothing_is_communicated_where_nothing_is_missed():
    predictions = torch.rand(50, 3) * 2 - 1
    assert torch.equal(communication_matrix(predictions, torch.zeros(50, 3)), torch.eye(3))
    assert torch.equal(communication_matrix(predictions, torch.full((50, 3), torch.nan)), torch.eye(3))


def test_communication_chooses_by_what_channels_miss_together_in_the_first_100_steps():
    source = random_signal(60, 2)
    values = source.values(torch.arange(60))
    swapped = (
        values.flip(1) * 0.6 + values * 0.4 + 0.01 * torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    )
    residuals = swapped - values
    teacher = bound("mint:ratio=0.1,schedule=constant,communication=true", source)
    expected = (swapped @ communication_matrix(swapped, residuals).T - values).abs()
    for step, scores in ((99, expected), (100, residuals.abs())):
        batch = teacher.select(step, FakeScorer(residuals))
        union = torch.cat([scores[:, j].topk(6).indices for j in range(2)]).unique()
        assert torch.equal(batch.indices, union)


@pytest.mark.parametrize("engine", ["cpu", "eager"])
def test_all_samples_make_the_plain_loop_bit_for_bit(picture, engine):
    curves = []
    for teacher in ("uniform", "mint:ratio=1,communication=true"):
        fitter = make_fitter(picture, teacher=teacher, budget=Budget(steps=20), batch=256, engine=engine, **PARTS)
        curves.append([event.loss for event in fitter.run() if event.kind == "step"])
    assert curves[0] == curves[1]
    assert fitter._progress.scored == 0


@pytest.mark.parametrize(("engine", "batch"), mostly_long([("cpu", 100), ("eager", 256), ("cpu", 256)]))
def test_resume_gives_the_same_curve_bit_for_bit(picture, resumed, engine, batch):
    teacher = "mint:communication=true,mix=0.2,schedule=linear"
    options = {"budget": Budget(steps=60), "seed": 2, "teacher": teacher, "batch": batch, "engine": engine, **PARTS}
    resumed(picture, 37, **options)  # between two selections


def test_state_is_what_restore_takes():
    source = random_signal(50, 3)
    residuals = torch.randn(50, 3, generator=torch.Generator().manual_seed(1))
    teacher, other = bound("mint", source), bound("mint", source)
    chosen = teacher.select(0, FakeScorer(residuals))
    other.restore(teacher.state())
    again: Batch = other.select(251, FakeScorer(residuals))  # which does not select
    assert torch.equal(again.indices, chosen.indices)
    assert torch.equal(again.weights, chosen.weights)


def test_bad_parameters_are_refused_with_the_reason():
    with pytest.raises(InrError, match="ratio must be > 0 and <= 1, got 0"):
        teachers.build("mint:ratio=0")
    with pytest.raises(InrError, match="communication must be true or false"):
        teachers.build("mint:communication=3")
