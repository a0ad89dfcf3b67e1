"""Kills of the service's processes: nothing is lost, nothing is done twice, and every bit is the same.

    python -m studies.service_kills [--kills 50] [--jobs 200] [--seed 0]

200 small jobs wait in the queue of an `inr serve` with two workers. 50 times something is killed, or stopped for longer
than a lease and woken, drawn by the seed: a worker, all workers, the server, or all of them. What is dead is begun
again. Afterwards every job must be done, its end told once, and its file be that of the same job in a folder in which
nothing was killed. A job that three workers died of, as may happen here, is retried as its owner would.

`lost` is what a running job had done since its last checkpoint, in seconds of fitting, as its progress told it.
The rows are those of `python -m studies.service kills`, which keeps them. Some 10 minutes on two cores.
"""

import argparse
import contextlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from inr.serving.options import normalised
from inr.serving.queue import Job, NewJob, Queue
from inr.serving.store import Store
from inr.serving.work import read

ROOT = Path(__file__).resolve().parents[1]
WORKERS, KILLS, JOBS = 2, 50, 200
LEASE = 10.0  # seconds; those who are stopped sleep for longer
PICTURES = 8
WAYS = ("worker", "worker", "worker", "all workers", "server", "everything", "stop")


def options_of(place: int) -> tuple[str, dict]:
    """One job of several kinds; every tenth is long enough for checkpoints."""
    if place % 10 == 0:
        return "fit", {"steps": 3000, "seed": place}
    if place % 10 == 5:
        return "compress", {"codec": "coin", "bytes": 600, "steps": 200, "seed": place}
    return "fit", {"steps": 150, "seed": place, **({"exact": True} if place % 2 else {})}


class Folder:
    """A folder of the service, with what is to be done in it."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self.folder = folder
        self.queue, self.store = Queue(folder), Store(folder)
        user = self.queue.add_user("study")[0].id
        draw = np.random.default_rng(0)
        signals = []
        for place in range(PICTURES):
            coarse = draw.integers(0, 255, (8, 8, 3), dtype=np.uint8)
            path = folder / "picture"
            Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC).save(path, "PNG")
            row, found = self.queue.add_signal(user, name=f"{place}.png"), read(path, f"{place}.png", {}, self.store)
            self.queue.signal_ready(row.id, found.kind, found.description, found.array_sha256)
            signals.append(row.id)
        wanted = []
        for place in range(jobs):
            kind, options = options_of(place)
            wanted.append(NewJob(kind, f"{place}", signals[place % PICTURES], options=normalised(kind, options)))  # type: ignore[arg-type]
        self.ids = [each.job.id for each in self.queue.submit_many(user, wanted, "study")]

    def left(self) -> int:
        """How many jobs have not ended; those that failed are retried."""
        failed, _ = self.queue.jobs(None, state="failed", limit=1000)
        for job in failed:
            self.queue.retry(job.id, None)
        counts = self.queue.counts()
        return sum(count for state, count in counts.items() if state != "done")

    def results(self) -> dict[str, str | None]:
        """The digest of every job's file, by the job's name."""
        jobs = [self.queue.job(each) for each in self.ids]
        return {job.name: job.result_sha256 for job in jobs if job is not None}


class Service:
    """An `inr serve` that is begun again when it is dead."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Begin it, if it is not there."""
        if self._process is not None and self._process.poll() is None:
            return
        command = [sys.executable, "-m", "inr", "serve", str(self._folder.folder)]
        command += ["--port", str(_free_port()), "--workers", str(WORKERS), "--threads", "1"]
        with (self._folder.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
            )

    @property
    def pid(self) -> int:
        """Of the server's process."""
        assert self._process is not None
        return self._process.pid

    def wait(self) -> None:
        """Wait for its end."""
        assert self._process is not None
        self._process.wait()

    def end(self) -> None:
        """End it in good order."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait()


@contextlib.contextmanager
def served(jobs: int) -> Iterator[tuple[Folder, Service]]:
    """A folder with jobs, and a service that does them."""
    with tempfile.TemporaryDirectory(prefix="inr-kills-") as temporary:
        folder = Folder(Path(temporary), jobs)
        service = Service(folder)
        service.begin()
        try:
            yield folder, service
        finally:
            service.end()
            folder.queue.close()


def kills(jobs: int = JOBS, count: int = KILLS, seed: int = 0) -> list[dict]:
    """The rows of the table."""
    begin = time.perf_counter()
    with served(jobs) as (folder, _):
        _until(lambda: folder.left() == 0)
        expected = folder.results()
    undisturbed, begin = time.perf_counter() - begin, time.perf_counter()
    with served(jobs) as (folder, service):
        ways, lost = _disturb(folder, service, count, random.Random(seed))
        _until(lambda: (service.begin(), folder.left() == 0)[1])
        found = folder.results()
        ends = Counter(event.job for event in _events(folder.queue) if event.data.get("state") == "done")
        crashed = sum(job.attempt > 1 for job in map(folder.queue.job, folder.ids) if job is not None)
    disturbed = time.perf_counter() - begin
    what = ", ".join(f"{number} x {way}" for way, number in sorted(ways.items()))
    return [
        {"figure": "kills", "what": "kills and stops", "unit": "times", "least": count, "value": sum(ways.values())},
        {"figure": "kills", "what": f"jobs of {jobs} that are not done after {what}", "unit": "jobs", "most": 0,
         "value": sum(digest is None for digest in found.values())},
        {"figure": "kills", "what": "jobs done twice", "unit": "jobs", "most": 0,
         "value": sum(number != 1 for number in ends.values())},
        {"figure": "kills", "what": "files that differ from undisturbed ones", "unit": "files", "most": 0,
         "value": sum(digest != expected[name] for name, digest in found.items())},
        {"figure": "kills", "what": "jobs that were begun more than once", "unit": "jobs", "value": crashed},
        {"figure": "kills", "what": f"lost to a kill at most, of {len(lost)} running jobs", "unit": "s", "most": 5.0,
         "aim": 2.0, "value": max(lost, default=0.0)},
        {"figure": "kills", "what": "all jobs undisturbed", "unit": "s", "value": undisturbed},
        {"figure": "kills", "what": "all jobs with kills", "unit": "s", "value": disturbed},
    ]  # fmt: skip


def _disturb(folder: Folder, service: Service, count: int, draw: random.Random) -> tuple[Counter[str], list[float]]:
    """Kill and stop processes; how often which, and what that cost running jobs in seconds of fitting."""
    ways, lost = Counter[str](), list[float]()
    while sum(ways.values()) < count and folder.left():
        service.begin()
        _until(lambda: bool(_running(folder.queue)) or folder.left() == 0)
        time.sleep(draw.uniform(0.0, 1.0))
        workers = [worker.pid for worker in folder.queue.workers() if _alive(worker.pid)]
        if not workers:
            continue
        way = draw.choice(WAYS)
        hit = workers if way in ("all workers", "everything") else [draw.choice(workers)]
        ways[way] += 1
        if way == "stop":
            os.kill(hit[0], signal.SIGSTOP)
            time.sleep(LEASE + draw.uniform(0.5, 3.0))
            with contextlib.suppress(ProcessLookupError):
                os.kill(hit[0], signal.SIGCONT)
            continue
        if way in ("server", "everything"):
            os.kill(service.pid, signal.SIGKILL)
            service.wait()
        if way != "server":
            for pid in hit:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            lost += [_lost(folder.queue, job) for job in _worked_on(folder, hit)]
    return ways, lost


def _lost(queue: Queue, job: Job) -> float:
    """Seconds of fitting since a job's last checkpoint."""
    progress = queue.progress(job.id)
    if progress is None or not progress.step or not progress.curve:
        return 0.0
    return progress.curve[-1][0] * max(progress.step - (job.checkpoint_step or 0), 0) / progress.step


def _running(queue: Queue) -> list[Job]:
    return queue.jobs(None, state="running", limit=1000)[0]


def _worked_on(folder: Folder, pids: list[int]) -> list[Job]:
    """The jobs that some processes have."""
    with contextlib.closing(sqlite3.connect(f"file:{folder.folder / 'inr.db'}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT jobs.id, pid FROM jobs JOIN workers ON owner = workers.id").fetchall()
    jobs = [folder.queue.job(job) for job, pid in rows if pid in pids]
    return [job for job in jobs if job is not None and job.state == "running"]


def _events(queue: Queue) -> Iterator:
    seen = 0
    while events := queue.events(seen):
        yield from events
        seen = events[-1].seq


def _until(condition) -> None:
    while not condition():
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for row in kills(arguments.jobs, arguments.kills, arguments.seed):
        bound = " ".join(f"{name} {row[name]:g}" for name in ("least", "most", "aim") if name in row)
        print(f"{row['value']:9.4g} {row['unit']:6} {row['what']}  {bound}")


if __name__ == "__main__":
    main()
