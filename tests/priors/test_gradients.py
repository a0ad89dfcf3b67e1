"""Gradients of methods that learn from several signals, against what defines them."""

import numpy as np
import pytest
import torch

import inr
from inr.engines import Batch
from inr.field import Field
from inr.priors import Collection, Learning, collect, methods
from inr.priors._gauss_newton import gauss_newton
from inr.priors._inner import errors, values_of
from inr.priors._modulated import MODULATION, RATES, shifted_values

SIGNALS, SIDE = 3, 5

DRAW = np.random.default_rng(0)  # none of these methods draws anything


def pictures(count: int = SIGNALS, seed: int = 0) -> Collection:
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    return collect([0.5 + 0.4 * np.sin(3 * x + a) * np.cos(4 * y + b) for a, b in draw.normal(size=(count, 2))])


@pytest.fixture
def problem():
    """A network 2-8-1 in float64, coordinates, and targets of some signals."""
    signals = pictures()
    torch.manual_seed(0)
    field = Field.build(signals.domain, activation="sine:omega=4", network="mlp:depth=1,width=8").double()
    coords = signals.signal(0).coords(torch.arange(SIDE * SIDE)).double()
    return field, coords, signals.targets.double()


def leaves_of(method, field):
    return {**{name: each.detach() for name, each in field.named_parameters()}, **method.own(field)}


def test_the_gradient_of_maml_is_that_of_central_differences(problem):
    """Relative 1e-6: of step 1e-4, differences of third order are below 1e-8, and rounding below 1e-11."""
    field, coords, targets = problem
    method = methods.build("maml:inner_steps=2,inner_rate=0.05")
    leaves = leaves_of(method, field)
    grads = method.outer(field, leaves, coords, targets, DRAW).grads
    torch.manual_seed(1)
    for name, leaf in leaves.items():
        direction = torch.randn_like(leaf)
        step = 1e-4
        ahead, behind = (
            method.outer(field, {**leaves, name: leaf + sign * step * direction}, coords, targets, DRAW).loss
            for sign in (1, -1)
        )
        slope = (ahead - behind) / (2 * step)
        assert float(slope) == pytest.approx(float((grads[name] * direction).sum()), rel=1e-6, abs=1e-9), name


def test_the_envelope_gradient_is_that_through_a_converged_inner_loop(problem):
    """1e-5 at a solution, where the slope by the code is zero; after one step they differ."""
    field, coords, targets = problem
    exact = methods.build("modulated:latents=1,inner_steps=16")
    leaves = leaves_of(exact, field)
    solved = exact.outer(field, leaves, coords, targets, DRAW)
    codes = exact._coded(field, leaves, coords, targets, 16, twice=False)
    # the rate at which descent on one number converges at once is its inverse curvature
    moved = [errors(shifted_values(field, leaves, codes + h, coords), targets) for h in (-1e-3, 0.0, 1e-3)]
    curvature = ((moved[0] - 2 * moved[1] + moved[2]) / 1e-6).max()
    rates = {RATES: (0.5 / curvature).expand(1)}

    def through(steps):
        method = methods.build(f"modulated:latents=1,solver=descent,inner_steps={steps}")
        return method.outer(field, {**leaves, **rates}, coords, targets, DRAW).grads

    for name in leaves:
        scale = solved.grads[name].abs().max()
        assert (through(64)[name] - solved.grads[name]).abs().max() < 1e-5 * scale, name
    assert (through(1)[MODULATION] - solved.grads[MODULATION]).abs().max() > 1e-2 * solved.grads[MODULATION].abs().max()


def test_reptile_of_one_step_is_gradient_descent_on_all(problem):
    field, coords, targets = problem
    method = methods.build("reptile:inner_steps=1,inner_rate=0.03")
    found = method.outer(field, leaves_of(method, field), coords, targets, DRAW).grads
    loss = torch.stack([(field(coords) - each).square().mean() for each in targets]).mean()
    for name, slope in zip(found, torch.autograd.grad(loss, list(field.parameters())), strict=True):
        torch.testing.assert_close(found[name], 0.03 * slope, rtol=1e-10, atol=1e-12)


def test_the_gradient_of_the_trunk_is_the_sum_over_signals():
    signals = pictures()
    learning = Learning(
        list(signals.values[..., 0]), held_out=0, network="mlp:depth=2,width=8", engine="eager", steps=1
    )
    fitter = learning.fitter
    weights = dict(fitter.field.named_parameters())
    found = fitter.plan.loss_and_grad(weights, Batch(torch.arange(SIDE * SIDE))).grads
    coords = signals.signal(0).coords(torch.arange(SIDE * SIDE))
    alone = Field.build(learning.signals.domain, **fitter.field.config())
    head = "network.layers.2."
    total = {name: torch.zeros_like(each) for name, each in weights.items() if not name.startswith(head)}
    for place, targets in enumerate(learning.signals.targets):
        rows = {name: each[place : place + 1] if name.startswith(head) else each for name, each in weights.items()}
        alone.load_state_dict(rows)
        loss = (alone(coords) - targets).square().mean()
        own = dict(zip(rows, torch.autograd.grad(loss, list(alone.parameters())), strict=True))
        total = {name: each + own[name] / SIGNALS for name, each in total.items()}
    for name, each in total.items():
        torch.testing.assert_close(found[name], each, rtol=1e-4, atol=1e-7)


def test_signals_of_a_batch_do_not_see_each_other(problem):
    field, coords, targets = problem
    method = methods.build("maml:inner_steps=3,inner_rate=0.05")
    leaves = leaves_of(method, field)
    together = method._descended(field, leaves, coords, targets, 3, twice=False)
    for place in range(SIGNALS):
        alone = method._descended(field, leaves, coords, targets[place : place + 1], 3, twice=False)
        for name, each in alone.items():
            torch.testing.assert_close(together[name][place], each[0], rtol=1e-12, atol=1e-14)


def test_gauss_newton_solves_linear_problems_and_never_makes_one_worse():
    torch.manual_seed(0)
    matrix, targets = torch.randn(20, 3).double(), torch.randn(4, 20, 1).double()
    found = gauss_newton(lambda codes: (codes @ matrix.T)[..., None], torch.zeros(4, 3).double(), targets, 3)
    exact = torch.linalg.lstsq(matrix, targets[..., 0].T).solution.T
    torch.testing.assert_close(found, exact, rtol=1e-6, atol=1e-7)  # damping leaves about 1e-4 in every step

    def wild(codes):
        return torch.sin(40 * codes @ matrix.T)[..., None]

    before = errors(wild(torch.zeros(4, 3).double()), targets)
    after = errors(wild(gauss_newton(wild, torch.zeros(4, 3).double(), targets, 2)), targets)
    assert (after <= before).all()


def test_many_fields_at_once_are_the_fields(problem):
    field, coords, _ = problem
    others = [Field.build(field.domain, **field.config()).double() for _ in range(2)]
    own = {name: torch.stack([dict(each.named_parameters())[name] for each in others]) for name, _ in
           field.named_parameters()}  # fmt: skip
    for place, each in enumerate(others):
        torch.testing.assert_close(values_of(field, {}, own, coords)[place], each(coords), rtol=1e-12, atol=1e-14)


def test_codes_are_biases_of_an_ordinary_network():
    """The network that the encyclopaedia of parts calls modulated, with the same numbers."""
    signals = pictures()
    field = Field.build(signals.domain, network="mlp:depth=2,width=8")
    method = methods.build("modulated:latents=4")
    own = method.own(field)
    modulated = Field.build(signals.domain, network="modulated:depth=2,width=8,latent_dim=4")
    code = torch.randn(1, 4)
    state = {**field.state_dict(), "network.modulation": own[MODULATION], "network.latent": code[0]}
    modulated.load_state_dict(state)
    coords = signals.signal(0).coords(torch.arange(SIDE * SIDE))
    found = shifted_values(field, {**field.state_dict(), **own}, code, coords)[0]
    torch.testing.assert_close(found, modulated(coords), rtol=1e-4, atol=1e-5)


def test_a_network_that_cannot_be_shared_is_refused():
    signals = list(pictures().values[..., 0])
    with pytest.raises(inr.InrError, match="shifts the biases of network mlp"):
        Learning(signals, method="modulated", network="mlp:bias=false,width=8,depth=1")
    with pytest.raises(inr.InrError, match="shares all layers but the last"):
        Learning(signals, network="kronecker", activation="linear")
