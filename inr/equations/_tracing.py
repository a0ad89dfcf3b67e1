"""Formulas that users write as plain functions, followed once with symbols."""

import operator
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
import sympy
import torch

from inr._errors import InrError


class Untraceable(Exception):
    """A function does what symbols cannot: it branches, or calls what has no symbol."""


def _both(name: str) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    """An operator's method and its reflected one."""
    act: Callable[[Any, Any], Any] = getattr(operator, name)

    def method(self: "Quantity", other: Any) -> Any:
        return self._made(act(bare(self), bare(other)))

    def reflected(self: "Quantity", other: Any) -> Any:
        return self._made(act(bare(other), bare(self)))

    return method, reflected


class Quantity:
    """Something that formulas calculate with: a value, and the arithmetic of it.

    Attributes:
        value: a sympy expression while a formula is traced, a tensor (n,) while it is executed.
    """

    __array_priority__ = 1000  # numpy leaves arithmetic with its scalars to this class

    def __init__(self, value: Any) -> None:
        self.value = value

    def _made(self, value: Any) -> Any:
        return Quantity(value) if isinstance(value, sympy.Basic) else value

    __add__, __radd__ = _both("add")
    __sub__, __rsub__ = _both("sub")
    __mul__, __rmul__ = _both("mul")
    __truediv__, __rtruediv__ = _both("truediv")
    __pow__, __rpow__ = _both("pow")

    def __neg__(self) -> Any:
        return self._made(-bare(self))

    def __pos__(self) -> Any:
        return self._made(bare(self))

    def __abs__(self) -> Any:
        return _apply("abs", self)

    def _sympy_(self) -> Any:
        return bare(self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        act = _NUMPY_OPERATORS.get(ufunc.__name__)
        if act is not None and method == "__call__":
            return self._made(act(*(bare(each) for each in inputs)))
        return _called(ufunc.__name__, inputs)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        values = [bare(each) for each in args]
        if any(isinstance(each, sympy.Basic) for each in values):
            return _called(function.__name__, args)
        return function(*values, **(kwargs or {}))

    def _no_number(self, *_: Any) -> NoReturn:
        raise Untraceable("it decides by the values of the field")

    __bool__ = __float__ = __int__ = __index__ = __lt__ = __le__ = __gt__ = __ge__ = _no_number


_NUMPY_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "true_divide": operator.truediv,
    "divide": operator.truediv, "power": operator.pow, "negative": operator.neg,
}  # fmt: skip


def bare(each: Any) -> Any:
    """What a quantity holds, or the thing itself."""
    return bare(each.value) if isinstance(each, Quantity) else each


_SYMBOLIC: dict[str, Callable[..., Any]] = {
    "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "exp": sympy.exp, "log": sympy.log, "sqrt": sympy.sqrt,
    "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh, "abs": sympy.Abs, "erf": sympy.erf, "sign": sympy.sign,
    "minimum": lambda a, b: (a + b - sympy.Abs(a - b)) / 2, "maximum": lambda a, b: (a + b + sympy.Abs(a - b)) / 2,
    "square": lambda z: z**2, "pow": lambda z, p: z**p,
}  # fmt: skip


def _called(name: str, inputs: Sequence[Any]) -> Any:
    """A function of symbols, by the name that numpy or torch have for it."""
    name = "abs" if name == "absolute" else name
    if name not in _SYMBOLIC:
        raise Untraceable(f"there are no symbols for the function '{name}'")
    return Quantity(_SYMBOLIC[name](*(bare(each) for each in inputs)))


def _apply(name: str, *inputs: Any) -> Any:
    values = [bare(each) for each in inputs]
    if any(isinstance(each, sympy.Basic) for each in values):
        return _called(name, inputs)
    if any(isinstance(each, torch.Tensor) for each in values):
        like = next(each for each in values if isinstance(each, torch.Tensor))
        return getattr(torch, name)(*(torch.as_tensor(each, dtype=like.dtype) for each in values))
    if name == "erf":
        from scipy.special import erf

        return erf(*values)
    return getattr(np, name)(*values)


def _function(name: str) -> Callable[..., Any]:
    def function(*inputs: Any) -> Any:
        return _apply(name, *inputs)

    function.__name__ = name
    function.__doc__ = f"{name} of numbers, arrays, tensors, or of what an equation is made of."
    return function


# by the names of `inr._expressions.CALLABLE`
FUNCTIONS = {name: _function(name) for name in _SYMBOLIC if name not in ("square", "pow")}


class Channel(Quantity):
    """A channel of the unknown field: by itself its value, and its derivatives by name.

    `u.x` is the first derivative by the axis x, `u.xt` a mixed one of second order; `u.lap` the Laplacian and `u.grad`
    the tuple of first derivatives by all axes but t. All are in own units.

    Args:
        name: of the channel.
        axes: names of the axes.
        derivative: orders by each axis to the derivative.
    """

    def __init__(self, name: str, axes: Sequence[str], derivative: Callable[[tuple[int, ...]], Any]) -> None:
        super().__init__(derivative((0,) * len(axes)))
        self._name, self._axes, self._derivative = name, tuple(axes), derivative

    @property
    def lap(self) -> Any:
        """The Laplacian by all axes but t."""
        return sum((getattr(self, 2 * axis) for axis in self._space), 0.0)

    @property
    def grad(self) -> tuple[Any, ...]:
        """First derivatives by all axes but t."""
        return tuple(getattr(self, axis) for axis in self._space)

    @property
    def _space(self) -> list[str]:
        return [axis for axis in self._axes if axis != "t"]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if not set(name) <= set(self._axes):
            axes = ", ".join(self._axes)
            raise InrError(
                f"{self._name} has no derivative '{name}': axes are {axes}, as in {self._name}.{self._axes[0]}"
            )
        return self._derivative(tuple(name.count(axis) for axis in self._axes))
