"""What is told of a field, and of the parts that fields are made of, as plain JSON."""

import math
from collections.abc import Mapping
from typing import Any

from inr._parts import Registry, format_spec
from inr.activations import activations
from inr.compression.files import unusual
from inr.encodings import encodings
from inr.fitting import presets
from inr.networks import networks
from inr.serving.views._display import BRIGHTEST, COLOURS, DARKEST
from inr.serving.views._fields import OpenField
from inr.teaching import teachers

# what the colours of the qualities `error` and `slope` go from and to, on a logarithmic scale
_SCALES = {
    "error": {"low": DARKEST, "high": BRIGHTEST, "colours": COLOURS["error"], "unit": "of the value range"},
    "slope": {"low": DARKEST, "high": BRIGHTEST, "colours": COLOURS["slope"], "unit": "of the value range a sample"},
}
_SHOWN: Mapping[str, Registry] = {
    "encodings": encodings,
    "activations": activations,
    "networks": networks,
    "teachers": teachers,
    "presets": presets,
}


def describe(opened: OpenField) -> dict[str, Any]:
    """What a field is, without what only the queue knows of it."""
    field = opened.field
    axes = [
        {"name": axis.name, "size": axis.size, "low": axis.low, "high": axis.high, "unit": axis.unit}
        for axis in field.domain.axes
    ]
    return {
        "kind": field.domain.kind,
        "shape": None if field.domain.shape is None else list(field.domain.shape),
        "channels": field.domain.channels,
        "axes": axes,
        "parameters": field.parameter_count,
        "metrics": {name: value for name, value in field.metrics.items() if math.isfinite(value)},
        "scales": _SCALES,
        "parts": {part: _spelt(config) for part, config in field.config().items()},
    }


def parts() -> dict[str, Any]:
    """Those that can be chosen: name, title and paper, by kind."""
    return {kind: [_part(registry, name) for name in registry.names()] for kind, registry in _SHOWN.items()}


def _part(registry: Registry, name: str) -> dict[str, str]:
    info = registry.info(name)
    return {"name": info.name, "title": info.summary, "paper": info.source}


def _spelt(config: Mapping[str, Any]) -> str:
    """A part as it is typed, without what is its default; that of a field without weights has no other settings."""
    known = config["name"] in {name for registry in _SHOWN.values() for name in registry.names()}
    return format_spec(unusual(config) if known else config)
