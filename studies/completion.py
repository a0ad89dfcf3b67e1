"""Signals that are seen in part, and signals told from a base: fields and Gaussian processes side by side.

    python -m studies.completion --shared DIR [--only completion|coding|fields] [--methods NAME …] [--threads 2]

- `completion`: the 20 held-out faces of studies/priors.py from 10, 100 and 300 of 625 pixels, the same ones for all
  methods: PSNR of whole pictures (seen pixels are kept), mean negative log density of unseen values, and the shares of
  these within intervals of 50 and 90 %. `exponential` and `training covariance` learn only what stands in their names:
  the length by the marginal likelihood; mean and covariance of the 80 others, and 0.01 of an exponential kernel of
  length 1. All others are `inr.priors.complete` with a base of that method.
- `coding`: ERA5, temperature at 2 m over the British Isles, hourly, March 2019 (Copernicus Climate Change Service), 33
  x 49 samples in a range of 25.9 K. 504 hours, 21 days, are learned from; the 240 hours of the 10 days after them are
  coded so that each has 35 dB. `components` are quantised principal components: the same coder, each map by itself,
  rounded to the nearest. `one map each` is `inr.compress` of every sixtieth map, its bytes times 60.

- `fields`: four of the held-out faces as fields of 35 dB, by codec `differences` and a trunk of 3 x 32 of the 80
  others: `differences`; the same where all weights of a tensor are taken to be spread alike: `one spread a tensor`;
  and, by codec `mlp` at the bytes that `differences` took, what a network comes to without a base: `mlp, equal bytes`.

Each row of results/completion.tsv is kept as it ends and not made again. All together take some twenty minutes of one
processor core, most of them the learning of modulated, neural-process and hypernet, and the maps one by one.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch

import inr
from inr.bench import machine
from inr.bench.tables import Ledger, Row, markdown, origin, read
from inr.compression import Compressed, compress_and_measure
from inr.compression.bitstream.frequency_tables import SHAPES
from inr.compression.encoder.coefficients import quantise, write
from inr.priors import Base, Collection, Learning, complete, compress_signals, load_base
from inr.priors._gaussian import principal
from inr.priors._process import Exponential, Process, condition, places_of
from inr.priors._telling import telling_of
from inr.signals import grid_coords
from studies import RESULTS
from studies.priors import NETWORK, faces

TABLE = RESULTS / "completion.tsv"
COLUMNS = ["part", "method", "seen", "psnr", "nll", "within_50", "within_90", "learning", "bytes", "base_bytes",
           "with_base"]  # fmt: skip
SEEN = (10, 100, 300)
METHODS = {
    "gaussian": {}, "trunk": {}, "maml": {"engine": "eager"}, "modulated:latents=8": {"engine": "eager", "steps": 400},
    "neural-process": {"engine": "eager"}, "hypernet": {"engine": "eager"},
}  # fmt: skip
TRAINED, TESTED, LEVEL = 504, 240, 35.0
FIELDS = 4


def masks(count: int, samples: int) -> dict[int, list[np.ndarray]]:
    """What is unseen of each signal."""
    draw = np.random.default_rng(0)
    found: dict[int, list[np.ndarray]] = {}
    for seen in SEEN:
        found[seen] = []
        for _ in range(count):
            unseen = np.ones(samples, dtype=bool)
            unseen[draw.permutation(samples)[:seen]] = False
            found[seen].append(unseen)
    return found


def completed(held: Collection, unseen: list[np.ndarray], base: Base | None) -> Row:
    """Means of the figures of all signals."""
    shape = held.values.shape[1:-1]
    figures = []
    for place, mask in enumerate(unseen):
        signal = held.signal(place)
        figures.append(complete(signal, mask.reshape(shape), base=base, samples=0).compare(signal))
    return _figures(np.array(figures))


def by_covariance(learned: Collection, held: Collection, unseen: list[np.ndarray]) -> Row:
    """The covariance of the learned signals and 0.01 of an exponential kernel."""
    shape = held.values.shape[1:-1]
    values = learned.targets.double().numpy()
    mean, deviations = principal(values, len(values))
    places = places_of(grid_coords(shape, torch.arange(mean.shape[0])).numpy(), shape)
    process = Process(places, mean, deviations, Exponential(0.01 * np.eye(mean.shape[1]), 1.0))
    figures = []
    for true, mask in zip(held.targets.double().numpy(), unseen, strict=True):
        seen = np.flatnonzero(~mask)
        found = condition(process, seen, true[seen])
        standard = np.abs((true - found.mean)[mask] / found.deviation[mask])
        nll = np.mean(0.5 * standard**2 + 0.5 * np.log(2 * np.pi) + np.log(found.deviation[mask]))
        level = 10 * np.log10(4 / np.mean((true - found.mean) ** 2))
        figures.append([level, level, nll, np.mean(standard < 0.6745), np.mean(standard < 1.6449)])
    return _figures(np.array(figures))


def _figures(found: np.ndarray) -> Row:
    psnr, _, nll, half, most = found.mean(0)
    return {"psnr": f"{psnr:.2f}", "nll": f"{nll:.3f}", "within_50": f"{half:.3f}", "within_90": f"{most:.3f}"}


def learned_by(learned: Collection, method: str, **options: Any) -> tuple[Base, float]:
    """A base of all signals, and the processor's seconds that it took without compiling."""
    given = [learned.signal(place) for place in range(len(learned))]
    learning = Learning(given, method=method, held_out=0, network=NETWORK, **options)
    learning.fitter.prepare()
    begin = process_time()
    for _ in learning.run():
        pass
    return learning.base(), process_time() - begin


def maps(shared: Path) -> list[inr.Signal]:
    """All hours, in one range."""
    import xarray

    source = shared / "geo" / "era5-2mt-2019-03-uk.grib"
    data = xarray.open_dataset(source, engine="cfgrib", backend_kwargs={"indexpath": ""})
    values = next(iter(data.data_vars.values())).values.astype(np.float32)
    limits = float(values.min()), float(values.max())
    return [inr.from_array(each, value_range=limits) for each in values[: TRAINED + TESTED]]


def coded(base: Base, tested: list[inr.Signal]) -> Row:
    """All files in one."""
    return _bytes(base, len(compress_signals(tested, base, psnr=LEVEL)))


def by_components(base: Base, tested: list[inr.Signal]) -> Row:
    """Quantised principal components, each map by itself."""
    telling = telling_of(base)
    rows = np.array([base.domain.values.normalise(each.array.astype(np.float64)).ravel() for each in tested])
    coefficients = telling.coefficients(rows)
    meets = telling.meets(rows, coefficients, 4 * rows.shape[1] * 10 ** (-LEVEL / 10))
    found = quantise(coefficients, meets, telling.spread, series=False, dead_zone=0.0)
    return _bytes(base, min(len(write(found, telling.spread, shape, series=False)) for shape in range(len(SHAPES))))


def alone(tested: list[inr.Signal]) -> Row:
    """Every sixtieth map by our codec for one signal."""
    sizes = [len(inr.compress(each, psnr=LEVEL)) for each in tested[::60]]
    return {"bytes": str(round(np.mean(sizes) * len(tested)))}


def as_fields(base: Base, faces_held: list[inr.Signal]) -> Row:
    """Fields that count from a base."""
    made = [compress_and_measure(each, codec="differences", reference=base, psnr=LEVEL) for each in faces_held]
    return _bytes(base, sum(len(each.data) for each in made)) | _mean_psnr(made)


def without_base(total: int, faces_held: list[inr.Signal]) -> Row:
    """Networks of their own, in as many bytes."""
    most = total // len(faces_held)
    made = [compress_and_measure(each, codec="mlp", bytes=most, steps=2_000) for each in faces_held]
    return {"bytes": str(sum(len(each.data) for each in made))} | _mean_psnr(made)


def _mean_psnr(made: list[Compressed]) -> Row:
    return {"psnr": f"{np.mean([each.psnr for each in made]):.2f}"}


def _bytes(base: Base, count: int) -> Row:
    assert base.file is not None
    own = base.file.stat().st_size
    return {"bytes": str(count), "base_bytes": str(own), "with_base": str(count + own)}


def report(rows: list[Row], machines: str) -> str:
    """All rows; whether the better Gaussian process is beaten; and when a base's bytes are earned."""
    text = [f"{machines}.", ""]
    for seen in SEEN:
        own = {row["method"]: float(row["psnr"]) for row in rows if row["seen"] == str(seen)}
        plain = [own.pop(name) for name in ("exponential", "training covariance") if name in own]
        if own and plain:
            best = max(own, key=lambda name: own[name])
            better = [f"{name} {level:.2f}" for name, level in own.items() if level > max(plain)]
            told = ", ".join(better) if better else f"nothing; {best} comes to {own[best]:.2f}"
            text += [f"{seen} pixels, above the better of two Gaussian processes ({max(plain):.2f} dB): {told}.", ""]
    coding = {row["method"]: row for row in rows if row["part"] == "coding"}
    for other, row in coding.items():
        if other != "gaussian" and "gaussian" in coding:
            ours = coding["gaussian"]
            ratio = int(ours["bytes"]) / int(row["bytes"])
            told = f"Bytes against {other}: {ratio:.3f} times"
            if not row.get("base_bytes"):
                saved = (int(row["bytes"]) - int(ours["bytes"])) / TESTED
                earned = int(ours["base_bytes"]) / saved
                told += f"; the base's {int(ours['base_bytes']):,} bytes are earned by {earned:,.0f} maps"
            text += [told + ".", ""]
    head = [name.replace("_", " ") for name in COLUMNS]
    return "\n".join([*text, *markdown(head, [[row.get(name, "") for name in COLUMNS] for row in rows]), ""])


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["completion", "coding", "fields"])
    parser.add_argument("--methods", nargs="*", help="of completion; all if not given")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shared", type=Path, required=True, help="folder that holds geo")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ledger = Ledger(TABLE, COLUMNS, ["part", "method", "seen"], machine.describe())

    def once(part: str, method: str, seen: int | str, make: Callable[[], Row]) -> None:
        if options.methods is None or method in options.methods or part != "completion":
            ledger.once({"part": part, "method": method, "seen": str(seen)}, make)

    if options.only in (None, "completion"):
        learned, held = faces()
        hidden = masks(len(held), held.targets.shape[1])
        for seen in SEEN:
            once("completion", "exponential", seen, partial(completed, held, hidden[seen], None))
            once("completion", "training covariance", seen, partial(by_covariance, learned, held, hidden[seen]))
        for method, settings in METHODS.items():
            kept: list[tuple[Base, float]] = []
            for seen in SEEN:

                def make(method: str = method, settings: Any = settings, seen: int = seen, kept: Any = kept) -> Row:
                    if not kept:
                        kept.append(learned_by(learned, method, **settings))
                    base, seconds = kept[0]
                    return completed(held, hidden[seen], base) | {"learning": f"{seconds:.1f}"}

                once("completion", method, seen, make)
    if options.only in (None, "coding"):
        signals = maps(options.shared)
        tested = signals[TRAINED:]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "maps.inr"
            inr.learn(
                signals[:TRAINED], method="gaussian:components=128,tuned=false", held_out=0, steps=20, out=path,
                network="mlp:depth=2,width=16", engine="eager",
            )  # fmt: skip
            base = load_base(path)
            once("coding", "gaussian", "", partial(coded, base, tested))
            once("coding", "components", "", partial(by_components, base, tested))
        once("coding", "one map each", "", partial(alone, tested))
    if options.only in (None, "fields"):
        learned, held = faces()
        tested = [held.signal(place) for place in range(FIELDS)]
        with tempfile.TemporaryDirectory() as folder:
            signals = [learned.signal(place) for place in range(len(learned))]
            base = inr.learn(signals, held_out=0, network="mlp:depth=3,width=32", out=Path(folder) / "faces.inr")
            once("fields", "differences", "", partial(as_fields, base, tested))
            means = {name: each.float().mean().round().expand(each.shape) for name, each in base.spread.items()}
            flat = replace(base, spread={name: each.to(torch.int8).contiguous() for name, each in means.items()})
            once("fields", "one spread a tensor", "", partial(as_fields, flat, tested))
            total = next(int(row["bytes"]) for row in read(TABLE) if row["method"] == "differences")
            once("fields", "mlp, equal bytes", "", partial(without_base, total, tested))
    text = report(read(TABLE), origin(TABLE))
    TABLE.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
