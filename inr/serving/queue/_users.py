"""Users, and what shows who somebody is: tokens, one-time codes and sessions, kept as SHA-256 only."""

import hmac
import secrets
import sqlite3
from dataclasses import asdict
from typing import Literal

from inr._errors import InrError
from inr.serving.queue._base import Base
from inr.serving.queue._errors import NotFound
from inr.serving.queue._ids import decode, digest, encode, new_id
from inr.serving.queue._rows import Quotas, User
from inr.serving.queue._turns import FIRST_GUESS

SESSION_SECONDS = 30 * 86_400.0


class Users(Base):
    """Users and their secrets."""

    def add_user(
        self,
        name: str,
        *,
        role: Literal["user", "admin"] = "user",
        weight: float = 1.0,
        quotas: Quotas = Quotas(),  # noqa: B008  it is frozen
    ) -> tuple[User, str]:
        """Add somebody.

        Args:
            name: that no other user has.
            weight: the share of the workers' time beside other users who wait as well.

        Returns:
            The user, and the token, which cannot be had again.

        Raises:
            InrError: there is a user of that name, or the weight is not above 0.
        """
        if not 0 < weight < float("inf"):
            raise InrError(f"a weight is a number above 0, not {weight}")
        token = _secret()
        user = new_id(self._clock())
        with self._main.write() as db:
            if db.execute("SELECT 1 FROM users WHERE name = ?", (name,)).fetchone():
                raise InrError(f"there is a user named {name} already; choose another name")
            db.execute(
                "INSERT INTO users (id, name, token_sha256, role, weight, quotas, mean) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (user, name, digest(token), role, weight, encode(asdict(quotas)), FIRST_GUESS),
            )
            return user_row(db, user), token

    def user(self, user: str) -> User:
        """A user by id; raises NotFound."""
        with self._main.read() as db:
            return user_row(db, user)

    def users(self) -> list[User]:
        """All users, by name."""
        with self._main.read() as db:
            return [_user_of(row) for row in db.execute("SELECT * FROM users ORDER BY name")]

    def remove_user(self, user: str) -> None:
        """Remove a user with all signals, uploads, jobs and sessions; raises NotFound."""
        with self._main.write() as db:
            user_row(db, user)
            jobs = [row["id"] for row in db.execute("SELECT id FROM jobs WHERE user = ?", (user,))]
            db.execute("DELETE FROM jobs WHERE user = ?", (user,))  # before the user, for triggers count them
            db.execute("DELETE FROM users WHERE id = ?", (user,))
        with self._progress.write(durable=False) as db:
            db.executemany("DELETE FROM progress WHERE job = ?", [(job,) for job in jobs])

    def user_of_token(self, token: str) -> User | None:
        """Who a token belongs to."""
        with self._main.read() as db:
            row = db.execute("SELECT * FROM users WHERE token_sha256 = ?", (digest(token),)).fetchone()
            return _user_of(row) if row and hmac.compare_digest(row["token_sha256"], digest(token)) else None

    def replace_token(self, user: str) -> str:
        """Give a user a new token; the old one and all sessions end. Raises NotFound."""
        token = _secret()
        with self._main.write() as db:
            user_row(db, user)
            db.execute("UPDATE users SET token_sha256 = ? WHERE id = ?", (digest(token), user))
            db.execute("DELETE FROM sessions WHERE user = ?", (user,))
            db.execute("DELETE FROM codes WHERE user = ?", (user,))
        return token

    def new_code(self, user: str, ttl: float = 600.0) -> str:
        """A code that opens one session, once, within `ttl` seconds; raises NotFound."""
        code = _secret()
        with self._main.write() as db:
            user_row(db, user)
            db.execute("INSERT INTO codes VALUES (?, ?, ?)", (digest(code), user, self._clock() + ttl))
        return code

    def redeem(self, code: str) -> str | None:
        """The token of a new session for a one-time code; None where the code is unknown, used or too old."""
        token = _secret()
        with self._main.write() as db:
            row = db.execute("SELECT * FROM codes WHERE code_sha256 = ?", (digest(code),)).fetchone()
            if row is None or not hmac.compare_digest(row["code_sha256"], digest(code)):
                return None
            db.execute("DELETE FROM codes WHERE code_sha256 = ?", (row["code_sha256"],))
            if row["expires"] <= self._clock():
                return None
            expires = self._clock() + SESSION_SECONDS
            db.execute("INSERT INTO sessions VALUES (?, ?, ?)", (digest(token), row["user"], expires))
        return token

    def user_of_session(self, token: str) -> User | None:
        """Who a session belongs to."""
        with self._main.read() as db:
            row = db.execute("SELECT * FROM sessions WHERE token_sha256 = ?", (digest(token),)).fetchone()
            known = row and hmac.compare_digest(row["token_sha256"], digest(token)) and row["expires"] > self._clock()
            return user_row(db, row["user"]) if known else None

    def end_session(self, token: str) -> None:
        """End a session, if there is one."""
        with self._main.write() as db:
            db.execute("DELETE FROM sessions WHERE token_sha256 = ?", (digest(token),))


def user_row(db: sqlite3.Connection, user: str) -> User:
    """A user by id; raises NotFound."""
    row = db.execute("SELECT * FROM users WHERE id = ?", (user,)).fetchone()
    if row is None:
        raise NotFound(f"there is no user {user}")
    return _user_of(row)


def _user_of(row: sqlite3.Row) -> User:
    values = {name: row[name] for name in User.__dataclass_fields__}
    return User(**{**values, "quotas": Quotas(**decode(row["quotas"]))})


def _secret() -> str:
    return secrets.token_urlsafe(32)
