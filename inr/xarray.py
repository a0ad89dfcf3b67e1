"""Fields as arrays with coordinates, and such arrays as fields: needs the extra `xarray`.

Importing this module gives every `xarray.DataArray` the accessor `inr`: `da.inr.fit()`, `da.inr.signal()`. Where inr is
installed, xarray knows .inr files: `xr.open_dataset("t2m.inr")`.
"""

import functools
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from inr._errors import InrError, MissingExtra

try:
    import xarray
    from xarray.backends import BackendArray, BackendEntrypoint
    from xarray.core import indexing
except ImportError:
    raise MissingExtra("xarray", "xarray", "inr.xarray") from None

if TYPE_CHECKING:
    from inr.field import Execute, Field
    from inr.signals import GridSignal

__all__ = ["Accessor", "Backend", "interp", "to_dataarray", "to_dataset"]

_BLOCK = 65_536  # places evaluated at once


@xarray.register_dataarray_accessor("inr")
class Accessor:
    """What `da.inr` offers.

    Args:
        array: of real numbers along 1 to 4 dimensions of more than one sample; NaN are missing.
    """

    def __init__(self, array: xarray.DataArray) -> None:
        self._array = array

    def signal(self, **options: Any) -> "GridSignal":
        """The array as a signal, which keeps name, coordinates and attributes.

        Args:
            options: `sampling`, `value_range` and `nodata`, see `inr.from_array`.
        """
        from inr.signals import from_dataarray

        return from_dataarray(self._array, **options)

    def fit(self, **settings: Any) -> "Field":
        """A field fitted to the array.

        Args:
            settings: as of `inr.fit`.

        Returns:
            The field; `to_dataarray` and `to_dataset` make arrays of it again.
        """
        from inr.compression import fit

        return fit(self.signal(), **settings)


class Backend(BackendEntrypoint):
    """How xarray opens .inr files: `xr.open_dataset("t2m.inr")`, see `to_dataset`."""

    description = "Fields of inr, rendered where they are looked at"

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether this is the name of an .inr file."""
        return isinstance(filename_or_obj, str | os.PathLike) and os.fspath(filename_or_obj).endswith(".inr")

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None
    ) -> xarray.Dataset:
        """The field of a file as a data set.

        Args:
            filename_or_obj: the path of the file.
            drop_variables: names of variables to leave out.
        """
        from inr.io import load

        found = to_dataset(load(filename_or_obj))
        return found.drop_vars(drop_variables or [], errors="ignore")


def to_dataset(field: "Field") -> xarray.Dataset:
    """A field as a data set of one variable with the coordinates and attributes that its signal had.

    Nothing is evaluated before values are asked for, and only what is: `ds.t2m[::4, 10]` renders that. Each value is
    what `field.render` gives for the signal's own grid.

    Args:
        field: of samples on a grid.

    Returns:
        A data set; missing samples are NaN. Fields of other signals have their axes for coordinates, and a dimension
        "channel" where they have several.

    Raises:
        InrError: a field of scattered samples.

    >>> from inr.xarray import to_dataset
    >>> to_dataset(inr.fit("photo.png", coding="samples"))["values"].sizes
    Frozen({'y': 24, 'x': 32, 'channel': 3})
    """
    from inr.signals import described

    told = described(field.domain)
    values = _Values(field, told.shape)
    encoding = dict(told.encoding)
    if values.dtype != field.domain.dtype:  # integers some of which are missing
        encoding |= {"dtype": field.domain.dtype, "_FillValue": field.domain.meta.get("nodata", 0)}
    variable = xarray.Variable(told.dims, indexing.LazilyIndexedArray(values), told.attrs, encoding)
    return told.beside.assign({told.name: variable})


def to_dataarray(field: "Field") -> xarray.DataArray:
    """A field as an array with the coordinates and attributes that its signal had; see `to_dataset`."""
    from inr.signals import described

    return to_dataset(field)[described(field.domain).name]


def interp(field: "Field", **places: Any) -> xarray.DataArray:
    """A field's values at any coordinates, in own units: the function itself, between samples as well as at them.

    Along uneven coordinates, a place is found by linear interpolation between these.

    Args:
        field: of samples on a grid.
        places: by name of dimension, one place or a sequence of them, in the coordinate's unit, or times; where a
            dimension is not named, the centres of the signal's samples.

    Returns:
        float32, along the dimensions named with a sequence and those not named; NaN in the cells of missing samples.

    Raises:
        InrError: a name that is none of a dimension of several samples, or places beyond its coordinates.

    >>> from inr.xarray import interp
    >>> field = inr.fit("photo.png", coding="samples")
    >>> interp(field, x=[4.0, 4.25, 4.5], y=7).sizes
    Frozen({'x': 3, 'channel': 3})
    """
    from inr.signals import described, indices_along

    told, domain = described(field.domain), field.domain
    assert domain.shape is not None
    sizes = dict(zip((axis.name for axis in reversed(domain.axes)), domain.shape, strict=True))
    if unknown := ", ".join(sorted(set(places) - set(sizes))):
        raise InrError(f"no dimension of several samples is called {unknown}; there are {', '.join(sizes)}")
    asked = {name: xarray.Variable((name,) * np.ndim(each), _without_text(each)) for name, each in places.items()}
    indices = {name: np.arange(size, dtype=np.float64) for name, size in sizes.items()}
    indices |= {name: indices_along(domain, name, each.to_numpy().reshape(-1)) for name, each in asked.items()}
    values = _between(field, [*indices.values()])
    dims = [*sizes, "channel"] if domain.channels > 1 else [*sizes]
    array = xarray.DataArray(
        values if domain.channels > 1 else values[..., 0], dims=dims, attrs=told.attrs, name=told.name
    )
    known = {name: told.beside[name].variable for name in sizes if name in told.beside}
    return array.squeeze([name for name, each in asked.items() if each.ndim == 0]).assign_coords(known | asked)


def _between(field: "Field", indices: Sequence[np.ndarray]) -> np.ndarray:
    """A field's values in own units at every combination of places between samples.

    Args:
        field: of samples on a grid.
        indices: places in samples along each axis, in array order, float64 (n,).

    Returns:
        float32 (*n, C), NaN in the cells of missing samples.
    """
    import torch

    from inr.signals import unpack_missing

    domain = field.domain
    assert domain.shape is not None
    axes = [(2 * each + 1) / size - 1 for each, size in zip(indices, domain.shape, strict=True)]
    columns = [grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")]
    coords = torch.from_numpy(np.stack(columns[::-1], axis=1).astype(np.float32))
    execute = _executor(field)
    with torch.no_grad():
        found = np.concatenate([execute(part).float().cpu().numpy() for part in coords.split(_BLOCK)])
    values: np.ndarray = domain.values.restore(found).reshape(*map(len, indices), domain.channels)
    if domain.missing:
        cells = [
            np.rint(each).astype(np.int64).clip(0, size - 1) for each, size in zip(indices, domain.shape, strict=True)
        ]
        values[unpack_missing(domain.missing, domain.shape)[np.ix_(*cells)]] = np.nan
    return values


def _without_text(places: Any) -> np.ndarray:
    """Places as an array, of times where they are text."""
    array = np.asarray(places)
    return array.astype("datetime64[ns]") if array.dtype.kind in "US" else array


def _executor(field: "Field") -> "Execute":
    """What evaluates the field fastest: an engine, or itself where it has no weights."""
    from inr.engines import executor, plan
    from inr.field import SampledField

    return field if isinstance(field, SampledField) else executor(field, plan(field)[1])


class _Values(BackendArray):
    """The samples of a field's own grid, evaluated when they are asked for, by index."""

    def __init__(self, field: "Field", shape: tuple[int, ...]) -> None:
        domain = field.domain
        own = np.dtype(domain.dtype)
        self.shape = shape
        self.dtype = np.result_type(own, np.float32) if domain.missing and own.kind != "f" else own  # which holds NaN
        self._field = field

    @functools.cached_property
    def _execute(self) -> "Execute":
        return _executor(self._field)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """The values of some indices."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._at)

    def _at(self, key: tuple[Any, ...]) -> np.ndarray:
        """The values of integers, slices and arrays of indices, each along one dimension."""
        channels = self._field.domain.channels
        axes = key[:-1] if channels > 1 else key
        asked = [np.arange(size)[each] for each, size in zip(axes, self.shape, strict=False)]
        cells = np.ravel_multi_index(np.ix_(*map(np.atleast_1d, asked)), self.shape[: len(axes)])
        values = self._samples(cells.ravel()).reshape(*(size for each in asked for size in each.shape), channels)
        return values[..., key[-1] if channels > 1 else 0]

    def _samples(self, cells: np.ndarray) -> np.ndarray:
        """The values (n, c) of cells, by their flat indices (n,)."""
        import torch

        from inr.field import SampledField
        from inr.signals import block_ranges, cast_samples, grid_coords, unpack_missing

        field, domain = self._field, self._field.domain
        assert domain.shape is not None
        if isinstance(field, SampledField):
            values = field.signal.array.reshape(-1, domain.channels)[cells].astype(self.dtype)
        else:
            values = np.empty((len(cells), domain.channels), self.dtype)
            grid = (-1, *(1,) * (domain.in_dim - 1), domain.channels)  # which samples are cast as
            for start, stop in block_ranges(len(cells), _BLOCK):
                coords = grid_coords(domain.shape, torch.from_numpy(cells[start:stop]))
                found = field.measure(coords, execute=self._execute).numpy().clip(-1, 1)
                restored = domain.values.restore(found.astype(np.float64))
                values[start:stop] = cast_samples(restored.reshape(grid), domain).reshape(found.shape)
        if domain.missing:
            values[unpack_missing(domain.missing, domain.shape).ravel()[cells]] = np.nan
        return values
