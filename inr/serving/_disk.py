"""What a full disk is, wherever it shows."""

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from inr._errors import InrError

FULL = (errno.ENOSPC, errno.EDQUOT)  # what the operating system says of a disk, or of a quota of it


class DiskFull(InrError):
    """The disk under the service's folder is full; nothing that was stored before is lost."""


@contextlib.contextmanager
def full_disks_told(folder: Path) -> Iterator[None]:
    """Turn what the operating system and SQLite raise on a full disk, or an exhausted quota of it, into `DiskFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise _full(folder) from error
        raise
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise _full(folder) from error
        raise


def _full(folder: Path) -> DiskFull:
    return DiskFull(f"the disk that holds {folder} is full; free some space")
