"""Muon beside Adam on six Kodak pictures, both at the best of their rates, in equal wall time.

Pictures at half size (384 x 256, RGB), fitted for `SECONDS` by networks of four hidden layers with 128 units: Fourier
features with ReLU, and SIREN. A sweep begins at the declared rates times 1, 3 and 10 and goes on by factors of 3 while
the best stands at an end, so that neither optimiser is held at a poor rate. The cosine decay ends with the time.

    python -m studies.muon --shared DIR [--threads N] [--only ACTIVATION] [--report]

DIR is a folder with `kodak/` in it. Appends to results/muon.tsv, one row a fit; fits that are there are not made again.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import inr
from inr.bench import machine, tables
from inr.fitting import default_learning_rates, evaluate, make_fitter
from studies import RESULTS
from studies.rate_sweeps import next_factor

TABLE = RESULTS / "muon.tsv"
CELL = ["parts", "picture", "optimiser", "factor"]
COLUMNS = [*CELL, "psnr", "steps", "seconds", "engine", "end"]
PICTURES = ("kodim01", "kodim10", "kodim11", "kodim19", "kodim23", "kodim24")
PARTS = {
    "relu": {"encoding": "fourier:frequencies=64,sigma=10", "activation": "relu"},
    "sine": {"encoding": "identity", "activation": "sine"},
}
NETWORK = "mlp:depth=4,width=128"
SECONDS, BATCH, SEED = 15.0, 2**14, 0
OPTIMISERS = ("adam", "muon")

Table = dict[tuple[str, ...], dict[str, str]]


def halved(path: Path) -> inr.Signal:
    """A picture whose pixels are means of 2 x 2, in [0, 1]."""
    pixels = inr.open(path).array.astype(np.float32) / 255
    rows, columns, channels = pixels.shape
    means = pixels.reshape(rows // 2, 2, columns // 2, 2, channels).mean((1, 3))
    return inr.Signal.from_array(means, kind="image", channels_last=True)


def fitted(cell: tuple[str, ...], signal: inr.Signal, threads: int) -> dict[str, object]:
    """The row of a fit."""
    parts, _, optimiser, factor = cell
    common = {
        **PARTS[parts], "network": NETWORK, "optimiser": optimiser, "budget": inr.Budget(seconds=SECONDS),
        "batch": BATCH, "seed": SEED, "lattice_only": True, "schedule": "cosine", "engine": f"cpu:threads={threads}",
    }  # fmt: skip
    declared = default_learning_rates(make_fitter(signal, **common, learning_rate="paper").field)
    fitter = make_fitter(
        signal, **common, learning_rate={part: float(factor) * rate for part, rate in declared.items()}
    )
    *_, end = fitter.run()
    psnr = evaluate(fitter.field, signal, execute=fitter.execute, block=fitter.plan.block)["psnr"]
    return {
        **dict(zip(CELL, cell, strict=True)), "psnr": f"{psnr:.2f}", "steps": end.step, "seconds": f"{end.seconds:.1f}",
        "engine": fitter.engine, "end": end.reason,
    }  # fmt: skip


def factors(table: Table, *row: str) -> dict[float, float]:
    """PSNR by the factors of the declared rates that were tried."""
    return {float(cell[3]): float(found["psnr"]) for cell, found in table.items() if cell[:3] == row}


def missing(table: Table, only: list[str]) -> tuple[str, ...] | None:
    """The first fit that is not there, by parts, picture, optimiser and factor."""
    for parts in only:
        for picture in PICTURES:
            for optimiser in OPTIMISERS:
                factor = next_factor(factors(table, parts, picture, optimiser))
                if factor is not None:
                    return parts, picture, optimiser, f"{factor:g}"
    return None


def report(table: Table) -> None:
    """The best of each sweep, with its factor and steps, and what Muon gains."""
    rows = []
    for parts in PARTS:
        for picture in PICTURES:
            cells, best = [], []
            for optimiser in OPTIMISERS:
                found = factors(table, parts, picture, optimiser)
                if not found:
                    break
                factor = max(found, key=lambda factor: found[factor])
                steps = table[parts, picture, optimiser, f"{factor:g}"]["steps"]
                cells += [f"{found[1.0]:.2f}", f"{found[factor]:.2f}", f"{factor:g}", steps]
                best.append(found[factor])
            if len(best) == len(OPTIMISERS):
                rows.append([parts, picture, *cells, f"{best[1] - best[0]:+.2f}"])
    head = ["declared", "best", "x rate", "steps"]
    print(
        "\n".join(tables.markdown(["parts", "picture", *(f"{o}, {h}" for o in OPTIMISERS for h in head), "dB"], rows))
    )


def read() -> Table:
    """The rows that are there."""
    return {tuple(row[name] for name in CELL): row for row in tables.read(TABLE)}


def main() -> None:
    """Run what is missing, and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shared", type=Path, help="a folder with kodak/ in it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=PARTS, action="append", help="activations to run; all where not given")
    parser.add_argument("--report", action="store_true", help="print what is there, and run nothing")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(machine.describe())
    if not given.report:
        if given.shared is None or not (given.shared / "kodak" / f"{PICTURES[0]}.png").is_file():
            parser.error("--shared DIR needs the pictures DIR/kodak/kodim01.png and others")
        signals = {name: halved(given.shared / "kodak" / f"{name}.png") for name in PICTURES}
        while (cell := missing(read(), given.only or [*PARTS])) is not None:
            row = fitted(cell, signals[cell[1]], given.threads)
            tables.append(TABLE, COLUMNS, row, machine.describe())
            print(*row.values(), sep="\t", flush=True)
    report(read())


if __name__ == "__main__":
    main()
