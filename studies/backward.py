"""What bfloat16 products on the way back cost in quality, and spare in time, on the engine `cpu`.

Pairs of fits, with float32 and with bfloat16 products on the way back: the same seed, steps, batches and learning rates
(those that the fit with float32 finds), so that nothing else differs. Crops of three pictures, a second of speech, the
middle of a brain, and a smooth picture that networks come to more than 60 dB on.

- `float32`, `between`: dB of the fit with float32 products, on the samples and between them.
- `loses`, `loses_between`: by how much the fit with bfloat16 products is below that.
- `faster`: the processor's time for a step with float32 products over that with bfloat16 ones, each the least of many.
- Rows of `mean` have the mean of a fit's differences, with its standard error.

    python -m studies.backward --shared DIR [--only siren]

DIR is a folder with `kodak/`, `audio/` and `volume/` in it. Appends to results/backward.tsv, one row a pair; pairs that
are there are not fitted again. Seconds say something only where the processor has the instruction (AVX512-BF16).
"""

import argparse
import math
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import inr
from inr.bench import machine, tables
from inr.compression import Keeping, finish
from inr.fitting import Fitter, evaluate, make_fitter
from studies import RESULTS

TABLE = RESULTS / "backward.tsv"
CELL = ["fit", "signal", "seed"]
COLUMNS = [*CELL, "steps", "float32", "between", "loses", "loses_between", "faster"]
CODED = "hash, coded"
# parts, samples a step, steps
FITS: dict[str, tuple[dict[str, Any], int, int]] = {
    "siren 3x256": ({"activation": "sine", "network": "mlp:depth=3,width=256"}, 1_024, 600),
    "siren 5x256": ({"activation": "sine", "network": "mlp:depth=5,width=256"}, 1_024, 400),
    "siren 3x128": ({"activation": "sine", "network": "mlp:depth=3,width=128"}, 1_024, 1_200),
    "siren 3x64": ({"activation": "sine", "network": "mlp:depth=3,width=64"}, 1_024, 2_000),
    "gaussian 3x256": ({"activation": "gaussian", "network": "mlp:depth=3,width=256"}, 1_024, 600),
    "gabor 3x181": ({"activation": "gabor"}, 1_024, 300),
    "fourier + relu 256": ({"encoding": "fourier", "activation": "relu"}, 1_024, 600),
    "hash, exact": ({}, 4_096, 1_200),
    CODED: ({}, 4_096, 1_200),
}
SEEDS = 2


def signals(shared: Path) -> dict[str, inr.Signal]:
    """The signals by name."""
    found = {}
    for name, row, column in (("kodim01", 180, 200), ("kodim08", 180, 300), ("kodim23", 120, 180)):
        picture = inr.open(shared / "kodak" / f"{name}.png").array[row : row + 192, column : column + 192]
        found[name] = inr.Signal.from_array(picture.copy(), kind="image")
    speech = inr.open(shared / "audio" / "librispeech_3s.wav").array[16_000:32_000]
    found["speech"] = inr.Signal.from_array(speech.copy(), kind="audio", sample_rate=16_000)
    brain = inr.open(shared / "volume" / "mni_icbm152_t1.nii.gz").array[..., 0][64:128, 80:144, 60:124]
    found["brain"] = inr.Signal.from_array(np.ascontiguousarray(brain), kind="volume")
    y, x = np.mgrid[0:96, 0:96] / 96
    smooth = np.sin(9 * x + 4 * y * y) * np.exp(-3 * (x - 0.4) ** 2) + 0.5 * np.cos(7 * y - 5 * x * x)
    found["smooth"] = inr.Signal.from_array(smooth.astype(np.float32), kind="image")
    return found


def prepared(fit: str, signal: inr.Signal, seed: int, backward: str, **options: Any) -> Fitter:
    """A fit on one thread."""
    parts, batch, steps = FITS[fit]
    if fit == CODED:
        options["parametrisation"] = Keeping("coded").parametrisation(signal, None, None)
    budget = inr.Budget(steps=steps)
    engine = f"cpu:threads=1,backward={backward}"
    return make_fitter(signal, budget=budget, batch=batch, seed=seed, engine=engine, **parts, **options)


def pair(fit: str, signal: inr.Signal, seed: int) -> dict[str, Any]:
    """Two fits, which go on in turn, and how they differ."""
    found: list[dict[str, float]] = []
    least = {"float32": math.inf, "bfloat16": math.inf}
    rates: Any = "auto"
    for backward in least:
        fitter = prepared(fit, signal, seed, backward, learning_rate=rates)
        run = fitter.run()
        next(run)
        rates = fitter.choices()["rates"]
        while True:
            before = time.process_time()
            if next(run).kind == "end":
                break
            least[backward] = min(least[backward], time.process_time() - before)
        finish(fitter, Keeping("coded" if fit == CODED else "exact"))
        found.append(evaluate(fitter.field, signal, execute=fitter.execute, block=fitter.plan.block))
    first, second = found
    return {
        "steps": fitter.steps, "float32": f"{first['psnr']:.2f}", "between": f"{first['psnr_between']:.2f}",
        "loses": f"{first['psnr'] - second['psnr']:.2f}",
        "loses_between": f"{first['psnr_between'] - second['psnr_between']:.2f}",
        "faster": f"{least['float32'] / least['bfloat16']:.2f}",
    }  # fmt: skip


def means(rows: list[tables.Row]) -> Iterator[tables.Row]:
    """A row a fit: means over signals and seeds."""
    for fit in FITS:
        own = [row for row in rows if row["fit"] == fit]
        if len(own) < 2:
            continue
        row = {"fit": fit, "signal": f"mean of {len(own)}", "seed": "", "steps": ""}
        for name in ("float32", "between", "loses", "loses_between", "faster"):
            values = [float(each[name]) for each in own]
            row[name] = f"{statistics.fmean(values):.2f}"
            if name.startswith("loses"):
                row[name] += f" ± {statistics.stdev(values) / math.sqrt(len(values)):.2f}"
        yield row


def main() -> None:
    """Make the pairs that are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, required=True, help="folder with pictures, a sound and a volume")
    parser.add_argument("--only", nargs="+", help="fits whose names begin so")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = [row for row in tables.read(TABLE) if row["seed"]]
    done = {tuple(row[name] for name in CELL) for row in found}
    for seed in range(SEEDS):
        for fit in FITS:
            for name, signal in signals(options.shared).items():
                cell = (fit, name, str(seed))
                if cell in done or (options.only and not any(fit.startswith(each) for each in options.only)):
                    continue
                row = dict(zip(CELL, cell, strict=True)) | pair(fit, signal, seed)
                found.append(row)
                print(row, flush=True)
                tables.write(TABLE, COLUMNS, [*found, *means(found)], machine.describe())
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
