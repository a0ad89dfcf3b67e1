"""Keeping workers at work: what dies is begun anew, and all end when they are told to."""

import os
import signal
import sys
import time

import pytest

from inr.serving import DiskFull
from inr.serving.work import Workers, _workers


@pytest.fixture
def crew(queue, tmp_path, monkeypatch):
    monkeypatch.setattr(_workers, "_REST", 0.0)
    crew = Workers(tmp_path, queue, 2, log=tmp_path / "log")
    crew._command = ["sleep", "60"]
    yield crew
    crew.stop()


def pids(crew: Workers) -> list[int]:
    return [worker.pid for worker in crew._workers if worker is not None]


def dead(crew: Workers, place: int) -> None:
    """Kill one, and see it dead."""
    worker = crew._workers[place]
    worker.kill()
    worker.wait()


def test_the_dead_are_forgotten_and_replaced(crew, queue):
    crew.look()
    first = pids(crew)
    assert len(set(first)) == 2
    crew.look()
    assert pids(crew) == first
    queue.register("w", _workers.socket.gethostname(), first[0], 1)
    dead(crew, 0)
    crew.look()
    assert queue.workers() == []
    assert pids(crew)[1] == first[1]
    assert pids(crew)[0] != first[0]


def test_those_that_die_at_once_are_waited_for_longer_and_longer(crew, monkeypatch):
    monkeypatch.setattr(_workers, "_REST", 100.0)
    crew._rest = [100.0] * 2
    crew.look()
    dead(crew, 1)
    crew.look()
    assert len(pids(crew)) == 1
    assert crew._due[1] > time.monotonic() + 20


def test_all_end_when_they_are_told_to(crew):
    with crew:
        running = pids(crew)
        assert all(os.getpgid(pid) == pid for pid in running)  # Ctrl-C does not reach them
    assert pids(crew) == []
    for pid in running:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_those_that_do_not_end_are_killed(crew, tmp_path, monkeypatch):
    monkeypatch.setattr(_workers, "DRAIN_SECONDS", -1.0)
    deaf = "import os, signal, time; signal.signal(15, signal.SIG_IGN); open(str(os.getpid()), 'w'); time.sleep(60)"
    crew._command = ["sh", "-c", f'cd {tmp_path}; exec {sys.executable} -S -c "{deaf}"']
    crew.look()
    workers = crew._workers
    while not all((tmp_path / str(worker.pid)).exists() for worker in workers):
        time.sleep(0.01)
    crew.stop()
    assert [worker.returncode for worker in workers] == [-signal.SIGKILL] * 2


def test_all_end_while_the_disk_is_full(crew, queue, monkeypatch):
    def full(worker):
        raise DiskFull("the disk is full")

    crew.look()
    workers = crew._workers
    queue.register("w", _workers.socket.gethostname(), pids(crew)[0], 1)
    monkeypatch.setattr(queue, "forget", full)
    crew.stop()
    assert all(worker.returncode is not None for worker in workers)
    assert [worker.id for worker in queue.workers()] == ["w"]  # until it is not heard of for long enough
