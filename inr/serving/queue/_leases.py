"""Leases that are over: the worker died, or is taken to have."""

import sqlite3

from inr.serving.problems import Problem
from inr.serving.queue._base import charge, move


def end_leases(db: sqlite3.Connection, now: float, max_crashes: int) -> None:
    """Give back what workers claimed and were not heard of since, and count what they died of.

    Args:
        db: within a transaction.
        now: seconds since 1970.
        max_crashes: how many workers may die of a job.
    """
    over = db.execute(
        """SELECT id, state, begun, beat, pausing, crashes FROM jobs
           WHERE lease_token IS NOT NULL AND lease_until <= ?""",
        (now,),
    ).fetchall()
    for row in over:
        if row["begun"] is not None:
            charge(db, row["id"], row["beat"] - row["begun"])
        if row["state"] == "cancelling":
            move(db, now, row["id"], ("cancelling",), "cancelled")
            continue
        crashes = row["crashes"] + (row["begun"] is not None)
        if crashes >= max_crashes:
            move(db, now, row["id"], ("running",), "failed", crashes=crashes, problem=_crash_loop(crashes).to_json())
        else:
            move(db, now, row["id"], ("running",), "paused" if row["pausing"] else "queued", crashes=crashes)


def _crash_loop(crashes: int) -> Problem:
    detail = f"{crashes} workers died while they worked on this job; try a smaller signal or other options"
    return Problem("crash-loop", detail)
