"""Soft mining: particles climb the error, some start again, and weights make up for where they are."""

import numpy as np
import pytest
import torch

from inr import Budget, InrError, Signal
from inr.teaching import teachers
from inr.teaching._choice import step_generator
from inr.teaching._soft import Soft, importance

SMALL = {"encoding": "identity", "network": "mlp:depth=1,width=8"}
CALM = {"redrawn": 0.0, "restarted": 0.0, "noise": 0.0}


class Errors:
    """A scorer of a known field of errors (n, c), in values from -1 to 1."""

    def __init__(self, errors):
        self.errors = torch.as_tensor(errors, dtype=torch.float32)
        self.scored = 0

    def residuals(self, indices=None):
        self.scored += len(indices)
        return self.errors[indices]

    def tangent(self, residuals):
        raise AssertionError("not needed")


def volume(*shape):
    return Signal.from_array(np.random.default_rng(0).random(shape).astype(np.float32), kind="volume")


def edged():
    """A line of 100 samples with one edge, between 69 and 70."""
    return Signal.from_array(np.repeat([0.0, 1.0], [70, 30]).astype(np.float32), kind="volume")


def bound(source, batch=10**6, seed=0, **options):
    teacher = Soft(**options)
    teacher.bind(source, 10, batch, seed)
    return teacher


def test_a_langevin_step_by_hand():
    """Errors grow by a factor e a sample: the log of their square by 2, everywhere but at the border."""
    teacher = bound(edged(), ratio=0.2, drift=4.0, noise=0.01, redrawn=0.0, restarted=0.0)
    scorer = Errors(torch.linspace(-3, 0, 100).exp()[:, None])
    teacher.select(0, scorer)
    before = teacher.state()["particles"]
    teacher.select(1, scorer)
    noise = torch.randn(20, 1, dtype=torch.float64, generator=step_generator(0, 1, torch.device("cpu")))
    expected = before + 4.0 / 20 * 2 * (3 / 99) + 0.01 * noise
    inside = ((expected >= 0) & (expected <= 1)).squeeze(1)
    assert inside.sum() > 15
    torch.testing.assert_close(teacher.state()["particles"][inside], expected[inside], rtol=0, atol=1e-6)


def test_slopes_at_the_border_are_of_one_side_and_of_lone_samples_none():
    teacher = bound(volume(2, 1, 3), ratio=1.0)
    errors = torch.tensor([0.1, 0.2, 0.8, 0.4, 0.4, 0.4])
    logs = 2 * errors.log().view(2, 3)
    teacher.restore({})
    scorer = Errors(errors[:, None] * 2)
    teacher._uniform = lambda generator: torch.tensor(
        [[0.1, 0.5, 0.1], [0.1, 0.5, 0.5], [0.9, 0.5, 0.9], [0.1, 0.5, 0.9], [0.9, 0.5, 0.1], [0.9, 0.5, 0.5]],
        dtype=torch.float64,
    )
    batch = teacher.select(0, scorer)
    assert batch.indices.tolist() == [0, 1, 2, 3, 4, 5]
    found = teacher.state()
    torch.testing.assert_close(found["losses"], errors[[0, 1, 5, 2, 3, 4]] ** 2)
    torch.testing.assert_close(found["slopes"][0], torch.tensor([logs[1, 0] - logs[0, 0], 0, logs[0, 1] - logs[0, 0]]))
    middle = torch.tensor([logs[1, 1] - logs[0, 1], 0, (logs[0, 2] - logs[0, 0]) / 2])
    torch.testing.assert_close(found["slopes"][1], middle)
    assert scorer.scored == 6 * (1 + 2 * 3)


def test_particles_gather_where_errors_are():
    source = volume(32, 32)
    y, x = np.mgrid[0:32, 0:32] / 32
    errors = 0.02 + 0.8 * np.exp(-((x - 0.7) ** 2 + (y - 0.3) ** 2) / 0.05)
    scorer = Errors(errors.reshape(-1, 1))
    teacher = bound(source, ratio=0.25, restarted=0.0)
    for step in range(40):
        batch = teacher.select(step, scorer)
    assert scorer.errors[batch.indices].mean() > 1.5 * scorer.errors.mean()


def test_without_drift_and_noise_only_redrawn_and_restarted_particles_move():
    source = edged()
    errors = torch.rand(100, 1, generator=torch.Generator().manual_seed(5)) + 0.1
    teacher = bound(source, ratio=1.0, drift=0.0, noise=0.0)
    teacher.select(0, Errors(errors))
    before = teacher.state()
    teacher.select(1, Errors(errors))
    after = teacher.state()["particles"]
    moved = (after != before["particles"]).squeeze(1)
    assert moved[90:].all()
    restarted = moved[:90].nonzero().squeeze(1)
    assert sorted(restarted.tolist()) == sorted(before["losses"][:90].topk(10, largest=False).indices.tolist())
    # the edge has nearly all of the chance, and particles start at centres of samples
    assert set((after[restarted] * 100).round(decimals=9).squeeze(1).tolist()) == {69.5, 70.5}
    assert 0.2 < after[90:].mean() < 0.8


def test_particles_that_leave_the_box_start_again_on_edges():
    teacher = bound(edged(), ratio=1.0, drift=1e4, noise=0.0, redrawn=0.0, restarted=0.0)
    scorer = Errors(torch.linspace(-3, 0, 100).exp()[:, None])
    teacher.select(0, scorer)
    teacher.select(1, scorer)
    assert set((teacher.state()["particles"] * 100).round(decimals=9).squeeze(1).tolist()) == {69.5, 70.5}


def test_a_signal_without_edges_restarts_anywhere():
    teacher = bound(Signal.from_array(np.full(50, 3.0, np.float32), kind="volume"), ratio=1.0, restarted=1.0)
    scorer = Errors(torch.full((50, 1), 0.1))
    for step in range(2):
        batch = teacher.select(step, scorer)
    assert len(batch.indices.unique()) > 20


def test_redrawn_particles_reach_every_sample():
    """All particles are drawn uniformly: each sample is equally likely, also at the border."""
    teacher = bound(volume(5, 4), ratio=1.0, redrawn=1.0)
    scorer = Errors(torch.full((20, 1), 0.1))
    counts = torch.zeros(20)
    for step in range(1000):
        counts += torch.bincount(teacher.select(step, scorer).indices, minlength=20)
    assert (counts - 1000).abs().max() < 5 * 1000**0.5


def test_weights_by_hand():
    errors = torch.tensor([[0.5, 0.1], [0.02, 0.0], [0.2, -0.2], [0.0, 0.0], [-0.1, 0.1], [0.3, 0.3]])
    raw = torch.tensor([0.3, 0.01, 0.2, 2.0**-10, 0.1, 0.3]) ** -0.6
    most = raw.mean() + raw.std()
    assert raw.max() > most
    expected = raw.clamp(max=most)
    torch.testing.assert_close(importance(errors, 0.6), expected / expected.mean())
    assert torch.equal(importance(errors, 0.0), torch.ones(6))
    assert importance(torch.tensor([[0.3]]), 0.6).tolist() == [1.0]
    large = torch.tensor([[0.5]] * 9 + [[100.0]])
    weights = importance(large, 1.0)
    torch.testing.assert_close(weights[-1] / weights[0], torch.tensor(0.2 / 2))


def test_the_power_of_the_weights_warms_up():
    source = volume(6, 6)
    scorer = Errors(torch.rand(36, 1, generator=torch.Generator().manual_seed(0)) + 0.1)
    for step, power in ((0, 0.0), (25, 0.2), (100, 0.8), (4000, 0.8)):
        teacher = bound(source, alpha=0.8, warmup=100, **CALM)
        batch = teacher.select(step, scorer)
        torch.testing.assert_close(batch.weights, importance(scorer.errors[batch.indices] / 2, power))
        assert batch.weights.shape == batch.indices.shape == (18,)
        torch.testing.assert_close(batch.weights.mean(), torch.tensor(1.0))


@pytest.mark.parametrize(("alpha", "loss"), [(0.0, 0.03), (0.6, None), (1.0, 0.018)])
def test_a_power_of_one_and_no_other_undoes_where_particles_are(alpha, loss):
    """Nine samples in ten miss by 0.1, one by 0.3; particles stand at samples as often as these miss."""
    errors = torch.tensor([0.1] * 900 + [0.3] * 300)[:, None]
    found = (importance(errors, alpha) * errors.square().squeeze(1)).mean().item()
    assert found == pytest.approx(loss) if loss else 0.018 < found < 0.03


@pytest.mark.parametrize(("ratio", "batch", "count"), [(0.5, 10**6, 30), (0.5, 21, 10), (0.01, 60, 1)])
def test_a_step_takes_its_ratio_of_the_batch(ratio, batch, count):
    scorer = Errors(torch.rand(60, 2) + 0.1)
    teacher = bound(volume(4, 3, 5), batch=batch, ratio=ratio)
    for step in range(3):
        batch = teacher.select(step, scorer)
        assert len(batch.indices) == len(batch.weights) == count
        assert (batch.indices.diff() >= 0).all()
        assert batch.weights.isfinite().all()
    assert scorer.scored == 3 * count * 7


def test_the_same_seed_gives_the_same_particles():
    scorer = Errors(torch.rand(60, 1) + 0.1)

    def walk(seed):
        teacher = bound(volume(4, 3, 5), seed=seed)
        return [teacher.select(step, scorer).indices.tolist() for step in range(4)]

    assert walk(1) == walk(1)
    assert walk(1) != walk(2)


def test_scattered_samples_and_bad_parameters_are_refused():
    places = np.linspace(0, 1, 20)
    with pytest.raises(InrError, match="moves samples over a grid"):
        bound(Signal.from_samples(places, places))
    for spec in ("soft:ratio=0", "soft:alpha=2", "soft:warmup=0", "soft:noise=-1"):
        with pytest.raises(InrError, match="must be"):
            teachers.build(spec)


@pytest.mark.parametrize("engine", ["cpu", "eager"])
@pytest.mark.parametrize("cut", [1, 7])
def test_a_resumed_fit_goes_on_exactly(resumed, engine, cut):
    rng = np.random.default_rng(0)
    source = Signal.from_array(rng.integers(0, 255, (16, 12, 3)).astype(np.uint8), kind="image")
    options = {"teacher": "soft:ratio=0.5,warmup=5", "batch": 100, "engine": engine, "seed": 3, **SMALL}
    whole, second, _ = resumed(source, cut, budget=Budget(steps=12), **options)
    assert second._progress.scored == whole._progress.scored == 12 * 50 * 5
    assert second.points == 12 * 50
