"""What all parts of the queue share: its databases, its clock, and the step from one state of a job to another."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inr.serving.queue._database import Database, check_local
from inr.serving.queue._errors import BadCursor, NotFound
from inr.serving.queue._ids import decode, encode
from inr.serving.queue._rows import ENDED, Job, State
from inr.serving.queue._schema import MAIN, PROGRESS, VERSION

_JOB = ", ".join(Job.__dataclass_fields__)

# of jobs that have not ended
UNDONE = "state IN ('queued', 'running', 'cancelling', 'paused')"


class Base:
    """The databases of one folder.

    Args:
        folder: of the service, made where there is none.
        clock: seconds since 1970.
        lease: seconds for which a claim holds without a beat.
        max_crashes: how many workers may die of a job.

    Raises:
        InrError: the folder is on a network file system, damaged, or of a newer inr.
    """

    def __init__(
        self, folder: Path, *, clock: Callable[[], float] = time.time, lease: float = 10.0, max_crashes: int = 3
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        check_local(folder)
        self._main = Database(folder / "inr.db", MAIN, VERSION)
        self._progress = Database(folder / "progress.db", PROGRESS, VERSION)
        self._versions = (0, 0)
        self._clock = clock
        self._lease = lease
        self._max_crashes = max_crashes

    def close(self) -> None:
        """Close the files; the queue cannot be used after that."""
        self._main.close()
        self._progress.close()


def job_of(row: sqlite3.Row) -> Job:
    """A job from its row."""
    values = {name: row[name] for name in Job.__dataclass_fields__}
    for name in ("options", "metrics", "problem"):
        values[name] = decode(values[name])
    return Job(**{**values, "pausing": bool(values["pausing"]), "stopping": bool(values["stopping"])})


def job_row(db: sqlite3.Connection, job: str, user: str | None = None) -> Job:
    """A job by its id; raises NotFound where there is none, or another user's."""
    row = db.execute(f"SELECT {_JOB} FROM jobs WHERE id = ? AND user = COALESCE(?, user)", (job, user)).fetchone()
    if row is None:
        raise NotFound(f"there is no job {job}")
    return job_of(row)


def job_rows(db: sqlite3.Connection, condition: str, values: Sequence[Any]) -> list[Job]:
    """The jobs for which an SQL condition, with what may follow it, holds."""
    return [job_of(row) for row in db.execute(f"SELECT {_JOB} FROM jobs WHERE {condition}", values)]


def move(
    db: sqlite3.Connection,
    now: float,
    job: str,
    states: Sequence[State],
    to: State,
    *,
    token: str | None = None,
    **columns: Any,
) -> bool:
    """One step of a job's life: a single UPDATE that holds only in the right states, and its event.

    Args:
        job: its id.
        states: that it may be in.
        to: the state that it comes to.
        token: of the lease that it must have; None asks for none.
        columns: what else changes; dictionaries are kept as JSON.

    Returns:
        Whether it was in one of the states, with that lease.
    """
    columns["state"] = to
    if to in ENDED:
        columns["ended"] = now
    if to == "paused" or to in ENDED:
        columns["stopping"] = 0
    if to not in ("running", "cancelling"):
        columns.update(lease_token=None, lease_until=None, beat=None, owner=None, begun=None, pausing=0)
    settings = ", ".join(f"{name} = ?" for name in columns)
    values = [encode(value) if isinstance(value, dict) else value for value in columns.values()]
    condition = f"id = ? AND state IN ({', '.join('?' * len(states))})"
    values += [job, *states]
    if token is not None:
        condition += " AND lease_token = ?"
        values.append(token)
    if db.execute(f"UPDATE jobs SET {settings} WHERE {condition}", values).rowcount == 0:
        return False
    shown = "cancelling" if columns.get("stopping") else to  # as its owner sees a job that waits only to be ended
    told = {"state": shown, **{name: columns[name] for name in ("attempt", "metrics", "problem") if columns.get(name)}}
    happened(db, now, job, "end" if to in ENDED else "state", told)
    return True


def happened(db: sqlite3.Connection, now: float, job: str, kind: str, data: dict[str, Any]) -> None:
    """Write an event."""
    db.execute(
        "INSERT INTO events (job, user, kind, data, at) SELECT id, user, ?, ?, ? FROM jobs WHERE id = ?",
        (kind, encode(data), now, job),
    )


def arrive(db: sqlite3.Connection, now: float, user: str) -> None:
    """Let a user who had no job to be done take a turn beside those who have, as soon as a worker is free.

    Nobody saves up turns by waiting. Fair queueing by start times (Goyal, Vin and Cheng 1996): `users.turn` is the
    seconds used over the weight, and who comes is set to the least of those who are there, or, where nobody is, to the
    most there ever was. Jobs that were claimed together with others, and not begun yet, are to be claimed again.
    """
    here = "SELECT user FROM tally WHERE state IN ('queued', 'running', 'cancelling') AND jobs > 0"
    arrived = db.execute(
        f"""UPDATE users SET turn = MAX(turn, COALESCE((SELECT MIN(turn) FROM users WHERE id IN ({here})),
                                                       (SELECT MAX(turn) FROM users)))
            WHERE id = ? AND id NOT IN ({here})""",
        (user,),
    )
    if arrived.rowcount == 0:
        return
    claimed = "lease_token IS NOT NULL AND begun IS NULL AND state = 'running'"
    for row in db.execute(f"SELECT id, pausing FROM jobs INDEXED BY jobs_leased WHERE {claimed}").fetchall():
        move(db, now, row["id"], ("running",), "paused" if row["pausing"] else "queued")


def charge(db: sqlite3.Connection, job: str, seconds: float) -> None:
    """Add what an attempt of a job took to the job and to its owner."""
    db.execute("UPDATE jobs SET seconds = seconds + ? WHERE id = ?", (seconds, job))
    db.execute(
        """UPDATE users SET used_seconds = used_seconds + :seconds, turn = turn + :seconds / weight
           WHERE id = (SELECT user FROM jobs WHERE id = :job)""",
        {"seconds": seconds, "job": job},
    )


def page(rows: list[Any], limit: int) -> tuple[list[Any], str | None]:
    """Cut what was asked for with one more than `limit`: the rows of the page, and the cursor of the next one."""
    return (rows, None) if len(rows) <= limit else (rows[:limit], rows[limit - 1].id)


def before(cursor: str | None) -> str:
    """The id that those of a page come before; raises BadCursor."""
    if cursor is None:
        return "~"  # sorts after every id
    if len(cursor) != 36 or set(cursor) - set("0123456789abcdef-"):
        raise BadCursor("that cursor is none that a list gave; start without one")
    return cursor
