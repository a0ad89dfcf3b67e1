"""Derivatives of an activation, found symbolically from its one formula."""

from collections.abc import Callable
from typing import Any

import sympy
import torch
from torch import Tensor

from inr.activations import _functions
from inr.activations._base import Activation
from inr.activations._symbolic import SYMBOLIC

# sympy's names in torch
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


def symbols(activation: Activation) -> tuple[tuple[sympy.Symbol, ...], dict[str, sympy.Symbol]]:
    """The symbols `expressions` is written in: one a plane, and one a constant."""
    count = activation.planes * activation.maps
    planes = tuple(sympy.Symbol(name, real=True) for name in ("a", "b", "c", "d")[:count])
    return planes, {name: sympy.Symbol(f"k_{name}", positive=True) for name in activation.constants("hidden")}


def partial(activation: Activation, *wrt: int) -> Callable[..., tuple[Tensor, ...]]:
    """The partial derivative of an activation's output planes, of any order.

    Args:
        activation: any registered activation.
        wrt: the input planes to differentiate by, one an order: (0, 0) is the second derivative in the first
            plane, () the formula itself.

    Returns:
        A function (*planes, **constants) -> output planes, elementwise on tensors of one shape.
    """
    planes, constants = symbols(activation)
    outputs = [
        sympy.diff(output, *(planes[index] for index in wrt), simplify=False) if wrt else output  # simplifying: minutes
        for output in activation.formula(SYMBOLIC, *planes, **constants)
    ]
    compiled = sympy.lambdify((*planes, *constants.values()), outputs, modules=[_TORCH], cse=True)

    def evaluate(*values: Tensor, **numbers: float) -> tuple[Tensor, ...]:
        results = compiled(*values, *(numbers[name] for name in constants))
        return tuple(_like(result, values[0]) for result in results)

    return evaluate


def _like(result: Any, plane: Tensor) -> Tensor:
    """A derivative that came out constant, spread over the plane's shape."""
    return result if isinstance(result, Tensor) else torch.full_like(plane, float(result))
