"""`inr fit --server`: the same options, bar, files and summary, with the fit on a server."""

import hashlib
import shlex
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inr._errors import InrError
from inr._files import replacing
from inr.cli._console import complain, print_json, remark, typed
from inr.cli._fit_files import Outputs
from inr.cli._fit_note import Note
from inr.cli._fit_report import Fitted, Stopwatch, course_without_steps, document, print_table
from inr.cli._pipes import is_piped
from inr.cli._progress import FitBar, waiting

if TYPE_CHECKING:
    from inr import Event, Field, Signal
    from inr.serving.client import Client, ServerEvent

# how the service spells what the command line holds under another name
_SPELT = {"size_in_bytes": "bytes"}
_READING = frozenset({"sampling", "value_range", "nodata", "srgb", "variable"})
_OUTPUT = frozenset({
    "signal", "output", "comparison", "no_comparison", "resume", "server", "token", "force", "quiet", "as_json",
})  # fmt: skip
_ONLY_HERE = frozenset({"teacher_map", "events", "log", "profile", "checkpoint_every"})
# what options are where they are not typed, unless that is nothing
_USUAL = {"solver": "adam", "engine": "auto", "purpose": "zoom", "seed": 0, "checkpoint_every": 60.0}
_INTERRUPTED = 130


@dataclass(frozen=True)
class _Request:
    """What was typed."""

    signal: Path
    options: dict[str, Any]  # of the job
    reading: Mapping[str, Any]  # of the signal
    outputs: Outputs
    force: bool
    resume: bool
    quiet: bool
    as_json: bool


def fit_remotely(arguments: Mapping[str, Any], reading: Mapping[str, Any], outputs: Outputs) -> int:
    """Fit on a server.

    Args:
        arguments: of the command `inr fit`, by name; checked as for a fit here.
        reading: how the signal is to be read, as of `inr.open`.
        outputs: what is written; checked.

    Returns:
        The exit status.

    Raises:
        InrError: options that cannot be had on a server, no server, or what it refuses.
    """
    import inr
    from inr.serving.client import Client, Unreachable

    asked, watch = _asked(arguments, reading, outputs), Stopwatch()
    with Client(arguments["server"], arguments["token"], notice=None if asked.quiet else remark) as client:
        client.me()  # a wrong address or token is told before anything is read
        with watch.lap("reading"), waiting(f"reading {asked.signal}", quiet=asked.quiet):
            source = inr.open(asked.signal, **asked.reading)
        try:
            with watch.lap("sending"), waiting(f"sending {asked.signal}", quiet=asked.quiet):
                note, job = _begin(client, asked)
            with watch.lap("serving"):
                end = _watch(client, job, quiet=asked.quiet)
                data = client.download(job["id"]) if _has_field(client, job["id"], end) else None
        except Unreachable as error:
            return complain(f"{error}{_go_on(outputs) if outputs.checkpoint.exists() else ''}", 2)
    note.remove()
    return _conclude(asked, source, data, end, watch)


def _asked(arguments: Mapping[str, Any], reading: Mapping[str, Any], outputs: Outputs) -> _Request:
    """What was typed, where it can be had on a server."""
    signal = arguments["signal"]
    given = {
        name
        for name, value in arguments.items()
        if value is not None and value is not False and value != _USUAL.get(name)
    }
    if names := sorted(given & _ONLY_HERE):
        raise InrError(f"--{names[0].replace('_', '-')} is of a fit on this machine; leave it out with --server")
    if signal.is_dir():
        raise InrError(f"{signal} is a folder, and a server takes files; leave out --server to fit it here")
    options = {_SPELT.get(name, name): arguments[name] for name in sorted(given - _READING - _OUTPUT)}
    return _Request(
        signal, options, reading, outputs, *(arguments[name] for name in ("force", "resume", "quiet", "as_json"))
    )


def _begin(client: "Client", asked: _Request) -> tuple[Note, dict[str, Any]]:
    """The job on the server: that of an unfinished fit where it is to go on, or a new one."""
    from inr.serving.client import Refused

    reading = _reading_sent(asked.reading)
    digest = hashlib.sha256(asked.signal.read_bytes()).hexdigest()
    note = Note.begun(asked.outputs.checkpoint, client.base, digest, asked.options | reading)
    if asked.resume:
        begun = Note.read(note.path).for_same(note)
        job = _found(client, begun, asked)
        if job is not None:
            return begun, job
        remark(f"{client.base} has this fit no longer; it begins afresh")
    note = replace(note, signal=client.upload(asked.signal, reading=reading)["id"])
    note.write()
    try:
        job = _submit(client, note, asked)
    except Refused:
        note.remove()
        raise
    note = replace(note, job=job["id"])
    note.write()
    return note, job


def _submit(client: "Client", note: Note, asked: _Request) -> dict[str, Any]:
    """The job of a signal that the server has; the same one, however often this is sent."""
    return client.submit("fit", note.signal, asked.options, name=asked.signal.name, key=note.key)


def _found(client: "Client", note: Note, asked: _Request) -> dict[str, Any] | None:
    """The job of an unfinished fit, made to go on; None where it cannot."""
    from inr.serving.client import Refused

    try:
        job = client.job(note.job) if note.job else _submit(client, note, asked)
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
    ends = reading["value_range"]
    spelt = {
        **reading,
        "value_range": None if ends is None else f"{ends[0]!r}:{ends[1]!r}",
        "srgb": "true" if reading["srgb"] else None,
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


def _has_field(client: "Client", job: str, end: "ServerEvent") -> bool:
    """Whether a job that has ended left a field; one that was stopped leaves its best where there is any."""
    return end.data["state"] == "done" or bool(client.job(job).get("links", {}).get("file"))


def _conclude(asked: _Request, source: "Signal", data: bytes | None, end: "ServerEvent", watch: Stopwatch) -> int:
    """Write the files, say what the fit came to; the exit status."""
    import inr
    from inr.fitting import at_points

    problem = end.data.get("problem") or {}
    state = end.data["state"]
    status = {"done": 0, "cancelled": _INTERRUPTED}.get(state, 1 if problem.get("type") == "/problems/diverged" else 2)
    told = str(problem.get("detail", "interrupted; the server has kept nothing of the fit"))
    if data is None:
        return complain(told, status)
    with watch.lap("writing"), replacing(asked.outputs.field, force=asked.force or asked.resume) as temporary:
        temporary.write_bytes(data)
    field = inr.load(asked.outputs.field)
    metrics = end.data.get("metrics") or {}
    field.metrics |= {name: metrics[name] for name in field.metrics if metrics.get(name) is not None}
    fitted = Fitted(field, at_points(source))
    failure = _draw(asked, fitted, watch)
    result = document(asked.signal, fitted, asked.outputs, watch, _course(field, metrics, state, source.size))
    if asked.as_json:
        print_json(result)
    elif not asked.quiet:
        print_table(result)
    if metrics.get("missed") and not asked.quiet:
        remark(metrics["missed"])
    if state == "cancelled":
        remark(f"interrupted after {result['steps']} steps; the best state so far is kept")
    elif status:
        complain(told, status)
    return status or failure


def _draw(asked: _Request, fitted: Fitted, watch: Stopwatch) -> int:
    """The comparison sheet; the exit status."""
    from inr.diagnostics import comparison_sheet

    if asked.outputs.comparison is None:
        return 0
    try:
        with watch.lap("writing"), waiting(f"drawing {asked.outputs.comparison}", quiet=asked.quiet):
            comparison_sheet(fitted.field, fitted.signal, asked.outputs.comparison, force=asked.force or asked.resume)
    except InrError as error:
        return complain(str(error), 2)
    return 0


def _course(field: "Field", metrics: dict[str, Any], state: str, samples: int) -> dict[str, Any]:
    """How the fit went, as far as the server tells it."""
    fit = field.fit
    seconds = metrics.get("seconds") or 0.0
    if not fit:
        return course_without_steps("samples", "kept", samples, 0.0)
    if fit.get("optimiser") == "closed-form":
        return course_without_steps("closed-form", "solved", samples, seconds)
    return course_without_steps(fit["optimiser"], "steps", fit["steps"] * min(fit["batch"], samples), seconds) | {
        "reason": metrics.get("reason") or ("interrupted" if state == "cancelled" else "steps"),
        "steps": fit["steps"],
        "engine": fit["engine"],
    }


def _go_on(outputs: Outputs) -> str:
    """The command that goes on, to be put behind a message."""
    if is_piped(outputs.field):
        return ""
    again = [argument for argument in typed.get() if argument not in ("--force", "--resume")]
    return f"; go on with: {shlex.join(['inr', *again, '--resume'])}"
