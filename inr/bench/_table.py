"""What a benchmark prints and writes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inr._files import check_writable, replacing
from inr.bench.tables import markdown

Row = dict[str, Any]


@dataclass
class Table:
    """The result of a benchmark.

    Attributes:
        name: Of the benchmark.
        title: What it measures, in one line.
        columns: In their order.
        machine: Processor, cores and versions.
        rows: Values by column, as text or numbers; what is missing is empty.
        notes: How to read the table, a sentence each.
    """

    name: str
    title: str
    columns: Sequence[str]
    machine: str
    rows: list[Row] = field(default_factory=list)
    notes: Sequence[str] = ()

    def cells(self, row: Mapping[str, Any]) -> list[str]:
        """Format a row, in the order of the columns."""
        return [str(row.get(column, "")) for column in self.columns]

    def markdown(self) -> str:
        """Format the table with its title, the machine and the notes."""
        lines = [f"# {self.title}", "", f"{self.machine}.", ""]
        lines += markdown(self.columns, [self.cells(row) for row in self.rows])
        lines += [f"- {note}" for note in self.notes]
        return "\n".join(lines).rstrip() + "\n"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON of everything."""
        return {
            "benchmark": self.name, "title": self.title, "machine": self.machine, "columns": [*self.columns],
            "rows": self.rows, "notes": [*self.notes],
        }  # fmt: skip

    def save(self, folder: Path, *, force: bool = False) -> list[Path]:
        """Write bench-NAME.md and bench-NAME.json into a folder.

        Args:
            folder: Where to; it is made if it is not there.
            force: Whether to overwrite existing files.

        Returns:
            The files.

        Raises:
            InrError: A file exists already, or cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        texts = {"md": self.markdown(), "json": json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n"}
        paths = output_paths(self.name, folder, force=force)
        for path, text in zip(paths, texts.values(), strict=True):
            with replacing(path, force=force) as temporary:
                temporary.write_text(text)
        return paths


def output_paths(name: str, folder: Path, *, force: bool) -> list[Path]:
    """The files of a benchmark in a folder.

    Args:
        name: of the benchmark.
        folder: where its tables go; it need not exist yet.
        force: whether files that exist may be overwritten.

    Returns:
        The Markdown and the JSON file.

    Raises:
        InrError: One exists already and is not to be overwritten, or cannot be written.
    """
    paths = [folder / f"bench-{name}.{suffix}" for suffix in ("md", "json")]
    if folder.exists():
        for path in paths:
            check_writable(path, force=force)
    return paths
