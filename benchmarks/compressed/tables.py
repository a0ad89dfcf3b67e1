"""Tables of runs that grow a line at a time and say what is done already."""

from collections.abc import Callable, Sequence
from pathlib import Path

from taught.tables import Row, append, origin, read

__all__ = ["Ledger", "Row", "append", "origin", "read"]


class Ledger:
    """A table in which every run stands once.

    Args:
        keys: columns by which a run is told from others.
        comment: said in the table of runs that it makes.
    """

    def __init__(self, path: Path, columns: Sequence[str], keys: Sequence[str], comment: str) -> None:
        self._path, self._columns, self._keys, self._comment = path, columns, keys, comment
        self._done = {self._key(row) for row in read(path)}

    def once(self, key: Row, make: Callable[[], Row]) -> bool:
        """Make a run and keep it, unless it stands there; whether it was made."""
        wanted = self._key(key)
        if wanted in self._done:
            return False
        append(self._path, self._columns, key | make(), self._comment)
        self._done.add(wanted)
        return True

    def _key(self, row: Row) -> tuple[str, ...]:
        return tuple(row[name] for name in self._keys)
