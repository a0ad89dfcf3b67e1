"""Uploads on their way to signals: what was sent is kept, then read in a sandbox behind the answer."""

import contextlib
import re
from typing import TYPE_CHECKING, Any

from inr._errors import DamagedFile, InrError
from inr._option_values import READING
from inr.serving import DiskFull
from inr.serving.http.service import Service, in_thread
from inr.serving.logs import log, tell
from inr.serving.problems import Problem, Type
from inr.serving.queue import NotFound, QuotaExceeded

if TYPE_CHECKING:
    from inr.serving.queue import SignalRow


def shown_name(name: str) -> str:
    """A client's name for something, as text to show: one line, no folders, 200 characters."""
    base = re.split(r"[/\\]", name)[-1]
    return "".join(character if character.isprintable() else " " for character in base).strip()[:200] or "upload"


async def read_signal(service: Service, signal: "SignalRow") -> None:
    """Read an upload, and say in the queue what became of it."""
    assert signal.sha256 is not None
    try:
        async with service.reading_of(signal.user), service.readers:
            await in_thread(_read, service, signal)
    except InrError as error:
        slug: Type = next((slug for kind, slug in _TYPES if isinstance(error, kind)), "unreadable-signal")
        problem = Problem(slug, str(error))
        tell("a signal was refused", signal=signal.id, detail=problem.detail)
        await in_thread(_refuse, service, signal, problem)
    except Exception:
        log.exception("a signal could not be read")
        problem = Problem("internal", "The service made an error when it read the file.")
        await in_thread(_refuse, service, signal, problem)


_TYPES: tuple[tuple[type[InrError], Type], ...] = (
    (DamagedFile, "damaged-file"), (QuotaExceeded, "quota"), (DiskFull, "disk-full"),
)  # fmt: skip


def _refuse(service: Service, signal: "SignalRow", problem: Problem) -> None:
    with contextlib.suppress(NotFound):  # it was deleted while it was read
        service.queue.signal_refused(signal.id, problem.to_json())


def _read(service: Service, signal: "SignalRow") -> None:
    assert signal.sha256 is not None
    path = service.settings.folder / "uploads" / f"reading-{signal.id}"
    path.unlink(missing_ok=True)
    path.hardlink_to(service.store.path(signal.sha256))
    try:
        read = service.read(path, signal.name, signal.options, service.store)
    finally:
        path.unlink(missing_ok=True)
    beside = 0 if read.array_sha256 == signal.sha256 else service.store.path(read.array_sha256).stat().st_size
    service.queue.signal_ready(signal.id, read.kind, read.description, read.array_sha256, beside)


async def read_again(service: Service) -> None:
    """Read what was being read when the server ended."""
    for row in await in_thread(service.queue.unread_signals):
        service.begin(read_signal(service, row))


def reading_options(given: dict[str, Any]) -> dict[str, Any]:
    """Those of reading's options that were given."""
    return {name: value for name, value in given.items() if name in READING and value is not None}
