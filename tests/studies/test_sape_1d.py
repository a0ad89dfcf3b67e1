"""SAPE's 1-D task: twice as good between the samples as Fourier features of the same frequencies."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long  # a minute and a half: the benchmark itself


def run(root: Path, *seeds: int) -> list[dict]:
    """Rows of the benchmark, run in a process of its own: so many steps are too slow with run-time type checks."""
    command = [sys.executable, "-m", "studies.sape_1d", "--json", "--seeds", *map(str, seeds)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def twice_as_good(row: dict) -> bool:
    return row["fourier"] >= 2 * row["sape"] and row["sape"] < 0.01


@pytest.fixture(scope="module")
def rows(root):
    """Seeds 0 and 1, and 2 where those have not decided yet whether two of three succeed."""
    found = run(root, 0, 1)
    return found if all(map(twice_as_good, found)) else found + run(root, 2)


def test_both_see_the_same_frequencies(rows):
    assert all(row["same_frequencies"] for row in rows)


def test_sape_generalises_twice_as_well_on_two_of_three_seeds(rows):
    assert sum(map(twice_as_good, rows)) >= 2, [(row["fourier"], row["sape"]) for row in rows]


def test_more_features_open_where_the_chirp_is_fast(rows):
    for row in rows:
        opened = row["opened"]
        assert sum(opened[:4]) < sum(opened[-4:])
