"""Workers, stages, and machine code that is kept on disk."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from inr.jit import F1, I1, Call, Stage, inline, share, worker_rows
from inr.jit import _pool as pool

_share = inline(share)


def _halve(worker: int, workers: int, numbers: F1, seen: I1) -> None:
    start, stop = _share(numbers.shape[0], worker, workers, 8)
    for index in range(start, stop):
        numbers[index] = numbers[index] * np.float32(0.5)
    seen[worker] += 1


def _double(worker: int, workers: int, numbers: F1, factor: float) -> None:
    start, stop = _share(numbers.shape[0], worker, workers, 3)  # other parts than `_halve` takes
    for index in range(start, stop):
        numbers[index] = numbers[index] * np.float32(factor)


HALVE, DOUBLE = Stage(_halve), Stage(_double)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 100])
@pytest.mark.parametrize("workers", [1, 2, 3, 16])
@pytest.mark.parametrize("grain", [1, 8])
def test_shares_cover_everything_once(count, workers, grain):
    parts = [share(count, worker, workers, grain) for worker in range(workers)]
    assert [index for start, stop in parts for index in range(start, stop)] == list(range(count))


@pytest.mark.parametrize("numbers", [0, 1, 16, 1000])
def test_rows_of_workers_lie_apart(numbers):
    rows = worker_rows(3, numbers)
    ends, starts = rows.ctypes.data + 4 * numbers, rows.ctypes.data
    assert rows.dtype == np.float32
    assert not rows.any()
    for worker in range(3):
        begin = starts + worker * rows.strides[0]
        assert begin % 64 == 0
        assert worker == 0 or begin - (ends + (worker - 1) * rows.strides[0]) >= 2**16


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_a_stage_begins_when_the_one_before_has_ended(threads):
    numbers, seen = np.arange(1000, dtype=np.float32), np.zeros(threads, np.int64)
    halve, double = Call(HALVE, numbers=numbers, seen=seen), Call(DOUBLE, numbers=numbers, factor=2.0)
    for _ in range(200):
        pool.run([halve, double], threads)
    assert np.array_equal(numbers, np.arange(1000))
    assert (seen == 200).all()
    assert halve.clock[0] > 0


def test_threads_of_the_caller_do_not_get_in_each_others_way():
    results = {}

    def work(name):
        numbers, seen = np.full(300, 2.0**60, np.float32), np.zeros(2, np.int64)
        for _ in range(100):
            pool.run([Call(HALVE, numbers=numbers, seen=seen)], 2)
        results[name] = numbers

    callers = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert all((results[name] == np.float32(2.0**-40)).all() for name in range(4))


@pytest.mark.parametrize("threads", [1, 2])
def test_denormals_count_as_zero_in_programs_only(threads):
    tiny = np.finfo(np.float32).tiny
    numbers, seen = np.full(64, tiny, np.float32), np.zeros(2, np.int64)
    pool.run([Call(HALVE, numbers=numbers, seen=seen)], threads)
    assert (numbers == 0).all()
    assert np.float32(tiny) * np.float32(0.5) > 0  # this thread's own setting is back


def test_arguments_of_the_wrong_kind_are_refused():
    with pytest.raises(TypeError, match="numbers must be a C-contiguous float32 array of 1 axes, got float64"):
        Call(HALVE, numbers=np.zeros(3), seen=np.zeros(1, np.int64))


SECOND = """
import json
import numpy as np
from inr.jit import F1, Stage, _compile, compile_seconds, inline, share, usable_folder
from inr.jit.maths import exp

_share = inline(share)

def exponentials(worker, workers, numbers: F1):
    start, stop = _share(len(numbers), worker, workers, 1)
    for index in range(start, stop):
        numbers[index] = exp(numbers[index])

Stage(exponentials).address
print(json.dumps({"files": sorted(p.name for p in usable_folder().iterdir()), "seconds": compile_seconds(),
                  "loaded": sum(entry._cache_hits for entry in _compile._ALIVE)}))
"""


def in_a_new_process(folder):
    environment = os.environ | {"INR_CACHE_DIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", SECOND], capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout)


def test_a_second_process_does_not_compile_again_unless_machine_code_is_damaged(tmp_path):
    first, second = in_a_new_process(tmp_path), in_a_new_process(tmp_path)
    assert first["loaded"] == 0
    assert second["loaded"] == 1
    assert first["files"] == second["files"] != []
    for path in tmp_path.rglob("*.nbc"):
        path.write_bytes(b"no machine code")
    assert in_a_new_process(tmp_path)["loaded"] == 0


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    in_a_new_process(blocked)
