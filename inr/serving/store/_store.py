"""Files by the SHA-256 of what is in them."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from inr.serving._disk import full_disks_told

# bytes that are to be left on the disk: with less, no job is begun and no upload taken
RESERVE = 2 << 30

_CHUNK = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Store:
    """Read-only files `blobs/ab/<sha256>`; one that has its name is whole, and on the disk.

    Any thread of any process may use it on the same folder.

    Args:
        folder: of the service; its folder `blobs` is made where there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs"
        self._blobs.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes | Path) -> tuple[str, int]:
        """Keep bytes, or a copy of a file.

        Returns:
            The SHA-256 in hexadecimal digits, and the number of bytes.

        Raises:
            DiskFull: they do not fit; nothing is left of them.
        """
        with full_disks_told(self._blobs.parent), contextlib.ExitStack() as stack:
            if isinstance(data, Path):
                chunks: Iterator[bytes] = _chunks(stack.enter_context(data.open("rb")))
            else:
                chunks = iter([data])
            handle, name = tempfile.mkstemp(prefix=".half-", dir=self._blobs)
            temporary = Path(name)
            stack.callback(temporary.unlink, missing_ok=True)
            digest, size = hashlib.sha256(), 0
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                file.flush()
                os.fchmod(handle, 0o444)
                os.fsync(handle)
            target = self.path(digest.hexdigest())
            with self._locked(fcntl.LOCK_SH):
                if not target.parent.is_dir():
                    target.parent.mkdir(exist_ok=True)
                    _sync_folder(self._blobs)
                temporary.replace(target)  # where it is there already: the same bytes, and a new date for `sweep`
            _sync_folder(target.parent)
            return digest.hexdigest(), size

    def path(self, sha256: str) -> Path:
        """Where bytes of that digest are, or would be."""
        if not _DIGEST.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is no SHA-256 in hexadecimal digits")
        return self._blobs / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether bytes of that digest are there."""
        return self.path(sha256).is_file()

    def free(self) -> int:
        """Bytes left on the disk."""
        return shutil.disk_usage(self._blobs).free

    def sweep(self, keep: Collection[str], older_than: float = 3600.0) -> list[str]:
        """Delete what nothing needs: files but those of the digests `keep`, and what writers that died left.

        Args:
            keep: digests in hexadecimal digits.
            older_than: seconds since a file was put; those put later may be about to be needed.

        Returns:
            The names that were deleted.
        """
        deleted = []
        for path in [*self._blobs.glob(".half-*"), *self._blobs.glob("??/*")]:
            with self._locked(fcntl.LOCK_EX), contextlib.suppress(FileNotFoundError):
                if path.name not in keep and time.time() - path.stat().st_mtime >= older_than:
                    path.unlink()
                    deleted.append(path.name)
        return deleted

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Keep a sweep from deleting what is being put again at that moment."""
        with (self._blobs / ".lock").open("ab") as file:
            fcntl.flock(file, how)
            yield


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
