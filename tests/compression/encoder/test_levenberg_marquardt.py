"""Least squares over weights: derivatives, minima that are known, rounding that others make up for, moves of pairs."""

import itertools

import pytest
import torch
from torch import nn

import inr
from inr.compression.encoder.levenberg_marquardt import LeastSquares, levenberg_marquardt
from inr.compression.encoder.local_search import local_search
from inr.compression.encoder.obq import round_in_turn


def linear(seed, weights=5, rows=40, correlated=0.9):
    """A linear model whose inputs have much in common, with noise; the loss's quadratic model is exact."""
    generator = torch.Generator().manual_seed(seed)
    common = torch.randn(rows, 1, generator=generator)
    coords = correlated * common + (1 - correlated) * torch.randn(rows, weights, generator=generator)
    wanted = coords @ torch.randn(weights, 1, generator=generator) + 0.1 * torch.randn(rows, 1, generator=generator)
    return LeastSquares(nn.Linear(weights, 1, bias=False), coords, wanted), coords.double(), wanted.double()


def network(seed, channels=1):
    """A small field of noise, and its weights."""
    shape = (7, 9, 3) if channels == 3 else (7, 9)
    values = torch.rand(shape, generator=torch.Generator().manual_seed(seed)).numpy()
    signal = inr.Signal.from_array(values, kind="image" if channels == 3 else "volume", value_range=(0.0, 1.0))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        field = inr.Field.build(signal.domain, activation="sine:omega=5", network="mlp:depth=2,width=6")
    everything = torch.arange(signal.size)
    problem = LeastSquares(field, signal.coords(everything), signal.values(everything))
    return problem, problem.join(dict(field.named_parameters())), field


@pytest.mark.parametrize("channels", [1, 3])
def test_weights_come_apart_and_together_and_give_the_fields_own_loss(channels):
    problem, weights, field = network(0, channels)
    assert problem.count == field.parameter_count == len(weights)
    assert torch.equal(problem.join(problem.split(weights)), weights)
    signal_loss = (field(problem._inputs) - problem._values).square().mean()
    assert problem.loss(weights) == pytest.approx(signal_loss.item(), rel=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_is_that_of_autograd_and_the_hessian_that_of_the_jacobian(channels):
    problem, weights, field = network(1, channels)
    gradient, hessian = problem.model(weights)
    loss = (field(problem._inputs) - problem._values).square().mean()
    expected = torch.cat([each.reshape(-1) for each in torch.autograd.grad(loss, [*field.parameters()])])
    # float32 sums over 189 values
    assert torch.allclose(2 * gradient.float(), expected, rtol=1e-4, atol=1e-6)
    rows = []
    for value in field(problem._inputs).reshape(-1):
        slopes = torch.autograd.grad(value, [*field.parameters()], retain_graph=True)
        rows.append(torch.cat([each.reshape(-1) for each in slopes]).double())
    jacobian = torch.stack(rows)
    assert torch.allclose(hessian, jacobian.T @ jacobian / len(rows), rtol=1e-3, atol=1e-6)
    some = torch.tensor([0, 3, problem.count - 1])
    less_gradient, less_hessian = problem.model(weights, some)
    assert torch.allclose(less_gradient, gradient[some], atol=1e-7)
    assert torch.allclose(less_hessian, hessian[some][:, some], atol=1e-6)


def test_a_linear_model_ends_at_its_least_squares():
    problem, coords, wanted = linear(0)
    found = levenberg_marquardt(problem, torch.zeros(5, dtype=torch.float64), iterations=50)
    assert torch.allclose(found, torch.linalg.lstsq(coords, wanted).solution[:, 0], atol=1e-3)


def test_weights_that_may_not_move_stay_and_the_others_make_up_for_them():
    problem, coords, wanted = linear(1)
    start = torch.full((5,), 0.25, dtype=torch.float64)
    moved = torch.tensor([0, 2, 3])
    found = levenberg_marquardt(problem, start, moved, iterations=50)
    assert torch.equal(found[[1, 4]], start[[1, 4]])
    rest = wanted - coords[:, [1, 4]] @ start[[1, 4], None]
    assert torch.allclose(found[moved], torch.linalg.lstsq(coords[:, moved], rest).solution[:, 0], atol=1e-3)


def test_no_iteration_raises_the_loss_of_a_network():
    problem, weights, _ = network(2)
    losses = [problem.loss(levenberg_marquardt(problem, weights, iterations=count)) for count in (0, 1, 2, 5, 30)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.long
def test_rounding_in_turn_gives_multiples_and_loses_less_than_rounding_at_once():
    lost = torch.zeros(2)
    for seed in range(20):
        problem, _, _ = linear(seed, weights=12, correlated=0.97)
        steps = torch.full((12,), 0.25, dtype=torch.float64)
        best = levenberg_marquardt(problem, torch.zeros(12, dtype=torch.float64), iterations=100)
        found = round_in_turn(problem, best, steps, seed=seed)
        assert torch.equal(torch.round(found / steps) * steps, found)
        at_once = torch.round(best / steps) * steps
        lost += torch.tensor([problem.loss(found), problem.loss(at_once)]) - problem.loss(best)
    assert lost[0] < 0.5 * lost[1]


def test_the_last_weight_rounded_makes_up_for_the_first():
    # only the sum of two weights counts, and it should be 1.2: rounded alone, 0.6 and 0.6 would be 1 and 1
    problem = LeastSquares(nn.Linear(2, 1, bias=False), torch.tensor([[1.0, 1.0]]), torch.tensor([[1.2]]))
    found = round_in_turn(problem, torch.tensor([0.6, 0.6]).double(), torch.ones(2, dtype=torch.float64), seed=0)
    assert float(found.sum()) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_polishing_finds_what_no_single_step_nor_any_two_can_better(seed):
    problem, _, _ = linear(seed, weights=6, correlated=0.95)
    steps = torch.full((6,), 0.125, dtype=torch.float64)
    start = torch.zeros(6, dtype=torch.float64)
    found = local_search(problem, start, steps)
    assert torch.equal(torch.round(found / steps) * steps, found)
    least = problem.loss(found)
    assert least < problem.loss(start)
    moves = [(place, sign) for place in range(6) for sign in (-1, 1)]
    for chosen in [*((move,) for move in moves), *itertools.combinations(moves, 2)]:
        other = found.clone()
        for place, sign in chosen:
            other[place] += sign * steps[place]
        assert problem.loss(other) >= least * (1 - 1e-6)


def test_two_weights_move_together_where_one_alone_would_make_it_worse():
    # the sum is right, the difference is not
    coords = torch.tensor([[1.0, 1.0], [0.1, -0.1]])
    problem = LeastSquares(nn.Linear(2, 1, bias=False), coords, torch.tensor([[0.0], [0.2]]))
    start, steps = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    assert local_search(problem, start, steps).tolist() == [1.0, -1.0]
    for alone in ([1.0, 0.0], [0.0, -1.0]):
        assert problem.loss(torch.tensor(alone).double()) > problem.loss(start)
