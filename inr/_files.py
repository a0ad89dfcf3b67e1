"""Writing files so that nothing is ever lost: a temporary name first, then one atomic move."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from inr._errors import InrError


def check_writable(path: Path, *, force: bool = False, inputs: Iterable[Path | None] = ()) -> None:
    """Refuse early what `replacing` would refuse late: call it before long work.

    Raises InrError when `path` exists and `force` is false, is one of the files that are read, a directory or a device,
    or lies in a folder that is missing or cannot be written.
    """
    try:
        for each in inputs:
            if each is not None and each.exists() and path.exists() and path.samefile(each):
                raise InrError(f"{path} is the input itself; give another output")
        if path.is_dir():
            raise InrError(f"{path} is a directory; give a file name inside it")
        if path.exists() and not path.is_file():
            raise InrError(f"{path} is not a regular file; give another name")
        if path.exists() and not force:
            raise _exists(path)
        if not path.parent.is_dir():
            raise InrError(f"folder {path.parent} does not exist; create it first")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InrError(f"cannot write {path}: {describe(error)}") from error


@contextlib.contextmanager
def replacing(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes `path`'s place, on failure it vanishes.

    The temporary name keeps the suffix, so that writers which choose a format by it work. A symbolic link stays
    one: what it points to is replaced.
    Raises InrError on a full disk or any other failure of the file system; `path` is then as it was.
    """
    check_writable(path, force=force)
    target = Path(os.path.realpath(path))
    temporary = temporary_beside(target, path.suffix)
    try:
        temporary.touch(mode=0o666, exist_ok=False)
        yield temporary
        _move(temporary, target, force=force)
    except OSError as error:
        raise InrError(f"cannot write {path}: {describe(error)}") from error
    finally:
        with contextlib.suppress(OSError):  # it was moved, or could not be made
            temporary.unlink()


def temporary_beside(path: Path, suffix: str = "") -> Path:
    """A path in the same folder that nobody else takes: hidden, and known by its beginning as half-made."""
    return path.with_name(f".inr-{os.urandom(8).hex()}{suffix}")


def _move(temporary: Path, path: Path, *, force: bool) -> None:
    with temporary.open("rb+") as written:
        os.fsync(written.fileno())
    if force:
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
        return
    try:
        path.hardlink_to(temporary)  # unlike replace, refuses a file that came to be meanwhile
    except FileExistsError:
        raise _exists(path) from None
    except OSError:  # a file system without hard links
        temporary.replace(path)


def _exists(path: Path) -> InrError:
    return InrError(f"{path} exists; choose another name, or overwrite it with --force (force=True)")


def describe(error: OSError) -> str:
    """An operating-system error in words."""
    if error.errno == errno.ENOSPC:
        return "the disk is full; free some space or choose another folder"
    return error.strerror or str(error)
