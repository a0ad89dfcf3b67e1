"""Interrupted steps go on bit for bit, with the points and the weights that they had."""

import pytest
import torch

from inr import InrError
from inr.equations import _collocation, collocation_fit, solve, solve_options, state
from tests.tables import mostly_long

HOW = {"steps": 24, "network": "mlp:depth=2,width=12", "batch": 48, "engine": "eager", "seed": 3}
TRACED = {
    "residual": "u_t + u*u_x - nu*u_xx", "where": {"t=0": "-sin(pi*x)", "x=-1|x=1": "u"}, "unknown": {"nu": 0.1},
    "data": ([[0.5, 0.5], [0.2, 0.1]], [[-0.5], [-0.4]]), "domain": "x=-1..1,t=0..1",
}  # fmt: skip
EXECUTED = {
    "residual": lambda u, at: u.x + torch.sigmoid(u), "where": {"x=0": "1"}, "domain": "x=0..1",
}  # fmt: skip


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """Points are renewed and conditions balanced every few steps."""
    monkeypatch.setattr(_collocation, "_RENEW_EVERY", 5)
    monkeypatch.setattr(_collocation, "_BALANCE_EVERY", 4)


def interrupted(path, cut, stated, **options):
    fit = collocation_fit(state(**stated), solve_options(**HOW, **options), checkpoint=path)
    for event in fit.run():
        if event.step == cut:
            fit.fitter.stop()
    assert (event.reason, event.step) == ("interrupted", cut)


@pytest.mark.parametrize(
    ("stated", "cut", "options"),
    mostly_long(
        [
            (TRACED, 13, {}),
            (EXECUTED, 10, {}),
            (TRACED, 1, {}),
            (TRACED, 15, {"balance": False, "weights": {"t=0": 7.0}, "optimiser": "adam"}),
        ],
        2,
    ),
)
def test_resumed_steps_give_the_bits_of_undisturbed_ones(tmp_path, stated, cut, options):
    whole = solve(**stated, **HOW, **options)
    path = tmp_path / "fit.checkpoint"
    interrupted(path, cut, stated, **options)
    found = solve(**stated, **HOW, **options, checkpoint=path, resume=True)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name
    assert found.metrics == whole.metrics
    assert found.fit == whole.fit


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"residual": "u_t + 2*u*u_x - nu*u_xx"}, "its equation differ"),
        ({"unknown": {"nu": 0.2}}, "its equation differ"),
        ({"data": ([[0.5, 0.5], [0.2, 0.1]], [[-0.5], [-0.3]])}, "its .*equation"),
        ({"balance": False}, "weights of conditions"),
        ({"seed": 4}, "its seed differ"),
        ({"solver": "closed-form"}, "a closed form takes no steps that could be resumed"),
    ],
)
def test_the_steps_of_something_else_are_not_gone_on_with(tmp_path, changed, words):
    path = tmp_path / "fit.checkpoint"
    interrupted(path, 2, TRACED)
    with pytest.raises(InrError, match=words):
        solve(**TRACED | HOW | changed, checkpoint=path, resume=True)


def test_nothing_to_resume(tmp_path):
    with pytest.raises(InrError, match="nothing to resume"):
        solve(**TRACED, **HOW, checkpoint=tmp_path / "none", resume=True)
