"""Programs as text: what languages with C's expressions and loops have in common, and how they differ."""

import string
from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from inr.exporting._program import (
    Affine,
    Apply,
    Array,
    Kind,
    Loop,
    Node,
    Number,
    Program,
    Read,
    Store,
    children,
    walk,
)

# operators and how tightly they bind
_OPERATORS = {
    "add": ("+", 5), "sub": ("-", 5), "mul": ("*", 6), "div": ("/", 6), "lt": ("<", 4), "le": ("<=", 4),
    "gt": (">", 4), "ge": (">=", 4), "eq": ("==", 3), "ne": ("!=", 3), "both": ("&&", 2), "either": ("||", 2),
    "and": ("&", 0), "xor": ("^", 0), "or": ("|", 0),
}  # fmt: skip
_UNARY, _ATOM = 7, 9
_COUNTERS = "ijklmnopqr"


@dataclass(frozen=True)
class Language:
    """How a language says what programs are made of.

    Attributes:
        calls: functions of scalars as templates such as "sin({0})", by name; a name that ends in .int is for whole
            numbers alone.
        helpers: definitions that templates rely on, by the name that stands in templates.
        number: a constant.
        variable: the declaration of a scalar, from kind, name and first value.
        assigned: the same of a scalar that changes.
        array: the declaration of an array, from kind, name and size.
        loop: the head of a loop, from counter and length.
        element: an element of a constant, from array, its name and place; None for that of a plain array.
        vectors: whether a single coordinate or value is a scalar, and no array of one.
        prefix: what names of constants begin with.
        braces: whether even a single statement in a loop stands in braces.
    """

    calls: Mapping[str, str]
    helpers: Mapping[str, str]
    number: Callable[[float, Kind], str]
    variable: Callable[[Kind, str, str], str]
    assigned: Callable[[Kind, str, str], str]
    array: Callable[[Kind, str, int], str]
    loop: Callable[[str, int], str]
    element: Callable[[Array, str, str], str | None] = lambda array, name, place: None
    vectors: bool = False
    prefix: str = ""
    braces: bool = False


@dataclass
class Text:
    """A program in a language.

    Attributes:
        lines: what computes the values, in order.
        constants: arrays of constants, by name.
        helpers: definitions that the lines rely on, in the order in which they must stand.
        memory: numbers in local arrays.
    """

    lines: list[str]
    constants: dict[str, Array]
    helpers: list[str]
    memory: int


def written(program: Program, language: Language) -> Text:
    """A program in a language."""
    return _Writer(program, language).text()


@dataclass
class _Writer:
    program: Program
    language: Language
    names: dict[Array, str] = field(default_factory=dict)
    counters: dict[int, str] = field(default_factory=dict)
    held: dict[Node, str] = field(default_factory=dict)
    used: dict[str, None] = field(default_factory=dict)
    memory: int = 0
    scalars: set[Array] = field(default_factory=set)
    shared: int = 0

    def text(self) -> Text:
        self.names = {self.program.inputs: "p", self.program.outputs: "v"}
        if self.language.vectors:
            self.scalars |= {each for each in self.names if each.size == 1}
        constants = [array for array in self.program.arrays() if array.data is not None]
        self.names |= {array: f"{self.language.prefix}W{index}" for index, array in enumerate(constants)}
        declared = self._name_locals()
        lines = [*declared, *(line for loop in self.program.loops for line in self._loop(loop))]
        return Text(lines, {self.names[array]: array for array in constants}, self._helpers(), self.memory)

    def _name_locals(self) -> list[str]:
        """Give arrays names, one for several that are not needed at the same time."""
        last: dict[Array, int] = {}
        for index, loop in enumerate(self.program.loops):
            for node in walk(loop.values()):
                if isinstance(node, Read):
                    last[node.array] = index
            for array in loop.written():
                last.setdefault(array, index)
            if loop.after:  # a sum that is read in its own pass only is a number, and no array
                self.names[loop.stores[0].array] = "s"
                self.scalars.add(loop.stores[0].array)
        numbered = 0
        free: list[tuple[str, Kind, int]] = []
        taken: dict[Array, tuple[str, Kind, int]] = {}
        declared: list[tuple[str, Kind, int]] = []
        for index, loop in enumerate(self.program.loops):
            for array in dict.fromkeys(loop.written()):
                if array in self.names:
                    continue
                if array.size == 1:
                    self.names[array] = f"x{numbered}"
                    numbered += 1
                    self.scalars.add(array)
                    continue
                fitting = [each for each in free if each[1:] == (array.kind, array.size)]
                if fitting:
                    free.remove(fitting[0])
                    place = fitting[0]
                else:
                    place = (f"h{len(declared)}", array.kind, array.size)
                    declared.append(place)
                taken[array], self.names[array] = place, place[0]
            for array in [each for each in taken if last[each] <= index]:
                free.append(taken.pop(array))
        self.memory = sum(size for _, _, size in declared)
        return [self.language.array(kind, name, size) for name, kind, size in declared]

    def _loop(self, loop: Loop) -> list[str]:
        loops = [*loop.counters, *loop.summed]
        self.counters |= {number: _COUNTERS[depth] for depth, (number, _) in enumerate(loops)}
        heads = [self.language.loop(self.counters[number], length) for number, length in loops]
        outer, inner = heads[: len(loop.counters)], heads[len(loop.counters) :]
        self.held = {}
        if not loop.summed:
            return self._nested(outer, [*self._shared(loop.values()), *self._stores(loop.stores)])
        store = loop.stores[0]
        kind = store.array.kind
        start = self.language.number(0, kind) if loop.start is None else self.expression(loop.start)
        alone = store.array in self.scalars and not loop.after
        total = self.names[store.array] if alone else "s"
        first = self.language.assigned(kind, total, start)
        body = [*self._shared([store.value]), f"{total}+={self.expression(store.value)};"]
        summing = [first, *self._nested(inner, body)]
        if alone:
            return summing
        lines = [*summing, self._assignment(store.array, store.place, total)]
        if loop.after:
            self.held = {}
            found = [each.value for each in loop.after]
            lines = [*summing, *self._shared(found), *self._stores(loop.after)]
        return self._nested(outer, lines) if outer else ["{", *lines, "}"]

    def _nested(self, heads: Sequence[str], lines: list[str]) -> list[str]:
        """Statements in loops."""
        if not heads or (len(lines) == 1 and not self.language.braces):
            return [*heads, *lines]
        if self.language.braces:
            return [*(f"{head}{{" for head in heads), *lines, "}" * len(heads)]
        return [*heads[:-1], f"{heads[-1]}{{", *lines, "}"]

    def _stores(self, stores: Sequence[Store]) -> list[str]:
        return [self._assignment(each.array, each.place, self.expression(each.value)) for each in stores]

    def _assignment(self, array: Array, place: Affine, value: str) -> str:
        if array in self.scalars and array is not self.program.outputs:
            return self.language.variable(array.kind, self.names[array], value)
        at = "" if array in self.scalars else f"[{self.place(place)}]"
        return f"{self.names[array]}{at}={value};"

    def _shared(self, values: Sequence[Node]) -> list[str]:
        """Variables for what is used several times."""
        tally: Tally[Node] = Tally(values)
        for node in walk(values):
            tally.update(children(node))
        lines = []
        for node in walk(values):
            if isinstance(node, Apply) and tally[node] > 1:
                name = f"t{self.shared}"
                self.shared += 1
                lines.append(self.language.variable(node.kind, name, self.expression(node)))
                self.held[node] = name
        return lines

    def expression(self, node: Node, binding: int = 0) -> str:
        """An expression, in parentheses where what is around binds more tightly."""
        text, own = self._said(node)
        return f"({text})" if own < binding else text

    def _said(self, node: Node) -> tuple[str, int]:
        if node in self.held:
            return self.held[node], _ATOM
        if isinstance(node, Number):
            text = self.language.number(node.value, node.kind)
            return text, _UNARY if text.startswith("-") else _ATOM
        if isinstance(node, Read):
            return self._element(node), _ATOM
        name, given = node.function, node.arguments
        template = self.language.calls.get(f"{name}.{node.kind}", self.language.calls.get(name))
        if template is None and name in _OPERATORS:
            sign, own = _OPERATORS[name]
            if own <= 2:  # whose place between other operators differs from language to language
                return f"({self.expression(given[0], _ATOM)}{sign}{self.expression(given[1], _ATOM)})", _ATOM
            one, other = self.expression(given[0], own), self.expression(given[1], own + 1)
            return f"{one}{sign}{' ' if sign + other[0] == '--' else ''}{other}", own
        if template is None:
            template = f"{name}({{0}})"
        self._use(template)
        atoms = [self.expression(each, 0 if _alone(template, index) else _ATOM) for index, each in enumerate(given)]
        return template.format(*atoms), _ATOM

    def _element(self, node: Read) -> str:
        if node.array in self.scalars:
            return self.names[node.array]
        place = self.place(node.place)
        for each, stride in node.added:
            said = self.expression(each, 6)
            term = said if stride == 1 else f"{said}*{stride}"
            place = term if place == "0" else f"{term}+{place}"
        name = self.names[node.array]
        special = self.language.element(node.array, name, place)
        if special is not None:
            self._use(special)
            return special
        return f"{name}[{place}]"

    def place(self, place: Affine) -> str:
        """A place in an array."""
        terms = [self.counters[c] if stride == 1 else f"{self.counters[c]}*{stride}" for c, stride in place.terms]
        if place.offset or not terms:
            terms.append(str(place.offset))
        return "+".join(terms).replace("+-", "-")

    def _use(self, text: str) -> None:
        for name in self.language.helpers:
            if f"{name}(" in text:
                self.used[name] = None

    def _helpers(self) -> list[str]:
        """Definitions that are used, and those that they use before them."""
        found: dict[str, None] = {}

        def need(name: str) -> None:
            for other in self.language.helpers:
                if other != name and f"{other}(" in self.language.helpers[name]:
                    need(other)
            found[name] = None

        for name in self.used:
            need(name)
        return [self.language.helpers[name] for name in found]


def _alone(template: str, index: int) -> bool:
    """Whether an argument stands between parentheses or commas, so that it needs none of its own."""
    pieces = list(string.Formatter().parse(template))
    for number, (before, name, _, _) in enumerate(pieces):
        if name == str(index):
            after = pieces[number + 1][0] if number + 1 < len(pieces) else ""
            if not (before.endswith(("(", ",")) and after.startswith((")", ","))):
                return False
    return True
