"""Losses of points: what they are of an exact distance, and that they agree with their formulas."""

import numpy as np
import pytest
import torch

import inr
from inr.activations import FUNCTIONS
from inr.engines import At, Batch
from inr.field import jet
from inr.fitting import make_fitter
from inr.objectives import objectives
from inr.signals import from_points


def sphere(count=400, *, normals=True):
    draw = np.random.default_rng(0)
    points = np.concatenate((draw.normal(size=(count, 3)), np.eye(3), -np.eye(3)))  # whose box is the sphere's
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return from_points(points, points if normals else None)


class Distance(torch.nn.Module):
    """The distance to a sphere."""

    def __init__(self, radius):
        super().__init__()
        self.radius = radius

    def forward(self, coords):
        return coords.norm(dim=1, keepdim=True) - self.radius


def loss_of(name, signal, function):
    """The loss of each term, by autograd; and the points of each."""
    objective = objectives.build(name, signal)
    indices = torch.cat((torch.arange(50), signal.starts[1] + torch.arange(0, 2**18, 5000)))
    sets = list(objective.points(Batch(indices)))
    terms = {}
    for term, points in zip(objective.terms, sets, strict=True):
        found = jet(function, points.coords, term.reads)
        data = dict(zip(term.columns, points.data.unbind(1), strict=True))
        first, second = ([list(each[:, 0].unbind(1))] for each in (found.first, found.second))
        at = At([found.values[:, 0]], first, second, points.coords.unbind(1), data, {})
        terms[term.name] = term.weight * float(term.formula(FUNCTIONS, at).mean().detach())
    return terms, sets


@pytest.mark.parametrize("name", ["siren-sdf", "igr"])
def test_the_exact_distance_has_next_to_no_loss(name):
    signal = sphere()
    radius = float(np.linalg.norm(signal.sets[0].coords, axis=1).mean())
    exact, _ = loss_of(name, signal, Distance(radius))
    inside_out, _ = loss_of(name, signal, lambda coords: -Distance(radius)(coords))
    moved, _ = loss_of(name, signal, Distance(radius - 0.1))
    assert exact["surface"] < 0.05
    assert inside_out["surface"] > exact["surface"] + 1  # normals look the other way
    assert moved["surface"] > exact["surface"] + 0.05
    # a known distance is that to the nearest point, which is off by less than their spacing
    assert exact["far"] < objectives.build(name, signal).terms[2].weight * signal.spacing
    assert inside_out["far"] > 10 * exact["far"]


def test_sirens_loss_is_its_published_formula():
    signal = sphere()
    terms, (surface, space, _) = loss_of("siren-sdf", signal, lambda coords: 2 * coords[:, :1] + 0.3)
    f, cos = 2 * surface.coords[:, 0] + 0.3, surface.data[:, 0]  # of the gradient (2, 0, 0)
    assert terms["surface"] == pytest.approx(float((1500 * f.abs() + 50 * (1 - cos) + 25).mean()), rel=1e-5)
    f = 2 * space.coords[:, 0] + 0.3
    assert terms["space"] == pytest.approx(float((50 * torch.exp(-100 * f.abs()) + 25).mean()), rel=1e-5)


def test_divergences_count_less_and_less_and_then_are_not_looked_at():
    objective = objectives.build("digs", sphere(normals=False))
    batch = Batch(torch.arange(300, 900))
    seen = []
    for done in (0.0, 0.2, 0.3, 0.4, 1.0):
        objective.progress(done)
        divergence = objective.points(batch)[-1]
        seen.append(float(divergence.importance.mean()) if len(divergence.coords) else 0.0)
    assert seen == pytest.approx([1, 1, 0.5, 0, 0])


def test_points_without_normals_have_a_loss_that_the_exact_distance_makes_small():
    signal = sphere(4000, normals=False)
    radius = float(np.linalg.norm(signal.sets[0].coords, axis=1).mean())
    exact, _ = loss_of("digs", signal, Distance(radius))
    moved, _ = loss_of("digs", signal, Distance(radius - 0.1))
    inside_out, _ = loss_of("digs", signal, lambda coords: -Distance(radius)(coords))
    assert exact["surface"] < 0.05
    assert moved["surface"] == pytest.approx(300, rel=0.01)
    assert inside_out["far"] > 10 * exact["far"]
    terms, (_, _, _, space) = loss_of("digs", signal, lambda coords: coords.square().sum(1, keepdim=True))
    assert terms["divergence"] == pytest.approx(600)  # the Laplacian is 6
    assert len(space.coords)


def test_other_signals_and_missing_normals_are_refused():
    picture = inr.from_array(np.zeros((4, 4), np.uint8))
    with pytest.raises(inr.InrError, match="points of a surface"):
        objectives.build("siren-sdf", picture)
    with pytest.raises(inr.InrError, match="needs normals"):
        objectives.build("igr", sphere(normals=False))
    with pytest.raises(inr.InrError, match="compares values, and points of a surface have none"):
        objectives.build("mape", sphere())


@pytest.mark.parametrize("parts", [{"activation": "relu"}, {"encoding": "hash:levels=2", "activation": "sine"}])
def test_parts_without_the_derivatives_of_a_loss_are_refused(parts):
    given = {"encoding": "identity", "network": "mlp:depth=1,width=8", **parts}
    with pytest.raises(inr.InrError, match=r"the loss reads derivatives of order 2, and .* without kinks: take"):
        make_fitter(sphere(normals=False), budget=inr.Budget(steps=1), engine="eager", **given)
