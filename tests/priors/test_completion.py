"""Completing signals that are seen in part."""

import numpy as np
import pytest
import torch

import inr
from inr.priors import Sampled, complete, learn, methods
from inr.priors._process import Exponential, Process, condition, exponential_process, likeliest, near
from inr.priors._set_encoder import encoded
from inr.priors._tuning import SHARES, tuned

TINY = {"network": "mlp:depth=1,width=8", "engine": "eager", "steps": 5}
METHODS = ["gaussian", "trunk", "maml:inner_steps=2", "modulated:latents=3"]


def process_of(count=30, factors=3, channels=2, seed=0):
    draw = np.random.default_rng(seed)
    root = draw.normal(size=(channels, channels))
    kernel = Exponential(root @ root.T + np.eye(channels), 0.7)
    shape = (count, channels)
    return Process(
        draw.uniform(-1, 1, (count, 2)), draw.normal(size=shape), draw.normal(size=(factors, *shape)), kernel
    )


def dense(process):
    flat = process.factors.reshape(len(process.factors), -1)
    return flat.T @ flat + near(process.kernel, process.places, process.places)


def smooth(count, side=7, seed=0):
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    waves = draw.uniform(1, 4, (count, 2))
    return [(0.5 + 0.4 * np.sin(a * x + a) * np.cos(b * y)).astype(np.float32) for a, b in waves]


@pytest.fixture(scope="module")
def bases():
    return {method: learn(smooth(9), method=method, **TINY) for method in METHODS}


def test_the_posterior_is_that_of_a_dense_solve():
    process = process_of()
    seen, values = np.array([3, 17, 8, 22, 25]), np.random.default_rng(1).normal(size=(5, 2))
    found = condition(process, seen, values)
    covariance, rest = dense(process), np.setdiff1d(np.arange(30), seen)
    at, of = (np.add.outer(2 * each, [0, 1]).ravel() for each in (seen, rest))
    gain = np.linalg.solve(covariance[np.ix_(at, at)], covariance[np.ix_(at, of)]).T
    mean = process.mean[rest].ravel() + gain @ (values - process.mean[seen]).ravel()
    variance = np.diag(covariance)[of] - (gain * covariance[np.ix_(of, at)]).sum(1)
    # the jitter of 1e-6 of the variance is in one of both
    np.testing.assert_allclose(found.mean[rest].ravel(), mean, atol=1e-4)
    np.testing.assert_allclose(found.deviation[rest].ravel() ** 2, variance, rtol=1e-4)
    assert (found.mean[seen] == values).all()
    assert (found.deviation[seen] == 0).all()


def test_draws_have_the_posterior_mean_and_covariance():
    process = process_of(count=8)
    seen, values = np.array([1, 4]), np.zeros((2, 2))
    found = condition(process, seen, values, draws=20_000)
    # the mean of 20,000 draws is within 5 standard errors, of a standard deviation within 5 %
    error = found.deviation / np.sqrt(20_000)
    assert (np.abs(found.draws.mean(0) - found.mean) <= 5 * error).all()
    np.testing.assert_allclose(found.draws.std(0), found.deviation, rtol=0.05)


def test_the_likeliest_length_is_that_of_the_values():
    draw = np.random.default_rng(0)
    places = draw.uniform(-1, 1, (200, 2))
    kernel = Exponential(np.array([[4.0]]), 0.5)
    values = np.linalg.cholesky(near(kernel, places, places)) @ draw.normal(size=(200, 1)) + 3
    found, _ = likeliest(places, values, constant=True)
    # three half octaves of the length cannot be told apart by 200 samples; their ratio to the variance can
    assert found.variance[0, 0] / found.length == pytest.approx(8, rel=0.3)


def test_intervals_hold_what_they_say_of_gaussian_signals():
    draw = np.random.default_rng(0)
    places = np.stack(np.meshgrid(*[(2 * np.arange(12) + 1) / 12 - 1] * 2), -1).reshape(-1, 2)
    root = np.linalg.cholesky(near(Exponential(np.eye(1), 0.6), places, places))
    held = []
    for _ in range(20):
        signal = (root @ draw.normal(size=144)).reshape(12, 12)
        unseen = draw.random((12, 12)) > 0.4
        figures = complete(signal, unseen, samples=0).compare(signal)
        held.append([figures.coverage_50, figures.coverage_90])
    np.testing.assert_allclose(np.mean(held, 0), [0.5, 0.9], atol=0.05)


def test_tuning_finds_that_signals_span_all_that_there_is():
    draw = np.random.default_rng(0)
    places = draw.uniform(-1, 1, (40, 2))
    span = draw.normal(size=(3, 40, 1))
    settings = tuned(np.einsum("bk,knc->bnc", draw.normal(size=(24, 3)), span), places)
    assert settings.shape == (len(SHARES), 4)
    assert (settings[2:, 0] > settings[2:, 1]).all()


@pytest.mark.parametrize("method", [None, *METHODS])
@pytest.mark.long
def test_unseen_values_change_nothing(method, bases):
    picture = smooth(1, seed=5)[0]
    unseen = np.random.default_rng(0).random(picture.shape) > 0.4
    base = None if method is None else bases[method]
    found = complete(picture, unseen, base=base, samples=1)
    for poison in (np.nan, 0.9, np.inf):
        other = np.where(unseen, np.float32(poison), picture)
        if np.isfinite(poison):
            again = complete(other, unseen, base=base, samples=1)
        else:
            again = complete(np.where(unseen, np.float32(np.nan), picture), None, base=base, samples=1)
        for name in ("mean", "deviation", "samples"):
            assert np.array_equal(getattr(found, name), getattr(again, name)), name
    assert (found.mean[~unseen] == picture[~unseen][:, None]).all()
    assert (found.deviation[unseen] > 0).all()


@pytest.mark.parametrize("method", METHODS[1:])
def test_the_order_of_seen_samples_changes_nothing(method, bases):
    base = bases[method]
    picture = inr.from_array(smooth(1, seed=6)[0])
    order = torch.randperm(49, generator=torch.Generator().manual_seed(0))
    straight, mixed = torch.arange(20), order[order < 20]
    field = base.field(picture.domain)
    found = [
        base.method.adapt(base.learned, field, Sampled(picture.coords(at), picture.values(at)[None]), None).weights
        for at in (straight, mixed)
    ]
    for name, each in found[0].items():
        torch.testing.assert_close(each, found[1][name], atol=1e-5, rtol=1e-4)


def test_a_gaussian_base_is_for_other_sizes_too(bases):
    picture = smooth(1, side=14, seed=3)[0]
    unseen = np.zeros(picture.shape, bool)
    unseen[:, 7:] = True
    found = complete(picture, unseen, base=bases["gaussian"], samples=0)
    assert found.mean.shape == (14, 14, 1)
    assert np.isfinite(found.deviation).all()


def test_what_cannot_be_completed_is_said(bases):
    picture = smooth(1)[0]
    with pytest.raises(inr.InrError, match="at least 3"):
        complete(picture, np.ones(picture.shape, bool))
    with pytest.raises(inr.InrError, match="one size"):
        complete(picture, np.zeros((3, 3), bool))
    with pytest.raises(inr.InrError, match="is for pictures of 1 channel"):
        complete(np.zeros((7, 7, 3), np.float32), np.eye(7, dtype=bool), base=bases["gaussian"])
    large = np.zeros((90, 90), np.float32)
    with pytest.raises(inr.InrError, match="are seen, and completion solves"):
        complete(large, np.eye(90, dtype=bool))


def test_the_exponential_process_knows_no_level():
    places = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    values = np.random.default_rng(1).normal(size=(5, 1))
    seen = np.arange(5)
    found = [
        condition(exponential_process(places, seen, values + level), seen, values + level).mean for level in (0, 7.0)
    ]
    # the constant's deviation is 10 of the values', so that its prior mean, which is its estimate, does not matter
    np.testing.assert_allclose(found[1] - found[0], 7, atol=1e-6)


ENCODERS = ["neural-process:code=3,hidden=8", "hypernet:code=3,hidden=8"]


@pytest.mark.parametrize("method", ENCODERS)
def test_a_set_has_no_order_and_absent_samples_are_masked_ones(method):
    torch.manual_seed(0)
    field = inr.Field.build(inr.from_array(np.zeros((6, 6), np.float32)).domain, network="mlp:depth=1,width=8")
    built = methods.build(method)
    leaves = {**dict(field.named_parameters()), **built.own(field)}
    coords, values = torch.rand(20, 2), torch.rand(2, 20, 1)
    act, last = torch.relu, True
    seen = torch.zeros(20)
    seen[:7] = 1
    poisoned = values.clone()
    poisoned[:, 7:] = torch.nan
    whole = encoded(leaves, "encoder", coords, poisoned, seen, act, last=last)
    alone = encoded(leaves, "encoder", coords[:7], values[:, :7], torch.ones(7), act, last=last)
    order = torch.randperm(20)
    mixed = encoded(leaves, "encoder", coords[order], poisoned[:, order], seen[order], act, last=last)
    torch.testing.assert_close(whole, alone, atol=1e-6, rtol=0)
    torch.testing.assert_close(whole, mixed, atol=1e-6, rtol=0)


@pytest.mark.parametrize("method", ENCODERS)
@pytest.mark.long
def test_set_encoders_learn_from_what_they_see(method):
    levels = np.random.default_rng(0).uniform(0.2, 0.8, 24)
    flat = [np.full((5, 5), level, np.float32) for level in levels]
    base = learn(flat, method=method, held_out=0, **(TINY | {"steps": 150, "learning_rate": 0.01}))
    unseen = np.ones((5, 5), bool)
    unseen[0] = False
    low, high = (complete(np.full((5, 5), level, np.float32), unseen, base=base).mean.mean() for level in (0.25, 0.75))
    assert high - low > 0.2


@pytest.mark.parametrize("method", ENCODERS)
def test_gradients_of_set_encoders_are_those_of_finite_differences(method):
    torch.manual_seed(0)
    field = inr.Field.build(inr.from_array(np.zeros((4, 4), np.float32)).domain, network="mlp:depth=1,width=4").double()
    built = methods.build(method)
    leaves = {name: each.detach().double() for name, each in field.named_parameters()}
    leaves |= {name: each.detach().double() for name, each in built.own(field).items()}
    coords, targets = torch.rand(16, 2).double(), torch.rand(2, 16, 1).double()

    def outer(changed):
        return built.outer(field, changed, coords, targets, np.random.default_rng(3))

    name = "encoder.0.weight"
    found = outer(leaves).grads[name]
    assert found.abs().max() > 0
    if method.startswith("neural"):  # whose loss is all that is told; the other's has shares of codes and weights
        direction, step = torch.randn_like(found), 1e-6
        ends = [outer({**leaves, name: leaves[name] + sign * step * direction}).loss for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step)
        torch.testing.assert_close((found * direction).sum(), slope, rtol=1e-5, atol=1e-9)
