"""Compiling kernels with numba, and keeping the machine code on disk.

Numba's own cache looks at the file a function stands in: it would not see a change in what the function calls, and
cannot keep code that was generated. Here machine code is found by a checksum of all that the function is made of
(`inr.jit._fingerprint`); numba adds the processor and the argument types.
"""

import contextlib
import functools
import hashlib
import inspect
import itertools
import linecache
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numba

from inr._errors import InrError
from inr.jit._fingerprint import fingerprint, runtime_fingerprint
from inr.jit.vector import DOT_PRODUCTS, LANES, ROWS

NUMBA_VERSIONS = ">=0.60,<0.69"
"""The versions of numba that this runtime is known to work with; it uses some of numba's internals."""

try:
    from numba.core import caching, sigutils
    from numba.core.bytecode import FunctionIdentity
    from numba.core.ccallback import CFunc
except ImportError as error:
    raise InrError(
        f"numba {numba.__version__} lacks what kernels are compiled with ({error}): install numba{NUMBA_VERSIONS}"
    ) from None


def _number_functions() -> None:
    """Let this process number functions from a place of its own.

    Numba tells functions of one name and type apart by a number that every process counts from 1. Machine code from
    several processes meets in one that reads it from disk: where it has equal symbols, calls would go astray.
    """
    FunctionIdentity._unique_ids = itertools.count(int.from_bytes(os.urandom(6), "little"))


_number_functions()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_number_functions)

# What float arithmetic may be rearranged for speed. Not among them: assuming that nothing is infinite or NaN, by
# which a diverging fit is noticed.
FASTMATH = {"contract", "reassoc", "nsz", "arcp"}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function for numba arrays and numbers: no interpreter lock, no checked bounds, cached on disk.

    Args:
        function: in the part of Python that numba compiles; may call functions made by `inline` or `exact`.

    Returns:
        The compiled function, which takes NumPy arrays and numbers. It is compiled, or read from disk, by the first
        call with arguments of some types, whose time `compile_seconds` counts.

    >>> @inr.jit.kernel
    ... def total(numbers):
    ...     result = 0.0
    ...     for number in numbers:
    ...         result += number
    ...     return result
    >>> total(np.arange(4.0))
    6.0
    """
    function = inspect.unwrap(function)  # numba reads code: not that of run-time type checks around it
    dispatcher = numba.njit(fastmath=FASTMATH, error_model="numpy", nogil=True)(function)
    if not numba.config.DISABLE_JIT:
        _keep_on_disk(dispatcher, function)
    return dispatcher


def inline(function: Callable[..., Any]) -> Any:
    """Compile a function that kernels call; it becomes part of them and is not kept by itself.

    Args:
        function: in the part of Python that numba compiles.

    Returns:
        The compiled function, for `kernel`s, `Stage`s and other such functions to call.
    """
    return _part_of_kernels(function, FASTMATH)


def exact(function: Callable[..., Any]) -> Any:
    """As `inline`, with arithmetic as written: nothing fused or reordered.

    Args:
        function: in the part of Python that numba compiles.

    Returns:
        The compiled function, for kernels to call.
    """
    return _part_of_kernels(function, False)  # said because otherwise a caller's flags would hold here too


def _part_of_kernels(function: Callable[..., Any], fastmath: set[str] | bool) -> Any:
    """A function that compiled code calls, without what lets the interpreter call it: a fifth of the time of compiling.

    The interpreter's first call compiles it once more, with that.
    """
    function = inspect.unwrap(function)
    compiled = functools.partial(numba.njit, fastmath=fastmath, error_model="numpy", nogil=True)
    dispatcher = compiled(no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    if not numba.config.DISABLE_JIT:
        callable_one = functools.cache(lambda: compiled()(function))
        # What a call from the interpreter finds: no code of its own, and thus asks for what runs instead.
        dispatcher.add_overload = lambda result: dispatcher.overloads.update({tuple(result.signature.args): result})
        dispatcher._compile_for_args = lambda *args, **kws: callable_one()
    return dispatcher


def inline_generated(source: str, name: str, names: Mapping[str, Any]) -> Any:
    """As `inline`, of a function that is generated.

    Args:
        source: the text of the function.
        name: what the text calls it.
        names: what the text refers to, by name.

    Returns:
        The compiled function, for kernels to call.
    """
    return inline(_define(source, name, names))


def entry_point(source: str, name: str, names: Mapping[str, Any]) -> int:
    """The address of the generated C function `name`: void(int64, int64, int64), compiled now."""
    start = time.perf_counter()
    function = _define(source, name, names)
    # numba.cfunc would compile at once, before there is a cache to look into.
    callback: Any = CFunc(function, _STAGE, locals={}, options={"fastmath": FASTMATH, "error_model": "numpy"})
    if usable_folder() is not None:
        callback._cache = _Cache(function, fingerprint(source, names))
    callback.compile()
    _ALIVE.append(callback)
    _compile_times.append(time.perf_counter() - start)
    return int(callback.address)


_STAGE = sigutils.normalize_signature("void(int64, int64, int64)")
_ALIVE: list[Any] = []  # machine code goes with the object that holds it


def _define(source: str, name: str, names: Mapping[str, Any]) -> Callable[..., Any]:
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    file = f"<inr {name} {digest}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # for tracebacks
    scope = {"__name__": __name__} | dict(names)  # numba imports the module again when it reads the code from disk
    exec(compile(source, file, "exec"), scope)
    defined: Callable[..., Any] = scope[name]
    return defined


def cache_folder() -> Path:
    """Where machine code is to be kept.

    Returns:
        The folder that the variable INR_CACHE_DIR names, or `inr` in the user's cache folder; it need not exist.
    """
    given = os.environ.get("INR_CACHE_DIR")
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or _home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = _home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache")
    return base / "inr"


def _home() -> Path:
    """The user's folder; the temporary one for users that have none."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir())


_compile_times: list[float] = []


def compile_seconds() -> float:
    """Seconds that this process has spent so far on compiling kernels, or on loading them from disk."""
    return sum(_compile_times)


def _keep_on_disk(dispatcher: Any, function: Callable[..., Any]) -> None:
    """Let the first call of every signature look on disk, count its time, and store what it compiles."""
    compile_one = dispatcher.compile

    @functools.wraps(compile_one)
    def timed(signature: Any) -> Any:
        start = time.perf_counter()
        try:
            # Not sooner: what the function refers to may be defined after it.
            if usable_folder() is not None and not isinstance(dispatcher._cache, _Cache):
                dispatcher._cache = _Cache(function, fingerprint(function))
            return compile_one(signature)
        finally:
            _compile_times.append(time.perf_counter() - start)

    dispatcher.compile = timed


@functools.cache
def usable_folder() -> Path | None:
    """The folder that machine code is kept in, by this version of the runtime and for processors like this one.

    Returns:
        The folder, which is made if need be; None where nothing can be written.
    """
    temporary = Path(tempfile.gettempdir()) / f"inr-{os.getuid() if hasattr(os, 'getuid') else 0}"
    for base in (cache_folder(), temporary):
        folder = base / f"kernels-{_machine_key()}"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        # machine code is trusted: where anyone may write, the folder above must be ours as well
        if all(map(_ours, (folder, base) if base == temporary else (folder,))):
            return folder
    return None


def _ours(folder: Path) -> bool:
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


@functools.cache
def _machine_key() -> str:
    """A checksum of this runtime and of the processor's shape."""
    shape = repr((runtime_fingerprint(), LANES, ROWS, DOT_PRODUCTS))
    return hashlib.sha256(shape.encode()).hexdigest()[:16]


class _Locator(caching._CacheLocator):
    """Tells numba where the code of one function is kept, and what it depends on."""

    def __init__(self, function: Callable[..., Any], key: str) -> None:
        self._py_file = function.__code__.co_filename
        self._key = key

    def get_cache_path(self) -> str:
        return str(usable_folder())

    def get_source_stamp(self) -> str:
        return self._key

    def get_disambiguator(self) -> str:
        return self._key


class _Implementation(caching.CompileResultCacheImpl):
    def __init__(self, function: Callable[..., Any], key: str) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = _Locator(function, key)
        file = function.__code__.co_filename
        module = "generated" if file.startswith("<") else Path(file).stem
        # The key is in the name as well: versions of the sources that are used by turns keep their code side by side.
        self._filename_base = f"{self.get_filename_base(f'{module}.{function.__qualname__}', '')}-{key}"


class _Cache(caching.FunctionCache):
    """Numba's cache with our locator."""

    def __init__(self, function: Callable[..., Any], key: str) -> None:
        self._name = repr(function)
        self._py_func = function
        self._impl = _Implementation(function, key)
        self._cache_path = self._impl.locator.get_cache_path()
        self._cache_file = caching.IndexDataCacheFile(self._cache_path, self._impl.filename_base, key)
        self.enable()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged file, whatever reading it raises, is compiled anew
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with contextlib.suppress(OSError):  # a full disk costs the next process its head start, not this one its fit
            super().save_overload(sig, data)
