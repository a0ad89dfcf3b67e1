"""One SQLite file in write-ahead mode, used by the threads of many processes at once."""

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from inr._errors import InrError
from inr.serving._disk import full_disks_told

# how long a transaction waits for others' before it gives up; theirs take milliseconds
PATIENCE = 60.0

# where locks and shared memory do not hold between machines, which SQLite's write-ahead mode needs
NETWORK_FILE_SYSTEMS = {
    "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "nfs",
    "nfs4", "smb3", "smbfs",
}  # fmt: skip


class Database:
    """One file with its connections.

    Readers take a connection each, and see the last commit; writers of this process take turns at one of two, which
    spares them the polling by which SQLite waits for other processes. Not to be used across a fork.

    Args:
        path: of the file, made where there is none.
        schema: statements that make its tables.
        version: of the schema.

    Raises:
        InrError: the file cannot be written, is no such database, or a newer inr made it.
    """

    def __init__(self, path: Path, schema: str, version: int) -> None:
        self._path = path
        self._all: list[sqlite3.Connection] = []
        self._readers: list[sqlite3.Connection] = []
        self._writing = threading.Lock()
        self._closing = weakref.finalize(self, _close, self._all, os.getpid())
        try:
            with self._told():
                self._durable = self._connect("FULL")
                self._quick = self._connect("NORMAL")
                self._watcher = self._connect("NORMAL")
                self._prepare(schema, version)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            raise InrError(f"{path} cannot be written; look at its permissions, or give another folder") from error

    @contextlib.contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction that nobody else writes beside; undone as a whole where the block raises.

        Args:
            durable: whether it survives a loss of power, for which the commit waits for the disk. One that need not
                still survives the death of every process.
        """
        with self._writing, self._told():
            connection = self._durable if durable else self._quick
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite has already undone it
                    connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A transaction that only reads: all of its queries see the same commit."""
        with self._told():
            try:
                connection = self._readers.pop()
            except IndexError:
                connection = self._connect("NORMAL")
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                connection.execute("COMMIT")
                self._readers.append(connection)

    def version(self) -> int:
        """A number that changes with every commit of any process."""
        return self._watcher.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        """Close all connections."""
        with self._writing:
            self._closing()

    def _connect(self, synchronous: str) -> sqlite3.Connection:
        # no transactions but those begun here, and connections that pass from thread to thread, one at a time
        connection = sqlite3.connect(
            self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        self._all.append(connection)
        connection.row_factory = sqlite3.Row
        _write_ahead(connection)
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def _prepare(self, schema: str, version: int) -> None:
        connection = self._durable
        # of several processes that open a new folder at once, one makes the tables
        connection.execute("BEGIN IMMEDIATE")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            for statement in _statements(schema):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
        if found > version:
            self.close()
            raise InrError(f"{self._path} was made by a newer inr (version {found}, not {version}); upgrade inr")

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with full_disks_told(self._path.parent):
                yield
        except sqlite3.DatabaseError as error:
            kind = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what it is in detail
            if kind not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise
            raise InrError(f"{self._path} is damaged, or no database of inr; give another folder") from error


def _close(connections: list[sqlite3.Connection], process: int) -> None:
    if os.getpid() == process:  # one that was forked from it must not
        for connection in connections:
            connection.close()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead mode, for which SQLite does not wait while another process does the same."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _statements(schema: str) -> Iterator[str]:
    statement = ""
    for line in schema.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def check_local(folder: Path) -> None:
    """Refuse a folder on a network file system, where that can be told.

    Raises:
        InrError: it is on one.
    """
    with contextlib.suppress(OSError):  # there is no such list but on Linux
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
        real = os.path.realpath(folder)
        under = [(len(at), kind) for at, kind in mounts if os.path.commonpath([at, real]) == at]
        _, kind = max(under, default=(0, ""))
        if kind in NETWORK_FILE_SYSTEMS:
            raise InrError(
                f"{folder} is on a network file system ({kind}), where SQLite loses data; "
                "give a folder on a disk of this machine"
            )
