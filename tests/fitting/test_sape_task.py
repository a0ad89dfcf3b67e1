"""SAPE's 1-D task: twice as good between the samples as Fourier features of the same frequencies."""

import json
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def rows(root):
    """Three seeds, in a process of its own: 120,000 steps are too many for run-time type checks."""
    script = root / "benchmarks" / "sape_1d.py"
    done = subprocess.run([sys.executable, script, "--json"], capture_output=True, text=True, cwd=root, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_both_see_the_same_frequencies(rows):
    assert len(rows) == 3
    assert all(row["same_frequencies"] for row in rows)


def test_sape_generalises_twice_as_well_on_two_of_three_seeds(rows):
    errors = [(row["fourier"], row["sape"]) for row in rows]
    assert sum(plain >= 2 * sape for plain, sape in errors) >= 2, errors
    assert sum(sape < 0.01 for _, sape in errors) >= 2, errors


def test_more_features_open_where_the_chirp_is_fast(rows):
    for row in rows:
        opened = row["opened"]
        assert sum(opened[:4]) < sum(opened[-4:])
