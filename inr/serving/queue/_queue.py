"""The queue as a whole."""

import secrets
from collections.abc import Sequence

from inr.serving.queue._base import job_row
from inr.serving.queue._claims import Claims
from inr.serving.queue._errors import NotFound, WrongState
from inr.serving.queue._ids import decode
from inr.serving.queue._jobs import Jobs
from inr.serving.queue._rows import Progress, QueueEvent
from inr.serving.queue._signals import Signals
from inr.serving.queue._turns import Turns
from inr.serving.queue._upkeep import Upkeep
from inr.serving.queue._users import Users


class Queue(Users, Signals, Jobs, Turns, Claims, Upkeep):
    """Users, signals, jobs and their events in one folder, for the server and every worker alike.

    Each call is one short transaction, from any thread of any process. `user` says for whom: somebody else's things are
    as if they were not there; None is anybody's. What an argument means is said where the methods are defined.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from inr.serving.queue import NewJob, Queue
    >>> with TemporaryDirectory() as folder:
    ...     queue = Queue(Path(folder))
    ...     user, token = queue.add_user("Ada")
    ...     job = queue.submit(user.id, NewJob("fit", "cat")).job
    ...     (claim,) = queue.claim("worker 1")
    ...     queue.finish(claim, result_sha256="0" * 64, result_bytes=9, metrics={"psnr": 40.0}, seconds=1.5)
    ...     queue.job(job.id).state
    ...     queue.close()
    True
    'done'
    """

    def progress(self, job: str) -> Progress | None:
        """How far a job is, as its worker told last; None where it has not."""
        with self._progress.read() as db:
            row = db.execute("SELECT data FROM progress WHERE job = ?", (job,)).fetchone()
            return None if row is None else Progress(**decode(row["data"]))

    def events(
        self, after: int, *, user: str | None = None, jobs: Sequence[str] = (), limit: int = 1000
    ) -> list[QueueEvent]:
        """What happened after the event of that number, the oldest first.

        Args:
            after: the last `seq` that is known; 0 is from the beginning.
            user: whose jobs; None is everybody's.
            jobs: ids of the jobs that matter; none means all.
            limit: of events.
        """
        condition, values = "seq > ?", list[object]([after])
        if user is not None:
            condition += " AND user = ?"
            values.append(user)
        if jobs:
            condition += f" AND job IN ({', '.join('?' * len(jobs))})"
            values += jobs
        with self._main.read() as db:
            found = db.execute(
                f"SELECT seq, job, kind, data, at FROM events WHERE {condition} ORDER BY seq LIMIT ?", [*values, limit]
            )
            return [QueueEvent(**{**dict(row), "data": decode(row["data"])}) for row in found]

    def last_seq(self) -> int:
        """The number of the newest event; 0 before the first."""
        with self._main.read() as db:
            row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
            return 0 if row is None else row["seq"]

    def changed(self) -> bool:
        """Whether anything has been written, by anybody, since this was asked last; takes microseconds."""
        known, self._versions = self._versions, (self._main.version(), self._progress.version())
        return self._versions != known

    def share(self, field: str, user: str | None) -> str:
        """Make the result of a job public under a name that cannot be guessed. Raises NotFound, WrongState."""
        name = secrets.token_urlsafe(16)
        with self._main.write() as db:
            found = job_row(db, field, user)
            if found.result_sha256 is None:
                raise WrongState(f"the job is {found.state}; only the field of one that is done can be shared")
            db.execute("INSERT INTO shares VALUES (?, ?)", (name, field))
        return name

    def share_of(self, name: str) -> str | None:
        """The job whose result a name shares."""
        with self._main.read() as db:
            row = db.execute("SELECT field FROM shares WHERE name = ?", (name,)).fetchone()
            return None if row is None else row["field"]

    def shares(self, job: str, user: str | None = None) -> list[str]:
        """The names under which a job's result is shared; raises NotFound."""
        with self._main.read() as db:
            job_row(db, job, user)
            return [row["name"] for row in db.execute("SELECT name FROM shares WHERE field = ? ORDER BY name", (job,))]

    def unshare(self, name: str, user: str | None) -> None:
        """Make a name mean nothing any more; raises NotFound."""
        with self._main.write() as db:
            row = db.execute("SELECT field FROM shares WHERE name = ?", (name,)).fetchone()
            if row is None:
                raise NotFound(f"there is no share {name}")
            job_row(db, row["field"], user)
            db.execute("DELETE FROM shares WHERE name = ?", (name,))
