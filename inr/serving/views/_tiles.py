"""Encoded tiles on disk, the least recently used of which make room for new ones."""

import contextlib
import os
from pathlib import Path

from inr._files import temporary_beside

_CHECKED_EVERY = 16  # times while the folder is filled once


def make_room(folder: Path, limit: int) -> None:
    """Delete the files in a folder and below that were used least recently, until the rest takes `limit` bytes.

    The one that was used last stays, however large it is.

    Args:
        folder: which need not be there.
        limit: bytes.
    """
    found = []
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # another process may delete as well
            if path.is_file():
                state = path.stat()
                found.append((state.st_mtime, state.st_size, path))
    spare = sum(size for _, size, _ in found) - limit
    for _, size, path in sorted(found)[:-1]:
        if spare <= 0:
            break
        path.unlink(missing_ok=True)
        spare -= size


class TileCache:
    """Files by key.

    Args:
        folder: where they are kept.
        limit: bytes that they may take, about.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit
        self._written = limit  # so that what is left from before is looked at first

    def get(self, key: str) -> bytes | None:
        """What was kept under a key, if it is still there."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep something, if the disk takes it."""
        path = self._path(key)
        temporary = temporary_beside(path)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(data)
            temporary.replace(path)
        self._written += len(data)
        if self._written > self._limit // _CHECKED_EVERY:
            self._written = 0
            make_room(self._folder, self._limit)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key
