"""Rows of parametrised tests of which some run with `--long` only."""

from collections.abc import Iterable
from typing import Any

import pytest


def mostly_long(rows: Iterable[Any], short: int = 1) -> list[Any]:
    """A table for `pytest.mark.parametrize` whose first `short` rows always run, and the others with `--long`."""
    return [
        row if place < short else pytest.param(*_values(row), marks=pytest.mark.long) for place, row in enumerate(rows)
    ]


def _values(row: Any) -> tuple[Any, ...]:
    return row if isinstance(row, tuple) else (row,)
