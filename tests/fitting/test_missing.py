"""Fits of grids of which samples are missing: every teacher and engine leaves them out."""

import numpy as np
import pytest
import torch

import inr
from inr.diagnostics import comparison_sheet
from tests.tables import mostly_long
from tests.teaching.kinds import OF_SAMPLES

ROWS, COLUMNS = np.indices((20, 28))
HOLE = (ROWS - 6) ** 2 + (COLUMNS - 19) ** 2 < 30
HEIGHTS = (200 + 40 * np.sin(COLUMNS / 5) * np.cos(ROWS / 4)).astype(np.float32)
PARTS = {"encoding": "fourier:sigma=1", "activation": "relu", "network": "mlp:depth=2,width=16"}


def holed(fill):
    return inr.from_array(np.ma.masked_array(np.where(HOLE, fill, HEIGHTS), mask=HOLE), kind="image")


@pytest.mark.parametrize("engine", ["cpu", "eager"])
@pytest.mark.parametrize("teacher", mostly_long([*OF_SAMPLES, "evos:weight=0.001", "expansive:ratio=0.9"], 2))
def test_what_stands_in_the_place_of_missing_samples_does_not_matter(teacher, engine):
    options = {"steps": 12, "batch": 200, "teacher": teacher, "engine": engine, "learning_rate": 1e-2} | PARTS
    fields = [inr.fit(holed(fill), **options) for fill in (np.float32(0), np.float32(1e30))]
    for (name, first), second in zip(fields[0].state_dict().items(), fields[1].state_dict().values(), strict=True):
        assert torch.equal(first, second), name
    assert fields[0].metrics == fields[1].metrics


@pytest.mark.parametrize("teacher", OF_SAMPLES)
@pytest.mark.long
def test_no_teacher_draws_what_is_missing(teacher):
    seen = []
    signal = holed(np.float32(0))

    class Watched(type(signal)):
        def coords(self, indices):
            seen.append(indices)
            return super().coords(indices)

    watched = Watched(signal.array, signal.domain)
    inr.fit(watched, steps=8, batch=150, teacher=teacher, engine="eager", learning_rate=1e-3, **PARTS)
    drawn = torch.cat(seen)
    assert int(drawn.min()) >= 0
    assert int(drawn.max()) < signal.size == (~HOLE).sum()
    assert not HOLE.ravel()[signal.cells_of(drawn).numpy()].any()


@pytest.mark.long
def test_a_field_gives_back_what_is_missing(tmp_path):
    signal = holed(np.float32(-7))
    field = inr.fit(signal, steps=60, learning_rate=1e-2, **PARTS)
    rendered = inr.render(field)[..., 0]
    assert np.array_equal(np.isnan(rendered), HOLE)
    error = rendered[~HOLE] - HEIGHTS[~HOLE]
    assert field.metrics["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=0.02)  # measured with clipping
    assert field.metrics["max_error"] <= np.abs(error).max() * 1.001
    larger = inr.render(field, (40, 56))[..., 0]
    assert np.array_equal(np.isnan(larger), HOLE.repeat(2, 0).repeat(2, 1))
    for name, save in (("exact", field.save), ("samples", inr.compression.sampled(signal).save)):
        path = tmp_path / f"{name}.inr"
        save(path)
        again = inr.load(path)
        assert again.domain == field.domain
        assert np.array_equal(np.isnan(inr.render(again)[..., 0]), HOLE)
    comparison_sheet(field, signal, tmp_path / "sheet.png")


def test_samples_along_one_axis(tmp_path):
    series = np.sin(np.arange(400) / 9).astype(np.float32)
    series[100:150] = series[170] = np.nan
    signal = inr.from_array(series)
    field = inr.fit(signal, steps=40, learning_rate=1e-2, engine="eager", **PARTS)
    assert np.array_equal(np.isnan(inr.render(field)[:, 0]), np.isnan(series))
    comparison_sheet(field, signal, tmp_path / "sheet.png")


@pytest.mark.long
def test_a_sound_with_gaps_is_measured_without_them():
    sound = (0.5 * np.sin(np.arange(2000) / 7)).astype(np.float32)
    gaps = np.arange(2000) % 500 < 60
    signal = inr.from_array(np.where(gaps, np.float32(np.nan), sound), kind="audio", sample_rate=8000)
    field = inr.fit(signal, steps=60, activation="sine", encoding="identity", network="mlp:depth=2,width=16")
    error = np.clip(inr.render(field)[~gaps, 0], -0.5, 0.5) - sound[~gaps]
    assert field.metrics["snr"] == pytest.approx(
        10 * np.log10(np.mean(sound[~gaps] ** 2) / np.mean(error**2)), abs=0.01
    )


def test_holes_have_no_closed_form():
    with pytest.raises(inr.InrError, match="missing"):
        inr.fitting.solve(holed(np.float32(0)))


@pytest.mark.parametrize("scale", [1e30, 1.7e38])
@pytest.mark.long
def test_wide_ranges_fit_alike_on_every_engine(scale):
    shape = np.where((COLUMNS - 13) ** 2 + (ROWS - 9) ** 2 < 40, 1, -1)
    signal = inr.from_array((shape * scale).astype(np.float32))
    options = {"steps": 30, "learning_rate": 1e-2} | PARTS
    found = [inr.fit(signal, engine=engine, **options).metrics["psnr"] for engine in ("cpu", "eager")]
    small = inr.fit(inr.from_array(shape.astype(np.float32)), **options).metrics["psnr"]
    assert found == pytest.approx([small, small], abs=0.01)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_ranges_beyond_what_is_rendered_are_refused(scale):
    with pytest.raises(inr.InrError, match="32-bit floats"):
        inr.from_array(HEIGHTS.astype(np.float64) * scale, kind="image")
