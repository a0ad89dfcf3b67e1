"""What all teachers have in common."""

import numpy as np
import pytest
import torch

import inr
from inr.fitting import Budget, make_fitter
from inr.teaching import teachers
from tests.teaching.kinds import OF_DRAWN_POINTS, OF_SAMPLES

pytestmark = pytest.mark.quick

GRIDLESS = {"evos": "evos:cross=false works|cross=false", "expansive": "uniform", "soft": "uniform"}
SIGNALS = {
    "picture": lambda: inr.Signal.from_array(np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8)),
    "sound": lambda: inr.Signal.from_array(np.sin(np.linspace(0, 60, 300)), kind="audio", sample_rate=8000),
    "volume": lambda: inr.Signal.from_array(np.random.default_rng(0).random((5, 6, 7)), kind="volume"),
    "scattered": lambda: inr.Signal.from_samples(*np.random.default_rng(0).random((2, 90, 2))),
}


def fitter(kind, teacher, **options):
    given = {"encoding": "identity", "network": "mlp:depth=1,width=8", "engine": "cpu", "batch": 64} | options
    return make_fitter(SIGNALS[kind](), teacher=teacher, budget=Budget(steps=12), **given)


@pytest.mark.parametrize("kind", SIGNALS)
@pytest.mark.parametrize("teacher", teachers.names())
def test_every_teacher_teaches_every_kind_or_says_why_not(teacher, kind):
    if teacher in OF_DRAWN_POINTS:
        with pytest.raises(inr.InrError, match=OF_DRAWN_POINTS[teacher]):
            fitter(kind, teacher)
        return
    if kind == "scattered" and teacher in GRIDLESS:
        with pytest.raises(inr.InrError, match=GRIDLESS[teacher]):
            fitter(kind, teacher)
        return
    chosen = fitter(kind, teacher)
    *_, end = chosen.run()
    assert end.reason == "steps"
    assert end.points > 0
    assert end.scored >= 0
    assert all(parameter.isfinite().all() for parameter in chosen.field.parameters())


@pytest.mark.parametrize("teacher", OF_SAMPLES)
def test_the_same_seed_gives_the_same_fit(teacher):
    fields = []
    for seed in (0, 0, 1):
        chosen = fitter("picture", teacher, seed=seed)
        list(chosen.run())
        fields.append(chosen.field.state_dict())
    assert all(torch.equal(fields[0][name], fields[1][name]) for name in fields[0])
    assert not all(torch.equal(fields[0][name], fields[2][name]) for name in fields[0])


@pytest.mark.parametrize(
    "bad", ["int:ratio=0", "int:ratio=1.5", "int:schedule=sometimes", "evos:ratio=0", "nint:uniform=2", "soft:ratio=0"]
)
def test_bad_parameters_are_refused_when_built(bad):
    with pytest.raises(inr.InrError, match=bad.split(":")[1].split("=")[0]):
        fitter("picture", bad)
