"""An activation's formula as functions that kernels call: values for rendering, values and slopes for learning."""

import functools
import linecache
from dataclasses import dataclass
from typing import Any

import triton
import triton.language as tl

from inr._parts import Config, format_spec
from inr.activations import Activation, activations
from inr.engines._formulas import Code, Formula, formula
from inr.engines._triton import _maths
from inr.engines._triton._coverage import DIALECT

_FUNCTIONS = {name: getattr(_maths, name) for name in DIALECT.functions}


@dataclass(frozen=True)
class Functions:
    """Functions of float32 tiles. All take and give two planes; where there is one, the second is the first again.

    Attributes:
        value: (a, b, at) to values; `at` points to the layer's constants.
        learn: (a, b, at) to values, then what `backward` needs in the planes' place.
        backward: (ka, kb, va, vb, ga, gb, at), what is kept, values and their gradients, to the gradients of
            the planes.
    """

    value: Any
    learn: Any
    backward: Any


def functions(activation: Activation, planes_in: int) -> Functions:
    """The functions of an activation whose layer gives `planes_in` planes; made once in a process.

    Raises:
        Untranslatable: a formula that holds something that there is no code for.
    """
    return _made(format_spec(activation.config()), planes_in)


@functools.cache
def _made(spec: str, planes_in: int) -> Functions:
    config: str | Config = spec
    code = formula(activations.build(config), planes_in, DIALECT)
    name = spec.partition(":")[0].replace("-", "_")
    return Functions(
        value=_define(f"{name}_value_{planes_in}", ["a", "b"], code, code.value, {}),
        learn=_define(f"{name}_learn_{planes_in}", ["a", "b"], code, code.learn, {}),
        backward=_define(
            f"{name}_backward_{planes_in}", ["ka", "kb", "va", "vb", "ga", "gb"], code, code.backward,
            dict(zip(code.kept, ("ka", "kb"), strict=False)),
        ),
    )  # fmt: skip


def _define(name: str, arguments: list[str], code: Formula, body: Code, renamed: dict[str, str]) -> Any:
    lines = [f"def {name}({', '.join(arguments)}, at):"]
    lines += [f"    {constant} = tl.load(at + {index})" for index, constant in enumerate(code.constants)]
    lines += [f"    {name} = {argument}" for name, argument in renamed.items()]
    lines += [f"    {line}" for line in body.lines]
    lines += [f"    r{index} = {result}" for index, result in enumerate(body.results)]
    lines += [f"    return {', '.join(_in_pairs(len(code.values), len(body.results)))}"]
    return define(name, "\n".join(lines) + "\n")


def define(name: str, source: str) -> Any:
    """The function `name` that generated code defines, for kernels to call; two of one name must be the same."""
    # where Triton and tracebacks look for the source
    file = f"<inr triton {name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    scope = {**_FUNCTIONS, "tl": tl, "__name__": __name__}
    exec(compile(source, file, "exec"), scope)
    return triton.jit(scope[name])


def _in_pairs(values: int, results: int) -> list[str]:
    """Names of the results, with the missing second planes filled in."""
    groups = [range(results)] if results <= values else [range(values), range(values, results)]
    return [f"r{group[min(index, len(group) - 1)]}" for group in groups for index in range(2)]
