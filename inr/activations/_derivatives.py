"""Derivatives of an activation, found symbolically from its one formula."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import sympy
import torch
from torch import Tensor

from inr.activations import _functions
from inr.activations._base import Activation
from inr.activations._symbolic import SYMBOLIC

# The functions of torch by the names that sympy prints.
_TORCH = {
    "sin": torch.sin,
    "cos": torch.cos,
    "exp": torch.exp,
    "tanh": torch.tanh,
    "Relu": torch.relu,
    "Step": lambda z: (z > 0).to(z.dtype),
    "Erf": torch.erf,
    "Softplus": _functions.softplus,
    "Sinc": _functions.sinc,
    "Root": _functions.root,
    "Reciprocal": _functions.reciprocal,
}


class Expression(NamedTuple):
    """An activation's formula, written in sympy's symbols.

    Attributes:
        planes: the symbols of the input planes.
        constants: those of a layer's constants, by name.
        values: the output planes, as expressions of the two.
    """

    planes: tuple[sympy.Symbol, ...]
    constants: Mapping[str, sympy.Symbol]
    values: tuple[sympy.Expr, ...]


def expression(activation: Activation, planes: int | None = None) -> Expression:
    """An activation's formula as sympy has it, from which derivatives and the kernels of engines are made.

    Args:
        activation: any registered activation.
        planes: how many input planes there are; all of a hidden layer's when None. A first layer, which reads real
            features, has one a map.

    Returns:
        The formula and its symbols.

    >>> inr.activations.expression(inr.activations.Sine()).values
    (sin(a*k_omega),)
    """
    count = activation.planes * activation.maps if planes is None else planes
    symbols = tuple(sympy.Symbol(name, real=True) for name in ("a", "b", "c", "d")[:count])
    constants = {name: sympy.Symbol(f"k_{name}", positive=True) for name in activation.constants("hidden")}
    values = activation.formula(SYMBOLIC, *symbols, **constants)
    return Expression(symbols, constants, tuple(sympy.sympify(value) for value in values))


def partial(activation: Activation, *wrt: int) -> Callable[..., tuple[Tensor, ...]]:
    """The partial derivative of an activation's output planes, of any order.

    Args:
        activation: any registered activation.
        wrt: the input planes to differentiate by, one an order: (0, 0) is the second derivative in the first
            plane, () the formula itself.

    Returns:
        A function (*planes, **constants) -> output planes, elementwise on tensors of one shape.

    >>> slope = inr.activations.partial(inr.activations.Sine(), 0)
    >>> slope(torch.zeros(2), omega=30.0)
    (tensor([30., 30.]),)
    """
    planes, constants, values = expression(activation)
    outputs = [
        # Simplifying would take minutes.
        sympy.diff(value, *(planes[index] for index in wrt), simplify=False) if wrt else value
        for value in values
    ]
    compiled = sympy.lambdify((*planes, *constants.values()), outputs, modules=[_TORCH], cse=True)

    def evaluate(*values: Tensor, **numbers: float) -> tuple[Tensor, ...]:
        results = compiled(*values, *(numbers[name] for name in constants))
        return tuple(_like(result, values[0]) for result in results)

    return evaluate


def _like(result: Any, plane: Tensor) -> Tensor:
    """A derivative that came out constant, spread over the plane's shape."""
    return result if isinstance(result, Tensor) else torch.full_like(plane, float(result))
