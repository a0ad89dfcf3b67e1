"""Measure the figures that are asked for, and keep them."""

import argparse
import time
from collections.abc import Callable
from importlib.metadata import version

from inr.bench import machine, tables
from studies import RESULTS, service_kills
from studies.service import _load, _process, _views

TABLE = RESULTS / "service.tsv"
COLUMNS = ["figure", "what", "value", "unit", "least", "most", "aim", "met"]
FIGURES: dict[str, Callable[[int], list[dict]]] = {
    "load": _load.load,
    "fairness": lambda jobs: _load.fairness(10 * jobs),
    "tile": _views.tile,
    "drop": _views.drop,
    "start": _process.start,
    "page": _process.page,
    "sqlite": _process.sqlite,
    "kills": lambda jobs: service_kills.kills(2 * jobs, jobs // 2),
}


def judged(row: dict) -> dict:
    """A row with what it says of itself: whether it is as good as it has to be."""
    least, most = row.get("least", float("-inf")), row.get("most", float("inf"))
    bound = "least" in row or "most" in row
    met = "" if not bound else "yes" if least <= row["value"] <= most else "no"
    return row | {"value": f"{row['value']:.4g}", "met": met}


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(prog="python -m studies.service", description=__doc__)
    parser.add_argument("figures", nargs="+", choices=[*FIGURES, "all"])
    what = "clients of load; ten times as many jobs of fairness, half as many kills"
    parser.add_argument("--jobs", type=int, default=100, help=what)
    arguments = parser.parse_args()
    asked = list(FIGURES) if "all" in arguments.figures else list(dict.fromkeys(arguments.figures))
    libraries = ", ".join(f"{name} {version(name)}" for name in ("fastapi", "starlette", "uvicorn"))
    comment = f"{machine.describe()}, {libraries}"
    print(comment)
    for figure in asked:
        begun = time.perf_counter()
        found = [judged(row) for row in FIGURES[figure](arguments.jobs)]
        names = {row["figure"] for row in found}
        kept = [row for row in tables.read(TABLE) if row["figure"] not in names]
        tables.write(TABLE, COLUMNS, [*kept, *found], comment)
        for row in found:
            bound = " ".join(f"{name} {row[name]:g}" for name in ("least", "most", "aim") if name in row)
            print(f"{row['figure']:9} {row['value']:>9} {row['unit']:6} {row['met']:3} {row['what']}  {bound}")
        print(f"          {time.perf_counter() - begun:9.1f} s      for {figure}", flush=True)


if __name__ == "__main__":
    main()
