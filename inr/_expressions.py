"""Formulas as text, read by a grammar of their own: no file and no argument can run anything by one."""

import ast
import difflib
import math
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeGuard

from inr._errors import InrError

# what a formula may call, by the names of the functions that it is evaluated with
CALLABLE = (
    "sin", "cos", "tan", "exp", "log", "sqrt", "sinh", "cosh", "tanh", "abs", "erf", "sign", "minimum", "maximum",
)  # fmt: skip
CONSTANTS = {"pi": math.pi}
_MAX_LETTERS, _MAX_DEPTH, _MAX_POWER, _MAX_NUMBER = 20_000, 100, 64, 1e300
_MAX_SHOWN = 120  # letters of a formula in a message
_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


class Expression:
    """A formula of numbers, names, the four operations, powers and the functions of `CALLABLE`.

    Powers are written x^2 or x**2, derivatives u_xx or u.xx; numbers such as 2j are imaginary.

    Args:
        text: the formula.

    Attributes:
        text: the same.
        names: what it reads, without constants.

    Raises:
        InrError: it is no formula.

    >>> from inr._expressions import Expression
    >>> Expression("2*x^2 + sin(pi*y)").evaluate({"sin": lambda z: 1.0}, {"x": 3.0, "y": 0.5})
    19.0
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tree = _parsed(text)
        self.names = frozenset(
            node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name) and node.id not in CONSTANTS
        ) - {node.func.id for node in ast.walk(self._tree) if isinstance(node, ast.Call)}  # type: ignore[attr-defined]

    def check(self, known: Collection[str], what: str) -> None:
        """Refuse names that nothing is known by.

        Args:
            known: names that have a meaning.
            what: they are, in words, for the message.

        Raises:
            InrError: one that is not known, with the nearest that is.
        """
        for name in sorted(self.names - set(known)):
            close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
            raise InrError(f"unknown name '{name}' in '{shown(self.text)}'{_meant(close)}; known: {what}, pi")

    def evaluate(self, functions: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
        """What the formula gives.

        Args:
            functions: by the names of `CALLABLE`, those that the formula calls.
            values: numbers, arrays, tensors or symbols by all the names that it reads.

        Returns:
            Of the kind of the values.

        Raises:
            InrError: a number beyond bounds, such as 1/0 or 10^400.
        """
        try:
            return self._value(self._tree, functions, {**CONSTANTS, **values})
        except (ZeroDivisionError, OverflowError):
            raise InrError(f"'{shown(self.text)}' has a number that is not finite in it") from None

    def _value(self, node: ast.AST, functions: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return values[node.id]
        if isinstance(node, ast.UnaryOp):
            operand = self._value(node.operand, functions, values)
            return -operand if isinstance(node.op, ast.USub) else operand
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            return functions[node.func.id](*(self._value(each, functions, values) for each in node.args))
        assert isinstance(node, ast.BinOp)
        left, right = (self._value(each, functions, values) for each in (node.left, node.right))
        return self._power(left, right) if isinstance(node.op, ast.Pow) else _OPERATORS[type(node.op)](left, right)

    def _power(self, base: Any, exponent: Any) -> Any:
        """A power, without the numbers of any length that whole ones make."""
        if not isinstance(exponent, (int, float)) or abs(exponent) > _MAX_POWER:
            raise InrError(f"powers are numbers up to {_MAX_POWER}, as in x^2, not those of '{shown(self.text)}'")
        return float(base) ** float(exponent) if isinstance(base, (int, float)) else base**exponent


def _meant(close: list[str]) -> str:
    return f", did you mean '{close[0]}'" if close else ""


def _parsed(text: str) -> ast.AST:
    """The tree of a formula, of the few kinds of nodes that formulas have."""
    if len(text) > _MAX_LETTERS:
        raise InrError(f"a formula has at most {_MAX_LETTERS:,} letters, not {len(text):,}")
    dotted = re.sub(r"(?<![\w.])([A-Za-z]\w*)\.([A-Za-z]+)", r"\1_\2", text.strip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(dotted.replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InrError(f"'{shown(text)}' is no formula: write as in u_xx + u_yy + 400*u or sin(pi*x)^2") from None
    _check(tree, text, 0)
    return tree


def _check(node: ast.AST, text: str, depth: int) -> None:
    """Refuse whatever is no part of a formula."""
    if depth > _MAX_DEPTH:
        raise InrError(f"'{shown(text)}' is nested more than {_MAX_DEPTH} deep")
    inner: list[ast.AST] = []
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else "?"
        if name not in CALLABLE or node.keywords:
            raise InrError(f"unknown function '{name}' in '{shown(text)}'; known: {', '.join(CALLABLE)}")
        if len(node.args) != (2 if name in ("minimum", "maximum") else 1):
            raise InrError(
                f"{name} takes {'two numbers' if name in ('minimum', 'maximum') else 'one number'}: '{shown(text)}'"
            )
        inner = list(node.args)
    elif isinstance(node, ast.BinOp) and (type(node.op) in _OPERATORS or isinstance(node.op, ast.Pow)):
        inner = [node.left, node.right]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        inner = [node.operand]
    elif isinstance(node, ast.Constant) and _is_number(node.value):
        if not abs(node.value) <= _MAX_NUMBER:
            raise InrError(f"'{shown(text)}' has a number in it that is larger than {_MAX_NUMBER:g}")
    elif not isinstance(node, ast.Name):
        raise InrError(f"'{shown(text)}' is no formula of numbers, names, + - * / ^ and functions such as sin(x)")
    for each in inner:
        _check(each, text, depth + 1)


def _is_number(value: object) -> TypeGuard[complex]:
    return isinstance(value, (int, float, complex)) and not isinstance(value, bool)


def shown(text: str) -> str:
    """A formula as messages have it: on one line, and not too long."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_SHOWN else line[: _MAX_SHOWN - 1] + "…"
