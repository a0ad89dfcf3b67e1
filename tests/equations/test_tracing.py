"""What is followed with symbols, what it becomes for engines, and the same in torch."""

import math

import numpy as np
import pytest
import sympy
import torch

import inr
from inr.activations import FUNCTIONS
from inr.engines import At, Batch
from inr.equations import (
    EquationLoss,
    Problem,
    collocation_fit,
    exp,
    finished_field,
    maximum,
    sin,
    solve_options,
    state,
)
from inr.equations._eager import EagerLoss
from inr.equations._objective import Drawn
from inr.equations._places import QuasirandomSequence, parse_place
from inr.equations._terms import Units
from inr.field import jet, laplace
from inr.fitting import check_smooth

_SMALL = {"network": "mlp:depth=2,width=8", "batch": 64, "steps": 3, "engine": "eager"}
_BOX = "x=0..3,t=-1..1"


def _burgers(u, at):
    return u.t + u * u.x - 0.1 * u.xx + sin(at.x) * u.xt


def _stated(residual=_burgers, **given) -> Problem:
    return state(residual, **{"domain": _BOX, "where": {"t=-1": "sin(x)", "x=0|x=3": "u"}, **given})


def test_a_formula_is_followed_whatever_library_its_functions_are_of():
    def by(m):
        return lambda u, at: u.x + m.exp(u) * m.sin(at.x)

    ways = [by(m) for m in (inr.equations, np, torch, sympy)]
    found = [_stated(each).conditions[0].residuals[0] for each in ways]
    assert all(each == found[0] for each in found)
    assert str(found[0]) == "u_x + exp(u)*sin(x)"


def test_derivatives_have_names():
    problem = _stated(lambda u: u.lap + u.grad[0] + u.tx + u.xt - 2 * u.t, domain="x=0..1,y=0..1,t=0..1",
                      where={"initial": "u"})  # fmt: skip
    x, xx, yy, xt, t = sympy.symbols("u_x u_xx u_yy u_xt u_t", real=True)
    assert problem.conditions[0].residuals[0] - (xx + yy + x + 2 * xt - 2 * t) == 0


@pytest.mark.parametrize(
    ("residual", "linear"),
    [
        ("u_t - u_xx", True), ("u_t - x^2*u_xx + sin(t)", True), ("u_t + u*u_x", False), ("u_x + u^2", False),
        ("u_x + abs(u)", False), ("u_xt + 3", True),
    ],
)  # fmt: skip
def test_linearity_is_found(residual, linear):
    assert _stated(residual).linear is linear


def test_what_is_not_known_is_no_longer_linear():
    assert not _stated(lambda u, nu: u.t - nu * u.xx, unknown={"nu": 0.1}).linear


@pytest.mark.parametrize(
    ("residual", "why"),
    [
        (lambda u: u.x if u > 0 else u.t, "decides by the values"),
        (lambda u: torch.erfc(u) + u.x, "no symbols for the function 'erfc'"),
        (lambda u: u.x + math.sin(u), "decides by the values"),
    ],
)
def test_what_cannot_be_traced_says_why(residual, why):
    problem = _stated(residual)
    assert not problem.traced
    assert why in problem.why


def _losses(field, points, term):
    """The losses of points by a term's formula, eagerly in double precision."""
    coords = torch.from_numpy(points.coords).double()
    found = jet(field, coords, term.reads)
    rows = ([row.unbind(1) for row in each.unbind(1)] for each in (found.first, found.second))
    data = dict(zip(term.columns, torch.from_numpy(points.data).double().unbind(1), strict=True))
    numbers = {name: torch.tensor(0.7, dtype=torch.float64) for name in term.numbers}
    return term.formula(FUNCTIONS, At(found.values.unbind(1), *rows, coords.unbind(1), data, numbers))


def _by_hand(u, ux, ut, uxx, uxt, x, t):
    return ut + u * ux - 0.1 * uxx + torch.sin(x) * uxt


@pytest.mark.parametrize("hard", [False, True])
def test_a_traced_residual_is_the_residual_in_torch(hard):
    """In own units, of the field that is saved: with conditions that hold by construction around it, too."""
    problem, options = _stated(), solve_options(hard=hard, **_SMALL)
    fit = collocation_fit(problem, options)
    assert [event.kind for event in fit.run()][-1] == "end"
    field = finished_field(fit, problem, options).double()
    loss = fit._loss
    points = loss.drawn(0, 16, np.random.default_rng(0))
    found = _losses(fit.fitter.field.double(), points, loss.terms[0])
    where = torch.from_numpy(np.asarray(field.domain.positions(points.coords.astype(np.float64))))
    with torch.no_grad():
        values = [torch.from_numpy(np.asarray(field.at(where.numpy(), nu))[:, 0])
                  for nu in ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1))]  # fmt: skip
    wanted = _by_hand(*values, *where.unbind(1)) / loss.lowered[0].scales[0]
    torch.testing.assert_close(found.detach(), wanted.square(), rtol=1e-5, atol=1e-9)


def test_second_derivatives_of_fixed_proportion_are_one_operator():
    problem = _stated("u_xx + 4*u_yy + u_t", domain="x=-1..1,y=-1..1,t=0..1", where={"initial": "u", "boundary": "0"})
    loss = EquationLoss(problem, Units((1.0, 1.0, 0.5), (1.0,), (0.0,)), Drawn([8, 8, 8], [1, 1, 1], [1, 1, 1], 0))
    assert len(loss.terms[0].reads.second) == 1
    assert loss.terms[0].reads.first == (2,)
    operator = np.array(loss.terms[0].reads.second[0])
    np.testing.assert_allclose(operator / operator[0, 0], np.diag([1.0, 4.0, 0.0]))
    apart = _stated("x*u_xx + u_yy", domain="x=-1..1,y=-1..1", where={"boundary": "0"})
    loss = EquationLoss(apart, Units((1.0, 1.0), (1.0,), (0.0,)), Drawn([8, 8], [1, 1], [1, 1], 0))
    assert len(loss.terms[0].reads.second) == 2


def test_a_laplacian_is_read_as_one():
    problem = _stated("u_lap - u^3", domain="x=-1..1,y=-1..1", where={"boundary": "0"})
    loss = EquationLoss(problem, Units((1.0, 1.0), (1.0,), (0.0,)), Drawn([8, 8], [1, 1], [1, 1], 0))
    assert loss.terms[0].reads.second == (laplace(2),)


def test_equal_problems_have_equal_formulas():
    formulas = [collocation_fit(_stated(), solve_options(**_SMALL))._loss.terms[0].formula for _ in range(2)]
    assert formulas[0] == formulas[1]
    assert hash(formulas[0]) == hash(formulas[1])


@pytest.mark.parametrize("residual", [lambda u: u.t + u * u.x - 0.1 * u.xx, lambda u: u.xxx + u.t])
def test_nested_differentiation_gives_the_loss_of_the_engines(residual):
    """Of a formula that both know; and orders that engines do not know are taken by it."""
    problem = _stated(residual)
    fit = collocation_fit(problem, solve_options(**_SMALL))
    if isinstance(fit._loss, EagerLoss):
        assert "third" not in fit.fitter.plan.notes[0]
        assert "u_xxx" in fit.fitter.plan.notes[0]
    branching = _stated(lambda u: residual(u) if bool(torch.is_tensor(u.value)) or u > 0 else u)
    assert not branching.traced
    other = collocation_fit(branching, solve_options(**_SMALL))
    rows = torch.arange(32)
    tensors = dict(fit.fitter.field.named_parameters())
    steps = [each.fitter.plan.loss_and_grad(tensors, Batch(rows)) for each in (fit, other)]
    size = 1.0 if isinstance(fit._loss, EagerLoss) else fit._loss.lowered[0].scales[0]
    torch.testing.assert_close(steps[0].loss * size**2, steps[1].loss, rtol=1e-4, atol=1e-6)


def test_coefficients_with_any_function_are_columns():
    problem = _stated(lambda u, at: maximum(at.x - 1, 0) * u.x + exp(-(at.x**2)) * u, where={"x=0": "u - 1"})
    loss = EquationLoss(problem, Units((1.5, 1.0), (1.0,), (0.0,)), Drawn([8, 8], [1, 1], [1, 1], 0))
    points, known = problem.conditions[0].place.draw(8, QuasirandomSequence(0), (1.5, 1.0))
    columns = loss.lowered[0].data(points, known) * loss.lowered[0].scales[0]
    x = points[:, 0]
    wanted = {tuple(np.round(np.maximum(x - 1, 0) / 1.5, 9)), tuple(np.round(np.exp(-(x**2)), 9))}
    assert {tuple(np.round(column, 9)) for column in columns.T} == wanted


def test_activations_that_have_not_the_derivatives_are_refused():
    for parts, words in (
        ({"activation": "relu"}, "softplus or sine"),
        ({"encoding": "hash:levels=2", "activation": "sine"}, "identity or fourier"),
        ({"activation": "finer"}, "take sine"),
    ):
        problem = _stated()
        domain = problem.domain
        field = inr.Field.build(domain, network="mlp:depth=1,width=4", **{"activation": "sine", **parts})
        with pytest.raises(inr.InrError, match=words):
            check_smooth(field, problem.order, "the equation")


def test_places_are_drawn_where_they_are():
    problem = _stated()
    for text, size in (("x=0|x=3", None), ("boundary", None), ("initial", None), ("x=1,t=0", 1), ("x=1..2,t=1", None)):
        place = parse_place(text, problem.domain)
        assert place.size == size
        points, _ = place.draw(40, QuasirandomSequence(0), (1.5, 1.0))
        if text in ("x=0|x=3", "boundary"):
            assert set(points[:, 0]) == {0.0, 3.0}
        elif text == "initial":
            assert set(points[:, 1]) == {-1.0}
        elif text == "x=1,t=0":
            assert points.tolist() == [[1.0, 0.0]]
        else:
            assert points[:, 0].min() >= 1
            assert points[:, 0].max() <= 2
            assert set(points[:, 1]) == {1.0}
