"""What was measured, kept in one file, and the table that is made of it."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

NOT_MEASURED = "not measured"
Measured = float | str | None  # a number, "failed: …", or nothing
# what the last but two columns hold: theirs / ours, ours / theirs in percent, ours / theirs (twice), ours - theirs
Kind = Literal["speed", "share", "less", "rate", "difference"]


@dataclass(frozen=True)
class Row:
    """A row of the table; `least` and `aim` are what its ratio should be."""

    step: str
    name: str
    work: str
    against: str
    unit: str
    least: str
    aim: str
    kind: Kind = "speed"

    @property
    def key(self) -> str:
        """Its name among the measured."""
        return f"{self.step}/{self.name}"


_EAGER, _FUSED, _SINE = "PyTorch eager float32", "tcnn FullyFusedMLP", "tcnn CutlassMLP, Sine"
_SIREN, _SMALL = "SIREN 5x256, 2^20 points, training step", "SIREN 5x64, 2^20 points, training step"
_MEMORY = "peak memory a sample, training"
ROWS = (
    Row("siren", "eager", _SIREN, _EAGER, "ms", "4x", "8x"),
    Row("compile", "best", _SIREN, "torch.compile, best precision", "ms", "2x", "4x"),
    Row("siren", "share", "the same, whole step", "peak of 16-bit products", "TFLOP/s", "15 %", "35 %", "share"),
    Row("siren64", "eager", _SMALL, _EAGER, "ms", "10x", "25x"),
    Row("siren64", "tcnn", _SMALL, _SINE, "ms", "2x", "4x"),
    *(
        Row("relu", f"{size}/{what}", f"ReLU {size}, 2^20 points, {words}", _FUSED, "ms", "0.7x", "1.2x")
        for size in ("2x64", "3x32")
        for what, words in (("infer", "inference"), ("train", "training step"))
    ),
    Row("wire", "eager", "WIRE complex 4x128, 2^20 points, training step", "PyTorch eager complex", "ms", "8x", "20x"),
    Row(
        "hash", "tcnn", "hash grid + 2x64, 2^18 points a step, 1000 steps of a large picture",
        "the same field in the tcnn bindings", "s", "report", "1x",
    ),
    Row(
        "sets", "rate", "sets: 32x32 RGB fields to 35 dB, SIREN 3x32", "engine cpu, all cores", "fields/min", "report",
        "10x", "rate",
    ),
    Row("memory", "siren", f"{_MEMORY}: SIREN 5x256", _EAGER, "B", "1/4", "1/8", "less"),
    Row("memory", "siren64", f"{_MEMORY}: SIREN 5x64", _SINE, "B", "1x", "0.6x", "less"),
    Row("memory", "relu", f"{_MEMORY}: ReLU 2x64", _FUSED, "B", "1x", "0.6x", "less"),
    *(
        Row("quality", name, f"final PSNR, {work}", "eager float32", "dB", "-0.2 dB", "0", "difference")
        for name, work in (
            ("kodim08", "default fit of kodim08"),
            ("kodim20", "default fit of kodim20"),
            ("kodim23", "default fit of kodim23"),
            ("siren", "SIREN 5x256 of kodim23, 1000 steps of 2^16 points"),
        )
    ),
)  # fmt: skip
_LASTING = ("card", "driver", "torch", "triton", "CUDA of torch")  # where these differ, it is another measurement
_WELL = ("done", "skipped")


class Store:
    """All that was measured on one machine, in a file that is whole at any time.

    Attributes:
        facts: of the machine; dry: whether the numbers are of a dry run, and mean nothing.
        rows: by key, {"theirs", "ours", "note"}. extras: by step, of things worth knowing. steps: how each went.
    """

    def __init__(self, path: Path, facts: dict[str, str] | None = None, *, dry: bool = False) -> None:
        self.path = path
        self.facts: dict[str, str] = facts or {}
        self.dry = dry
        self.repeats = 0
        self.rows: dict[str, dict[str, Any]] = {}
        self.extras: dict[str, list[dict[str, Any]]] = {}
        self.steps: dict[str, str] = {}
        self.moved: Path | None = None
        if path.exists():
            try:
                kept = json.loads(path.read_text())
            except ValueError:
                self._put_aside()
            else:
                self._take(kept, facts)

    def _take(self, kept: dict[str, Any], facts: dict[str, str] | None) -> None:
        """What is in the file; unless it comes from another machine, and is put aside."""
        same = facts is None or (
            kept["dry"] == self.dry and all(kept["facts"].get(name) == facts.get(name) for name in _LASTING)
        )
        if not same:
            self._put_aside()
            return
        self.facts = facts or kept["facts"]
        self.dry, self.repeats = kept["dry"], kept["repeats"]
        self.rows, self.extras, self.steps = kept["rows"], kept["extras"], kept["steps"]

    def _put_aside(self) -> None:
        self.moved = self.path.with_suffix(".before.json")
        self.path.replace(self.moved)

    def save(self) -> None:
        """Write the file."""
        kept = {
            "facts": self.facts, "dry": self.dry, "repeats": self.repeats, "steps": self.steps, "rows": self.rows,
            "extras": self.extras,
        }  # fmt: skip
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(kept, indent=1) + "\n")
        part.replace(self.path)

    def begin(self, step: str, repeats: int) -> None:
        """Forget what the step has measured before."""
        self.rows = {key: row for key, row in self.rows.items() if not key.startswith(f"{step}/")}
        self.extras.pop(step, None)
        self.repeats = repeats
        self.end(step, "begun, and not ended")

    def end(self, step: str, how: str) -> None:
        """How a step went: "done …", "skipped: …", "failed: …"."""
        self.steps[step] = how
        self.save()

    def row(self, key: str, theirs: Measured, ours: Measured, note: str = "") -> None:
        """Keep and print a row of the table, in the unit of its row there."""
        self.rows[key] = {"theirs": theirs, "ours": ours, "note": note}
        self.save()
        print("  " + " | ".join(_cells(next(row for row in ROWS if row.key == key), self.rows)), flush=True)

    def extra(self, step: str, what: str, value: Measured, unit: str = "", note: str = "") -> None:
        """Keep and print something worth knowing besides."""
        self.extras.setdefault(step, []).append({"what": what, "value": value, "unit": unit, "note": note})
        self.save()
        print(f"  {what}: {number(value, unit)}{f' ({note})' if note else ''}", flush=True)

    def failed(self, steps: Collection[str] | None = None) -> list[str]:
        """Every failure of some steps, or of all, a line each."""
        found = [(step, f"step {step}: {how}") for step, how in self.steps.items() if not how.startswith(_WELL)]
        for key, row in self.rows.items():
            sides = [side for side in ("theirs", "ours") if _is_failure(row[side])]
            found += [(key.partition("/")[0], f"{key}, {side}: {row[side]}") for side in sides]
        for step, extras in self.extras.items():
            found += [(step, f"{step}, {one['what']}: {one['value']}") for one in extras if _is_failure(one["value"])]
        return [line for step, line in found if steps is None or step in steps]


def _is_failure(value: Measured) -> bool:
    return isinstance(value, str) and value.startswith("failed")


def number(value: Measured, unit: str) -> str:
    """A cell."""
    if value is None:
        return NOT_MEASURED
    if isinstance(value, str):
        return value.replace("|", "/")
    digits = f"{value:.2f}" if unit == "dB" else f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".strip()


def _ratio(kind: Kind, theirs: Measured, ours: Measured) -> str:
    if not isinstance(theirs, float | int) or not isinstance(ours, float | int):
        return NOT_MEASURED
    if kind == "difference":
        return f"{ours - theirs:+.2f} dB"
    above, below = (theirs, ours) if kind == "speed" else (ours, theirs)
    if not below:
        return NOT_MEASURED
    return f"{100 * above / below:.1f} %" if kind == "share" else f"{above / below:.3g}x"


def _cells(row: Row, rows: dict[str, dict[str, Any]]) -> list[str]:
    found = rows.get(row.key, {"theirs": None, "ours": None})
    theirs, ours = found["theirs"], found["ours"]
    measured = [number(theirs, row.unit), number(ours, row.unit), _ratio(row.kind, theirs, ours)]
    return [row.work, row.against, *measured, row.least, row.aim]


def _table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def slug(card: str) -> str:
    """A card's name in a file's name."""
    plain = re.sub(r"[^a-z0-9]+", "-", card.lower()).strip("-")
    return plain.removeprefix("nvidia-") or "unknown"


def markdown(store: Store) -> str:
    """The report."""
    facts = store.facts
    lines = [f"# The engine `triton` on {facts.get('card', 'an unknown card')}", ""]
    if store.dry:
        lines += ["**A dry run: it shows that the script works, and its numbers mean nothing.**", ""]
    lines += [f"- {name}: {said}" for name, said in facts.items()]
    lines += [
        "",
        f"Written by `benchmarks/gpu.py`. Times are medians of {store.repeats} turns, ours and theirs in turn in one "
        "process, after warm-up, over batches that do not fit into the last cache together. A training step is "
        "forward, backward and Adam, in torch's fused kernel on all sides. Clocks are as nvidia-smi reports them, "
        "untouched. The ratio is theirs by ours for times, ours by theirs for memory, for fields a minute and for the "
        f'share of the measured peak of 16-bit matrix products, ours less theirs for PSNR; "{NOT_MEASURED}" is what '
        "was not run, or could not be.",
        "",
    ]
    head = ["work", "against", "theirs", "ours", "ratio", "at least", "aim"]
    lines += _table(head, [_cells(row, store.rows) for row in ROWS])
    remarks = {row: store.rows.get(row.key, {}).get("note") for row in ROWS}
    notes = [f"- {row.work}, {row.against}: {note}" for row, note in remarks.items() if note]
    if notes:
        lines += ["", "## Notes", "", *notes]
    for step, found in store.extras.items():
        lines += ["", f"## Besides: `{step}`", ""]
        lines += _table(
            ["what", "measured", "note"],
            [[one["what"], number(one["value"], one["unit"]), one["note"].replace("|", "/")] for one in found],
        )
    lines += ["", "## Steps", ""]
    lines += [f"- `{step}`: {how}" for step, how in store.steps.items()]
    failures = store.failed()
    if failures:
        lines += ["", "## Failures", "", *(f"- {line}" for line in failures)]
    return "\n".join(lines) + "\n"


def write(store: Store, results: Path) -> Path:
    """The report's file in a folder."""
    path = results / f"gpu-{slug(store.facts.get('card', ''))}.md"
    results.mkdir(parents=True, exist_ok=True)
    path.write_text(markdown(store))
    return path
