"""Integer arithmetic for many places at once, in the type of the arrays.

Numba makes 64 bits of whatever integers meet; here int32 stays int32, so that vectors hold twice as many.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from inr.compression.bitstream.latent.fixed_point import GROUP
from inr.jit.vector import LANES, load_vector, splat, store_vector

# Arrays hold a multiple of so many places.
PLACES = 64
_VECTORS = 2


def parts_of(count: int) -> int:
    """Room for so many places."""
    return -(-count // PLACES) * PLACES


@intrinsic
def shifted(typingctx: Any, number: Any, shift: Any) -> Any:
    """A number shifted to the right, arithmetically, in its own type."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        value, count = arguments
        if value.type.width < count.type.width:
            count = builder.trunc(count, value.type)
        return builder.ashr(value, count)

    return number(number, shift), generate


@intrinsic
def dense(typingctx: Any, weight: Any, bias: Any, shift: Any, inputs: Any, outputs: Any, count: Any, relu: Any) -> Any:
    """A layer: outputs = (weight @ inputs + bias) >> shift at places up to `count`, and some beyond.

    Arrays of int32 or of int64: weight (outputs, inputs), bias (outputs,), inputs and outputs (…, places). Numbers of
    outputs and of inputs are multiples of GROUP, that of places is one of PLACES; `shift` and `count` are int64. With
    `relu`, negative outputs become 0.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        views = [
            make_array(kind)(context, builder, argument) if isinstance(kind, types.Array) else argument
            for kind, argument in zip(signature.args, arguments, strict=True)
        ]
        _write_layer(builder, signature.args[0].dtype.bitwidth, *views)
        return context.get_dummy_value()

    return types.void(weight, bias, types.int64, inputs, outputs, types.int64, types.boolean), generate


def _write_layer(
    builder: ir.IRBuilder, bits: int, weight: Any, bias: Any, shift: Any, inputs: Any, outputs: Any, count: Any,
    relu: Any,
) -> None:  # fmt: skip
    element, word = ir.IntType(bits), ir.IntType(64)
    lanes = LANES * 32 // bits
    vector = ir.VectorType(element, lanes)
    step = lanes * _VECTORS

    def constant(number: int) -> ir.Constant:
        return ir.Constant(word, number)

    def line(array: Any, row: ir.Value) -> ir.Value:
        stride = builder.sdiv(cgutils.unpack_tuple(builder, array.strides)[0], constant(bits // 8))
        return builder.gep(array.data, [builder.mul(row, stride)])

    rows, columns = cgutils.unpack_tuple(builder, weight.shape)
    blocks = builder.sdiv(builder.add(count, constant(step - 1)), constant(step))
    shifts = splat(builder, shift if bits == 64 else builder.trunc(shift, element), vector)
    least = ir.Constant(element, -(1 << (bits - 1)))
    floor = splat(builder, builder.select(cgutils.as_bool_bit(builder, relu), ir.Constant(element, 0), least), vector)
    sums = [[cgutils.alloca_once(builder, vector) for _ in range(_VECTORS)] for _ in range(GROUP)]
    with cgutils.for_range(builder, builder.sdiv(rows, constant(GROUP))) as group:
        first = builder.mul(group.index, constant(GROUP))
        members = [builder.add(first, constant(member)) for member in range(GROUP)]
        weights = [line(weight, row) for row in members]
        results = [line(outputs, row) for row in members]
        starts = [splat(builder, builder.load(builder.gep(bias.data, [row])), vector) for row in members]
        with cgutils.for_range(builder, blocks) as block:
            place = builder.mul(block.index, constant(step))
            for member in range(GROUP):
                for part in range(_VECTORS):
                    builder.store(starts[member], sums[member][part])
            with cgutils.for_range(builder, columns) as column:
                source = builder.gep(line(inputs, column.index), [place])
                read = [
                    load_vector(builder, builder.gep(source, [constant(lanes * part)]), vector)
                    for part in range(_VECTORS)
                ]
                for member in range(GROUP):
                    factor = splat(builder, builder.load(builder.gep(weights[member], [column.index])), vector)
                    for part in range(_VECTORS):
                        total = builder.add(builder.load(sums[member][part]), builder.mul(factor, read[part]))
                        builder.store(total, sums[member][part])
            for member in range(GROUP):
                for part in range(_VECTORS):
                    value = builder.ashr(builder.load(sums[member][part]), shifts)
                    value = builder.select(builder.icmp_signed(">", value, floor), value, floor)
                    into = builder.gep(results[member], [builder.add(place, constant(lanes * part))])
                    store_vector(builder, value, into)
