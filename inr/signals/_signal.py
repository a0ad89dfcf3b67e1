"""Signals: samples on a domain, handed out as normalised coordinates and values."""

import abc
import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from inr._errors import InrError
from inr._tensor import Tensor
from inr._upstairs import upstairs
from inr.signals._arrays import grid_samples, scattered_samples
from inr.signals._domain import Domain, Kind, SamplingModel
from inr.signals._grid import block_ranges, grid_coords, grid_range
from inr.signals._missing import nearest_present, unpack_missing
from inr.signals._write import write

if TYPE_CHECKING:
    import torch

    from inr.signals._continuous import Interpolant

# Types that float32 carries exactly; wider ones are normalised in float64 and rounded once at the end, and so are
# ranges whose inverse float32 has not in full.
_NARROW = {"uint8", "int8", "int16", "uint16", "float16", "float32"}
_WIDEST, _NARROWEST = 2.0**100, 2.0**-100


class Signal(abc.ABC):
    """Samples with coordinates and values in [-1, 1], kept in the source's own type until they are asked for.

    Attributes:
        domain: what coordinates and values mean.
        positions: where the samples lie, in own units, if they are scattered.
    """

    positions: np.ndarray | None = None

    def __init__(self, array: np.ndarray, domain: Domain) -> None:
        self.domain = domain
        self._array = array
        low, high = np.array(domain.values.low), np.array(domain.values.high)
        half = high / 2 - low / 2
        usual = array.dtype.name in _NARROW and half.min() > _NARROWEST and half.max() < _WIDEST
        self._work = np.float32 if usual else np.float64
        self._centre = self._operand(low / 2 + high / 2)
        self._inverse_half = self._operand(1 / half)
        self._copies: dict[tuple[Any, str], Tensor] = {}

    @property
    def is_narrow(self) -> bool:
        """Whether float32 carries samples and range, so that values are normalised in it."""
        return self._work is np.float32

    def _operand(self, numbers: np.ndarray) -> Any:
        return self._work(numbers[0]) if len(numbers) == 1 else numbers.astype(self._work)

    @functools.cached_property
    def _samples(self) -> Tensor:
        """The samples (n, c), sharing their memory; torch comes with the first that are asked for."""
        import torch

        return torch.from_numpy(self.samples)

    @property
    def samples(self) -> np.ndarray:
        """The samples in own units and type, in order, (size, C): those that are there."""
        return self._array.reshape(-1, self.domain.channels)

    @property
    def size(self) -> int:
        """Number of samples."""
        return self._array.size // self.domain.channels

    @property
    def in_dim(self) -> int:
        """Number of coordinates of a sample."""
        return self.domain.in_dim

    @property
    def channels(self) -> int:
        """Number of values of a sample."""
        return self.domain.channels

    @abc.abstractmethod
    def coords(self, indices: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """Coordinates of samples.

        Args:
            indices: int64 (n,), flat, in the order of the samples.

        Returns:
            float32 (n, d) in [-1, 1], columns x, y(, z)(, t), on the device of the indices.
        """

    def values(self, indices: Int[Tensor, " n"]) -> Float[Tensor, "n c"]:
        """Values of samples, normalised by the domain.

        Args:
            indices: int64 (n,), flat, in the order of the samples.

        Returns:
            float32 (n, c) in [-1, 1], on the device of the indices.
        """
        if indices.device.type != "cpu":
            return self._normalised_there(indices)
        return self._normalised(self._samples.index_select(0, indices))

    def blocks(self, block: int = 65_536) -> Iterator[tuple[Float[Tensor, "n d"], Float[Tensor, "n c"]]]:
        """All samples in order, block by block.

        Args:
            block: the most samples of a block.

        Yields:
            Coordinates, float32 (n, d), and normalised values, float32 (n, c).
        """
        for start, stop in block_ranges(self.size, block):
            yield self._coords_of(start, stop), self._normalised(self._samples[start:stop])

    @abc.abstractmethod
    def _coords_of(self, start: int, stop: int) -> Float[Tensor, "n d"]:
        """Coordinates of the samples from `start` up to `stop`."""

    @property
    def array(self) -> np.ndarray:
        """The samples in own units and type, shaped domain.shape + (C,), or (N, C) where scattered; not a copy.

        A missing sample has the values of the nearest that is there.
        """
        return self._array

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the signal in its kind, in the format that `path`'s suffix names.

        Args:
            path: the file, or folder of frames, to write; see `inr.signals.write`.
            force: whether to overwrite what is there.

        Raises:
            InrError: as `inr.signals.write` does.
        """
        write(path, self._array, self.domain, coords=self.positions, force=force)

    @property
    def sources(self) -> tuple[np.ndarray, ...]:
        """Arrays that tell one signal from another of the same domain: samples, and positions where they have some."""
        return (self.array,) if self.positions is None else (self.array, self.positions)

    def _repr_html_(self) -> str:
        """What notebooks show: a picture, and a table of axes and range."""
        return upstairs("signal_html", self)

    def _repr_png_(self) -> bytes | None:
        """The picture alone."""
        return upstairs("signal_png", self)

    def _normalised(self, samples: Tensor) -> Tensor:
        import torch

        # By numpy: torch would wake threads of its own, which then stand in the way of an engine's. The copy is
        # needed: for float32 samples there would be none, and the signal's own memory change.
        work: Any = samples.numpy().astype(self._work)
        work -= self._centre
        work *= self._inverse_half
        return torch.from_numpy(work.astype(np.float32, copy=False))

    def _normalised_there(self, indices: Tensor) -> Tensor:
        """Values on the device of the indices, which keeps a copy of the samples in their own type."""
        import torch

        samples = self._on(indices.device, "_samples").index_select(0, indices)
        work = samples.to(torch.float32 if self._work is np.float32 else torch.float64)
        return work.sub_(self._on(work.device, "_centre")).mul_(self._on(work.device, "_inverse_half")).float()

    def _on(self, device: "torch.device", name: str) -> Tensor:
        """A tensor, or numbers, of this signal on another device, copied once."""
        import torch

        if (device, name) not in self._copies:
            self._copies[device, name] = torch.as_tensor(getattr(self, name), device=device)
        return self._copies[device, name]

    @staticmethod
    def from_array(array: Any, **options: Any) -> "GridSignal":
        """The older spelling of `inr.from_array`, which takes the same arguments."""
        return from_array(array, **options)

    @staticmethod
    def from_samples(coords: Any, values: Any, **options: Any) -> "ScatteredSignal":
        """The older spelling of `inr.signals.from_samples`, which takes the same arguments."""
        return from_samples(coords, values, **options)


class GridSignal(Signal):
    """Samples on a regular grid: image, audio, video or volume; coordinates are computed, never stored.

    Where samples are missing, those that are there are numbered, and the signal has no others. A cell is a place of the
    grid, whether its sample is there or not.
    """

    def __init__(self, array: np.ndarray, domain: Domain) -> None:
        """`array` is (…, C) in own units, C-contiguous, and of the domain's shape."""
        super().__init__(array, domain)
        self._shape = array.shape[:-1]
        if (self._shape, array.shape[-1]) != (domain.shape, domain.channels):
            raise InrError(f"an array of shape {array.shape} is not of the domain's shape {domain.shape}")
        missing = self.missing
        self._present = None if missing is None else np.flatnonzero(~missing)

    @property
    def size(self) -> int:
        """Number of samples that are there."""
        return super().size if self._present is None else len(self._present)

    @functools.cached_property
    def samples(self) -> np.ndarray:
        """The samples in own units and type, in order, (size, C): those that are there."""
        return self.there(self._array)

    @functools.cached_property
    def cells(self) -> Tensor | None:
        """Flat C-order indices of the samples' cells, int64 (size,); None where none is missing, and they are equal."""
        import torch

        return None if self._present is None else torch.from_numpy(self._present)

    @property
    def missing(self) -> np.ndarray | None:
        """A mask of the grid's shape, True where a sample is missing, read-only; None where none is."""
        return unpack_missing(self.domain.missing, self._shape) if self.domain.missing else None

    def cells_of(self, indices: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
        """Flat indices of the cells of samples, int64 (n,), on the device of the indices."""
        return indices if self.cells is None else self._on(indices.device, "cells").index_select(0, indices)

    def samples_of(self, cells: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
        """The samples of cells, int64 (n,), by their flat indices; for a missing one, that of the nearest cell."""
        return cells if self.cells is None else self._on(cells.device, "_nearest").index_select(0, cells)

    @functools.cached_property
    def _nearest(self) -> Tensor:
        import torch

        missing = self.missing
        assert missing is not None
        numbers = np.cumsum(~missing, dtype=np.int64).reshape(self._shape) - 1
        numbers[missing] = numbers[nearest_present(missing)]
        return torch.from_numpy(numbers.ravel())

    def there(self, array: np.ndarray) -> np.ndarray:
        """The samples (size, C) of an array over the grid (…, C): all but what is missing in the signal."""
        flat = array.reshape(-1, array.shape[-1])
        return flat if self._present is None else flat[self._present]

    def coords(self, indices: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """Cell-centred coordinates of the samples at `indices` (int64), float32 (n, d)."""
        return grid_coords(self._shape, self.cells_of(indices))

    def shifted_coords(self, indices: Int[Tensor, " n"], shifts: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Coordinates of places within the cells of samples.

        Args:
            indices: of samples, int64 (n,).
            shifts: from the centres of their cells, in cells, from -1/2 to 1/2; float32 (n, d), columns x, y(, z)(, t).

        Returns:
            float32 (n, d) in [-1, 1].
        """
        sides = shifts.new_tensor([2 / size for size in reversed(self._shape)])
        return self.coords(indices).addcmul_(shifts, sides)

    def interpolated(self, indices: Int[Tensor, " n"], shifts: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values of the continuous signal that the samples stand for, at places within their cells.

        Args:
            indices, shifts: as of `shifted_coords`.

        Returns:
            float32 (n, c), normalised, by the interpolator of the domain's sampling model; see `Interpolant`.
        """
        return self.interpolant(self.cells_of(indices), shifts)

    def measured_as(self, sampling: SamplingModel) -> "GridSignal":
        """The same samples under another sampling model; the memory is shared.

        Args:
            sampling: what a sample measures.

        Raises:
            InrError: a model that the kind of signal cannot have.
        """
        return GridSignal(self._array, replace(self.domain, sampling=sampling))

    @functools.cached_property
    def grid_values(self) -> np.ndarray:
        """Normalised values of all cells, float32 of the array's shape; made when they are first asked for."""
        import torch

        whole = torch.from_numpy(self._array.reshape(-1, self.channels))
        blocks = [self._normalised(whole[start:stop]) for start, stop in block_ranges(len(whole), 65_536)]
        return torch.cat(blocks).numpy().reshape(self._array.shape)

    @functools.cached_property
    def interpolant(self) -> "Interpolant":
        """The continuous signal, as a function of cells and shifts; it takes four bytes for every value."""
        # these compile kernels, which reading signals does not need
        from inr.signals._continuous import Interpolant, axis_kernels
        from inr.signals._motion import VideoInterpolant

        if self.domain.kind == "video":
            return VideoInterpolant(self.grid_values, self.domain)
        return Interpolant(self.grid_values, axis_kernels(self.domain))

    def _coords_of(self, start: int, stop: int) -> Float[Tensor, "n d"]:
        if self.cells is not None:
            return grid_coords(self._shape, self.cells[start:stop])
        return grid_range(self._shape, start, stop)


class ScatteredSignal(Signal):
    """Values at scattered points.

    Attributes:
        positions: the coordinates in own units, (N, D); not a copy.
    """

    positions: np.ndarray

    def __init__(self, positions: np.ndarray, values: np.ndarray, domain: Domain) -> None:
        """`positions` (N, D) and `values` (N, C) are in own units."""
        super().__init__(values, domain)
        self.positions = positions

    @functools.cached_property
    def _coords(self) -> Tensor:
        """The positions in [-1, 1]."""
        import torch

        low = np.array([axis.low for axis in self.domain.axes])
        high = np.array([axis.high for axis in self.domain.axes])
        normalised = (self.positions - (low / 2 + high / 2)) / (high / 2 - low / 2)
        return torch.from_numpy(normalised.astype(np.float32))

    def coords(self, indices: Int[Tensor, " n"]) -> Float[Tensor, "n d"]:
        """Coordinates of the samples at `indices` (int64), float32 (n, d) in [-1, 1]."""
        return self._on(indices.device, "_coords").index_select(0, indices)

    def _coords_of(self, start: int, stop: int) -> Float[Tensor, "n d"]:
        return self._coords[start:stop].clone()


def from_array(
    array: Any,
    *,
    kind: Kind | None = None,
    sample_rate: float | None = None,
    fps: float | None = None,
    value_range: tuple[float, float] | None = None,
    channels_last: bool | None = None,
    sampling: SamplingModel | None = None,
    nodata: float | None = None,
) -> GridSignal:
    """A signal from an array that is sampled on a regular grid; the memory is shared.

    Args:
        array: numpy array or torch tensor of real numbers in C order (the last axis is x): an image (H, W) or
            (H, W, C), audio (N,) or (N, C), a video (T, H, W) or (T, H, W, C), or a volume of 1 to 4 axes.
        kind: guessed when None: 2 axes, or 3 with a last one of 3 or 4, are an image; all else a volume.
        sample_rate: in Hz, needed for audio and only there.
        fps: frames a second, for video only; 25 when None.
        value_range: (low, high) in own units that go to -1 and 1. When None: 0..255 for uint8, 0..65535 for uint16
            images and videos, 0..1 for float images and videos within it, in each case unless the samples take less
            than half of that; ±peak for audio; and the smallest to the largest value otherwise.
        channels_last: whether the last axis holds channels; guessed from kind and shape when None.
        sampling: what a sample measures: "area", the mean over its cell; "point", the value at its centre; "band", a
            band-limited signal there. When None: area for images of uint8, uint16 or floats within 0..1, for videos and
            for volumes of 3 or 4 axes; band for audio; point otherwise, as for maps and series.

    Returns:
        The signal, in the array's own type.

    Raises:
        InrError: not an array of finite real numbers, or a shape that does not fit `kind`.

    >>> signal = inr.from_array(np.zeros((24, 32, 3), np.uint8))
    >>> signal.domain.kind, signal.size, signal.channels
    ('image', 768, 3)
    >>> signal.coords(torch.tensor([0]))  # the centre of the first of 32 x 24 pixels
    tensor([[-0.9688, -0.9583]])
    """
    return GridSignal(
        *grid_samples(
            array,
            kind=kind,
            sample_rate=sample_rate,
            fps=fps,
            value_range=value_range,
            channels_last=channels_last,
            sampling=sampling,
            nodata=nodata,
        )
    )


def from_samples(
    coords: Any,
    values: Any,
    *,
    box: Sequence[tuple[float, float]] | None = None,
    value_range: tuple[float, float] | None = None,
) -> ScatteredSignal:
    """A signal from values at scattered points.

    Args:
        coords: (N, D) or (N,) positions in own units, D from 1 to 4; array or tensor of real numbers.
        values: (N, C) or (N,), likewise. Samples of which a channel is NaN, or masked, are left out.
        box: (low, high) of every coordinate, in own units, that go to -1 and 1; each column's smallest and
            largest when None.
        value_range: (low, high) in own units that go to -1 and 1, for every channel; each channel's own
            smallest and largest when None.

    Returns:
        The signal, in the type of `values`.

    Raises:
        InrError: lengths that differ, numbers that are not finite and real, or a column of `coords` that
            holds one number only.

    >>> signal = inr.signals.from_samples(np.array([0.0, 2.0, 5.0]), np.array([1.0, 4.0, 2.0]))
    >>> signal.coords(torch.arange(3)).flatten()
    tensor([-1.0000, -0.2000,  1.0000])
    """
    return ScatteredSignal(*scattered_samples(coords, values, box=box, value_range=value_range))
