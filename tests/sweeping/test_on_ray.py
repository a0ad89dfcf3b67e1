"""Sweeps on a Ray cluster, for which a stand-in runs the tasks."""

import re

import numpy as np
import pytest

import inr
from inr._errors import InrError
from tests.ray_stand_in import FakeRay, RayError, stand_in

LISTS = {
    "encodings": "identity,fourier:frequencies=8", "activations": "sine", "networks": "mlp:depth=1,width=8",
    "engine": "eager",
}  # fmt: skip


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """The stand-in, in the place of Ray; pictures, which other tests look at, are left out."""
    monkeypatch.setattr("inr.sweeping.SweepResult.draw", lambda self: None)
    return stand_in(monkeypatch)


@pytest.fixture
def signal() -> inr.Signal:
    y, x = np.indices((8, 8))
    return inr.from_array((127 + 90 * np.sin((x + 2 * y) / 3)).astype(np.uint8))


def test_a_sweep_on_a_cluster_is_that_of_this_process(ray, signal, tmp_path):
    away = inr.sweep(signal, **LISTS, steps=4, on="ray", folder=tmp_path / "away")
    here = inr.sweep(signal, **LISTS, steps=4, jobs=0, folder=tmp_path / "here")
    assert [row.name for row in away.rows] == [row.name for row in here.rows]
    # sums of one thread and of several differ in their last bits
    np.testing.assert_allclose([row.psnr for row in away.rows], [row.psnr for row in here.rows], rtol=1e-4)
    files = [sorted(path.name for path in (tmp_path / name / "fits").iterdir()) for name in ("away", "here")]
    assert files[0] == files[1]
    assert ray.down


def test_fits_that_die_are_rows_that_say_so_and_are_made_again(ray, signal, tmp_path):
    ray.dies = lambda task: RayError("x") if "fourier" in task.name else None
    found = inr.sweep(signal, **LISTS, steps=4, on="ray", folder=tmp_path / "swept")
    assert sorted(row.status for row in found.rows) == ["done", "failed"]
    assert "its process or machine died, in all of 4 tries" in found.rows[-1].note
    ray.dies = lambda task: None if "fourier" in task.name else AssertionError("fitted again")
    found = inr.sweep(signal, **LISTS, steps=4, on="ray", folder=tmp_path / "swept", resume=True)
    assert [row.status for row in found.rows] == ["done", "done"]


def test_a_cluster_and_this_process_exclude_each_other(ray, signal):
    with pytest.raises(InrError, match=re.escape("leave out on, or jobs=0")):
        inr.sweep(signal, **LISTS, steps=4, on="ray", jobs=0)
