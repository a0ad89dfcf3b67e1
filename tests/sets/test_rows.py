"""Fields of a set are those of single fits to the bit, whatever else is fitted, by however many workers."""

import threading
from dataclasses import replace

import numpy as np
import pytest

import inr
from inr.fitting import Budget, Setup, whole_psnr
from inr.sets import Recipe, fit_rows, set_recipe
from inr.sets._rows import flat
from inr.signals import GridSignal

SINES = Setup("identity", "sine:omega=10", "mlp:depth=2,width=16", batch=1_000, learning_rate=1e-2, lattice_only=True)
NAMES = ["a", "b", "c", "d", "e"]


def pictures(shape=(8, 8, 3), count=5):
    rng = np.random.default_rng(0)
    rows, columns = np.indices(shape[:2])
    waves = [np.sin(np.multiply.outer(rows * speed + columns, np.arange(1, 4) / 9)) for speed in range(count)]
    return [inr.from_array((128 + 90 * wave + rng.normal(0, 4, shape)).astype(np.uint8)) for wave in waves]


def lines():
    return [inr.from_array(np.sin(np.arange(40) * speed / 9).astype(np.float32), kind="volume") for speed in (1, 2)]


def volumes_with_holes():
    cells = np.arange(5 * 6 * 4).reshape(5, 6, 4)
    hollow = [np.where(cells % 7 == place, np.nan, np.sin(cells * 0.1)).astype(np.float32) for place in range(3)]
    return [inr.from_array(each, kind="volume") for each in hollow]


def single(recipe, name, signal):
    fitter = recipe.fitter(name, signal)
    event = list(fitter.run())[-1]
    psnr = whole_psnr(fitter.field, fitter.signal, execute=fitter.execute, block=fitter.plan.block)
    return flat(fitter.field), psnr, event.step, event.reason


def assert_equal(rows, recipe, names, signals):
    for place, (name, signal) in enumerate(zip(names, signals, strict=True)):
        weights, psnr, steps, reason = single(recipe, name, signal)
        assert np.array_equal(rows.weights[place], weights, equal_nan=True)
        assert np.array_equal(rows.psnr[place], psnr, equal_nan=True)
        assert (rows.steps[place], rows.reasons[place]) == (steps, reason)


CASES = {
    "all samples": (SINES, pictures(count=2), {}),
    "batches": (replace(SINES, batch=20), pictures(count=2), {}),
    "own starts": (SINES, pictures(count=2), {"init": "own"}),
    "a target": (SINES, pictures(count=2), {"budget": Budget(steps=60, psnr=16.0)}),
    "lines, by Fourier features": (
        replace(SINES, encoding="fourier:sigma=2", activation="relu", batch=16),
        lines(),
        {},
    ),
    "volumes with missing samples, by batches": (replace(SINES, batch=33), volumes_with_holes(), {}),
    "volumes with missing samples": (SINES, volumes_with_holes(), {}),
    "a grid": (
        replace(SINES, encoding="hash:levels=2,log2_size=6,coarsest=2,finest=4", activation="relu"),
        pictures(count=2),
        {},
    ),
    "a rate that ruins": (replace(SINES, learning_rate=1e30), pictures(count=2), {}),
    "a rate that ruins in the end": (replace(SINES, learning_rate=0.5, schedule="constant"), pictures(count=2), {}),
}


LONG = "lines, by Fourier features"  # for which kernels are made


@pytest.mark.parametrize(
    "case", [case if case != LONG else pytest.param(case, marks=pytest.mark.long) for case in CASES]
)
def test_rows_are_single_fits(case):
    setup, signals, options = CASES[case]
    recipe = Recipe(setup, **{"budget": Budget(steps=30), **options})
    names = NAMES[: len(signals)]
    rows = fit_rows(recipe, names, signals)
    assert not rows.notes
    assert_equal(rows, recipe, names, signals)


def test_a_target_ends_a_fit_by_itself():
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    signals = [inr.from_array(np.full((8, 8, 3), 100, np.uint8), value_range=(0, 255)), inr.from_array(noise)]
    rows = fit_rows(Recipe(SINES, Budget(steps=100, psnr=50.0)), NAMES[:2], signals)
    assert rows.reasons == ("target", "steps")
    assert rows.steps[0] < 100
    assert rows.psnr[0] >= 50.0 > rows.psnr[1]


def test_signals_of_more_samples_than_a_program_takes():
    signals = [inr.from_array((np.arange(40_000) // 160).astype(np.uint8).reshape(200, 200), kind="image")]
    for batch in (40_000, 35_000):
        recipe = Recipe(replace(SINES, batch=batch), Budget(steps=2))
        assert_equal(fit_rows(recipe, ["a"], signals), recipe, ["a"], signals)


def test_workers_order_and_company_change_nothing():
    signals = [*pictures(), *pictures((6, 9, 3), 2)]
    names = [*NAMES, "f", "g"]
    recipe = Recipe(replace(SINES, batch=50), Budget(steps=20))
    alone = fit_rows(recipe, names, signals)
    for workers in (2, 3):
        assert np.array_equal(fit_rows(recipe, names, signals, workers=workers).weights, alone.weights)
    some = [6, 3, 0]
    rows = fit_rows(recipe, [names[place] for place in some], [signals[place] for place in some], workers=2)
    assert rows.names == ("g", "d", "a")
    assert np.array_equal(rows.weights, alone.weights[some])
    assert [domain.shape for domain in rows.domains] == [(6, 9), (8, 8), (8, 8)]


def test_a_field_of_numbers_that_are_none_diverges_alone():
    whole = [inr.from_array(picture.array.astype(np.float32), value_range=(0, 255)) for picture in pictures(count=3)]
    broken = whole[1].array.copy()
    broken[2, 2] = np.nan
    signals = [whole[0], GridSignal(broken, whole[1].domain), whole[2]]
    recipe = Recipe(SINES, Budget(steps=20))
    rows = fit_rows(recipe, NAMES[:3], signals, workers=2)
    assert rows.reasons == ("steps", "diverged", "steps")
    assert_equal(rows, recipe, NAMES[:3], signals)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        pytest.param({"objective": "l1"}, "squared error", marks=pytest.mark.long),  # for which kernels are made
        ({"teacher": "int"}, "teacher"),
        ({"optimiser": "soap"}, "adam alone"),
        ({"lattice_only": False}, "between the samples"),
    ],
)
def test_fits_that_need_the_interpreter_say_so_and_are_the_same(changed, why):
    signals = pictures(count=2)
    recipe = Recipe(replace(SINES, **changed), Budget(steps=5))
    rows = fit_rows(recipe, NAMES[:2], signals, workers=2)
    assert len(rows.notes) == 1
    assert why in rows.notes[0]
    assert_equal(rows, recipe, NAMES[:2], signals)


def test_who_is_told_may_end_it():
    signals = pictures(count=2) * 100
    names = [str(place) for place in range(200)]
    recipe = Recipe(SINES, Budget(steps=2_000))
    rows = fit_rows(recipe, names, signals, workers=2, done=lambda count: False)
    assert len(rows.names) < 200
    assert rows.names == tuple(names[: len(rows.names)])
    assert len(rows.weights) == len(rows.reasons) == len(rows.names)


@pytest.mark.long
def test_an_interrupt_leaves_no_thread_behind():
    def interrupted(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_rows(Recipe(SINES, Budget(steps=100_000)), NAMES, pictures(), workers=2, done=interrupted)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("inr-set")]


def test_signals_of_other_axes_and_channels_are_named():
    with pytest.raises(inr.InrError, match="b has 1 axes and 1 channels, a 2 and 3"):
        fit_rows(Recipe(SINES, Budget(steps=2)), ["a", "b"], [*pictures(count=1), *lines()[:1]])


def test_names_are_to_differ():
    with pytest.raises(inr.InrError, match="all different"):
        fit_rows(Recipe(SINES, Budget(steps=2)), ["a", "a"], pictures(count=2))


@pytest.mark.parametrize(("shape", "depth", "width"), [((8, 8), 2, 16), ((32, 32, 3), 3, 32), ((64, 64), 3, 32)])
def test_a_recipe_by_size(shape, depth, width):
    recipe = set_recipe([inr.from_array(np.zeros(shape, np.uint8), kind="image")])
    assert (recipe.setup.network["depth"], recipe.setup.network["width"]) == (depth, width)
    assert "auto" not in str(recipe.setup)


@pytest.mark.parametrize(("samples", "omega"), [(2_000, 200.0), (60_000, 3_000.0)])
def test_the_first_layer_of_sounds_suits_their_samples(samples, omega):
    recipe = set_recipe([inr.from_array(np.zeros(samples, np.float32), kind="audio", sample_rate=8_000)])
    assert recipe.setup.activation == {"name": "sine", "omega": 30, "first_omega": omega}


@pytest.mark.parametrize(
    "parts",
    [
        {"encoding": "fourier"},
        pytest.param({"activation": "gaussian"}, marks=pytest.mark.long),  # for which kernels are made
        {"network": "bacon"},
        {"network": "mlp:depth=1,width=8"},
        {"activation": "sine:omega=5", "network": "mlp:depth=1,width=8"},
    ],
)
def test_a_recipe_of_any_parts_fits(parts):
    signals = pictures(count=1)
    rows = fit_rows(set_recipe(signals, steps=2, **parts), ["a"], signals)
    assert np.isfinite(rows.psnr).all()


def test_the_rate_of_sines_falls_with_their_width():
    signals = pictures(count=1)
    rates = [set_recipe(signals, network=f"mlp:width={width}").setup.learning_rate for width in (16, 32, 64)]
    assert rates == [8e-3, 4e-3, 2e-3]
