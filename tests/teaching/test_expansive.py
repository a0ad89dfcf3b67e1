"""Expansive supervision: edges in every batch, the rest uniform."""

import itertools

import numpy as np
import pytest
import torch

from inr import Budget, InrError, Signal
from inr.fitting import make_fitter
from inr.teaching import teachers
from inr.teaching._choice import drawn_from, step_generator
from inr.teaching._expansive import Expansive
from tests.tables import mostly_long

SMALL = {"encoding": "identity", "network": "mlp:depth=1,width=8"}


def signal():
    """A picture of 40 x 32 with a square in it and noise on it."""
    samples = np.random.default_rng(0).integers(0, 20, (40, 32))
    samples[10:30, 8:24] += 200
    return Signal.from_array(samples.astype(np.uint8), kind="image")


def bound(source=None, batch=10**6, seed=0, **options):
    teacher = Expansive(**options)
    teacher.bind(source or signal(), 10, batch, seed)
    return teacher


def test_edges_are_in_every_batch_and_the_rest_is_new():
    teacher = bound(ratio=0.4, edges=0.5)
    edges = set(teacher._edges.tolist())
    assert len(edges) == 256
    batches = [teacher.select(step).indices for step in range(20)]
    for indices in batches:
        assert len(indices) == 512
        assert (indices.diff() > 0).all()  # sorted, none twice
        assert edges <= set(indices.tolist())
    seen = torch.bincount(torch.cat(batches), minlength=1280)
    others = teacher._others
    assert len(others) == 1280 - 256
    assert seen[others].float().mean() == 20 * 256 / 1024
    assert (seen[others] < 20).all()


@pytest.mark.parametrize(("ratio", "batch", "count"), [(0.5, 1280, 640), (0.3, 100, 30), (0.001, 50, 1), (1.0, 99, 99)])
def test_a_step_takes_its_ratio_of_the_batch(ratio, batch, count):
    indices = bound(ratio=ratio, batch=batch).select(0).indices
    assert len(indices) == len(indices.unique()) == count


def test_a_small_batch_draws_its_edges_anew():
    teacher = bound(batch=200)
    edges = teacher._edges
    assert len(edges) == 320
    shares = [torch.isin(teacher.select(step).indices, edges).sum().item() for step in range(12)]
    assert set(shares) == {50}
    seen = torch.cat([teacher.select(step).indices for step in range(60)]).unique()
    assert torch.isin(edges, seen).float().mean() > 0.99


def test_ratio_one_is_the_whole_signal_in_order():
    teacher = bound(ratio=1.0)
    assert torch.equal(teacher.select(3).indices, torch.arange(1280))


@pytest.mark.parametrize(("edges", "expected"), [(0.0, 0), (0.25, 160), (1.0, 640)])
def test_the_share_of_edges(edges, expected):
    teacher = bound(edges=edges)
    assert len(teacher._edges) == expected
    assert len(teacher.select(0).indices) == 640


def test_a_signal_without_edges_is_drawn_from_uniformly():
    flat = Signal.from_array(np.full((20, 20), 9, np.uint8), kind="image")
    teacher = bound(flat)
    indices = [teacher.select(step).indices for step in range(2)]
    assert [len(each) for each in indices] == [200, 200]
    assert not torch.equal(*indices)


@pytest.mark.parametrize("kind", ["audio", "volume"])
def test_sounds_and_volumes(kind):
    samples = np.zeros(512, np.float32)
    samples[200:300] = 1
    options = {"sample_rate": 8000} if kind == "audio" else {}
    source = Signal.from_array(samples if kind == "audio" else samples.reshape(8, 8, 8), kind=kind, **options)
    indices = bound(source).select(1).indices
    assert len(indices) == len(indices.unique()) == 256
    if kind == "audio":
        assert {199, 200, 299, 300} <= set(indices.tolist())


def test_the_same_seed_and_step_give_the_same_batch():
    first, again, other = bound(seed=1), bound(seed=1), bound(seed=2)
    assert torch.equal(first.select(4).indices, again.select(4).indices)
    assert not torch.equal(first.select(4).indices, first.select(5).indices)
    assert not torch.equal(first.select(4).indices, other.select(4).indices)


@pytest.mark.parametrize(("size", "count"), mostly_long([(30, 20), (97, 13), (50, 49), (7, 1)]))
def test_every_member_is_equally_likely(size, count):
    population = torch.arange(size) * 3
    draws = 1500
    counts = torch.zeros(size)
    for step in range(draws):
        drawn = drawn_from(population, count, step_generator(0, step, population.device))
        assert len(drawn.unique()) == count
        counts += torch.bincount(drawn // 3, minlength=size)
    # 5 standard deviations of a binomial count
    spread = (draws * count / size * max(1 - count / size, 1e-9)) ** 0.5
    assert (counts - draws * count / size).abs().max() < 5 * spread + 1


def test_generators_of_seeds_and_steps_differ():
    drawn = {
        torch.rand(1, generator=step_generator(seed, step, torch.device("cpu"))).item()
        for seed, step in itertools.product((0, 1, 2**31 - 1), range(50))
    }
    assert len(drawn) == 150


def test_scattered_samples_and_bad_parameters_are_refused():
    places = np.linspace(0, 1, 20)
    with pytest.raises(InrError, match="needs a grid to find edges on"):
        bound(Signal.from_samples(places, places))
    with pytest.raises(InrError, match="ratio must be"):
        Expansive(ratio=0.0)
    with pytest.raises(InrError, match="edges must be"):
        teachers.build("expansive:edges=1.5")


@pytest.mark.parametrize("engine", ["cpu", "eager"])
def test_a_resumed_fit_goes_on_exactly(tmp_path, engine):
    source, path = signal(), tmp_path / "fit.checkpoint"
    options = {"teacher": "expansive:ratio=0.3", "batch": 400, "engine": engine, "seed": 3, **SMALL}
    whole = [event for event in make_fitter(source, budget=Budget(steps=12), **options).run() if event.kind == "step"]
    first = make_fitter(source, budget=Budget(steps=12), checkpoint=path, **options)
    losses = []
    for event in first.run():
        if event.kind == "step":
            losses.append(event.loss)
            if len(losses) == 5:
                first.stop()
    second = make_fitter(source, budget=Budget(steps=12), checkpoint=path, resume=True, **options)
    losses += [event.loss for event in second.run() if event.kind == "step"]
    assert losses == [event.loss for event in whole]
    assert (second.points, whole[-1].scored) == (12 * 120, 0)
