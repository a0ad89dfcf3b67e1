"""The canary: what of numba's internals the runtime uses, each by name, so that a numba that moved it is told in words.

Where these fail, so does nearly everything that compiles: mend `inr/jit` for the new version, then bound
`inr.jit.NUMBA_VERSIONS` and the dependency in pyproject.toml by what was tried.
"""

import importlib
import inspect
import tomllib

import numba
import numpy as np
import pytest

from inr.jit import NUMBA_VERSIONS, _compile, exact, inline, kernel
from inr.jit.vector import ticks

pytestmark = pytest.mark.quick

# module, attribute within it, and the names of the parameters that the runtime gives or takes
INTERNALS = [
    ("numba.core.caching", "_CacheLocator.get_cache_path", ["self"]),
    ("numba.core.caching", "_CacheLocator.get_source_stamp", ["self"]),
    ("numba.core.caching", "_CacheLocator.get_disambiguator", ["self"]),
    ("numba.core.caching", "CompileResultCacheImpl.get_filename_base", ["self", "fullname", "abiflags"]),
    ("numba.core.caching", "CompileResultCacheImpl.check_cachable", ["self", "cres"]),
    ("numba.core.caching", "FunctionCache.load_overload", ["self", "sig", "target_context"]),
    ("numba.core.caching", "FunctionCache.save_overload", ["self", "sig", "data"]),
    ("numba.core.caching", "FunctionCache.enable", ["self"]),
    ("numba.core.caching", "IndexDataCacheFile", ["cache_path", "filename_base", "source_stamp"]),
    ("numba.core.ccallback", "CFunc", ["pyfunc", "sig", "locals", "options"]),
    ("numba.core.ccallback", "CFunc.compile", ["self"]),
    ("numba.core.sigutils", "normalize_signature", ["sig"]),
    ("numba.core.dispatcher", "Dispatcher.add_overload", ["self", "cres"]),
    ("numba.core.dispatcher", "Dispatcher._compile_for_args", ["self"]),
    ("numba.core.cgutils", "alloca_once", ["builder", "ty"]),
    ("numba.core.cgutils", "alloca_once_value", ["builder", "value"]),
    ("numba.core.cgutils", "for_range", ["builder", "count"]),
    ("numba.core.cgutils", "for_range_slice", ["builder", "start", "stop", "step", "intp"]),
    ("numba.core.cgutils", "get_or_insert_function", ["module", "fnty", "name"]),
    ("numba.extending", "intrinsic", []),
]


def taken(thing):
    return list(inspect.signature(thing).parameters)


@pytest.mark.parametrize(("module", "path", "names"), INTERNALS, ids=[path for _, path, _ in INTERNALS])
def test_numba_still_has(module, path, names):
    told = f"numba {numba.__version__} moved {module}.{path}; inr is known to work with numba{NUMBA_VERSIONS}"
    found = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name, None)
        assert found is not None, told
    assert taken(found)[: len(names)] == names, f"{told}: it takes {taken(found)}, not {names}"


def test_caches_hold_what_ours_sets():
    told = f"numba {numba.__version__} keeps the state of its caches elsewhere"
    caching = importlib.import_module("numba.core.caching")
    for name in ("_name", "_py_func", "_impl", "_cache_path", "_cache_file"):
        assert name in inspect.getsource(caching.Cache), f"{told}: no {name} in Cache"
    for name in ("_lineno", "_locator", "_filename_base"):
        assert name in inspect.getsource(caching.CacheImpl if hasattr(caching, "CacheImpl") else caching._CacheImpl), (
            f"{told}: no {name} in CacheImpl"
        )


def test_compiled_functions_hold_what_ours_reads():
    told = f"numba {numba.__version__}: compiled functions have changed"

    def thrice(number):
        return 3 * number

    for make in (inline, kernel):
        dispatcher = make(thrice)
        assert dispatcher.py_func is thrice, f"{told}: no py_func"
        assert hasattr(dispatcher, "_cache"), f"{told}: no _cache"
        assert callable(dispatcher.compile), f"{told}: no compile"
    assert callable(ticks._defn), f"numba {numba.__version__}: intrinsics have no _defn"


@pytest.mark.parametrize("make", [inline, exact])
def test_parts_of_kernels_can_be_called_directly_too(make):
    @make
    def thrice(number):
        return 3 * number

    @kernel
    def negated(number):
        return -thrice(number)

    assert negated(2) == -6
    assert (thrice(2), thrice(0.5), thrice(2)) == (6, 1.5, 6), (
        f"numba {numba.__version__} calls functions in another way"
    )
    assert negated(0.5) == -1.5


def test_a_kernel_goes_to_disk_and_a_stage_has_an_address(tmp_path, monkeypatch):
    told = f"numba {numba.__version__} does not keep code with our cache"
    monkeypatch.setattr(_compile, "usable_folder", lambda: tmp_path)

    def half(number):
        return number / 2

    for expected in (0, 1):
        compiled = kernel(half)
        assert compiled(3.0) == 1.5
        assert sum(compiled.stats.cache_hits.values()) == expected, told
    source = "def stage(block, worker, workers):\n    return\n"
    assert _compile.entry_point(source, "stage", {}) != 0
    assert len(list(tmp_path.glob("*.nbc"))) == 2, told
    assert np.float32(compiled(np.float32(1))) == 0.5


def test_the_dependency_is_bounded_by_the_versions_that_were_tried(root):
    dependencies = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    assert f"numba{NUMBA_VERSIONS}" in dependencies
