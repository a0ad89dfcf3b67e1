"""The table of many fits: a row for every file."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from inr._files import replacing


@dataclass(frozen=True)
class FileRow:
    """What the fit of one file came to.

    Attributes:
        name: of the file, from the folder on.
        shape: of the signal, as "24x32"; empty of scattered samples.
        bytes: of the field's file.
        psnr: in dB; ssim: of pictures; max_error: in the signal's own units.
        seconds: that it took.
        state: "done", "failed" or "waiting".
        problem: why it failed.
    """

    name: str
    shape: str = ""
    bytes: int | None = None
    psnr: float | None = None
    ssim: float | None = None
    max_error: float | None = None
    seconds: float | None = None
    state: str = "waiting"
    problem: str = ""


def write_results(path: Path, rows: Iterable[FileRow]) -> None:
    """Write a table with tabs between its columns, all of it or nothing.

    Args:
        path: the file, which is replaced if it is there.
        rows: in the order in which they are to stand.

    Raises:
        InrError: it cannot be written.
    """
    columns = [each.name for each in fields(FileRow)]
    with (
        replacing(path, force=True) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, dialect="excel-tab", lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(getattr(row, column)) for column in columns])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
