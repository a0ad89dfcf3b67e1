"""Activations on values and derivatives, and terms of losses, as straight-line code.

An activation σ acts on the planes of `inr.engines._cpu._planes`: values z, first derivatives z_i, and what operators a
of second order give, S. By the chain rule

    h = σ(z),    h_i = σ' z_i,    S_h = σ' S_z + σ'' Σ a_ij z_i z_j,

where a complex activation has partial derivatives by both of its parts in place of σ' and σ''. The way back is the
gradient of these three, which takes σ''' where there are operators. First derivatives of few channels have a cheaper
way, `ReverseFormula`. All of it is differentiated symbolically from the one formula of an activation.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from inr.activations import SYMBOLIC, Activation, expression
from inr.engines._formulas import Code, Dialect, Untranslatable, code_of, refuse_maps
from inr.engines._objectives import At, Term
from inr.field import Operator

Names = Sequence[Sequence[str]]  # by plane and part


@dataclass(frozen=True)
class PlanesFormula:
    """The code of an activation on planes of values and derivatives.

    A name of a plane's part is that of its real or imaginary part; a real activation has one.

    Attributes:
        constants: names of the layer's constants, in the order of `constant_row`.
        planes: names of what the affine layer gives, bias included, by plane and part.
        values: names, in `backward`, of the results of the activation, by plane and part.
        kept: names, in `backward`, of what `learn` keeps in the place of each plane.
        gradients: names, in `backward`, of the gradients of the results.
        value: planes to results.
        learn: planes to results, then what is kept in the place of the values.
        backward: what is kept, results and gradients to the gradients of the planes.
    """

    constants: Sequence[str]
    planes: Names
    values: Names
    kept: Names
    gradients: Names
    value: Code
    learn: Code
    backward: Code


@dataclass(frozen=True)
class ReverseFormula:
    """The code of an activation for first derivatives in reverse: up, down, up, down.

    Values h go up; from each channel its gradients g come down, which at the coordinates are the derivatives; along the
    direction t that the loss gives, tangents go up; and the gradients of the values come down:

        g_z = σ' g_h,    t_h = σ' t_z,    z̄ = σ' h̄ + σ'' g_h t_z.

    The gradients of the weights are z̄ hᵀ + g_z tᵀ. What is kept of a real layer are σ' and σ'', the latter times g_h
    from the way down on, and times t_z from the way up on; of a complex one its planes and g_h.

    Attributes:
        constants: as of `PlanesFormula`.
        planes: names of the parts of what the affine layer gives, bias included.
        values: names, in later codes, of the parts of the values.
        kept: names, in later codes, of what `up` keeps in the place of the planes.
        spare: names of what it keeps besides in the channels' first place, in `down`.
        arriving, going: names of g_h and of t_z, by channel and part.
        carried: names of what `down` leaves in each channel's place, in `tangent`, by channel and part.
        added: names of what `tangent` leaves in the channels' first place, in `back`.
        gradients: names of h̄.
        up: planes to values, then `kept`, then `spare`.
        down: kept, values, spare and arriving to g_z of every channel, then `carried`.
        tangent: kept, values, carried and going to t_h of every channel, then `added`.
        back: kept, values, added and gradients to z̄.
    """

    constants: Sequence[str]
    planes: Sequence[str]
    values: Sequence[str]
    kept: Sequence[str]
    spare: Sequence[str]
    arriving: Names
    going: Names
    carried: Names
    added: Sequence[str]
    gradients: Sequence[str]
    up: Code
    down: Code
    tangent: Code
    back: Code


@dataclass(frozen=True)
class TermFormula:
    """The code of a term's formula and of its gradient.

    Attributes:
        values: names of the channels' values.
        first, second: names of their derivatives, by channel.
        coords, data, numbers: names of what else a point brings, in the order of axes, columns and numbers.
        code: to the loss of a point; then the gradients by the values, by the first derivatives of every channel, by
            the second ones, and by the learned numbers.
    """

    values: Sequence[str]
    first: Names
    second: Names
    coords: Sequence[str]
    data: Sequence[str]
    numbers: Sequence[str]
    code: Code


def planes_formula(
    activation: Activation, parts: int, axes: Sequence[int], operators: Sequence[Operator], dialect: Dialect
) -> PlanesFormula:
    """The code of an activation on planes.

    Args:
        activation: any registered one.
        parts: of what the affine layer gives: 1, or 2 where it is complex.
        axes: of the planes of first derivatives.
        operators: of those of second order, which read these axes only.
        dialect: of the code.

    Raises:
        Untranslatable: in words.
    """
    slopes = _Slopes(activation, parts)
    count = 1 + len(axes) + len(operators)
    planes = [list(slopes.planes), *(_symbols(f"z{plane}", parts) for plane in range(1, count))]
    results = _compose(slopes, planes, axes, operators)
    values = [_symbols(f"v{plane}", slopes.results) for plane in range(count)]
    gradients = [_symbols(f"g{plane}", slopes.results) for plane in range(count)]
    total = sum(
        gradient * result
        for row, plane in zip(gradients, results, strict=True)
        for gradient, result in zip(row, plane, strict=True)
    )
    backward = [_through(slopes, total, part) for part in range(parts)]
    backward += [sympy.diff(total, symbol) for plane in planes[1:] for symbol in plane]
    kept = [[each.name for each in slopes.kept], *(_names(plane) for plane in planes[1:])]
    learn = slopes.forward_code([*itertools.chain(*results), *slopes.kept_values], dialect)
    return PlanesFormula(
        constants=slopes.constants,
        planes=[_names(plane) for plane in planes],
        values=[_names(slopes.values), *(_names(plane) for plane in values[1:])],
        kept=kept,
        gradients=[_names(plane) for plane in gradients],
        # the same roundings as in learning; what values do not need, compilers drop
        value=Code(learn.lines, learn.results[: count * slopes.results]),
        learn=learn,
        backward=slopes.backward_code(backward, dialect),
    )


def reverse_formula(activation: Activation, parts: int, channels: int, dialect: Dialect) -> ReverseFormula:
    """The code of an activation for first derivatives of `channels` channels in reverse. Raises Untranslatable."""
    slopes = _Slopes(activation, parts)
    arriving = [_symbols(f"g{channel}", slopes.results) for channel in range(channels)]
    going = [_symbols(f"t{channel}", parts) for channel in range(channels)]
    gradients, added = _symbols("e", slopes.results), _symbols("q", parts)
    single = parts == slopes.results == 1
    first = [[slopes.of(result, (part,)) for part in range(parts)] for result in range(slopes.results)]
    if single:
        slope, bend = sympy.symbols("slope bend", real=True)
        carried = [[sympy.Symbol(f"c{channel}", real=True)] for channel in range(channels)]
        down = [slope * arriving[channel][0] for channel in range(channels)]
        down += [bend * arriving[channel][0] for channel in range(channels)]
        tangent = [slope * going[channel][0] for channel in range(channels)]
        tangent += [sum(carried[channel][0] * going[channel][0] for channel in range(channels))]
        back = [slope * gradients[0] + added[0]]
        kept, spare = [slope], [bend]
        left = [first[0][0], slopes.of(0, (0, 0))]
    else:
        carried = arriving
        down = [
            sum(first[result][part] * arriving[channel][result] for result in range(slopes.results))
            for channel in range(channels)
            for part in range(parts)
        ]
        down += [symbol for channel in arriving for symbol in channel]
        tangent = [
            sum(first[result][part] * going[channel][part] for part in range(parts))
            for channel in range(channels)
            for result in range(slopes.results)
        ]
        tangent += [
            sum(
                slopes.of(result, (part, other)) * arriving[channel][result] * going[channel][other]
                for channel in range(channels)
                for result in range(slopes.results)
                for other in range(parts)
            )
            for part in range(parts)
        ]
        back = [
            sum(first[result][part] * gradients[result] for result in range(slopes.results)) + added[part]
            for part in range(parts)
        ]
        kept, spare = list(slopes.planes), []
        left = list(slopes.planes)
    values = [slopes.of(result, ()) for result in range(slopes.results)]
    return ReverseFormula(
        constants=slopes.constants,
        planes=_names(slopes.planes),
        values=_names(slopes.values),
        kept=_names(kept),
        spare=_names(spare),
        arriving=[_names(channel) for channel in arriving],
        going=[_names(channel) for channel in going],
        carried=[_names(channel) for channel in carried],
        added=_names(added),
        gradients=_names(gradients),
        up=slopes.forward_code([*values, *left], dialect),
        down=slopes.backward_code(down, dialect),
        tangent=slopes.backward_code(tangent, dialect),
        back=slopes.backward_code(back, dialect),
    )


def term_formula(term: Term, in_dim: int, channels: int, dialect: Dialect) -> TermFormula:
    """The code of a term for points of `in_dim` coordinates. Raises Untranslatable."""
    values = _symbols("y", channels)
    first = [_symbols(f"y{channel}_d", len(term.reads.first)) for channel in range(channels)]
    second = [_symbols(f"y{channel}_s", len(term.reads.second)) for channel in range(channels)]
    coords, data = _symbols("x", in_dim), _symbols("m", len(term.columns))
    numbers = _symbols("n", len(term.numbers))
    at = At(
        values, first, second, coords,
        dict(zip(term.columns, data, strict=True)), dict(zip(term.numbers, numbers, strict=True)),
    )  # fmt: skip
    try:
        loss = sympy.sympify(term.formula(SYMBOLIC, at))
    except Exception as error:  # whatever functions that know no symbols raise
        raise Untranslatable(f"its formula takes no symbols: {error}") from error
    # Python's own |x|, of which sympy's derivative has no code
    loss = loss.replace(sympy.Abs, SYMBOLIC.abs)
    read = [*values, *itertools.chain(*first), *itertools.chain(*second), *numbers]
    return TermFormula(
        _names(values), [_names(each) for each in first], [_names(each) for each in second],
        _names(coords), _names(data), _names(numbers),
        code_of([loss, *(sympy.diff(loss, symbol) for symbol in read)], dialect),
    )  # fmt: skip


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


class _Slopes:
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
        self.values = _symbols("v0", self.results)
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


def _compose(
    slopes: _Slopes, planes: Sequence[Sequence[Any]], axes: Sequence[int], operators: Sequence[Operator]
) -> list[list[Any]]:
    """The activation's results on planes, by plane and part."""
    parts = range(len(planes[0]))
    place = {axis: 1 + index for index, axis in enumerate(axes)}
    found: list[list[Any]] = [[slopes.of(result, ()) for result in range(slopes.results)]]
    for index in range(1, len(planes)):
        found.append(
            [
                sum(slopes.of(result, (part,)) * planes[index][part] for part in parts)
                for result in range(slopes.results)
            ]
        )
    for index, operator in enumerate(operators):
        plane = 1 + len(axes) + index
        pairs = [(i, j, operator[i][j]) for i in axes for j in axes if operator[i][j]]
        for result in range(slopes.results):
            found[plane][result] += sum(
                slopes.of(result, (part, other))
                * sum(_number(a) * planes[place[i]][part] * planes[place[j]][other] for i, j, a in pairs)
                for part in parts
                for other in parts
            )
    return found


def _number(number: float) -> Any:
    """A coefficient; whole ones so that a factor of 1 is none."""
    return sympy.Integer(int(number)) if number == int(number) else sympy.Float(number)


def _through(slopes: _Slopes, total: Any, part: int) -> Any:
    """The derivative of a formula by a part of the values' plane, through the activation's derivatives."""
    return sum(sympy.diff(total, symbol) * slopes.more(symbol, part) for symbol in slopes.symbols_in([total]))


def _symbols(name: str, count: int) -> list[Any]:
    """Real symbols with numbers behind their name."""
    return [sympy.Symbol(f"{name}{'_' if name[-1].isdigit() else ''}{index}", real=True) for index in range(count)]


def _names(symbols: Sequence[Any]) -> list[str]:
    return [symbol.name for symbol in symbols]
