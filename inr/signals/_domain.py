"""What a signal's coordinates and values mean: its axes, units and value range."""

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from inr._errors import InrError

Kind = Literal["image", "audio", "video", "volume", "scattered", "shape"]
SamplingModel = Literal["area", "point", "band"]
_DTYPES = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)} | {"float16", "float32", "float64"}


@dataclass(frozen=True)
class Axis:
    """One coordinate axis; [-1, 1] spans `low` to `high` in `unit`; `low` is the larger one where the axis falls.

    Sampled axes have `size` cells, sample i at the centre (2i+1)/size - 1; scattered samples have size None.
    """

    name: str
    size: int | None
    unit: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise InrError(f"axis {self.name} must have at least 1 sample, got {self.size}")
        if self.low == self.high or not math.isfinite(self.high - self.low):
            raise InrError(f"axis {self.name} must span a finite range, got {self.low} and {self.high}")


@dataclass(frozen=True)
class ValueMap:
    """The affine map between a signal's own units and the [-1, 1] a field works in.

    `low` and `high` go to -1 and 1; each holds one number for all channels, or one a channel.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high) or not all(map(_spans, self.low, self.high)):
            raise InrError(f"a value range must have low < high, got {self.low} and {self.high}")

    def normalise(self, values: Any) -> Any:
        """From own units to [-1, 1].

        Args:
            values: array or tensor (…, C) of floats, C being 1 where all channels share a range.

        Returns:
            A new array or tensor of the same shape and type.

        >>> inr.signals.ValueMap((0.0,), (255.0,)).normalise(np.array([0.0, 127.5, 255.0]))
        array([-1.,  0.,  1.])
        """
        return (values - _like(values, self._centre)) / _like(values, self._half)

    def restore(self, values: Any) -> Any:
        """From [-1, 1] back to own units.

        Args:
            values: array or tensor (…, C) of floats.

        Returns:
            A new array or tensor of the same shape and type.
        """
        return values * _like(values, self._half) + _like(values, self._centre)

    def restore_(self, values: Any) -> Any:
        """As `restore`, in place.

        Args:
            values: array or tensor (…, C) of floats, which is changed.

        Returns:
            `values` itself.
        """
        values *= _like(values, self._half)
        values += _like(values, self._centre)
        return values

    @property
    def data_range(self) -> float:
        """Peak-to-peak range in own units, for PSNR: the widest channel's."""
        return max(hi - lo for lo, hi in zip(self.low, self.high, strict=True))

    @property
    def _centre(self) -> list[float]:
        return [(hi + lo) / 2 for lo, hi in zip(self.low, self.high, strict=True)]

    @property
    def _half(self) -> list[float]:
        return [(hi - lo) / 2 for lo, hi in zip(self.low, self.high, strict=True)]


@dataclass(frozen=True)
class Domain:
    """Where a signal lives and what its values mean; saved with the field, enough to write the signal back.

    Attributes:
        kind: image, audio, video, volume (any array of 1 to 4 axes) or scattered.
        axes: in coordinate order x, y(, z)(, t).
        channels: values per sample.
        values: the map between the signal's units and [-1, 1].
        dtype: numpy name of the source's sample type ("uint8"); written files use it again.
        meta: what a writer needs besides (sample_rate in Hz, fps, NIfTI affine …), plain JSON.
        sampling: what a sample measures: "area", the mean over its cell (along time, videos are sampled at points);
            "point", the value at the cell's centre; or "band", a band-limited signal at the centre, with one axis.
        missing: which samples of the grid are not there, as `inr.signals.pack_missing` has it; empty where all are.
    """

    kind: Kind
    axes: tuple[Axis, ...]
    channels: int
    values: ValueMap
    dtype: str = "float32"
    meta: Mapping[str, Any] = field(default_factory=dict)
    sampling: SamplingModel = "point"
    missing: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InrError(f"unknown kind of signal '{self.kind}'; known: {', '.join(get_args(Kind))}")
        if not 1 <= len(self.axes) <= 4:
            raise InrError(f"a domain has 1 to 4 axes, got {len(self.axes)}")
        if self.channels < 1:
            raise InrError(f"a signal has at least 1 channel, got {self.channels}")
        if len(self.values.low) not in (1, self.channels):
            raise InrError(f"{self.channels} channels share a value range or have one each, not {len(self.values.low)}")
        if self.dtype not in _DTYPES:
            raise InrError(f"samples are integers or floats of up to 64 bits, not {self.dtype}")
        if self.sampling not in get_args(SamplingModel):
            raise InrError(f"a sample is one of {', '.join(get_args(SamplingModel))}, not '{self.sampling}'")
        if self.sampling == "band" and len(self.axes) != 1:
            raise InrError(
                f"band-limited samples have one axis, not {len(self.axes)}; sampling=area or point suits more"
            )
        if self.sampling != "point" and self.kind == "scattered":
            raise InrError(f"scattered samples are points, not sampling={self.sampling}")
        if self.missing and self.shape is None:
            raise InrError("scattered samples that are missing are left out, not marked")

    @property
    def in_dim(self) -> int:
        """Number of coordinates D."""
        return len(self.axes)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Samples per axis in array order (t, z, y, x: the last axis is x); None for scattered samples."""
        sizes = [axis.size for axis in reversed(self.axes)]
        return tuple(size for size in sizes if size is not None) if None not in sizes else None

    def resampled(self, shape: Sequence[int], box: Sequence[tuple[float, float]] | None = None) -> "Domain":
        """The domain of another grid over the same extent, or over a part of it.

        Args:
            shape: samples per axis in array order, without channels.
            box: (low, high) per axis in coordinate order, the part of [-1, 1] that the grid covers; all when None.

        Returns:
            A domain whose axes span the box in own units. It does not tell which samples are missing: where it is the
            domain of rendered samples, these do.

        >>> domain = inr.open("photo.png").domain.resampled((48, 64))
        >>> domain.shape, domain.axes[0].high
        ((48, 64), 32.0)
        """
        box = box or [(-1.0, 1.0)] * self.in_dim
        axes = []
        for axis, size, (low, high) in zip(self.axes, reversed(shape), box, strict=True):
            middle, half = (axis.high + axis.low) / 2, (axis.high - axis.low) / 2
            new_size = None if axis.size is None else size
            axes.append(replace(axis, size=new_size, low=middle + low * half, high=middle + high * half))
        meta = dict(self.meta)
        if "affine" in meta:
            meta["affine"] = _resampled_affine(meta["affine"], self.axes[:3], tuple(reversed(shape)), box)
        return replace(self, axes=tuple(axes), meta=meta, missing=b"")

    def gridded(self, shape: Sequence[int]) -> "Domain":
        """The domain of scattered samples with a grid over it.

        Args:
            shape: samples per axis in array order, without channels.

        Returns:
            A domain of kind image where there are two axes, and volume for others, with samples at points.
        """
        axes = tuple(replace(axis, size=size) for axis, size in zip(self.axes, reversed(shape), strict=True))
        return replace(self, kind="image" if len(axes) == 2 else "volume", axes=axes)

    def positions(self, coords: Any) -> Any:
        """Coordinates in the axes' own units.

        Args:
            coords: array or tensor (n, D) of floats in [-1, 1], columns x, y(, z)(, t).

        Returns:
            An array or tensor of the same shape.
        """
        middles = _like(coords, [(axis.high + axis.low) / 2 for axis in self.axes])
        return coords * _like(coords, [(axis.high - axis.low) / 2 for axis in self.axes]) + middles

    def coordinates(self, positions: Any) -> Any:
        """The inverse of `positions`.

        Args:
            positions: array or tensor (n, D) of floats in the axes' own units.

        Returns:
            An array or tensor of the same shape, in [-1, 1] within the domain.
        """
        middles = _like(positions, [(axis.high + axis.low) / 2 for axis in self.axes])
        return (positions - middles) / _like(positions, [(axis.high - axis.low) / 2 for axis in self.axes])

    def to_json(self) -> dict[str, Any]:
        """The domain as plain JSON; sampling at points, and that no sample is missing, goes without saying."""
        found = asdict(self) | {"missing": base64.b64encode(self.missing).decode()}
        return {
            key: value for key, value in found.items() if (key, value) not in (("sampling", "point"), ("missing", ""))
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Domain":
        """The domain that `to_json` described.

        Args:
            data: what it gave; it may come from a file of any origin.

        Raises:
            InrError: something is missing or of the wrong type.
        """
        try:
            axes = tuple(Axis(**axis) for axis in data["axes"])
            values = ValueMap(tuple(map(float, data["values"]["low"])), tuple(map(float, data["values"]["high"])))
            sampling = data.get("sampling", "point")
            missing = base64.b64decode(data.get("missing", ""), validate=True)
            return cls(
                data["kind"], axes, int(data["channels"]), values, str(data["dtype"]), dict(data["meta"]), sampling,
                missing,
            )  # fmt: skip
        except InrError:
            raise
        except (KeyError, TypeError, ValueError, OverflowError, binascii.Error) as error:
            raise InrError(f"not the description of a domain: {error!r}") from error


def _like(values: Any, numbers: list[float]) -> Any:
    """A number, or a row of them of the kind (numpy or torch) and dtype of `values`."""
    if len(numbers) == 1:
        return numbers[0]
    if hasattr(values, "new_tensor"):
        return values.new_tensor(numbers)
    import numpy as np

    return np.asarray(numbers, dtype=values.dtype)


def _spans(low: float, high: float) -> bool:
    """Whether there is a finite range from `low` up to `high`."""
    return low < high and math.isfinite(high - low)


def _resampled_affine(
    affine: Sequence[Sequence[float]], axes: Sequence[Axis], sizes: Sequence[int], box: Sequence[tuple[float, float]]
) -> list[list[float]]:
    """An affine from voxel indices to scanner space, for other voxels.

    Voxel j of n over (low, high) lies at low + (high - low)(j + 1/2)/n, and there is voxel (1 + that) size/2 - 1/2.
    """
    rows = [[float(number) for number in row] for row in affine]
    for column, (axis, n, (low, high)) in enumerate(zip(axes, sizes, box, strict=False)):
        size = axis.size or n
        step = (high - low) * size / (2 * n)
        start = (1 + low) * size / 2 + step / 2 - 0.5
        for row in rows[:3]:
            row[3] += row[column] * start
            row[column] *= step
    return rows
