"""What a fit came to: one document for scripts, the same as a table for people."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from rich.table import Table

from inr.cli._console import decibels, out, pairs, si, size

if TYPE_CHECKING:
    from inr import Event, Fitter
    from inr.cli._fit_files import Outputs


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


def document(
    signal: Path, fitter: "Fitter", end: "Event", outputs: "Outputs", watch: Stopwatch, *, profile: bool = False
) -> dict[str, Any]:
    """Everything worth knowing about a finished fit, as plain JSON; with `profile`, where its time went."""
    from inr._specs import format_spec

    written = outputs.field.stat().st_size if outputs.field.exists() else None
    return {
        "signal": str(signal),
        "kind": fitter.signal.domain.kind,
        "reason": end.reason,
        "steps": end.step,
        "skipped": end.skipped,
        "metrics": fitter.field.metrics,
        "seconds": {"fitting": fitter.seconds} | watch.laps,
        "points": fitter.points,
        "points_per_second": fitter.points / max(fitter.seconds, 1e-9),
        "parameters": fitter.field.parameter_count,
        "bytes": written,
        "bits_per_sample": None if written is None else 8 * written / fitter.signal.size,
        "engine": fitter.engine,
        "parts": {part: format_spec(config) for part, config in fitter.field.config().items()},
        "files": {
            "field": _existing(outputs.field),
            "comparison": _existing(outputs.comparison),
            "teacher map": _existing(outputs.teacher_map),
            "checkpoint": _existing(outputs.checkpoint),
        },
    } | ({"profile": fitter.profile.document()} if profile else {})


def print_table(result: dict[str, Any]) -> None:
    """The document as a small table on stdout."""
    rows = {_LABELS[name]: _metric(name, result["metrics"][name]) for name in _LABELS if name in result["metrics"]}
    spent = dict(result["seconds"])
    fitting = f"{spent.pop('fitting'):.1f} s"
    beside = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in spent.items())
    rate = si(result["points_per_second"], "points/s")
    skipped = f", {result['skipped']:,} of them skipped" if result["skipped"] else ""
    rows |= {
        "fitting": f"{fitting}  (beside it: {beside})",
        "speed": f"{rate} on engine {result['engine']}, {result['steps']:,} steps{skipped}",
        "parameters": f"{result['parameters']:,}",
    }
    if result["bytes"] is not None:
        rows["size"] = f"{size(result['bytes'])}, {result['bits_per_sample']:.3g} bits a sample"
    rows |= {what: path for what, path in result["files"].items() if path is not None}
    out().print(pairs(rows))
    if "profile" in result:
        _print_profile(result["profile"])


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


_LABELS = {"snr": "SNR", "psnr": "PSNR", "ssim": "SSIM"}


def _metric(name: str, value: float) -> str:
    return f"{value:.4f}" if name == "ssim" else decibels(value)


def _existing(path: Path | None) -> str | None:
    return str(path) if path is not None and path.exists() else None
