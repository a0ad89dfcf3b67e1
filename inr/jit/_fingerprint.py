"""What the machine code of a kernel depends on, found by following what its code refers to.

Numba's own cache looks at the file that a function stands in, and so misses a change in what the function calls, which
becomes part of it. Here a kernel's key covers, for every function and class that its code reaches, by whatever route
and in whatever package, the text of the file it stands in, and the value of every constant that it names.
"""

import functools
import hashlib
import inspect
import linecache
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np

# What these consist of is not followed. The versions of those that compile are a part of every key; the others check
# types or test, and are called around functions that become kernels, but never become a part of them.
_COMPILING = {"llvmlite", "numba", "numpy"}
_CHECKING = {"_pytest", "beartype", "jaxtyping", "pytest", "torch"}
_LIBRARIES = sys.stdlib_module_names | _COMPILING | _CHECKING
_CONSTANTS = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype)


def fingerprint(*roots: Any) -> str:
    """A checksum of everything that the code of some functions is made of.

    Args:
        roots: functions, compiled or not, and whatever else generated code is given by name; dictionaries and tuples
            stand for what they hold.

    Returns:
        16 hexadecimal digits; the same in every process as long as no source, constant or library has changed.
    """
    walk = _Walk()
    for root in roots:
        walk.follow("root", root)
    return hashlib.sha256("\n".join([_versions(), *sorted(walk.found)]).encode()).hexdigest()[:16]


@functools.cache
def runtime_fingerprint() -> str:
    """A checksum of this runtime itself and of the libraries that it compiles with."""
    sources = (path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(b"\n".join([_versions().encode(), *sources])).hexdigest()[:16]


def _versions() -> str:
    return f"numba {numba.__version__} llvmlite {llvmlite.__version__} numpy {np.__version__}"


class _Walk:
    """Collects a line for everything that is reached; where it is reached from does not matter, but for constants."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._seen: dict[int, Any] = {}  # the objects are kept, so that no other one gets their number meanwhile

    def follow(self, name: str, value: Any) -> None:
        """Enter a value that code knows by a name, and all that it refers to."""
        if isinstance(value, _CONSTANTS):
            self.found.add(f"{name} = {value!r}")
            return
        if id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, np.ndarray):
            self.found.add(f"{name} = {value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}")
        elif isinstance(value, tuple | list | set | frozenset):
            for index, item in enumerate(sorted(value, key=repr) if isinstance(value, set | frozenset) else value):
                self.follow(f"{name}[{index}]", item)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                self.follow(f"{name}[{key!r}]", item)
        elif isinstance(value, type):
            self._follow_class(value)
        elif not isinstance(value, types.ModuleType):  # of a module, what is taken from it is followed
            self._follow_object(name, value)

    def _follow_object(self, name: str, value: Any) -> None:
        function = function_of(value)
        if function is not None:
            self._follow_function(function)
        elif not _of_a_library(type(value)):
            self._follow_class(type(value))
            if isinstance(value, numba.types.Type):  # has a number besides, by how many types there were before it
                self.found.add(f"{name} = {value}")
            else:
                self.follow(name, getattr(value, "__dict__", ()))

    def _follow_class(self, kind: type) -> None:
        for base in kind.__mro__:
            if not _of_a_library(base):
                self.found.add(file_digest(getattr(sys.modules.get(base.__module__), "__file__", None) or ""))
                for name, value in vars(base).items():
                    if not name.startswith("__") or inspect.isfunction(value):
                        self.follow(f"{base.__qualname__}.{name}", getattr(value, "__func__", value))

    def _follow_function(self, function: types.FunctionType) -> None:
        if _of_a_library(function):
            return
        file = function.__code__.co_filename
        self.found.add(file_digest(file) or f"{file} {_bytecode(function.__code__)}")
        for name, value in _references(function):
            self.follow(f"{function.__module__}.{function.__qualname__}: {name}", value)


def function_of(value: Any) -> types.FunctionType | None:
    """The Python function behind one that is compiled, cached, an intrinsic or wrapped; None if there is none."""
    for attribute in ("py_func", "_defn", "__wrapped__"):
        while (inner := inspect.getattr_static(value, attribute, None)) is not None:
            value = inner
    return value if isinstance(value, types.FunctionType) else None


def _of_a_library(thing: Any) -> bool:
    return (getattr(thing, "__module__", None) or "builtins").partition(".")[0] in _LIBRARIES


def _references(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """All that a function's code can mean by names: globals, attributes of modules, closures and defaults."""
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    for name in sorted(names & function.__globals__.keys()):
        value = function.__globals__[name]
        yield name, value
        if isinstance(value, types.ModuleType) and value.__name__.partition(".")[0] not in _LIBRARIES:
            yield from ((f"{name}.{inner}", vars(value)[inner]) for inner in sorted(names & vars(value).keys()))
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if cell != types.CellType():  # one that is not filled yet is a name that is not used yet
            yield name, cell.cell_contents
    if function.__defaults__ or function.__kwdefaults__:
        yield "defaults", (function.__defaults__, function.__kwdefaults__)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code, and that of the functions and comprehensions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _bytecode(code: types.CodeType) -> str:
    """What a function does that has no file."""
    parts = [
        (each.co_code, each.co_names, [c for c in each.co_consts if not isinstance(c, types.CodeType)])
        for each in _codes(code)
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


@functools.cache
def file_digest(file: str) -> str:
    """A checksum of a file, or of the generated text that tracebacks know by this name; "" where there is neither."""
    try:
        text = Path(file).read_bytes()
    except OSError:
        text = "".join(linecache.getlines(file)).encode()
    return hashlib.sha256(text).hexdigest()[:16] if text else ""
