"""What `inr info` says of a set of fields."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inr.cli._console import decibels, size
from inr.cli._progress import waiting

if TYPE_CHECKING:
    from inr.sets import Fields

_QUANTILES = {"least": 0.0, "10 %": 0.1, "median": 0.5, "90 %": 0.9, "most": 1.0}
_STARTS = {"shared": "one start for all", "own": "a start of its own each", "start": "from given weights"}
_NAMED = 5  # damaged or diverged fields, and labels


def describe_set(path: Path) -> dict[str, Any]:
    """What is in the file of a set, as plain JSON; the whole file is read, and its checksums compared."""
    from inr.sets import load_set

    fields = load_set(path)
    with waiting(f"reading {path}", quiet=False):
        damaged = fields.damaged()
    return document(fields, path, damaged)


def document(fields: "Fields", path: Path, damaged: Sequence[str]) -> dict[str, Any]:
    """What is in the file of a set, as plain JSON.

    Args:
        fields: the set.
        path: of its file.
        damaged: names of the fields that cannot be read.
    """
    import numpy as np

    from inr._specs import format_spec

    header, levels, total = fields.header, fields.psnr, path.stat().st_size
    known = levels[~np.isnan(levels)]
    labels = None if fields.labels is None else Counter(fields.labels)
    return {
        "file": str(path),
        "bytes": total,
        "count": len(fields),
        "bytes_a_field": total / len(fields),
        "kind": header["domain"]["kind"],
        "channels": header["domain"]["channels"],
        "smallest": fields.sizes.min(axis=0).tolist(),
        "largest": fields.sizes.max(axis=0).tolist(),
        "parts": {part: format_spec(config) for part, config in fields.config.items()},
        "parameters": fields.layout[-1].stop,
        "fit": header["fit"],
        "psnr": {
            name: float(np.quantile(known, share, method="nearest")) if len(known) else None
            for name, share in _QUANTILES.items()
        },
        "steps": {"least": int(fields.steps.min()), "most": int(fields.steps.max())},
        "reasons": dict(Counter(fields.reasons)),
        "diverged": _of_reason(fields, "diverged"),
        "labels": None
        if labels is None
        else [{"label": label, "count": count} for label, count in sorted(labels.items(), key=lambda each: -each[1])],
        "blocks": fields.counts.tolist(),
        "damaged": list(damaged),
        "formula": fields.formula,
        "inr": header["set"]["inr"],
    }


def rows_of_set(result: Mapping[str, Any]) -> dict[str, str]:
    """The same in words, by label."""
    fit = result["fit"]
    rates = ", ".join(f"{part} {rate:.3g}" for part, rate in fit["rates"].items())
    start = _STARTS.get(fit["init"], fit["init"])
    smallest, largest = (_lengths(result[end]) for end in ("smallest", "largest"))
    channels = f"{result['channels']} channel{'s' * (result['channels'] != 1)}"
    rows = {
        "fields": f"{result['count']:,}, of signals of kind {result['kind']}, {channels}",
        "samples": "scattered" if "0" in smallest.split(" x ") else smallest if smallest == largest else
        f"from {smallest} to {largest}",
        **result["parts"],
        "parameters": f"{result['parameters']:,} a field",
        "fitted with": f"{fit['steps']:,} steps at most, rate {rates}, batch {fit['batch']:,}, seed {fit['seed']}; "
        + start,
        "PSNR": psnr_quantiles(result),
    }  # fmt: skip
    if fit["psnr"] is not None:
        rows["target"] = f"{fit['psnr']:g} dB, reached by {result['reasons'].get('target', 0):,}"
    if result["diverged"]:
        rows["diverged"] = _listed(result["diverged"])
    if result["labels"] is not None:
        told = [f"{each['label']} ({each['count']:,})" for each in result["labels"]]
        rows["labels"] = f"{len(told):,}: {_listed(told)}"
    rows["size"] = f"{size(result['bytes'])}, {result['bytes_a_field']:,.0f} bytes a field"
    if result["damaged"]:
        rows["damaged"] = f"{len(result['damaged']):,} fields: {_listed(result['damaged'])}; the others can be read"
    return rows | {"written by": f"inr {result['inr']}"}


def psnr_quantiles(result: Mapping[str, Any]) -> str:
    """The quantiles of PSNR in words."""
    return ", ".join(f"{name} {'–' if level is None else decibels(level)}" for name, level in result["psnr"].items())


def _of_reason(fields: "Fields", reason: str) -> list[str]:
    return [name for name, found in zip(fields.names, fields.reasons, strict=True) if found == reason]


def _lengths(shape: Sequence[int]) -> str:
    return " x ".join(f"{length}" for length in reversed(shape))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
