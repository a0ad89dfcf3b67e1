"""A field at one point as a program: loops over arrays of numbers, whose elements are expressions of scalars.

What all languages are printed from. A program has no more than assignments in loops of fixed lengths and sums, so that
every language with arrays and arithmetic can say it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeAlias

import numpy as np

Kind = Literal["float", "int", "bool"]
Counter = tuple[int, int]  # its number, and how far it counts


@dataclass(frozen=True)
class Affine:
    """A whole number that is affine in the counters of the loops around: offset + Σ stride · counter."""

    offset: int = 0
    terms: tuple[tuple[int, int], ...] = ()  # counter and stride, by counter

    def __add__(self, other: "Affine") -> "Affine":
        return self._made(self.offset + other.offset, [*self.terms, *other.terms])

    def times(self, factor: int) -> "Affine":
        """The product with a whole number."""
        return self._made(self.offset * factor, [(counter, stride * factor) for counter, stride in self.terms])

    def stride(self, counter: int) -> int:
        """What a step of a counter adds."""
        return dict(self.terms).get(counter, 0)

    def without(self, counter: int) -> "Affine":
        """The same where a counter is 0."""
        return Affine(self.offset, tuple(term for term in self.terms if term[0] != counter))

    def renamed(self, names: Mapping[int, int]) -> "Affine":
        """The same with other counters."""
        return Affine(self.offset, tuple(sorted((names.get(counter, counter), each) for counter, each in self.terms)))

    @staticmethod
    def _made(offset: int, terms: Sequence[tuple[int, int]]) -> "Affine":
        strides: dict[int, int] = {}
        for counter, stride in terms:
            strides[counter] = strides.get(counter, 0) + stride
        return Affine(offset, tuple(sorted(term for term in strides.items() if term[1])))


@dataclass(eq=False)
class Array:
    """Numbers in a row: constants, coordinates, or what a program has computed so far.

    Attributes:
        size: how many.
        kind: what they are.
        data: (size,) of constants; None where they are computed.
        step: what whole numbers in `data` are to be multiplied with, None where they are taken as they are.
    """

    size: int
    kind: Kind = "float"
    data: np.ndarray | None = None
    step: float | None = None


@dataclass(frozen=True, eq=False)
class Number:
    """A constant."""

    value: float
    kind: Kind


@dataclass(frozen=True, eq=False)
class Read:
    """An element of an array, at an affine place to which computed whole numbers may add."""

    array: Array
    place: Affine
    added: tuple[tuple["Node", int], ...] = ()  # each times its stride

    @property
    def kind(self) -> Kind:
        """What the array holds."""
        return self.array.kind


@dataclass(frozen=True, eq=False)
class Apply:
    """A function of scalars, by one of the names that `_code` can spell."""

    function: str
    arguments: tuple["Node", ...]
    kind: Kind


Node: TypeAlias = Number | Read | Apply


class Nodes:
    """Makes nodes, one of a kind: equal expressions are one and the same object."""

    def __init__(self) -> None:
        self._known: dict[tuple, Node] = {}

    def number(self, value: float, kind: Kind) -> Node:
        """A constant."""
        return self._one((value, kind), lambda: Number(value, kind))

    def read(self, array: Array, place: Affine, added: tuple[tuple[Node, int], ...] = ()) -> Node:
        """An element of an array."""
        key = id(array), place, tuple((id(node), stride) for node, stride in added)
        return self._one(key, lambda: Read(array, place, added))

    def apply(self, function: str, arguments: Sequence[Node], kind: Kind) -> Node:
        """A function of nodes, left out where it changes nothing."""
        one, other = arguments[0], arguments[-1]
        if function == "mul":
            for kept, number in ((one, other), (other, one)):
                if isinstance(number, Number) and number.value in (0, 1):
                    return kept if number.value == 1 else number
        if function in ("add", "sub") and isinstance(other, Number) and other.value == 0:
            return one
        if function == "add" and isinstance(one, Number) and one.value == 0:
            return other
        key = function, kind, *map(id, arguments)
        return self._one(key, lambda: Apply(function, tuple(arguments), kind))

    def moved(self, nodes: Sequence[Node], move: Callable[[Affine], Affine]) -> list[Node]:
        """Expressions whose places are changed."""
        made: dict[Node, Node] = {}
        for node in walk(nodes):
            if isinstance(node, Read):
                added = tuple((made[each], stride) for each, stride in node.added)
                made[node] = self.read(node.array, move(node.place), added)
            elif isinstance(node, Apply):
                made[node] = self.apply(node.function, [made[each] for each in node.arguments], node.kind)
            else:
                made[node] = node
        return [made[node] for node in nodes]

    def _one(self, key: tuple, make: Callable[[], Node]) -> Node:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


def children(node: Node) -> tuple[Node, ...]:
    """What a node is computed from."""
    if isinstance(node, Apply):
        return node.arguments
    return tuple(each for each, _ in node.added) if isinstance(node, Read) else ()


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    """All nodes of some expressions, each once and after those that it is computed from."""
    seen: set[Node] = set()
    stack = [(node, False) for node in reversed(nodes)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((each, False) for each in reversed(children(node)))


@dataclass
class Store:
    """array[place] = value."""

    array: Array
    place: Affine
    value: Node


@dataclass
class Loop:
    """Stores for all values of some counters.

    Attributes:
        counters: of the loops, outermost first.
        stores: what is done in the innermost.
        summed: counters of further loops, over which the value of the one store is summed up.
        start: what the sum begins with, None for 0.
        after: stores that follow a sum in the same pass; they read it where its own store would have put it.
    """

    counters: list[Counter]
    stores: list[Store]
    summed: list[Counter] = field(default_factory=list)
    start: Node | None = None
    after: list[Store] = field(default_factory=list)

    def values(self) -> list[Node]:
        """All expressions of it."""
        values = [store.value for store in [*self.stores, *self.after]]
        return values if self.start is None else [*values, self.start]

    def written(self) -> list[Array]:
        """Arrays in memory that it writes to."""
        return [store.array for store in self.after or self.stores]


@dataclass
class Program:
    """A field at one point.

    Attributes:
        inputs: coordinates, in [-1, 1].
        outputs: values, in the signal's own units.
        loops: what is computed, in order.
        range: the least and the greatest value that are usual.
    """

    inputs: Array
    outputs: Array
    loops: list[Loop]
    range: tuple[float, float] = (-1.0, 1.0)

    @property
    def constants(self) -> int:
        """Numbers in arrays of constants."""
        return sum(array.size for array in self.arrays() if array.data is not None)

    def arrays(self) -> list[Array]:
        """All arrays but inputs and outputs, in the order in which they are used."""
        found: dict[Array, None] = {}
        for loop in self.loops:
            found |= {node.array: None for node in walk(loop.values()) if isinstance(node, Read)}
            found |= {store.array: None for store in [*loop.stores, *loop.after]}
        return [each for each in found if each not in (self.inputs, self.outputs)]


def simplified(loop: Loop, nodes: Nodes) -> Loop:
    """The same loop with as few counters as can be: two become one where elements follow each other in all arrays."""
    for chain in (loop.counters, loop.summed):
        for index in reversed(range(len(chain) - 1)):
            outer, inner = chain[index], chain[index + 1]
            if _follow(loop, outer, inner):
                chain[index : index + 2] = [(inner[0], outer[1] * inner[1])]
                _move(loop, nodes, partial(Affine.without, counter=outer[0]))
    return loop


def _move(loop: Loop, nodes: Nodes, move: Callable[[Affine], Affine]) -> None:
    """Change all places of a loop."""
    moved = nodes.moved(loop.values(), move)
    loop.start = moved.pop() if loop.start is not None else None
    for store, value in zip([*loop.stores, *loop.after], moved, strict=True):
        store.value, store.place = value, move(store.place)


def _follow(loop: Loop, outer: Counter, inner: Counter) -> bool:
    """Whether a step of the outer counter is in every place what the inner one's whole way is."""
    places = [node.place for node in walk(loop.values()) if isinstance(node, Read)]
    places += [store.place for store in loop.stores]
    return all(place.stride(outer[0]) == place.stride(inner[0]) * inner[1] for place in places)


def joined(loops: Sequence[Loop], nodes: Nodes) -> list[Loop]:
    """Neighbouring loops of equal lengths as one, where each pass of the later needs that pass of the earlier only."""
    readers: dict[Array, int] = {}
    for loop in loops:
        for array in _read(loop):
            readers[array] = readers.get(array, 0) + 1
    result: list[Loop] = []
    for loop in loops:
        last = result[-1] if result else None
        if last is not None and not loop.summed and not last.after and _lengths(last) == _lengths(loop):
            names = {given[0]: kept[0] for given, kept in zip(loop.counters, last.counters, strict=True)}
            _move(loop, nodes, partial(Affine.renamed, names=names))
            loop.counters = last.counters
            if (
                last.summed
                and last.counters
                and readers.get(last.stores[0].array) == 1
                and _reads_in_place(loop, last.stores[0])
            ):
                last.after = loop.stores
                continue
            if not last.summed and not _read(loop) & {store.array for store in last.stores}:
                last.stores += loop.stores
                continue
        result.append(loop)
    return result


def _read(loop: Loop) -> set[Array]:
    return {node.array for node in walk(loop.values()) if isinstance(node, Read)}


def _reads_in_place(loop: Loop, store: Store) -> bool:
    """Whether a loop reads what a store writes, and in every pass what was written in that pass."""
    found = [node for node in walk(loop.values()) if isinstance(node, Read) and node.array is store.array]
    return bool(found) and all(node.place == store.place and not node.added for node in found)


def _lengths(loop: Loop) -> list[int]:
    return [length for _, length in loop.counters]
