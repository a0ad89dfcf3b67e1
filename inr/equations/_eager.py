"""What engines have no kernels for: functions that cannot be traced, and orders above two, by nested autograd."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy
import torch
from torch import Tensor

from inr._errors import InrError
from inr.engines import NUMBERS, At, Batch, Plan, StepResult, Term
from inr.equations._following import Here, call
from inr.equations._objective import Drawn, PooledLoss
from inr.equations._problem import Condition, Orders, Problem
from inr.equations._terms import Units
from inr.equations._tracing import Channel, bare
from inr.field import Field, Reads


class EagerLoss(PooledLoss):
    """The loss of formulas that torch executes as they are, in own units; only a `NestedPlan` runs it.

    Args:
        problem: whose conditions are called, or whose residuals are evaluated where they were traced.
        units: of coordinates and values.
        drawn: how many points of each condition, and their weights.

    Attributes:
        problem, units: as given.
        residuals: of each condition, in torch.
    """

    def __init__(self, problem: Problem, units: Units, drawn: Drawn) -> None:
        self.problem, self.units = problem, units
        self.residuals = [_residuals_of(each, problem) for each in problem.conditions]
        terms = [Term(each.name, Reads(), _by_no_engine) for each in problem.conditions]
        super().__init__(problem, units.half, drawn, terms, [_known] * len(terms))


def _by_no_engine(ops: Any, at: At) -> Any:
    """The formula of terms that are not formulas of single points."""
    raise InrError("this equation is run by nested differentiation alone")


def _known(points: np.ndarray, known: np.ndarray) -> np.ndarray:
    return known


class NestedPlan:
    """An eager plan whose steps differentiate the field as often as a formula asks for.

    Args:
        inner: an eager plan of the field, for everything else.
        field: what is fitted.
        loss: what is minimised.
        why: what the line says that tells of it.
    """

    def __init__(self, inner: Plan, field: Field, loss: EagerLoss, why: str) -> None:
        self._inner, self._field, self._loss = inner, field, loss
        self.notes = (why,)
        self.block, self.threads, self.device = inner.block, inner.threads, inner.device

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @torch.enable_grad()
    def loss_and_grad(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        """See `Plan.loss_and_grad`."""
        given = {name: tensor.detach().requires_grad_(True) for name, tensor in tensors.items()}
        weights = {name: tensor for name, tensor in given.items() if not name.startswith(NUMBERS)}
        numbers = {name.removeprefix(NUMBERS): each for name, each in given.items() if name.startswith(NUMBERS)}
        total: Any = 0.0
        points, coords = [], []
        sets = self._loss.points(batch)
        for each, residuals, term in zip(sets, self._loss.residuals, self._loss.terms, strict=True):
            if not len(each.coords):
                continue
            place = each.coords.requires_grad_(True)
            values = torch.func.functional_call(self._field, weights, (place,))
            found = residuals(self._derivatives(values, place), self._here(place), each.data, numbers)
            losses = sum((one * one for one in found), torch.zeros(len(place)))
            total = total + term.weight * losses.mean()
            points.append(losses.detach()[:, None])
            coords.append(place.detach())
        grads = torch.autograd.grad(total, list(given.values()), allow_unused=True, materialize_grads=True)
        loss = total.detach()
        found_grads: dict[str, Any] = dict(zip(given, grads, strict=True))
        return StepResult(loss, found_grads, torch.cat(coords), torch.cat(points), squared=float(loss))

    def _here(self, coords: Tensor) -> list[Tensor]:
        return list(self._loss.problem.domain.positions(coords).unbind(1))

    def _derivatives(self, values: Tensor, coords: Tensor) -> Callable[[int, Orders], Tensor]:
        """(channel, orders) to derivatives (n,) in own units, each computed once."""
        known: dict[tuple[int, Orders], Tensor] = {}
        units = self._loss.units

        def normalised(channel: int, orders: Orders) -> Tensor:
            if (channel, orders) not in known:
                if not any(orders):
                    known[channel, orders] = values[:, channel]
                else:
                    axis = max(place for place, order in enumerate(orders) if order)
                    lower = tuple(order - (place == axis) for place, order in enumerate(orders))
                    (slope,) = torch.autograd.grad(
                        normalised(channel, lower).sum(), coords, create_graph=True, materialize_grads=True,
                        allow_unused=True,
                    )  # fmt: skip
                    known[channel, orders] = slope[:, axis]
            return known[channel, orders]

        def derivative(channel: int, orders: Orders) -> Tensor:
            found = normalised(channel, tuple(orders)) * units.factor(channel, orders)
            return found if any(orders) else found + units.shift[channel]

        return derivative


Residuals = Callable[[Callable[[int, Orders], Tensor], list[Tensor], Tensor, Mapping[str, Tensor]], list[Tensor]]


def _residuals_of(condition: Condition, problem: Problem) -> Residuals:
    """A condition's residuals in torch."""
    return _called(condition, problem) if condition.why else _evaluated(condition, problem)


def _evaluated(condition: Condition, problem: Problem) -> Residuals:
    """Of residuals in symbols."""
    symbols = problem.symbols
    jets = sorted({jet for each in condition.residuals for jet in symbols.jets_of(each)}, key=str)
    arguments = [*symbols.coords, *symbols.known, *symbols.numbers.values(), *jets]
    torch_names = {name: getattr(torch, name) for name in ("sin", "cos", "tan", "exp", "log", "sqrt", "sinh", "cosh",
                   "tanh", "erf", "sign")} | {"Abs": torch.abs}  # fmt: skip
    function = sympy.lambdify(arguments, list(condition.residuals), modules=[torch_names, "math"], cse=True)

    def residuals(
        derivative: Callable[[int, Orders], Tensor], here: list[Tensor], known: Tensor, numbers: Mapping[str, Tensor]
    ) -> list[Tensor]:
        measured = list(known.unbind(1)) if known.shape[1] else [0.0] * len(symbols.known)
        read = [derivative(*symbols.jets[jet]) for jet in jets]
        return function(*here, *measured, *(numbers[name] for name in symbols.numbers), *read)

    return residuals


def _called(condition: Condition, problem: Problem) -> Residuals:
    """Of a function that is called with tensors."""
    symbols = problem.symbols

    def residuals(
        derivative: Callable[[int, Orders], Tensor], here: list[Tensor], known: Tensor, numbers: Mapping[str, Tensor]
    ) -> list[Tensor]:
        channels = {}
        for each in problem.unknowns:
            parts = each.parts

            def combined(orders: Orders, parts: tuple[int, ...] = parts) -> Tensor:
                found = [derivative(part, orders) for part in parts]
                return torch.complex(*found) if len(found) == 2 else found[0]

            channels[each.name] = Channel(each.name, symbols.axes, combined)
        at = Here(**dict(zip(symbols.axes, here, strict=True)), **numbers)
        found = call(condition.formula, channels, at, numbers)
        several = found if isinstance(found, (tuple, list)) else (found,)
        flat: list[Tensor] = []
        for one in map(bare, several):
            if not isinstance(one, Tensor) or one.ndim > 1:
                raise InrError(f"'{condition.name}' should give a number at each point, not {type(one).__name__}")
            flat += [one.real, one.imag] if one.is_complex() else [one]
        return flat

    return residuals
