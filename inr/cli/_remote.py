"""Jobs on a server, for the commands that have `--server`: ordered, watched, fetched."""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from inr._errors import InrError
from inr._option_values import READING
from inr.cli._console import INTERRUPTED, going_on, remark
from inr.cli._fit_report import Stopwatch
from inr.cli._job_options import job_options
from inr.cli._pipes import is_piped
from inr.cli._progress import FitBar, waiting
from inr.cli._remote_note import Note

if TYPE_CHECKING:
    from inr import Event, Signal
    from inr.serving.client import Client, ServerEvent

_OUTPUT = frozenset({
    "signal", "output", "comparison", "no_comparison", "resume", "server", "token", "force", "quiet", "as_json",
})  # fmt: skip
_ONLY_HERE = frozenset({"teacher_map", "events", "log", "profile", "checkpoint_every", "initial", "base"})


@dataclass(frozen=True)
class Order:
    """A job for a server.

    Attributes:
        kind: of the job.
        signal: the file that is sent.
        options: of the job, as the service spells them.
        reading: how the signal is to be read, as of `inr.open`.
        checkpoint: where an unfinished job is noted.
        resume: go on with the job that is noted there.
        quiet: show nothing.
    """

    kind: Literal["fit", "compress"]
    signal: Path
    options: Mapping[str, Any]
    reading: Mapping[str, Any]
    checkpoint: Path
    resume: bool
    quiet: bool


@dataclass(frozen=True)
class Delivery:
    """What came of a job.

    Attributes:
        data: the bytes of its file; None where it left none.
        state: in which it ended.
        metrics: of the file.
        problem: of a job that failed.
    """

    data: bytes | None
    state: str
    metrics: Mapping[str, Any]
    problem: Mapping[str, Any]

    @property
    def status(self) -> int:
        """The exit status."""
        failed = 1 if self.problem.get("type") == "/problems/diverged" else 2
        return {"done": 0, "cancelled": INTERRUPTED}.get(self.state, failed)

    @property
    def told(self) -> str:
        """Why it is not done, in a sentence."""
        return str(self.problem.get("detail", "interrupted; the server has kept nothing of it"))


def ordered(
    kind: Literal["fit", "compress"], arguments: Mapping[str, Any], reading: Mapping[str, Any], checkpoint: Path
) -> Order:
    """What was typed, where it can be had on a server.

    Args:
        kind: of the job.
        arguments: of the command, by name; checked as for work here.
        reading: how the signal is to be read, as of `inr.open`.
        checkpoint: where the command keeps what can be resumed.

    Raises:
        InrError: an option, or a signal, that cannot be had there.
    """
    signal, options = arguments["signal"], job_options(arguments, _OUTPUT.union(READING))
    if names := sorted(options.keys() & _ONLY_HERE):
        raise InrError(f"--{names[0].replace('_', '-')} is of work on this machine; leave it out with --server")
    if signal.is_dir():
        raise InrError(f"{signal} is a folder, and a server takes files; leave out --server to {kind} it here")
    return Order(kind, signal, options, reading, checkpoint, arguments["resume"], arguments["quiet"])


def deliver(order: Order, server: str, token: str | None, watch: Stopwatch) -> tuple["Signal", Delivery]:
    """Have a job done.

    Args:
        order: the job.
        server: the address.
        token: says who asks.
        watch: is told what took how long.

    Returns:
        The signal as it is read here, and what came of the job.

    Raises:
        InrError: no server, or what it refuses; the line says how to go on where the job goes on there.
    """
    import inr
    from inr.serving.client import Client, Unreachable

    with Client(server, token, notice=None if order.quiet else remark) as client:
        client.me()  # a wrong address or token is told before anything is read
        with watch.lap("reading"), waiting(f"reading {order.signal}", quiet=order.quiet):
            source = inr.open(order.signal, **order.reading)
        try:
            with watch.lap("sending"), waiting(f"sending {order.signal}", quiet=order.quiet):
                note, job = _begin(client, order)
            with watch.lap("serving"):
                end = _watch(client, job, quiet=order.quiet).data
                data = client.download(job["id"]) if _has_field(client, job["id"], end["state"]) else None
        except Unreachable as error:
            raise InrError(f"{error}{_go_on(order.checkpoint)}") from None
    note.remove()
    return source, Delivery(data, end["state"], end.get("metrics") or {}, end.get("problem") or {})


def _begin(client: "Client", order: Order) -> tuple[Note, dict[str, Any]]:
    """The job on the server: that of unfinished work where it is to go on, or a new one."""
    from inr.serving.client import Refused

    reading = _reading_sent(order.reading)
    digest = hashlib.sha256(order.signal.read_bytes()).hexdigest()
    note = Note.begun(order.checkpoint, client.base, digest, {"kind": order.kind, **order.options, **reading})
    if order.resume:
        begun = Note.read(note.path).for_same(note)
        job = _found(client, begun, order)
        if job is not None:
            return begun, job
        remark(f"{client.base} has this job no longer; it begins afresh")
    note = replace(note, signal=client.upload(order.signal, reading=reading)["id"])
    note.write()
    try:
        job = _submit(client, note, order)
    except Refused:
        note.remove()
        raise
    note = replace(note, job=job["id"])
    note.write()
    return note, job


def _submit(client: "Client", note: Note, order: Order) -> dict[str, Any]:
    """The job of a signal that the server has; the same one, however often this is sent."""
    return client.submit(order.kind, note.signal, order.options, name=order.signal.name, key=note.key)


def _found(client: "Client", note: Note, order: Order) -> dict[str, Any] | None:
    """The job of an unfinished work, made to go on; None where it cannot."""
    from inr.serving.client import Refused

    try:
        job = client.job(note.job) if note.job else _submit(client, note, order)
    except Refused as error:
        if note.job and error.status != 404:
            raise
        return None
    steps = {"paused": client.resume, "failed": client.retry}
    if job["state"] in steps:
        return steps[job["state"]](job["id"])
    return None if job["state"] == "cancelled" else job


def _reading_sent(reading: Mapping[str, Any]) -> dict[str, str]:
    """How the signal is to be read, as the service spells it."""
    ends = reading.get("value_range")
    spelt = {
        **reading,
        "value_range": None if ends is None else f"{ends[0]!r}:{ends[1]!r}",
        "srgb": "true" if reading.get("srgb") else None,
    }
    return {name: str(value) for name, value in spelt.items() if value is not None}


def _watch(client: "Client", job: dict[str, Any], *, quiet: bool) -> "ServerEvent":
    """Show the job's progress; its end. Ctrl-C asks the server to stop, which keeps the best so far."""
    from inr.fitting import stopping_on_interrupt

    with stopping_on_interrupt(_Stopper(client, job["id"])), FitBar(quiet=quiet) as bar:
        bar.show(_waiting_event(job))
        started = False
        for event in client.events(job["id"]):
            if event.kind == "state" and event.data["state"] == "queued":
                bar.show(_waiting_event(event.data))
            elif event.kind == "progress":
                if not started:
                    bar.show(_fit_event(event.data, "start"))
                started = True
                bar.show(_fit_event(event.data, "step"))
    return event


class _Stopper:
    """Asks a server to stop a job, beside the thread that reads its events: a signal handler is not to wait."""

    def __init__(self, client: "Client", job: str) -> None:
        self._client, self._job = client, job

    def stop(self) -> None:
        """Ask."""
        threading.Thread(target=self._cancel, daemon=True).start()

    def _cancel(self) -> None:
        try:
            self._client.cancel(self._job)
        except InrError as error:  # it has ended, or nothing answers, which reading its events finds, too
            remark(str(error))


def _waiting_event(job: dict[str, Any]) -> "Event":
    """The event of a job that waits for its turn."""
    from inr.fitting import Event

    place, eta = job.get("position"), job.get("eta")
    words = f"waiting, {place - 1} before it" if place and place > 1 else "waiting"
    words += f", done in about {eta:.0f} s" if eta else ""
    return Event("stage", 0, 0, 0.0, 0.0, 0.0, 0.0, "", 0, message=words)


def _fit_event(progress: dict[str, Any], kind: Any) -> "Event":
    """The event that progress on the server is."""
    from inr.fitting import Event

    stage = progress.get("stage") or "fitting"
    psnr, loss = (float("nan") if progress[name] is None else progress[name] for name in ("psnr", "loss"))
    return Event(
        kind if kind == "start" or stage == "fitting" else "stage", progress["step"], progress["steps"] or 0, loss,
        psnr, progress["seconds"], 0.0, "", 0, message=stage,
    )  # fmt: skip


def _has_field(client: "Client", job: str, state: str) -> bool:
    """Whether a job that has ended left a field; one that was stopped leaves its best where there is any."""
    return state == "done" or bool(client.job(job)["links"].get("file"))


def _go_on(checkpoint: Path) -> str:
    """The command that goes on, to be put behind a message; nothing where there is nothing to go on with."""
    if is_piped(checkpoint) or not checkpoint.exists():
        return ""
    return f"; go on with: {going_on('--resume')}"
