"""What a Ray cluster costs on one machine: a set fitted by threads of this process, and by a cluster of the same cores.

- sets: `inr.fit_many` here, kernels being loaded; and on a cluster that runs: the seconds that it took to begin, those
  of the first set, for which its processes begin and load kernels, and those of the second.
- commands: `inr fit DIR -o SET.inr` from a shell, without and with `--on ray`: everything is in it, on both sides.

    python -m studies.sets_on_ray --data DIR [--only sets commands] [--fields 8000] [--steps 200] [--runs 3] [--report]

DIR holds the folder kodak, of which the fields are 32x32 crops of quarter-size pictures. Needs Ray. All cores that this
process may use are used by either way (`taskset` gives fewer), and the ways take turns. Appends to
results/sets_on_ray.tsv, and what is there is not measured again; results/sets_on_ray.md is made from it.
"""

import argparse
import hashlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import inr
from inr._cluster import Cluster
from inr._cores import usable_cores
from inr.bench import machine
from inr.bench.tables import Ledger, Row, markdown, number, origin, read
from studies import RESULTS
from studies.sets import crops, quarters

TABLE, REPORT = RESULTS / "sets_on_ray.tsv", RESULTS / "sets_on_ray.md"
KEYS = ("work", "way", "fields", "steps", "cores", "run")
COLUMNS = (*KEYS, "begin", "first", "seconds", "sha256")
PARTS: dict[str, Any] = {"network": "mlp:depth=3,width=32", "activation": "sine", "encoding": "identity"}
MOST = 1.15  # times the seconds of the way without a cluster


def timed_set(signals: list[inr.Signal], steps: int, folder: Path, on: str | None) -> tuple[float, str]:
    """Seconds of a set, and the digest of its file."""
    path = folder / "set.inr"
    begin = time.perf_counter()
    inr.fit_many(signals, **PARTS, steps=steps, out=path, on=on, force=True)
    return time.perf_counter() - begin, _digest(path)


def set_here(signals: list[inr.Signal], steps: int) -> Row:
    """By threads of this process."""
    with tempfile.TemporaryDirectory() as folder:
        first, _ = timed_set(signals[:1], steps, Path(folder), None)
        seconds, digest = timed_set(signals, steps, Path(folder), None)
    return {"first": f"{first:.3f}", "seconds": f"{seconds:.3f}", "sha256": digest}


def set_on_ray(signals: list[inr.Signal], steps: int) -> Row:
    """By a cluster of this machine's cores."""
    begin = time.perf_counter()
    with Cluster("ray"), tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter() - begin
        first, _ = timed_set(signals, steps, Path(folder), "ray")
        seconds, digest = timed_set(signals, steps, Path(folder), "ray")
    return {"begin": f"{begun:.3f}", "first": f"{first:.3f}", "seconds": f"{seconds:.3f}", "sha256": digest}


def command(folder: Path, steps: int, *more: str) -> Row:
    """By the command line, from its start to its end."""
    parts = [word for part, spec in PARTS.items() for word in (f"--{part}", spec)]
    with tempfile.TemporaryDirectory() as into:
        path = Path(into, "set.inr")
        words = ["fit", str(folder), "-o", str(path), *parts, "--steps", str(steps), "--quiet", *more]
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "inr", *words], check=True)
        seconds = time.perf_counter() - begin
        return {"seconds": f"{seconds:.3f}", "sha256": _digest(path)}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def measure(options: argparse.Namespace) -> None:
    """Make the runs that are missing."""
    import ray

    told = f"{machine.describe()}, ray {ray.__version__}"
    print(told)
    ledger = Ledger(TABLE, COLUMNS, KEYS, told)
    signals = crops(quarters(options.data), options.fields, 32)
    settings = {"fields": str(options.fields), "steps": str(options.steps), "cores": str(usable_cores())}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "commands" in options.only:
            for place, signal in enumerate(signals):
                signal.save(folder / f"{place:05d}.png")
        ways = {
            ("sets", "here"): lambda: set_here(signals, options.steps),
            ("sets", "ray"): lambda: set_on_ray(signals, options.steps),
            ("commands", "here"): lambda: command(folder, options.steps),
            ("commands", "ray"): lambda: command(folder, options.steps, "--on", "ray"),
        }
        for run in range(1, options.runs + 1):
            for (work, way), make in ways.items():
                if work in options.only:
                    ledger.once({"work": work, "way": way, **settings, "run": str(run)}, make)


def report() -> str:
    """The table, and what is compared in it."""
    rows = read(TABLE)
    cells = [[row["sha256"][:12] if column == "sha256" else row[column] for column in COLUMNS] for row in rows]
    return "\n".join([
        "# A set on a Ray cluster of one machine", "",
        f"Measured by `studies/sets_on_ray.py` on {origin(TABLE)}.", "",
        "Seconds: of the cluster's begin, of the first set on it (or of a single field here, for which kernels are "
        "loaded), and of the set that is compared. Cores are the same either way.", "",
        *markdown(COLUMNS, cells), "## Compared", "", *_compared(rows), "",
    ])  # fmt: skip


def _compared(rows: list[Row]) -> Iterator[str]:
    """For each work, the median over pairs of runs of the seconds on Ray by those here."""
    for settings in dict.fromkeys(tuple(row[key] for key in KEYS if key not in ("way", "run")) for row in rows):
        work, fields, steps, cores = settings
        of = {
            way: [row for row in rows if (*settings, way) == (row["work"], *(row[k] for k in KEYS[2:5]), row["way"])]
            for way in ("here", "ray")
        }
        if not all(of.values()):
            continue
        equal = "equal" if len({row["sha256"] for each in of.values() for row in each}) == 1 else "NOT equal"
        here, away = ({row["run"]: float(row["seconds"]) for row in of[way]} for way in ("here", "ray"))
        ratios = [away[run] / here[run] for run in here if run in away]
        if not ratios:
            continue
        ratio = statistics.median(ratios)
        pairs = "1 pair" if len(ratios) == 1 else f"{len(ratios)} pairs, {number(min(ratios))} to {number(max(ratios))}"
        line = (
            f"- {work}, {int(fields):,} fields of {steps} steps, {cores} cores: "
            f"{number(statistics.median(away.values()))} s on Ray, {number(statistics.median(here.values()))} s here, "
            f"{number(ratio)} times ({pairs})"
        )
        if work == "sets":
            line += f", {'within' if ratio <= MOST else 'above'} {MOST} times"
            begun = statistics.median(float(row["begin"]) + float(row["first"]) for row in of["ray"])
            line += f"; the cluster's begin and its first set take {number(begun)} s"
        yield f"{line}. Bytes are {equal}."


def main() -> None:
    """Measure what is missing, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder that holds kodak")
    parser.add_argument("--only", nargs="+", choices=("sets", "commands"), default=["sets", "commands"])
    parser.add_argument("--fields", type=int, default=8_000)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--report", action="store_true", help="only write the report")
    options = parser.parse_args()
    if not options.report:
        if options.data is None:
            parser.error("--data is needed to measure")
        measure(options)
    REPORT.write_text(report())


if __name__ == "__main__":
    main()
