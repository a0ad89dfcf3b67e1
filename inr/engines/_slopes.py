"""Partial derivatives of activations to third order, as short code: by what is known already, where that is enough."""

from collections.abc import Mapping, Sequence
from typing import Any

import sympy

from inr.activations import Activation, expression
from inr.engines._formulas import Code, Dialect, code_of, refuse_maps


class _Functions:
    """The functions and quotients in a formula under names of their own, by which derivatives stay short.

    A derivative of such a name is a formula of names again: of exp(u) the name itself times that of u, of sin(u) the
    name of cos(u) times that of u.
    """

    def __init__(self, planes: Sequence[Any]) -> None:
        self._planes = planes
        self._names: dict[Any, sympy.Symbol] = {}
        self.calls: dict[sympy.Symbol, Any] = {}
        self._slopes: dict[tuple[sympy.Symbol, int], Any] = {}

    def named(self, formula: Any) -> Any:
        """A formula with names in the place of functions."""
        if not formula.args:
            return formula
        rebuilt = formula.func(*map(self.named, formula.args))
        if isinstance(rebuilt, sympy.Pow) and rebuilt.exp.is_negative and not rebuilt.base.is_number:
            return self._name(1 / rebuilt.base) ** -rebuilt.exp
        return self._name(rebuilt) if isinstance(rebuilt, sympy.Function) else rebuilt

    def _name(self, call: Any) -> sympy.Symbol:
        if call not in self._names:
            symbol = self._names[call] = sympy.Symbol(f"f{len(self._names)}", real=True)
            self.calls[symbol] = call
        return self._names[call]

    def derivative(self, formula: Any, part: int) -> Any:
        """Of a formula of planes and names, by a plane's part."""
        inner = (
            sympy.diff(formula, symbol) * self._slope(symbol, part) for symbol in self.used_in([formula], direct=True)
        )
        return sympy.diff(formula, self._planes[part]) + sum(inner)

    def _slope(self, symbol: sympy.Symbol, part: int) -> Any:
        if (symbol, part) not in self._slopes:
            call = self.calls[symbol]
            if isinstance(call, sympy.Pow):
                self._slopes[symbol, part] = -(symbol**2) * self.derivative(call.base, part)
            else:
                self._slopes[symbol, part] = sum(
                    self.named(call.fdiff(index)) * slope
                    for index, argument in enumerate(call.args, 1)
                    if (slope := self.derivative(argument, part)) != 0
                )
        return self._slopes[symbol, part]

    def used_in(self, formulas: Sequence[Any], direct: bool = False) -> list[sympy.Symbol]:
        """Names in formulas in the order of their making, with those in their arguments unless `direct`."""
        found = {symbol for each in formulas for symbol in each.free_symbols if symbol in self.calls}
        if found and not direct:
            found.update(self.used_in([self.calls[symbol] for symbol in found]))
        return [symbol for symbol in self.calls if symbol in found]

    def lines(self, formulas: Sequence[Any], dialect: Dialect, given: Mapping[Any, Any]) -> list[str]:
        """Code of the names that formulas use, but for those that are given under other names."""
        lines = []
        for symbol in self.used_in(formulas):
            if symbol in given:
                lines.append(f"{symbol.name} = {given[symbol].name}")
                continue
            code = code_of([self.calls[symbol]], dialect, f"{symbol.name}_")
            lines += [*code.lines, f"{symbol.name} = {code.results[0]}"]
        return lines


class Slopes:
    """The partial derivatives of an activation as symbols, and what they are.

    Where the first derivatives can be said by planes and values alone, as those of exponentials, all others can, and no
    function is evaluated on the way back. Of a sine the slope is kept, by which and the value all others can be said.

    Attributes:
        planes, values: symbols of the parts of what goes in and comes out.
        results: parts of what comes out.
        constants: names.
        kept: symbols of what is kept for the way back, in the places of the planes; kept_values: what that is.
    """

    def __init__(self, activation: Activation, parts: int) -> None:
        refuse_maps(activation)
        found = expression(activation, parts)
        self.planes = found.planes
        self.constants = [constant.name for constant in found.constants.values()]
        self.results = len(found.values)
        self.values = symbols_of("v0", self.results)
        self._functions = _Functions(self.planes)
        self._formulas = [self._functions.named(value) for value in found.values]
        self._asked: dict[sympy.Symbol, tuple[int, tuple[int, ...]]] = {}
        self._found: dict[tuple[int, tuple[int, ...]], Any] = {}
        self._slope = sympy.Symbol("slope", real=True)
        self._first = self._by_values()
        self._bend = None if self._first else self._by_slope()
        self.kept, self.kept_values = list(self.planes), list(self.planes)
        if self._bend is not None:
            self.kept, self.kept_values = [self._slope], [self.of(0, (0,))]

    def _by_values(self) -> dict[tuple[int, int], Any] | None:
        """First derivatives by planes and values; None where that takes functions."""
        known = dict(zip(self._formulas, self.values, strict=True))
        found = {
            (result, part): sympy.expand(self._derivative(result, (part,))).subs(known)
            for result in range(self.results)
            for part in range(len(self.planes))
        }
        return None if self._functions.used_in(list(found.values())) else found

    def _by_slope(self) -> Any:
        """The second derivative by value and first one alone; None where it is not that simple."""
        if not len(self.planes) == self.results == 1:
            return None
        value, slope, bend = (self._derivative(0, (0,) * order) for order in range(3))
        names = self._functions.used_in([value, slope, bend])
        equations = [value - self.values[0], slope - self._slope]
        if len(names) != 2 or any(self.planes[0] in each.free_symbols for each in (value, slope, bend)):
            return None
        solved = sympy.solve(equations, names, dict=True)
        return sympy.expand(bend.subs(solved[0])) if len(solved) == 1 else None

    def of(self, result: int, by: tuple[int, ...]) -> sympy.Symbol:
        """The symbol of a partial derivative of a result by parts; of the result itself for ()."""
        by = tuple(sorted(by))
        if not by:
            return self.values[result]
        symbol = sympy.Symbol(f"d{result}_{''.join(map(str, by))}", real=True)
        self._asked[symbol] = result, by
        return symbol

    def more(self, symbol: sympy.Symbol, part: int) -> sympy.Symbol:
        """The symbol of the derivative, by one more part, of what a symbol of this class stands for."""
        if symbol in self.values:
            return self.of(self.values.index(symbol), (part,))
        result, by = self._asked[symbol]
        return self.of(result, (*by, part))

    def symbols_in(self, formulas: Sequence[Any]) -> list[sympy.Symbol]:
        """Symbols of values and derivatives that formulas read, in a fixed order."""
        read = {symbol for each in formulas for symbol in each.free_symbols}
        return sorted((symbol for symbol in read if symbol in self._asked or symbol in self.values), key=str)

    def forward_code(self, formulas: Sequence[Any], dialect: Dialect) -> Code:
        """Code of formulas that read planes, values and derivatives, of which only the planes are there."""
        read = self.symbols_in([*self.values, *formulas])
        meant = [self._derivative(*self._asked.get(each, (self._place(each), ()))) for each in read]
        return self._code(read, meant, formulas, dialect, {})

    def backward_code(self, formulas: Sequence[Any], dialect: Dialect) -> Code:
        """Code of formulas of which what is kept and the values are there."""
        read = [symbol for symbol in self.symbols_in(formulas) if symbol in self._asked]
        meant = [self._by_kept(*self._asked[each]) for each in read]
        return self._code(read, meant, formulas, dialect, dict(zip(self._formulas, self.values, strict=True)))

    def _code(
        self, read: Sequence[Any], meant: Sequence[Any], formulas: Sequence[Any], dialect: Dialect,
        given: Mapping[Any, Any],
    ) -> Code:  # fmt: skip
        """Functions, then symbols by what they mean, then formulas of them."""
        first = code_of(meant, dialect, "t")
        named = [f"{symbol.name} = {result}" for symbol, result in zip(read, first.results, strict=True)]
        last = code_of(formulas, dialect, "w")
        functions = self._functions.lines(meant, dialect, given)
        return Code([*functions, *first.lines, *named, *last.lines], last.results)

    def _place(self, symbol: sympy.Symbol) -> int:
        return self.values.index(symbol) if symbol in self.values else 0

    def _derivative(self, result: int, by: tuple[int, ...]) -> Any:
        """What a derivative is, by planes and names of functions."""
        if not by:
            return self._formulas[result]
        if (result, by) not in self._found:
            self._found[result, by] = self._functions.derivative(self._derivative(result, by[:-1]), by[-1])
        return self._found[result, by]

    def _by_kept(self, result: int, by: tuple[int, ...]) -> Any:
        """What a derivative is, by what is kept, and values where they help."""
        if self._first is not None:
            found = self._first[result, by[0]]
            for part in by[1:]:
                inner = sum(
                    sympy.diff(found, value) * self._first[other, part] for other, value in enumerate(self.values)
                )
                found = sympy.expand(sympy.diff(found, self.planes[part]) + inner)
            return sympy.horner(found, wrt=self.planes[0]) if found.is_polynomial(*self.planes) else found
        if self._bend is None:
            return self._derivative(result, by)
        found, value, slope = self._slope, self.values[0], self._slope
        for _ in by[1:]:
            found = sympy.expand(sympy.diff(found, value) * slope + sympy.diff(found, slope) * self._bend)
        return found


def symbols_of(name: str, count: int) -> list[Any]:
    """Real symbols with numbers behind their name."""
    return [sympy.Symbol(f"{name}{'_' if name[-1].isdigit() else ''}{index}", real=True) for index in range(count)]


def names_of(symbols: Sequence[Any]) -> list[str]:
    return [symbol.name for symbol in symbols]
