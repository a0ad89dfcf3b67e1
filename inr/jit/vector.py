"""What numba has no words for: vector products, flush-to-zero, clocks and atomic flags, written in LLVM's language.

LLVM compiles it for the processor at hand; nothing here is specific to one but its vector length and registers.
"""

import os
import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic

_I32, _I64, _F32 = ir.IntType(32), ir.IntType(64), ir.FloatType()
_X86 = platform.machine().lower() in ("x86_64", "amd64", "i386", "i686")
_ARM = platform.machine().lower() in ("aarch64", "arm64")


def _features() -> set[str]:
    """What numba compiles for: this processor, or the one that NUMBA_CPU_NAME and NUMBA_CPU_FEATURES describe."""
    told = config.CPU_FEATURES
    return {word[1:] for word in (get_host_cpu_features() if told is None else told).split(",") if word[:1] == "+"}


def _vector_shape() -> tuple[int, int]:
    """Numbers of float32 in a vector, and rows of a product that its registers hold two vectors of at once."""
    features = _features()
    if "avx512f" in features:
        return 16, 12  # 32 registers
    if {"avx2", "fma"} <= features:
        return 8, 6  # 16 registers
    return 4, 8 if _ARM else 4  # 32 registers, or 16


LANES, ROWS = _vector_shape()
PANEL = 2 * LANES  # columns of a full block
# whether an instruction multiplies and adds: without one, LLVM's own fma is a call for every number
FUSED = not _X86 or "fma" in _features()
# whether an instruction multiplies pairs of bfloat16 numbers
DOT_PRODUCTS = LANES == 16 and "avx512bf16" in _features()


class _BFloat(ir.Type):  # llvmlite has none of its own
    def __str__(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash(_BFloat)


_BF16 = _BFloat()


def _constant(number: int) -> ir.Constant:
    return ir.Constant(_I64, number)


def multiply_add(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
    """a b + c of vectors of float32, rounded once where the processor has an instruction for that, and else twice."""
    if not FUSED:
        return builder.fadd(builder.fmul(a, b), c)
    function_type = ir.FunctionType(a.type, [a.type] * 3)
    fma = cgutils.get_or_insert_function(builder.module, function_type, f"llvm.fma.v{a.type.count}f32")
    return builder.call(fma, [a, b, c])


def splat(builder: ir.IRBuilder, number: ir.Value, vector: ir.VectorType) -> ir.Value:
    """A vector of one number."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_I32, vector.count), [0] * vector.count))


def load_vector(builder: ir.IRBuilder, pointer: ir.Value, vector: ir.VectorType) -> ir.Value:
    """The vector whose first number a pointer points to, wherever that is; numbers have 32 bits or more."""
    loaded = builder.load(builder.bitcast(pointer, vector.as_pointer()))
    loaded.align = 4
    return loaded


def store_vector(builder: ir.IRBuilder, value: ir.Value, pointer: ir.Value) -> None:
    """Write a vector where a pointer to its first number points to; as `load_vector`."""
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer())).align = 4


def _product(module: ir.Module, rows: int, vectors: int, along: str, bfloat16: bool) -> ir.Function:
    """The function behind `float32_product_*` and `bfloat16_product_*`."""
    name = f"inr_{'bfloat16' if bfloat16 else 'float32'}_product_{rows}x{vectors}x{LANES}_{along}"
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_I64] * 9), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    _ProductBody(function, rows, vectors, along == "k", bfloat16).write()
    return function


class _ProductBody:
    """Writes C (+)= A B for blocks of `rows` x `vectors` vectors below each other, summed in registers over all of k.

    Strides, in numbers: A has one of them, the other is 1, so that addresses stay cheap.
    """

    def __init__(self, function: ir.Function, rows: int, vectors: int, along_k: bool, bfloat16: bool) -> None:
        self.function, self.rows, self.vectors, self.along_k, self.bfloat16 = function, rows, vectors, along_k, bfloat16
        # hides the loop's own arithmetic; but of rows far apart a compiler loads the numbers of all steps at once, for
        # which there are not enough registers: half the speed
        self.unrolled = 1 if along_k else 4
        self.vector = ir.VectorType(_F32, LANES)
        self.builder = ir.IRBuilder(function.append_basic_block())

    def write(self) -> None:
        builder = self.builder
        a, self.stride, b, self.b_stride, c, c_stride, count, add, blocks = self.function.args
        floats = _F32.as_pointer()
        places = [(row, column) for row in range(self.rows) for column in range(self.vectors)]
        self.sums = {place: cgutils.alloca_once(builder, self.vector) for place in places}
        self.a, self.b = cgutils.alloca_once(builder, floats), cgutils.alloca_once(builder, floats)
        self.left = cgutils.alloca_once(builder, _I64)
        a, b, c = (builder.inttoptr(address, floats) for address in (a, b, c))
        a_step = builder.mul(self.stride, _constant(self.rows)) if self.along_k else _constant(self.rows)
        c_step = builder.mul(c_stride, _constant(self.rows))
        with cgutils.for_range(builder, blocks) as block:
            into = builder.gep(c, [builder.mul(block.index, c_step)])
            cells = {
                (row, column): builder.gep(
                    into, [builder.add(builder.mul(c_stride, _constant(row)), _constant(column * LANES))]
                )
                for row, column in places
            }
            for total in self.sums.values():
                builder.store(ir.Constant(self.vector, [0.0] * LANES), total)
            builder.store(builder.gep(a, [builder.mul(block.index, a_step)]), self.a)
            builder.store(b, self.b)
            builder.store(count, self.left)
            for steps in sorted({self.unrolled, 1}, reverse=True):
                self._loop(steps)
            self._finish(cells, add)
        builder.ret_void()

    def _finish(self, cells: dict, add: ir.Value) -> None:
        """Store the sums, or add them to C: a sum of many tiles that began at C would be rounded at every point."""
        builder = self.builder
        with builder.if_then(builder.icmp_signed("!=", add, _constant(0))):
            for place, cell in cells.items():
                total = builder.fadd(load_vector(builder, cell, self.vector), builder.load(self.sums[place]))
                builder.store(total, self.sums[place])
        for place, cell in cells.items():
            store_vector(builder, builder.load(self.sums[place]), cell)

    def _loop(self, steps: int) -> None:
        """While `steps` more remain, take so many along k."""
        builder = self.builder
        head, body, after = (self.function.append_basic_block() for _ in range(3))
        builder.branch(head)
        builder.position_at_end(head)
        builder.cbranch(builder.icmp_signed(">=", builder.load(self.left), _constant(steps)), body, after)
        builder.position_at_end(body)
        a, b = builder.load(self.a), builder.load(self.b)
        for step in range(steps):
            self._step(a, b, step)
        forward = _constant(steps) if self.along_k else builder.mul(self.stride, _constant(steps))
        builder.store(builder.gep(a, [forward]), self.a)
        builder.store(builder.gep(b, [builder.mul(self.b_stride, _constant(steps))]), self.b)
        builder.store(builder.sub(builder.load(self.left), _constant(steps)), self.left)
        builder.branch(head)
        builder.position_at_end(after)

    def _step(self, a: ir.Value, b: ir.Value, step: int) -> None:
        """One number of every row of A, times one row of B."""
        builder = self.builder
        line = builder.mul(self.b_stride, _constant(step))
        right = [
            load_vector(builder, builder.gep(b, [builder.add(line, _constant(column * LANES))]), self.vector)
            for column in range(self.vectors)
        ]
        for row in range(self.rows):
            across, ahead = (row, step) if self.along_k else (step, row)
            place = builder.add(builder.mul(self.stride, _constant(across)), _constant(ahead))
            left = splat(builder, builder.load(builder.gep(a, [place])), self.vector)
            for column in range(self.vectors):
                total = self.sums[row, column]
                builder.store(self._multiply_add(left, right[column], builder.load(total)), total)

    def _multiply_add(self, a: ir.Value, b: ir.Value, total: ir.Value) -> ir.Value:
        """a b + total; of both pairs of halves, if they are pairs."""
        builder = self.builder
        if not self.bfloat16:
            return multiply_add(builder, a, b, total)
        if DOT_PRODUCTS:
            halves = ir.VectorType(_BF16, 2 * LANES)
            dot_type = ir.FunctionType(self.vector, [self.vector, halves, halves])
            name = f"llvm.x86.avx512bf16.dpbf16ps.{32 * LANES}"
            dot = cgutils.get_or_insert_function(builder.module, dot_type, name)
            return builder.call(dot, [total, builder.bitcast(a, halves), builder.bitcast(b, halves)])
        words = ir.VectorType(_I32, LANES)
        a, b = builder.bitcast(a, words), builder.bitcast(b, words)
        upper, sixteen = (ir.Constant(words, [number] * LANES) for number in (-0x10000, 16))
        for half in (lambda word: builder.and_(word, upper), lambda word: builder.shl(word, sixteen)):
            left, right = (builder.bitcast(half(word), self.vector) for word in (a, b))
            total = multiply_add(builder, left, right, total)
        return total


def _product_intrinsic(along: str, bfloat16: bool) -> Any:
    @intrinsic(prefer_literal=True)
    def block_product(
        typingctx: Any, rows: Any, vectors: Any, a: Any, stride: Any, b: Any, b_stride: Any, c: Any, c_stride: Any,
        count: Any, add: Any, blocks: Any,
    ) -> Any:  # fmt: skip
        """C (+)= A B for blocks below each other; rows and vectors are literal numbers, a, b and c addresses."""
        if not (isinstance(rows, types.IntegerLiteral) and isinstance(vectors, types.IntegerLiteral)):
            return None
        shape = rows.literal_value, vectors.literal_value
        signature = types.void(rows, vectors, *[types.int64] * 9)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            builder.call(_product(builder.module, *shape, along, bfloat16), arguments[2:])
            return context.get_dummy_value()

        return signature, generate

    return block_product


# A contiguous along what is summed over (its stride lies between rows), or along its rows
float32_product_k, float32_product_m = (_product_intrinsic(along, bfloat16=False) for along in "km")
# of words that hold two bfloat16 numbers each, neighbours along what is summed over
bfloat16_product_k, bfloat16_product_m = (_product_intrinsic(along, bfloat16=True) for along in "km")


@intrinsic
def atomic_load(typingctx: Any, address: Any) -> Any:
    """The int64 at an address, as other threads last stored it."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], _I64.as_pointer())
        return builder.load_atomic(place, ordering="acquire", align=8)

    return types.int64(types.uintp), generate


@intrinsic
def atomic_store(typingctx: Any, address: Any, value: Any) -> Any:
    """Store an int64 at an address, after everything that this thread has stored before."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], _I64.as_pointer())
        builder.store_atomic(arguments[1], place, ordering="release", align=8)
        return context.get_dummy_value()

    return types.void(types.uintp, types.int64), generate


@intrinsic
def atomic_add(typingctx: Any, address: Any, value: Any) -> Any:
    """Add to the int64 at an address; what it was before. No other thread's addition comes between."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], _I64.as_pointer())
        return builder.atomic_rmw("add", place, arguments[1], ordering="acq_rel")

    return types.int64(types.uintp, types.int64), generate


def _call(builder: ir.IRBuilder, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
    """Call one of LLVM's own functions."""
    function_type = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, f"llvm.{name}"), arguments)


@intrinsic
def call_stage(typingctx: Any, address: Any, block: Any, worker: Any, workers: Any) -> Any:
    """Call the compiled stage at an address; see `_stage`."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        stage = ir.FunctionType(ir.VoidType(), [_I64] * 3).as_pointer()
        builder.call(builder.inttoptr(arguments[0], stage), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), generate


def _pointer_intrinsic(to: Any) -> Any:
    @intrinsic
    def pointer(typingctx: Any, address: Any) -> Any:
        """An address as a typed pointer, for `numba.carray`."""

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(to)(types.int64), generate

    return pointer


POINTERS = {
    name: _pointer_intrinsic(getattr(types, name))
    for name in ("float32", "float64", "int64", "int32", "int16", "uint16", "uint8")
}


@intrinsic
def pause(typingctx: Any) -> Any:
    """Tell the processor that this thread only waits."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        if _X86:
            _call(builder, "x86.sse2.pause", ir.VoidType())
        elif _ARM:
            _call(builder, "aarch64.hint", ir.VoidType(), ir.Constant(_I32, 1))
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def yield_core(typingctx: Any) -> Any:
    """Let another thread have this core, where one is waiting for it."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        if os.name == "posix":
            function_type = ir.FunctionType(_I32, [])
            builder.call(cgutils.get_or_insert_function(builder.module, function_type, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def ticks(typingctx: Any) -> Any:
    """The processor's clock, an int64 that counts at a constant rate; always 0 where there is none to read."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        if _X86 or _ARM:
            return _call(builder, "readcyclecounter" if _X86 else "readsteadycounter", _I64)
        return _constant(0)

    return types.int64(), generate


@intrinsic
def flush_denormals(typingctx: Any) -> Any:
    """Let this thread take denormal numbers for 0; gives the state before, for `restore_denormals`.

    The tails of Gaussians and wavelets are full of them, and each costs a hundred times what a number costs.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        state = _control(builder)
        if _X86 or _ARM:
            _set_control(builder, builder.or_(state, _constant(0x8040 if _X86 else 1 << 24)))
        return state

    return types.int64(), generate


@intrinsic
def restore_denormals(typingctx: Any, state: Any) -> Any:
    """Undo `flush_denormals`."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        if _X86 or _ARM:
            _set_control(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _control(builder: ir.IRBuilder) -> ir.Value:
    """The floating-point control register of this thread."""
    if _X86:
        place = cgutils.alloca_once_value(builder, ir.Constant(_I32, 0))
        _mxcsr(builder, "stmxcsr", place)
        return builder.zext(builder.load(place), _I64)
    return _call(builder, "aarch64.get.fpcr", _I64) if _ARM else _constant(0)


def _set_control(builder: ir.IRBuilder, state: ir.Value) -> None:
    if _X86:
        _mxcsr(builder, "ldmxcsr", cgutils.alloca_once_value(builder, builder.trunc(state, _I32)))
    else:
        _call(builder, "aarch64.set.fpcr", ir.VoidType(), state)


def _mxcsr(builder: ir.IRBuilder, name: str, place: ir.Value) -> None:
    _call(builder, f"x86.sse.{name}", ir.VoidType(), builder.bitcast(place, ir.IntType(8).as_pointer()))


def _scratch(kind: Any, element: ir.Type) -> Any:
    @intrinsic(prefer_literal=True)
    def scratch(typingctx: Any, count: Any) -> Any:
        """A pointer to so many numbers (a literal) on the stack; gone when the function ends."""
        if not isinstance(count, types.IntegerLiteral):
            return None

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            with builder.goto_entry_block():
                place = builder.alloca(ir.ArrayType(element, signature.args[0].literal_value))
            place.align = 64
            return builder.bitcast(place, element.as_pointer())

        return types.CPointer(kind)(count), generate

    return scratch


float_scratch = _scratch(types.float32, _F32)
float64_scratch = _scratch(types.float64, ir.DoubleType())
int_scratch = _scratch(types.int32, _I32)
