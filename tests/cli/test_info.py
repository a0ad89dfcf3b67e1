"""inr info: what is in a file, for people and for scripts."""

import pytest

import inr
from tests.cli.clirun import QUICK

pytestmark = pytest.mark.quick


def test_info_for_people_fits_80_columns(inr_cli, field_file):
    run = inr_cli("info", "photo.inr")
    assert (run.status, run.err) == (0, "")
    for word in ("image, 3 x uint8", "32 samples", "sine:", "omega=30", "mlp:", "width=16", "PSNR", "network", "raw"):
        assert word in run.out
    assert max(map(len, run.out.splitlines())) <= 80


def test_info_for_scripts_adds_up(inr_cli, field_file):
    result = inr_cli("info", "photo.inr", "--json").json
    field = inr.load("photo.inr")
    assert result["bytes"] == field_file.stat().st_size == sum(section["bytes"] for section in result["sections"])
    assert [section["name"] for section in result["sections"]] == ["header", "network"]
    assert result["bits_per_sample"] == 8 * result["bytes"] / (32 * 24)
    assert result["parameters"] == field.parameter_count
    assert result["metrics"] == field.metrics
    assert [(axis["name"], axis["size"]) for axis in result["axes"]] == [("x", 32), ("y", 24)]
    assert inr.Field.build(field.domain, **result["parts"]).config() == field.config()
    assert result["checkpoint"] is None
    assert result["fit"] == field.fit
    chosen = ("rates", "batch", "schedule", "optimiser", "seed", "teacher", "objective", "engine", "steps")
    assert set(chosen) <= field.fit.keys()


def test_info_of_a_checkpoint_says_how_far_it_is(inr_cli, photo):
    fitter = inr.fitting.make_fitter(
        inr.open(photo), encoding="identity", network="mlp:depth=1,width=8", budget=inr.Budget(30),
        checkpoint=photo.with_suffix(".checkpoint"), batch=64,
    )  # fmt: skip
    for event in fitter.run():
        if event.step == 10:
            fitter.stop()
    assert inr_cli("info", "photo.checkpoint", "--json").json["checkpoint"] == {"step": 10, "steps": 30}
    assert "step 10 of 30" in inr_cli("info", "photo.checkpoint").out


def test_info_of_scattered_samples(inr_cli, tmp_path):
    import numpy as np

    np.savez(tmp_path / "points.npz", coords=np.arange(20.0), values=np.arange(20.0) ** 2)
    assert inr_cli("fit", "points.npz", *QUICK, "--no-comparison", "-q").status == 0
    result = inr_cli("info", "points.inr", "--json").json
    assert result["samples"] is None
    assert result["bits_per_sample"] is None
    assert inr_cli("info", "points.inr").status == 0
