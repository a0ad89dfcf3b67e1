"""Whole fits by a kernel, a program a field: beside the processor's loop, and in whatever company."""

from dataclasses import replace

import numpy as np
import pytest

import inr
from inr.engines import ManyFields
from inr.fitting import Budget, Setup
from inr.sets import Recipe, fit_rows
from inr.sets._rows import flat
from inr.signals import GridSignal

SINES = Setup("identity", "sine:omega=10", "mlp:depth=2,width=12", batch=1_000, learning_rate=1e-2, lattice_only=True)
NAMES = ["a", "b", "c", "d"]


def picture(speed=1, shape=(8, 8)):
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
    "batches of an odd number": (replace(SINES, batch=37), picture()),
    "one layer, no biases": (replace(SINES, network="mlp:depth=1,width=16,bias=false"), picture(shape=(5, 9))),
    "lines, by Fourier features": (
        replace(SINES, encoding="fourier:sigma=2,features=5", activation="gaussian", batch=16), line(),
    ),
    "a volume with missing samples, three layers": (replace(SINES, network="mlp:depth=3,width=20"), volume_with_holes()),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_the_processor(case):
    setup, signal = CASES[case]
    recipe = Recipe(setup, Budget(steps=8))
    theirs, ours = (fit_rows(replace(recipe, engine=engine), ["a"], [signal]) for engine in ("cpu", "triton"))
    assert (ours.steps.tolist(), ours.reasons) == ([8], ("steps",))
    start = recipe.fitter("a", signal, engine="eager").field
    moved = np.abs(theirs.weights[0] - flat(start)).max()
    # sums are rounded in another order; 1e-6 to 3e-5 of how far weights move was seen
    np.testing.assert_allclose(ours.weights, theirs.weights, rtol=0, atol=3e-4 * moved)
    np.testing.assert_allclose(ours.psnr, theirs.psnr, rtol=0, atol=1e-3)
