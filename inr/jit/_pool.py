"""Worker threads that are ready within a microsecond.

Waking a sleeping thread, or handing it the interpreter, takes longer than a small network takes for many points. So
programs run without the interpreter, and a worker that has nothing to do watches for the next one for a moment
before it goes to sleep: within a fit it hardly ever does.
"""

import functools
import os
import threading
from collections.abc import Sequence

import numba
import numpy as np

from inr._errors import InrError
from inr.jit._compile import inline, kernel
from inr.jit._stage import Call, Stage
from inr.jit.vector import (
    POINTERS,
    atomic_load,
    atomic_store,
    call_stage,
    flush_denormals,
    pause,
    restore_denormals,
    ticks,
    yield_core,
)

_SPINS_BEFORE_YIELD = 2_000  # reads of a flag, some ten nanoseconds each, before the core is yielded to other threads
# Reads that yield the core before a worker sleeps: some milliseconds in all, longer than what lies between two steps
# of a fit, for waking up again can take as long.
_YIELDS_BEFORE_SLEEP = 8_000
_CACHE_LINE_WORDS = 8  # int64 numbers of a cache line: flags of two workers on one line would slow each other down

# lines of the control block: the number of the latest program, its address and its length; then how far each worker is
_TICKET, _PROGRAM, _WORKERS = 0, 1, 2

_int64_pointer = POINTERS["int64"]


def run(calls: Sequence[Call], threads: int) -> None:
    """Run a program: every stage by all workers, one stage after the other.

    Denormal numbers count as 0 meanwhile, on every worker; each thread's own setting is restored. Callers from
    several threads at once do not share the workers: the later one does all the work itself, with the same result.

    Args:
        calls: at least one stage with its arguments.
        threads: workers, of which the caller is the first; a stage shares its work among them by itself.
    """
    program = np.array([call.words for call in calls], np.int64)
    pool = _workers_for(threads) if threads > 1 else None
    if pool is None or not pool.free.acquire(blocking=False):
        _run_alone(program, threads)
        return
    try:
        pool.run(program)
    finally:
        pool.free.release()


def _nothing(worker: int, workers: int) -> None:
    """A stage that does nothing."""


_NOTHING = Stage(_nothing)


def warm(threads: int) -> None:
    """Compile what runs programs, or load it from disk, and start the workers.

    Args:
        threads: workers of the programs to come.
    """
    run([Call(_NOTHING)], threads)


class _WorkerPool:
    """The workers 1 to threads - 1."""

    def __init__(self, threads: int) -> None:
        self.free = threading.Lock()
        self._threads = threads
        self._control = np.zeros((_WORKERS + threads, _CACHE_LINE_WORDS), np.int64)
        self._announced = 0  # number of the latest program, known before it is published
        self._asleep = [False] * threads
        self._alarms = [threading.Semaphore(0) for _ in range(threads)]
        _poll(self._control, 0, threads, 0)  # compiled here, where failing is seen
        try:
            for worker in range(1, threads):
                threading.Thread(target=self._serve, args=(worker,), daemon=True, name=f"inr-{worker}").start()
        except RuntimeError as error:
            raise InrError(f"cannot start {threads} threads: {error}") from None

    def run(self, program: np.ndarray) -> None:
        self._announced += 1
        try:
            for asleep, alarm in zip(self._asleep, self._alarms, strict=True):
                if asleep:
                    alarm.release()
            # one call: an interrupt between publishing and working would leave the others without worker 0
            _publish_and_work(self._control, program, self._threads)
        finally:
            self._announced = int(self._control[_TICKET, 0])

    def _serve(self, worker: int) -> None:
        done = 0
        while True:
            done = _poll(self._control, worker, self._threads, done)
            self._asleep[worker] = True
            if self._announced == done:  # nothing came in the meantime
                self._alarms[worker].acquire()
            self._asleep[worker] = False


@inline
def _place(control: np.ndarray, line: int) -> int:
    """Address of a line of the control block."""
    return control.ctypes.data + line * _CACHE_LINE_WORDS * 8


@kernel
def _work(control: np.ndarray, worker: int, workers: int) -> None:
    """A worker's share of the published program."""
    state = flush_denormals()
    address, stages = control[_PROGRAM, 0], control[_PROGRAM, 1]
    program = numba.carray(_int64_pointer(address), (stages, 3))
    reached = control[_WORKERS + worker, 0]
    for stage in range(stages):
        begin = ticks()
        call_stage(program[stage, 0], program[stage, 1], worker, workers)
        reached += 1
        atomic_store(_place(control, _WORKERS + worker), reached)
        for other in range(workers):
            spins = 0
            while atomic_load(_place(control, _WORKERS + other)) < reached:
                pause()
                spins += 1
                if spins > _SPINS_BEFORE_YIELD:  # the other may be waiting for this very core
                    yield_core()
        if worker == 0:
            numba.carray(_int64_pointer(program[stage, 2]), 1)[0] += ticks() - begin
    restore_denormals(state)


@kernel
def _publish_and_work(control: np.ndarray, program: np.ndarray, workers: int) -> None:
    """Give the others a program, and take worker 0's share of it."""
    control[_PROGRAM, 0] = program.ctypes.data
    control[_PROGRAM, 1] = len(program)
    atomic_store(_place(control, _TICKET), control[_TICKET, 0] + 1)
    _work(control, 0, workers)


@kernel
def _poll(control: np.ndarray, worker: int, workers: int, done: int) -> int:
    """Run programs as they come, until none came for a while; the number of the last one."""
    spins = 0
    while spins < _SPINS_BEFORE_YIELD + _YIELDS_BEFORE_SLEEP:
        if atomic_load(_place(control, _TICKET)) != done:
            done += 1
            _work(control, worker, workers)
            spins = 0
        spins += 1
        pause()
        if spins > _SPINS_BEFORE_YIELD:
            yield_core()
    return done


@kernel
def _run_alone(program: np.ndarray, workers: int) -> None:
    state = flush_denormals()
    for stage in range(len(program)):
        begin = ticks()
        for worker in range(workers):
            call_stage(program[stage, 0], program[stage, 1], worker, workers)
        numba.carray(_int64_pointer(program[stage, 2]), 1)[0] += ticks() - begin
    restore_denormals(state)


@inline
def run_inline(program: np.ndarray) -> None:
    """Run a program within a kernel, by its one thread.

    Args:
        program: int64 (calls, 3), the `words` of calls that whoever made them keeps.
    """
    for stage in range(program.shape[0]):
        call_stage(program[stage, 0], program[stage, 1], 0, 1)


_workers_for = functools.cache(_WorkerPool)

if hasattr(os, "register_at_fork"):  # threads do not survive a fork
    os.register_at_fork(after_in_child=_workers_for.cache_clear)
