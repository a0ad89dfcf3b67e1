"""Conditions that hold by construction."""

import math

import numpy as np
import pytest
import sympy
import torch

import inr
from inr.equations import collocation_fit, exp, finished_field, sin, solve, solve_options, state
from inr.equations._hard import wrap

_QUICK = {"network": "mlp:depth=1,width=8", "batch": 64, "steps": 2, "engine": "eager"}


def _at(expression, problem, **values):
    names = {str(symbol): symbol for symbol in problem.symbols.coords}
    return sympy.simplify(expression.subs({names[name]: value for name, value in values.items()}))


def test_values_at_all_faces_of_a_box_are_met():
    """By offsets alone, where the factor is 0."""
    truth = "x^2*y + cos(y)"
    problem = state("u_xx + u_yy", domain="x=0..2,y=-1..1", where={"boundary": truth})
    inner, wrapping = wrap(problem, None)
    assert len(inner.conditions) == 1
    x, y = problem.symbols.coords
    wanted = x**2 * y + sympy.cos(y)
    for face in ({"x": 0}, {"x": 2}, {"y": -1}, {"y": 1}):
        assert _at(wrapping.factors[0], problem, **face) == 0
        assert _at(wrapping.offsets[0] - wanted, problem, **face) == 0
    assert _at(wrapping.factors[0], problem, x=1, y=0) != 0


def test_value_and_velocity_at_the_beginning_are_met():
    problem = state("u_tt - u_xx", domain="x=0..1,t=1..3",
                    where={"t=1": "u - sin(pi*x); u_t - x*(1-x)", "boundary": "0"})  # fmt: skip
    _, wrapping = wrap(problem, None)
    x, t = problem.symbols.coords
    assert abs(_at(wrapping.offsets[0], problem, t=1).subs(x, 0.3) - math.sin(0.3 * math.pi)) < 1e-12
    assert abs(_at(sympy.diff(wrapping.offsets[0], t), problem, t=1).subs(x, 0.3) - 0.21) < 1e-12
    assert _at(wrapping.factors[0], problem, t=1) == 0
    assert _at(sympy.diff(wrapping.factors[0], t), problem, t=1) == 0
    assert _at(wrapping.factors[0], problem, x=0) == 0


def test_the_product_rule_is_that_of_sympy():
    problem = state("x*u_xt + u*u_x", domain="x=0..1,t=0..1", where={"t=0": "sin(x)"})
    inner, wrapping = wrap(problem, None)
    x, t = problem.symbols.coords
    v = sympy.exp(x * t) + x**2
    u = wrapping.offsets[0] + wrapping.factors[0] * v
    wanted = x * sympy.diff(u, x, t) + u * sympy.diff(u, x)
    orders = {symbol: key[1] for symbol, key in problem.symbols.jets.items()}
    places = {symbol: sympy.diff(v, x, order[0], t, order[1]) for symbol, order in orders.items()}
    found = inner.conditions[0].residuals[0].xreplace(places)
    assert abs((found - wanted).subs({x: 0.3, t: 0.7})) < 1e-12


def test_a_field_with_hard_conditions_meets_them_after_a_file_too(tmp_path):
    problem = state("u_t - 0.1*u_xx", domain="x=0..3,t=0..2", where={"t=0": "5 + 2*sin(pi*x)", "x=0|x=3": "u = 5"})
    options = solve_options(hard=True, **_QUICK)
    fit = collocation_fit(problem, options)
    assert len(fit._loss.terms) == 1
    for _ in fit.run():
        pass
    field = finished_field(fit, problem, options)
    field.save(tmp_path / "a.inr")
    loaded = inr.load(tmp_path / "a.inr")
    draw = np.random.default_rng(0).uniform(0, 1, 20)
    ends = np.concatenate([np.stack([np.full(20, x), 2 * draw], 1) for x in (0.0, 3.0)])
    begin = np.stack([3 * draw, np.zeros(20)], 1)
    # float32: the last of 24 bits of values up to 7, and of coordinates times their slope
    np.testing.assert_allclose(loaded.at(ends), 5, atol=5e-6)
    np.testing.assert_allclose(loaded.at(begin)[:, 0], 5 + 2 * np.sin(math.pi * begin[:, 0]), atol=5e-6)
    np.testing.assert_array_equal(loaded.at(begin), field.at(begin))


def test_closed_forms_take_hard_conditions():
    field = solve(
        "u_t - 0.1*u_xx", domain="x=0..3,t=0..2", where={"t=0": "sin(pi*x)", "x=0|x=3": "u"}, hard=True, features=200,
        tolerance=1e-5,
    )  # fmt: skip
    x = np.linspace(0, 3, 7)
    np.testing.assert_allclose(field.at(np.stack([x, 0 * x], 1))[:, 0], np.sin(math.pi * x), atol=1e-6)
    np.testing.assert_allclose(
        field.at(np.stack([x, 0 * x + 1], 1))[:, 0], np.exp(-0.1 * math.pi**2) * np.sin(math.pi * x), atol=1e-4
    )


def test_some_conditions_are_hard_and_others_not():
    problem = state("u_t - u_xx", domain="x=0..1,t=0..1", where={"t=0": "u", "x=0|x=1": "u_x"})
    inner, _ = wrap(problem, ["t=0"])
    assert [each.name for each in inner.conditions] == ["equation", "x=0|x=1"]
    for names, words in ((["x=0|x=1"], "cannot be hard"), (["x=2"], "no place of where")):
        with pytest.raises(inr.InrError, match=words):
            wrap(problem, names)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"offset": "__import__('os')"}, "unknown function"), ({"offset": "y"}, "unknown name"),
        ({"factor": "1;2;3"}, "one formula each"), ({"over": "kronecker"}, "reads nothing but features"),
    ],
)  # fmt: skip
def test_formulas_of_a_file_run_nothing(parts, words):
    domain = state("u_x", domain="x=0..1", where={"x=0": "u"}).domain
    activation = "linear" if "over" in parts else "sine"
    with pytest.raises(inr.InrError, match=words):
        inr.Field.build(domain, activation=activation, network={"name": "conditioned", **parts})


def test_functions_of_formulas_are_saved_as_text():
    problem = state(
        lambda u: u.x, domain="x=0..1,y=0..1", where={"x=0": lambda u, at: u - exp(-at.y) * abs(sin(3 * at.y))}
    )
    options = solve_options(hard=True, **_QUICK)
    fit = collocation_fit(problem, options)
    for _ in fit.run():
        pass
    field = finished_field(fit, problem, options)
    y = np.linspace(0, 1, 5)
    wanted = np.exp(-y) * np.abs(np.sin(3 * y))
    np.testing.assert_allclose(field.at(np.stack([0 * y, y], 1))[:, 0], wanted, atol=1e-6)


@pytest.mark.parametrize("formula", ["9**9**9**9", "1/0", "2j*x0", "__import__('os')", "x7", "x0; x1"])
def test_formulas_of_files_that_are_none(formula):
    with pytest.raises(inr.InrError):
        inr.networks.Conditioned(2, 1, inr.activations.Sine(), offset=formula)


def test_functions_of_numbers_alone():
    network = inr.networks.Conditioned(2, 1, inr.activations.Sine(), offset="log(2)", factor="0")
    found = network(torch.ones(3, 2), torch.zeros(3, 2))
    torch.testing.assert_close(found, torch.full((3, 1), 2.0).log())
