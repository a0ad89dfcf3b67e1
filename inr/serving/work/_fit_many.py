"""Fitting every file of a folder by the queue, without HTTP: killed or stopped, it goes on where it was."""

import contextlib
import itertools
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inr._cores import usable_cores
from inr._errors import InrError
from inr._files import temporary_beside
from inr.serving.queue import Job, NewJob, Queue, Quotas, User
from inr.serving.store import Store
from inr.serving.work._folders import files_of, working_in
from inr.serving.work._results import FileRow, write_results
from inr.serving.work._workers import Workers

if TYPE_CHECKING:
    from inr._cluster import Cluster

_USER = "fit-many"
_AHEAD, _AT_ONCE = 400, 100  # jobs that wait at least, and files that are queued between two looks at the workers
_LOOK, _WRITE = 0.2, 5.0  # seconds between two looks at what ended, and between two tables
_RESERVE = 64 << 20  # bytes of the disk without which no fit is begun
_NO_QUOTAS = Quotas(waiting=1 << 40, bytes=1 << 60, seconds_a_job=1e12)


@dataclass(frozen=True)
class Many:
    """How far the fits of a folder are.

    Attributes:
        total: files.
        rows: those that have ended, by name.
        running: names of what is being fitted, with how much of it is done, from 0 to 1.
        held: why nothing is begun at the moment; None where that is not so.
    """

    total: int
    rows: Mapping[str, FileRow]
    running: Mapping[str, float]
    held: str | None


def fit_many(
    folder: Path,
    out: Path,
    options: Mapping[str, Any],
    reading: Mapping[str, Any],
    *,
    workers: int | None = None,
    threads: int = 1,
    on: str | None = None,
    force: bool = False,
    on_change: Callable[[Many], Any] = lambda many: None,
) -> list[FileRow]:
    """Fit all files of a folder, and of the folders in it, in processes side by side or on a cluster.

    Fits that are done are not done again, those that failed are tried once more, and files that changed are fitted
    anew. Ctrl-C keeps all that is done, and of what is under way all but the last seconds.

    Args:
        folder: of the files; hidden ones and fields are left out.
        out: gets `results.tsv` and a field of every file, by the file's name with .inr; what is needed to go on is in
            its folder .inr.
        options: of a job of kind fit, as `check` gives them.
        reading: options of reading, as requests write them.
        workers: processes, the usable cores when None. With `on`, fits under way at most.
        threads: of each fit.
        on: "ray" or "ray:HOST:PORT": fit on the machines of a Ray cluster. Files are read, and fields written, here.
        force: begin afresh.
        on_change: called now and then with how far it is.

    Returns:
        A row for every file, in the order of names.

    Raises:
        InrError: no such folder, no file in it, fits of other options in `out`, or somebody else works there; a
            cluster that does not answer.
        KeyboardInterrupt: Ctrl-C, after everything is kept.
    """
    files = files_of(folder, out)
    if on is None:
        with working_in(out, force=force) as inner:
            return _Run(folder, out, inner, files, options, reading, threads).run(workers or usable_cores(), on_change)
    from inr._cluster import Cluster

    with Cluster(on) as cluster, working_in(out, force=force) as inner:
        return _Run(folder, out, inner, files, options, reading, threads).run_away(cluster, workers, on_change)


class _Run:
    """One run over a folder."""

    def __init__(
        self,
        folder: Path,
        out: Path,
        inner: Path,
        files: Sequence[str],
        options: Mapping[str, Any],
        reading: Mapping[str, Any],
        threads: int,
    ) -> None:
        self._folder, self._out, self._inner, self._files = folder, out, inner, files
        self._options, self._reading, self._threads = dict(options), dict(reading), threads
        self._queue, self._store = Queue(inner), Store(inner)
        self._user = self._owner()
        self._rows: dict[str, FileRow] = {}
        self._names: dict[str, str] = {}  # of the jobs of this run
        self._written = 0.0

    def run(self, workers: int, on_change: Callable[[Many], Any]) -> list[FileRow]:
        """Queue what is to be done, look after those who do it, and gather what comes of it."""
        with self._gathering(on_change) as (new, look):
            needed = min(workers, len(self._files) - len(self._rows))
            said = self._inner / "workers.log"
            with Workers(self._inner, self._queue, needed, reserve=_RESERVE, log=said) as crew:
                more = True
                while more or len(self._rows) < len(self._files):
                    ahead = self._queue.counts().get("queued", 0)
                    if more and ahead < _AHEAD:
                        more = self._add(new)
                    else:
                        time.sleep(_LOOK)
                    crew.look()
                    look()
        return self._table()

    def run_away(self, cluster: "Cluster", at_once: int | None, on_change: Callable[[Many], Any]) -> list[FileRow]:
        """As `run`, on the machines of a cluster."""
        from inr.serving.work._away import Away

        with self._gathering(on_change) as (new, look):
            away = Away(
                self._inner, self._queue, cluster, threads=self._threads, at_once=at_once, reserve=_RESERVE,
                more=lambda: self._add(new),
            )  # fmt: skip
            with away:
                while True:
                    for _ in away.run(look):
                        look()
                    look()
                    if len(self._rows) == len(self._files):
                        break
                    time.sleep(_LOOK)  # the disk is full, or was when a job ended
        return self._table()

    @contextlib.contextmanager
    def _gathering(self, on_change: Callable[[Many], Any]) -> Iterator[tuple[Iterator[str], Callable[[], None]]]:
        """The files that are to be queued, and what takes in what has ended since; the table is written at the end."""
        with contextlib.closing(self._queue):
            seen = self._queue.last_seq()

            def look() -> None:
                nonlocal seen
                seen = self._gather(seen)
                on_change(self._state())

            new = iter(self._going_on())
            try:
                yield new, look
            finally:
                self._gather(seen)
                self._write()
                on_change(self._state())

    def _owner(self) -> User:
        users = self._queue.users()
        return users[0] if users else self._queue.add_user(_USER, quotas=_NO_QUOTAS)[0]

    def _going_on(self) -> list[str]:
        """Take up what an earlier run left; the names of the files that are to be queued."""
        known = self._known()
        new = []
        for name in self._files:
            job = known.get(name)
            if job is None or job.state in ("paused", "cancelled") or not self._unchanged(job):
                new.append(name)
                continue
            del known[name]
            self._names[job.id] = name
            if job.state == "failed":
                self._queue.retry(job.id, None)
            elif job.state == "done":
                self._ended(job)
        for job in known.values():  # of files that changed, or are gone
            self._drop(job)
        return new

    def _known(self) -> dict[str, Job]:
        """The jobs of earlier runs by name, of each the newest."""
        known = dict[str, Job]()
        cursor: str | None = ""
        while cursor is not None:
            jobs, cursor = self._queue.jobs(None, cursor=cursor or None, limit=1000)
            for job in jobs:
                if job.options != self._options or job.threads != self._threads:
                    raise InrError(
                        f"{self._out} holds fits of other options; give the same, another folder, or begin afresh with "
                        "--force (force=True)"
                    )
                known.setdefault(job.name, job)
        return known

    def _unchanged(self, job: Job) -> bool:
        row = None if job.signal is None else self._queue.signal(job.signal)
        return row is not None and row.description == self._description(job.name) and row.options == self._reading

    def _drop(self, job: Job) -> None:
        if job.state not in ("done", "failed", "cancelled"):
            self._queue.cancel(job.id, None, keep=False)
        with contextlib.suppress(InrError):  # a worker that died has it until its lease is over
            self._queue.delete_job(job.id, None)

    def _description(self, name: str) -> dict[str, Any]:
        """By what it is seen whether a file changed."""
        try:
            found = (self._folder / name).stat()
        except OSError:
            return {}
        return {"file": [found.st_size, found.st_mtime_ns]}

    def _add(self, names: Iterator[str]) -> bool:
        """Queue some more files; False where there are none."""
        jobs = []
        for name in itertools.islice(names, _AT_ONCE):
            path = (self._folder / name).resolve()
            row = self._queue.add_signal(self._user.id, name=name, path=str(path), options=self._reading)
            self._queue.signal_ready(row.id, "image", self._description(name), None)
            jobs.append(NewJob("fit", name, signal=row.id, options=self._options, threads=self._threads))
        if jobs:
            for each in self._queue.submit_many(self._user.id, jobs, None):
                self._names[each.job.id] = each.job.name
        return bool(jobs)

    def _gather(self, seen: int) -> int:
        """Take what has ended since; the number of the last event."""
        while events := self._queue.events(seen):
            seen = events[-1].seq
            for event in events:
                job = self._queue.job(event.job) if event.kind == "end" and event.job in self._names else None
                if job is not None and job.state in ("done", "failed"):
                    self._ended(job)
        if time.monotonic() - self._written > _WRITE:
            self._write()
        return seen

    def _ended(self, job: Job) -> None:
        metrics = job.metrics or {}
        path = self._folder / job.name
        problem = "" if job.problem is None else job.problem["detail"].replace(str(path.resolve()), str(path))
        if job.state == "done":
            assert job.result_sha256 is not None
            try:
                self._hand_over(self._store.path(job.result_sha256), self._out / f"{job.name}.inr")
            except OSError as error:
                raise InrError(f"cannot write {self._out / job.name}.inr: {error.strerror}") from error
        self._rows[job.name] = FileRow(
            job.name, "x".join(map(str, metrics.get("shape") or ())), job.result_bytes, metrics.get("psnr"),
            metrics.get("ssim"), metrics.get("max_error"), job.seconds, job.state, problem,
        )  # fmt: skip

    def _hand_over(self, blob: Path, path: Path) -> None:
        """Put a field where it belongs: the same file by another name, or a copy where there cannot be one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.samefile(blob):
            return
        temporary = temporary_beside(path)
        try:
            try:
                temporary.hardlink_to(blob)
            except OSError:  # another file system, or one without hard links
                shutil.copyfile(blob, temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _state(self) -> Many:
        running = dict[str, float]()
        for job in self._queue.jobs(None, state="running", limit=256)[0]:
            progress = self._queue.progress(job.id)
            running[job.name] = progress.step / progress.steps if progress is not None and progress.steps else 0.0
        return Many(len(self._files), dict(self._rows), running, self._queue.held())

    def _table(self) -> list[FileRow]:
        return [self._rows.get(name, FileRow(name)) for name in self._files]

    def _write(self) -> None:
        self._written = time.monotonic()
        write_results(self._out / "results.tsv", self._table())
