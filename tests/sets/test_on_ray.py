"""Sets that are fitted on a Ray cluster have the bytes of those that are fitted here, whatever dies meanwhile."""

import signal as posix_signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from inr._errors import InrError, InrWarning
from inr.sets import _blocks, blocks_path, fit_many
from inr.signals import from_array
from tests.ray_stand_in import FakeRay, OutOfMemoryError, stand_in
from tests.two_machines import is_raylet, is_worker, with_ray

TINY = {"network": "mlp:depth=1,width=8", "activation": "sine:omega=5", "encoding": "identity", "steps": 3}


def waves(count: int, side: int = 6) -> dict[str, np.ndarray]:
    y, x = np.indices((side, side))
    return {f"wave {k}": (127 + 90 * np.sin((x + k * y) / 3)).astype(np.uint8) for k in range(count)}


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """The stand-in for Ray, and tasks of two fields at most."""
    monkeypatch.setattr(_blocks, "_TASK_FIELDS", 2)
    return stand_in(monkeypatch)


def test_tasks_that_end_in_any_order_give_the_bytes_of_a_run_here(ray, tmp_path):
    here, away = tmp_path / "here.inr", tmp_path / "away.inr"
    fit_many(waves(11), out=here, block=5, **TINY)
    told = []
    fields = fit_many(waves(11), out=away, block=5, on="ray", progress=told.append, **TINY)
    assert away.read_bytes() == here.read_bytes()
    assert fields.names == tuple(waves(11))
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert told[-1].done == told[-1].total == 11
    assert ray.most == 4
    assert not blocks_path(away).exists()
    held = fit_many(waves(11), on="ray", workers=1, **TINY)
    np.testing.assert_array_equal(held.weights(), fields.weights())


def test_blocks_that_are_done_are_kept_when_a_task_fails(ray, tmp_path):
    here, away = tmp_path / "here.inr", tmp_path / "away.inr"
    fit_many(waves(11), out=here, block=2, **TINY)
    ray.dies = lambda given: OutOfMemoryError("x") if "wave 2" in given[0] else None
    with pytest.raises(InrError, match=r"from wave 2 on could not be fitted: its machine ran out of memory"):
        fit_many(waves(11), out=away, block=2, on="ray", **TINY)
    assert len(list(blocks_path(away).glob("*.rows.inr"))) == 4  # the last ones of six
    ray.dies = lambda given: AssertionError("fitted again") if "wave 4" in given[0] else None
    fit_many(waves(11), out=away, block=2, on="ray", resume=True, **TINY)
    assert away.read_bytes() == here.read_bytes()


def test_tasks_have_few_fields_or_few_samples():
    small, large = from_array(np.zeros((8, 8), np.uint8)), from_array(np.zeros((512, 512), np.uint8))
    assert _blocks._cuts([small] * 300) == [0, 128, 256, 300]
    assert _blocks._cuts([large, large, small, small]) == [0, 1, 2, 4]


SCRIPT = """
import sys
import numpy as np
from inr.sets import fit_many
y, x = np.indices((24, 24))
signals = {f"wave {k}": (127 + 90 * np.sin((x + k * y) / 3)).astype(np.uint8) for k in range(24)}
on = {"on": sys.argv[2]} if len(sys.argv) > 2 else {}
tell = lambda progress: print(progress.done, flush=True)
fit_many(signals, network="mlp:depth=2,width=32", steps=4000, block=2, out=sys.argv[1], progress=tell, **on)
"""


@pytest.mark.long
@with_ray
def test_ray_on_one_core(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", InrWarning)
        found = fit_many(waves(5), on="ray", workers=1, **TINY)
    np.testing.assert_array_equal(found.weights(), fit_many(waves(5), **TINY).weights())


@pytest.mark.long
@with_ray
def test_a_worker_and_a_machine_die_and_no_byte_differs(machines, tmp_path):
    here, away = tmp_path / "here.inr", tmp_path / "away.inr"
    subprocess.run([sys.executable, "-c", SCRIPT, str(here)], check=True, stdout=subprocess.DEVNULL)
    plan = [(2, 1, is_worker), (6, 0, is_worker), (10, 1, is_raylet)]
    with machines.start(sys.executable, "-c", SCRIPT, str(away), machines.address) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if plan and int(line) >= plan[0][0] and machines.kill(*plan[0][1:], most=1):
                del plan[0]
    assert run.returncode == 0
    assert not plan  # all three were killed
    assert away.read_bytes() == here.read_bytes()


@pytest.mark.long
@with_ray
def test_ctrl_c_keeps_what_is_done(machines, tmp_path):
    away = tmp_path / "away.inr"
    with machines.start(sys.executable, "-c", SCRIPT, str(away), machines.address) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if int(line) >= 4:
                run.send_signal(posix_signal.SIGINT)
                break
        run.communicate()
    assert run.returncode != 0
    assert len(list(blocks_path(away).glob("*.rows.inr"))) >= 2
    deadline = time.monotonic() + 60
    while machines.processes(0, is_worker) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not machines.processes(0, is_worker)  # what was under way is cancelled
    assert not away.exists()
