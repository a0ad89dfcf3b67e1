"""Jobs as their owners see them: submitted, listed, cancelled, paused, resumed, retried, deleted."""

import hashlib
import sqlite3
from typing import Any

from inr._errors import InrError
from inr.serving.queue._base import UNDONE, Base, arrive, before, happened, job_row, job_rows, move, page
from inr.serving.queue._errors import InUse, KeyMismatch, NotFound, QueueFull, QuotaExceeded, WrongState
from inr.serving.queue._ids import decode, encode, new_id
from inr.serving.queue._rows import ENDED, Job, Kind, NewJob, State, Submitted
from inr.serving.queue._signals import ready_signal, touch
from inr.serving.queue._users import user_row

# jobs that wait, of all users together
MOST_WAITING = 100_000

# how long an idempotency key gives the answer that it gave first
KEY_SECONDS = 86_400.0

# kinds of jobs of which something can be made before they are done
_KEEPING = ("fit", "compress", "recompress")

# samples up to which jobs are claimed several at a time
SMALL = 1 << 16


class Jobs(Base):
    """Jobs as their owners see them."""

    def submit(self, user: str, job: NewJob, *, key: str | None = None, body_hash: str | None = None) -> Submitted:
        """Add a job.

        Args:
            user: id of the owner.
            job: what is to be done.
            key: an idempotency key: the same one gives the same job again for a day.
            body_hash: of the request, which must be the same too.

        Raises:
            NotFound: there is no such signal, or no finished job whose result is to be recompressed.
            WrongState: the signal is not ready.
            KeyMismatch: the key was used for another request.
            QuotaExceeded: the owner would have too many jobs waiting, or the job asks for too many seconds.
            QueueFull: too many jobs wait.
        """
        return self.submit_many(user, [job], None, key=key, body_hash=body_hash)[0]

    def submit_many(
        self,
        user: str,
        jobs: list[NewJob],
        batch: str | None,
        *,
        key: str | None = None,
        body_hash: str | None = None,
    ) -> list[Submitted]:
        """Add many jobs at once: all of them, or, where one is refused, none.

        Args:
            batch: a name by which they can be listed.

        The rest is as for `submit`.
        """
        now = self._clock()
        with self._main.write() as db:
            replayed = _replay(db, user, key, body_hash, now)
            if replayed is not None:
                return replayed
            _check_quotas(db, user, jobs)
            arrive(db, now, user)
            ids = [_insert(db, user, job, batch, now) for job in jobs]
            if key is not None:
                db.execute(
                    "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?)",
                    (user, key, body_hash, encode(ids), now + KEY_SECONDS),
                )
            return [Submitted(job_row(db, each), True) for each in ids]

    def job(self, job: str, user: str | None = None) -> Job | None:
        """A job by id; None where there is none, or another user's."""
        with self._main.read() as db:
            try:
                return job_row(db, job, user)
            except NotFound:
                return None

    def jobs(
        self,
        user: str | None,
        *,
        state: State | None = None,
        kind: Kind | None = None,
        batch: str | None = None,
        fields: bool = False,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Job], str | None]:
        """A page of a user's jobs, the newest first.

        Args:
            user: id of the owner; None is everybody.
            state, kind, batch: which jobs; None is any.
            fields: those alone that have a field.
            cursor: of the page, as the one before gave it; None is the first.
            limit: jobs of a page.

        Returns:
            The jobs, and the cursor of the next page; None on the last one.

        Raises:
            BadCursor: the cursor is none.
        """
        wanted = {"user": user, "state": state, "kind": kind, "batch": batch}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        condition = "".join(f"{name} = ? AND " for name in wanted) + "result_sha256 IS NOT NULL AND " * fields
        with self._main.read() as db:
            values = [*wanted.values(), before(cursor), limit + 1]
            return page(job_rows(db, f"{condition} id < ? ORDER BY id DESC LIMIT ?", values), limit)

    def cancel(self, job: str, user: str | None, *, keep: bool = True) -> Job:
        """Stop a job: at once where it waits, else its worker is told.

        Args:
            job: its id.
            user: id of the owner; None is anybody.
            keep: where it waits with something learned, let it stay queued for a worker to make a field of that; once
                cancelled again it is given up.

        Raises:
            NotFound: there is none, or it is another user's.
            WrongState: it has ended.
        """
        with self._main.write() as db:
            found, now = job_row(db, job, user), self._clock()
            kept = keep and found.checkpoint_step and found.kind in _KEEPING and not found.stopping
            if kept and found.state in ("queued", "paused"):
                if found.state == "paused":
                    arrive(db, now, found.user)
                move(db, now, job, ("queued", "paused"), "queued", stopping=1)
                return job_row(db, job)
            if move(db, now, job, ("queued", "paused"), "cancelled") or found.state == "cancelling":
                return job_row(db, job)
            if not move(db, now, job, ("running",), "cancelling", pausing=0):
                raise WrongState(f"the job is {found.state}; only one that waits, runs or is paused can be cancelled")
            return job_row(db, job)

    def pause(self, job: str, user: str | None) -> Job:
        """Keep a job from running: at once where it waits, else its worker is told. Raises NotFound, WrongState."""
        with self._main.write() as db:
            found, now = job_row(db, job, user), self._clock()
            if found.state == "running":
                db.execute("UPDATE jobs SET pausing = 1 WHERE id = ?", (job,))
            elif not move(db, now, job, ("queued",), "paused") and found.state != "paused":
                raise WrongState(f"the job is {found.state}; only one that waits or runs can be paused")
            return job_row(db, job)

    def resume(self, job: str, user: str | None) -> Job:
        """Let a paused job go on, from its checkpoint where it has one. Raises NotFound, WrongState."""
        with self._main.write() as db:
            found, now = job_row(db, job, user), self._clock()
            if found.state == "running" and found.pausing:
                db.execute("UPDATE jobs SET pausing = 0 WHERE id = ?", (job,))
            else:
                arrive(db, now, found.user)
                if not move(db, now, job, ("paused",), "queued"):
                    raise WrongState(f"the job is {found.state}; only a paused one can be resumed")
            return job_row(db, job)

    def retry(self, job: str, user: str | None) -> Job:
        """Try a failed job again. Raises NotFound, also where what it works on is gone, and WrongState."""
        with self._main.write() as db:
            found, now = job_row(db, job, user), self._clock()
            if found.state != "failed":
                raise WrongState(f"the job is {found.state}; only a failed one can be retried")
            if found.signal is not None:
                ready_signal(db, found.signal, found.user)
                touch(db, found.signal, now)
            if found.field is not None:
                job_row(db, found.field)
            arrive(db, now, found.user)
            move(db, now, job, ("failed",), "queued", crashes=0, problem=None, ended=None, not_before=0)
            return job_row(db, job)

    def set_priority(self, job: str, user: str | None, priority: int) -> Job:
        """Change a job's priority among those of its owner.

        Args:
            job: its id.
            user: id of the owner; None is anybody.
            priority: from -10 to 10; the larger, the earlier.

        Raises:
            InrError: a priority out of range.
            NotFound: there is none, or it is another user's.
            WrongState: it has ended.
        """
        _check_priority(priority)
        with self._main.write() as db:
            found = job_row(db, job, user)
            if found.state in ENDED:
                raise WrongState(f"the job is {found.state}; its priority means nothing any more")
            db.execute("UPDATE jobs SET priority = ? WHERE id = ?", (priority, job))
            return job_row(db, job)

    def delete_job(self, job: str, user: str | None) -> None:
        """Delete a job that has ended, with its result, shares and events.

        Raises:
            NotFound: there is none, or it is another user's.
            WrongState: it has not ended.
            InUse: a job that has not ended recompresses its result.
        """
        with self._main.write() as db:
            found = job_row(db, job, user)
            if found.state not in ENDED:
                raise WrongState(f"the job is {found.state}; cancel it first")
            if db.execute(f"SELECT 1 FROM jobs WHERE field = ? AND {UNDONE}", (job,)).fetchone():
                raise InUse("a job that has not ended recompresses this field; cancel it, or wait")
            db.execute("DELETE FROM jobs WHERE id = ?", (job,))
        with self._progress.write(durable=False) as db:
            db.execute("DELETE FROM progress WHERE job = ?", (job,))

    def counts(self, user: str | None = None) -> dict[State, int]:
        """How many jobs are in each state, of a user's or of all."""
        condition = "user = ?" if user is not None else "? IS NULL"
        with self._main.read() as db:
            found = db.execute(f"SELECT state, SUM(jobs) FROM tally WHERE {condition} GROUP BY state", (user,))
            return {state: count for state, count in found if count}


def _replay(
    db: sqlite3.Connection, user: str, key: str | None, body_hash: str | None, now: float
) -> list[Submitted] | None:
    row = db.execute(
        "SELECT * FROM idempotency WHERE user = ? AND key = ? AND expires > ?", (user, key, now)
    ).fetchone()
    if row is None:
        return None
    if row["body_hash"] != body_hash:
        raise KeyMismatch("that Idempotency-Key was used for another request; take a new one")
    return [Submitted(job_row(db, job, user), False) for job in decode(row["jobs"])]


def _check_quotas(db: sqlite3.Connection, user: str, jobs: list[NewJob]) -> None:
    quotas = user_row(db, user).quotas
    waiting = "SELECT COALESCE(SUM(jobs), 0) FROM tally WHERE state IN ('queued', 'paused')"
    of_user = db.execute(f"{waiting} AND user = ?", (user,)).fetchone()[0]
    if of_user + len(jobs) > quotas.waiting:
        raise QuotaExceeded(f"you have {of_user:,} jobs waiting, and may have {quotas.waiting:,}; wait for some to end")
    if db.execute(waiting).fetchone()[0] + len(jobs) > MOST_WAITING:
        raise QueueFull(f"{MOST_WAITING:,} jobs wait already; come back later")
    for job in jobs:
        seconds = job.options.get("seconds")
        if seconds is not None and seconds > quotas.seconds_a_job:
            raise QuotaExceeded(f"a job of yours may take {quotas.seconds_a_job:g} seconds, not {seconds:g}")


def _insert(db: sqlite3.Connection, user: str, job: NewJob, batch: str | None, now: float) -> str:
    _check_priority(job.priority)
    description: dict[str, Any] = {}
    if job.signal is not None:
        description = ready_signal(db, job.signal, user).description
        touch(db, job.signal, now)
    if job.field is not None and job_row(db, job.field, user).result_sha256 is None:
        raise WrongState("only the field of a job that is done can be recompressed")
    made = new_id(now)
    row: dict[str, str | float | None] = {
        "id": made,
        "user": user,
        "kind": job.kind,
        "name": job.name,
        "signal": job.signal,
        "field": job.field,
        "options": encode(job.options),
        "alike": _alike(job, description),
        "priority": job.priority,
        "threads": job.threads,
        "engine": job.engine,
        "batch": batch,
        "traceparent": job.traceparent,
        "created": now,
    }
    db.execute(f"INSERT INTO jobs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
    happened(db, now, made, "state", {"state": "queued"})
    return made


def _alike(job: NewJob, description: dict[str, Any]) -> str | None:
    """The same text for small fits of one setup and shape; None for all other jobs."""
    if job.kind != "fit" or not 0 < description.get("size", 0) <= SMALL:
        return None
    setup = {name: value for name, value in job.options.items() if name != "seed"}
    shape = [description.get(name) for name in ("shape", "channels")]
    return hashlib.sha256(encode([setup, shape, job.threads, job.engine]).encode()).hexdigest()


def _check_priority(priority: int) -> None:
    if not -10 <= priority <= 10:
        raise InrError(f"a priority is a whole number from -10 to 10, not {priority}")
