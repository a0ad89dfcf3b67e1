"""Differential equations with known solutions: errors and seconds, in closed form and by steps.

Closed forms: Poisson with modes up to 5π, Helmholtz with k = 20 and a plane wave at the boundary, heat that
fades, a wave that parts in two (d'Alembert), a source within absorbing layers, and Burgers' equation where it is not
sharp (Gauss-Newton). Steps: wave, heat and Burgers with ν = 0.01/π (Cole-Hopf).

    python -m studies.equations [--rows closed|steps|all] [--seconds 600]

Each row of results/equations.tsv is kept as it ends and not made again; results/equations.md is written from all.
Errors are at 20,000 random points, off those that were learned from, and outside of absorbing layers: root mean squares
relative to the solution's, and the largest by its largest value. Seconds are those of solving, in all; of steps, those
of the steps.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

from inr.bench import machine
from inr.bench.tables import Ledger, Row, markdown, origin, read
from inr.equations import (
    PRESETS,
    Preset,
    closed_form,
    collocation_fit,
    finished_field,
    relative_errors,
    solve_options,
    state,
)
from inr.field import Field
from studies import RESULTS

COLUMNS = [
    "equation",
    "solver",
    "relative_l2",
    "relative_max",
    "residual",
    "seconds",
    "parameters",
    "steps",
    "at_least",
]
TABLE = RESULTS / "equations.tsv"
CLOSED: Mapping[str, tuple[Callable[[], Preset], Mapping[str, Any], str]] = {
    "poisson": (PRESETS["poisson"], {}, "1e-5"),
    "helmholtz k=20": (PRESETS["helmholtz"], {}, "1e-5"),
    "heat": (PRESETS["heat"], {}, ""),
    "wave": (PRESETS["wave"], {}, ""),
    "helmholtz k=10, layers 0.4": (
        lambda: PRESETS["helmholtz"](k=10, pml=0.4),
        {"features": 1_310, "seconds": 120},
        "",
    ),
    "helmholtz k=20, layers 0.4": (
        lambda: PRESETS["helmholtz"](k=20, pml=0.4),
        {"features": 1_310, "seconds": 120},
        "",
    ),
    "burgers nu=0.1": (lambda: PRESETS["burgers"](nu=0.1), {"features": 819, "seconds": 120}, ""),
}
STEPS: Mapping[str, tuple[Callable[[], Preset], Mapping[str, Any], str]] = {
    "heat": (PRESETS["heat"], {}, "1e-2"),
    "wave": (PRESETS["wave"], {}, "1e-2"),
    "burgers": (PRESETS["burgers"], {}, "1e-2"),
    "burgers, hard conditions": (PRESETS["burgers"], {"hard": True}, "1e-2"),
}


def _row(preset: Preset, field: Field, seconds: float) -> Row:
    assert preset.exact is not None
    errors = relative_errors(field, preset.exact, preset.within)
    return {
        "relative_l2": f"{errors['relative_l2']:.2e}", "relative_max": f"{errors['relative_max']:.2e}",
        "residual": f"{field.metrics['residual']:.1e}", "seconds": f"{seconds:.2f}",
        "parameters": str(field.parameter_count), "steps": str(field.fit["steps"]),
    }  # fmt: skip


def in_closed_form(preset: Preset, options: Mapping[str, Any], at_least: str) -> Row:
    """A row of a closed form."""
    stated = dict(preset.stated)
    begin = time.perf_counter()
    field = closed_form(state(stated.pop("residual"), **stated), solve_options(**options), print)
    return _row(preset, field, time.perf_counter() - begin) | {"at_least": at_least}


def by_steps(preset: Preset, options: Mapping[str, Any], at_least: str, seconds: float) -> Row:
    """A row of steps."""
    stated = dict(preset.stated)
    problem, chosen = state(stated.pop("residual"), **stated), solve_options(solver="steps", seconds=seconds, **options)
    fit = collocation_fit(problem, chosen)
    for _ in fit.run():
        pass
    return _row(preset, finished_field(fit, problem, chosen), fit.fitter.seconds) | {"at_least": at_least}


def report(rows: list[Row], machines: str) -> str:
    """All rows."""
    head = ["equation", "solver", "relative L2", "largest", "residual", "s", "parameters", "steps", "at least"]
    return "\n".join([f"{machines}.", "", *markdown(head, [[row[name] for name in COLUMNS] for row in rows])])


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", choices=["closed", "steps", "all"], default="all")
    parser.add_argument("--seconds", type=float, default=600.0, help="of each row by steps")
    options = parser.parse_args()
    ledger = Ledger(TABLE, COLUMNS, ["equation", "solver"], machine.describe())
    for name, (preset, chosen, least) in CLOSED.items() if options.rows != "steps" else ():
        ledger.once(
            {"equation": name, "solver": "closed form"}, lambda p=preset, h=chosen, a=least: in_closed_form(p(), h, a)
        )
    solver = f"steps, {options.seconds:g} s"
    for name, (preset, chosen, least) in STEPS.items() if options.rows != "closed" else ():
        ledger.once(
            {"equation": name, "solver": solver},
            lambda p=preset, h=chosen, a=least: by_steps(p(), h, a, options.seconds),
        )
    text = report(read(TABLE), origin(TABLE))
    TABLE.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
