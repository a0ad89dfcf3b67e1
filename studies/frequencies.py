"""Frequencies chosen before a fit, against a sweep of fits that are measured on samples held out.

Half of the samples are held out: every second one in a checkerboard, every second one of a sound. The choice by
trial fits (`inr.fitting.choose_frequencies`) sees the other half only, and so do the fits of the sweep, which are
over octaves of sigma (Fourier features, 2x64 relu) and of omega (sine, 3x64), 400 steps of Adam with all samples.
A choice is within an octave where it is at most a factor of 2 from the best of the sweep; its regret is what a fit with
the chosen number has less on the held-out samples than the best of the sweep.

    python -m studies.frequencies SHARED [--signals NAME ...] [-o studies/results/frequencies.tsv]

SHARED is the folder with the pictures, sounds, volumes and maps of studies/compression. A signal takes half a minute on
one core.
"""

import argparse
import csv
import math
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

import inr
from inr.fitting import choose_frequencies

STEPS = 400
RATE = 2e-3
OCTAVES = range(-5, 5)  # of the sweep, about the number at which a choice begins
FAMILIES: dict[str, dict[str, Any]] = {
    "sigma": {
        "encoding": {"name": "fourier", "frequencies": 48},
        "activation": {"name": "relu"},
        "network": {"name": "mlp", "depth": 2, "width": 64},
    },
    "omega": {
        "encoding": {"name": "identity"},
        "activation": {"name": "sine"},
        "network": {"name": "mlp", "depth": 3, "width": 64},
    },
}


def picture(name: str, size: int = 64, corner: tuple[int, int] | None = None) -> Callable[[Path], np.ndarray]:
    """A crop of a picture in grey: its middle, unless a corner is given."""

    def read(shared: Path) -> np.ndarray:
        grey = inr.open(shared / name).array.astype(np.float32)[..., :3].mean(-1)
        top, left = corner or tuple((side - size) // 2 for side in grey.shape)
        return grey[top : top + size, left : left + size]

    return read


def sound(name: str, second: float, samples: int = 3000) -> Callable[[Path], np.ndarray]:
    """A stretch of a sound's first channel."""

    def read(shared: Path) -> np.ndarray:
        signal = inr.open(shared / name)
        start = int(second * signal.domain.meta["sample_rate"])
        return signal.array[start : start + samples, 0].astype(np.float32)

    return read


def brain(shared: Path) -> np.ndarray:
    """A block of a head."""
    return inr.open(shared / "volume/mni_icbm152_t1.nii.gz").array[..., 0][80:104, 100:124, 80:104].astype(np.float32)


def heights(shared: Path) -> np.ndarray:
    """A part of an elevation model."""
    with np.load(shared / "geo/jacksboro_fault_dem.npz") as stored:
        return stored["elevation"][:96, :96].astype(np.float32)


SIGNALS: dict[str, Callable[[Path], np.ndarray]] = {
    "kodim01": picture("kodak/kodim01.png"),
    "kodim08": picture("kodak/kodim08.png"),
    "kodim23": picture("kodak/kodim23.png"),
    "chelsea": picture("images/chelsea.png"),
    "div2k-00": picture("div2k_512/00.png", 96),
    "div2k-03": picture("div2k_512/03.png", 64),
    "div2k-07": picture("div2k_512/07.png", 128),
    "div2k-11": picture("div2k_512/11.png", 64),
    "speech": sound("audio/librispeech_3s.wav", 1.0),
    "counting": sound("audio/gt_counting.wav", 1.0),
    "bach": sound("audio/gt_bach.wav", 2.0),
    "bach-later": sound("audio/gt_bach.wav", 4.0),
    "brain": brain,
    "heights": heights,
}


def halves(array: np.ndarray) -> tuple[inr.Signal, inr.Signal]:
    """Even and odd samples, as scattered ones on the same box and range."""
    whole = inr.from_array(array, kind="volume")
    coords = whole.coords(torch.arange(whole.size)).numpy()
    odd = (np.indices(array.shape).sum(0) % 2).astype(bool).reshape(-1)
    box = [(-1.0, 1.0)] * array.ndim
    values, span = array.reshape(-1), (float(array.min()), float(array.max()))
    learned, held = (
        inr.signals.from_samples(coords[part], values[part], box=box, value_range=span) for part in (~odd, odd)
    )
    return learned, held


def with_value(family: str, value: float | str, dims: int) -> dict[str, dict[str, Any]]:
    """The parts of a family; sounds have the frequency in the first layer."""
    parts = {part: dict(config) for part, config in FAMILIES[family].items()}
    where = parts["encoding" if family == "sigma" else "activation"]
    where["first_omega" if family == "omega" and dims == 1 else family] = value
    return parts


def held_out(learned: inr.Signal, held: inr.Signal, family: str, value: float, seed: int) -> float:
    """PSNR of a fit on the samples that it has not seen."""
    field = inr.fit(
        learned, **with_value(family, value, learned.in_dim), steps=STEPS, batch=learned.size, learning_rate=RATE,
        seed=seed, engine="cpu:threads=1",
    )  # fmt: skip
    indices = torch.arange(held.size)
    with torch.no_grad():
        missed = field(held.coords(indices)) - held.values(indices)
    return 10 * math.log10(4 / float(missed.square().mean()))


def run(name: str, shared: Path, seed: int) -> list[dict[str, Any]]:
    """One row for each family."""
    array = SIGNALS[name](shared)
    learned, held = halves(array)
    rows = []
    for family in FAMILIES:
        _, (choice,) = choose_frequencies(learned, with_value(family, "auto", array.ndim), seed=seed)
        begin = perf_counter()
        middle = {"sigma": array.shape[0] / 32, "omega": array.shape[0] / 5}[family]
        values = [2.0 ** (round(math.log2(middle)) + octave) for octave in OCTAVES]
        swept = {value: held_out(learned, held, family, value, seed) for value in values}
        seconds = perf_counter() - begin
        best = max(swept, key=lambda value: swept[value])
        reached = held_out(learned, held, family, choice.value, seed)
        rows.append(
            {
                "signal": name, "family": family, "chosen": choice.value, "best": best,
                "octaves": f"{math.log2(choice.value / best):.2f}", "reached": f"{reached:.2f}",
                "best_psnr": f"{swept[best]:.2f}", "regret": f"{max(swept[best] - reached, 0):.2f}",
                "predicted": f"{choice.psnr:.2f}", "choice_seconds": f"{choice.seconds:.2f}",
                "sweep_seconds": f"{seconds:.1f}",
                "sweep": " ".join(f"{value:g}:{psnr:.2f}" for value, psnr in swept.items()),
                "ladder": " ".join(f"{value:g}:{psnr:.2f}" for value, psnr in choice.ladder),
            }
        )  # fmt: skip
    return rows


def summary(rows: list[dict[str, Any]]) -> str:
    """How often the bars were met."""
    near = sum(abs(float(row["octaves"])) <= 1 for row in rows)
    cheap = sum(float(row["regret"]) <= 1 for row in rows)
    both = sum(abs(float(row["octaves"])) <= 1 or float(row["regret"]) <= 0.1 for row in rows)
    return (
        f"within an octave: {near} of {len(rows)} ({both} with flat optima, regret at most 0.1 dB); "
        f"regret at most 1 dB: {cheap} of {len(rows)}"
    )


def main() -> None:
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--signals", nargs="+", choices=list(SIGNALS), default=list(SIGNALS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for name in options.signals:
        rows += run(name, options.shared, options.seed)
        for row in rows[-len(FAMILIES) :]:
            print(*row.values(), sep="\t", file=sys.stderr, flush=True)
    if options.output is not None:
        with options.output.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    print(summary(rows))


if __name__ == "__main__":
    main()
