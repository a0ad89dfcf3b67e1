"""From what was solved for to a field, in whose units and with conditions around its network."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from inr._parts import parse_spec
from inr.equations._closed_form import Solution
from inr.equations._hard import Wrapping, as_text, wrap
from inr.equations._linearised import broadcast, compiled
from inr.equations._options import SolveOptions
from inr.equations._problem import Problem
from inr.equations._terms import Units
from inr.field import Field, Spec
from inr.signals import ValueMap

_LOOKED_AT = 4_096  # points by which the range of values is found


def wrapped(problem: Problem, options: SolveOptions) -> tuple[Problem, Wrapping | None]:
    """The problem in terms of what the network gives.

    Args:
        problem: in terms of the field.
        options: which conditions hold by construction.
    """
    if not options.hard:
        return problem, None
    return wrap(
        problem,
        None if options.hard is True else [options.hard] if isinstance(options.hard, str) else list(options.hard),
    )


def network_of(solution: Solution, problem: Problem, wrapping: Wrapping | None) -> Field:
    """The network of one hidden layer that a least squares came to.

    Args:
        solution: in terms of what the network gives.
        problem: in terms of the field.
        wrapping: what the network is wrapped in, if it is.
    """
    features, weights = solution.features, solution.weights
    draw = np.random.default_rng(0)
    coords = draw.uniform(-1, 1, (_LOOKED_AT, problem.domain.in_dim))
    values = features.waves(coords)[0] @ weights
    if wrapping is not None:
        values = _offsets(wrapping.offsets, problem, coords) + _offsets(wrapping.factors, problem, coords) * values
    problem = replace(problem, domain=replace(problem.domain, values=_range(values)))
    units = units_of(problem, wrapping)
    field = Field.build(
        problem.domain, encoding="identity", activation="sine:omega=1",
        network=conditioned({"name": "mlp", "depth": 1, "width": features.count}, problem, wrapping, units),
    )  # fmt: skip
    first, last = (field.network.over if wrapping else field.network).layers  # type: ignore[union-attr, misc]
    with torch.no_grad():
        first.weight.copy_(torch.from_numpy(features.frequencies))
        first.bias.copy_(torch.from_numpy(features.phases))
        last.weight.copy_(torch.from_numpy((weights / np.array(units.scale)).T))
        last.bias.copy_(torch.tensor([-shift / scale for shift, scale in zip(units.shift, units.scale, strict=True)]))
    return field


def _range(values: np.ndarray) -> ValueMap:
    """The map of values that spans those that there are."""
    low, high = values.min(0), values.max(0)
    pad = np.where(high > low, 0.0, np.maximum(np.abs(low), 1.0))
    return ValueMap(tuple((low - pad).tolist()), tuple((high + pad).tolist()))


def _offsets(expressions: Sequence[Any], problem: Problem, coords: np.ndarray) -> np.ndarray:
    points = np.asarray(problem.domain.positions(coords))
    found = compiled(expressions, problem.symbols.coords)(*points.T)
    return np.stack(broadcast(found, len(points)), 1)


def units_of(problem: Problem, wrapping: Wrapping | None) -> Units:
    """From what the network gives to own units: a wrapped one gives values without their middle.

    Args:
        problem: whose domain has the map of values.
        wrapping: of the network, if any.
    """
    domain = problem.domain
    pairs = list(zip(domain.values.low, domain.values.high, strict=True))
    shift = tuple(0.0 if wrapping else (high + low) / 2 for low, high in pairs)
    half = tuple((axis.high - axis.low) / 2 for axis in domain.axes)
    return Units(half, tuple((high - low) / 2 for low, high in pairs), shift)


def conditioned(inner: Spec, problem: Problem, wrapping: Wrapping | None, units: Units) -> Spec:
    """The network of a field whose conditions hold by construction.

    Args:
        inner: the network that is wrapped.
        problem: whose domain has the map of values.
        wrapping: what it is wrapped in; the network is as it was where None.
        units: of the problem.
    """
    if wrapping is None:
        return inner
    domain, symbols = problem.domain, problem.symbols
    middle = [(high + low) / 2 for low, high in zip(domain.values.low, domain.values.high, strict=True)]
    offsets = [
        as_text(each, symbols, domain.axes, scale, shift)
        for each, scale, shift in zip(wrapping.offsets, units.scale, middle, strict=True)
    ]
    factors = [as_text(each, symbols, domain.axes, 1.0, 0.0) for each in wrapping.factors]
    return {
        "name": "conditioned", "over": parse_spec(inner), "offset": "; ".join(offsets), "factor": "; ".join(factors),
    }  # fmt: skip
