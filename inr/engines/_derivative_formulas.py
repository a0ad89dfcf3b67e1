"""Activations on values and derivatives, and terms of losses, as straight-line code.

An activation σ acts on the planes of `inr.engines._cpu._planes`: values z, first derivatives z_i, and what operators a
of second order give, S. By the chain rule

    h = σ(z),    h_i = σ' z_i,    S_h = σ' S_z + σ'' Σ a_ij z_i z_j,

where a complex activation has partial derivatives by both of its parts in place of σ' and σ''. In the words of
automatic differentiation planes are forward mode, and that of an axis is the tangent along it. The way back is the
gradient of these three, which takes σ''' where there are operators. First derivatives of few channels have a cheaper
way, reverse mode, `ReverseFormula`. All of it is differentiated symbolically from the one formula of an activation.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from inr.activations import SYMBOLIC, Activation
from inr.engines._formulas import Code, Dialect, Untranslatable, code_of
from inr.engines._objectives import At, Term
from inr.engines._slopes import Slopes, names_of, symbols_of
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
    """The code of an activation for first derivatives by reverse mode, and for their gradients: four passes.

    Values h go up; the adjoints a of each channel come down, which at the coordinates are its derivatives; tangents t,
    along the gradients of the loss by these derivatives, go up; and the gradients h̄ of the loss by the values come
    down:

        a_z = σ' a_h,    t_h = σ' t_z,    z̄ = σ' h̄ + σ'' a_h t_z.

    The gradients of the weights are z̄ hᵀ + a_z tᵀ. What is kept of a real layer are σ' and σ'', the latter times a_h
    from the second pass on, and times t_z from the third on; of a complex one its planes and a_h.

    Attributes:
        constants: as of `PlanesFormula`.
        planes: names of the parts of what the affine layer gives, bias included.
        values: names, in later codes, of the parts of the values.
        kept: names, in later codes, of what `forward` keeps in the place of the planes.
        spare: names of what it keeps besides in the channels' first place, in `adjoint`.
        adjoints, tangents: names of a_h and of t_z, by channel and part.
        carried: names of what `adjoint` leaves in each channel's place, in `tangent`, by channel and part.
        added: names of what `tangent` leaves in the channels' first place, in `backward`.
        gradients: names of h̄.
        forward: planes to values, then `kept`, then `spare`.
        adjoint: kept, values, spare and adjoints to a_z of every channel, then `carried`.
        tangent: kept, values, carried and tangents to t_h of every channel, then `added`.
        backward: kept, values, added and gradients to z̄.
    """

    constants: Sequence[str]
    planes: Sequence[str]
    values: Sequence[str]
    kept: Sequence[str]
    spare: Sequence[str]
    adjoints: Names
    tangents: Names
    carried: Names
    added: Sequence[str]
    gradients: Sequence[str]
    forward: Code
    adjoint: Code
    tangent: Code
    backward: Code


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
    slopes = Slopes(activation, parts)
    count = 1 + len(axes) + len(operators)
    planes = [list(slopes.planes), *(symbols_of(f"z{plane}", parts) for plane in range(1, count))]
    results = _compose(slopes, planes, axes, operators)
    values = [symbols_of(f"v{plane}", slopes.results) for plane in range(count)]
    gradients = [symbols_of(f"g{plane}", slopes.results) for plane in range(count)]
    total = sum(
        gradient * result
        for row, plane in zip(gradients, results, strict=True)
        for gradient, result in zip(row, plane, strict=True)
    )
    backward = [_through(slopes, total, part) for part in range(parts)]
    backward += [sympy.diff(total, symbol) for plane in planes[1:] for symbol in plane]
    kept = [[each.name for each in slopes.kept], *(names_of(plane) for plane in planes[1:])]
    learn = slopes.forward_code([*itertools.chain(*results), *slopes.kept_values], dialect)
    return PlanesFormula(
        constants=slopes.constants,
        planes=[names_of(plane) for plane in planes],
        values=[names_of(slopes.values), *(names_of(plane) for plane in values[1:])],
        kept=kept,
        gradients=[names_of(plane) for plane in gradients],
        # the same roundings as in learning; what values do not need, compilers drop
        value=Code(learn.lines, learn.results[: count * slopes.results]),
        learn=learn,
        backward=slopes.backward_code(backward, dialect),
    )


def reverse_formula(activation: Activation, parts: int, channels: int, dialect: Dialect) -> ReverseFormula:
    """The code of an activation for first derivatives of `channels` channels by reverse mode. Raises Untranslatable."""
    slopes = Slopes(activation, parts)
    adjoints = [symbols_of(f"a{channel}", slopes.results) for channel in range(channels)]
    tangents = [symbols_of(f"t{channel}", parts) for channel in range(channels)]
    gradients, added = symbols_of("e", slopes.results), symbols_of("q", parts)
    single = parts == slopes.results == 1
    first = [[slopes.of(result, (part,)) for part in range(parts)] for result in range(slopes.results)]
    if single:
        slope, bend = sympy.symbols("slope bend", real=True)
        carried = [[sympy.Symbol(f"c{channel}", real=True)] for channel in range(channels)]
        adjoint = [slope * adjoints[channel][0] for channel in range(channels)]
        adjoint += [bend * adjoints[channel][0] for channel in range(channels)]
        tangent = [slope * tangents[channel][0] for channel in range(channels)]
        tangent += [sum(carried[channel][0] * tangents[channel][0] for channel in range(channels))]
        backward = [slope * gradients[0] + added[0]]
        kept, spare = [slope], [bend]
        left = [first[0][0], slopes.of(0, (0, 0))]
    else:
        carried = adjoints
        adjoint = [
            sum(first[result][part] * adjoints[channel][result] for result in range(slopes.results))
            for channel in range(channels)
            for part in range(parts)
        ]
        adjoint += [symbol for channel in adjoints for symbol in channel]
        tangent = [
            sum(first[result][part] * tangents[channel][part] for part in range(parts))
            for channel in range(channels)
            for result in range(slopes.results)
        ]
        tangent += [
            sum(
                slopes.of(result, (part, other)) * adjoints[channel][result] * tangents[channel][other]
                for channel in range(channels)
                for result in range(slopes.results)
                for other in range(parts)
            )
            for part in range(parts)
        ]
        backward = [
            sum(first[result][part] * gradients[result] for result in range(slopes.results)) + added[part]
            for part in range(parts)
        ]
        kept, spare = list(slopes.planes), []
        left = list(slopes.planes)
    values = [slopes.of(result, ()) for result in range(slopes.results)]
    return ReverseFormula(
        constants=slopes.constants,
        planes=names_of(slopes.planes),
        values=names_of(slopes.values),
        kept=names_of(kept),
        spare=names_of(spare),
        adjoints=[names_of(channel) for channel in adjoints],
        tangents=[names_of(channel) for channel in tangents],
        carried=[names_of(channel) for channel in carried],
        added=names_of(added),
        gradients=names_of(gradients),
        forward=slopes.forward_code([*values, *left], dialect),
        adjoint=slopes.backward_code(adjoint, dialect),
        tangent=slopes.backward_code(tangent, dialect),
        backward=slopes.backward_code(backward, dialect),
    )


def term_formula(term: Term, in_dim: int, channels: int, dialect: Dialect) -> TermFormula:
    """The code of a term for points of `in_dim` coordinates. Raises Untranslatable."""
    values = symbols_of("y", channels)
    first = [symbols_of(f"y{channel}_d", len(term.reads.first)) for channel in range(channels)]
    second = [symbols_of(f"y{channel}_s", len(term.reads.second)) for channel in range(channels)]
    coords, data = symbols_of("x", in_dim), symbols_of("m", len(term.columns))
    numbers = symbols_of("n", len(term.numbers))
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
        names_of(values), [names_of(each) for each in first], [names_of(each) for each in second],
        names_of(coords), names_of(data), names_of(numbers),
        code_of([loss, *(sympy.diff(loss, symbol) for symbol in read)], dialect),
    )  # fmt: skip


def _compose(
    slopes: Slopes, planes: Sequence[Sequence[Any]], axes: Sequence[int], operators: Sequence[Operator]
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


def _through(slopes: Slopes, total: Any, part: int) -> Any:
    """The derivative of a formula by a part of the values' plane, through the activation's derivatives."""
    return sum(sympy.diff(total, symbol) * slopes.more(symbol, part) for symbol in slopes.symbols_in([total]))
