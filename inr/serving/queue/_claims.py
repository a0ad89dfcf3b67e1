"""Jobs as workers see them: claimed under a lease, kept by beats, ended by whoever still holds the token."""

import math
import secrets
import sqlite3
from dataclasses import asdict
from typing import Any, Literal

from inr._version import __version__
from inr.serving.queue._base import Base, charge, happened, job_row, move
from inr.serving.queue._ids import encode
from inr.serving.queue._leases import end_leases
from inr.serving.queue._rows import Claim, Progress, Worker
from inr.serving.queue._signals import touch
from inr.serving.queue._turns import NEXT, alive_slots

# jobs claimed at once: at most so many, and what should take no more than so many seconds
MOST_CLAIMED = 16
CLAIMED_SECONDS = 8.0


class Claims(Base):
    """Workers, their claims, and how those end."""

    def register(self, worker: str, host: str, pid: int, slots: int) -> None:
        """A worker is there.

        Args:
            worker: an id that no other has.
            host, pid: where it runs, and its process there.
            slots: how many jobs it does at a time.
        """
        with self._main.write(durable=False) as db:
            db.execute(
                "INSERT OR REPLACE INTO workers VALUES (?, ?, ?, ?, ?)", (worker, host, pid, slots, self._clock())
            )

    def worker_beat(self, worker: str) -> None:
        """A worker is still there."""
        with self._main.write(durable=False) as db:
            db.execute("UPDATE workers SET beat = ? WHERE id = ?", (self._clock(), worker))

    def workers(self) -> list[Worker]:
        """The workers that were heard of within the time of a lease."""
        since = self._clock() - self._lease
        with self._main.read() as db:
            return [Worker(**row) for row in map(dict, db.execute("SELECT * FROM workers WHERE beat > ?", (since,)))]

    def forget(self, worker: str) -> None:
        """A worker has ended, or died: what it had claimed and not given back is anybody's from now on."""
        with self._main.write() as db:
            db.execute("DELETE FROM workers WHERE id = ?", (worker,))
            db.execute(
                "UPDATE jobs SET lease_until = MIN(lease_until, ?) WHERE owner = ? AND lease_token IS NOT NULL",
                (self._clock(), worker),
            )

    def hold(self, seconds: float, reason: str) -> None:
        """Let nobody claim a job for some seconds, as when the disk is full."""
        with self._main.write() as db:
            db.execute("DELETE FROM hold")
            db.execute("INSERT INTO hold VALUES (?, ?)", (self._clock() + seconds, reason))

    def held(self) -> str | None:
        """Why nobody may claim a job now; None where they may."""
        with self._main.read() as db:
            return _held(db, self._clock())

    def claim(self, worker: str, *, limit: int = 1) -> list[Claim]:
        """Take the next jobs in turn, under a new lease; jobs whose lease is over are given back first.

        More than one is taken only of small fits of one setup and shape that follow each other in the queue, no more
        than this worker's share of what waits, and no more than should be done within seconds. A job that a worker died
        of is taken alone.

        Args:
            worker: an id of the worker's.
            limit: how many jobs it wants, at most 16.

        Returns:
            The claims, in the order in which they are to be worked on; empty where nothing is to be done.
        """
        now, claims = self._clock(), list[Claim]()
        with self._main.write() as db:
            end_leases(db, now, self._max_crashes)
            if _held(db, now):
                return []
            alike: str | None = None
            most = min(limit, MOST_CLAIMED)
            while len(claims) < most:
                row = db.execute(NEXT, {"now": now}).fetchone()
                if row is None:
                    break
                found = db.execute(
                    "SELECT id, user, alike, attempt, crashes, stopping FROM jobs WHERE id = ?", (row["id"],)
                ).fetchone()
                group = found["alike"] if found["crashes"] == found["stopping"] == 0 else None
                if claims and (group is None or group != alike):
                    break
                if not claims:
                    alike, most = group, self._share(db, found["user"], most, now) if group else 1
                claims.append(self._lease_job(db, found, worker, now, first=not claims))
        begin_anew = [(claim.job.id,) for claim in claims if claim.job.attempt > 1 and not claim.resumes]
        if begin_anew:
            with self._progress.write(durable=False) as db:
                db.executemany("DELETE FROM progress WHERE job = ?", begin_anew)
        return claims

    def _share(self, db: sqlite3.Connection, user: str, most: int, now: float) -> int:
        """How many jobs one worker may take at once of those that wait."""
        waiting = db.execute("SELECT COALESCE(SUM(jobs), 0) FROM tally WHERE state = 'queued'").fetchone()[0]
        mean = db.execute("SELECT mean FROM users WHERE id = ?", (user,)).fetchone()["mean"]
        slots = max(alive_slots(db, now - self._lease), 1)
        return max(1, min(most, math.ceil(waiting / slots), int(CLAIMED_SECONDS / max(mean, 1e-3))))

    def _lease_job(self, db: sqlite3.Connection, row: sqlite3.Row, worker: str, now: float, *, first: bool) -> Claim:
        job, token = row["id"], secrets.token_hex(16)
        leased: dict[str, Any] = {"lease_token": token, "lease_until": now + self._lease, "beat": now, "owner": worker}
        # the first of several is begun at once; if the worker dies, it is blamed on those that were begun
        begun = now if first else None
        move(db, now, job, ("queued",), "running", attempt=row["attempt"] + 1, begun=begun, preview=0, **leased)
        if row["stopping"]:
            move(db, now, job, ("running",), "cancelling")
        db.execute("UPDATE jobs SET started = COALESCE(started, ?) WHERE id = ?", (now, job))
        db.execute("UPDATE users SET served = ? WHERE id = ?", (now, row["user"]))
        found = job_row(db, job)
        if found.signal is not None:
            touch(db, found.signal, now)
        return Claim(found, token, found.checkpoint_step is not None)

    def beat(self, claim: Claim, progress: Progress | None = None) -> Literal["go on", "cancel", "pause", "lost"]:
        """Hold a claim for another lease, tell how far it is, and hear what the owner wants.

        Returns:
            "lost" where the token is refused: the job is somebody else's now, or gone.
        """
        now = self._clock()
        with self._main.write(durable=False) as db:
            row = db.execute(
                "SELECT state, pausing, preview, begun FROM jobs WHERE id = ? AND lease_token = ?",
                (claim.job.id, claim.token),
            ).fetchone()
            if row is None:
                return "lost"
            begun = now if row["begun"] is None and progress is not None else row["begun"]
            preview = row["preview"] if progress is None else progress.preview
            db.execute(
                "UPDATE jobs SET lease_until = ?, beat = ?, begun = ?, preview = ? WHERE id = ?",
                (now + self._lease, now, begun, preview, claim.job.id),
            )
            if preview != row["preview"]:
                happened(db, now, claim.job.id, "preview", {"preview": preview})
        if progress is not None:
            with self._progress.write(durable=False) as db:
                db.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (claim.job.id, encode(asdict(progress))))
        if row["state"] == "cancelling":
            return "cancel"
        return "pause" if row["pausing"] else "go on"

    def plan(self, claim: Claim, *, threads: int, engine: str | None, horizon: int | None) -> bool:
        """Keep what this attempt is run with, so that a later one gives the same bytes.

        Args:
            claim: the right to work on the job.
            threads: of the fit.
            engine: that was chosen; None where nothing is fitted by one.
            horizon: the number of steps; None where it is not known.

        Returns:
            False where the token is refused.
        """
        return self._update(claim, threads=threads, engine=engine, horizon=horizon, inr_version=__version__)

    def checkpointed(self, claim: Claim, step: int) -> bool:
        """A checkpoint of that step is safely on the disk; False without the lease."""
        return self._update(claim, checkpoint_step=step)

    def _update(self, claim: Claim, **columns: Any) -> bool:
        """Keep something with a job that is under way, which is as good as a beat."""
        now = self._clock()
        columns.update(beat=now, lease_until=now + self._lease)
        settings = ", ".join(f"{name} = ?" for name in columns)
        with self._main.write() as db:
            done = db.execute(
                f"UPDATE jobs SET {settings}, begun = COALESCE(begun, ?) WHERE id = ? AND lease_token = ?",
                (*columns.values(), now, claim.job.id, claim.token),
            )
            return done.rowcount > 0

    def finish(
        self, claim: Claim, *, result_sha256: str, result_bytes: int, metrics: dict[str, Any], seconds: float
    ) -> bool:
        """A job is done, or has stopped with what it had, and its result is safely in the store.

        Args:
            seconds: that this attempt took.

        Returns:
            False where the token is refused.
        """
        with self._main.write() as db:
            if not self._end(db, claim, seconds, "done", metrics=metrics,
                             result_sha256=result_sha256, result_bytes=result_bytes):  # fmt: skip
                return False
            if job_row(db, claim.job.id).state == "done":
                db.execute("UPDATE users SET mean = 0.7 * mean + 0.3 * ? WHERE id = ?", (seconds, claim.job.user))
            return True

    def fail(self, claim: Claim, problem: dict[str, Any], seconds: float) -> bool:
        """A job cannot be done, and is not tried again by itself.

        Args:
            claim: the right to work on it.
            problem: the JSON of an RFC 9457 problem that says why.
            seconds: that this attempt took.

        Returns:
            False where the token is refused.
        """
        with self._main.write() as db:
            return self._end(db, claim, seconds, "failed", problem=problem)

    def release(self, claim: Claim, *, not_before: float | None = None) -> bool:
        """Give a job back, to be paused where its owner wanted that, or else for anybody to go on with.

        Args:
            not_before: seconds since 1970 until which nobody may claim it.

        Returns:
            False where the token is refused.
        """
        with self._main.write() as db:
            row = db.execute("SELECT pausing FROM jobs WHERE id = ?", (claim.job.id,)).fetchone()
            later = {} if not_before is None else {"not_before": not_before}
            return self._end(db, claim, None, "paused" if row and row["pausing"] else "queued", **later)

    def cancelled(self, claim: Claim) -> bool:
        """A job has stopped, as its owner wanted; False where the token is refused."""
        with self._main.write() as db:
            return self._end(db, claim, None, "cancelled")

    def _end(
        self,
        db: sqlite3.Connection,
        claim: Claim,
        seconds: float | None,
        to: Literal["done", "failed", "queued", "paused", "cancelled"],
        **columns: Any,
    ) -> bool:
        """Leave a lease, for the state `to`, or for "cancelled" where the owner wanted that meanwhile."""
        job, now = claim.job.id, self._clock()
        row = db.execute("SELECT begun FROM jobs WHERE id = ? AND lease_token = ?", (job, claim.token)).fetchone()
        if row is None:
            return False
        if seconds is None:
            seconds = now - row["begun"] if row["begun"] is not None else 0.0
        charge(db, job, seconds)
        kept = columns if to == "done" else {}  # what was made before it stopped
        if not move(db, now, job, ("cancelling",), "cancelled", token=claim.token, **kept):
            move(db, now, job, ("running",), to, token=claim.token, **columns)
        return True


def _held(db: sqlite3.Connection, now: float) -> str | None:
    row = db.execute("SELECT reason FROM hold WHERE until > ?", (now,)).fetchone()
    return None if row is None else row["reason"]
