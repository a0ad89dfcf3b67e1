"""What a fit came to: one document for scripts, the same as a table for people."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rich.table import Table

from inr._errors import InrError
from inr.cli._console import complain, decibels, out, pairs, print_json, remark, si, size
from inr.cli._progress import waiting

if TYPE_CHECKING:
    from inr import Event, Field, Fitter, Signal
    from inr.cli._fit_files import Outputs
    from inr.field import Execute
    from inr.fitting import SampleCounts


class Stopwatch:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}

    @contextmanager
    def lap(self, what: str) -> Iterator[None]:
        """Book the time spent inside."""
        begin = perf_counter()
        try:
            yield
        finally:
            self.laps[what] = self.laps.get(what, 0.0) + perf_counter() - begin


@dataclass(frozen=True)
class Fitted:
    """A field, what it was fitted to, and what evaluates it: itself, if nothing else does."""

    field: "Field"
    signal: "Signal"
    execute: "Execute | None" = None
    block: int = 16_384
    sample_counts: "SampleCounts | None" = None


def course_of(
    fitter: "Fitter", end: "Event", *, solver: str, rounding_cost: float | None, profile: bool
) -> dict[str, Any]:
    """How a fit by steps went, as plain JSON; with `profile`, where its time went."""
    return {
        "solver": solver,
        "reason": end.reason,
        "steps": end.step,
        "skipped": end.skipped,
        "seconds": fitter.seconds,
        "probing": end.probing,
        "points": fitter.points,
        "engine": fitter.engine,
        "chosen": {f"{choice.name}:{choice.parameter}": choice.value for choice in fitter.setup.choices},
        "limited": rounding_cost is not None,
        "rounding_cost": rounding_cost,
    } | ({"profile": fitter.profile.document()} if profile else {})


def course_without_steps(solver: str, reason: str, points: int, seconds: float) -> dict[str, Any]:
    """The same of a fit without steps, which sees every sample once."""
    return {
        "solver": solver,
        "reason": reason,
        "steps": 0,
        "skipped": 0,
        "seconds": seconds,
        "probing": 0.0,
        "points": points,
        "engine": "eager",
        "chosen": {},
        "limited": False,
        "rounding_cost": None,
    }


def document(
    path: Path, fitted: Fitted, outputs: "Outputs", watch: Stopwatch, course: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything worth knowing about a finished fit, as plain JSON."""
    from inr._specs import format_spec
    from inr.signals import GridSignal, lossless_size, source_size

    field, signal = fitted.field, fitted.signal
    lossless, source = lossless_size(signal, path), source_size(path)
    written = outputs.field.stat().st_size if outputs.field.exists() else None
    is_shape = signal.domain.kind == "shape"  # whose samples are as many as somebody draws
    return {
        "signal": str(path),
        "kind": signal.domain.kind,
        "samples": signal.size,
        "missing": int(signal.missing.sum()) if isinstance(signal, GridSignal) and signal.missing is not None else 0,
        "value_range": [min(signal.domain.values.low), max(signal.domain.values.high)],
        **course,
        "metrics": field.metrics,
        "seconds": {"fitting": course["seconds"]} | watch.laps,
        "points_per_second": course["points"] / max(course["seconds"], 1e-9),
        "parameters": field.parameter_count,
        "bytes": written,
        "bits_per_sample": None if written is None or is_shape else 8 * written / signal.size,
        "lossless": lossless._asdict() | {"ratio": None if written is None else written / lossless.bytes},
        "source": source._asdict() | {"ratio": None if written is None else written / source.bytes},
        "parts": {part: format_spec(config) for part, config in field.config().items()},
        "fit": field.fit,
        "files": {
            "field": _existing(outputs.field),
            "comparison": _existing(outputs.comparison),
            "teacher map": _existing(outputs.teacher_map),
            "checkpoint": _existing(outputs.checkpoint),
        },
    }


def draw_sheets(fitted: Fitted, outputs: "Outputs", watch: Stopwatch, *, force: bool, quiet: bool) -> int:
    """Draw the sheets; a failure costs a sheet only. The exit status."""
    from inr.diagnostics import comparison_sheet, sample_counts_sheet
    from inr.shapes import NoSurface

    missing: str | None = None
    try:
        if outputs.comparison is not None:
            with watch.lap("writing"), waiting(f"drawing {outputs.comparison}", quiet=quiet):
                try:
                    comparison_sheet(
                        fitted.field, fitted.signal, outputs.comparison, force=force, execute=fitted.execute
                    )
                except NoSurface as error:  # the field is what was asked for, however little it has learned
                    missing = f"there is no comparison sheet: {error}; fit it for longer"
        if outputs.teacher_map is not None and fitted.sample_counts is not None:
            with watch.lap("writing"), waiting(f"drawing {outputs.teacher_map}", quiet=quiet):
                sample_counts_sheet(fitted.sample_counts, fitted.signal, outputs.teacher_map, force=force)
    except InrError as error:
        return complain(str(error), 2)
    if missing is not None and not quiet:
        remark(missing)
    return 0


def print_result(result: dict[str, Any], *, as_json: bool, quiet: bool) -> None:
    """Print the document of a fit, as it was asked for."""
    if as_json:
        print_json(result)
    elif not quiet:
        _print_table(result)


def _print_table(result: dict[str, Any]) -> None:
    """The document as a small table on stdout."""
    metrics = result["metrics"]
    rows = {_LABELS[name]: _metric(name, metrics[name]) for name in _LABELS if name in metrics}
    if "psnr" in metrics:
        low, high = result["value_range"]
        rows["PSNR"] += f"  (over the range from {low:g} to {high:g})"
    if math.isfinite(metrics.get("rmse", math.nan)):
        rows["error"] = f"RMSE {metrics['rmse']:.3g}, at most {metrics['max_error']:.3g}"
    spent = dict(result["seconds"])
    fitting = f"{spent.pop('fitting'):.1f} s"
    beside = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in spent.items())
    rate = si(result["points_per_second"], "points/s")
    skipped = f", {result['skipped']:,} of them skipped" if result["skipped"] else ""
    backward = f" backward {result['fit']['backward']}" if "backward" in result["fit"] else ""
    how = "in closed form"
    if result["solver"] != "closed-form":
        how = f"on engine {result['engine']}{backward}, {result['steps']:,} steps{skipped}"
    if result["missing"]:
        rows["missing"] = f"{result['missing']:,} samples, left out of the fit and of what is measured"
    fitted = {
        "fitting": f"{fitting}  (beside it: {beside})",
        "speed": f"{rate} {how}",
    }
    if result["solver"] == "samples":
        fitted = {"kept": "its samples, without loss: no network of so few bytes is as good; --coded, --exact fit one"}
    rows |= {
        **fitted,
        **({"rates": _rates(result)} if "rates" in result["fit"] else {}),
        "parameters": f"{result['parameters']:,}",
    }
    if result["bytes"] is not None:
        rows["size"] = _size(result)
    rows |= {what: path for what, path in result["files"].items() if path is not None}
    out().print(pairs(rows))
    if "profile" in result:
        _print_profile(result["profile"])


def _rates(result: dict[str, Any]) -> str:
    """The learning rates, how long it took to find them where they were looked for, and the batch."""
    fit = result["fit"]
    rates = ", ".join(f"{part} {rate:.3g}" for part, rate in fit["rates"].items())
    found = f", found in {result['probing']:.1f} s" if result["probing"] else ""
    return f"{rates}{found}; batches of {fit['batch']:,}"


def _size(result: dict[str, Any]) -> str:
    """What the file takes, beside the signal without loss, and beside its source where that is lossy."""
    lossless, source = result["lossless"], result["source"]
    found = size(result["bytes"])
    if result["bits_per_sample"] is not None:
        found += f", {result['bits_per_sample']:.3g} bits a sample"
    found += f"\n{lossless['ratio']:.2f} of {lossless['format']}"
    found += f", {source['ratio']:.2f} of the lossy source" if source["lossy"] else ""
    if result["rounding_cost"] is not None:
        found += f"; fitting in cost {decibels(result['rounding_cost'])} (--bytes, --exact)"
    return found


def _print_profile(profile: dict[str, Any]) -> None:
    """Where the time of a step went, and how near that comes to what the machine can do."""
    console = out()
    console.print(f"\n[bold]a step[/bold] ({profile['milliseconds_a_step']:.3f} ms)")
    table = Table.grid(padding=(0, 3))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(justify="right")
    table.add_column(justify="right")
    for name, phase in profile["phases"].items():
        table.add_row(name, f"{phase['milliseconds_a_step']:.3f} ms", f"{100 * phase['share']:.1f} %")
    console.print(table)
    for name, limit in profile["roofline"].items():
        what, _, unit = name.partition(", ")
        reached, peak = f"{limit['reached']:.3g}", f"{limit['peak']:.3g} {unit}".rstrip()
        console.print(f"{what}: {reached} of {peak}, {100 * limit['share']:.0f} %", markup=False)


_LABELS = {
    "snr": "SNR", "psnr": "PSNR", "psnr_between": "between samples", "ssim": "SSIM", "iou": "IoU",
    "iou_near": "near the surface", "psnr_colours": "colours", "chamfer": "chamfer distance",
    "normal_consistency": "normals alike",
}  # fmt: skip
_SHARES = ("ssim", "iou", "iou_near", "normal_consistency")


def _metric(name: str, value: float) -> str:
    if name == "chamfer":
        return f"{value:.3g}"
    return f"{value:.4f}" if name in _SHARES and math.isfinite(value) else decibels(value)


def _existing(path: Path | None) -> str | None:
    return str(path) if path is not None and path.exists() else None
