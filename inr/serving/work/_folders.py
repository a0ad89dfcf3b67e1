"""The two folders of many fits: the one whose files are fitted, and the one that is written."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from inr._errors import InrError


def files_of(folder: Path, out: Path) -> list[str]:
    """The names of all files of a folder and of the folders in it, from it on, sorted; not hidden ones, nor fields.

    Args:
        folder: of the files.
        out: another folder, which is left out where it lies within.

    Raises:
        InrError: no such folder, no file in it, or a name that is no UTF-8.
    """
    if not folder.is_dir():
        raise InrError(f"{folder} is no folder; inr fit takes single files")
    left_out, found = out.resolve(), list[str]()
    for path, folders, names in os.walk(folder):
        here = Path(path)
        folders[:] = [each for each in folders if not each.startswith(".") and (here / each).resolve() != left_out]
        found += [_text((here / each).relative_to(folder)) for each in names if _wanted(each)]
    if not found:
        raise InrError(f"{folder} has no files to fit")
    return sorted(found)


def _text(path: Path) -> str:
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise InrError(f"{str(path)!r} has a name that is no UTF-8; rename it") from None
    return str(path)


def _wanted(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(".inr")


@contextlib.contextmanager
def working_in(out: Path, *, force: bool) -> Iterator[Path]:
    """The folder for what is needed to go on, which is this process's alone while inside.

    Args:
        out: the folder that holds it, made where there is none.
        force: empty it first.

    Raises:
        InrError: `out` is a file or holds other things, or another process works there.
    """
    inner = out / ".inr"
    if out.exists() and not out.is_dir():
        raise InrError(f"{out} is no folder; give another one")
    if out.is_dir() and not inner.is_dir() and any(out.iterdir()) and not force:
        raise InrError(f"{out} exists; choose another folder, or write into it with --force (force=True)")
    inner.mkdir(parents=True, exist_ok=True)
    with (inner / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InrError(f"somebody else fits into {out} just now; wait, or give another folder") from None
        for path in inner.iterdir() if force else ():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()
        yield inner
