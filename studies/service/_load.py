"""Many clients at once: the rate of fits, how quickly the server answers meanwhile, and whose turn it is."""

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from inr.serving.client import Client
from inr.serving.queue import Queue
from studies.service._server import ROOT, STEPS, Server, crops, serving, wait_for_end

LOOPS = 2  # bare ones side by side, as many as the server has workers
_SAMPLE_SECONDS = 0.05
# Two pictures are fitted before the clock runs, so that kernels are loaded, as they are in workers.
_LOOP = """
import os, sys, time
import torch, inr
torch.set_num_threads(1)
paths = sys.argv[2:]
for path in paths[:2]:
    inr.fit(path, steps=int(sys.argv[1]), engine="cpu:threads=1")
print("ready", flush=True)
sys.stdin.readline()
begun = time.perf_counter()
for path in paths:
    inr.fit(path, steps=int(sys.argv[1]), engine="cpu:threads=1")
print(time.perf_counter() - begun, flush=True)
"""


def load(clients: int) -> list[dict]:
    """The rate of so many clients' fits, beside that of bare loops."""
    with tempfile.TemporaryDirectory() as temporary:
        paths = crops(Path(temporary), clients)
        half = clients // 2
        before = _bare(paths[:half])
        with serving() as server:
            seconds, answers = _served(server, paths)
        bare = (before + _bare(paths[half:])) / clients
    served = seconds / clients
    return [
        {"figure": "load", "what": f"bare loops of inr.fit, {LOOPS} side by side", "value": 1 / bare, "unit": "fits/s"},
        {"figure": "load", "what": f"{clients} clients, each one fit", "value": 1 / served, "unit": "fits/s"},
        {
            "figure": "load", "what": "of the bare loops", "value": 100 * bare / served, "unit": "%", "least": 85,
            "aim": 95,
        },
        *latency_rows(answers),
    ]  # fmt: skip


def latency_rows(answers: Sequence[float]) -> list[dict]:
    """What seconds of answers come to."""
    milliseconds = sorted(1e3 * each for each in answers)
    ranks = statistics.quantiles(milliseconds, n=100, method="inclusive")
    what = f"state of a job while fitting, {len(milliseconds)} times"
    return [
        {"figure": "latency", "what": f"{what}, median", "value": ranks[49], "unit": "ms"},
        {"figure": "latency", "what": f"{what}, p95", "value": ranks[94], "unit": "ms", "most": 300, "aim": 100},
    ]


def fairness(jobs: int) -> list[dict]:
    """How many jobs of somebody who queues many begin before the one of another."""
    with serving() as server:
        _, many = _user(server, "many")
        other, one = _user(server, "one")
        (path,) = crops(server.folder, 1)
        with server.client(many) as client:
            signal = client.upload(path)["id"]
            body = {"kind": "fit", "signal": signal, "options": {"steps": STEPS}}
            begun = time.perf_counter()
            batch = client.submit_many([body] * jobs)["id"]
            queueing = time.perf_counter() - begun
        queue = Queue(server.folder)
        while not queue.jobs(None, batch=batch, state="running")[0]:
            time.sleep(0.01)
        with server.client(one) as client:
            job = client.submit("fit", client.upload(path)["id"], {"steps": STEPS})["id"]
            wait_for_end(client, job)
        found = queue.job(job, other)
        began = found.ended - found.seconds
        # a job that was claimed along with others has begun when the ones before it were done
        others = [each.ended - each.seconds for each in _all(queue, batch) if each.state == "done"]
        between = sum(1 for each in others if found.created < each < began)
    return [
        {"figure": "fairness", "what": f"queueing {jobs} jobs", "value": queueing, "unit": "s"},
        {
            "figure": "fairness", "what": f"of {jobs} jobs begun before the one of another user", "value": between,
            "unit": "jobs", "most": 0,
        },
        {"figure": "fairness", "what": "until it began", "value": began - found.created, "unit": "s"},
    ]  # fmt: skip


def _all(queue: Queue, batch: str) -> list:
    found, cursor = queue.jobs(None, batch=batch, limit=200)
    while cursor is not None:
        more, cursor = queue.jobs(None, batch=batch, cursor=cursor, limit=200)
        found = [*found, *more]
    return found


def _user(server: Server, name: str) -> tuple[str, str]:
    user, token = Queue(server.folder).add_user(name)
    return user.id, token


def _bare(paths: Sequence[Path]) -> float:
    """Seconds that loops side by side take for all the pictures."""
    loops = []
    for number in range(LOOPS):
        command = [sys.executable, "-c", _LOOP, str(STEPS), *map(str, paths[number::LOOPS])]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        loops.append(subprocess.Popen(command, cwd=ROOT, **pipes))
    for loop in loops:
        assert loop.stdout.readline() == "ready\n"
    for loop in loops:
        loop.stdin.write("\n")
        loop.stdin.flush()
    seconds = [float(loop.stdout.readline()) for loop in loops]
    for loop in loops:
        loop.communicate()
    return max(seconds)


def _served(server: Server, paths: Sequence[Path]) -> tuple[float, list[float]]:
    """Seconds until every client has its field, and seconds of answers about a job meanwhile."""
    gate, done = threading.Barrier(len(paths) + 1), threading.Event()
    failures = []

    def one(path: Path, client: Client) -> None:
        gate.wait()
        try:
            job = client.submit("fit", client.upload(path)["id"], {"steps": STEPS})["id"]
            wait_for_end(client, job)
            client.download(job)
        except BaseException as error:
            failures.append(error)

    clients = [server.client() for _ in paths]
    threads = [threading.Thread(target=one, args=pair) for pair in zip(paths, clients, strict=True)]
    for thread in threads:
        thread.start()
    answers: list[float] = []
    watcher = threading.Thread(target=_ask, args=(server, done, answers))
    watcher.start()
    gate.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    done.set()
    watcher.join()
    for client in clients:
        client.close()
    if failures:
        raise failures[0]
    return seconds, answers


def _ask(server: Server, done: threading.Event, answers: list[float]) -> None:
    """Ask for the state of one job again and again."""
    with server.http() as http:
        job = http.get("/v1/jobs", params={"limit": 1}).json()["items"][0]["id"]
        while not done.wait(_SAMPLE_SECONDS):
            begun = time.perf_counter()
            http.get(f"/v1/jobs/{job}").raise_for_status()
            answers.append(time.perf_counter() - begun)
