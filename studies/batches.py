"""Which batch is best where fits take equal time.

Networks without tables (SIREN, Gaussian, Fourier features) and the default hash grid, with exact and with coded
weights, on pictures, speech, a brain and a map, by batches from 512 to 16,384 samples. The processor's time for a step
is measured first, for all batches of a fit in turn, as the least of many steps; every batch then gets the steps that
there is room for in the same seconds of one core. So what else the machine does changes little in what is compared.

- `ms`: the cost of a step, on one thread. Of coded weights: the mean of a step with plain and one with rounded weights.
- `psnr` and `psnr_between`: on the samples, and between them.

    python -m studies.batches --shared DIR [--only hash] [--signals kodim08] [--batches 1024 4096] [--seconds 10]

DIR is a folder with `kodak/`, `audio/`, `volume/` and `geo/` in it. Appends to results/batches.tsv, one row a fit; fits
that are there are not made again.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import inr
from inr.bench import machine, tables
from inr.compression import Keeping, finish
from inr.compression.encoder.coded_weights import CodedWeights
from inr.fitting import Fitter, evaluate, make_fitter
from studies import RESULTS

TABLE = RESULTS / "batches.tsv"
CELL = ["fit", "signal", "core_seconds", "batch"]
COLUMNS = [*CELL, "ms", "steps", "psnr", "psnr_between"]
BATCHES = (512, 1_024, 2_048, 4_096, 8_192, 16_384)
FITS: dict[str, dict[str, Any]] = {
    "siren 5x256": {"activation": "sine", "network": "mlp:depth=5,width=256"},
    "siren 3x256": {"activation": "sine", "network": "mlp:depth=3,width=256"},
    "siren 3x64": {"activation": "sine", "network": "mlp:depth=3,width=64"},
    "gaussian 3x256": {"activation": "gaussian", "network": "mlp:depth=3,width=256"},
    "fourier + relu": {"encoding": "fourier", "activation": "relu"},
    "hash, exact": {},
    "hash, coded": {},
}
MEASURED = 1.0  # seconds, by which the steps of each batch are measured


def halved(picture: np.ndarray) -> np.ndarray:
    """Means over 2 x 2 pixels."""
    high, wide = (length // 2 for length in picture.shape[:2])
    blocks = picture[: 2 * high, : 2 * wide].reshape(high, 2, wide, 2, -1)
    return np.rint(blocks.mean((1, 3))).astype(np.uint8)


def signals(shared: Path) -> dict[str, Callable[[], inr.Signal]]:
    """What reads each signal, by name."""

    def speech() -> inr.Signal:
        samples = inr.open(shared / "audio" / "librispeech_3s.wav").array
        return inr.Signal.from_array(samples, kind="audio", sample_rate=16_000)

    def heights() -> inr.Signal:
        with np.load(shared / "geo" / "jacksboro_fault_dem.npz") as archive:
            return inr.Signal.from_array(archive["elevation"])

    def picture(name: str) -> Callable[[], inr.Signal]:
        return lambda: inr.open(shared / "kodak" / f"{name}.png")

    def half(name: str) -> Callable[[], inr.Signal]:
        return lambda: inr.Signal.from_array(halved(inr.open(shared / "kodak" / f"{name}.png").array), kind="image")

    pictures = {name: picture(name) for name in ("kodim08", "kodim23")}
    halves = {f"{name}, halved": half(name) for name in pictures}
    brain = shared / "volume" / "mni_icbm152_t1.nii.gz"
    return {**pictures, **halves, "speech": speech, "brain": lambda: inr.open(brain), "heights": heights}


def prepared(fit: str, signal: inr.Signal, batch: int, steps: int, **options: Any) -> Fitter:
    """A fit of so many steps on one thread."""
    if fit == "hash, coded":
        options.setdefault("parametrisation", Keeping("coded").parametrisation(signal, None, None))
    return make_fitter(
        signal, batch=batch, budget=inr.Budget(steps=steps), engine="cpu:threads=1", **FITS[fit], **options
    )


def costs(fit: str, signal: inr.Signal, batches: list[int]) -> dict[int, float]:
    """Seconds of a step, by batch."""
    exact = _costs(signal, {batch: {} for batch in batches}, fit.replace("coded", "exact"))
    if fit != "hash, coded":
        return exact
    rate = Keeping("coded").rate(signal, None)
    rounded = {batch: {"parametrisation": CodedWeights(signal, rate, start=0.0)} for batch in batches}
    return {batch: (exact[batch] + each) / 2 for batch, each in _costs(signal, rounded, fit).items()}


def _costs(signal: inr.Signal, options: Mapping[int, dict[str, Any]], fit: str) -> dict[int, float]:
    """The least of many steps, batch by batch in turn."""
    fitters = {batch: prepared(fit, signal, batch, 1_000_000, learning_rate="paper", **each)
               for batch, each in options.items()}  # fmt: skip
    runs = {batch: fitter.run() for batch, fitter in fitters.items()}
    for run in runs.values():
        next(run)  # tells of the start, with the seconds of what came before it
    least = dict.fromkeys(options, float("inf"))
    begin = time.perf_counter()
    while time.perf_counter() - begin < MEASURED * len(options):
        for batch, run in runs.items():
            before = time.process_time()
            next(run)
            least[batch] = min(least[batch], time.process_time() - before)
    return least


def fitted(fit: str, signal: inr.Signal, batch: int, steps: int) -> dict[str, Any]:
    """What a fit comes to."""
    fitter = prepared(fit, signal, batch, steps)
    for _ in fitter.run():
        pass
    finish(fitter, Keeping("coded" if fit == "hash, coded" else "exact"))
    found = evaluate(fitter.field, signal, execute=fitter.execute, block=fitter.plan.block)
    return {name: f"{found[name]:.2f}" for name in ("psnr", "psnr_between")}


def rows(options: argparse.Namespace, done: set[tuple[str, ...]]) -> Iterator[dict[str, Any]]:
    """The fits that are missing."""
    read = signals(options.shared)
    for fit in FITS:
        for name in options.signals or read:
            cells = {batch: (fit, name, f"{options.seconds:g}", str(batch)) for batch in options.batches}
            left = [batch for batch, cell in cells.items() if cell not in done]
            if not left or (options.only and not any(fit.startswith(each) for each in options.only)):
                continue
            signal = read[name]()
            for batch, cost in costs(fit, signal, left).items():
                steps = max(round(options.seconds / cost), 1)
                row = dict(zip(CELL, cells[batch], strict=True)) | {"ms": f"{1e3 * cost:.3f}", "steps": str(steps)}
                yield row | fitted(fit, signal, batch, steps)


def main() -> None:
    """Make the fits that are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True, help="folder with pictures, sounds, a volume and a map")
    parser.add_argument("--only", nargs="+", help="fits whose names begin so")
    parser.add_argument("--signals", nargs="+")
    parser.add_argument("--batches", nargs="+", type=int, default=list(BATCHES))
    parser.add_argument("--seconds", type=float, default=10.0, help="of one core, that a fit may take")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for row in rows(options, {tuple(each[name] for name in CELL) for each in tables.read(TABLE)}):
        print(row, flush=True)
        tables.append(TABLE, COLUMNS, row, machine.describe())


if __name__ == "__main__":
    main()
