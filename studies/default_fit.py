"""What the default picture fit reaches, and that the engine does not change it.

Four tables on Kodak pictures; PSNR is of the clipped field on the whole picture, by a pass that belongs to no engine.

- `equal steps`: the default fit on the engines `eager` and `cpu`, same seeds, same steps. Sums in another order make
  another fit of it, as another seed does; so each picture has some seeds, and the means are what to compare.
- `16-bit products`: the default fit, and a SIREN on the middle of the picture, with float32 and with bfloat16
  products on the way back, same seeds, same steps.
- `20 s`: the default fit with 20 seconds of fitting.
- `12 s against 600 s`: the default fit with 12 seconds, beside SIREN in plain PyTorch, the whole picture a step
  (`inr/bench/baselines.py`), after 600 seconds. The plain run is done in full for the first picture (all with
  `--in-full`). For the others the same SIREN makes as many full-batch steps on the engine `cpu`: the mathematics is
  the same and only the waiting is left out; the column `code` says which it was.

    python -m studies.default_fit --pictures DIR [--tables equal 16-bit timed against] [--in-full]

It supports what docs/engines.md says of the engines' equality; DIR is the folder of the Kodak pictures, and all tables
take an hour and a half on two cores. Writes results/default_fit.tsv, one row a run, and prints it; rows of tables that
were not asked for stay.
"""

import argparse
import math
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

import inr
from inr.bench import baselines, machine, tables
from inr.bench.quality import psnr
from inr.fitting import make_fitter
from studies import RESULTS

TABLES = ("equal", "16-bit", "timed", "against")
EQUAL = ("kodim08", "kodim20", "kodim23")
TIMED = ("kodim23", "kodim08")
EQUAL_STEPS: dict[str, Any] = {"budget": inr.Budget(steps=960), "batch": 16_384}
SIX = ("kodim01", "kodim10", "kodim11", "kodim19", "kodim23", "kodim24")
COLUMNS = ["table", "picture", "method", "code", "seed", "steps", "seconds", "psnr"]
TABLE = RESULTS / "default_fit.tsv"
Row = dict[str, Any]


def ours(signal: inr.Signal, budget: inr.Budget, **options: Any) -> Row:
    """A fit by `inr`."""
    fitter = make_fitter(signal, budget=budget, lattice_only=True, **options)
    *_, event = fitter.run()
    return {
        "steps": event.step,
        "seconds": round(fitter.seconds, 1),
        "psnr": round(psnr(fitter.field, signal), 2),
    }


def plain(signal: inr.Signal, limit: float) -> Row:
    """SIREN in plain PyTorch for so many seconds."""
    torch.manual_seed(0)
    model, optimiser, _ = baselines.siren()
    everything = torch.arange(signal.size)
    coords, target = signal.coords(everything), signal.values(everything)
    spent, steps = 0.0, 0
    while spent < limit:
        start = time.perf_counter()
        optimiser.zero_grad()
        (model(coords) - target).square().mean().backward()
        optimiser.step()
        spent += time.perf_counter() - start
        steps += 1
    return {"steps": steps, "seconds": round(spent, 1), "psnr": round(psnr(model, signal), 2)}


def siren(signal: inr.Signal, steps: int) -> Row:
    """The same SIREN with so many full-batch steps on the engine `cpu`."""
    return ours(
        signal, inr.Budget(steps=steps), encoding="identity", activation="sine", network="mlp:depth=4,width=256",
        batch=signal.size, learning_rate=1e-4, schedule="constant", engine="cpu",
    )  # fmt: skip


def compared(
    title: str, method: str, signals: dict[str, inr.Signal], engines: dict[str, str], seeds: int, **options: Any
) -> Iterator[Row]:
    """A fit on two engines, seed by seed, and the mean of their difference with its standard error."""
    for name, signal in signals.items():
        found: dict[str, list[float]] = {code: [] for code in engines}
        for seed in range(seeds):
            for code, engine in engines.items():
                fit = ours(signal, engine=engine, seed=seed, **options)
                found[code].append(fit["psnr"])
                yield {"table": title, "picture": name, "method": method, "code": code, "seed": seed} | fit
        first, second = found
        apart = [x - y for x, y in zip(found[first], found[second], strict=True)]
        error = statistics.stdev(apart) / math.sqrt(len(apart))
        difference = f"{statistics.fmean(apart):+.2f} ± {error:.2f}"
        yield {"table": title, "picture": name, "method": method, "code": f"{first} - {second}", "psnr": difference}


def middle(signal: inr.Signal, size: int) -> inr.Signal:
    """So many samples in square from the middle of a picture."""
    high, wide = (length // 2 - size // 2 for length in signal.array.shape[:2])
    return inr.Signal.from_array(signal.array[high : high + size, wide : wide + size].copy(), kind="image")


def against(pictures: Path, limit: float, in_full: bool) -> Iterator[Row]:
    """The default fit after 12 seconds, and plain SIREN after `limit`."""
    title, steps = f"12 s against {limit:g} s", 0
    rows: list[Row] = []
    for name in SIX:
        signal = inr.open(pictures / f"{name}.png")
        rows.append({"picture": name, "method": "default", "code": "inr"} | ours(signal, inr.Budget(seconds=12)))
        if in_full or not steps:
            code, found = "plain PyTorch", plain(signal, limit)
            steps = found["steps"]
        else:
            code, found = f"{steps} steps on cpu", siren(signal, steps)
        rows.append({"picture": name, "method": "siren 4x256, full batch", "code": code} | found)
        yield from ({"table": title} | row for row in rows[-2:])
    for method in dict.fromkeys(row["method"] for row in rows):
        values = [row["psnr"] for row in rows if row["method"] == method]
        mean = round(statistics.fmean(values), 2)
        yield {"table": title, "picture": f"mean of {len(values)}", "method": method, "psnr": mean}


def measured(options: argparse.Namespace) -> Iterator[Row]:
    """All rows that were asked for."""
    signals = {name: inr.open(options.pictures / f"{name}.png") for name in EQUAL}
    if "equal" in options.tables:
        engines = {"cpu": "cpu", "eager": "eager"}
        yield from compared("equal steps", "default", signals, engines, options.seeds, **EQUAL_STEPS)
    if "16-bit" in options.tables:
        engines = {"bfloat16": "cpu:backward=bfloat16", "float32": "cpu:backward=float32"}
        yield from compared("16-bit products", "default", signals, engines, options.seeds, **EQUAL_STEPS)
        parts = {name: middle(signal, 64) for name, signal in signals.items()}
        yield from compared(
            "16-bit products", "siren 3x128, 64x64 of it", parts, engines, options.seeds, budget=inr.Budget(steps=1500),
            encoding="identity", activation="sine", network="mlp:depth=3,width=128", batch=4096,
        )  # fmt: skip
    if "timed" in options.tables:
        for name in TIMED:
            found = ours(signals[name], inr.Budget(seconds=20))
            yield {"table": "20 s", "picture": name, "method": "default", "code": "inr"} | found
    if "against" in options.tables:
        yield from against(options.pictures, options.limit, options.in_full)


def kept(others: set[str]) -> list[Row]:
    """Rows of earlier runs that belong to other tables."""
    return [row for row in tables.read(TABLE) if row["table"] not in others]


def main() -> None:
    """Measure, print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True, help="folder of the Kodak pictures")
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=TABLES)
    parser.add_argument("--seeds", type=int, default=8, help="fits of each kind in the tables that compare engines")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds of the plain runs")
    parser.add_argument("--in-full", action="store_true", help="wait for the plain run on every picture")
    options = parser.parse_args()
    rows = []
    for row in measured(options):
        rows.append(row)
        print(row, flush=True)
    others = kept({row["table"] for row in rows})
    tables.write(TABLE, COLUMNS, [*others, *rows], f"{machine.describe()}")
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
