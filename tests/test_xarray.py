"""Arrays with coordinates: read from files, fitted, and given back with all that described them."""

import importlib
import math
import sys
import tomllib
from importlib.metadata import EntryPoint

import numpy as np
import pytest

import inr

xr = pytest.importorskip("xarray", reason="the extra xarray is not installed")
pytest.importorskip("netCDF4", reason="the extra xarray is not installed")

from inr.signals import described, from_dataarray  # noqa: E402
from inr.xarray import Backend, interp, to_dataarray, to_dataset  # noqa: E402

TINY = {"encoding": "hash:levels=3,log2_size=8", "network": "mlp:depth=1,width=8", "steps": 8, "engine": "eager"}


def waves(*shape):
    grids = np.meshgrid(*(np.linspace(0, 3, size) for size in shape), indexing="ij")
    return (250 + 20 * sum(np.sin(grid + place) for place, grid in enumerate(grids))).astype(np.float32)


def ocean() -> xr.Dataset:
    """Two variables: uneven latitudes that fall, longitudes around the globe, months of a year without leap days."""
    latitude = np.degrees(np.arcsin(np.linspace(0.95, -0.9, 13)))
    mask = np.zeros((5, 13, 24), bool)
    mask[:, 3:6, 7:12] = True
    temperature = np.where(mask, np.nan, waves(5, 13, 24)).astype(np.float32)
    return xr.Dataset(
        {
            "sst": (
                ("time", "lat", "lon"),
                temperature,
                {"units": "K", "cell_methods": "time: mean", "valid": np.float32(400)},
            ),
            "depth": (("lat", "lon"), waves(13, 24).astype(np.float64), {"units": "m"}),
            "crs": ((), np.int32(0), {"grid_mapping_name": "latitude_longitude"}),
        },
        {
            "time": ("time", xr.date_range("2001-01-31", periods=5, freq="ME", calendar="noleap", use_cftime=True)),
            "lat": ("lat", latitude, {"units": "degrees_north"}),
            "lon": ("lon", np.arange(0, 360, 15.0), {"units": "degrees_east", "standard_name": "longitude"}),
            "month": ("time", ["Jan", "Feb", "Mar", "Apr", "May"]),
            "area": (("lat", "lon"), np.cos(np.radians(latitude))[:, None] * np.ones(24)),
            "member": ((), 3),
        },
        {"title": "made for a test", "Conventions": "CF-1.8"},
    )


def saved(field, path):
    field.save(path)
    return xr.open_dataset(path, engine=Backend)


def test_a_file_comes_back_with_all_that_described_it(tmp_path):
    ocean().to_netcdf(
        tmp_path / "ocean.nc", encoding={"time": {"units": "hours since 2000-01-01", "calendar": "noleap"}}
    )
    signal = inr.open(tmp_path / "ocean.nc", variable="sst")
    found = saved(inr.fit(signal, coding="samples"), tmp_path / "sst.inr")
    with xr.open_dataset(tmp_path / "ocean.nc") as expected:
        xr.testing.assert_identical(found.load(), expected.drop_vars(["depth", "crs"]).load())
        assert found.time.encoding["units"] == expected.time.encoding["units"]
        assert found.time.encoding["calendar"] == "noleap"
    lon, lat, time = signal.domain.axes
    assert (lon.name, lon.unit, lon.low, lon.high) == ("lon", "degrees_east", -7.5, 352.5)
    assert (lat.name, lat.unit, lat.low, lat.high) == ("lat", "samples", 0, 13)  # uneven: even in the index
    assert (time.name, time.unit) == ("time", "samples")
    assert signal.domain.meta["xarray"]["wrap"] is True
    found.to_netcdf(tmp_path / "again.nc")
    with xr.open_dataset(tmp_path / "again.nc") as again:
        xr.testing.assert_identical(again.load(), found)


def test_integers_with_scale_and_fill_value(tmp_path):
    stored = {"dtype": "int16", "scale_factor": 0.01, "add_offset": 273.15, "_FillValue": np.int16(-32768)}
    ocean()[["sst"]].to_netcdf(tmp_path / "packed.nc", encoding={"sst": stored})
    field = inr.fit(inr.open(tmp_path / "packed.nc"), coding="samples")
    found = saved(field, tmp_path / "packed.inr")
    with xr.open_dataset(tmp_path / "packed.nc") as expected:
        xr.testing.assert_identical(found.load(), expected.load())
    found.to_netcdf(tmp_path / "again.nc")
    with xr.open_dataset(tmp_path / "again.nc", mask_and_scale=False) as again:
        assert again.sst.dtype == "int16"
        assert again.sst.attrs["_FillValue"] == -32768
        assert again.sst.attrs["scale_factor"] == 0.01


def test_a_fit_is_within_the_error_that_it_states(tmp_path):
    array = ocean().sst.isel(time=[1])
    found = saved(array.inr.fit(**TINY), tmp_path / "sst.inr").sst
    metrics = inr.load(tmp_path / "sst.inr").metrics
    error = (found - array).values
    assert found.dims == array.dims
    assert np.array_equal(np.isnan(found), np.isnan(array))
    assert 0.1 < metrics["max_error"] == pytest.approx(np.nanmax(np.abs(error)), rel=1e-4)
    assert metrics["rmse"] == pytest.approx(math.sqrt(np.nanmean(error**2)), rel=1e-4)
    assert found.attrs == array.attrs
    assert found.coords.identical(array.coords)


@pytest.mark.parametrize("sampling", ["point", "area"])
def test_parts_are_what_the_whole_has_there(sampling):
    array = xr.DataArray(waves(6, 1, 7, 9), dims=("t", "member", "y", "x"), name="u")
    field = inr.fit(array.inr.signal(sampling=sampling), **TINY)
    whole = to_dataarray(field)
    rendered = field.render()[:, None, ..., 0].clip(array.min().item(), array.max().item())
    np.testing.assert_allclose(whole.values, rendered, rtol=1e-6)
    lazy = to_dataset(field).u
    for key in [(3,), (slice(4, None, -2), 0, [5, 1], slice(1, 8, 3)), (slice(2, 2),), (..., -1), ([0, 5, 0], 0, 2, 8)]:
        np.testing.assert_array_equal(
            lazy[key].values, whole.values[np.ix_(*_lists(key, whole.shape))].reshape(lazy[key].shape)
        )
    points = {"t": xr.DataArray([1, 5], dims="p"), "x": xr.DataArray([8, 0], dims="p")}
    np.testing.assert_array_equal(lazy.isel(points).values, whole.isel(points).values)


def _lists(key, shape):
    """The indices of a key along every axis."""
    place = key.index(...) if ... in key else len(key)
    rest = [slice(None)] * (len(shape) - len(key) + (... in key))
    whole = [*key[:place], *rest, *key[place + 1 :]]
    return [np.atleast_1d(np.arange(size)[each]) for size, each in zip(shape, whole, strict=True)]


def test_nothing_is_evaluated_before_it_is_asked_for(monkeypatch):
    field = xr.DataArray(waves(16, 32), dims=("y", "x"), name="u").inr.fit(**TINY)
    asked = []
    measure = field.measure
    monkeypatch.setattr(field, "measure", lambda coords, **how: asked.append(len(coords)) or measure(coords, **how))
    part = to_dataset(field).u[2:4, ::8]
    assert asked == []
    assert part.values.shape == (2, 4)
    assert asked == [8]


def test_plain_fields_are_data_sets_of_their_axes(tmp_path):
    picture = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    found = saved(inr.fit(inr.from_array(picture), coding="samples"), tmp_path / "picture.inr")
    assert found["values"].dims == ("y", "x", "channel")
    assert found["values"].dtype == np.uint8
    assert np.array_equal(found["values"][1:, ::2, 2], picture[1:, ::2, 2])
    assert found.x.values.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert found.x.attrs == {"units": "px"}
    holes = np.ma.masked_equal(np.arange(10, 22, dtype=np.int16).reshape(3, 4), 15)
    found = to_dataarray(inr.fit(inr.from_array(holes, nodata=-9), coding="samples"))
    assert np.isnan(found.values[1, 1])
    assert found.encoding == {"dtype": "int16", "_FillValue": -9.0}
    assert np.array_equal(found.fillna(-9), holes.filled(-9))


def test_scattered_samples_are_no_array():
    signal = inr.signals.from_samples(np.arange(9.0), np.arange(9.0) ** 2)
    with pytest.raises(inr.InrError, match="scattered"):
        to_dataset(inr.fit(signal, steps=1, engine="eager"))


def test_interpolation_in_own_units_follows_uneven_coordinates():
    array = ocean().sst.isel(time=0, drop=True)
    field = array.fillna(250).inr.fit(coding="samples")
    own = interp(field)
    np.testing.assert_allclose(own, array.fillna(250), rtol=1e-6)
    assert own.dims == ("lat", "lon")
    lat = array.lat.values
    between = interp(field, lat=[lat[4], (lat[4] + lat[5]) / 2, lat[5]], lon=30)
    index = torch_coords(field, [(4.0, 2), (4.5, 2), (5.0, 2)])
    np.testing.assert_allclose(between.values, index, rtol=1e-6)
    assert between.lon.item() == 30
    # longitudes may be given around the globe in any way
    np.testing.assert_allclose(
        interp(field, lat=[0.0], lon=[-30, 330, 690]).values.ravel(), interp(field, lat=[0.0], lon=330).item()
    )
    with pytest.raises(inr.InrError, match="lat reaches from"):
        interp(field, lat=89)
    with pytest.raises(inr.InrError, match="called depth; there are lat, lon"):
        interp(field, depth=3)


def torch_coords(field, places):
    import torch

    sizes = field.domain.shape
    coords = [[(2 * place + 1) / size - 1 for place, size in zip(each, sizes, strict=True)][::-1] for each in places]
    with torch.no_grad():
        return field.in_units(field(torch.tensor(coords, dtype=torch.float32)))[:, 0].numpy()


def test_interpolation_in_time():
    times = np.datetime64("2020-02-01", "ns") + np.arange(6) * np.timedelta64(6, "h")
    array = xr.DataArray(np.arange(6.0) * 10, {"time": times}, ("time",))
    field = array.inr.fit(coding="samples")
    assert field.domain.axes[0].unit == "hours since 2020-02-01 00:00:00"
    assert (field.domain.axes[0].low, field.domain.axes[0].high) == (-3, 33)
    for place in ("2020-02-01T15", np.datetime64("2020-02-01T15"), 15):
        assert interp(field, time=place).item() == pytest.approx(25, abs=0.01)
    assert to_dataarray(field).time.identical(array.time)


@pytest.mark.parametrize("units", ["days since 2000-01-01", "furlongs"])
def test_units_of_times_that_do_not_do_are_replaced(units):
    times = xr.Variable("time", np.datetime64("2020-02-01T00:00:01", "ns") + np.arange(7) * np.timedelta64(90, "s"))
    times.encoding = {"units": units, "dtype": np.dtype("int16")}
    array = xr.DataArray(
        np.arange(7.0), {"time": times, "lag": ("time", np.arange(7) * np.timedelta64(1, "m"))}, "time"
    )
    found = to_dataarray(array.inr.fit(coding="samples"))
    assert found.coords.identical(array.coords)


def test_missing_samples_stay_missing_between_samples():
    field = ocean().sst.isel(time=0).inr.fit(coding="samples")
    found = interp(field, lon=[104.0, 113.0])
    assert np.isnan(found.isel(lat=4).values).tolist() == [True, True]
    assert not np.isnan(found.isel(lat=8).values).any()


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr(tmp_path, zarr_format):
    pytest.importorskip("zarr")
    array = xr.DataArray(waves(8, 9), {"x": np.arange(9) / 4}, ("y", "x"), "u", {"units": "m s-1"})
    array.to_dataset().to_zarr(tmp_path / "wind.zarr", zarr_format=zarr_format, consolidated=False)
    found = to_dataarray(inr.fit(tmp_path / "wind.zarr", coding="samples"))
    xr.testing.assert_identical(found, array)


@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF3_64BIT", "NETCDF3_64BIT_DATA", "NETCDF4"])
def test_every_form_of_netcdf_is_known_by_content(tmp_path, form):
    array = xr.DataArray(waves(8, 9), dims=("y", "x"), name="u")
    array.to_netcdf(tmp_path / "wind.dat", format=form, engine="netcdf4")
    assert np.array_equal(inr.open(tmp_path / "wind.dat").array[..., 0], array)


def test_variables_are_named_or_the_only_one(tmp_path, capfd):
    path = tmp_path / "ocean.nc"
    ocean().to_netcdf(path)
    xr.Dataset({"u": ("x", np.arange(5.0))}).to_netcdf(path, mode="a", group="wind")
    with pytest.raises(inr.InrError, match=r"holds 3 variables: sst, depth, wind/u; name one with --variable"):
        inr.open(path)
    assert inr.open(path, variable="wind/u").array.ravel().tolist() == [0, 1, 2, 3, 4]
    assert inr.open(path, variable="depth").domain.dtype == "float64"
    with pytest.raises(inr.InrError, match="no variable 'salt' of numbers along an axis; it holds sst, depth"):
        inr.open(path, variable="salt")
    with pytest.raises(inr.InrError, match="over the limit"):
        inr.open(path, variable="depth", max_bytes=1000)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(inr.InrError, match="damaged or cut short"):
        inr.open(path)
    inr.from_array(np.eye(4, dtype=np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(inr.InrError, match="leave out variable"):
        inr.open(tmp_path / "a.png", variable="u")
    assert capfd.readouterr() == ("", "")


def test_what_is_no_signal_is_refused():
    array = xr.DataArray(np.zeros((2, 2, 2, 2, 2)), dims=list("abcde"))
    with pytest.raises(inr.InrError, match="5 axes of more than one sample"):
        array.inr.signal()
    with pytest.raises(inr.InrError, match="real numbers"):
        xr.DataArray(np.zeros((2, 2), complex)).inr.signal()
    with pytest.raises(inr.InrError, match="0 axes"):
        xr.DataArray(np.zeros((1, 1))).inr.signal()


def test_coordinates_too_large_for_a_header_are_left_out(tmp_path):
    noise = np.random.default_rng(0).normal(size=(160, 200))
    coords = {"lon": (("y", "x"), noise), "lat": (("y", "x"), noise[::-1] / 3), "area": (("y", "x"), noise * 0 + 2)}
    array = xr.DataArray(waves(160, 200), coords, ("y", "x"), "u")
    array.to_netcdf(tmp_path / "u.nc")
    for reading in (lambda: from_dataarray(array), lambda: inr.open(tmp_path / "u.nc")):
        with pytest.warns(UserWarning, match="coordinate l.. is left out: it takes"):
            signal = reading()
        assert list(described(signal.domain).beside.coords) == ["area"]


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": {"y": 4, "x": 9}}, {"sizes": None}, {"dims": ["y"]}, {"coords": {"x": {"dims": ["x"]}}},
        {"coords": 3}, {"attrs": {"a": {}}}, {"sizes": {"y": 8, "x": 9, "z": 0}, "dims": ["z", "y", "x"]},
    ],
)  # fmt: skip
def test_descriptions_that_do_not_hold_together_are_refused(change):
    domain = from_dataarray(xr.DataArray(waves(8, 9), {"x": np.arange(9.0)}, ("y", "x"))).domain
    data = domain.to_json()
    data["meta"] = {"xarray": data["meta"]["xarray"] | change}
    with pytest.raises(inr.InrError):
        described(inr.signals.Domain.from_json(data))


def test_xarray_finds_the_backend(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    ((name, value),) = project["entry-points"]["xarray.backends"].items()
    assert (name, EntryPoint(name, value, "xarray.backends").load()) == ("inr", Backend)
    assert Backend().guess_can_open("a/b.inr")
    assert not Backend().guess_can_open("a/b.nc")


@pytest.mark.parametrize("name", ["A1B_north_america.nc", "era5-2mt-2019-03-uk.grib"])
@pytest.mark.long
def test_files_of_centres(shared_data, name, tmp_path):
    path = shared_data / "geo" / name
    if path.suffix == ".grib":
        pytest.importorskip("cfgrib", reason="the extra grib is not installed", exc_type=(ImportError, RuntimeError))
        expected = xr.open_dataset(path, engine="cfgrib", backend_kwargs={"indexpath": ""})
        del expected.attrs["history"]  # of when it was opened
    else:
        expected = xr.open_dataset(path)
    signal = inr.open(path, sampling="point")
    field = inr.fit(signal, **TINY)
    found = saved(field, tmp_path / "fit.inr").load()
    (variable,) = [key for key, array in expected.data_vars.items() if array.ndim == 3]
    error = found[variable].values - expected[variable].values
    assert np.abs(error).max() == pytest.approx(field.metrics["max_error"], rel=1e-4)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(field.metrics["rmse"], rel=1e-4)
    xr.testing.assert_identical(found.assign({variable: expected[variable]}), expected)
    xr.testing.assert_identical(to_dataset(inr.fit(signal, coding="samples")).load(), expected.load())


@pytest.mark.parametrize(
    ("name", "head", "module", "extra"),
    [
        ("a.nc", b"CDF\x01", "xarray", "xarray"),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "netCDF4", "xarray"),
        ("a.zarr/.zgroup", b"{}", "zarr", "xarray"),
        ("a.grib", b"GRIB", "cfgrib", "grib"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch, name, head, module, extra):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(head + bytes(40))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(inr.MissingExtra, match=rf"needs {module}, .*'inr\[{extra}\]'"):
        inr.open(tmp_path / name.partition("/")[0])


def test_the_module_needs_the_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "inr.xarray")
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(inr.MissingExtra, match=r"inr.xarray needs xarray, .*'inr\[xarray\]'"):
        importlib.import_module("inr.xarray")


def test_times_of_no_calendar_stay_numbers(tmp_path):
    months = ("time", np.arange(8.0) + 0.5, {"units": "months since 2000-01"})
    array = xr.DataArray(np.arange(8.0), {"time": months}, ("time",))
    array.to_dataset(name="u").to_netcdf(tmp_path / "months.nc")
    field = inr.fit(tmp_path / "months.nc", coding="samples")
    assert field.domain.axes[0].unit == "months since 2000-01"
    assert to_dataarray(field).time.identical(array.time)


def test_positions_along_uneven_coordinates_are_left_to_their_names():
    field = inr.compression.sampled(from_dataarray(ocean()["depth"]))
    with pytest.raises(inr.InrError, match=r"lat of this field is unevenly spaced.*inr\.xarray\.interp"):
        field.at((30.0, 40.0))
