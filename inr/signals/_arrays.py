"""What an array is a signal of: which axes its shape means, which numbers are accepted, which range they span."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from inr._errors import InrError
from inr.signals._domain import Axis, Domain, Kind, SamplingModel, ValueMap
from inr.signals._missing import filled, nan_samples, pack_missing, unpack_missing

DEFAULT_FPS = 25.0
_VOLUME_AXES = ("x", "y", "z", "t")
# How many axes the grid of a kind of signal may have.
_GRID_AXES = {"image": (2,), "audio": (1,), "video": (3,), "volume": (1, 2, 3, 4)}
_LARGEST, _SMALLEST = float(np.finfo(np.float32).max), float(np.finfo(np.float32).tiny)
_AUDIO_DTYPES = ("int16", "int32", "float32", "float64")


class GridSamples(NamedTuple):
    """Samples on a regular grid, checked.

    Attributes:
        array: (…, C) in own units, C-contiguous, of the domain's shape; a missing sample has the values of the nearest
            that is there.
        domain: what coordinates and values mean, and which samples are missing.
    """

    array: np.ndarray
    domain: Domain


class ScatteredSamples(NamedTuple):
    """Samples at scattered points, checked.

    Attributes:
        positions: (N, D) in own units.
        array: (N, C) in own units.
        domain: what coordinates and values mean.
    """

    positions: np.ndarray
    array: np.ndarray
    domain: Domain


def grid_samples(
    array: Any,
    *,
    kind: Kind | None = None,
    sample_rate: float | None = None,
    fps: float | None = None,
    value_range: tuple[float, float] | None = None,
    channels_last: bool | None = None,
    sampling: SamplingModel | None = None,
    nodata: float | None = None,
    source: str = "the array",
) -> GridSamples:
    """The samples and the domain of what `inr.from_array` makes a signal of; `source` names the array in errors."""
    samples = real_array(array, source)
    masked = np.ma.isMaskedArray(array) and array.mask is not np.ma.nomask
    kind, samples = _with_channels(samples, kind, channels_last, source)
    shape = samples.shape[:-1]
    meta: dict[str, Any] = {}
    if kind == "audio":
        meta["sample_rate"] = _rate(sample_rate, "sample_rate, in Hz")
    elif sample_rate is not None:
        raise InrError(f"sample_rate belongs to audio, not to {kind}")
    if kind == "video":
        meta["fps"] = _rate(DEFAULT_FPS if fps is None else fps, "fps")
    elif fps is not None:
        raise InrError(f"fps belongs to video, not to {kind}")
    missing = np.asarray(np.ma.getmaskarray(array).reshape(samples.shape).any(axis=-1)) if masked else None
    found = build_grid(
        samples, kind, grid_axes(kind, shape, meta), meta, value_range, source, missing=missing, nodata=nodata
    )
    return found if sampling is None else found._replace(domain=replace(found.domain, sampling=sampling))


def build_grid(
    samples: np.ndarray,
    kind: Kind,
    axes: tuple[Axis, ...],
    meta: Mapping[str, Any],
    value_range: tuple[float, float] | None = None,
    source: str = "the array",
    *,
    missing: np.ndarray | None = None,
    nodata: float | None = None,
) -> GridSamples:
    """Samples (…, C) that `real_array` has accepted, with their domain; `source` names them in errors.

    Missing are those that `missing` marks, a mask of the grid's shape; those whose channels all are `nodata`; and those
    of which a channel is NaN.
    """
    size = math.prod(samples.shape[:-1])
    if kind == "video" and samples.shape[0] < 2:
        raise InrError(f"{source} has one frame; a video has at least 2, one frame is an image")
    if size < 2 and kind != "image":
        raise InrError(f"{source} has a single sample; a signal other than a picture has at least 2")
    if kind == "audio" and samples.dtype.name not in _AUDIO_DTYPES:
        raise InrError(f"audio samples are {', '.join(_AUDIO_DTYPES)}; {source} has {samples.dtype.name}")
    samples, packed = _without_missing(samples, missing, nodata, source)
    if (stand_in := _stand_in(samples, nodata, bool(packed))) is not None:
        meta = {**meta, "nodata": stand_in}
    elif "nodata" in meta:
        meta = {key: value for key, value in meta.items() if key != "nodata"}
    ends = _finite_range(samples, source)
    values = _value_map(samples, kind, value_range, *ends)
    sampling = _usual_sampling(kind, samples, *ends)
    domain = Domain(kind, axes, samples.shape[-1], values, samples.dtype.name, meta, sampling, packed)
    return GridSamples(samples, domain)


def rebuilt(
    found: GridSamples, value_range: tuple[float, float] | None, nodata: float | None, source: str
) -> GridSamples:
    """What was read from a file, with another value range, and with further samples missing."""
    domain = found.domain
    missing = unpack_missing(domain.missing, found.array.shape[:-1]) if domain.missing else None
    return build_grid(
        found.array, domain.kind, domain.axes, domain.meta, value_range, source, missing=missing, nodata=nodata
    )


def _without_missing(
    samples: np.ndarray, missing: np.ndarray | None, nodata: float | None, source: str
) -> tuple[np.ndarray, bytes]:
    """Samples of which the missing ones are filled, and which those are, packed."""
    if (nans := nan_samples(samples)) is not None:
        missing = nans if missing is None else missing | nans
    if nodata is not None and not math.isnan(nodata):
        same = (samples == _as_stored(nodata, samples.dtype)).all(axis=-1)
        missing = same if missing is None else missing | same
    if missing is None or not missing.any():
        return samples, b""
    if missing.all():
        raise InrError(f"{source} holds no samples: all {missing.size:,} are missing")
    return filled(samples, missing), pack_missing(missing)


def _as_stored(nodata: float, dtype: np.dtype) -> Any:
    """A value as samples of a type would hold it: -3.4e38 of a file's text is one float32."""
    return dtype.type(nodata) if dtype.kind == "f" else nodata


def _stand_in(samples: np.ndarray, nodata: float | None, missing: bool) -> float | None:
    """What stands for missing samples in files: the given value, an end of their type for integers, or NaN (None)."""
    if samples.dtype.kind == "f":
        return None if nodata is None or math.isnan(nodata) else float(_as_stored(nodata, samples.dtype))
    limits = np.iinfo(samples.dtype)
    if nodata is not None and limits.min <= nodata <= limits.max:
        return float(nodata)
    if not missing:
        return None
    ends = (0, limits.max) if limits.min == 0 else (limits.min, limits.max)
    free = next((end for end in ends if not (samples == end).any()), None)
    return float(ends[0] if free is None else free)


def scattered_samples(
    coords: Any,
    values: Any,
    source: str = "the samples",
    *,
    box: Sequence[tuple[float, float]] | None = None,
    value_range: tuple[float, float] | None = None,
) -> ScatteredSamples:
    """The positions, samples and domain of what `inr.signals.from_samples` makes a signal of."""
    places, samples = real_array(coords, f"coords of {source}"), real_array(values, f"values of {source}")
    places = places[:, None] if places.ndim == 1 else places
    samples = samples[:, None] if samples.ndim == 1 else samples
    absent = np.zeros(samples.shape, bool)
    if np.ma.isMaskedArray(values):
        absent |= np.ma.getmaskarray(values).reshape(samples.shape)
    if samples.dtype.kind == "f":
        absent |= np.isnan(samples)
    if places.ndim != 2 or not 1 <= places.shape[1] <= 4:
        raise InrError(f"coords of {source} are (N, D) with D from 1 to 4, got {places.shape}")
    if samples.ndim != 2:
        raise InrError(f"values of {source} are (N,) or (N, C), got {samples.shape}")
    if len(places) != len(samples):
        raise InrError(f"{source} disagree: {len(places)} coords but {len(samples)} values")
    if absent.any():
        kept = ~absent.any(axis=1)
        if not kept.any():
            raise InrError(f"{source} hold no values: all {len(samples):,} are missing")
        places, samples = np.ascontiguousarray(places[kept]), np.ascontiguousarray(samples[kept])
    ranges = _boxed([_finite_range(column, f"coords of {source}") for column in places.T], box, source)
    axes = tuple(Axis(name, None, "", *ends) for name, ends in zip(_VOLUME_AXES, ranges, strict=False))
    spans = [_widened(*_finite_range(channel, f"values of {source}")) for channel in samples.T]
    if value_range is not None:
        spans = [(float(value_range[0]), float(value_range[1]))]
    lows, highs = zip(*spans, strict=True)
    domain = Domain("scattered", axes, samples.shape[1], ValueMap(lows, highs), samples.dtype.name)
    return ScatteredSamples(places, samples, domain)


def _boxed(
    ranges: list[tuple[float, float]], box: Sequence[tuple[float, float]] | None, source: str
) -> list[tuple[float, float]]:
    """What [-1, 1] spans on every axis: the box given, or the samples' own ranges."""
    if box is not None and len(box) != len(ranges):
        raise InrError(f"box must give (low, high) for each of {len(ranges)} coordinates, got {len(box)}")
    chosen = ranges if box is None else [(float(low), float(high)) for low, high in box]
    for name, (low, high), (least, most) in zip(_VOLUME_AXES, chosen, ranges, strict=False):
        if box is None and low == high:
            raise InrError(f"coordinate {name} of {source} is {low:g} everywhere; leave that column out")
        if not (low < high and low <= least and most <= high):
            raise InrError(
                f"coordinate {name} of {source} reaches from {least:g} to {most:g}; its box must hold that, "
                f"got {low:g} to {high:g}"
            )
    return chosen


def grid_axes(kind: Kind, shape: tuple[int, ...], meta: Mapping[str, Any]) -> tuple[Axis, ...]:
    """The axes of a kind in coordinate order; `shape` is in array order, without channels."""
    if kind == "audio":
        return (Axis("t", shape[0], "s", 0.0, shape[0] / meta["sample_rate"]),)
    unit = "samples" if kind == "volume" else "px"
    axes = [Axis(name, n, unit, 0.0, float(n)) for name, n in zip(_VOLUME_AXES, reversed(shape), strict=False)]
    if kind == "video":
        axes[2] = Axis("t", shape[0], "s", 0.0, shape[0] / meta["fps"])
    return tuple(axes)


def real_array(array: Any, source: str) -> np.ndarray:
    """A native, C-contiguous, writable array of real numbers; a copy only where it must be one.

    Raises InrError for what is not one, or holds nothing; whether all numbers are finite is seen later, when
    their range is taken.
    """
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        array = (array.float() if array.dtype.is_floating_point and array.dtype.itemsize < 4 else array).numpy()
    try:
        result = np.asarray(array)
    except ValueError as error:
        raise InrError(f"{source} is not an array of numbers: {error}") from error
    check_real(result.dtype, source)
    if result.dtype.kind == "b":
        result = result.astype(np.int8)  # not uint8, whose range is 0..255
    if result.dtype.itemsize > 8:
        result = result.astype(np.float64)
    if result.size == 0:
        raise InrError(f"{source} holds no samples: its shape is {result.shape}")
    return np.require(result, result.dtype.newbyteorder("="), ["C", "W"])


def check_real(dtype: np.dtype, source: str) -> None:
    """Refuse what is not integers, floats or truth values."""
    if dtype.kind not in "biuf":
        hint = "; give real and imaginary parts as two channels" if dtype.kind == "c" else ""
        raise InrError(f"{source} must hold real numbers, not {dtype.name}{hint}")


def _with_channels(
    array: np.ndarray, kind: Kind | None, channels_last: bool | None, source: str
) -> tuple[Kind, np.ndarray]:
    """The kind, guessed if need be, and the array with a trailing channel axis."""
    if kind == "scattered":
        raise InrError("scattered samples are given to inr.signals.from_samples(coords, values)")
    if kind is not None and kind not in _GRID_AXES:
        raise InrError(f"unknown kind of signal '{kind}'; known: {', '.join(_GRID_AXES)}")
    if channels_last is None:
        channels_last = _has_channels(array, kind)
        if kind is not None and channels_last and array.ndim - 1 in _GRID_AXES[kind]:
            _check_channels_last(array.shape, kind, source)
    axes = array.ndim - channels_last
    if kind is None:
        kind = "image" if axes == 2 else "volume"
    allowed = _GRID_AXES[kind]
    if axes not in allowed:
        most = f"{allowed[0]} to {allowed[-1]} axes" if len(allowed) > 1 else f"{allowed[0]} axes"
        raise InrError(f"{kind} takes {most}, and perhaps one more of channels; {source} has shape {array.shape}")
    return kind, array if channels_last else array[..., None]


def _has_channels(array: np.ndarray, kind: Kind | None) -> bool:
    if kind is None:
        return array.ndim == 3 and array.shape[-1] in (3, 4)
    return kind != "volume" and array.ndim > _GRID_AXES[kind][0]


def _check_channels_last(shape: tuple[int, ...], kind: Kind, source: str) -> None:
    """Refuse channels before the other axes, where nothing else makes sense: PyTorch's order of pictures, say."""
    last, first = len(shape) - 1, 0
    if kind == "video" and len(shape) == 4 and shape[1] <= 4:
        first = 1
    many = shape[last] > shape[0] if kind == "audio" else shape[last] > 4 >= shape[first]
    if many:
        order = ", ".join(str(axis) for axis in range(last + 1) if axis != first)
        raise InrError(
            f"{source} has shape {shape}: its {('first', 'second')[first]} axis looks like channels; pass "
            f"array.transpose({order}, {first}), which for tensors is permute, or channels_last=True if it is not"
        )


def _rate(value: float | None, name: str) -> float:
    if value is None:
        raise InrError(f"an array of audio needs its {name}")
    if not (math.isfinite(value) and value > 0):
        raise InrError(f"{name.partition(',')[0]} must be positive, got {value}")
    return value


def _value_map(
    samples: np.ndarray, kind: Kind, value_range: tuple[float, float] | None, low: float, high: float
) -> ValueMap:
    """The value range of samples that reach from `low` to `high`."""
    if value_range is not None:
        return ValueMap((float(value_range[0]),), (float(value_range[1]),))
    pictures = kind in ("image", "video")
    if kind == "audio":
        peak = max(-low, high) or 1.0
        low, high = -peak, peak
    elif samples.dtype == np.uint8:
        low, high = _filling(low, high, 255.0)
    elif samples.dtype == np.uint16 and pictures:
        low, high = _filling(low, high, 65535.0)
    elif pictures and _is_unit(samples, low, high):
        low, high = _filling(low, high, 1.0)
    low, high = _widened(low, high)
    return ValueMap((low,), (high,))


def usual_values(samples: np.ndarray, kind: Kind) -> ValueMap:
    """The value range that samples of a grid have where none is given; see `inr.from_array`.

    Args:
        samples: (…, C), finite.
        kind: of the signal.
    """
    return _value_map(samples, kind, None, *_finite_range(samples, "the array"))


def _filling(low: float, high: float, largest: float) -> tuple[float, float]:
    """From 0 to the largest value of samples, unless they take less than half of that: masks, 12 bits in 16, depths.

    What is the same everywhere tells nothing of a range.
    """
    return (low, high) if 0 < high - low < largest / 2 else (0.0, largest)


def _is_unit(samples: np.ndarray, low: float, high: float) -> bool:
    return samples.dtype.kind == "f" and low >= 0 and high <= 1


def _usual_sampling(kind: Kind, samples: np.ndarray, low: float, high: float) -> SamplingModel:
    """What a sample usually measures: a pixel or voxel the mean over its cell, a number of a map or series a point."""
    if kind == "audio":
        return "band"
    if kind == "volume":
        return "area" if samples.ndim > 3 else "point"
    light = samples.dtype.name in ("uint8", "uint16") or _is_unit(samples, low, high)
    return "area" if light or kind == "video" else "point"


def _finite_range(samples: np.ndarray, source: str) -> tuple[float, float]:
    """Smallest and largest; both are finite exactly when every number is, so no mask of all samples is made."""
    low, high = float(samples.min()), float(samples.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        nans, infs = int(np.isnan(samples).sum()), int(np.isinf(samples).sum())
        found = " and ".join(f"{n:,} {name}" for n, name in ((nans, "NaN"), (infs, "infinite")) if n)
        raise InrError(f"{source} has {found} of {samples.size:,} values; fill or remove them first")
    if max(-low, high) > _LARGEST or 0 < high - low < _SMALLEST:
        raise InrError(
            f"{source} spans {low:g} to {high:g}, which the 32-bit floats that fields are rendered in cannot hold; "
            "rescale it first"
        )
    return low, high


def _widened(low: float, high: float) -> tuple[float, float]:
    """Constant data get a range of one unit around their value (more where a unit would round away)."""
    if low < high:
        return low, high
    half = max(0.5, abs(low) * 2.0**-20)
    return low - half, high + half
