"""Tensors that write down what is done to them, and the program that comes of it."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from inr.exporting._program import Affine, Array, Counter, Kind, Loop, Node, Nodes, Store, simplified

Place = tuple[Affine, ...]
Shape = tuple[int, ...]
_HERE = Affine()


class Untranslatable(Exception):
    """A field does something that programs have no words for."""


class Value:
    """An array of expressions that need not be computed yet.

    Attributes:
        shape: of the array.
        kind: what its elements are.
        at: the expression of an element.
        array, strides, offset: where elements already lie in memory; None, (), 0 where they do not.
    """

    def __init__(
        self,
        shape: Sequence[int],
        kind: Kind,
        at: Callable[[Place], Node],
        array: Array | None = None,
        strides: Shape = (),
        offset: int = 0,
    ) -> None:
        self.shape = tuple(shape)
        self.kind: Kind = kind
        self.array = array
        self.strides = strides
        self.offset = offset
        self._at = at
        self._known: dict[Place, Node] = {}

    def at(self, place: Place) -> Node:
        """The expression of an element, at an affine place along every axis."""
        if place not in self._known:
            self._known[place] = self._at(place)
        return self._known[place]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def contiguous(self) -> bool:
        """Whether elements lie in memory one after the other."""
        expected = _strides(self.shape)
        return self.array is not None and all(
            given == wanted or size == 1 for given, wanted, size in zip(self.strides, expected, self.shape, strict=True)
        )


class Trace:
    """The program that is being written.

    Args:
        dtype: of coordinates and values.
        perform: writes an operation of PyTorch down, from the trace, the operation and its arguments.
    """

    def __init__(self, dtype: torch.dtype, perform: Callable[["Trace", Any, tuple, dict], Any]) -> None:
        self.dtype = dtype
        self.perform = perform
        self.nodes = Nodes()
        self.loops: list[Loop] = []
        self.read: set[Array] = set()
        self._counters = 0
        self._constants: dict[tuple, Value] = {}

    def number(self, value: float) -> Value:
        """A Python number."""
        kind: Kind = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "float"
        node = self.nodes.number(value, kind)
        return Value((), kind, lambda _: node)

    def constant(self, tensor: Tensor) -> Value:
        """A tensor that does not depend on coordinates."""
        tensor = tensor.detach()
        if tensor.is_floating_point() and tensor.dtype.itemsize < 4:
            tensor = tensor.float()
        kind: Kind = "float" if tensor.is_floating_point() else "bool" if tensor.dtype == torch.bool else "int"
        if tensor.numel() == 1:
            node = self.nodes.number(tensor.item(), kind)
            return Value(tensor.shape, kind, lambda _: node)
        # elements that broadcasting repeats are kept once, and all in the order in which they lie in memory
        kept = tensor[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in tensor.stride())]
        order = sorted(range(kept.ndim), key=lambda axis: -kept.stride()[axis])
        dense = kept.permute(order).contiguous().cpu()
        key = dense.numpy().tobytes(), dense.dtype, tuple(tensor.shape), tensor.stride()
        if key not in self._constants:
            array = Array(dense.numel(), "int" if kind == "bool" else kind, dense.numpy().reshape(-1))
            by_axis = dict(zip(order, _strides(dense.shape), strict=True))
            strides = tuple(by_axis[axis] for axis in range(kept.ndim))
            held = self.strided(array, tuple(kept.shape), strides, 0)
            self._constants[key] = self.expanded(held, tuple(tensor.shape))
        return self._constants[key]

    def memory(self, shape: Sequence[int], kind: Kind) -> Value:
        """An array in memory, to be written to."""
        return self.strided(Array(math.prod(shape), kind), tuple(shape), _strides(shape), 0)

    def strided(self, array: Array, shape: Shape, strides: Shape, offset: int) -> Value:
        """Some elements of an array in memory."""

        def at(place: Place) -> Node:
            self.read.add(array)
            return self.nodes.read(array, flat(place, strides, offset))

        return Value(shape, array.kind, at, array, strides, offset)

    def expanded(self, value: Value, shape: Shape) -> Value:
        """The array broadcast to a shape; one that is yet to be computed is computed first."""
        if value.shape == shape:
            return value
        if value.array is None and value.size > 1 and value.size < math.prod(shape):
            value = self.computed(value)
        missing = len(shape) - len(value.shape)
        repeated = [size == 1 for size in value.shape]

        def moved(place: Place) -> Place:
            return tuple(_HERE if gone else each for each, gone in zip(place[missing:], repeated, strict=True))

        if value.array is None:
            return Value(shape, value.kind, lambda place: value.at(moved(place)))
        strides = (0,) * missing + tuple(
            0 if gone else stride for stride, gone in zip(value.strides, repeated, strict=True)
        )
        return self.strided(value.array, shape, strides, value.offset)

    def counters(self, shape: Sequence[int]) -> tuple[Place, list[Counter]]:
        """New loops over a shape: the place in it, and their counters."""
        place, counters = [], []
        for size in shape:
            if size == 1:
                place.append(_HERE)
                continue
            self._counters += 1
            counters.append((self._counters, size))
            place.append(Affine(0, ((self._counters, 1),)))
        return tuple(place), counters

    def computed(self, value: Value) -> Value:
        """The same array in memory, one element after the other."""
        if value.contiguous:
            return value
        into = self.memory(value.shape, value.kind)
        self.store(into, value)
        return into

    def store(self, into: Value, value: Value) -> None:
        """Write elements to memory."""
        assert into.array is not None
        if into.array in self.read:
            raise Untranslatable("it changes numbers that were read before")
        place, counters = self.counters(into.shape)
        node = self.expanded(value, into.shape).at(place)
        self._add(Loop(counters, [Store(into.array, flat(place, into.strides, into.offset), node)]))

    def summed(self, value: Value, axes: Sequence[int], start: Value | None = None) -> Value:
        """The sum over some axes, which become of length 1, of what `start` begins with."""
        shape = [1 if axis in axes else size for axis, size in enumerate(value.shape)]
        into = self.memory(shape, value.kind)
        place, counters = self.counters(shape)
        inner, over = self.counters([value.shape[axis] for axis in axes])
        within = list(place)
        for axis, each in zip(axes, inner, strict=True):
            within[axis] = each
        assert into.array is not None
        store = Store(into.array, flat(place, into.strides, 0), value.at(tuple(within)))
        first = None if start is None else self.expanded(start, tuple(shape)).at(place)
        self._add(Loop(counters, [store], over, first))
        return into

    def _add(self, loop: Loop) -> None:
        self.loops.append(simplified(loop, self.nodes))


class Traced(Tensor):
    """A tensor whose values are not known: operations on it are written down."""

    value: Value
    written: Trace
    is_view: bool

    @staticmethod
    def __new__(cls, value: Value, trace: Trace, dtype: torch.dtype | None = None, is_view: bool = False) -> "Traced":
        """Wrap an array of expressions."""
        dtypes = {"float": trace.dtype, "int": torch.int64, "bool": torch.bool}
        made = Tensor._make_wrapper_subclass(cls, value.shape, dtype=dtype or dtypes[value.kind])
        made.value, made.written, made.is_view = value, trace, is_view
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, function: Any, types: Any, args: tuple = (), kwargs: Any = None
    ) -> Any:
        """Write an operation down."""
        written = next(each.written for each in tensors(args) if isinstance(each, Traced))
        return written.perform(written, function, args, kwargs or {})


def tensors(given: Iterable[Any]) -> list[Tensor]:
    """The tensors among arguments, and in lists of them."""
    found: list[Tensor] = []
    for each in given:
        if isinstance(each, Tensor):
            found.append(each)
        elif isinstance(each, (list, tuple)):
            found += tensors(each)
    return found


def flat(place: Place, strides: Sequence[int], offset: int) -> Affine:
    """A place in memory."""
    total = Affine(offset)
    for each, stride in zip(place, strides, strict=True):
        total = total + each.times(stride)
    return total


def _strides(shape: Sequence[int]) -> Shape:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
