"""What is kept, and what goes when its time is over."""

import re
from dataclasses import dataclass

from inr.serving.queue._base import UNDONE, Base
from inr.serving.queue._leases import end_leases
from inr.serving.queue._rows import State

# how long events can be replayed, and how long a worker that is not heard of is remembered
EVENT_SECONDS = 7 * 86_400.0
WORKER_SECONDS = 3_600.0

_DIGEST = re.compile(r'"([0-9a-f]{64})"')


@dataclass(frozen=True)
class Kept:
    """What the files of the folder belong to: ids of uploads, and ids of jobs with their states and ends."""

    uploads: set[str]
    jobs: dict[str, tuple[State, float | None]]


class Upkeep(Base):
    """Retention."""

    def referenced_blobs(self) -> set[str]:
        """The SHA-256 of every blob that a signal or a result needs."""
        with self._main.read() as db:
            found = set[str]()
            for row in db.execute("SELECT sha256, array_sha256, description FROM signals"):
                found |= {digest for digest in (row["sha256"], row["array_sha256"]) if digest}
                found.update(_DIGEST.findall(row["description"]))
            results = db.execute("SELECT result_sha256 FROM jobs WHERE result_bytes IS NOT NULL")
            return found | {row["result_sha256"] for row in results}

    def kept(self) -> Kept:
        """What files of the folder are still there for."""
        with self._main.read() as db:
            uploads = {row["id"] for row in db.execute("SELECT id FROM uploads")}
            jobs = {row["id"]: (row["state"], row["ended"]) for row in db.execute("SELECT id, state, ended FROM jobs")}
            return Kept(uploads, jobs)

    def expire(self, now: float | None = None) -> None:
        """End what is over: leases, signals that no job needs, uploads, sessions, codes, keys, old events, old workers.

        Args:
            now: seconds since 1970; the queue's clock by default.
        """
        now = self._clock() if now is None else now
        with self._main.write() as db:
            end_leases(db, now, self._max_crashes)
            db.execute(
                f"""DELETE FROM signals WHERE expires <= ?
                    AND NOT EXISTS (SELECT 1 FROM jobs WHERE signal = signals.id AND {UNDONE})""",
                (now,),
            )
            for table in ("uploads", "sessions", "codes", "idempotency"):
                db.execute(f"DELETE FROM {table} WHERE expires <= ?", (now,))
            db.execute("DELETE FROM events WHERE at <= ?", (now - EVENT_SECONDS,))
            db.execute("DELETE FROM workers WHERE beat <= ?", (now - WORKER_SECONDS,))
