"""Codes for places that no code was measured for: by neighbours, by plane waves, and by fields beside these.

    python examples/ris_codebook/predict.py DIR     # a folder with codebook_list.npy and others, see README.md
    python examples/ris_codebook/predict.py         # a codebook that a formula makes

Prints a table. Takes some minutes of a processor core.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from codebooks import Codebook, load, score, synthetic

import inr

SEEDS = 5
LENGTHS = ((0.04, 1.0, 0.1), (0.02, 1.0, 3.0))  # of rows and columns, by cross-validation among the learned places
SLOPES = np.arange(-4.5, 4.5, 0.02)  # radians for each element and unit of the direction; π for half a wavelength


def nearest(places: np.ndarray, known: np.ndarray, asked: np.ndarray, bits: np.ndarray, count: int) -> np.ndarray:
    """Means of the bits of the nearest known places; coordinates count by their ranges."""
    unit = (places - places.min(axis=0)) / np.ptp(places, axis=0)
    apart = ((unit[asked][:, None] - unit[known][None]) ** 2).sum(axis=-1)
    return bits[known][np.argsort(apart, axis=1, kind="stable")[:, :count]].mean(axis=1)


def directions(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sines of directions along the rows' axis (z) and the columns' (y)."""
    distance = np.linalg.norm(places, axis=1)
    return places[:, 2] / distance, places[:, 1] / distance


def waves(direction: np.ndarray, bits: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What plane waves say of all places: cos(κ m s + ψ_m) of element m in direction s.

    Elements m and 0 of the best code have equal signs where their phases differ by less than a quarter of a turn. Which
    slope κ and offsets ψ fit best is read off the bits' Fourier coefficients.
    """
    elements = np.arange(bits.shape[1])
    angles = elements * direction[:, None]

    def coefficients(slope: float) -> np.ndarray:
        return (bits[known] * np.exp(-1j * slope * angles[known])).mean(axis=0)

    slope = max(SLOPES, key=lambda each: np.abs(coefficients(each)).sum())
    return np.cos(slope * angles + np.angle(coefficients(slope)))


def process(
    places: np.ndarray, known: np.ndarray, asked: np.ndarray, bits: np.ndarray, direction: np.ndarray,
    lengths: tuple[float, float, float], noise: float = 0.5,
) -> np.ndarray:  # fmt: skip
    """Means of a Gaussian process of the direction along the axis, that across, and the distance in metres."""
    distance = np.linalg.norm(places, axis=1)
    across = next(each for each in directions(places) if (each != direction).any())
    scaled = np.stack([direction, across, distance / 1000], axis=1) / lengths

    def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.exp(-((scaled[first][:, None] - scaled[second][None]) ** 2).sum(axis=-1) / 2)

    mean = bits[known].mean(axis=0)
    weights = np.linalg.solve(kernel(known, known) + noise * np.eye(len(known)), bits[known] - mean)
    return mean + kernel(asked, known) @ weights


def field_beside(
    places: np.ndarray, known: np.ndarray, asked: np.ndarray, rest: np.ndarray, omega: float, steps: int
) -> np.ndarray:
    """What a field of place and element, fitted to what waves leave, says for places (t, M): the mean of some seeds."""
    elements = np.arange(rest.shape[1])

    def coords(which: np.ndarray) -> np.ndarray:
        """(t M, 4): both directions, distance and element."""
        distance = np.linalg.norm(places[which], axis=1)
        place = np.stack([*directions(places[which]), distance / distance.max()], axis=1)
        return np.concatenate([np.repeat(place, len(elements), axis=0), np.tile(elements, len(which))[:, None]], axis=1)

    both = np.concatenate([coords(known), coords(asked)])
    box = [(low, high) for low, high in zip(both.min(axis=0), both.max(axis=0), strict=True)]
    signal = inr.signals.from_samples(coords(known), rest[known].ravel(), box=box)
    low, high = np.array(box).T
    unit = torch.from_numpy(((coords(asked) - low) / (high - low) * 2 - 1).astype(np.float32))
    found = 0.0
    for seed in range(SEEDS):
        field = inr.fit(
            signal, encoding="identity", activation=f"sine:omega={omega:g}", network="mlp:depth=3,width=64",
            steps=steps, batch=signal.size, seed=seed,
        )  # fmt: skip
        with torch.no_grad():
            found = found + field.in_units(field(unit)).reshape(len(asked), -1).numpy() / SEEDS
    return found


def predictions(
    codebook: Codebook, omega: float = 3.0, steps: int = 120, *, fields: bool = True
) -> dict[str, list[np.ndarray]]:
    """Rows and columns for the tested places, by the way they were found; without `fields`, by the quick ones only."""
    places, known, asked = codebook.places, codebook.learned, codebook.tested
    parts = list(zip((codebook.rows, codebook.columns), directions(places), strict=True))
    found = {
        f"{count} nearest places": [nearest(places, known, asked, bits, count) for bits, _ in parts]
        for count in (1, 5, 9)
    }
    planes = [waves(direction, bits, known) for bits, direction in parts]
    found["plane waves"] = [plane[asked] for plane in planes]
    found["Gaussian processes of directions"] = [
        process(places, known, asked, bits, direction, lengths)
        for (bits, direction), lengths in zip(parts, LENGTHS, strict=True)
    ]
    if not fields:
        return found
    found["a field of place and element"] = [
        field_beside(places, known, asked, bits.astype(np.float64), omega, steps) for bits, _ in parts
    ]
    found["plane waves, and a field of what they leave"] = [
        0.4 * plane[asked] + field_beside(places, known, asked, bits - 0.4 * plane, omega, steps)
        for (bits, _), plane in zip(parts, planes, strict=True)
    ]
    return found


def main() -> None:
    """Print the table."""
    codebook = load(Path(sys.argv[1])) if len(sys.argv) > 1 else synthetic()
    print(f"{len(codebook.learned)} places to learn from, {len(codebook.tested)} to test with")
    print(f"{'way':<46}{'free bits':>10}{'bits':>8}{'gain':>8}{'whole codes':>13}")
    for way, (rows, columns) in predictions(codebook).items():
        found = score(codebook, rows, columns)
        print(f"{way:<46}{found.free:>10.1%}{found.bits:>8.1%}{found.gain:>8.3f}{found.whole:>13.1%}")


if __name__ == "__main__":
    main()
