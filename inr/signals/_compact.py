"""Domains of grids in few words: what is usual for a kind of signal goes without saying."""

from collections.abc import Mapping, Sequence
from typing import Any

from inr._errors import InrError
from inr.signals._arrays import DEFAULT_FPS, grid_axes
from inr.signals._domain import Domain, Kind, ValueMap

# Part of the file format: channels, dtype, range and meta that are usual.
_USUAL: dict[str, tuple[int, str, float, float, dict[str, Any]]] = {
    "image": (3, "uint8", 0.0, 255.0, {}),
    "audio": (1, "int16", -1.0, 1.0, {"sample_rate": 44_100}),
    "video": (3, "uint8", 0.0, 255.0, {"fps": DEFAULT_FPS}),
    "volume": (1, "float32", 0.0, 1.0, {}),
}
_MAX_AXIS_SIZE = 1 << 48
# numbers of axes of kinds that are not free in them
_AXES = {"image": (2,), "audio": (1,), "video": (3,)}


def to_compact(domain: Domain) -> dict[str, Any]:
    """The domain of a grid in few words: kind, shape, and what is not usual for them.

    Args:
        domain: of samples on a grid.

    Returns:
        Plain JSON, which `from_compact` reads.

    Raises:
        InrError: scattered samples.

    >>> inr.signals.to_compact(inr.open("photo.png").domain)
    {'kind': 'image', 'shape': [24, 32], 'sampling': 'area'}
    """
    if domain.shape is None:
        raise InrError("scattered samples have no grid")
    usual = _usual(domain.kind, domain.shape, domain.meta).to_json()
    told = {key: value for key, value in domain.to_json().items() if value != usual.get(key) and key != "meta"}
    meta = {key: value for key, value in domain.meta.items() if _USUAL[domain.kind][4].get(key) != value}
    return {"kind": domain.kind, "shape": list(domain.shape)} | told | ({"meta": meta} if meta else {})


def from_compact(data: Mapping[str, Any]) -> Domain:
    """The domain that `to_compact` described.

    Args:
        data: what it gave; it may come from a file of any origin.

    Returns:
        The domain.

    Raises:
        InrError: something is missing, or of the wrong type, or fits no grid.
    """
    try:
        kind, shape = data["kind"], data["shape"]
        if kind not in _USUAL or len(shape) not in _AXES.get(kind, range(1, 5)):
            raise InrError(f"no grid has the kind {kind!r} and the shape {shape!r}")
        if not all(type(size) is int and 1 <= size < _MAX_AXIS_SIZE for size in shape):
            raise InrError(f"no grid has the shape {shape!r}")
        usual = _usual(kind, shape, {**_USUAL[kind][4], **data.get("meta", {})})
        told = {key: value for key, value in data.items() if key not in ("shape", "meta")}
        domain = Domain.from_json(usual.to_json() | told)
    except InrError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise InrError(f"not the description of a grid: {error!r}") from error
    if domain.shape != tuple(shape):
        raise InrError(f"axes of {domain.shape} samples are none of a grid of {tuple(shape)}")
    return domain


def _usual(kind: Kind, shape: Sequence[int], meta: Mapping[str, Any]) -> Domain:
    channels, dtype, low, high, _ = _USUAL[kind]
    axes = grid_axes(kind, tuple(shape), meta)
    return Domain(kind, axes, channels, ValueMap((low,), (high,)), dtype, dict(meta))
