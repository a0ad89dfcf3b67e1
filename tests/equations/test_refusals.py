"""What equations are refused for, in one line each."""

import numpy as np
import pytest
import sympy

from inr import InrError
from inr._expressions import Expression
from inr.equations import solve
from inr.equations._linearised import compiled
from inr.equations._problem import Symbols


def _asked(equation="u_xx + u", boundary="0", **options):
    return solve(equation, domain="x=-1..1", where={"boundary": boundary}, channels="u", **options)


@pytest.mark.parametrize("equation", ["u_xx + log(0)", "u_xx + sqrt(-1)*u", "u_xx + exp(exp(exp(9)))"])
def test_numbers_that_are_not_finite(equation, recwarn):
    with pytest.raises(InrError, match="not finite"):
        _asked(equation)
    assert not recwarn.list


@pytest.mark.parametrize("equation", ["u_xx - u_xx", "0*u_xx"])
def test_terms_that_cancel(equation):
    with pytest.raises(InrError, match="all its terms cancel"):
        _asked(equation)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": 0}, "steps is a number from 1 on, not 0"),
        ({"seconds": float("nan")}, "seconds is a positive number, not nan"),
        ({"seconds": -1.0}, "seconds is a positive number, not -1"),
        ({"batch": 0}, "batch is a number from 8 on"),
        ({"periodic": "q"}, "'q', which is no axis; axes are x"),
        ({"unknown": {"k": 1.0}}, "nothing reads the unknown number 'k'"),
        ({"unknown": {"k": float("inf")}, "equation": "u_xx + k*u"}, "first guess of k is a finite number"),
        ({"unknown": {"pi": 3.0}, "equation": "u_xx + pi*u"}, "'pi' is an unknown number and something else"),
        ({"channels": "sin"}, "a channel cannot be called sin"),
    ],
)
def test_settings(options, words):
    given = {"equation": "u_xx + u", "channels": "u"} | options
    with pytest.raises(InrError, match=words):
        solve(given.pop("equation"), domain="x=-1..1", where={"boundary": "0"}, **given)


def test_data_of_nothing():
    with pytest.raises(InrError, match="no measured value"):
        _asked(data=(np.zeros(3), np.full(3, np.nan)))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000 + "u" + ")" * 5_000,
        "-" * 15_000 + "u",
        "u+" * 5_000 + "u",
        "9" * 5_000 + "*u",
        "u +\n" * 50 + "1e301",
    ],
)
def test_messages_stay_on_one_short_line(text):
    with pytest.raises(InrError) as error:
        Expression(text)
    assert len(str(error.value)) < 250
    assert "\n" not in str(error.value)


def test_the_slope_of_a_jump_is_no_impulse():
    symbols = Symbols("x", ["u"])
    u = symbols.jet(0, (0,))
    assert compiled([sympy.diff(sympy.sign(u), u)], [u])(np.array([0.5]))[0] == 0


def test_a_function_that_is_not_finite_at_nothing_can_be_stepped():
    field = _asked("u_xx + 1/u", boundary="1", steps=2, batch=16, network="mlp:depth=1,width=8", engine="eager")
    assert field.fit["steps"] == 2
