"""Codebooks of a reconfigurable surface: reading them, their canonical form, a formula for some, and scores.

A surface of M x N elements, each of which turns the phase of what it reflects by 0 or half a turn, sends a beam to a
place. Its codebook has for every place the states of all elements as an array of -1 and 1. Where rows and columns are
driven each by one wire, the array is of rank 1: states = rows ⊗ columns, and both may change their signs together.
Divided by the first element, which changes no beam, rows and columns begin with 1, and M + N - 2 bits are left, each of
which means the same in all codes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Codebook:
    """Places and their codes in canonical form.

    Attributes:
        places: float64 (n, 3), x, y, z in millimetres from the surface's middle; x points away from it.
        rows: int64 (n, M), -1 and 1, of which the first is 1.
        columns: int64 (n, N), likewise.
        learned: int64, the places to learn from; tested: those to test with.
    """

    places: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    learned: np.ndarray
    tested: np.ndarray


def load(folder: Path) -> Codebook:
    """The codebook in a folder.

    Args:
        folder: has codebook_list.npy (n, M, N) of 0 and 1, coordinate_list.npy (n, 3), and row_indices.npy (n,), an
            order of the places, of which the first nine tenths are to learn from.
    """
    states = np.load(folder / "codebook_list.npy", allow_pickle=False)
    places = np.load(folder / "coordinate_list.npy", allow_pickle=False).astype(np.float64)
    order = np.load(folder / "row_indices.npy", allow_pickle=False).astype(np.int64)
    rows, columns = canonical(states.astype(np.int64) * 2 - 1)
    count = int(0.9 * len(order))
    return Codebook(places, rows, columns, order[:count], order[count:])


def canonical(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, M) and columns (n, N) of codes (n, M, N) of -1 and 1, divided by their first elements.

    Raises:
        ValueError: codes that are not of rank 1.
    """
    states = states * states[:, :1, :1]
    rows, columns = states[:, :, 0], states[:, 0, :]
    if (states != rows[:, :, None] * columns[:, None, :]).any():
        raise ValueError("codes of -1 and 1 are rows times columns, and some of these are not")
    return rows, columns


def synthetic(seed: int = 0, count: int = 900, shape: tuple[int, int] = (10, 16), flips: float = 0.1) -> Codebook:
    """Codes by a formula: elements half a wavelength apart take the nearer of their two states.

    Args:
        seed: of places, of the common phase of a code, and of wrong bits.
        count: of places, 3 to 4 m away.
        shape: M, N.
        flips: share of bits that are wrong.
    """
    rng = np.random.default_rng(seed)
    places = rng.uniform((3000, -1500, -750), (3800, -800, 750), (count, 3))
    distance = np.linalg.norm(places, axis=1)
    found = []
    for length, axis in zip(shape, (2, 1), strict=True):
        offsets = rng.uniform(0, 2 * np.pi, length)  # of what falls upon the elements
        phases = np.pi * np.arange(length) * (places[:, axis] / distance)[:, None] + offsets
        bits = np.where(np.cos(phases + rng.uniform(0, 2 * np.pi, (count, 1))) >= 0, 1, -1)
        bits *= np.where(rng.random(bits.shape) < flips, -1, 1)
        found.append(bits * bits[:, :1])
    order = rng.permutation(count)
    return Codebook(places, found[0], found[1], order[: int(0.9 * count)], order[int(0.9 * count) :])


@dataclass(frozen=True)
class Score:
    """How near predicted codes come.

    Attributes:
        free: share of right bits among the M + N - 2 that are not 1 by definition.
        bits: the same among all M + N - 1 of a code, one of which is right by definition.
        gain: mean of |<P, C>| / MN, the amplitude that a wrong code has in the place of the right one.
        whole: share of codes without a wrong bit.
    """

    free: float
    bits: float
    gain: float
    whole: float


def score(codebook: Codebook, rows: np.ndarray, columns: np.ndarray) -> Score:
    """The score of predictions (t, M) and (t, N) for the tested places, by their signs; zero counts as 1."""
    right = [
        np.where(found >= 0, 1, -1) * known[codebook.tested]
        for found, known in ((rows, codebook.rows), (columns, codebook.columns))
    ]
    free = np.concatenate([each[:, 1:] for each in right], axis=1)
    number = free.shape[1]
    gain = np.abs(right[0].mean(axis=1) * right[1].mean(axis=1)).mean()
    accuracy = (free == 1).mean()
    return Score(accuracy, (accuracy * number + 1) / (number + 1), gain, (free == 1).all(axis=1).mean())
