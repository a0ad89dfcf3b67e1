"""What a kernel's key covers: a change in anything that the kernel is made of compiles it anew."""

import json
import os
import subprocess
import sys

import pytest
from numba import types

from inr.jit._fingerprint import fingerprint

KERNELS = """
import numpy as np
from helping import double, table
from inr.jit import F1, Call, Stage, inline, kernel, run, share
import counting

_share = inline(share)
OWN = 0.0

@kernel
def alone(number):
    return later(number) + counting.START

def doubled(worker, workers, numbers: F1):
    start, stop = _share(len(numbers), worker, workers, 1)
    for index in range(start, stop):
        numbers[index] = double(numbers[index]) + counting.START + table[0]

def loaded(dispatcher):
    return sum(dispatcher.stats.cache_hits.values())

@inline
def later(number):
    return double(number)

def results():
    numbers = np.ones(2, np.float32)
    stage = Stage(doubled)
    run([Call(stage, numbers=numbers)], 1)
    from inr.jit import _compile
    return {"kernel": alone(1.0), "stage": float(numbers[0]),
            "loaded": [loaded(alone), _compile._ALIVE[-1]._cache_hits]}

if __name__ == "__main__":
    import json
    print(json.dumps(results()))
"""
HELPING = """
from inr.jit import inline
from numba import types
from numba.extending import intrinsic
from emitting import emit

FACTOR = 2.0
table = (0.0, 1.0)

@intrinsic
def added(typingctx, number):
    def generate(context, builder, signature, arguments):
        return emit(builder, arguments[0])
    return number(number), generate

@inline
def double(number):
    return added(number * FACTOR)
"""
EMITTING = """
def emit(builder, number):
    return builder.fadd(number, number.type(0.0))
"""
FILES = {"kernels": KERNELS, "helping": HELPING, "emitting": EMITTING, "counting": "START = 0.0\n"}


@pytest.fixture
def program(tmp_path):
    """Kernels in four files, and what runs them in a new process."""
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(text)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"INR_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": path}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # by sources that change within a second

    def run():
        done = subprocess.run(
            [sys.executable, str(tmp_path / "kernels.py")], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    run.folder = tmp_path
    return run


CHANGES = [
    ("helping", "FACTOR = 2.0", "FACTOR = 3.0", 3.0, 3.0),  # a constant of what an inlined function names
    ("helping", "number * FACTOR", "number * FACTOR * 2", 4.0, 4.0),  # an inlined function
    ("emitting", "number.type(0.0)", "number.type(1.0)", 3.0, 3.0),  # what writes an intrinsic's code
    ("counting", "START = 0.0", "START = 10.0", 12.0, 12.0),  # a constant that is an attribute of a module
]


@pytest.mark.long
def test_a_change_in_another_file_compiles_kernels_anew(program):
    unchanged = {"kernel": 2.0, "stage": 2.0}
    assert program() == unchanged | {"loaded": [0, 0]}
    for file, before, after, kernel, stage in CHANGES:
        assert before in FILES[file]
        (program.folder / f"{file}.py").write_text(FILES[file].replace(before, after))
        assert program() == {"kernel": kernel, "stage": stage, "loaded": [0, 0]}, file
        (program.folder / f"{file}.py").write_text(FILES[file])
    assert program() == unchanged | {"loaded": [1, 1]}  # versions are kept side by side


@pytest.mark.long
def test_a_change_in_a_file_that_is_not_reached_changes_nothing(program):
    program()
    (program.folder / "unrelated.py").write_text("x = 1\n")
    (program.folder / "counting.py").write_text("START = 0.0\nOTHER = 1\n")
    assert program()["loaded"] == [1, 1]


def test_types_made_before_change_nothing():
    """Numba numbers types as they come: kernels with vectors were compiled anew where there had been others."""

    class Odd(types.Type):
        def __init__(self) -> None:
            super().__init__(name="odd")

    kind = Odd()
    before = fingerprint({"kind": kind})
    kind._code += 7
    assert fingerprint({"kind": kind}) == before
    assert fingerprint({"kind": types.int64}) != before
