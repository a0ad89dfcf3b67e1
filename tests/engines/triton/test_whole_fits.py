"""Whole fits by a kernel, a program a field: beside the processor's loop, and in whatever company."""

from dataclasses import replace

import numpy as np
import pytest

import inr
from inr.engines import ManyFields
from inr.fitting import Budget, Setup, whole_psnr
from inr.sets import Recipe, fit_rows, whole_fit
from inr.signals import GridSignal

SINES = Setup("identity", "sine:omega=10", "mlp:depth=2,width=12", batch=1_000, learning_rate=1e-2, lattice_only=True)


def flat(field):
    """A field's state as one row."""
    return np.concatenate([tensor.numpy().ravel() for tensor in field.state_dict().values()])


def picture(speed=1, shape=(5, 6)):
    y, x = np.indices(shape)
    waves = np.sin(np.multiply.outer((x + speed * y) / 4, np.arange(1, 4)))
    return inr.from_array((128 + 90 * waves).astype(np.uint8), value_range=(0, 255))


def line():
    return inr.from_array(np.sin(np.arange(40) / 5).astype(np.float32), kind="volume")


def volume_with_holes():
    cells = np.arange(4 * 5 * 3).reshape(4, 5, 3)
    return inr.from_array(np.where(cells % 7 == 1, np.nan, np.sin(cells * 0.1)).astype(np.float32), kind="volume")


CASES = {
    "all samples": (SINES, picture()),
    "batches of an odd number": (replace(SINES, batch=37), picture(shape=(8, 8))),
    "one layer, no biases": (replace(SINES, network="mlp:depth=1,width=16,bias=false"), picture()),
    "lines, by Fourier features": (
        replace(SINES, encoding="fourier:sigma=2,frequencies=5", activation="gaussian", batch=16), line(),
    ),
    "a volume with missing samples": (replace(SINES, network="mlp:depth=3,width=20"), volume_with_holes()),
}  # fmt: skip


def by_eager(recipe, signal):
    """Weights as one row, and the PSNR, of a fit on eager."""
    fitter = recipe.fitter("a", signal, engine="eager")
    for _ in fitter.run():
        pass
    return flat(fitter.field), whole_psnr(fitter.field, signal)


def by_processor(recipe, signal):
    rows = fit_rows(replace(recipe, engine="cpu"), ["a"], [signal])
    return rows.weights[0], rows.psnr[0]


@pytest.mark.parametrize("reference", [by_eager, pytest.param(by_processor, marks=pytest.mark.long)])
@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_the_processor(case, reference):
    setup, signal = CASES[case]
    recipe = Recipe(setup, Budget(steps=5))
    ours = fit_rows(replace(recipe, engine="triton"), ["a"], [signal])
    assert (ours.steps.tolist(), ours.reasons) == ([5], ("steps",))
    start = recipe.fitter("a", signal, engine="eager").field
    weights, psnr = reference(recipe, signal)
    moved = np.abs(weights - flat(start)).max()
    # sums are rounded in another order; 1e-6 to 3e-5 of how far weights move was seen
    np.testing.assert_allclose(ours.weights[0], weights, rtol=0, atol=3e-4 * moved)
    np.testing.assert_allclose(ours.psnr[0], psnr, rtol=0, atol=1e-3)


def run(recipe, **signals):
    return fit_rows(replace(recipe, engine="triton"), list(signals), list(signals.values()))


def test_a_field_is_the_same_in_any_company_and_in_any_launches(monkeypatch):
    recipe = Recipe(replace(SINES, batch=31), Budget(steps=3))  # all samples of a picture, and some of the other
    signals = {"a": picture(1), "b": picture(2, (7, 5)), "c": picture(3)}
    together = run(recipe, **signals)
    assert [domain.shape for domain in together.domains] == [(5, 6), (7, 5), (5, 6)]
    monkeypatch.setattr("inr.sets._groups._STEPS_A_LAUNCH", 2)
    for place, name in enumerate("ab"):
        alone = run(recipe, **{name: signals[name]})
        assert np.array_equal(alone.weights[0], together.weights[place])
        assert alone.psnr[0] == together.psnr[place]


def grey_and_noisy():
    """Pictures of which a few steps bring one to its target and the other nowhere near."""
    noise = np.random.default_rng(0).integers(0, 256, (5, 6, 3)).astype(np.float32)
    pictures = np.full((5, 6, 3), 120, np.uint8), noise
    return [inr.from_array(picture, value_range=(0, 255)) for picture in pictures]


@pytest.mark.long
def test_fits_end_when_they_do_on_the_processor(monkeypatch):
    monkeypatch.setattr("inr.sets._groups._STEPS_A_LAUNCH", 7)
    recipe = Recipe(SINES, Budget(steps=10, psnr=15.0))
    grey, noisy = grey_and_noisy()
    rows, theirs = run(recipe, a=grey, b=noisy), fit_rows(recipe, ["a", "b"], [grey, noisy])
    assert (theirs.steps.tolist(), theirs.reasons) == (rows.steps.tolist(), rows.reasons)


def test_a_field_ends_at_its_target_and_one_without_numbers_diverges_alone(monkeypatch):
    monkeypatch.setattr("inr.sets._groups._STEPS_A_LAUNCH", 7)
    grey, noisy = grey_and_noisy()
    broken = noisy.array.copy()
    broken[2, 2] = np.nan
    recipe = Recipe(SINES, Budget(steps=10, psnr=15.0))
    rows = run(recipe, a=grey, b=noisy, c=GridSignal(broken, noisy.domain))
    assert rows.reasons == ("target", "steps", "diverged")
    assert rows.psnr[0] >= 15.0 > rows.psnr[1]
    assert rows.steps[1:].tolist() == [10, 0]
    assert np.array_equal(rows.weights[2], flat(recipe.fitter("c", noisy, engine="eager").field))


def test_fits_that_get_worse_end_with_their_best_weights():
    recipe = Recipe(SINES, Budget(steps=6))
    fitter, course = whole_fit(recipe, "a", picture())

    def came_to(steps):
        fits = ManyFields(fitter.field, [picture()], [0], flat(fitter.field)[None], replace(course, **steps))
        fits.advance(6)
        return fits.results()[0]

    numbers = course.numbers.copy()
    numbers[3:, :, 0] = 1.0  # steps that ruin what the first three came to
    ruined = came_to({"numbers": numbers, "best_every": 1})
    assert np.array_equal(ruined, came_to({"numbers": numbers[:3]}))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"network": "bacon", "activation": "linear"}, "network 'bacon'"),
        ({"network": "mlp:depth=5,width=16"}, "5 layers"),
        ({"network": "mlp:depth=2,width=65"}, "65 units"),
        ({"encoding": "hash:levels=2,log2_size=6,coarsest=2,finest=4"}, "'hash' learns"),
        ({"activation": "gabor"}, "complex"),
        ({"activation": "real-gabor"}, "2 affine maps"),
        ({"objective": "l1"}, "squared error"),
        ({"optimiser": "soap"}, "adam alone"),
    ],
)
def test_what_the_kernel_is_not_for(changed, why):
    found = whole_fit(Recipe(replace(SINES, **changed), Budget(steps=2)), "a", picture())
    assert isinstance(found, str)
    assert why in found


@pytest.fixture
def step_by_step(monkeypatch):
    """The processor fits a field by the loop that all fits have: its kernel of many would be compiled for nothing."""
    monkeypatch.setattr("inr.fitting.Fitter.compiled", lambda fitter: "it is one of few")


@pytest.mark.filterwarnings("ignore:.*it is one of few")
@pytest.mark.usefixtures("step_by_step")
def test_sets_say_which_engine_fitted_them(tmp_path):
    options = {"network": "mlp:depth=1,width=8", "activation": "sine:omega=5", "encoding": "identity", "steps": 2}
    signals = [picture().array, picture(2, (4, 6)).array]
    found = inr.fit_many(signals, engine="triton", out=tmp_path / "set.inr", **options)
    assert found.header["fit"]["engine"] == "triton"
    assert found[1].render().shape == (4, 6, 3)
    assert "engine" not in inr.fit_many(signals, **options).header["fit"]  # kernels that would be interpreted
    with pytest.raises(inr.InrError, match=r"engine 'triton' cannot fit this set: it has 5 layers.*use engine 'auto'"):
        inr.fit_many(signals, engine="triton", **{**options, "network": "mlp:depth=5,width=8"})
    with pytest.raises(inr.InrError, match=r"its padded matrices have 6,144 weights, and .* room for 4,096"):
        inr.fit_many(signals, engine="triton", **{**options, "network": "mlp:depth=2,width=33"})


@pytest.mark.filterwarnings("ignore:.*it is one of few")
@pytest.mark.usefixtures("step_by_step")
def test_a_gpu_that_does_not_fit_is_told_of(monkeypatch):
    monkeypatch.setattr("inr.engines._triton._library.interpreting", lambda: False)
    monkeypatch.setattr("inr.engines._triton._library.problem", lambda: None)
    with pytest.warns(inr.InrWarning, match=r"by the processor's cores, not the GPU: it has 5 layers"):
        inr.fit_many([picture().array], network="mlp:depth=5,width=8", steps=2)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"engine": "eager"}, "auto, cpu, triton, not 'eager'"), ({"engine": "triton", "on": "ray"}, "leave out one")],
)
def test_engines_that_are_none_of_sets(options, words):
    with pytest.raises(inr.InrError, match=words):
        inr.fit_many([picture().array], **options)
