"""Whose turn it is: the least used seconds over the weight, then the longest unserved, then priority, then age.

The seconds of jobs that run count too, from the moment they are claimed as much as a job of that user takes on average:
else somebody with nothing finished yet would be given every worker at once.
"""

import math
import sqlite3
from dataclasses import dataclass

from inr.serving.queue._base import Base
from inr.serving.queue._ids import decode
from inr.serving.queue._rows import LEASED, Job, Place

# seconds that a job of somebody who has finished none is taken to last
FIRST_GUESS = 0.5

# of every user with jobs that run: how many, and what they have taken so far or will at least
_RUNNING = """
    SELECT jobs.user AS user, COUNT(*) AS running,
        SUM(MAX(:now - COALESCE(jobs.begun, :now), users.mean)) AS busy
    FROM jobs INDEXED BY jobs_leased JOIN users ON users.id = jobs.user
    WHERE jobs.lease_token IS NOT NULL GROUP BY jobs.user
"""

NEXT = f"""
    WITH running AS MATERIALIZED ({_RUNNING})
    SELECT jobs.id
    FROM tally
    JOIN users ON users.id = tally.user
    JOIN jobs ON jobs.id = (
        SELECT id FROM jobs WHERE user = tally.user AND state = 'queued' AND not_before <= :now
        ORDER BY priority DESC, id LIMIT 1)
    LEFT JOIN running ON running.user = tally.user
    WHERE tally.state = 'queued' AND tally.jobs > 0
        AND COALESCE(running.running, 0) < COALESCE(NULLIF(json_extract(users.quotas, '$.running'), 0), 1e9)
    ORDER BY users.turn + COALESCE(running.busy, 0) / users.weight, users.served, jobs.priority DESC, jobs.id
    LIMIT 1
"""

_WAITING = f"""
    WITH running AS MATERIALIZED ({_RUNNING})
    SELECT tally.user AS user, tally.jobs AS jobs, users.mean AS mean, users.mean / users.weight AS stride,
        users.turn + COALESCE(running.busy, 0) / users.weight AS score
    FROM tally
    JOIN users ON users.id = tally.user
    LEFT JOIN running ON running.user = tally.user
    WHERE tally.state = 'queued' AND tally.jobs > 0
"""


_AHEAD = """
    SELECT (SELECT COUNT(*) FROM jobs WHERE user = :user AND state = 'queued' AND priority > :priority)
        + (SELECT COUNT(*) FROM jobs WHERE user = :user AND state = 'queued' AND priority = :priority AND id < :id)
"""


@dataclass(frozen=True)
class _Queued:
    """A user with jobs that wait: how many, seconds of each, what each adds to the score, and the score now."""

    user: str
    jobs: int
    mean: float
    stride: float
    score: float

    def turns_before(self, score: float) -> int:
        """How many of the jobs come before somebody who has this score."""
        return min(self.jobs, max(0, math.ceil((score - self.score) / max(self.stride, 1e-9))))


class Turns(Base):
    """Places in the queue."""

    def place(self, job: Job) -> Place | None:
        """Where a job stands in the queue, and in how many seconds it should have ended.

        Returns:
            The place; None for a job that is paused or has ended.
        """
        now = self._clock()
        with self._main.read() as db:
            if job.state == "queued":
                return self._queued_place(db, job, now)
            if job.state in LEASED:
                return Place(0, sum(self._remaining(db, "id = ?", (job.id,), now)))
        return None

    def _queued_place(self, db: sqlite3.Connection, job: Job, now: float) -> Place:
        waiting = {row["user"]: _Queued(**row) for row in map(dict, db.execute(_WAITING, {"now": now}))}
        own = waiting.pop(job.user, None)
        if own is None:  # claimed since the job was read
            return Place(0, None)
        ahead = db.execute(_AHEAD, {"user": job.user, "priority": job.priority, "id": job.id}).fetchone()[0]
        turns = [(other.turns_before(own.score + ahead * own.stride), other.mean) for other in waiting.values()]
        position = 1 + ahead + sum(count for count, _ in turns)
        slots = alive_slots(db, now - self._lease)
        if slots == 0:
            return Place(position, None)
        running = self._remaining(db, "lease_token IS NOT NULL", (), now)
        seconds = sum(running) + ahead * own.mean + sum(count * mean for count, mean in turns)
        wait = seconds / slots if len(running) + position > slots else 0.0
        return Place(position, max(wait, job.not_before - now) + max(own.mean, job.options.get("seconds") or 0))

    def _remaining(self, db: sqlite3.Connection, condition: str, values: tuple[str, ...], now: float) -> list[float]:
        """Seconds until each of some running jobs ends, from their progress, or from what their owners' jobs take."""
        running = db.execute(
            f"""SELECT id, COALESCE(begun, ?) AS begun,
                    MAX((SELECT mean FROM users WHERE users.id = user), COALESCE(json_extract(options, '$.seconds'), 0))
                        AS expected
                FROM jobs WHERE {condition}""",
            (now, *values),
        ).fetchall()
        with self._progress.read() as db:
            told = [db.execute("SELECT data FROM progress WHERE job = ?", (row["id"],)).fetchone() for row in running]
        return list(map(_left, running, told, [now] * len(running)))


def _left(running: sqlite3.Row, told: sqlite3.Row | None, now: float) -> float:
    progress = decode(told["data"]) if told else {}
    if progress.get("step") and progress.get("steps"):
        return max(progress["steps"] / progress["step"] - 1, 0.0) * progress["seconds"]
    return max(running["expected"] - (now - running["begun"]), 0.0)


def alive_slots(db: sqlite3.Connection, since: float) -> int:
    """How many jobs the workers that were heard of since then can do at once."""
    return db.execute("SELECT COALESCE(SUM(slots), 0) FROM workers WHERE beat > ?", (since,)).fetchone()[0]
