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


def append(path: Path, columns: Sequence[str], row: Mapping[str, Any], comment: str = "") -> None:
    """Add a row in one write, which no other process's can fall into; a new file gets a comment and the columns."""
    line = io.StringIO()
    writer = csv.DictWriter(line, columns, delimiter="\t", lineterminator="\n")
    if not path.exists():
        line.write(f"# {comment}\n" if comment else "")
        writer.writeheader()
    writer.writerow(row)
    with path.open("a") as file:
        file.write(line.getvalue())
