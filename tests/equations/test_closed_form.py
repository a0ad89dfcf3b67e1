"""Closed forms against solutions that are known, and their way into files."""

import math

import numpy as np
import pytest

import inr
from inr.equations import PRESETS, cos, exp, relative_errors, sin, solve
from inr.equations._closed_form import ClosedForm
from inr.equations._frequencies import aspect, characteristic_frequencies
from inr.equations._least_squares import TriangularFactor
from inr.equations._sine_features import SineFeatures
from inr.equations._stating import state

_FEW = {"features": 320, "tolerance": 1e-4}


def _relative(field, exact):
    return relative_errors(field, lambda points: exact(*points.T)[:, None])["relative_l2"]


def test_derivatives_of_features_are_those_of_sines():
    draw = np.random.default_rng(0)
    features = SineFeatures.draw(5, (3.0, 4.0), (False, False), draw)
    coords = draw.uniform(-1, 1, (4, 2))
    step, weights = 1e-4, np.eye(5)
    for orders in ((1, 0), (0, 1), (2, 0), (1, 1), (0, 3)):
        axis = next(place for place, order in enumerate(orders) if order)
        lower = tuple(order - (place == axis) for place, order in enumerate(orders))
        ahead, behind = (features.waves(coords + sign * step * np.eye(2)[axis]) for sign in (1, -1))
        differences = (features.derivative(ahead, lower, weights) - features.derivative(behind, lower, weights)) / (
            2 * step
        )
        found = features.derivative(features.waves(coords), orders, weights)
        np.testing.assert_allclose(found, differences, atol=1e-4)


def test_triangular_factors_give_damped_least_squares():
    draw = np.random.default_rng(1)
    rows, right, centre = draw.normal(size=(40, 7)), draw.normal(size=40), draw.normal(size=7)
    triangle = TriangularFactor(7)
    for start in range(0, 40, 11):
        triangle.add(rows[start : start + 11], right[start : start + 11])
    top = np.linalg.norm(rows, 2)
    assert triangle.largest() == pytest.approx(top, rel=1e-2)
    ridge = 0.1
    (found,) = triangle.solutions(np.array([ridge]), centre)
    damping = (ridge * triangle.largest()) ** 2
    wanted = np.linalg.solve(rows.T @ rows + damping * np.eye(7), rows.T @ right + damping * centre)
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_waves_of_helmholtz_equation_lie_on_a_circle():
    problem = state("u_xx + u_yy + 100*u", domain="x=-2..2,y=-1..1", where={"boundary": "0"})
    draw = np.random.default_rng(0)
    found = characteristic_frequencies(problem, 64, (30.0, 15.0), draw)
    np.testing.assert_allclose(np.hypot(found[:, 0] / 2, found[:, 1]), 10, rtol=1e-9)


def test_frequencies_by_axes_follow_the_speed_of_waves():
    problem = state("u_tt - 4*u_xx", domain="x=-1..1,t=0..2", where={"initial": "u; u_t", "boundary": "0"})
    ratio = aspect(problem)
    assert ratio[1] / ratio[0] == pytest.approx(2.0)  # w_t = c w_x, with c = 2 and equal extents
    assert np.prod(ratio) == pytest.approx(1.0)


def test_a_plane_wave_of_helmholtz_equation():
    field = solve("u_xx + u_yy + 400*u", where={"boundary": "cos(16*x + 12*y)"}, features=320)
    assert _relative(field, lambda x, y: np.cos(16 * x + 12 * y)) < 5e-6  # measured: 6e-7
    assert field.metrics["residual"] < 1e-6


def test_a_closed_form_is_an_ordinary_field(tmp_path):
    field = solve("u_xx + u_yy", domain="x=0..1,y=0..1", where={"boundary": "x^2 - y^2"}, **_FEW)
    field.save(tmp_path / "a.inr")
    loaded = inr.load(tmp_path / "a.inr")
    points = np.array([[0.5, 0.25], [0.1, 0.9]])
    np.testing.assert_array_equal(loaded.at(points), field.at(points))
    np.testing.assert_allclose(field.at(points)[:, 0], points[:, 0] ** 2 - points[:, 1] ** 2, atol=1e-4)
    np.testing.assert_allclose(field.at(points, (2, 0))[:, 0], 2, atol=1e-2)
    assert field.render((8, 8), block=64).shape == (8, 8, 1)
    assert loaded.fit["optimiser"] == "closed-form"


def test_units_make_no_difference():
    """The heat of a rod in metres and kelvin, and of the same rod in nanometres."""
    small = solve("u_t - 0.1*u_xx", domain="x=0..3,t=0..2", where={"t=0": "sin(pi*x)", "boundary": "0"}, **_FEW)
    large = solve(
        "u_t - 1e17*u_xx", domain="x=0..3e9,t=0..2", where={"t=0": "1000*sin(pi*x/1e9)", "boundary": "0"}, **_FEW
    )  # fmt: skip
    points = np.array([[0.4, 0.5], [1.7, 1.5]])
    np.testing.assert_allclose(1000 * small.at(points), large.at(points * [1e9, 1.0]), rtol=1e-2, atol=0.1)
    assert _relative(small, lambda x, t: np.exp(-0.1 * math.pi**2 * t) * np.sin(math.pi * x)) < 1e-4


def test_orders_above_two_have_closed_forms():
    field = solve(
        lambda u, at: u.xxxx - math.pi**4 * sin(math.pi * at.x), domain="x=0..1", where={"boundary": "u; u_xx"}, **_FEW
    )  # fmt: skip
    assert _relative(field, lambda x: np.sin(math.pi * x)) < 1e-4


def test_systems_are_solved_together():
    """Cauchy and Riemann's equations, of which z² is a solution."""
    field = solve(
        lambda u, v: (u.x - v.y, u.y + v.x), channels="u,v", domain="x=-1..1,y=-1..1",
        where={"boundary": lambda u, v, at: (u - at.x**2 + at.y**2, v - 2 * at.x * at.y)}, features=200,
    )  # fmt: skip
    errors = relative_errors(
        field, lambda points: np.stack([points[:, 0] ** 2 - points[:, 1] ** 2, 2 * points.prod(1)], 1)
    )
    assert errors["relative_l2"] < 1e-4


def test_a_complex_channel_is_solved_for():
    field = solve(
        "u_x - 3j*u", channels="u:complex", domain="x=0..2", where={"x=0": "u = 1"}, features=60, tolerance=1e-5
    )  # fmt: skip
    x = np.linspace(0, 2, 9)
    np.testing.assert_allclose(field.at(x) @ [1, 1j], np.exp(3j * x), atol=1e-4)


def test_periodic_solutions_have_their_period():
    field = solve(
        "u_t + u_x", domain="x=0..2,t=0..1", where={"t=0": "exp(sin(pi*x))"}, periodic="x", **_FEW
    )  # fmt: skip
    t = np.linspace(0, 1, 5)
    left, right = (field.at(np.stack([np.full(5, x), t], 1)) for x in (0.0, 2.0))
    np.testing.assert_allclose(left, right, atol=1e-5)
    assert _relative(field, lambda x, t: np.exp(np.sin(math.pi * (x - t)))) < 1e-3


def test_an_equation_that_is_not_linear_by_gauss_newton():
    def residual(u, at):
        wave = sin(math.pi * at.x) * sin(math.pi * at.y)
        return u.lap + u**3 - wave**3 + 2 * math.pi**2 * wave

    field = solve(residual, domain="x=-1..1,y=-1..1", where={"boundary": "0"}, features=200, tolerance=1e-4)
    assert _relative(field, lambda x, y: np.sin(math.pi * x) * np.sin(math.pi * y)) < 1e-4
    assert field.fit["optimiser"] == "closed-form"


def test_a_closed_form_is_kept_where_steps_end_worse():
    told = []
    conditions = {"initial": "-sin(pi*x)", "boundary": "0"}
    field = solve(
        "u_t + u*u_x - 0.1*u_xx", where=conditions, seconds=0.2, features=64, engine="eager", tell=told.append
    )
    assert "the closed form leaves a residual" in told[-2]
    assert told[-1].endswith("is kept; give them more time")
    assert field.fit["optimiser"] == "closed-form"
    assert field.metrics["residual"] < 0.5


def test_a_number_is_found_from_data():
    """The diffusivity, from temperatures at a few places."""
    draw = np.random.default_rng(3)
    points = draw.uniform(0, 1, (60, 2))
    values = np.exp(-0.3 * math.pi**2 * points[:, 1]) * np.sin(math.pi * points[:, 0])
    field = solve(
        lambda u, nu: u.t - nu * u.xx, domain="x=0..1,t=0..1", where={"t=0": "sin(pi*x)", "x=0|x=1": "u"},
        unknown={"nu": 0.1}, data=(points, values), features=200,
    )  # fmt: skip
    assert field.fit["numbers"]["nu"] == pytest.approx(0.3, rel=1e-3)


def test_a_coefficient_is_found_that_varies_with_the_place():
    """Of u = 2 + sin(3x), which was measured, and q u'' = -9 sin(3x) with q = 1 + x²/2, which was not."""
    x = np.linspace(-1, 1, 60)
    measured = np.stack([2 + np.sin(3 * x), np.full(60, np.nan)], 1)
    field = solve(
        lambda u, q, at: q * u.xx + 9 * (1 + at.x**2 / 2) * sin(3 * at.x), channels="u,q", domain="x=-1..1",
        where={"x=-1|x=1": "q = 1.5"}, data=(x, measured), features=24, solver="closed-form",
    )  # fmt: skip
    places = np.array([-0.8, -0.5, 0.4, 0.7])
    np.testing.assert_allclose(field.at(places)[:, 1], 1 + places**2 / 2, rtol=1e-3)


@pytest.mark.long
def test_pictures_have_the_second_axis_upwards():
    field = solve("u_xx + u_yy", domain="x=0..1,y=0..2", where={"boundary": "y"}, features=40)
    rows = field.render((8, 4))[:, 0, 0]
    assert rows[0] == pytest.approx(2 - 1 / 8, abs=0.05)
    assert (np.diff(rows) < 0).all()  # 2 at the top


def test_weights_of_conditions_are_heeded():
    """Of two values at one place that contradict each other, the mean is taken, weighted with squared weights."""
    problem = state("u_x", domain="x=0..1", where={"x=0": "u", "x=0.0": "u - 1"})
    solution = ClosedForm(problem, periodic=[False], weights={"x=0": 3.0}).solve(40)
    there = (solution.features.waves(np.array([[-1.0]]))[0] @ solution.weights)[0, 0]
    assert there == pytest.approx(0.1, abs=1e-3)


def test_functions_that_no_engine_knows_may_stand_before_the_unknown():
    field = solve(
        lambda u, at: u.x - exp(at.x) * cos(at.x) / (1 + at.x**2) * 0 - 2 * at.x, domain="x=-1..1",
        where={"x=-1": "u - 1"}, features=40, tolerance=1e-5,
    )  # fmt: skip
    assert _relative(field, lambda x: x**2) < 1e-4


@pytest.mark.long
@pytest.mark.parametrize(("name", "limit"), [("poisson", 1e-6), ("helmholtz", 1e-6), ("heat", 1e-6), ("wave", 1e-5)])
def test_named_equations_in_closed_form(name, limit):
    preset = PRESETS[name]()
    stated = dict(preset.stated)
    field = solve(stated.pop("residual"), **stated, seconds=60)
    assert relative_errors(field, preset.exact)["relative_l2"] < limit
