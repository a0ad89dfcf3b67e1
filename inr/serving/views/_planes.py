"""Pictures that pixels of any grid can be had from: a field's, a signal's, and what is measured of a field."""

import abc
import contextlib
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8

from inr.serving.views._display import pixel_channels, pixels, tones
from inr.serving.views._fields import OpenField
from inr.serving.views._pyramid import Pyramid, make_pyramid, strips_of
from inr.serving.views._request import is_native, shrinks
from inr.signals import Box, Domain, measured_places, unpack_missing

Region = Sequence[float]  # left, top, width and height, in samples of the picture
_LONGEST_STEP, _SHORTEST_STEP = 0.5, 1 / 256  # samples over which slopes are measured
_MAKING = threading.Lock()  # a pyramid is not made twice at once


class Slice:
    """A plane of two axes of a domain's grid; the others stand still.

    Args:
        domain: with a grid of two axes or more.
        fixed: the axes that stand still, and where, from 0 to 1; all but two.
    """

    def __init__(self, domain: Domain, fixed: Mapping[int, float]) -> None:
        self.domain = domain
        self._fixed = dict(fixed)
        self.columns, self.rows = (axis for axis in range(domain.in_dim) if axis not in fixed)

    def at_samples(self) -> "Slice":
        """The nearest slice that lies at samples."""
        sizes = self._sizes
        return Slice(
            self.domain,
            {axis: (min(int(p * sizes[axis]), sizes[axis] - 1) + 0.5) / sizes[axis] for axis, p in self._fixed.items()},
        )

    @property
    def _sizes(self) -> tuple[int, ...]:
        assert self.domain.shape is not None
        return self.domain.shape[::-1]

    @property
    def height(self) -> int:
        """Samples down."""
        return self._sizes[self.rows]

    @property
    def width(self) -> int:
        """Samples across."""
        return self._sizes[self.columns]

    def grid(self, region: Region, size: tuple[int, int]) -> tuple[tuple[int, ...], Box]:
        """The shape and box that `Field.render` takes; a fixed axis has one sample, as thick as the grid's own."""
        left, top, across, down = region
        counts = {self.columns: size[0], self.rows: size[1]}
        ends = {self.columns: (left, left + across), self.rows: (top, top + down)}
        for axis, place in self._fixed.items():
            start = min(max(place * self._sizes[axis] - 0.5, 0.0), self._sizes[axis] - 1.0)
            counts[axis], ends[axis] = 1, (start, start + 1)
        box = [
            (max(2 * low / size - 1, -1.0), min(2 * high / size - 1, 1.0))
            for (low, high), size in ((ends[axis], self._sizes[axis]) for axis in range(self.domain.in_dim))
        ]
        return tuple(counts[axis] for axis in reversed(range(self.domain.in_dim))), box

    def plane(self, values: np.ndarray) -> np.ndarray:
        """Samples on such a grid as a picture (h, w, c)."""
        count = self.domain.in_dim
        still = tuple(count - 1 - axis for axis in self._fixed)
        return np.squeeze(values, axis=still)

    def coords(self, x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n d"]:
        """Coordinates of places of the plane, which are told in samples."""
        coords = np.empty((len(x), self.domain.in_dim))
        for axis, place in self._fixed.items():
            coords[:, axis] = 2 * place - 1
        coords[:, self.columns] = 2 * x / self.width - 1
        coords[:, self.rows] = 2 * y / self.height - 1
        return coords

    def samples(self, array: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Rows of the plane of an array of the domain's shape, (rows, w, c); the nearest where an axis is fixed."""
        count = self.domain.in_dim
        places: list[int | slice] = [slice(None)] * count
        for axis, place in self._fixed.items():
            places[count - 1 - axis] = min(int(place * self._sizes[axis]), self._sizes[axis] - 1)
        places[count - 1 - self.rows] = slice(start, stop)
        return array[tuple(places)]


class Plane(abc.ABC):
    """A picture of height x width samples, shown as pixels of any grid.

    Args:
        cut: which slice of which domain.
        pyramid: the file of its pyramid, which is made when it is first needed.
        channels: of its pixels.
    """

    def __init__(self, cut: Slice, pyramid: Path, channels: int) -> None:
        self.cut = cut
        self._path = pyramid
        self._channels = channels

    def grid(self, region: Region, size: tuple[int, int]) -> UInt8[np.ndarray, "h w k"]:
        """A part of the picture on a grid.

        Args:
            region: the part, within the picture.
            size: width and height of the grid.
        """
        if shrinks(region, size) or is_native(region, size):
            return self.pyramid().shrunk(region, size)
        return self.fine_grid(region, size)

    def pyramid(self) -> Pyramid:
        """The picture at smaller sizes."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self._path)  # the one that was used least recently goes first
            return Pyramid(self._path, self.cut.height, self.cut.width)
        with _MAKING:
            if self._path.exists():
                return Pyramid(self._path, self.cut.height, self.cut.width)
            return make_pyramid(self._path, (self.cut.height, self.cut.width, self._channels), self.rows)

    @abc.abstractmethod
    def rows(self, start: int, stop: int) -> UInt8[np.ndarray, "rows w k"]:
        """The samples of some rows."""

    @abc.abstractmethod
    def fine_grid(self, region: Region, size: tuple[int, int]) -> UInt8[np.ndarray, "h w k"]:
        """As `grid`, where pixels are no larger than samples."""


class FieldPlane(Plane):
    """A field as it is."""

    def __init__(self, field: OpenField, cut: Slice, pyramid: Path) -> None:
        super().__init__(cut, pyramid, pixel_channels(field.domain))
        self._field = field

    def rows(self, start: int, stop: int) -> UInt8[np.ndarray, "rows w k"]:
        """See `Plane.rows`."""
        return self.fine_grid((0, start, self.cut.width, stop - start), (self.cut.width, stop - start))

    def fine_grid(self, region: Region, size: tuple[int, int]) -> UInt8[np.ndarray, "h w k"]:
        """See `Plane.fine_grid`."""
        left, top, across, down = region
        cell = down / size[1]
        return np.concatenate(
            [
                self._strip((left, top + start * cell, across, (stop - start) * cell), (size[0], stop - start))
                for start, stop in strips_of(size[1], size[0])
            ]
        )

    def _strip(self, region: Region, size: tuple[int, int]) -> UInt8[np.ndarray, "rows w k"]:
        return pixels(self.cut.plane(self._field.render(*self.cut.grid(region, size))), self.cut.domain)

    def points(
        self, x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], region: Region, size: tuple[int, int]
    ) -> UInt8[np.ndarray, "n k"]:
        """Pixels at places of the plane, of the size that those of a grid would have.

        Args:
            x, y: in samples.
            region, size: of the grid, as of `grid`.
        """
        places = measured_places(self._field.domain, *self.cut.grid(region, size))
        return pixels(self._field.measure(self.cut.coords(x, y), places), self.cut.domain)


class SlopePlane(FieldPlane):
    """How steep a field is: the length of the gradient along the plane, a share of the value range a sample.

    By central differences over a pixel, or half a sample where pixels are larger: they take as long as a few pictures,
    derivatives by PyTorch a hundred times as long.
    """

    def __init__(self, field: OpenField, cut: Slice, pyramid: Path) -> None:
        super().__init__(field, cut, pyramid)
        self._channels = 1 + bool(cut.domain.missing)

    def _strip(self, region: Region, size: tuple[int, int]) -> UInt8[np.ndarray, "rows w k"]:
        x, y = _centres(region, size)
        shown = self.points(np.tile(x, size[1]), np.repeat(y, size[0]), region, size)
        return shown.reshape(size[1], size[0], -1)

    def points(
        self, x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], region: Region, size: tuple[int, int]
    ) -> UInt8[np.ndarray, "n k"]:
        """See `FieldPlane.points`."""
        step = max(min(region[2] / size[0], region[3] / size[1], _LONGEST_STEP), _SHORTEST_STEP)
        centre = np.zeros((1, self.cut.domain.in_dim), np.float32)
        values = self._field.domain.values
        square: np.ndarray = np.zeros((len(x), self._field.domain.channels), np.float32)
        for across, down in ((step / 2, 0.0), (0.0, step / 2)):
            ahead = self._field.measure(self.cut.coords(x + across, y + down), centre)
            behind = self._field.measure(self.cut.coords(x - across, y - down), centre)
            # normalised values have a range of 2
            square += np.square((values.normalise(ahead) - values.normalise(behind)) / np.float32(2 * step))
        return tones(np.sqrt(square).max(axis=1), self.cut.domain)


class SampledPlane(Plane):
    """Samples, each of one colour throughout."""

    def fine_grid(self, region: Region, size: tuple[int, int]) -> UInt8[np.ndarray, "h w k"]:
        """See `Plane.fine_grid`."""
        x, y = _centres(region, size)
        columns = np.clip(np.floor(x), 0, self.cut.width - 1).astype(np.int64)
        rows = np.clip(np.floor(y), 0, self.cut.height - 1).astype(np.int64)
        return self.pyramid().native[rows[:, None], columns]


class SignalPlane(SampledPlane):
    """A signal's own samples."""

    def __init__(self, array: np.ndarray, cut: Slice, pyramid: Path) -> None:
        super().__init__(cut, pyramid, pixel_channels(cut.domain))
        self._array = array

    def rows(self, start: int, stop: int) -> UInt8[np.ndarray, "rows w k"]:
        """See `Plane.rows`."""
        return pixels(self.values(start, stop), self.cut.domain)

    def values(self, start: int, stop: int) -> Float32[np.ndarray, "rows w c"]:
        """The samples of some rows in own units, NaN where they are missing."""
        values = self.cut.samples(self._array, start, stop).astype(np.float32)
        if self.cut.domain.missing:
            missing = unpack_missing(self.cut.domain.missing, self.cut.domain.shape or ())
            values[self.cut.samples(missing, start, stop)] = np.nan
        return values


class ErrorPlane(SampledPlane):
    """How far a field is off at each sample, a share of the value range; the channel that is off most."""

    def __init__(self, field: OpenField, array: np.ndarray, cut: Slice, pyramid: Path) -> None:
        super().__init__(cut, pyramid, 1 + bool(cut.domain.missing))
        self._field = field
        self._signal = SignalPlane(array, cut, pyramid)

    def rows(self, start: int, stop: int) -> UInt8[np.ndarray, "rows w k"]:
        """See `Plane.rows`."""
        width, count = self.cut.width, stop - start
        found = self.cut.plane(self._field.render(*self.cut.grid((0, start, width, count), (width, count))))
        off = np.abs(found - self._signal.values(start, stop)) / np.float32(self._field.domain.values.data_range)
        return tones(off.max(axis=2), self.cut.domain)


def _centres(region: Region, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of a grid have their centres across, and down, in samples."""
    left, top, across, down = region
    return left + (np.arange(size[0]) + 0.5) * (across / size[0]), top + (np.arange(size[1]) + 0.5) * (down / size[1])
