"""Workers that are killed, stopped or stuck: nothing is lost, nothing is done twice, and every bit is the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from inr.serving.work import _worker as worker_module
from tests.serving import dying
from tests.serving.served import QUICK, Service

pytestmark = pytest.mark.long

LONG = {**QUICK, "steps": 60, "bytes": 700}


@pytest.fixture
def service(tmp_path, monkeypatch) -> Iterator[Service]:
    monkeypatch.setattr(worker_module, "warm_up", lambda: None)
    service = Service(tmp_path / "service")
    yield service
    service.queue.close()


Begin = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def begin(service) -> Iterator[Begin]:
    """Begins a worker with a fate."""
    begun = []

    def start(point: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen([sys.executable, dying.__file__, str(service.folder), point], env=environment)
        begun.append(process)
        return process

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.wait()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def bury(service: Service) -> None:
    """What whoever began a worker does when it has died."""
    for worker in service.queue.workers():
        service.queue.forget(worker.id)


@pytest.mark.parametrize(
    ("point", "crashes"),
    [
        ("at the beginning", 1),
        ("before a checkpoint counts", 1),
        ("after a checkpoint", 1),
        ("before the result is there", 1),
        ("between result and commit", 1),
        ("after the commit", 0),
    ],
)
def test_a_killed_worker_costs_nothing(service, begin, point, crashes):
    undisturbed = service.submit(**LONG)
    service.work()
    job = service.submit(**LONG)
    assert begin(point).wait() == -signal.SIGKILL
    bury(service)
    checkpoint = service.folder / "jobs" / job / "checkpoint.inr"
    assert checkpoint.exists() == (point not in ("at the beginning", "after the commit") or checkpoint.exists())
    service.work()
    done = service.job(job)
    assert done.state == "done"
    assert done.crashes == crashes
    assert service.data(job) == service.data(undisturbed)
    ends = [event for event in service.queue.events(0, jobs=[job]) if event.kind == "end"]
    assert len(ends) == 1


def test_a_poisonous_job_fails_and_hurts_no_other(service, begin):
    poison = service.submit(**LONG)
    for count in range(1, 4):
        assert begin("at the beginning").wait() == -signal.SIGKILL
        bury(service)
        if count == 1:
            fine = service.submit(**LONG)
            service.queue.set_priority(poison, None, 5)
    service.work()
    assert service.job(poison).state == "failed"
    assert service.job(poison).problem["type"] == "/problems/crash-loop"
    assert service.job(fine).state == "done"
    assert service.job(fine).crashes == 0


def test_jobs_that_were_claimed_beside_one_that_kills_are_not_blamed(service, begin):
    jobs = [service.submit(**LONG, seed=seed) for seed in range(1, 5)]
    assert begin("at the beginning").wait() == -signal.SIGKILL
    assert [service.job(job).attempt for job in jobs] == [1] * 4
    bury(service)
    service.work()
    assert [service.job(job).state for job in jobs] == ["done"] * 4
    assert [service.job(job).crashes for job in jobs] == [1, 0, 0, 0]


@pytest.mark.parametrize("way", ["drain", "pause", "cancel"])
def test_a_running_job_ends_when_it_is_asked_to(service, begin, way):
    undisturbed = service.submit(**{**LONG, "steps": 400})
    service.work()
    job = service.submit(**{**LONG, "steps": 400})
    process = begin("slow")
    until(lambda: (service.queue.progress(job) or False) and service.queue.progress(job).step > 20)
    if way == "drain":
        process.terminate()
        assert process.wait(timeout=60) == 0  # not the status of one that had to give its job up
    else:
        getattr(service.queue, way)(job, None)
        until(lambda: service.job(job).state in ("paused", "cancelled"))
        process.wait(timeout=60)
    state = {"drain": "queued", "pause": "paused", "cancel": "cancelled"}[way]
    assert service.job(job).state == state
    if way == "cancel":
        return
    step = service.job(job).checkpoint_step
    assert 20 < step < 400
    if way == "pause":
        service.queue.resume(job, None)
    service.work()
    assert service.job(job).state == "done"
    assert service.job(job).crashes == 0
    assert service.data(job) == service.data(undisturbed)


def test_a_worker_that_hangs_gives_a_cancelled_job_up(service, begin):
    job = service.submit(**LONG)
    process = begin("hanging")
    until(lambda: service.job(job).state == "running")
    service.queue.cancel(job, None)
    assert process.wait(timeout=30) == 75
    assert service.job(job).state == "cancelled"


def test_a_job_that_takes_too_much_memory_fails(service, begin):
    job = service.submit(**{**LONG, "steps": 2000})
    assert begin("short of memory").wait(timeout=60) == 75
    assert service.job(job).problem["type"] == "/problems/memory"
