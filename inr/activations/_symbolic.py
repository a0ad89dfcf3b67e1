"""The elementary functions that formulas are written in, as sympy's; `_functions` has torch's.

Where sympy has a function of its own, but one whose derivatives hold what no engine has code for (roots of pi, delta
functions, cases), there is another here. Derivatives of relu are what they are almost everywhere.
"""

import math
from types import SimpleNamespace
from typing import Any

import sympy


class Relu(sympy.Function):
    """max(z, 0)."""

    def fdiff(self, argindex: int = 1) -> Any:
        """1 above 0, else 0."""
        return Step(self.args[0])


class Step(sympy.Function):
    """1 above 0, else 0."""

    def fdiff(self, argindex: int = 1) -> Any:
        """0, almost everywhere."""
        return sympy.Integer(0)


class Erf(sympy.Function):
    """The error function."""

    def fdiff(self, argindex: int = 1) -> Any:
        """2 exp(-z^2) / sqrt(pi)."""
        return sympy.Float(2 / math.sqrt(math.pi)) * sympy.exp(-(self.args[0] ** 2))


class Softplus(sympy.Function):
    """log(1 + exp(z))."""

    def fdiff(self, argindex: int = 1) -> Any:
        """The logistic function."""
        return (1 + sympy.tanh(self.args[0] / 2)) / 2


class Sinc(sympy.Function):
    """(u, order): the derivative of that order of sin(u)/u."""

    def fdiff(self, argindex: int = 1) -> Any:
        """The next order."""
        return Sinc(self.args[0], self.args[1] + 1)


class Root(sympy.Function):
    """The square root of |z|."""

    def fdiff(self, argindex: int = 1) -> Any:
        """sqrt(|z|) / (2 z), and 0 at 0."""
        return Root(self.args[0]) * Reciprocal(self.args[0]) / 2


class Reciprocal(sympy.Function):
    """1/z, and 0 at 0."""

    def fdiff(self, argindex: int = 1) -> Any:
        """-1/z^2, and 0 at 0."""
        return -(Reciprocal(self.args[0]) ** 2)


SYMBOLIC = SimpleNamespace(
    sin=sympy.sin, cos=sympy.cos, exp=sympy.exp, tanh=sympy.tanh, erf=Erf, relu=Relu,
    abs=lambda z: Relu(z) + Relu(-z), softplus=Softplus, sinc=lambda z: Sinc(z, 0), root=Root, reciprocal=Reciprocal,
)  # fmt: skip
