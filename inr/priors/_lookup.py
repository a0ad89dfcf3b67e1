"""Finding the base that a file names."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inr._errors import InrError
from inr.compression import UnknownWeights
from inr.container import Sections
from inr.priors._base import Base, as_base, load_base
from inr.priors._kind import is_base

FOLDER = "INR_BASES"  # the environment variable that names a folder of bases


def found_base(wanted: str, file: str | None, base: Any = None, path: str | os.PathLike[str] | None = None) -> Base:
    """The base that a file needs.

    Args:
        wanted: the base's name, a SHA-256.
        file: what the base's file was called, where it is looked for first; None: that is not known.
        base: a `Base`, or the path of its file; None: any file of that very base, beside the file that needs it or in
            the folder that the environment variable INR_BASES names.
        path: of the file that needs it; None: it lies in the working folder.

    Raises:
        UnknownWeights: the base is not there, or another one.
    """
    called = "" if file is None else f" {Path(file).name}"
    needs = f"{'the file' if path is None else path} needs the base{called} of SHA-256 {wanted[:12]}…"
    if base is not None:
        given = as_base(base)
        if given.name != wanted:
            raise UnknownWeights(f"{needs}, and {given.file or 'this base'} is another, {given.name[:12]}…")
        return given
    folders = [Path() if path is None else Path(path).parent, *map(Path, filter(None, [os.environ.get(FOLDER)]))]
    for candidate in (each for folder in folders for each in _bases_in(folder, file)):
        if candidate.name == wanted:
            return candidate
    raise UnknownWeights(f"{needs}, which is neither beside it nor in the folder that {FOLDER} names: give it (--base)")


def _bases_in(folder: Path, first: str | None) -> Iterator[Base]:
    """The bases in a folder, that of a certain name before the others; files that are none are passed over."""
    files = [*([] if first is None else [folder / Path(first).name]), *sorted(folder.glob("*.inr"))]
    for file in filter(Path.is_file, dict.fromkeys(files)):
        try:
            if is_base(Sections(file).header):
                yield load_base(file)
        except InrError:
            continue
