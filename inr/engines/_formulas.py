"""Activations and losses as straight-line code: what the kernels of every engine are generated from.

The code comes from the one formula that an activation or an objective has, and its symbolic derivatives, with what they
have in common computed once. Engines say how a function and a number are spelled in their language.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from inr.activations import SYMBOLIC, Activation, expression
from inr.engines._objectives import Pointwise

# relu is max(x, 0); step 1 above 0, else 0; root that of |x|; reciprocal 1/x, and 0 at 0; softplus log(1 + exp(x));
# sinc0 sin(x)/x, and sinc1 to sinc3 its derivatives
FUNCTIONS = (
    "sin", "cos", "exp", "tanh", "relu", "step", "root", "reciprocal", "softplus", "erf",
    "sinc0", "sinc1", "sinc2", "sinc3",
)  # fmt: skip
_MAX_POWER = 8


class Untranslatable(Exception):
    """A formula holds something that there is no fast code for."""


@dataclass(frozen=True)
class Dialect:
    """How a language spells what formulas are made of.

    Attributes:
        functions: names of `FUNCTIONS`, or of some of them.
        number: a float32 constant.
    """

    number: Callable[[float], str]
    functions: Mapping[str, str]


@dataclass(frozen=True)
class Code:
    """Assignments in order, and then an expression for each result."""

    lines: Sequence[str]
    results: Sequence[str]


@dataclass(frozen=True)
class Formula:
    """The code of an activation whose layer gives one or two planes.

    The way back needs less than the way forward found out: of a single plane only the slope, which `learn` keeps in
    the plane's place; of two the planes themselves, and the values.

    Attributes:
        planes: names of what the affine layer gives, bias included.
        constants: names of the layer's constants, in the order of `constant_row`.
        values: names, in `backward`, of the activation's values; only read where `kept` are the planes.
        kept: names, in `backward`, of what `learn` keeps, one a plane.
        gradients: names, in `backward`, of the gradients of the values.
        value: planes and constants to values.
        learn: planes and constants to values, then what is kept.
        backward: what is kept, values, gradients and constants to the gradients of the planes.
    """

    planes: Sequence[str]
    constants: Sequence[str]
    values: Sequence[str]
    kept: Sequence[str]
    gradients: Sequence[str]
    value: Code
    learn: Code
    backward: Code


@dataclass(frozen=True)
class LossFormula:
    """The code of an objective that is the mean of one formula.

    Attributes:
        constants: names of its constants, in the order of a row of `loss_constants`.
        code: `residual`, `value` and constants to the loss of one value and its slope by the residual.
    """

    constants: Sequence[str]
    code: Code


def loss_formula(objective: Pointwise, dialect: Dialect) -> LossFormula:
    """The code of an objective's formula. Raises Untranslatable."""
    residual, value, target = sympy.symbols("residual value target", real=True)
    constants = {name: sympy.Symbol(f"k_{name}", real=True) for name in objective.constants()}
    held = {"target": target} if getattr(objective, "uses_target", False) else {}
    try:
        loss = sympy.sympify(objective.formula(SYMBOLIC, residual, value, **held, **constants))
    except Exception as error:  # whatever functions that know no symbols raise
        raise Untranslatable(f"its formula takes no symbols: {error}") from error
    # the slope is at a constant target, which kernels know as what the residual is the difference to
    results = [each.subs(target, value - residual) for each in (loss, sympy.diff(loss, residual))]
    code = code_of(results, dialect)
    return LossFormula([constant.name for constant in constants.values()], code)


def loss_constants(objective: Pointwise, channels: int) -> list[list[float]]:
    """The numbers that an objective's formula takes besides, a row for every channel."""
    numbers = [
        [number] * channels if isinstance(number, float | int) else list(number)
        for number in objective.constants().values()
    ]
    return [[each[channel] for each in numbers] for channel in range(channels)]


def constant_row(activation: Activation, position: Any) -> list[float]:
    """The constants of a layer, in the order in which formulas name them."""
    return list(activation.constants(position).values())


def refuse_maps(activation: Activation) -> None:
    """Raise Untranslatable for activations of several affine maps."""
    if activation.maps > 1:
        raise Untranslatable(f"no kernels for {activation.maps} affine maps a unit")


def formula(activation: Activation, planes_in: int, dialect: Dialect) -> Formula:
    """The code of an activation whose layer gives `planes_in` planes. Raises Untranslatable."""
    refuse_maps(activation)
    planes, constants, values = expression(activation, planes_in)
    gradients = sympy.symbols(["ga", "gb"][: len(values)], real=True)
    outputs = sympy.symbols(["va", "vb"][: len(values)], real=True)
    if len(planes) == len(values) == 1:
        slope = sympy.Symbol("slope", real=True)
        kept, found = [slope], [sympy.diff(values[0], planes[0])]
        backward = [gradients[0] * slope]
    else:
        kept, found = list(planes), list(planes)
        known = dict(zip(values, outputs, strict=True))
        backward = [
            sum(
                gradient * sympy.expand_mul(sympy.diff(value, plane), deep=False).subs(known)
                for gradient, value in zip(gradients, values, strict=True)
            )
            for plane in planes
        ]
    learn = code_of([*values, *found], dialect)
    return Formula(
        planes=[plane.name for plane in planes],
        constants=[constant.name for constant in constants.values()],
        values=[output.name for output in outputs],
        kept=[each.name for each in kept],
        gradients=[gradient.name for gradient in gradients],
        # the same roundings as in learning; what values do not need, compilers drop
        value=Code(learn.lines, learn.results[: len(values)]),
        learn=learn,
        backward=code_of(backward, dialect),
    )


def code_of(expressions: Sequence[Any], dialect: Dialect, shared_name: str = "t") -> Code:
    """The code of expressions, what they share computed once, under names that begin with `shared_name`.

    Raises:
        Untranslatable: a function or a power that there is no fast code for.
    """
    symbols = sympy.numbered_symbols(shared_name)
    shared, reduced = sympy.cse(expressions, symbols=symbols, optimizations="basic")
    lines = [f"{symbol} = {_emit(expression, dialect)}" for symbol, expression in shared]
    return Code(lines, [_emit(expression, dialect) for expression in reduced])


def _emit(expression: Any, dialect: Dialect) -> str:
    """A sympy expression in a dialect."""
    if expression.is_Symbol:
        return expression.name
    if expression.is_Number:
        return dialect.number(float(expression))
    if isinstance(expression, sympy.Add | sympy.Mul):
        sign = " + " if isinstance(expression, sympy.Add) else " * "
        return "(" + sign.join(_emit(argument, dialect) for argument in expression.args) + ")"
    if isinstance(expression, sympy.Pow):
        base, exponent = expression.args
        return _emit_power(base, exponent, dialect)
    # further arguments are whole numbers, the order of a derivative
    name = type(expression).__name__.lower() + "".join(map(str, expression.args[1:]))
    return _call(name, expression.args[0], dialect)


def _call(function: str, argument: Any, dialect: Dialect) -> str:
    if function not in dialect.functions:
        raise Untranslatable(f"no fast code for {function}")
    return f"{dialect.functions[function]}({_emit(argument, dialect)})"


def _emit_power(base: Any, exponent: Any, dialect: Dialect) -> str:
    if not (exponent.is_Integer and 1 <= abs(exponent) <= _MAX_POWER):
        raise Untranslatable(f"no fast code for a power of {exponent}")
    product = "(" + " * ".join([_emit(base, dialect)] * abs(int(exponent))) + ")"
    return product if exponent > 0 else f"({dialect.number(1.0)} / {product})"
