"""Seconds to 30, 35 and 40 dB on three Kodak pictures: `inr` beside plain PyTorch, method by method.

The plain scripts (`baselines/methods.py`) do what the papers' code does: the whole image a step. `inr` runs the
same network with its own batches, schedule and learning rates, and its default setup for pictures. Both
sides run in turn in one process, on one machine; PSNR is measured on the whole image, clipped, with the clock
stopped. A run ends at 40 dB or at the limit.

    python benchmarks/fit_speed.py --pictures DIR [--names kodim23 kodim08 kodim20] [--limit 30]

Writes results/fit_speed.tsv, one row a run, and prints it as a table.
"""

import argparse
import csv
import math
import time
from collections.abc import Iterator
from pathlib import Path

import machine
import torch
from baselines.methods import METHODS

import inr
from inr.fitting import make_fitter

TARGETS = (30, 35, 40)
# the architecture of each baseline as inr spells it; "default" is what `inr fit` does with a picture
OURS = {
    "siren": {"activation": "sine", "encoding": "identity", "network": "mlp:depth=4,width=256"},
    "fourier": {"encoding": "fourier:sigma=10", "activation": "relu", "network": "mlp:depth=3,width=256"},
    "wire": {"activation": "gabor:omega=20,scale=30", "encoding": "identity", "network": "mlp:depth=3,width=181"},
    "hash": {"encoding": "hash:levels=12,log2_size=16,coarsest=16,finest=768", "network": "mlp:depth=2,width=64"},
    "default": {},
}  # fmt: skip
RESULTS = Path(__file__).parent / "results" / "fit_speed.tsv"


def plain_run(method: str, signal: inr.Signal, limit: float) -> Iterator[tuple[float, float]]:
    """(seconds fitting, PSNR in dB) before every step of the plain script."""
    torch.manual_seed(0)
    model, optimiser, factor = METHODS[method]()
    rates = [group["lr"] for group in optimiser.param_groups]
    indices = torch.arange(signal.size)
    coords, target = signal.coords(indices), signal.values(indices)
    spent = 0.0
    while spent < limit:
        before, start = spent, time.perf_counter()
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * factor(min(spent / limit, 1))
        optimiser.zero_grad()
        values = model(coords)
        loss = (values - target).square().mean()
        loss.backward()
        optimiser.step()
        spent += time.perf_counter() - start
        # the whole image is the batch: the clipped error of the weights before this step comes for free
        clipped = (values.detach().clamp(-1, 1) - target).square().mean().item()
        yield before, 10 * math.log10(4 / clipped)


def our_run(method: str, signal: inr.Signal, limit: float) -> Iterator[tuple[float, float]]:
    """(seconds fitting, PSNR in dB) while inr fits, measured about 40 times in the run."""
    fitter = make_fitter(signal, budget=inr.Budget(seconds=limit), **OURS[method])
    due = 0.0
    for event in fitter.run():
        if event.kind == "end" or (event.kind == "step" and event.seconds >= due):
            yield event.seconds, whole_psnr(fitter.field, signal)
            due = max(event.seconds * 1.1, event.seconds + limit / 100)


@torch.no_grad()
def whole_psnr(field: inr.Field, signal: inr.Signal) -> float:
    """Clipped PSNR of the whole picture, as `plain_run` measures it."""
    squares = [(field(coords).clamp(-1, 1) - values).square().sum().double() for coords, values in signal.blocks()]
    return 10 * math.log10(4 * signal.size * signal.channels / torch.stack(squares).sum().item())


def crossings(run: Iterator[tuple[float, float]]) -> dict[str, float]:
    """Seconds to each target, and the best PSNR with the seconds spent."""
    row: dict[str, float] = {}
    best = -math.inf
    for seconds, psnr in run:
        best = max(best, psnr)
        for target in TARGETS:
            if psnr >= target:
                row.setdefault(f"to_{target}_dB", round(seconds, 2))
        row |= {"best_dB": round(best, 2), "seconds": round(seconds, 1)}
        if psnr >= TARGETS[-1]:
            break
    return row


def main() -> None:
    """Measure, print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True, help="folder of the Kodak pictures")
    parser.add_argument("--names", nargs="+", default=["kodim23", "kodim08", "kodim20"])
    parser.add_argument("--methods", nargs="+", default=list(OURS), choices=list(OURS))
    parser.add_argument("--limit", type=float, default=30.0, help="seconds of fitting a run")
    options = parser.parse_args()
    rows = []
    for name in options.names:
        signal = inr.open(options.pictures / f"{name}.png")
        for method in options.methods:
            sides = {"plain": plain_run, "inr": our_run} if method in METHODS else {"inr": our_run}
            for side, run in sides.items():
                row = {"picture": name, "method": method, "code": side} | crossings(run(method, signal, options.limit))
                rows.append(row)
                print(row, flush=True)
    columns = ["picture", "method", "code", *[f"to_{target}_dB" for target in TARGETS], "best_dB", "seconds"]
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        file.write(f"# {machine.describe()}; limit {options.limit:g} s; empty: not reached\n")
        writer = csv.DictWriter(file, columns, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
