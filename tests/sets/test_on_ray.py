"""Sets that are fitted on a Ray cluster have the bytes of those that are fitted here, whatever dies meanwhile."""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal as posix_signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from inr._errors import InrError, InrWarning
from inr.sets import _blocks, blocks_path, fit_many
from inr.signals import from_array
from tests.ray_stand_in import FakeRay, OutOfMemoryError, stand_in

TINY = {"network": "mlp:depth=1,width=8", "activation": "sine:omega=5", "encoding": "identity", "steps": 3}
with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")


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


class TwoMachines:
    """Two network namespaces with a raylet each, of one core, on a cable between them."""

    def __init__(self, folder: Path) -> None:
        self._names = [f"inr-{os.getpid()}-{letter}" for letter in "ab"]
        self._folder = folder
        self.address = "ray:10.213.0.1:6397"
        self._environment = {
            **os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "300",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }  # fmt: skip

    def begin(self) -> None:
        """Lay the cable and start the raylets."""
        first, second = self._names
        for name in self._names:
            self._ip("netns", "add", name)
            self._ip("-n", name, "link", "set", "lo", "up")
        ends = [f"inr{os.getpid() % 100_000}{letter}" for letter in "ab"]
        self._ip("link", "add", ends[0], "netns", first, "type", "veth", "peer", "name", ends[1], "netns", second)
        for place, (name, end) in enumerate(zip(self._names, ends, strict=True), 1):
            self._ip("-n", name, "address", "add", f"10.213.0.{place}/24", "dev", end)
            self._ip("-n", name, "link", "set", end, "up")
        own = ["--num-cpus=1", "--object-store-memory=100000000", "--disable-usage-stats"]
        self._ray(0, "--head", "--port=6397", "--node-ip-address=10.213.0.1", "--include-dashboard=false", *own)
        self._ray(1, "--address=10.213.0.1:6397", "--node-ip-address=10.213.0.2", *own)

    def end(self) -> None:
        """Kill all that runs in the namespaces, and take them down."""
        for place, name in enumerate(self._names):
            for process in self.processes(place):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, posix_signal.SIGKILL)
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """The script, on the first machine."""
        command = ["ip", "netns", "exec", self._names[0], sys.executable, "-c", SCRIPT, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, env=self._environment, text=True)

    def processes(self, place: int, which: Callable[[str], bool] = lambda title: True) -> list[int]:
        """The processes of a machine whose command line is such."""
        pids = subprocess.run(["ip", "netns", "pids", self._names[place]], capture_output=True, text=True, check=False)
        return [int(pid) for pid in pids.stdout.split() if which(_title(pid))]

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def _ray(self, place: int, *words: str) -> None:
        command = ["ip", "netns", "exec", self._names[place], str(Path(sys.executable).with_name("ray")), "start"]
        log = self._folder / f"machine-{place}.log"
        with log.open("wb") as file:
            done = subprocess.run(
                [*command, *words], check=False, stdout=file, stderr=file, env=self._environment, timeout=300
            )
        assert done.returncode == 0, log.read_text(errors="replace")


def _title(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it has ended
        return ""


def _is_worker(title: str) -> bool:
    return title.startswith("ray::_work")


def _is_raylet(title: str) -> bool:
    return title.split(" ")[0].endswith("/raylet")


@pytest.fixture
def machines(tmp_path) -> Iterator[TwoMachines]:
    """Two machines."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root, and the command ip")
    two = TwoMachines(tmp_path)
    try:
        try:
            two.begin()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.decode(errors='replace').strip()}")
        yield two
    finally:
        two.end()


@pytest.mark.long
@with_ray
def test_a_worker_and_a_machine_die_and_no_byte_differs(machines, tmp_path):
    here, away = tmp_path / "here.inr", tmp_path / "away.inr"
    subprocess.run([sys.executable, "-c", SCRIPT, str(here)], check=True, stdout=subprocess.DEVNULL)
    run = machines.start(str(away), machines.address)
    assert run.stdout is not None
    plan = [(2, 1, _is_worker), (6, 0, _is_worker), (10, 1, _is_raylet)]
    for line in run.stdout:
        if plan and int(line) >= plan[0][0]:
            for process in machines.processes(*plan[0][1:])[:1]:
                os.kill(process, posix_signal.SIGKILL)
                del plan[0]
    assert run.wait(60) == 0
    assert not plan  # all three were killed
    assert away.read_bytes() == here.read_bytes()


@pytest.mark.long
@with_ray
def test_ctrl_c_keeps_what_is_done(machines, tmp_path):
    away = tmp_path / "away.inr"
    run = machines.start(str(away), machines.address)
    assert run.stdout is not None
    for line in run.stdout:
        if int(line) >= 4:
            run.send_signal(posix_signal.SIGINT)
            break
    run.stdout.read()
    assert run.wait(60) != 0
    assert len(list(blocks_path(away).glob("*.rows.inr"))) >= 2
    deadline = time.monotonic() + 60
    while machines.processes(0, _is_worker) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not machines.processes(0, _is_worker)  # what was under way is cancelled
    assert not away.exists()
