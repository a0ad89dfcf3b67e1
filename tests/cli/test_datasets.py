"""inr fit on data sets: which variable, and sheets of axes that have names of their own."""

import numpy as np
import pytest

import inr
from tests.cli.clirun import one_line

xr = pytest.importorskip("xarray", reason="the extra xarray is not installed")
pytest.importorskip("netCDF4", reason="the extra xarray is not installed")


@pytest.fixture
def sounding(tmp_path):
    """Profiles over pressures that fall evenly, and one along the levels alone."""
    levels, hours = np.arange(1000, 200, -50.0), np.arange(6)
    profile = 290 - 60 * (1 - levels / 1000)
    humidity = 0.01 + np.sin(hours)[:, None, None] * np.ones((3, 1)) * (levels / 1000) ** 3
    xr.Dataset(
        {
            "t": ("level", profile, {"units": "K"}),
            "q": (("step", "site", "level"), humidity),
        },
        {"level": ("level", levels, {"units": "hPa"})},
    ).to_netcdf(tmp_path / "sounding.nc")


def test_one_variable_is_fitted(inr_cli, sounding):
    run = inr_cli("fit", "sounding.nc")
    assert run.status == 2
    assert "sounding.nc holds 2 variables: t, q; name one with --variable" in one_line(run.err)
    for name in ("t", "q"):
        assert inr_cli("fit", "sounding.nc", "--samples", "--variable", name, "-o", f"{name}.inr").status == 0
    axis = inr.load("t.inr").domain.axes[0]
    assert (axis.name, axis.unit, axis.low, axis.high) == ("level", "hPa", 1025, 225)
    assert [axis.name for axis in inr.load("q.inr").domain.axes] == ["level", "site", "step"]
    assert "level: 16 samples, 1025 to 225 hPa" in inr_cli("info", "t.inr").out
    assert inr_cli("render", "q.inr", "-o", "q.npy").status == 0
    with xr.open_dataset("sounding.nc") as expected:
        np.testing.assert_allclose(np.load("q.npy"), expected.q, rtol=1e-6)


def test_teacher_maps_of_axes_that_fall(inr_cli, sounding):
    quick = ("--steps", "3", "--activation", "sine", "--network", "mlp:depth=1,width=8", "--engine", "eager")
    run = inr_cli("fit", "sounding.nc", "--variable", "t", *quick, "--teacher-map", "map.png")
    assert run.status == 0, run.err
