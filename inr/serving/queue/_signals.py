"""Signals and resumable uploads."""

import sqlite3
from typing import Any

from inr.serving.queue._base import UNDONE, Base, before, page
from inr.serving.queue._errors import InUse, NotFound, QuotaExceeded, WrongState
from inr.serving.queue._ids import decode, encode, new_id
from inr.serving.queue._rows import SignalRow, Upload
from inr.serving.queue._users import user_row

# how long a signal is kept after it was last used
SIGNAL_SECONDS = 7 * 86_400.0


class Signals(Base):
    """Signals and uploads."""

    def add_signal(
        self,
        user: str,
        *,
        name: str,
        sha256: str | None = None,
        path: str | None = None,
        bytes: int = 0,
        options: dict[str, Any] | None = None,
    ) -> SignalRow:
        """Add a signal, which is to be read before it is ready.

        Args:
            user: id of the owner.
            name: what the user calls it.
            sha256: of the uploaded bytes in the store.
            path: of a file on this machine instead.
            bytes: that count against the owner's quota.
            options: how it is to be read.

        Raises:
            NotFound: there is no such user.
            QuotaExceeded: the owner would have more bytes than allowed.
        """
        now = self._clock()
        signal = new_id(now)
        with self._main.write() as db:
            _check_bytes(db, user, bytes)
            db.execute(
                """INSERT INTO signals (id, user, name, sha256, path, options, bytes, created, expires)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                (signal, user, name, sha256, path, encode(options or {}), bytes, now, now + SIGNAL_SECONDS),
            )
            return signal_row(db, signal, user)

    def signal(self, signal: str, user: str | None = None) -> SignalRow | None:
        """A signal by id; None where there is none, or another user's."""
        with self._main.read() as db:
            try:
                return signal_row(db, signal, user)
            except NotFound:
                return None

    def signals(
        self, user: str | None, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[SignalRow], str | None]:
        """A page of a user's signals, the newest first.

        Args:
            user: id of the owner; None is everybody.
            cursor: of the page, as the one before gave it; None is the first.
            limit: signals of a page.

        Returns:
            The signals, and the cursor of the next page; None on the last one.

        Raises:
            BadCursor: the cursor is none.
        """
        condition, values = ("user = ? AND", [user]) if user is not None else ("", [])
        with self._main.read() as db:
            found = db.execute(
                f"SELECT * FROM signals WHERE {condition} id < ? ORDER BY id DESC LIMIT ?",
                [*values, before(cursor), limit + 1],
            )
            return page([_signal_of(row) for row in found], limit)

    def unread_signals(self) -> list[SignalRow]:
        """What was uploaded and is still to be read, the oldest first, as after a server that died."""
        unread = "SELECT * FROM signals WHERE state = 'reading' AND sha256 IS NOT NULL ORDER BY id"
        with self._main.read() as db:
            return [_signal_of(row) for row in db.execute(unread)]

    def signal_ready(
        self, signal: str, kind: str, description: dict[str, Any], array_sha256: str | None, array_bytes: int = 0
    ) -> None:
        """A reader has made a signal's canonical form.

        Args:
            array_bytes: that it takes beside the upload; they count against the owner's quota, too.

        Raises:
            NotFound: the signal was deleted meanwhile.
            QuotaExceeded: the owner would have more bytes than allowed.
        """
        with self._main.write() as db:
            _check_bytes(db, signal_row(db, signal, None).user, array_bytes)
            _read(db, signal, state="ready", kind=kind, description=encode(description),
                  array_sha256=array_sha256, array_bytes=array_bytes)  # fmt: skip

    def signal_refused(self, signal: str, problem: dict[str, Any]) -> None:
        """A signal cannot be read; raises NotFound."""
        with self._main.write() as db:
            _read(db, signal, state="refused", problem=encode(problem))

    def delete_signal(self, signal: str, user: str | None) -> None:
        """Delete a signal.

        Raises:
            NotFound: there is none, or it is another user's.
            InUse: a job that has not ended needs it.
        """
        with self._main.write() as db:
            signal_row(db, signal, user)
            if db.execute(f"SELECT 1 FROM jobs WHERE signal = ? AND {UNDONE}", (signal,)).fetchone():
                raise InUse("a job that has not ended uses this signal; cancel it, or wait")
            db.execute("DELETE FROM signals WHERE id = ?", (signal,))

    def used_bytes(self, user: str) -> int:
        """Bytes of a user's signals, uploads and results."""
        with self._main.read() as db:
            return _bytes_of(db, user)

    def add_upload(self, user: str, length: int, name: str, options: dict[str, Any], expires: float) -> Upload:
        """Begin a resumable upload.

        Args:
            user: id of the owner.
            length: bytes in all.
            name: what the user calls the signal.
            options: how it is to be read.
            expires: seconds since 1970.

        Raises:
            NotFound: there is no such user.
            QuotaExceeded: the owner would have more bytes than allowed.
        """
        upload = new_id(self._clock())
        with self._main.write() as db:
            _check_bytes(db, user, length)
            db.execute(
                "INSERT INTO uploads (id, user, length, name, options, expires) VALUES (?, ?, ?, ?, ?, ?)",
                (upload, user, length, name, encode(options), expires),
            )
            return _upload_row(db, upload, user)

    def upload(self, upload: str, user: str | None = None) -> Upload | None:
        """An upload by id; None where there is none, or another user's."""
        with self._main.read() as db:
            try:
                return _upload_row(db, upload, user)
            except NotFound:
                return None

    def set_offset(self, upload: str, offset: int) -> None:
        """Bytes up to here are safely on the disk."""
        with self._main.write() as db:
            db.execute("UPDATE uploads SET offset = ? WHERE id = ?", (offset, upload))

    def delete_upload(self, upload: str, user: str | None = None) -> bool:
        """Forget an upload; False where there is none, or another user's."""
        with self._main.write() as db:
            gone = db.execute("DELETE FROM uploads WHERE id = ? AND user = COALESCE(?, user)", (upload, user))
            return gone.rowcount > 0

    def finish_upload(self, upload: str, sha256: str) -> SignalRow:
        """Turn a whole upload into a signal of the same id, which is to be read; done again, it gives the same signal.

        Args:
            upload: its id.
            sha256: of the uploaded bytes in the store.

        Raises:
            NotFound: there is neither such an upload nor such a signal.
        """
        now = self._clock()
        with self._main.write() as db:
            db.execute(
                """INSERT INTO signals (id, user, name, sha256, options, bytes, created, expires)
                   SELECT id, user, name, ?, options, length, ?, ? FROM uploads WHERE id = ?""",
                (sha256, now, now + SIGNAL_SECONDS, upload),
            )
            db.execute("DELETE FROM uploads WHERE id = ?", (upload,))
            return signal_row(db, upload, None)


def signal_row(db: sqlite3.Connection, signal: str, user: str | None) -> SignalRow:
    """A signal by id; raises NotFound where there is none, or another user's."""
    row = db.execute("SELECT * FROM signals WHERE id = ? AND user = COALESCE(?, user)", (signal, user)).fetchone()
    if row is None:
        raise NotFound(f"there is no signal {signal}")
    return _signal_of(row)


def ready_signal(db: sqlite3.Connection, signal: str, user: str) -> SignalRow:
    """A signal of a user's that jobs can be done on; raises NotFound or WrongState."""
    found = signal_row(db, signal, user)
    if found.state != "ready":
        raise WrongState(
            "the signal could not be read" if found.state == "refused" else "the signal is still being read"
        )
    return found


def touch(db: sqlite3.Connection, signal: str, now: float) -> None:
    """Keep a signal for another week."""
    db.execute("UPDATE signals SET expires = MAX(expires, ?) WHERE id = ?", (now + SIGNAL_SECONDS, signal))


def _read(db: sqlite3.Connection, signal: str, **columns: Any) -> None:
    settings = ", ".join(f"{name} = ?" for name in columns)
    if not db.execute(f"UPDATE signals SET {settings} WHERE id = ?", (*columns.values(), signal)).rowcount:
        raise NotFound(f"there is no signal {signal}")


def _signal_of(row: sqlite3.Row) -> SignalRow:
    values = {name: row[name] for name in SignalRow.__dataclass_fields__}
    return SignalRow(**{**values, **{name: decode(values[name]) for name in ("description", "options", "problem")}})


def _upload_row(db: sqlite3.Connection, upload: str, user: str | None) -> Upload:
    row = db.execute("SELECT * FROM uploads WHERE id = ? AND user = COALESCE(?, user)", (upload, user)).fetchone()
    if row is None:
        raise NotFound(f"there is no upload {upload}")
    return Upload(**{**dict(row), "options": decode(row["options"])})


def _bytes_of(db: sqlite3.Connection, user: str) -> int:
    return db.execute(
        """SELECT (SELECT COALESCE(SUM(bytes + array_bytes), 0) FROM signals WHERE user = :user)
             + (SELECT COALESCE(SUM(length), 0) FROM uploads WHERE user = :user)
             + (SELECT COALESCE(SUM(result_bytes), 0) FROM jobs WHERE user = :user AND result_bytes IS NOT NULL)""",
        {"user": user},
    ).fetchone()[0]


def _check_bytes(db: sqlite3.Connection, user: str, more: int) -> None:
    quota, used = user_row(db, user).quotas.bytes, _bytes_of(db, user)
    if used + more > quota:
        raise QuotaExceeded(
            f"{more:,} bytes beside the {used:,} that you have would be more than your {quota:,}; delete some first"
        )
