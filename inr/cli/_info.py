"""`inr info`."""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.table import Table

from inr._errors import InrError
from inr.cli import _pipes
from inr.cli._coded import needs_base, tell_coded, tell_differences
from inr.cli._console import decibels, out, pairs, print_json, size
from inr.cli._info_set import describe_set, rows_of_set
from inr.cli._render import DAMAGED, is_set_file

if TYPE_CHECKING:
    from inr.container import Contents
    from inr.signals import Domain

EPILOG = """
[bold]Examples[/bold]

  inr info photo.inr

  inr info photo.inr --json | jq .metrics.psnr

  inr info set.inr                         # of a set: how many, PSNR, labels, formula

  inr info photo.inr.checkpoint            # how far an unfinished fit is

[bold]Exit status[/bold] 2: not a sound .inr file; 4: sections beyond its base, or fields of a
set, are damaged or missing, and are named.
"""

# what is measured of shapes (`inr.shapes.measure`), in words
_SHAPES = {
    "iou": "IoU",
    "iou_near": "IoU near the surface",
    "chamfer": "chamfer distance",
    "hausdorff": "Hausdorff distance",
    "normal_consistency": "normal consistency",
    "f_score": "F-score at 1 %",
    "f_score_fine": "F-score at 0.1 %",
    "eikonal": "mean |‖∇f‖ - 1|",
}
_PARTS = ("encoding", "activation", "network")


def info(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.inr",
            help="A field, a set of fields, a base, or the checkpoint of an unfinished fit; - for standard input.",
            callback=_pipes.incoming,
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what is in an .inr file; a damaged one is refused."""
    from inr import compression, container  # noqa: F401  which knows the coding of sections

    of_a_set = is_set_file(file)
    if of_a_set:
        result = describe_set(file)
    else:
        from inr.priors import is_base, is_coded

        contents = container.read(file)
        if is_base(contents.header):
            _tell_base(contents, file, as_json=as_json)
            return
        if is_coded(contents.header):
            tell_coded(contents, file, as_json=as_json)
            return
        if needs_base(contents.header):
            tell_differences(contents, file, as_json=as_json)
            return
        result = describe(contents, file)
    if as_json:
        print_json(result)
    elif of_a_set:
        out().print(pairs(rows_of_set(result)))
        out().print(pairs(result["formula"]))
    else:
        out().print(pairs(_rows(result)))
        out().print(_sections(result))
    if result["damaged"]:
        raise typer.Exit(DAMAGED)


def _tell_base(contents: "Contents", file: Path, *, as_json: bool) -> None:
    """Say what was learned from similar signals."""
    from inr.cli._learn import rows_of, told
    from inr.priors import read_base

    total = contents.header_size + sum(entry.size for entry in contents.table)
    result = {"file": str(file), "bytes": total, **told(read_base(contents, file))}
    if as_json:
        print_json(result)
    else:
        out().print(pairs(rows_of(result)))


class About(NamedTuple):
    """What is told of a field."""

    domain: "Domain"
    parts: Mapping[str, str]
    parameters: int
    metrics: dict[str, float]
    fit: dict[str, Any]


def _about(contents: "Contents", file: Path) -> About:
    """What the header says; of files whose header does not say it all, what the field is that they hold."""
    from inr._specs import format_spec
    from inr.signals import Domain, from_compact

    header = contents.header
    try:
        compact = "codec" in header and "shape" in header["domain"]
        domain = from_compact(header["domain"]) if compact else Domain.from_json(header["domain"])
        parts = {part: format_spec(config) for part, config in _parts_told(header).items()}
        metrics = {name: float(value) for name, value in header.get("metrics", {}).items()}
        count = 0 if header.get("codec") == "samples" else int(header["parameters"])
        return About(domain, parts, count, metrics, dict(header.get("fit", {})))
    except (InrError, LookupError, TypeError, ValueError, AttributeError):
        from inr.compression import build_any_field

        field = build_any_field(contents, file)
        parts = {part: format_spec(config) for part, config in field.config().items()}
        return About(field.domain, parts, field.parameter_count, field.metrics, field.fit)


def _parts_told(header: Mapping[str, Any]) -> dict[str, Any]:
    """The parts' configurations that a header names; LookupError where these are the payload's."""
    from inr._specs import parse_spec

    if "codec" not in header:
        return {part: header["field"][part] for part in _PARTS}
    codec = parse_spec(header["codec"])
    if codec["name"] not in ("weights", "samples"):
        raise LookupError
    usual = {"weights": ("identity", "sine", "mlp"), "samples": ("samples", "linear", "none")}[codec["name"]]
    return {part: parse_spec(codec.get(part, name)) for part, name in zip(_PARTS, usual, strict=True)}


def describe(contents: "Contents", file: Path) -> dict[str, Any]:
    """What is in a file, as plain JSON."""
    found = _about(contents, file)
    domain = found.domain.to_json()
    total = contents.header_size + sum(entry.size for entry in contents.table)
    samples = None if found.domain.shape is None else math.prod(found.domain.shape)
    return {
        "file": str(file),
        "bytes": total,
        **{key: domain[key] for key in ("kind", "axes", "channels", "dtype", "values", "meta")},
        "parts": dict(found.parts),
        "parameters": found.parameters,
        "metrics": found.metrics,
        "fit": found.fit,
        "samples": samples,
        "bits_per_sample": None if samples is None else 8 * total / samples,
        "sections": [{"name": "header", "coding": "deflate", "bytes": contents.header_size}]
        + [{"name": entry.name, "coding": entry.coding, "bytes": entry.size} for entry in contents.table],
        "damaged": list(contents.damaged),
        "codec": contents.header.get("codec"),
        "components": _components(contents),
        "bits_per_weight": 8 * total / found.parameters if found.parameters else None,
        "checkpoint": _checkpoint(contents.header),
    }


def _components(contents: "Contents") -> list[dict[str, Any]] | None:
    """What a file of codec latent holds; None for others."""
    from inr.compression.latent_files import components_of, is_latent

    return components_of(contents) if is_latent(contents.header) else None


def _checkpoint(header: dict[str, Any]) -> dict[str, Any] | None:
    """How far the fit is that a checkpoint belongs to; None for a finished field."""
    if "progress" not in header:
        return None
    return {"step": header["progress"]["step"], "steps": header["recipe"]["steps"]}


def _rows(result: dict[str, Any]) -> dict[str, str]:
    axes = [f"{axis['name']}: {_extent(axis)}" for axis in result["axes"]]
    rows = {
        "kind": f"{result['kind']}, {result['channels']} x {result['dtype']}",
        "axes": "\n".join(axes),
        "range": _range(result["values"]),
    }
    if result["components"] is None:
        rows |= {part: _folded(spec) for part, spec in result["parts"].items()}
        rows["parameters"] = f"{result['parameters']:,}"
    if result["metrics"]:
        rows["measured"] = ", ".join(_metric(name, value) for name, value in result["metrics"].items())
    if result["fit"]:
        rows["fitted with"] = _folded(",".join(f"{name}={value}" for name, value in _spelled(result["fit"])))
    rows["size"] = size(result["bytes"])
    if result["samples"]:
        rows["size"] += f", {result['bits_per_sample']:.3g} bits a sample"
    if result["codec"]:
        rows["codec"] = result["codec"]
        if result["bits_per_weight"] is not None:
            rows["codec"] += f", {result['bits_per_weight']:.3g} bits a weight"
    for component in result["components"] or []:
        rows[component["name"]] = component["coding"]
        if "preset" in component:
            rows[component["name"]] += f", preset {component['preset']}, networks {component['network_bytes']:,} bytes"
    if result["damaged"]:
        rows["damaged"] = f"{', '.join(result['damaged'])}: decoded without"
    if result["checkpoint"]:
        rows["checkpoint"] = "step {step:,} of {steps:,}; --resume goes on".format(**result["checkpoint"])
    return rows


def _spelled(fit: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a field was fitted with, name by name, with parts as they are typed."""
    from inr._specs import format_spec

    for name, value in fit.items():
        if not isinstance(value, Mapping):
            yield name, f"{value:.3g}" if isinstance(value, float) else str(value)
        elif "name" in value:
            yield name, format_spec(value)
        else:
            yield from ((f"{name} {key}", each) for key, each in _spelled(value))


def _folded(spec: str, width: int = 60) -> str:
    """A part's spec in lines that end at commas."""
    lines = [""]
    for item in re.findall(r"[^,]+,?", spec):
        if lines[-1] and len(lines[-1]) + len(item) > width:
            lines.append("")
        lines[-1] += item
    return "\n".join(lines)


def _extent(axis: dict[str, Any]) -> str:
    samples = "" if axis["size"] is None else f"{axis['size']:,} samples, "
    return f"{samples}{axis['low']:g} to {axis['high']:g} {axis['unit']}"


def _range(values: dict[str, Any]) -> str:
    return ", ".join(f"{low:g} to {high:g}" for low, high in zip(values["low"], values["high"], strict=True))


# of equations, see `inr solve`, and of others that are no levels
_IN_UNITS = {
    "residual": "residual", "rounding": "float32 costs", "relative_l2": "relative L2",
    "relative_max": "relative maximum", "rmse": "RMSE", "max_error": "largest error", "chamfer": "chamfer",
    "hausdorff": "Hausdorff", "eikonal": "eikonal",
}  # fmt: skip


def _metric(name: str, value: float) -> str:
    further = {"psnr_between": "between samples", "psnr_colours": "colours"}
    words = {**further, **_IN_UNITS, **_SHAPES}.get(name, name.upper())
    if name in _IN_UNITS:
        return f"{words} {value:.3g}"
    return f"{words} " + (f"{value:.4f}" if name == "ssim" or name in _SHAPES else decibels(value))


def _sections(result: dict[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="cyan", title_justify="left")
    for name in ("section", "coding", "bytes"):
        table.add_column(name, justify="right" if name == "bytes" else "left")
    components = result["components"]
    if components is not None:
        table.add_column("of which")
    for section in result["sections"]:
        told = [] if components is None else [_pieces(components, section["name"])]
        table.add_row(section["name"], section["coding"], f"{section['bytes']:,}", *told)
    return table


def _pieces(components: list[dict[str, Any]], section: str) -> str:
    """The networks and grids in a section of codec latent, with their bytes, a line each."""
    lines = []
    for component in components:
        of = f"{component['name']}: " if len(components) > 1 else ""
        if section == "base" and "preset" in component:
            lines.append(f"{component['network_bytes']:,} {of}networks")
        for piece in component["pieces"]:
            if piece["section"] == section:
                sizes = [f"{width} x {height}" for width, height in piece["grids"]]
                what = "samples" if not sizes else f"grid {sizes[0]}"
                if len(sizes) > 1:
                    what = f"grids {sizes[0]} to {sizes[-1]}"
                lines.append(f"{piece['bytes']:,} {of}{what}")
    return "\n".join(lines)
