"""Calls that kernels run and change by themselves, and counters that threads share."""

import threading

import numba
import numpy as np

from inr.jit import F1, Call, Stage, kernel, run_inline
from inr.jit.vector import POINTERS, atomic_add

_word_at = POINTERS["int64"]


def _add(worker: int, workers: int, numbers: F1, amount: float) -> None:
    for index in range(numbers.shape[0]):
        numbers[index] += np.float32(amount)


ADD = Stage(_add)


@kernel
def run_twice(program, slot, other):
    """Once as it stands, once with another array."""
    run_inline(program)
    numba.carray(_word_at(slot), 1)[0] = other
    run_inline(program)


def test_a_kernel_runs_calls_and_changes_their_arguments():
    first, second = np.zeros(3, np.float32), np.zeros(3, np.float32)
    call = Call(ADD, numbers=first, amount=2.0)
    run_twice(np.array([call.words], np.int64), call.place("numbers"), second.ctypes.data)
    assert first.tolist() == second.tolist() == [2.0] * 3


def test_a_copy_keeps_its_arguments():
    numbers, others = np.zeros(2, np.float32), np.zeros(2, np.float32)
    call = Call(ADD, numbers=numbers, amount=1.0)
    copy = call.copy()
    call.set(numbers=others, amount=5.0)
    run_twice(np.array([copy.words], np.int64), copy.place("numbers"), others.ctypes.data)
    assert numbers.tolist() == others.tolist() == [1.0] * 2


@kernel
def take_all(counter, taken):
    while True:
        turn = atomic_add(counter.ctypes.data, 1)
        if turn >= taken.shape[0]:
            return
        taken[turn] += 1


def test_threads_take_every_turn_once():
    counter, taken = np.zeros(8, np.int64), np.zeros(20_000, np.int64)
    take_all(np.full(8, len(taken)), taken)  # compiled here
    threads = [threading.Thread(target=take_all, args=(counter, taken)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (taken == 1).all()
    assert counter[0] == len(taken) + len(threads)
