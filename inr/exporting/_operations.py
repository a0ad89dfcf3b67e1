"""What PyTorch's operations on traced tensors write down, by their names in ATen."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from inr.exporting._program import Affine, Kind, Node, Number
from inr.exporting._trace import Place, Shape, Trace, Traced, Untranslatable, Value

# functions of scalars of floats, by their names in programs
_FLOATS = (
    "sin", "cos", "tan", "exp", "log", "sqrt", "rsqrt", "tanh", "sinh", "cosh", "erf", "floor", "ceil", "round",
    "reciprocal", "sigmoid",
)  # fmt: skip
_ALIKE = {  # functions whose result is what they are given
    "mul": "mul", "neg": "neg", "abs": "abs", "minimum": "min", "maximum": "max", "sign": "sign", "sgn": "sign",
    "bitwise_and": "and", "bitwise_xor": "xor", "bitwise_or": "or",
}  # fmt: skip
_TESTS = {
    "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne",
    "logical_and": "both", "logical_or": "either", "logical_not": "not",
}  # fmt: skip

Handler = Callable[..., Value]
_HANDLERS: dict[str, Handler] = {}
_VIEWS: set[str] = set()


def perform(written: Trace, function: Any, args: tuple, kwargs: dict) -> Any:
    """Write down an operation of which an argument, or one in a list among them, is traced.

    Raises:
        Untranslatable: programs have no words for it.
    """
    name = function._schema.name.split("::")[1]
    inplace = name.endswith("_") and not name.startswith("_")
    plain = name[:-1] if inplace else name
    if plain == "copy":
        return _copy(written, args[0], args[1])
    if plain not in _HANDLERS:
        raise Untranslatable(f"of {name} there is no code")
    if plain in ("new_empty", "new_zeros", "empty_like"):
        return Traced(_HANDLERS[plain](written, *args, **kwargs), written)
    found = _HANDLERS[plain](written, *_values(written, args), **_values(written, kwargs))
    if inplace:
        if args[0].is_view:
            raise Untranslatable(f"{name} changes a part of a tensor")
        args[0].value = found
        return args[0]
    dtype = kwargs.get("dtype")
    if isinstance(found, list):
        return [Traced(each, written, is_view=True) for each in found]
    return Traced(found, written, dtype, is_view=plain in _VIEWS)


def _values(written: Trace, given: Any) -> Any:
    """Arguments with arrays in the place of tensors."""
    if isinstance(given, Traced):
        return given.value
    if isinstance(given, Tensor):
        return written.constant(given)
    if isinstance(given, dict):
        return {name: _values(written, each) for name, each in given.items()}
    return type(given)(_values(written, each) for each in given) if isinstance(given, (list, tuple)) else given


def _copy(written: Trace, into: Tensor, source: Tensor) -> Tensor:
    if not isinstance(into, Traced) or into.value.array is None or into.value.array.data is not None:
        raise Untranslatable("it writes to a tensor that does not depend on coordinates")
    written.store(into.value, _values(written, source))
    return into


def _handler(*names: str, view: bool = False) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        for name in names:
            _HANDLERS[name] = handler
            if view:
                _VIEWS.add(name)
        return handler

    return register


def _elementwise(
    written: Trace, function: str, given: Sequence[Any], kind: Kind | None = None, cast: bool = True
) -> Value:
    """A function of scalars for all elements of arrays, broadcast to one shape."""
    values = [each if isinstance(each, Value) else written.number(each) for each in given]
    shape = tuple(torch.broadcast_shapes(*(each.shape for each in values)))
    values = [written.expanded(each, shape) for each in values]
    highest = _highest(values)
    if cast:
        values = [_cast(written, each, highest) for each in values]
    result = highest if kind is None else kind

    def at(place: Place) -> Node:
        return written.nodes.apply(function, [each.at(place) for each in values], result)

    return Value(shape, result, at)


def _highest(values: Sequence[Value]) -> Kind:
    kinds = {value.kind for value in values}
    return "float" if "float" in kinds else "int" if "int" in kinds else "bool"


def _cast(written: Trace, value: Value, kind: Kind) -> Value:
    """An array as numbers of another kind."""
    if value.kind == kind or kind == "bool":
        return value

    def at(place: Place) -> Node:
        node = value.at(place)
        if isinstance(node, Number):
            return written.nodes.number(node.value, kind)
        return written.nodes.apply(kind, [node], kind)

    return Value(value.shape, kind, at)


def _register_elementwise() -> None:
    for name in _FLOATS:
        _HANDLERS[name] = lambda written, one, name=name: _elementwise(written, name, [_cast(written, one, "float")])
    for name, function in _ALIKE.items():
        _HANDLERS[name] = lambda written, *given, function=function: _elementwise(written, function, given)
    for name, function in _TESTS.items():
        _HANDLERS[name] = lambda written, *given, function=function: _elementwise(written, function, given, "bool")


_register_elementwise()


@_handler("add")
def _add(written: Trace, one: Value, other: Any, alpha: float = 1) -> Value:
    return _elementwise(written, "add", [one, other if alpha == 1 else _elementwise(written, "mul", [other, alpha])])


@_handler("sub")
def _sub(written: Trace, one: Value, other: Any, alpha: float = 1) -> Value:
    return _elementwise(written, "sub", [one, other if alpha == 1 else _elementwise(written, "mul", [other, alpha])])


@_handler("rsub")
def _rsub(written: Trace, one: Value, other: Any, alpha: float = 1) -> Value:
    return _sub(written, other if isinstance(other, Value) else written.number(other), one, alpha)


@_handler("div")
def _div(written: Trace, one: Value, other: Any, rounding_mode: str | None = None) -> Value:
    if isinstance(other, (int, float)) and rounding_mode is None:
        return _elementwise(written, "mul", [one, 1 / other])
    divided = _elementwise(written, "div", [_cast(written, one, "float"), other])
    return divided if rounding_mode is None else _elementwise(written, rounding_mode, [divided])


@_handler("pow")
def _pow(written: Trace, one: Any, other: Any) -> Value:
    if other == 0.5:
        return _elementwise(written, "sqrt", [one])
    if isinstance(other, (int, float)) and other == int(other) and 1 <= abs(other) <= 16:
        power = one
        for _ in range(abs(int(other)) - 1):
            power = _elementwise(written, "mul", [power, one])
        return power if other > 0 else _elementwise(written, "reciprocal", [power])
    raise Untranslatable(f"of powers of {other} there is no code")


@_handler("relu")
def _relu(written: Trace, one: Value) -> Value:
    return _elementwise(written, "max", [one, 0])


@_handler("clamp", "clamp_min", "clamp_max", "hardtanh")
def _clamp(written: Trace, one: Value, min: Any = None, max: Any = None) -> Value:
    one = one if min is None else _elementwise(written, "max", [one, min])
    return one if max is None else _elementwise(written, "min", [one, max])


_HANDLERS["clamp_max"] = lambda written, one, most: _clamp(written, one, None, most)


@_handler("softplus")
def _softplus(written: Trace, one: Value, beta: float = 1, threshold: float = 20) -> Value:
    scaled = _elementwise(written, "mul", [one, float(beta)])
    return _elementwise(written, "mul", [_elementwise(written, "softplus", [scaled]), 1 / beta])


@_handler("where")
def _where(written: Trace, test: Value, one: Any, other: Any) -> Value:
    one, other = (each if isinstance(each, Value) else written.number(each) for each in (one, other))
    kind = _highest([one, other])
    chosen = [test, _cast(written, one, kind), _cast(written, other, kind)]
    return _elementwise(written, "where", chosen, kind, cast=False)


@_handler("masked_fill")
def _masked_fill(written: Trace, one: Value, mask: Value, fill: Any) -> Value:
    return _where(written, mask, fill, one)


@_handler("remainder")
def _remainder(written: Trace, one: Value, other: Any) -> Value:
    return _elementwise(written, "remainder", [one, other])


@_handler("_to_copy", "to")
def _to_copy(written: Trace, one: Value, dtype: torch.dtype | None = None, **_: Any) -> Value:
    if dtype is None or dtype == torch.bool:
        return one if dtype is None else _elementwise(written, "ne", [one, 0], "bool")
    return _cast(written, one, "float" if dtype.is_floating_point else "int")


@_handler("detach", "alias", "clone", view=True)
def _same(written: Trace, one: Value, **_: Any) -> Value:
    return one


@_handler("new_empty", "new_zeros")
def _new(written: Trace, like: Tensor, size: Sequence[int], dtype: torch.dtype | None = None, **_: Any) -> Value:
    return written.memory(tuple(size), "float" if (dtype or like.dtype).is_floating_point else "int")


@_handler("empty_like")
def _empty_like(written: Trace, like: Tensor, **_: Any) -> Value:
    return _new(written, like, like.shape)


def _full(name: str) -> Handler:
    def make(written: Trace, like: Value, *given: Any, dtype: torch.dtype | None = None, **_: Any) -> Value:
        shape = tuple(given[0]) if name.startswith("new") else like.shape
        fill = given[-1] if "full" in name else float("ones" in name)
        kind: Kind = like.kind if dtype is None else "float" if dtype.is_floating_point else "int"
        node = written.nodes.number(fill if kind != "float" else float(fill), kind)
        return Value(shape, kind, lambda _: node)

    return make


for _name in ("zeros_like", "ones_like", "full_like", "new_full", "new_ones"):
    _HANDLERS[_name] = _full(_name)


def _viewed(
    written: Trace,
    value: Value,
    shape: Sequence[int],
    place: Callable[[Place], Place],
    strides: Callable[[Shape], Sequence[int]],
    offset: int = 0,
) -> Value:
    """Elements of an array at other places: in memory by strides, and otherwise by their places."""
    shape = tuple(shape)
    if value.array is not None:
        return written.strided(value.array, shape, tuple(strides(value.strides)), value.offset + offset)
    return Value(shape, value.kind, lambda given: value.at(place(given)))


@_handler("permute", view=True)
def _permute(written: Trace, one: Value, dims: Sequence[int]) -> Value:
    axes = [axis % len(one.shape) for axis in dims]
    back = [axes.index(axis) for axis in range(len(axes))]
    return _viewed(
        written,
        one,
        [one.shape[axis] for axis in axes],
        lambda place: tuple(place[axis] for axis in back),
        lambda strides: [strides[axis] for axis in axes],
    )


@_handler("t", view=True)
def _t(written: Trace, one: Value) -> Value:
    return _permute(written, one, list(reversed(range(len(one.shape)))))


@_handler("transpose", view=True)
def _transpose(written: Trace, one: Value, first: int, second: int) -> Value:
    axes = list(range(len(one.shape)))
    axes[first], axes[second] = axes[second], axes[first]
    return _permute(written, one, axes)


@_handler("unsqueeze", view=True)
def _unsqueeze(written: Trace, one: Value, dim: int) -> Value:
    dim %= len(one.shape) + 1

    def put(row: Sequence[Any], each: Any) -> list[Any]:
        return [*row[:dim], each, *row[dim:]]

    return _viewed(
        written,
        one,
        put(one.shape, 1),
        lambda place: (*place[:dim], *place[dim + 1 :]),
        lambda strides: put(strides, 0),
    )


@_handler("squeeze", view=True)
def _squeeze(written: Trace, one: Value, dim: int | Sequence[int] | None = None) -> Value:
    count = len(one.shape)
    dims = range(count) if dim is None else [dim] if isinstance(dim, int) else dim
    gone = {axis % count for axis in dims if one.shape[axis] == 1}
    kept = [axis for axis in range(count) if axis not in gone]

    def place(given: Place) -> Place:
        rest = iter(given)
        return tuple(Affine() if axis in gone else next(rest) for axis in range(count))

    return _viewed(
        written, one, [one.shape[axis] for axis in kept], place, lambda strides: [strides[axis] for axis in kept]
    )


@_handler("select", view=True)
def _select(written: Trace, one: Value, dim: int, index: int) -> Value:
    dim %= len(one.shape)
    index %= one.shape[dim]
    return _viewed(
        written,
        one,
        [*one.shape[:dim], *one.shape[dim + 1 :]],
        lambda place: (*place[:dim], Affine(index), *place[dim:]),
        lambda strides: [*strides[:dim], *strides[dim + 1 :]],
        one.strides[dim] * index if one.array is not None else 0,
    )


@_handler("slice", view=True)
def _slice(
    written: Trace, one: Value, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    dim %= len(one.shape)
    taken = range(one.shape[dim])[slice(start, end, step)]
    first = taken.start
    return _viewed(
        written,
        one,
        [*one.shape[:dim], len(taken), *one.shape[dim + 1 :]],
        lambda place: (*place[:dim], place[dim].times(step) + Affine(first), *place[dim + 1 :]),
        lambda strides: [*strides[:dim], strides[dim] * step, *strides[dim + 1 :]],
        one.strides[dim] * first if one.array is not None else 0,
    )


@_handler("split", "split_with_sizes", view=True)
def _split(written: Trace, one: Value, sizes: int | Sequence[int], dim: int = 0) -> Any:
    length = one.shape[dim]
    if isinstance(sizes, int):
        sizes = [min(sizes, length - start) for start in range(0, length, sizes)]
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    return [_slice(written, one, dim, start, start + size) for start, size in zip(starts, sizes, strict=True)]


@_handler("unbind", view=True)
def _unbind(written: Trace, one: Value, dim: int = 0) -> Any:
    return [_select(written, one, dim, index) for index in range(one.shape[dim])]


@_handler("expand", view=True)
def _expand(written: Trace, one: Value, size: Sequence[int], **_: Any) -> Value:
    missing = len(size) - len(one.shape)
    shape = [one.shape[axis - missing] if wanted == -1 else wanted for axis, wanted in enumerate(size)]
    return written.expanded(one, tuple(shape))


@_handler("view", "reshape", "_unsafe_view", "_reshape_alias", "flatten", "unflatten", view=True)
def _view(written: Trace, one: Value, size: Sequence[int], *_: Any) -> Value:
    known = math.prod(each for each in size if each != -1)
    shape = tuple(one.size // known if each == -1 else each for each in size)
    if shape == one.shape:
        return one
    if [each for each in shape if each > 1] == [each for each in one.shape if each > 1]:
        return _with_ones(written, one, shape)
    held = written.computed(one)
    assert held.array is not None
    strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    return written.strided(held.array, shape, strides, held.offset)


def _with_ones(written: Trace, one: Value, shape: Shape) -> Value:
    """The array in a shape that differs in axes of length 1 only."""
    value = _squeeze(written, one)
    for axis, size in enumerate(shape):
        if size == 1:
            value = _unsqueeze(written, value, axis)
    return value


@_handler("cat")
def _cat(written: Trace, parts: Sequence[Value], dim: int = 0) -> Value:
    parts = [part for part in parts if part.size]
    dim %= len(parts[0].shape)
    if len(parts) == 1:
        return parts[0]
    total = sum(part.shape[dim] for part in parts)
    into = written.memory([*parts[0].shape[:dim], total, *parts[0].shape[dim + 1 :]], _highest(parts))
    start = 0
    for part in parts:
        written.store(_slice(written, into, dim, start, start + part.shape[dim]), _cast(written, part, into.kind))
        start += part.shape[dim]
    return into


@_handler("stack")
def _stack(written: Trace, parts: Sequence[Value], dim: int = 0) -> Value:
    return _cat(written, [_unsqueeze(written, part, dim) for part in parts], dim)


@_handler("sum")
def _sum(written: Trace, one: Value, dim: Any = None, keepdim: bool = False, **_: Any) -> Value:
    dims = range(len(one.shape)) if not dim and dim != 0 else [dim] if isinstance(dim, int) else dim
    axes = sorted(axis % len(one.shape) for axis in dims)
    total = written.summed(one, axes)
    if keepdim:
        return total
    for axis in reversed(axes):
        total = _squeeze(written, total, axis)
    return total


@_handler("mean")
def _mean(written: Trace, one: Value, dim: Any = None, keepdim: bool = False, **_: Any) -> Value:
    total = _sum(written, one, dim, keepdim)
    return _elementwise(written, "mul", [total, total.size / one.size])


@_handler("native_layer_norm")
def _layer_norm(
    written: Trace, one: Value, shape: Sequence[int], weight: Value | None, bias: Value | None, epsilon: float
) -> Any:
    dims = list(range(-len(shape), 0))
    centred = written.computed(_elementwise(written, "sub", [one, _mean(written, one, dims, True)]))
    variance = _mean(written, _elementwise(written, "mul", [centred, centred]), dims, True)
    scale = written.computed(_elementwise(written, "rsqrt", [_elementwise(written, "add", [variance, epsilon])]))
    normal = _elementwise(written, "mul", [centred, scale])
    normal = normal if weight is None else _elementwise(written, "mul", [normal, weight])
    return [normal if bias is None else _elementwise(written, "add", [normal, bias]), scale, scale]


@_handler("mm")
def _mm(written: Trace, one: Value, other: Value, start: Value | None = None) -> Value:
    one, other = _in_memory(written, one), _in_memory(written, other)
    left, right = _unsqueeze(written, one, 1), _unsqueeze(written, _t(written, other), 0)  # (m, 1, k), (1, n, k)
    first = None if start is None else _unsqueeze(written, written.expanded(start, (1, other.shape[1])), 2)
    return _squeeze(written, written.summed(_product(written, left, right), [2], first), 2)


@_handler("bmm")
def _bmm(written: Trace, one: Value, other: Value) -> Value:
    one, other = _in_memory(written, one), _in_memory(written, other)
    left, right = _unsqueeze(written, one, 2), _unsqueeze(written, _transpose(written, other, 1, 2), 1)
    return _squeeze(written, written.summed(_product(written, left, right), [3]), 3)


@_handler("addmm")
def _addmm(written: Trace, bias: Value, one: Value, other: Value, beta: float = 1, alpha: float = 1) -> Value:
    if beta == alpha == 1 and one.shape[1] > 1:
        return _mm(written, one, other, bias)  # a sum that begins with the bias; a single product is no sum
    product = _elementwise(written, "mul", [_mm(written, one, other), alpha])
    return _elementwise(written, "add", [product, _elementwise(written, "mul", [bias, beta])])


@_handler("dot")
def _dot(written: Trace, one: Value, other: Value) -> Value:
    return _sum(written, _product(written, one, other), 0)


@_handler("mv")
def _mv(written: Trace, matrix: Value, vector: Value) -> Value:
    return _squeeze(written, _mm(written, matrix, _unsqueeze(written, vector, 1)), 1)


def _in_memory(written: Trace, value: Value) -> Value:
    """Factors are read many times: each of their elements is computed once."""
    return value if value.array is not None or value.size == 1 else written.computed(value)


def _product(written: Trace, one: Value, other: Value) -> Value:
    """Elementwise, of arrays in memory, which may be repeated."""
    return _elementwise(written, "mul", [one, other])


@_handler("index_select")
def _index_select(written: Trace, one: Value, dim: int, index: Value) -> Value:
    return _gathered(written, one, dim % len(one.shape), index)


@_handler("embedding")
def _embedding(written: Trace, table: Value, rows: Value, *_: Any, **__: Any) -> Value:
    return _gathered(written, table, 0, rows)


@_handler("index")
def _index(written: Trace, one: Value, indices: Sequence[Value | None]) -> Value:
    given = [axis for axis, each in enumerate(indices) if each is not None]
    if len(given) != 1:
        raise Untranslatable("of indices along several axes at once there is no code")
    index = indices[given[0]]
    assert index is not None
    return _gathered(written, one, given[0], index)


def _gathered(written: Trace, table: Value, dim: int, rows: Value) -> Value:
    """Slices of a table along an axis, at computed places."""
    table, rows = _in_memory(written, table), _in_memory(written, rows)
    count = len(rows.shape)
    held, strides, offset = table.array, table.strides, table.offset
    assert held is not None
    shape = (*table.shape[:dim], *rows.shape, *table.shape[dim + 1 :])
    kept = (*strides[:dim], *strides[dim + 1 :])

    def at(place: Place) -> Node:
        written.read.add(held)
        rest = (*place[:dim], *place[dim + count :])
        fixed = Affine(offset)
        for each, stride in zip(rest, kept, strict=True):
            fixed = fixed + each.times(stride)
        return written.nodes.read(held, fixed, ((rows.at(place[dim : dim + count]), strides[dim]),))

    return Value(shape, held.kind, at)


@_handler("_embedding_bag", "_embedding_bag_forward_only")
def _embedding_bag(written: Trace, table: Value, rows: Value, offsets: Any, *given: Any, **_: Any) -> Any:
    """Sums of weighted rows, of one bag, for one point."""
    weights = given[3]
    found = _gathered(written, table, 0, rows)  # (corners, features)
    weighted = _product(written, found, _unsqueeze(written, _in_memory(written, weights), 1))
    total = written.summed(weighted, [0])
    return [total, total, total, total]
