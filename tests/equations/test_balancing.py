"""Gradients of conditions have one size, or sizes in the ratio of weights that are given."""

import pytest

from inr.equations import collocation_fit, solve_options, state

HEAT = {"residual": "u_t - u_xx", "where": {"t=0": "sin(pi*x)", "x=-1|x=1": "u"}, "domain": "x=-1..1,t=0..1"}


def balanced(**options):
    """Weights of the equation and its conditions after they were balanced once, with a field that does not move."""
    given = {"steps": 2, "network": "mlp:depth=1,width=8", "batch": 64, "engine": "eager", "learning_rate": 1e-12}
    fit = collocation_fit(state(**HEAT), solve_options(**given, **options))
    for _ in fit.run():
        pass
    return fit._loss.weights


def test_given_weights_are_factors_of_balanced_ones():
    even, first = balanced(), balanced(weights={"t=0": 10.0})
    assert sum(even) == pytest.approx(sum(first)) == pytest.approx(3)
    assert [each / even[0] for each in even[1:]] == pytest.approx(
        [first[1] / first[0] / 10, first[2] / first[0]], rel=1e-4
    )
    assert len({round(each, 3) for each in even}) == 3


def test_without_balance_weights_are_those_given():
    assert balanced(balance=False, weights={"t=0": 10.0, "equation": 2.0}) == [2.0, 10.0, 1.0]
