"""Many small fields: how many a minute, against a loop of single fits, against public ways, and what weights tell.

- crops: fields of 32x32 crops of quarter-size Kodak pictures, SIREN 3x32, each until it reaches 35 dB.
- loop: 8x8 grey crops, as many steps each, as a set and by `inr.fit` one after another.
- public: the same steps of sets, and of sines stacked along an axis in PyTorch and JAX, see `sets_baselines`, by the
  fields that these take at once; rates do not count here, since all take the same steps.
- digits: scikit-learn's 1,797 digits as SIRENs 2x16 with omega 10 and 30 steps, and the accuracy of a logistic
  regression and of 5 nearest neighbours on their raw weights, 1,200 to learn from and 597 to test, with one start for
  all and with own ones; pixels beside. The learning rate is the one of the best regression in five-fold
  cross-validation on the 1,200, whose rows are "digits, cross-validation"; the 597 are looked at with that one alone.

    python -m studies.sets --data DIR [--only crops loop public digits] [--workers 1 2] [--fields 400] [--report]

DIR holds the folder kodak. Digits need scikit-learn, and one of the public ways JAX; rows of what is not installed are
left out. Appends to results/sets.tsv, and what is there is not measured again; results/sets.md is made from it.
Seconds are the least of some repeats.
"""

import argparse
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import inr
from inr.bench import machine
from inr.bench.crops import crops, quartered
from inr.bench.tables import Ledger, Row, origin, read
from inr.fitting import Budget, Setup
from inr.sets import Recipe, Rows, fit_rows, set_recipe
from inr.sets._recipe import Init
from studies import RESULTS
from studies.sets_baselines import WAYS, Steps, shapes

TABLE, REPORT = RESULTS / "sets.tsv", RESULTS / "sets.md"
KEYS = ("work", "way", "fields_at_once", "workers")
COLUMNS = (
    *KEYS,
    "fields",
    "seconds",
    "per_minute",
    "us_per_step",
    "steps",
    "psnr",
    "reached",
    "regression",
    "neighbours",
)
REPEATS = 3
LEARNED, FOLDS = 1_200, 5  # digits to learn from, and parts of them for cross-validation
RATES = (3e-3, 6e-3, 9e-3, 1.3e-2, 2e-2)
AT_ONCE = (1, 16, 64, 256, 1_024)
TARGET = 35.0
VALIDATION = "digits, cross-validation"


def quarters(folder: Path) -> list[np.ndarray]:
    """Means over 4 x 4 pixels of the Kodak pictures."""
    return [quartered(inr.open(path).array) for path in sorted((folder / "kodak").glob("kodim*.png"))]


def fitted(recipe: Recipe, signals: list[inr.Signal], workers: int) -> tuple[Rows, float]:
    """The fields of a set, and the least seconds of some runs, kernels being there."""
    names = [f"{number:05d}" for number in range(len(signals))]
    fit_rows(recipe, names[:1], signals[:1])
    seconds = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        rows = fit_rows(recipe, names, signals, workers=workers)
        seconds.append(time.perf_counter() - begin)
    return rows, min(seconds)


def told(rows: Rows, seconds: float) -> Row:
    """What a row of the table says of a set."""
    fields = len(rows.names)
    return {
        "fields": str(fields), "seconds": f"{seconds:.3f}", "per_minute": f"{60 * fields / seconds:.0f}",
        "us_per_step": f"{1e6 * seconds / rows.steps.sum():.2f}", "steps": f"{rows.steps.mean():.1f}",
        "psnr": f"{rows.psnr.mean():.2f}",
    }  # fmt: skip


def plain(depth: int, width: int, batch: int, steps: int, rate: float, omega: float = 30.0) -> Recipe:
    """SIREN in full batches."""
    network, activation = f"mlp:depth={depth},width={width}", f"sine:omega={omega:g}"
    setup = Setup("identity", activation, network, batch=batch, learning_rate=rate, lattice_only=True)
    return Recipe(setup, Budget(steps=steps))


def of_crops(ledger: Ledger, pictures: list[np.ndarray], options: argparse.Namespace) -> None:
    """Fields a minute to a target."""
    signals = crops(pictures, options.fields, 32)
    for workers in options.workers:

        def measure(workers: int = workers) -> Row:
            rows, seconds = fitted(set_recipe(signals, psnr=TARGET), signals, workers)
            return told(rows, seconds) | {"reached": f"{(rows.psnr >= TARGET).mean():.3f}"}

        ledger.once(_key("32x32 RGB to 35 dB, 3x32", "set", workers=workers), measure)


def of_loop(ledger: Ledger, pictures: list[np.ndarray], options: argparse.Namespace) -> None:
    """A set against single fits."""
    for depth, width in ((2, 16), (3, 32)):
        signals = crops(pictures, options.fields, 8, grey=True)
        recipe = plain(depth, width, 64, 200, 4e-3)
        work = f"8x8 grey, 200 steps, {depth}x{width}"

        def single(recipe: Recipe = recipe, signals: list[inr.Signal] = signals) -> Row:
            some = signals[: max(len(signals) // 20, 8)]
            setup, seconds = recipe.setup, []
            for _ in range(REPEATS + 1):  # the first compiles
                begin = time.perf_counter()
                for signal in some:
                    inr.fit(
                        signal, encoding=setup.encoding, activation=setup.activation, network=setup.network,
                        batch=setup.batch, learning_rate=setup.learning_rate, lattice_only=True, steps=200,
                    )  # fmt: skip
                seconds.append(time.perf_counter() - begin)
            least = min(seconds)
            return {
                "fields": str(len(some)), "seconds": f"{least:.3f}", "per_minute": f"{60 * len(some) / least:.0f}",
                "us_per_step": f"{1e6 * least / len(some) / 200:.2f}", "steps": "200",
            }  # fmt: skip

        ledger.once(_key(work, "inr.fit, one after another"), single)
        for workers in options.workers:

            def together(workers: int = workers, recipe: Recipe = recipe, of: list[inr.Signal] = signals) -> Row:
                return told(*fitted(recipe, of, workers))

            ledger.once(_key(work, "set", workers=workers), together)


def stacked(make: Callable[..., Steps], coords: np.ndarray, values: np.ndarray) -> Row:
    """What a step of fields that are stacked along an axis costs each."""
    run = make(coords, values, shapes(2, 3, 32, values.shape[2]), 30.0, 4e-3)
    run(2)
    steps = max(int(20_000 / values.shape[0] / values.shape[1]), 3)
    least = min(_timed(run, steps) for _ in range(REPEATS))
    each = 1e6 * least / steps / len(values)
    return {"fields": str(len(values)), "seconds": f"{least:.3f}", "us_per_step": f"{each:.2f}"}


def of_public(ledger: Ledger, pictures: list[np.ndarray], options: argparse.Namespace) -> None:
    """A set against fields stacked along an axis."""
    for side, grey in ((8, True), (32, False)):
        signals = crops(pictures, options.fields, side, grey=grey)
        work = f"{side}x{side} {'grey' if grey else 'RGB'}, steps alone, 3x32"
        for workers in options.workers:

            def ours(workers: int = workers, of: list[inr.Signal] = signals, batch: int = side * side) -> Row:
                return told(*fitted(plain(3, 32, batch, 100, 4e-3), of, workers))

            ledger.once(_key(work, "set", workers=workers), ours)
        every = torch.arange(side * side)
        coords = signals[0].coords(every).numpy()
        for way, make in WAYS.items():
            for count in AT_ONCE:
                if count * side * side > options.most_points:
                    continue
                values = np.stack([signals[place % len(signals)].values(every).numpy() for place in range(count)])
                measure = functools.partial(stacked, make, coords, values)
                try:
                    ledger.once(_key(work, way, count, torch.get_num_threads()), measure)
                except ImportError as error:
                    print(f"left out: {way} ({error})")
                    break


def _timed(run: Callable[[int], float], steps: int) -> float:
    begin = time.perf_counter()
    run(steps)
    return time.perf_counter() - begin


def of_digits(ledger: Ledger, pictures: list[np.ndarray], options: argparse.Namespace) -> None:
    """Accuracies on weights."""
    try:
        from sklearn.datasets import load_digits
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import cross_val_score
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        print(f"left out: digits ({error})")
        return
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]

    names = [f"{place:04d}" for place in range(len(images))]

    def classifiers() -> dict[str, Any]:
        regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000, C=0.1))
        return {"regression": regression, "neighbours": KNeighborsClassifier(5)}

    def accuracies(features: np.ndarray) -> Row:
        learned, tested = slice(0, LEARNED), slice(LEARNED, None)
        return {
            name: f"{100 * each.fit(features[learned], labels[learned]).score(features[tested], labels[tested]):.1f}"
            for name, each in classifiers().items()
        }

    def fields(count: int, rate: float, init: Init = "shared", workers: int = 1) -> Rows:
        signals = [
            inr.from_array(each.reshape(8, 8), kind="image", value_range=(0, 16))
            for each in images[:count].astype(np.uint8)
        ]
        recipe = set_recipe(
            signals, activation="sine:omega=10", network="mlp:depth=2,width=16", steps=30, learning_rate=rate, init=init
        )
        return fit_rows(recipe, names[:count], signals, workers=workers)

    def validated(rate: float) -> Row:
        weights = fields(LEARNED, rate).weights
        return {"fields": str(LEARNED)} | {
            name: f"{100 * cross_val_score(each, weights, labels[:LEARNED], cv=FOLDS).mean():.2f}"
            for name, each in classifiers().items()
        }

    for rate in RATES:
        ledger.once(_key(VALIDATION, f"weights, rate {rate:g}"), functools.partial(validated, rate))
    found = {row["way"]: float(row["regression"]) for row in read(TABLE) if row["work"] == VALIDATION}
    best = max(RATES, key=lambda rate: found[f"weights, rate {rate:g}"])
    ledger.once(_key("digits", "pixels"), lambda: {"fields": str(len(images)), **accuracies(images)})
    for workers in options.workers:
        init: Init
        for init in ("shared", "own"):

            def weights(workers: int = workers, init: Init = init) -> Row:
                seconds = []
                for _ in range(REPEATS):
                    begin = time.perf_counter()
                    rows = fields(len(images), best, init, workers)
                    seconds.append(time.perf_counter() - begin)
                return told(rows, min(seconds)) | accuracies(rows.weights)

            ledger.once(_key("digits", f"weights, {init} start", workers=workers), weights)


def _key(work: str, way: str, count: int = 1, workers: int = 1) -> Row:
    return {"work": work, "way": way, "fields_at_once": str(count), "workers": str(workers)}


WORKS = {"crops": of_crops, "loop": of_loop, "public": of_public, "digits": of_digits}


def report() -> str:
    """The table, and what is compared in it."""
    rows = read(TABLE)
    return "\n".join([
        "# Many small fields", "",
        f"Measured by `studies/sets.py` on {origin(TABLE)}.", "",
        *_table(rows), "", "## Compared", "", *_compared(rows), "",
    ])  # fmt: skip


def _table(rows: list[Row]) -> Iterator[str]:
    named = [column.replace("_", " ") for column in COLUMNS]
    yield f"| {' | '.join(named)} |"
    yield f"|{'---|' * len(named)}"
    for row in rows:
        yield f"| {' | '.join(row[column] or '' for column in COLUMNS)} |"


def _compared(rows: list[Row]) -> Iterator[str]:
    """For each work, the fastest of every way by microseconds a field and step."""
    for work in dict.fromkeys(row["work"] for row in rows if row["us_per_step"]):
        fastest: dict[str, float] = {}
        for row in rows:
            if row["work"] == work and row["us_per_step"]:
                cost = float(row["us_per_step"])
                fastest[row["way"]] = min(cost, fastest.get(row["way"], cost))
        if "set" in fastest:
            others = [f"{way} {cost / fastest['set']:.1f}" for way, cost in fastest.items() if way != "set"]
            if others:
                yield f"- {work}: times the cost of a set, each way at its best: {', '.join(others)}."


def main() -> None:
    """Measure what is missing, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds kodak")
    parser.add_argument("--only", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--fields", type=int, default=400)
    parser.add_argument("--most-points", type=int, default=300_000, help="of all fields that are stacked")
    parser.add_argument("--report", action="store_true", help="only write the report")
    options = parser.parse_args()
    if not options.report:
        ledger = Ledger(TABLE, COLUMNS, KEYS, machine.describe())
        pictures = quarters(options.data)
        for name in options.only:
            WORKS[name](ledger, pictures, options)
    REPORT.write_text(report())


if __name__ == "__main__":
    main()
