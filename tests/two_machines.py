"""Two machines in one: network namespaces on a cable, with a raylet of one core in each."""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal as posix_signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

with_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")

_PORT = 6397
# Ray gives a raylet 30 seconds to begin, whatever it is told, which a busy machine exceeds: raylets have priority over
# whatever else runs (their workers do not), and several tries
_TRIES = 5
_NICENESS = 15
_BRIEF = 300.0  # seconds that a command of Ray's may take


class TwoMachines:
    """A cluster of two machines, of which the first one has the head.

    Attributes:
        address: of the cluster, as `--on` takes it.
        environment: of processes on the machines.
    """

    def __init__(self) -> None:
        self._names = [f"inr-{os.getpid()}-{letter}" for letter in "ab"]
        self._folder = Path(tempfile.mkdtemp(prefix="inr-ray-"))  # short, for Ray has paths of sockets in it
        self.address = f"ray:10.213.0.1:{_PORT}"
        self.environment = {
            **os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": str(_NICENESS),
            "RAY_worker_register_timeout_seconds": "300", "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
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
        self.mend()

    def mend(self) -> None:
        """Start the raylets that are not there."""
        own = ["--num-cpus=1", "--object-store-memory=100000000", "--disable-usage-stats"]
        head = ["--head", f"--port={_PORT}", "--include-dashboard=false", f"--temp-dir={self._folder / 'ray'}"]
        if not self.processes(0, is_head):  # the other one is of a cluster that is gone
            self.kill(0)
            self.kill(1)
        for place, words in enumerate([head, [f"--address={self.address.removeprefix('ray:')}"]]):
            if not self.processes(place, is_raylet):
                self._ray(place, *words, f"--node-ip-address=10.213.0.{place + 1}", *own)

    def end(self) -> None:
        """Kill all that runs on the machines, and take them down."""
        for place, name in enumerate(self._names):
            self.kill(place)
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self, place: int, which: Callable[[str], bool] = lambda title: True, most: int | None = None) -> int:
        """Kill processes of a machine whose command line is such; how many there were.

        Args:
            place: 0 for the machine with the head, 1 for the other.
            which: told the command line.
            most: processes, all when None.
        """
        found = self.processes(place, which)[:most]
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, posix_signal.SIGKILL)
        return len(found)

    def start(self, *command: str, cwd: Path | None = None) -> "subprocess.Popen[str]":
        """A command on the first machine, whose standard output and error are read from pipes.

        Args:
            command: its words.
            cwd: where it runs.
        """
        return subprocess.Popen(
            ["ip", "netns", "exec", self._names[0], *command], env=self.environment, text=True, cwd=cwd,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def processes(self, place: int, which: Callable[[str], bool] = lambda title: True) -> list[int]:
        """The processes of a machine whose command line is such."""
        pids = subprocess.run(["ip", "netns", "pids", self._names[place]], capture_output=True, text=True, check=False)
        return [int(pid) for pid in pids.stdout.split() if which(_title(pid))]

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def _ray(self, place: int, *words: str) -> None:
        ray = [str(Path(sys.executable).with_name("ray")), "start"]
        command = ["ip", "netns", "exec", self._names[place], "nice", "-n", str(-_NICENESS), *ray]
        log = self._folder / f"machine-{place}.log"
        for _ in range(_TRIES):
            with log.open("wb") as file:
                done = subprocess.run(
                    [*command, *words], check=False, stdout=file, stderr=file, env=self.environment, timeout=_BRIEF
                )
            if done.returncode == 0:
                return
            self.kill(place)
            time.sleep(1)
        told = log.read_text(errors="replace").strip().splitlines()
        pytest.fail(f"Ray does not begin on machine {place} in {_TRIES} tries: {''.join(told[-1:])}", pytrace=False)


def is_worker(title: str) -> bool:
    """Whether a process is one that works on tasks, by its command line."""
    return title.startswith("ray::work")


def is_head(title: str) -> bool:
    """Whether a process is the one that knows of all machines, by its command line."""
    return title.split(" ")[0].endswith("/gcs_server")


def is_raylet(title: str) -> bool:
    """Whether a process is a raylet, by its command line."""
    return title.split(" ")[0].endswith("/raylet")


def _title(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it has ended
        return ""


@pytest.fixture(scope="module")
def two_machines() -> Iterator[TwoMachines]:
    """Two machines, for all tests of a module."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root, and the command ip")
    two = TwoMachines()
    try:
        try:
            two.begin()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.decode(errors='replace').strip()}")
        yield two
    finally:
        two.end()


@pytest.fixture
def machines(two_machines: TwoMachines) -> TwoMachines:
    """Two machines, both of which are there, whatever an earlier test killed."""
    two_machines.mend()
    return two_machines
