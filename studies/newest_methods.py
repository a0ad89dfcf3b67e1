"""Methods of 2024 to 2026 beside rate-swept SIREN, FINER, Fourier features and hash grids, of equal size and time.

Grey crops of 96 x 96 pixels of kodim23, which is smooth, and kodim08, which is rough. All pixels in every step, 400
steps, cosine decay, Adam unless a method brings its own; every network so wide that it learns 8,000 numbers, as nearly
as widths allow. Each method is fitted at 1, 3 and 10 times the rates that its parts declare, and on by factors of 3
while the best stands at an end, with one seed; the best factor is then fitted with two more seeds. `steps` rows have
400 steps; `time` rows as many as take the processor's time of SIREN's 400, at the same factor.

A method is confirmed where it is better than its baseline, which is the same field without it, on both crops: by more
than twice the standard error of the difference of means. All else is printed as "not confirmed". These are signs at a
small size, no ranking: a crop of 96² is memorised by fields that a photograph is too much for.

    python -m studies.newest_methods --shared DIR [--only METHOD] [--report]

DIR is a folder with `kodak/` in it. Appends to results/newest_methods.tsv, one row a fit; fits that are there are not
made again. results/newest_methods.md is written from all. A method is one line of METHODS.
"""

import argparse
import math
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import inr
from inr.bench import machine, tables
from inr.field import Field
from inr.fitting import BoundedWeights, default_learning_rates, evaluate, make_fitter
from studies import RESULTS
from studies.rate_sweeps import best_factor, next_factor

TABLE = RESULTS / "newest_methods.tsv"
CELL = ["method", "signal", "kind", "factor", "seed"]
COLUMNS = [*CELL, "psnr", "steps", "parameters", "milliseconds", "engine", "end"]
SIDE, STEPS, PARAMETERS = 96, 400, 8_000
SEEDS = (0, 1, 2)
CROPS = {"kodim23": (120, 180, 4), "kodim08": (180, 300, 8)}  # row, column, and cycles that suit Fourier features
MLP = "mlp:depth=3,width={width}"
FOURIER = "fourier:frequencies=32,sigma={sigma}"
INTEGER = "integer-fourier:frequencies=32,low=3,high=16"  # of 96 samples, as `suited` has it
MASKS = "hidden=16,levels=4,log2_size=7,coarsest=4,finest=32"
POLYNOMIALS = "(fourier:frequencies=16,sigma={sigma}),second=(chebyshev:order=10)"


@dataclass(frozen=True)
class Method:
    """A field and how it is fitted; {width}, {fourfold} (4 width) and {sigma} stand for what the study sets.

    {fresh} stands for a sigma that the library chooses by itself before the fit.

    Attributes:
        baseline: the method that it is to be better than; "" for baselines.
        options: further arguments of `make_fitter`.
    """

    encoding: str
    activation: str
    network: str = MLP
    baseline: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


METHODS = {
    "SIREN": Method("identity", "sine"),
    "Fourier": Method(FOURIER, "relu"),
    "SIREN, init gradient": Method("identity", "sine", f"{MLP},init=gradient", "SIREN"),
    "SIREN, init variance": Method("identity", "sine", f"{MLP},init=variance", "SIREN"),
    "CAFE+": Method(
        f"cafe:over=(concat:first={POLYNOMIALS}),width={{width}}", "relu", "mlp:depth=1,width={width}", "Fourier"
    ),
    "Fourier, batch norm": Method(FOURIER, "relu", "normalised:depth=3,width={width}", "Fourier"),
    "integer spectrum": Method(INTEGER, "sine", MLP, "SIREN"),
    "FINER": Method("identity", "finer"),
    "hash": Method("hash:levels=6,log2_size=9,coarsest=8,finest=96", "relu", "mlp:depth=2,width={width}"),
    "Gaussian": Method("identity", "gaussian"),
    "Gaussian, init variance": Method("identity", "gaussian", f"{MLP},init=variance", "Gaussian"),
    "integer spectrum, bounded": Method(
        INTEGER, "sine", MLP, "integer spectrum", {"parametrisation": BoundedWeights(0.5)}
    ),
    "integer spectrum, masks": Method(
        INTEGER, "sine", f"masked:groups=4,width={{fourfold}},{MASKS}", "integer spectrum"
    ),
    "CAFE": Method(f"cafe:over=({FOURIER}),width={{width}}", "relu", "mlp:depth=1,width={width}", "Fourier"),
    "Fourier, layer norm": Method(FOURIER, "relu", "normalised:norm=layer,depth=3,width={width}", "Fourier"),
    "Fourier, cross norm": Method(FOURIER, "relu", "normalised:norm=cross,depth=3,width={width}", "Fourier"),
    "Fourier, Muon": Method(FOURIER, "relu", MLP, "Fourier", {"optimiser": "muon"}),
    "SIREN, Muon": Method("identity", "sine", MLP, "SIREN", {"optimiser": "muon"}),
    "Fourier, tangent": Method(FOURIER, "relu", MLP, "Fourier", {"adjust": "tangent:patch=8"}),
    "SIREN, tangent": Method("identity", "sine", MLP, "SIREN", {"adjust": "tangent:patch=8"}),
    "Fourier, FreSh": Method("fourier:frequencies=32,sigma={fresh}", "relu", MLP, "Fourier"),
    "axis-wise": Method("identity", "sine", "axiswise:rank={width},width={width}", "SIREN"),
}


def signals(shared: Path) -> dict[str, inr.Signal]:
    """The crops by name."""
    found: dict[str, inr.Signal] = {}
    for name, (row, column, _) in CROPS.items():
        picture = inr.open(shared / "kodak" / f"{name}.png").array[row : row + SIDE, column : column + SIDE]
        grey = picture.astype(np.float32).mean(-1, keepdims=True) / 255
        found[name] = inr.Signal.from_array(grey, kind="image", channels_last=True)
    return found


def parts_of(method: Method, name: str, signal: inr.Signal) -> dict[str, Any]:
    """The parts of a method at the width that comes nearest to the number of parameters."""

    def spelled(width: int, fresh: str) -> dict[str, Any]:
        values = {"width": width, "fourfold": 4 * width, "sigma": CROPS[name][2], "fresh": fresh}
        parts = {"encoding": method.encoding, "activation": method.activation, "network": method.network}
        return {part: spec.format(**values) for part, spec in parts.items()}

    def learned(width: int) -> int:
        with torch.device("meta"):
            return Field.build(signal.domain, **spelled(width, "1")).parameter_count

    low, high = 1, 512
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if learned(middle) < PARAMETERS else (low, middle)
    nearest = min((low - 1, low), key=lambda width: abs(learned(max(width, 1)) - PARAMETERS))
    return spelled(max(nearest, 1), "fresh")


@dataclass(frozen=True)
class Run:
    """What a row is of: a fit with a factor of the declared rates, of a number of steps."""

    method: str
    signal: str
    kind: str
    factor: float
    seed: int
    steps: int = STEPS

    def cell(self) -> tuple[str, ...]:
        """As the table names it."""
        return self.method, self.signal, self.kind, f"{self.factor:g}", str(self.seed)


def fitted(run: Run, signal: inr.Signal) -> dict[str, object]:
    """The row of a fit."""
    method = METHODS[run.method]
    parts = parts_of(method, run.signal, signal)
    common = {"budget": inr.Budget(steps=run.steps), "batch": SIDE**2, "seed": run.seed, "lattice_only": True,
              "schedule": "cosine", **method.options}  # fmt: skip
    declared = default_learning_rates(make_fitter(signal, **parts, **{**common, "learning_rate": "paper"}).field)
    rates = {part: run.factor * rate for part, rate in declared.items()}
    fitter = make_fitter(signal, **parts, **{**common, "learning_rate": rates})
    begin = time.process_time()
    *_, end = fitter.run()
    seconds = time.process_time() - begin
    psnr = evaluate(fitter.field, signal, execute=fitter.execute, block=fitter.plan.block)["psnr"]
    return {
        **dict(zip(CELL, run.cell(), strict=True)), "psnr": f"{psnr:.2f}", "steps": run.steps,
        "parameters": fitter.field.parameter_count, "milliseconds": f"{1000 * seconds / run.steps:.3f}",
        "engine": fitter.engine, "end": end.reason,
    }  # fmt: skip


Table = dict[tuple[str, ...], dict[str, str]]


def swept(table: Table, method: str, signal: str) -> dict[float, float]:
    """PSNR by the factors that were tried with the first seed."""
    sweep = (method, signal, "steps"), str(SEEDS[0])
    return {float(cell[3]): float(row["psnr"]) for cell, row in table.items() if (cell[:3], cell[4]) == sweep}


def settled(table: Table, method: str, signal: str) -> float | None:
    """The best factor; None where the sweep is not done."""
    tried = swept(table, method, signal)
    return best_factor(tried) if next_factor(tried) is None else None


def pace(table: Table, method: str, signal: str) -> float | None:
    """The median of a method's processor time a step, in milliseconds."""
    times = [float(row["milliseconds"]) for cell, row in table.items() if cell[:3] == (method, signal, "steps")]
    return statistics.median(times) if times else None


def next_run(table: Table, methods: list[str]) -> Run | None:
    """The first fit that is missing; asked anew after each, for later ones follow from earlier ones."""
    return next((run for run in runs(table, methods) if run.cell() not in table), None)


def runs(table: Table, methods: list[str]) -> Iterator[Run]:
    """All fits as far as they are known: of every method the sweep and other seeds, then equal time."""
    for kind in ("steps", "time"):
        for method in methods:
            for signal in CROPS:
                factor = settled(table, method, signal)
                if factor is None:
                    further = next_factor(swept(table, method, signal))
                    if kind == "steps" and further is not None:
                        yield Run(method, signal, "steps", further, SEEDS[0])
                    continue
                steps, ours, theirs = STEPS, pace(table, method, signal), pace(table, "SIREN", signal)
                if kind == "time":
                    if ours is None or theirs is None:
                        continue
                    steps = max(20, round(STEPS * theirs / ours))
                yield from (Run(method, signal, kind, factor, seed, steps) for seed in SEEDS)


CLAIMS = [
    # whose, what they report and where, and what of that is beyond a study on two processor cores
    ("Muon", "McGinnis et al., Optimizing Rank, ICML 2026", "up to +9 dB with the network as it is",
     "six photographs in equal time: [muon.tsv](muon.tsv)"),
    ("init gradient", "Combette et al., 2512.06427, ICLR 2026", "better and steadier fits of deep sine networks",
     "networks of 3 hidden layers only"),
    ("init variance", "VI3NR, CVPR 2025", "forward error 0.9 for 6.7 with Gaussian activations", "their scenes"),
    ("batch, layer and cross norm", "Cai et al., CVPR 2024", "Fourier features 26.4 to 30.9 dB with cross norm",
     "networks of 28 x 10 and 50,000 steps"),
    ("integer spectrum, bounded; masks", "TUNER, CVPR 2025; SASNet, CVPR 2026",
     "53.71 ± 0.04 dB of one picture with 130,000 parameters (SASNet, 10 seeds)", "pictures and networks of that size"),
    ("CAFE, CAFE+", "CVPR 2026", "42.1 to 42.6 dB on DIV2K, FINER 39.4 to 42.3 in twice the time", "DIV2K"),
    ("tangent", "IGA, Shi et al., ICML 2025", "Kodak: ReLU with features 28.64 to 32.46 dB, SIREN 32.65 to 33.48",
     "10,000 steps of 24 pictures; wider networks and other rates: [preconditioning.tsv](preconditioning.tsv)"),
    ("FreSh", "Kania et al., ICLR 2025", "the result of a sweep in a twentieth of its time",
     "sweeps beside choices, on samples held out: [frequencies.tsv](frequencies.tsv)"),
    ("axis-wise", "F-INR, WACV 2026", "up to 20 times as fast, +6 dB", "their scenes and volumes"),
]  # fmt: skip


def report(table: Table) -> str:
    """Means and deviations of the best factors, what is confirmed, and what the authors claim."""
    lines = [
        "# Methods of 2024 to 2026", "", f"{tables.origin(TABLE)}.", "",
        "By `python -m studies.newest_methods`, whose docstring says how: means and standard deviations of "
        f"{len(SEEDS)} seeds at the best factor of the declared rates.", "",
    ]  # fmt: skip
    for kind, title in (("steps", f"{STEPS} steps"), ("time", "The processor's time of SIREN's steps")):
        rows = []
        for name, method in METHODS.items():
            verdicts, cells = [], []
            for signal in CROPS:
                ours = _psnrs(table, name, signal, kind)
                factor = settled(table, name, signal)
                cells += [_spelled(ours), "" if factor is None else f"{factor:g}"]
                theirs = _psnrs(table, method.baseline, signal, kind) if method.baseline else []
                if len(ours) == len(theirs) == len(SEEDS):
                    gain = statistics.fmean(ours) - statistics.fmean(theirs)
                    error = math.sqrt((statistics.variance(ours) + statistics.variance(theirs)) / len(SEEDS))
                    verdicts.append((gain, gain > 2 * error))
            words = ""
            if method.baseline:
                gains = ", ".join(f"{gain:+.2f}" for gain, _ in verdicts)
                done = len(verdicts) == len(CROPS)
                verdict = "confirmed" if done and all(sure for _, sure in verdicts) else "not confirmed"
                words = f"{verdict}: {gains} dB over {method.baseline}" if done else "not run"
            rows.append([name, *cells, *([_steps(table, name)] if kind == "time" else []), words])
        head = ["method", *(each for signal in CROPS for each in (f"{signal} dB", "x rate"))]
        lines += [f"## {title}", "", *tables.markdown([*head, *(["steps"] if kind == "time" else []), ""], rows)]
    lines += ["## What the authors report, and what has not been run here", ""]
    lines += tables.markdown(["method", "source", "claim", "not run, or elsewhere"], CLAIMS)
    return "\n".join(lines)


def _steps(table: Table, name: str) -> str:
    """How many steps fits of equal time had, by crop."""
    found = {cell[1]: row["steps"] for cell, row in table.items() if (cell[0], cell[2]) == (name, "time")}
    return ", ".join(found[signal] for signal in CROPS if signal in found)


def _psnrs(table: Table, method: str, signal: str, kind: str) -> list[float]:
    factor = settled(table, method, signal)
    if factor is None:
        return []
    found = [table.get(Run(method, signal, kind, factor, seed).cell()) for seed in SEEDS]
    return [float(row["psnr"]) for row in found if row is not None]


def _spelled(values: list[float]) -> str:
    if len(values) < 2:
        return "".join(f"{value:.2f}" for value in values)
    return f"{statistics.fmean(values):.2f} ± {statistics.stdev(values):.2f}"


def read() -> Table:
    """The rows that are there."""
    return {tuple(row[name] for name in CELL): row for row in tables.read(TABLE)}


def main() -> None:
    """Run what is missing, and print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shared", type=Path, help="a folder with kodak/ in it")
    parser.add_argument("--only", choices=METHODS, action="append", help="methods to run; all where not given")
    parser.add_argument("--report", action="store_true", help="write what is there, and run nothing")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(machine.describe())
    if not given.report:
        if given.shared is None or not (given.shared / "kodak").is_dir():
            parser.error("--shared DIR needs the pictures DIR/kodak/kodim23.png and kodim08.png")
        crops = signals(given.shared)
        while (run := next_run(read(), given.only or [*METHODS])) is not None:
            row = fitted(run, crops[run.signal])
            tables.append(TABLE, COLUMNS, row, machine.describe())
            print(*row.values(), sep="\t", flush=True)
    text = report(read())
    TABLE.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
