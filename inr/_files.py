"""Writing files so that nothing is ever lost: a temporary name first, then one atomic move."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from inr._errors import InrError


def check_writable(path: Path, *, force: bool = False) -> None:
    """Refuse early what `replacing` would refuse late: call it before long work.

    Raises InrError when `path` exists and `force` is false, is a directory, or lies in a folder that is
    missing or cannot be written.
    """
    if path.is_dir():
        raise InrError(f"{path} is a directory; give a file name inside it")
    if path.exists() and not force:
        raise InrError(f"{path} exists; choose another name, or overwrite it with --force (force=True)")
    folder = path.parent
    if not folder.is_dir():
        raise InrError(f"folder {folder} does not exist; create it first")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InrError(f"cannot write in folder {folder}: {describe(error)}") from error


@contextlib.contextmanager
def replacing(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes `path`'s place, on failure it vanishes.

    The temporary name keeps the suffix, so that writers which choose a format by it work.
    Raises InrError on a full disk or any other failure of the file system; `path` is then as it was.
    """
    check_writable(path, force=force)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _move(temporary, path, force=force)
    except OSError as error:
        raise InrError(f"cannot write {path}: {describe(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _move(temporary: Path, path: Path, *, force: bool) -> None:
    with temporary.open("rb+") as written:
        os.fsync(written.fileno())
    temporary.chmod(0o666 & ~_umask())
    if force:
        temporary.replace(path)
        return
    try:
        path.hardlink_to(temporary)  # unlike replace, refuses a file that came to be meanwhile
    except FileExistsError:
        raise InrError(f"{path} exists; choose another name, or overwrite it with --force (force=True)") from None
    except OSError:  # a file system without hard links
        temporary.replace(path)


def describe(error: OSError) -> str:
    """An operating-system error in words."""
    if error.errno == errno.ENOSPC:
        return "the disk is full; free some space or choose another folder"
    return error.strerror or str(error)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
