"""`inr compress FOLDER --base`: a file for each of many signals, told from one base."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from inr._errors import InrError
from inr._files import check_writable, describe, replacing
from inr.cli._coded import rows_of, sums
from inr.cli._compress_work import MISSED
from inr.cli._console import INTERRUPTED, going_on, out, pairs, print_json, remark, tell_left_out
from inr.cli._progress import counting
from inr.cli._render import DAMAGED

if TYPE_CHECKING:
    from inr.compression import Compressed, FitSeries
    from inr.priors import Base
    from inr.signals import Signal

Run = Callable[["Signal", "FitSeries"], "Compressed"]


def compress_each(
    source: Path, base: "Base", folder: Path, run: Run, *, resume: bool, force: bool, quiet: bool, as_json: bool
) -> None:
    """Write a file for each signal; exits with another status than 0 where some were left out or missed the target.

    Args:
        source: a folder of signals, or an .npz file of several.
        base: that they are told from.
        folder: to write to; it is made where it is not there.
        run: makes the file of a signal.
        resume: keep the files that are there, and make the others.
        force: make all, and overwrite those that are there.
    """
    from inr.compression import FitSeries
    from inr.fitting import stopping_on_interrupt
    from inr.signals import as_signal

    names, read = _signals(source, base)
    paths = [folder / name for name in _file_names(names)]
    _make(folder)
    if not resume:
        for path in paths:
            check_writable(path, force=force)
    left_out: list[str] = []
    missed: list[str] = []
    made: list[Path] = []
    interrupted = False
    with counting(len(names), "compressing", quiet=quiet, unit="signals") as advance:
        for name, given, path in zip(names, read, paths, strict=True):
            if resume and path.exists():
                made.append(path)
                advance(1)
                continue
            try:
                signal = as_signal(given)
                base.check(signal.domain)
            except InrError as error:
                left_out.append(str(error) if name in str(error) else f"{name}: {error}")
                advance(1)
                continue
            fits = FitSeries()
            with stopping_on_interrupt(fits):
                found = run(signal, fits)
            if interrupted := found.ended is not None:
                break
            if found.missed is not None:
                missed.append(f"{name}: {found.missed}")
            with replacing(path, force=force) as temporary:
                temporary.write_bytes(found.data)
            made.append(path)
            advance(1)
    if left_out and not made and not interrupted:
        with suppress(OSError):  # which says that something else is in it
            folder.rmdir()
        raise InrError(f"none of the {len(names):,} files of {source} can be told from this base; {left_out[0]}")
    _tell(made, base, folder, left_out, missed, quiet=quiet, as_json=as_json)
    if interrupted:
        remark(f"interrupted: {len(made):,} files are whole; go on with: {going_on('--resume')}")
        raise typer.Exit(INTERRUPTED)
    if left_out or missed:
        raise typer.Exit(DAMAGED if left_out else MISSED)


def _make(folder: Path) -> None:
    """The folder, where it is not there."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InrError(f"{folder} cannot be made: {describe(error)}; give another folder (-o FOLDER)") from error


def _signals(source: Path, base: "Base") -> tuple[list[str], Sequence["Path | Signal"]]:
    """The signals' names, and what they are read from."""
    from inr.priors import read_signals, signal_files

    if source.is_dir():
        files = signal_files(source)
        if not files:
            raise InrError(f"{source} holds no signals")
        return [each.name for each in files], files
    found = read_signals(source, base)
    return found.names, found.signals


def _file_names(names: Sequence[str]) -> Iterator[str]:
    """The signals' names with another ending, which stays where two would be called the same."""
    counts = Counter(Path(name).stem for name in names)
    for name in names:
        yield f"{Path(name).stem if counts[Path(name).stem] == 1 else Path(name).name}.inr"


def _tell(
    made: Sequence[Path],
    base: "Base",
    folder: Path,
    left_out: Sequence[str],
    missed: Sequence[str],
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """What it came to."""
    if made:
        total = sum(path.stat().st_size for path in made)
        result = sums(folder, total, len(made), base.name, base.file)
        if as_json:
            print_json(result | {"left_out": list(left_out), "missed": list(missed)})
        elif not quiet:
            out().print(pairs(rows_of(result)))
    tell_left_out(left_out)
    for line in () if quiet else missed:
        remark(f"the target was missed: {line}")
