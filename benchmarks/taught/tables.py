"""Tables that grow a line at a time, so that an interruption loses none."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    """The rows of a table; none where there is no such file."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


def origin(path: Path) -> str:
    """What a table says of the machines that its rows are from, each once, in one line."""
    return "; then ".join(dict.fromkeys(_comments(path)))


def _comments(path: Path) -> list[str]:
    return [line.removeprefix("# ") for line in path.read_text().splitlines() if line.startswith("#")]


def append(path: Path, columns: Sequence[str], row: Mapping[str, Any], comment: str = "") -> None:
    """Add a row in one write, which no other process's can fall into.

    A new file gets the columns first. A comment goes before the first row that it holds for, of which it names the
    machine: a table that another machine goes on with says so.
    """
    line = io.StringIO()
    writer = csv.DictWriter(line, columns, delimiter="\t", lineterminator="\n")
    new = not path.exists()
    if comment and (new or _comments(path)[-1:] != [comment]):
        line.write(f"# {comment}\n")
    if new:
        writer.writeheader()
    writer.writerow(row)
    with path.open("a") as file:
        file.write(line.getvalue())
