"""`inr fit --server` and `inr compress --server`: the files and words of work here, from a service that is made up."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import inr
from inr.cli import app
from tests.cli.clirun import QUICK as QUICK_FIT
from tests.cli.clirun import Run, one_line

httpx = pytest.importorskip("httpx")

from inr.serving.client import Unreachable  # noqa: E402
from inr.serving.client import _client as client  # noqa: E402

URL = "http://127.0.0.1:8765"
STEPS = 20
QUICK = (*QUICK_FIT, "--engine", "eager")


class Service:
    """A service with one signal and one job, which ends as it is told to.

    Attributes:
        end: the state that the job ends in.
        within: called while the events are read.
        refusal: of the job, in a sentence.
        asked: all requests.
    """

    def __init__(self) -> None:
        self.end, self.refusal = "done", ""
        self.within: Callable[[], None] = lambda: None
        self.asked: list[httpx.Request] = []
        self.job: dict[str, Any] | None = None
        self.field = b""

    def __call__(self, request: "httpx.Request") -> "httpx.Response":
        self.asked.append(request)
        path = request.url.path
        if path == "/v1/signals":
            self._fit(request.content)
            return httpx.Response(201, json={"id": "s", "state": "ready"})
        if path == "/v1/jobs":
            if self.refusal:
                body = json.dumps({"type": "/problems/bad-option", "detail": self.refusal})
                return httpx.Response(422, content=body, headers={"Content-Type": "application/problem+json"})
            self.job = {"id": "j", "state": "queued", "position": 3, "eta": 9.5, "links": {}}
            return httpx.Response(201, json=self.job)
        if path == "/v1/events":
            return httpx.Response(200, stream=_Stream(self._events()))
        if path == "/v1/jobs/j" and self.job is None:
            body = json.dumps({"type": "/problems/not-found", "detail": "no such job"})
            return httpx.Response(404, content=body, headers={"Content-Type": "application/problem+json"})
        if path == "/v1/jobs/j/cancel":
            self.end = "cancelled"
        if path == "/v1/fields/j.inr":
            return httpx.Response(200, content=self.field)
        return httpx.Response(200, json=self.job or {})

    def asked_for(self, method: str, path: str) -> list["httpx.Request"]:
        return [request for request in self.asked if (request.method, request.url.path) == (method, path)]

    def _fit(self, picture: bytes) -> None:
        Path("sent.png").write_bytes(picture)
        network, activation = "mlp:depth=1,width=16", "sine"
        field = inr.fit("sent.png", steps=STEPS, batch=128, network=network, activation=activation, engine="eager")
        field.save("served.inr")
        self.field = Path("served.inr").read_bytes()
        self.metrics = field.metrics | {"seconds": 2.0}
        Path("sent.png").unlink()
        Path("served.inr").unlink()

    def _events(self) -> Iterator[bytes]:
        progress = {"steps": STEPS, "seconds": 0.5, "psnr": None, "loss": 0.1, "stage": "fitting", "preview": 0}
        yield _event("state", {"state": "queued", "position": 2, "eta": 4.0})
        yield _event("progress", progress | {"step": 5})
        self.within()
        yield _event("progress", progress | {"step": STEPS, "psnr": 20.0})
        assert self.job is not None
        self.job |= {"state": self.end, "links": {"file": "/v1/fields/j.inr"} if self.field else {}}
        problem = {"type": "/problems/diverged", "detail": "the loss diverged"} if self.end == "failed" else None
        yield _event("end", {"state": self.end, "metrics": self.metrics, "problem": problem})


class _Stream(httpx.SyncByteStream):
    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return self._parts


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """What answers at every address."""
    found = Service()
    monkeypatch.setenv("INR_TOKEN", "t")
    connect, transport = client.Connection, httpx.MockTransport(found)
    monkeypatch.setattr(client, "Connection", lambda *arguments: connect(*arguments[:-1], transport))
    return found


@pytest.fixture
def fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """`inr fit photo.png --server`, in a folder that holds nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    y, x = np.mgrid[:24, :32]
    pixels = np.stack([127 + 100 * np.sin(x / 5), 127 + 90 * np.cos(y / 4), 4.0 * x + 5.0 * y], axis=-1)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save("photo.png")

    def run(*arguments: str) -> Run:
        result = CliRunner().invoke(app, ["fit", "photo.png", "--server", URL, *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.mark.long
def test_files_and_summary_are_those_of_a_fit_here(service, fit, tmp_path):
    run = fit(*QUICK, "--json")
    assert (run.status, run.err) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"photo.png", "photo.inr", "photo.comparison.png"}
    assert Path("photo.inr").read_bytes() == service.field
    local = CliRunner().invoke(app, ["fit", "photo.png", *QUICK, "--json", "--no-comparison", "-o", "local.inr"])
    here, there = json.loads(local.stdout), run.json
    assert there.keys() == here.keys()
    timed = {"seconds", "points_per_second", "probing", "files"}
    assert {name for name in here if here[name] != there[name]} <= timed
    assert there["files"] == {
        "field": "photo.inr", "comparison": "photo.comparison.png", "teacher map": None, "checkpoint": None,
    }  # fmt: skip
    assert there["seconds"].keys() == {"fitting", "reading", "sending", "serving", "writing"}
    assert Path("local.inr").read_bytes() == service.field


def test_options_are_sent_as_they_were_typed(service, fit):
    options = ("--bytes", "900", "--for", "memory", "--lr", "network=1e-3", "--coded", "--sampling", "point")
    assert fit(*options, "--value-range=-1,4.5", "--srgb", "--no-comparison", "--seed", "3").status == 0
    (job,), (signal,) = service.asked_for("POST", "/v1/jobs"), service.asked_for("POST", "/v1/signals")
    sent = json.loads(job.content)
    assert sent["options"] == {
        "bytes": 900, "purpose": "memory", "lr": "network=1e-3", "coded": True, "seed": 3,
    }  # fmt: skip
    assert (sent["kind"], sent["signal"], sent["name"]) == ("fit", "s", "photo.png")
    assert dict(signal.url.params) == {
        "name": "photo.png", "sampling": "point", "value_range": "-1.0:4.5", "srgb": "true",
    }  # fmt: skip
    assert job.headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize(
    "option", [("--events", "a.jsonl"), ("--log", "csv:a.csv"), ("--teacher-map", "a.png"), ("--profile",)], ids=str
)
def test_what_is_of_a_fit_here_is_refused(option, service, fit, tmp_path):
    run = fit(*option)
    assert run.status == 2
    assert one_line(run.err) == f"{option[0]} is of work on this machine; leave it out with --server"
    assert service.asked == []
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_a_refusal_is_the_sentence_of_the_service(service, fit, tmp_path):
    service.refusal = "unknown activation 'sin'; did you mean sine?"
    run = fit("--activation", "sin")
    assert (run.status, one_line(run.err)) == (2, service.refusal)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_what_cannot_be_read_here_is_not_sent(service, fit):
    Path("photo.png").write_bytes(b"no picture")
    assert fit().status == 2
    assert service.asked_for("POST", "/v1/signals") == []


def test_an_interrupt_asks_the_server_to_stop_and_keeps_the_best(service, fit):
    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        while not service.asked_for("POST", "/v1/jobs/j/cancel"):
            pass

    service.within = interrupt
    run = fit(*QUICK, "--quiet")
    assert run.status == 130
    assert run.err == f"inr: interrupted after {STEPS} steps; the best state so far is kept\n"
    assert Path("photo.inr").read_bytes() == service.field
    assert not Path("photo.inr.checkpoint").exists()


def test_a_fit_that_fails_says_why(service, fit):
    service.end = "failed"
    run = fit(*QUICK, "--quiet")
    assert (run.status, one_line(run.err)) == (1, "the loss diverged")


def test_compressing_on_a_server(service, fit):
    options = ("--bytes", "900", "--steps", "7", "--value-range=0,200", "--json")
    run = CliRunner().invoke(app, ["compress", "photo.png", "--server", URL, *options])
    assert (run.exit_code, run.stderr) == (0, "")
    assert Path("photo.inr").read_bytes() == service.field
    told = json.loads(run.stdout)
    assert told["bytes"] == len(service.field)
    assert (told["psnr"], told["seconds"], told["ended"]) == (service.metrics["psnr"], 2.0, None)
    (job,), (signal,) = service.asked_for("POST", "/v1/jobs"), service.asked_for("POST", "/v1/signals")
    assert json.loads(job.content)["kind"] == "compress"
    assert json.loads(job.content)["options"] == {"bytes": 900, "steps": 7}
    assert signal.url.params["value_range"] == "0.0:200.0"
    local = CliRunner().invoke(
        app, ["compress", "photo.png", "--codec", "coin", *options, "-o", "local.inr", "--engine", "eager"]
    )
    assert json.loads(local.stdout).keys() == told.keys()


def test_compressing_that_is_stopped_keeps_the_best(service, fit):
    service.within = lambda: setattr(service, "end", "cancelled")
    run = CliRunner().invoke(app, ["compress", "photo.png", "--server", URL, "--quiet"])
    assert (run.exit_code, run.stderr) == (130, "inr: interrupted: the best file so far is kept\n")
    assert Path("photo.inr").read_bytes() == service.field


def test_compressing_from_another_file_is_for_here(service, fit):
    run = CliRunner().invoke(app, ["compress", "photo.png", "--server", URL, "--initial", "a.inr"])
    assert one_line(run.stderr) == "--initial is of work on this machine; leave it out with --server"
    assert run.exit_code == 2


@pytest.fixture
def begun(service, fit) -> dict[str, Any]:
    """What is kept of a fit that was lost while it ran on the server."""

    def go() -> None:
        raise Unreachable("gone")

    service.within = go
    run = fit(*QUICK, "--quiet")
    assert run.status == 2
    assert one_line(run.err).startswith("gone; go on with: inr fit photo.png --server")
    assert one_line(run.err).endswith(" --quiet --resume")
    service.within = lambda: None
    return json.loads(Path("photo.inr.checkpoint").read_text())


def test_a_fit_that_was_lost_is_found_again(begun, service, fit):
    assert (begun["server"], begun["signal"], begun["job"]) == (URL, "s", "j")
    assert re.fullmatch("[0-9a-f]{32}", begun["key"])
    assert one_line(fit(*QUICK).err) == (
        "photo.inr.checkpoint holds an unfinished fit; go on with --resume, or start afresh with --force"
    )
    run = fit(*QUICK, "--quiet", "--resume")
    assert (run.status, run.err) == (0, "")
    assert Path("photo.inr").read_bytes() == service.field
    assert not Path("photo.inr.checkpoint").exists()
    (job,) = service.asked_for("POST", "/v1/jobs")
    assert job.headers["Idempotency-Key"] == begun["key"]


def test_a_job_whose_answer_was_lost_is_asked_for_with_its_key(begun, service, fit):
    Path("photo.inr.checkpoint").write_text(json.dumps(begun | {"job": None}))
    assert fit(*QUICK, "--quiet", "--resume").status == 0
    first, second = service.asked_for("POST", "/v1/jobs")
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.content == second.content
    assert len(service.asked_for("POST", "/v1/signals")) == 1


def test_a_job_that_the_server_has_no_longer_begins_afresh(begun, service, fit):
    service.job = None
    run = fit(*QUICK, "--quiet", "--resume")
    assert (run.status, run.err) == (0, f"inr: {URL} has this job no longer; it begins afresh\n")
    first, second = service.asked_for("POST", "/v1/jobs")
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]


@pytest.mark.parametrize(("state", "step"), [("paused", "resume"), ("failed", "retry")])
def test_a_job_that_stands_still_is_made_to_go_on(state, step, begun, service, fit):
    service.job["state"] = state
    service.asked.clear()
    fit(*QUICK, "--quiet", "--resume")
    assert len(service.asked_for("POST", f"/v1/jobs/j/{step}")) == 1


def test_only_the_same_fit_is_resumed(begun, fit):
    run = fit(*QUICK, "--seed", "4", "--resume")
    assert (run.status, one_line(run.err)) == (
        2, "photo.inr.checkpoint is of other work: its options differ; give the same, or start without --resume"
    )  # fmt: skip
    Path("photo.inr.checkpoint").unlink()
    assert one_line(fit(*QUICK, "--resume").err).startswith("cannot read photo.inr.checkpoint: ")
    Path("photo.inr.checkpoint").write_bytes(b"INR\0")
    assert one_line(fit(*QUICK, "--resume").err) == (
        "photo.inr.checkpoint is of work on this machine; go on with it without --server"
    )
