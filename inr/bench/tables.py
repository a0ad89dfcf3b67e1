"""Tables of results: rows kept in a TSV file as they are found, and shown as Markdown.

A file begins with comment lines (`# …`) that name the machine, then the columns, then one row a line. Rows are
appended one at a time, so that an interrupted run loses none.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    """Read the rows of a table; there are none where the file does not exist."""
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t"))


def origin(path: Path) -> str:
    """Join the comments of a table, each once: they name the machines that its rows were measured on."""
    return "; then ".join(dict.fromkeys(_comments(path)))


def append(path: Path, columns: Sequence[str], row: Mapping[str, Any], comment: str = "") -> None:
    """Add a row in a single write, so that several processes can append to one table.

    Args:
        path: The table; a new file gets the columns first.
        columns: All columns of the table.
        row: Values by column; a column that is missing stays empty.
        comment: Written before the first row that it holds for, so that rows of another machine are told apart.
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


def write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], comment: str) -> None:
    """Write a whole table, in place of what the file held before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        file.write(f"# {comment}\n")
        writer = csv.DictWriter(file, columns, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


class Ledger:
    """A table in which every run stands once, so that an interrupted study goes on where it was.

    Args:
        path: The file of the table.
        columns: All of its columns.
        keys: The columns that tell one run from another.
        comment: Names the machine of the runs that are added.
    """

    def __init__(self, path: Path, columns: Sequence[str], keys: Sequence[str], comment: str) -> None:
        self._path, self._columns, self._keys, self._comment = path, columns, keys, comment
        self._done = {self._key(row) for row in read(path)}

    def once(self, key: Row, make: Callable[[], Row]) -> bool:
        """Make a run and keep it unless it is in the table already; return whether it was made."""
        wanted = self._key(key)
        if wanted in self._done:
            return False
        append(self._path, self._columns, key | make(), self._comment)
        self._done.add(wanted)
        return True

    def _key(self, row: Row) -> tuple[str, ...]:
        return tuple(row[name] for name in self._keys)


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Format a table in Markdown.

    Returns:
        The lines of the table, and an empty one after it.

    >>> from inr.bench.tables import markdown
    >>> markdown(["codec", "bytes"], [["mlp", "300"]])
    ['| codec | bytes |', '|---|---|', '| mlp | 300 |', '']
    """
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def number(value: float | None, form: str = ".2f") -> str:
    """Format a number for a cell, which is empty where there is none.

    >>> from inr.bench.tables import number
    >>> number(3.14159), number(None)
    ('3.14', '')
    """
    return "" if value is None else format(value, form)


def _comments(path: Path) -> list[str]:
    return [line.removeprefix("# ") for line in path.read_text().splitlines() if line.startswith("#")]
