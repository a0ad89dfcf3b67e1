"""Arrays with named axes and coordinates, as xarray has them: NetCDF, HDF5, Zarr and GRIB files, and any DataArray.

The axes of a domain keep the names of the dimensions, and span the coordinates in own units where these are evenly
spaced; times are numbers in the units of CF, as "hours since 1970-01-01". Along uneven coordinates the grid is even in
the index. What the domain cannot say is kept in its `meta` under "xarray", as plain JSON: all coordinates, attributes,
names, and dimensions of one sample, which are left out of the grid.
"""

import contextlib
import json
import warnings
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from inr._errors import InrError, MissingExtra
from inr.signals._arrays import GridSamples, build_grid, check_real, real_array
from inr.signals._domain import Axis, Domain, Kind, SamplingModel
from inr.signals._libraries import check_bytes, load, quiet_logger, reading
from inr.signals._signal import GridSignal
from inr.signals._variables import pack_array, pack_attributes, unpack_array, unpack_attributes

if TYPE_CHECKING:
    import xarray

_READING = "reading NetCDF, HDF5, Zarr and GRIB files"
_EVEN = 1e-3  # of a step, by which coordinates that count as even may lie off it
_MAX_DESCRIPTION = 1 << 18  # bytes of JSON of all coordinates: they are kept in a file's header
_MAX_VARIABLE = 1 << 24  # bytes of one of them, before it is packed
_MAX_NAMES = 20
_LONGITUDES = ("degrees_east", "degree_east", "degrees_E", "degree_E", "degreesE", "degreeE")
_ENCODING = ("dtype", "scale_factor", "add_offset", "_FillValue", "missing_value")


def read(path: Path, max_bytes: int, variable: str | None = None) -> GridSamples:
    """A variable of the file, or the folder of Zarr, at `path`: the only one, or that of a name."""
    load("xarray", "xarray", _READING)
    with contextlib.ExitStack() as opened:
        with reading(path, "data set"), quiet_logger("cfgrib.messages"):
            found = _variables(path, opened)
            name = _chosen([*found], variable, path)
            array, data = found[name]
            check_bytes(path, array.size * array.dtype.itemsize, max_bytes, f"{name} of {_sizes(array)}")
            related = data[_described_by(array, data)].load()
            array.load()
        return dataarray_samples(array, related=related, source=f"{name} of {path}")


def _variables(path: Path, opened: contextlib.ExitStack) -> "dict[str, tuple[xarray.DataArray, xarray.Dataset]]":
    """A file's variables of numbers by name, with their data sets; of GRIB, at every kind of levels."""
    found: dict[str, tuple[xarray.DataArray, xarray.Dataset]] = {}
    for prefix, data in _datasets(path):
        opened.callback(data.close)
        described = {str(data[name].attrs.get(key)) for name in data.variables for key in ("bounds", "grid_mapping")}
        for name, array in data.data_vars.items():
            if array.dtype.kind in "biuf" and array.size > 1 and name not in described:
                full = f"{prefix}{name}"
                for further in (array.attrs.get("GRIB_typeOfLevel"), len(found)):
                    full = f"{full}:{further}" if full in found else full
                found[full] = array, data
    return found


def _datasets(path: Path) -> "Iterator[tuple[str, xarray.Dataset]]":
    """What a file holds, opened but not read, each with what its variables' names begin with."""
    import xarray

    if path.is_file():
        with path.open("rb") as file:
            is_grib = file.read(4) == b"GRIB"
        if is_grib:
            for data in _cfgrib().open_datasets(str(path), backend_kwargs={"indexpath": ""}):
                data.attrs.pop("history", None)  # cfgrib makes it, with the time, whenever it opens a file
                yield "", data
            return
    engine = "zarr" if path.is_dir() else "netcdf4"
    load({"zarr": "zarr", "netcdf4": "netCDF4"}[engine], "xarray", _READING)
    try:
        groups = xarray.open_groups(path, engine=engine)
    except ValueError:  # times that no calendar has, as "months since": they stay numbers
        groups = xarray.open_groups(path, engine=engine, decode_times=False)
    for group, data in groups.items():
        yield f"{group}/".lstrip("/"), data


def _cfgrib() -> Any:
    try:
        return load("cfgrib", "grib", "reading GRIB files")
    except RuntimeError:  # it is there, but not the library that it calls
        raise MissingExtra("ecCodes", "grib", "reading GRIB files") from None


def _chosen(names: list[str], variable: str | None, path: Path) -> str:
    if not names:
        raise InrError(f"{path} holds no variable of numbers along an axis")
    shown = ", ".join(names[:_MAX_NAMES]) + (", …" if len(names) > _MAX_NAMES else "")
    if variable is None and len(names) > 1:
        raise InrError(f"{path} holds {len(names)} variables: {shown}; name one with --variable (variable=)")
    if variable is not None and variable not in names:
        raise InrError(f"{path} holds no variable '{variable}' of numbers along an axis; it holds {shown}")
    return variable or names[0]


def dataarray_samples(
    array: "xarray.DataArray",
    *,
    related: "xarray.Dataset | None" = None,
    value_range: tuple[float, float] | None = None,
    nodata: float | None = None,
    source: str = "the array",
) -> GridSamples:
    """The samples and the domain of an array with coordinates; `related` is the data set that it comes from.

    Raises:
        InrError: not real numbers, or not 1 to 4 dimensions of more than one sample.
    """
    check_real(array.dtype, source)
    dims = [dim for dim, size in array.sizes.items() if size > 1]
    if not 1 <= len(dims) <= 4:
        raise InrError(
            f"{source} has {len(dims)} axes of more than one sample ({_sizes(array)}); a signal has 1 to 4: "
            "select along the others (isel), then da.inr.fit()"
        )
    coords = {name: _stored(name, coord.variable) for name, coord in array.coords.items()}
    axes = tuple(_axis(dim, array.sizes[dim], coords.get(dim)) for dim in reversed(dims))
    described: dict[str, Any] = {
        "name": None if array.name is None else str(array.name),
        "dims": [str(dim) for dim in array.dims],
        "sizes": {str(dim): size for dim, size in array.sizes.items()},
        "attrs": pack_attributes(array.attrs),
        "encoding": pack_attributes(_encoding(array)),
        "coords": {str(name): stored for name, stored in coords.items() if stored is not None},
    }
    if related is not None:
        others = {name: _stored(name, related[name].variable) for name in _described_by(array, related)}
        described["variables"] = {str(name): stored for name, stored in others.items() if stored is not None}
        described["sizes"] |= {str(dim): related.sizes[dim] for name in others for dim in related[name].dims}
        described["dataset"] = pack_attributes(related.attrs)
    if any(map(_wraps, axes)):
        described["wrap"] = True
    samples = real_array(array.values.reshape(*(array.sizes[dim] for dim in dims), 1), source)
    kind: Kind = "image" if len(dims) == 2 else "volume"
    return build_grid(samples, kind, axes, {"xarray": _shortened(described)}, value_range, source, nodata=nodata)


def _sizes(array: "xarray.DataArray") -> str:
    return " x ".join(f"{size} {dim}" for dim, size in array.sizes.items())


def _described_by(array: "xarray.DataArray", related: "xarray.Dataset") -> list[Hashable]:
    """The variables that say what the array and its coordinates mean: a grid mapping, and bounds along one axis."""
    mapping = array.attrs.get("grid_mapping", array.encoding.get("grid_mapping"))
    bounds = [
        coord.attrs.get("bounds", coord.encoding.get("bounds")) for coord in array.coords.values() if coord.ndim == 1
    ]
    return [name for name in (mapping, *bounds) if name in related.variables and name not in array.coords]


def _encoding(array: "xarray.DataArray") -> dict[str, Any]:
    """How the values were stored, as files of integers have it: xarray writes them so again."""
    found = {key: array.encoding[key] for key in _ENCODING if array.encoding.get(key) is not None}
    if "dtype" in found:
        found["dtype"] = np.dtype(found["dtype"]).name
    return {} if found == {"dtype": array.dtype.name} else found


def _stored(name: Hashable, variable: "xarray.Variable") -> dict[str, Any] | None:
    """A variable as plain JSON; times as the numbers that CF has for them. None, with a warning, for anything else."""
    told: dict[str, Any] = {"dims": [str(dim) for dim in variable.dims]}
    if variable.ndim > 1 and variable.size * variable.dtype.itemsize > _MAX_VARIABLE:
        _leave_out(name, f"it takes {variable.size * variable.dtype.itemsize:,} bytes")
        return None
    if variable.dtype.kind not in "biufUS" and not _is_text(variable):
        numbers = _as_numbers(variable)
        if numbers is None:
            _leave_out(name, f"it is of {variable.dtype}, which no file holds")
            return None
        variable = numbers
        told["time"] = True
    return told | pack_array(variable.to_numpy()) | {"attrs": pack_attributes(variable.attrs)}


def _leave_out(name: Hashable, reason: str) -> None:
    warnings.warn(f"coordinate {name} is left out: {reason}", stacklevel=3)


def _is_text(variable: "xarray.Variable") -> bool:
    return variable.dtype.kind in "OT" and all(isinstance(each, str) for each in variable.to_numpy().ravel())


def _as_numbers(times: "xarray.Variable") -> "xarray.Variable | None":
    """Times in the units and calendar that they were read in, where that is exact, or in others; None if in none."""
    import xarray

    kept = {key: times.encoding[key] for key in ("units", "calendar", "dtype") if key in times.encoding}
    for encoding in (kept, {}):
        wanted = xarray.Variable(times.dims, times.to_numpy(), times.attrs, {**encoding, "_FillValue": None})
        with warnings.catch_warnings(), contextlib.suppress(TypeError, ValueError, NotImplementedError):
            warnings.simplefilter("ignore")  # of units that do not do
            numbers = xarray.conventions.encode_cf_variable(wanted)
            if numbers.dtype.kind in "iuf" and _as_times(numbers).equals(times):
                return numbers
    return None


def _as_times(numbers: "xarray.Variable") -> "xarray.Variable":
    import xarray

    return xarray.conventions.decode_cf_variable("", numbers, decode_timedelta=True)


def _axis(dim: Hashable, size: int, stored: Mapping[str, Any] | None) -> Axis:
    """The axis of a dimension: from edge to edge of its cells, where its coordinates are even."""
    if stored is not None and stored["dtype"] != "str":
        places = unpack_array(stored, (size,)).astype(np.float64)
        step = (places[-1] - places[0]) / (size - 1)
        even = places[0] + step * np.arange(size)
        rounding = 2 * np.finfo(np.float32).eps * np.abs(places).max() if stored["dtype"] == "float32" else 0.0
        if np.abs(places - even).max() <= max(_EVEN * abs(step), rounding) < 0.5 * abs(step):
            unit = str(stored["attrs"].get("units", ""))
            return Axis(str(dim), size, unit, float(places[0] - step / 2), float(places[-1] + step / 2))
    return Axis(str(dim), size, "samples", 0.0, float(size))


def _wraps(axis: Axis) -> bool:
    """Whether an axis is of longitudes once around the globe."""
    assert axis.size is not None
    turn = abs(axis.high - axis.low)
    return axis.unit in _LONGITUDES and abs(turn - 360) < _EVEN * turn / axis.size


def _shortened(described: dict[str, Any]) -> dict[str, Any]:
    """What a header can hold, and says: without coordinates along several axes that take more than that together."""
    spare = _MAX_DESCRIPTION - len(json.dumps(described))
    sizes = {name: len(json.dumps(stored)) for name, stored in described["coords"].items()}
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if spare >= 0:
            break
        if described["coords"][name]["dims"] != [name]:
            del described["coords"][name]
            spare += sizes[name]
            _leave_out(name, f"it takes {sizes[name]:,} bytes of the file")
    if spare < 0:
        raise InrError(
            f"coordinates and attributes take {_MAX_DESCRIPTION - spare:,} bytes, and a file keeps at most "
            f"{_MAX_DESCRIPTION:,}; leave some out (drop_vars, drop_attrs)"
        )
    return {key: value for key, value in described.items() if value not in (None, {})}


def from_dataarray(
    array: "xarray.DataArray",
    *,
    sampling: SamplingModel | None = None,
    value_range: tuple[float, float] | None = None,
    nodata: float | None = None,
) -> GridSignal:
    """A signal from an array with coordinates: its axes have the names of the dimensions and are in own units.

    Args:
        array: of real numbers along 1 to 4 dimensions of more than one sample. NaN are missing samples.
        sampling, value_range, nodata: as of `inr.from_array`, for an image where there are 2 such dimensions, and
            otherwise a volume.

    Returns:
        The signal; its domain keeps name, coordinates and attributes.

    Raises:
        InrError: not real numbers, or too many dimensions, or too long a description.
    """
    signal = GridSignal(*dataarray_samples(array, value_range=value_range, nodata=nodata))
    return signal if sampling is None else signal.measured_as(sampling)


class Described(NamedTuple):
    """What an array over a domain is called, and has beside its values.

    Attributes:
        name: of the array.
        dims: names of its dimensions, in array order; those of one sample, and of channels, included.
        shape: sizes of these.
        attrs: of the array.
        encoding: how files store it.
        beside: a data set of coordinates, and of other variables and attributes.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    attrs: dict[str, Any]
    encoding: dict[str, Any]
    beside: "xarray.Dataset"


def described(domain: Domain) -> Described:
    """What an array over the grid of a domain is called, and has beside its values.

    Where the domain is not that of an array with coordinates, its axes tell: centres of cells in own units.

    Args:
        domain: of samples on a grid; it may come from a file of any origin.

    Raises:
        InrError: scattered samples, or a description that does not hold together.
        MissingExtra: xarray is not installed.
    """
    xarray = load("xarray", "xarray", "arrays with coordinates")
    if domain.shape is None:
        raise InrError("scattered samples have no grid, and no array; give places to inr.xarray.interp")
    if "xarray" not in domain.meta:
        return _plainly(domain)
    told = domain.meta["xarray"]
    try:
        sizes = {str(dim): int(size) for dim, size in told["sizes"].items()}
        dims = tuple(str(dim) for dim in told["dims"])
        coords, variables = (
            {name: _restored(stored, sizes) for name, stored in told.get(key, {}).items()}
            for key in ("coords", "variables")
        )
        several = tuple(sizes[dim] for dim in dims if sizes[dim] != 1)
        if several != domain.shape or domain.channels != 1:
            raise InrError(f"dimensions {sizes} are not of a grid of {domain.shape} samples")
        beside = xarray.Dataset(variables, coords, unpack_attributes(told.get("dataset", {})))
        attrs, encoding = (unpack_attributes(told.get(key, {})) for key in ("attrs", "encoding"))
        name = str(told.get("name", "values"))
        return Described(name, dims, tuple(sizes[dim] for dim in dims), attrs, encoding, beside)
    except InrError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InrError(f"not the description of an array with coordinates: {error!r}") from error


def _restored(stored: Mapping[str, Any], sizes: Mapping[str, int]) -> "xarray.Variable":
    import xarray

    dims = [str(dim) for dim in stored["dims"]]
    values = unpack_array(stored, [sizes[dim] for dim in dims])
    variable = xarray.Variable(dims, values, unpack_attributes(stored["attrs"]))
    return _as_times(variable) if stored.get("time") else variable


def _plainly(domain: Domain) -> Described:
    import xarray

    assert domain.shape is not None
    axes = list(reversed(domain.axes))
    channels = ("channel",) if domain.channels > 1 else ()
    units: list[dict[str, Any]] = [{"units": axis.unit} if axis.unit else {} for axis in axes]
    coords = {
        axis.name: xarray.Variable(axis.name, _centres(axis), unit) for axis, unit in zip(axes, units, strict=True)
    }
    dims, shape = (*(axis.name for axis in axes), *channels), (*domain.shape, domain.channels)
    return Described("values", dims, shape[: len(dims)], {}, {}, xarray.Dataset(coords=coords))


def _centres(axis: Axis) -> np.ndarray:
    assert axis.size is not None
    return axis.low + (np.arange(axis.size) + 0.5) * ((axis.high - axis.low) / axis.size)


def indices_along(domain: Domain, dim: str, places: Any) -> np.ndarray:
    """Where places along a dimension lie, in samples: 0 is the first one, 1.5 halfway from the second to the third.

    Between samples coordinates are interpolated linearly, and half a sample beyond the ends they go on so. Longitudes
    of a grid that spans the globe may be given with any whole turns added.

    Args:
        domain: of samples on a grid.
        dim: the name of an axis.
        places: numbers in the unit of the coordinates, or times, (n,).

    Returns:
        float64 (n,), from -1/2 to n - 1/2.

    Raises:
        InrError: coordinates that do not rise or fall, and places beyond them.
    """
    axis = next(axis for axis in domain.axes if axis.name == dim)
    assert axis.size is not None
    stored = domain.meta.get("xarray", {}).get("coords", {}).get(dim)
    if stored is None:
        known, found = _centres(axis), np.asarray(places, np.float64)
    else:
        known = unpack_array(stored, (axis.size,))
        if known.dtype.kind not in "iuf":
            raise InrError(f"{dim} has names, not numbers, for coordinates, and nothing between them")
        known, found = known.astype(np.float64), _numbers_along(stored, places)
    order = np.sign(known[-1] - known[0])
    if not (order * np.diff(known) > 0).all():
        raise InrError(f"the coordinates of {dim} neither rise nor fall from end to end")
    ends = [1.5 * known[0] - 0.5 * known[1], 1.5 * known[-1] - 0.5 * known[-2]]
    if _wraps(axis):
        found = min(ends) + (found - min(ends)) % 360
    if not ((min(ends) <= found) & (found <= max(ends))).all():
        raise InrError(f"{dim} reaches from {ends[0]:g} to {ends[1]:g} {_unit(stored, axis)}; ask for places within it")
    corners = np.concatenate([ends[:1], known, ends[1:]])
    places_of = np.concatenate([[-0.5], np.arange(axis.size), [axis.size - 0.5]])
    return np.interp(order * found, order * corners, places_of)


def _unit(stored: Mapping[str, Any] | None, axis: Axis) -> str:
    return axis.unit if stored is None else str(stored["attrs"].get("units", ""))


def _numbers_along(stored: Mapping[str, Any], places: Any) -> np.ndarray:
    """Places in the numbers that a coordinate is stored in."""
    import xarray

    places = np.asarray(places)
    if not stored.get("time") or places.dtype.kind in "iuf":
        return places.astype(np.float64)
    attrs = unpack_attributes(stored["attrs"])
    encoding = {key: attrs[key] for key in ("units", "calendar") if key in attrs} | {"dtype": "float64"}
    times = xarray.Variable("places", places, encoding=encoding)
    return xarray.conventions.encode_cf_variable(times).to_numpy().astype(np.float64)
