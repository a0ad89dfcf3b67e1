"""Several worker processes on one folder, and what is left when they are killed or stopped at any moment."""

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

import inr
from inr.serving.queue import NewJob, Queue
from inr.serving.store import Store
from tests.serving.queue_worker import CLOSED, LEASE

WORKER = Path(__file__).with_name("queue_worker.py")


class Crew:
    """Worker processes, one of which can be ended and replaced by another."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder, self.begun = folder, 0
        self.log = folder / "finished"
        self.workers = [self.begin() for _ in range(workers)]

    def begin(self) -> subprocess.Popen[bytes]:
        self.begun += 1
        environment = {**os.environ, "PYTHONPATH": str(Path(inr.__file__).parents[1])}
        command = [sys.executable, str(WORKER), str(self.folder), f"worker {self.begun}", str(self.log)]
        return subprocess.Popen(command, env=environment)

    def kill(self, number: int) -> None:
        self.workers[number].kill()
        assert self.workers[number].wait(60) == -signal.SIGKILL
        self.workers[number] = self.begin()

    def stop_for_longer_than_a_lease(self, number: int) -> None:
        worker = self.workers[number]
        worker.send_signal(signal.SIGSTOP)
        threading.Timer(2 * LEASE, worker.send_signal, [signal.SIGCONT]).start()  # the others do not wait for that

    def wait(self) -> None:
        for worker in self.workers:
            assert worker.wait(60) == 0

    def end(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait(60)


def run_and_disturb(folder: Path, *, workers: int, jobs: int, kills: int, stops: int) -> None:
    queue = Queue(folder)
    users = [queue.add_user(name)[0].id for name in ("Ada", "Bob")]
    new = [NewJob("fit", str(number)) for number in range(jobs // 2)]
    ids = {made.job.id for user in users for made in queue.submit_many(user, new, None)}
    disturbances = ["kill"] * kills + ["stop"] * stops
    chance = random.Random(0)
    chance.shuffle(disturbances)
    crew = Crew(folder, workers)
    try:
        for number, disturbance in enumerate(disturbances, start=1):
            while queue.counts().get("done", 0) < number * jobs // (len(disturbances) + 1):
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.01))
            if disturbance == "kill":
                crew.kill(chance.randrange(workers))
            else:
                crew.stop_for_longer_than_a_lease(chance.randrange(workers))
        (folder / CLOSED).touch()
        crew.wait()
    finally:
        crew.end()
    assert queue.counts() == {"done": jobs}
    found = queue.jobs(None, limit=jobs + 1)[0]
    assert {job.id for job in found} == ids
    store = Store(folder)
    for job in found:
        assert job.result_sha256 == hashlib.sha256(f"result of {job.id}".encode()).hexdigest()
        assert store.path(job.result_sha256).read_bytes() == f"result of {job.id}".encode()
    ends = Counter(event.job for event in queue.events(0, limit=100 * jobs) if event.kind == "end")
    assert ends == dict.fromkeys(ids, 1)
    finished = Counter(crew.log.read_text().split())
    assert set(finished.values()) == {1}
    assert set(finished) <= ids
    assert len(finished) >= jobs - kills  # one killed between its commit and its log has told nobody
    assert sum(queue.user(user).used_seconds for user in users) >= jobs * 0.001
    queue.close()
    for name in ("inr.db", "progress.db"):
        with sqlite3.connect(folder / name) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        db.close()


def test_workers_are_killed_and_nothing_is_lost_or_done_twice(folder):
    run_and_disturb(folder, workers=2, jobs=200, kills=3, stops=0)


@pytest.mark.long
def test_many_workers_are_killed_and_stopped_and_nothing_is_lost_or_done_twice(tmp_path):
    run_and_disturb(tmp_path, workers=4, jobs=2000, kills=30, stops=6)
