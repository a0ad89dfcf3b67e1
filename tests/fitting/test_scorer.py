"""What teachers learn of a field while it is being fitted."""

import numpy as np
import pytest
import torch

import inr
from inr.engines import plan
from inr.field import Field
from inr.fitting._scorer import FieldScorer
from inr.objectives import Regression
from tests.tables import mostly_long


def problem(engine="auto", **parts):
    samples = np.random.default_rng(0).integers(0, 255, (5, 4, 2)).astype(np.uint8)
    source = inr.Signal.from_array(samples, kind="image", channels_last=True)
    torch.manual_seed(0)
    field = Field.build(source.domain, **parts)
    return field, source, FieldScorer(field, source, plan(field, Regression(source), engine)[1])


@pytest.mark.parametrize("engine", mostly_long(["eager", "cpu"]))
def test_residuals_are_predictions_less_targets(engine):
    field, source, scorer = problem(engine, network="mlp:depth=1,width=8")
    everything = torch.arange(20)
    expected = (field(source.coords(everything)) - source.values(everything)).detach()
    torch.testing.assert_close(scorer.residuals(), expected, rtol=0, atol=1e-5)
    some = torch.tensor([19, 3, 3])
    torch.testing.assert_close(scorer.residuals(some), expected[some], rtol=0, atol=1e-5)
    assert scorer.scored == 23


@pytest.mark.parametrize(
    "parts",
    [
        {"network": "mlp:depth=1,width=8"},
        {
            "encoding": "hash:levels=2,coarsest=2,finest=5,log2_size=4",
            "activation": "relu",
            "network": "mlp:depth=1,width=8",
        },
        {"activation": "gabor:omega=5,scale=5", "network": "mlp:depth=2,width=4"},
        {"activation": "linear", "network": "bacon:width=4,bandwidth=4"},
        {"activation": "sine", "network": "cam:depth=1,width=4,resolution=3"},
    ],
)
def test_tangent_products_are_those_of_the_explicit_matrix(parts, monkeypatch):
    monkeypatch.setattr("inr.fitting._scorer._TANGENT_POINTS", 7)  # several blocks, the last one short
    field, source, scorer = problem(**parts)
    field = field.double()
    residuals = torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    values = field(source.coords(torch.arange(20)).double()).flatten()
    parameters = list(field.parameters())
    slopes = [torch.autograd.grad(v, parameters, retain_graph=True, materialize_grads=True) for v in values]
    jacobian = torch.stack([torch.cat([g.flatten() for g in each]) for each in slopes])
    monkeypatch.setattr(source, "coords", lambda i, original=source.coords: original(i).double())
    monkeypatch.setattr(
        source, "blocks", lambda block, original=source.blocks: ((x.double(), y.double()) for x, y in original(block))
    )
    found = scorer.tangent(residuals)
    expected = (jacobian @ (jacobian.T @ residuals.flatten())).view(20, 2)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert scorer.scored == 60
