"""Which files a view is drawn from, and who may see it."""

from typing import TYPE_CHECKING

from inr.serving.http.service import Service
from inr.serving.problems import Problem
from inr.serving.views import FieldImage, SignalImage

if TYPE_CHECKING:
    from inr.serving.queue import Job, SignalRow, User

_SIGNAL = "signal-"


def own_field(service: Service, user: "User", id: str) -> "Job":
    """The job that made a user's field; raises a Problem where there is none, or it made none."""
    job = service.queue.job(id, user.id)
    if job is None or job.result_sha256 is None:
        raise Problem("not-found", f"There is no field {id}.")
    return job


def shared_field(service: Service, name: str) -> "Job":
    """The job that made a shared field; raises a Problem where nothing is shared under that name."""
    id = service.queue.share_of(name)
    job = service.queue.job(id) if id is not None else None
    if job is None or job.result_sha256 is None:
        raise Problem("not-found", "Nothing is shared under this name, or no longer.")
    return job


def signal_image(service: Service, row: "SignalRow | None") -> SignalImage | None:
    """What a signal is drawn from; None where it is gone or was not read."""
    if row is None or row.state != "ready" or row.array_sha256 is None:
        return None
    return SignalImage(service.store.path(row.array_sha256), row.array_sha256, row.description["domain"])


def field_image(service: Service, job: "Job") -> FieldImage:
    """What a field is drawn from."""
    assert job.result_sha256 is not None
    row = service.queue.signal(job.signal, job.user) if job.signal is not None else None
    return FieldImage(service.store.path(job.result_sha256), job.result_sha256, signal_image(service, row))


def image_of(service: Service, user: "User | None", name: str) -> tuple[FieldImage | SignalImage, bool]:
    """What an IIIF identifier's name stands for.

    Args:
        service: where to look.
        user: who asks; None for everybody, who may see shares.
        name: of a share, a job, or a signal behind "signal-".

    Returns:
        The image, and whether everybody may see it.

    Raises:
        Problem: there is no such image, or none that everybody may see.
    """
    if service.queue.share_of(name) is not None:
        return field_image(service, shared_field(service, name)), True
    if user is None:
        raise Problem("not-found", f"There is no image {name} that everybody may see.")
    if name.startswith(_SIGNAL):
        found = signal_image(service, service.queue.signal(name.removeprefix(_SIGNAL), user.id))
        if found is None:
            raise Problem("not-found", f"There is no image {name}.")
        return found, False
    return field_image(service, own_field(service, user, name)), False
