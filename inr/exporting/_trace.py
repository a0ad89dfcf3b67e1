"""A field's own forward pass, followed at one point by tensors that write down what is done to them.

So every part is exported by the formula that it computes with, an activation's among them, and there is no second one
for the exports. Whatever does not depend on the coordinates is computed once, here.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from inr._errors import InrError
from inr.exporting._program import Affine, Array, Counter, Kind, Loop, Node, Nodes, Program, Store, joined, simplified
from inr.field import Field

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
    """The program that is being written."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
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
        order = sorted(range(kept.ndim), key=lambda axis: -kept.stride(axis))
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
    trace: Trace
    is_view: bool

    @staticmethod
    def __new__(cls, value: Value, trace: Trace, dtype: torch.dtype | None = None, is_view: bool = False) -> "Traced":
        """Wrap an array of expressions."""
        dtypes = {"float": trace.dtype, "int": torch.int64, "bool": torch.bool}
        made = Tensor._make_wrapper_subclass(cls, value.shape, dtype=dtype or dtypes[value.kind])
        made.value, made.trace, made.is_view = value, trace, is_view
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        """Write an operation down."""
        from inr.exporting._operations import perform

        return perform(function, args, kwargs or {})


def flat(place: Place, strides: Sequence[int], offset: int) -> Affine:
    """A place in memory."""
    total = Affine(offset)
    for each, stride in zip(place, strides, strict=True):
        total = total + each.times(stride)
    return total


def _strides(shape: Sequence[int]) -> Shape:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def trace(field: Field) -> Program:
    """A field at one point as a program.

    Args:
        field: any field, on the processor.

    Returns:
        The program, from coordinates in [-1, 1] to values in the signal's own units.

    Raises:
        InrError: a part does what no program can say.
    """
    written = Trace(field.dtype)
    inputs = written.memory((1, field.domain.in_dim), "float")
    outputs = written.memory((1, field.domain.channels), "float")
    assert inputs.array is not None
    assert outputs.array is not None
    coords = Traced(inputs, written)
    with torch.no_grad():
        features = _followed(_named("encoding", field.encoding), field.encoding, coords)
        given = (features, coords) if field.network.reads_coords else (features,)
        values = _followed(_named("network", field.network), field.network, *given)
        restored = _followed("the signal's range", field.domain.values.restore, values)
    written.store(outputs, restored.value)
    span = min(field.domain.values.low), max(field.domain.values.high)
    return Program(inputs.array, outputs.array, joined(written.loops, written.nodes), span)


def _named(kind: str, part: Any) -> str:
    config = getattr(part, "config", None)
    return f"{kind} '{config()['name']}'" if config is not None else f"a field of samples ({type(part).__name__})"


def _followed(part: str, compute: Callable[..., Tensor], *given: Tensor) -> Traced:
    try:
        found = compute(*given)
    except Untranslatable as error:
        raise InrError(f"{part} cannot be exported as a program: {error}; --to pt2 keeps any field") from error
    except Exception as error:  # whatever a module does to a tensor that has no numbers
        words = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InrError(f"{part} cannot be exported as a program: {words}; --to pt2 keeps any field") from error
    if not isinstance(found, Traced):
        raise InrError(f"{part} cannot be exported as a program: it does not depend on coordinates; --to pt2 does")
    return found
