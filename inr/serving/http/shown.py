"""Rows of the queue as the JSON that clients get."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inr.serving.queue import Job, Place, Progress, Queue, QueueEvent, SignalRow, State, User

_MOVING = ("running", "cancelling", "paused")
_PICTURES = ("image", "video", "volume")  # whose fields and signals IIIF shows
_PREVIEWED = (*_PICTURES, "shape")  # whose fields are drawn while they are fitted


def moment(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def signal_brief(row: "SignalRow") -> dict[str, Any]:
    """A signal within a job."""
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "shape": row.description.get("shape"),
        "channels": row.description.get("channels"),
        "bytes": row.bytes,
    }


def signal_json(row: "SignalRow") -> dict[str, Any]:
    """A signal by itself."""
    links = {"self": f"/v1/signals/{row.id}"}
    if row.sha256 is not None:
        links["original"] = f"/v1/signals/{row.id}/original"
    if row.state == "ready":
        if row.description.get("preview"):
            links["preview"] = f"/v1/signals/{row.id}/preview.webp"
        if row.kind in _PICTURES:
            links["iiif"] = f"/iiif/3/signal-{row.id}/info.json"
        if row.kind == "image":
            links["codecs"] = f"/v1/signals/{row.id}/codecs"
    return {
        **signal_brief(row),
        "state": row.state,
        "lossless_bytes": row.description.get("lossless_bytes"),
        "created": moment(row.created),
        "expires": moment(row.expires),
        "problem": row.problem,
        "links": links,
    }


def job_json(queue: "Queue", job: "Job", *, placed: bool = True, course: bool = False) -> dict[str, Any]:
    """A job, with what is known of it now.

    Args:
        queue: that has it.
        job: its row.
        placed: whether its place is looked up, if it waits or runs.
        course: whether to tell how it went, if it has ended; how far others are is told anyway.
    """
    signal = queue.signal(job.signal) if job.signal is not None else None
    progress = queue.progress(job.id) if course or job.state in _MOVING else None
    place = queue.place(job) if placed and job.state in ("queued", "running") else None
    return {
        "id": job.id,
        "kind": job.kind,
        "name": job.name,
        "state": _shown_state(job),
        "priority": job.priority,
        "position": place.position if place is not None else None,
        "eta": place.eta if place is not None else None,
        "attempt": job.attempt,
        "crashes": job.crashes,
        "checkpoint_step": job.checkpoint_step,
        "threads": job.threads,
        "engine": job.engine,
        "inr_version": job.inr_version,
        "batch": job.batch,
        "options": job.options,
        "signal": signal_brief(signal) if signal is not None else None,
        "field": job.field,
        "created": moment(job.created),
        "started": moment(job.started),
        "ended": moment(job.ended),
        "progress": progress_json(progress) if progress is not None else None,
        "metrics": job.metrics,
        "problem": job.problem,
        "links": job_links(job, signal, progress),
    }


def job_links(job: "Job", signal: "SignalRow | None", progress: "Progress | None" = None) -> dict[str, str]:
    """Where what there is of a job is found; of one that is done also when its signal is gone."""
    kind = signal.kind if signal is not None else (job.metrics or {}).get("kind")
    links = {"self": f"/v1/jobs/{job.id}", "events": f"/v1/events?job={job.id}"}
    if job.result_sha256 is not None:
        links |= {"field": f"/v1/fields/{job.id}", "file": f"/v1/fields/{job.id}.inr"}
        if kind in _PICTURES:
            links["iiif"] = f"/iiif/3/{job.id}/info.json"
    if kind in _PREVIEWED and (job.result_sha256 is not None or (progress is not None and progress.preview > 0)):
        links["preview"] = f"/v1/jobs/{job.id}/preview.webp"
    return links


def progress_json(progress: "Progress", *, curve: bool = True) -> dict[str, Any]:
    """How far a job is; without the curve for streams, whose readers draw it from what they got."""
    shown = {
        "step": progress.step,
        "steps": progress.steps,
        "seconds": progress.seconds,
        "psnr": progress.psnr,
        "loss": progress.loss,
        "stage": progress.stage,
        "preview": progress.preview,
    }
    return {**shown, "curve": progress.curve} if curve else shown


def _shown_state(job: "Job") -> str:
    """One that waits only to be ended with what it has learned is seen as what it is for its owner."""
    return "cancelling" if job.stopping else job.state


def state_json(job: "Job", place: "Place | None") -> dict[str, Any]:
    """The data of an event `state`."""
    data = {
        "job": job.id,
        "state": _shown_state(job),
        "position": place.position if place is not None else None,
        "eta": place.eta if place is not None else None,
        "attempt": job.attempt,
    }
    return data if job.problem is None else {**data, "problem": job.problem}


def event_json(queue: "Queue", event: "QueueEvent", job: "Job", *, placed: bool = True) -> dict[str, Any]:
    """The data of one of the queue's events: what it says of then, with what is known of the job now.

    Args:
        queue: where places are asked.
        event: what happened.
        job: as it stands now.
        placed: whether its place is wanted, if it has one.
    """
    if event.kind == "preview":
        number = event.data["preview"]
        return {"job": job.id, "preview": number, "url": f"/v1/jobs/{job.id}/preview.webp?n={number}"}
    if event.kind == "end":
        signal = queue.signal(job.signal) if job.signal is not None else None
        links = job_links(job, signal)
        return {"job": job.id, "state": job.state, "metrics": job.metrics, "links": links, "problem": job.problem}
    waiting = placed and job.state in ("queued", "running") and event.data.get("state") == job.state
    now = state_json(job, queue.place(job) if waiting else None)
    return now | {name: value for name, value in event.data.items() if name in ("state", "attempt", "problem")}


def view_links(address: str, kind: str | None, dimensions: int = 0) -> dict[str, str]:
    """Where the views of a field are found.

    Args:
        address: of the field, /v1/fields/JOB or /v1/shared/NAME, whose last part is its name among images, too.
        kind: of the field.
        dimensions: of its coordinates.
    """
    links = {"file": f"{address}.inr"}
    if kind in _PICTURES:
        links["iiif"] = f"/iiif/3/{address.rpartition('/')[2]}/info.json"
    if kind == "image":
        links["program"] = f"{address}/program.glsl"
    if kind == "audio":
        links |= {"wav": f"{address}/audio.wav", "peaks": f"{address}/peaks.json"}
    if kind == "shape":
        links["view"] = f"{address}/view.webp"
        links |= {"outline": f"{address}/mesh.svg"} if dimensions == 2 else {"mesh": f"{address}/mesh.ply"}
    return links


def me_json(user: "User", counts: "Mapping[State, int]", used_bytes: int) -> dict[str, Any]:
    """A user, with what is used of the quotas."""
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "quotas": asdict(user.quotas),
        "used": {"seconds": user.used_seconds, "bytes": used_bytes},
        "waiting": counts.get("queued", 0) + counts.get("paused", 0),
        "running": counts.get("running", 0) + counts.get("cancelling", 0),
    }
