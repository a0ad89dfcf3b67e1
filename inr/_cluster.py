"""Pure tasks on the machines of a Ray cluster: inputs go out from here and results come back, in order of completion.

Only this process reads and writes files, so that machines need no shared folder. Since tasks are pure, one that is run
again, after its process or its machine died, gives what it would have given. What talks to Ray is a process beside this
one (`inr._ray_process`), which a cluster that dies may take with it.
"""

import contextlib
import itertools
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from inr._cores import usable_cores
from inr._errors import InrError
from inr._ray_driver import RETRIES
from inr._ray_process import RayProcess, check_answers

Key = TypeVar("Key")
Given = TypeVar("Given")
Found = TypeVar("Found")

_BETWEEN = 0.25  # seconds at most between two looks at whether to go on
_LOOK = 5.0  # seconds between two looks at whether the cluster is there, and how large
_WINDOW = 2  # tasks under way or sent ahead, for each core of the cluster
_OPEN = dict[str, RayProcess]()  # by their words, for whoever asks for the same while they are there
_NUMBERS = itertools.count()  # of runs and tasks


@dataclass(frozen=True)
class Outcome(Generic[Key, Found]):
    """What a task came to.

    Attributes:
        key: of the task.
        value: what it gave; None where it failed.
        failure: why it failed; None where it did not.
    """

    key: Key
    value: Found | None
    failure: str | None = None


class Cluster:
    """A Ray cluster, as long as it is needed: a context manager. One inside another of the same word is the same.

    Args:
        on: "ray": the cluster that the variable RAY_ADDRESS names, else one of this machine's cores, which ends with
            this object; "ray:HOST:PORT": the cluster at that address, which this machine is to be part of; "ray:auto":
            the one that runs on this machine. Where this process has called `ray.init`, it is that cluster.

    Raises:
        InrError: another word, an address that does not answer, or a cluster that does not take this process.
        MissingExtra: Ray is not installed.
    """

    def __init__(self, on: str) -> None:
        address = _address(on)
        self._on, self._name = on, _named(address)
        self._ours = on not in _OPEN
        if self._ours:
            _OPEN[on] = self._connected(_of_this_process() or address)
        self._process = _OPEN[on]

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            del _OPEN[self._on]
            self._process.close()

    @property
    def cores(self) -> int:
        """Cores of the machines that are there now; at least 1."""
        return int(self._process.ask("size")[0])

    @property
    def largest(self) -> int:
        """Cores of the machine that has most of them; at least 1."""
        return int(self._process.ask("size")[1])

    def run(
        self,
        work: Callable[[Any, Given], Found],
        shared: Any,
        tasks: Iterable[tuple[Key, Given]],
        *,
        modules: Iterable[str] = (),
        cores: int = 1,
        at_once: int | None = None,
        go_on: Callable[[], bool] = lambda: True,
    ) -> Iterator[Outcome[Key, Found]]:
        """Run tasks; a process or a machine that dies costs time only.

        Args:
            work: gives a task's result from what all tasks share and from what is its own; a function of a module,
                without side effects.
            shared: what all tasks share, which every machine gets once.
            tasks: their keys, which stay here, and what is sent for each; as many are taken as there is room for.
            modules: those that machines import first, as for parts that they register.
            cores: of each task.
            at_once: tasks under way at most; as many as the cluster has cores for, and as many sent ahead, when None.
            go_on: asked a few times a second.

        Yields:
            What tasks came to, in order of completion.

        Raises:
            InrError: the cluster is gone, has no machine of so many cores, or one that lacks what tasks need.
            KeyboardInterrupt: `go_on` said no. What is under way is cancelled, as it is when the iterator is closed.
        """
        process, run = self._process, next(_NUMBERS)
        room, looked = self._room(cores, at_once, go_on), time.monotonic()
        common = pickle.dumps((work, shared), protocol=pickle.HIGHEST_PROTOCOL)
        waiting, pending = iter(tasks), dict[int, Key]()
        try:
            process.ask("share", run, tuple(modules), common, go_on=go_on)
            while True:
                if time.monotonic() - looked > _LOOK:
                    process.check_there()
                    room, looked = self._room(cores, at_once, go_on), time.monotonic()
                while len(pending) < room and (task := next(waiting, None)) is not None:
                    number, data = next(_NUMBERS), pickle.dumps(task[1], protocol=pickle.HIGHEST_PROTOCOL)
                    pending[number] = task[0]
                    del task  # the cluster gets it now
                    process.ask("submit", number, run, cores, data, go_on=go_on)
                if not pending:
                    return
                ended = process.ask("wait", list(pending), _BETWEEN, go_on=go_on)
                if not go_on():
                    raise KeyboardInterrupt
                for number, word, value in ended:
                    yield self._outcome(pending.pop(number), word, value)
        finally:
            with contextlib.suppress(InrError):
                process.ask("end", run, list(pending))

    def _room(self, cores: int, at_once: int | None, go_on: Callable[[], bool]) -> int:
        """How many tasks of so many cores are to be with the cluster. Raises InrError where no machine has so many."""
        there, largest = self._process.ask("size", go_on=go_on)
        if cores > largest:
            raise InrError(f"{self._name} has no machine of {cores} cores; the largest has {largest}")
        return at_once or max(_WINDOW * (there // cores), 1)

    def _connected(self, address: str) -> RayProcess:
        host, _, port = address.rpartition(":")
        if host:
            check_answers(host, int(port))
        process = RayProcess(self._name, self._on)
        try:
            process.address = (host, int(port)) if host else None
            refused = process.ask("connect", address, usable_cores(), sys.argv[0])
            if refused is not None:
                raise InrError(f"{self._name} does not take this process: {refused}")
            host, _, port = process.ask("whereabouts").rpartition(":")
            process.address = host, int(port)
        except BaseException:
            process.close()
            raise
        return process

    def _outcome(self, key: Key, word: str, value: Any) -> Outcome[Key, Found]:
        if word == "made":
            return Outcome(key, pickle.loads(value))
        if word == "unfit":  # for any of the tasks
            raise InrError(value)
        if word in ("lost", "died"):
            self._process.check_there()  # where it is gone, the task is not to blame
        if word == "lost":
            raise InrError(f"{self._name} lost its process here; what is done is kept")
        if word == "died":
            value = f"its process or machine died, in all of {RETRIES + 1} tries ({value})"
        return Outcome(key, None, value)


def modules_of(classes: Iterable[type]) -> tuple[str, ...]:
    """The modules that register some parts, for other machines to import.

    Raises:
        InrError: a part of the running script, which other machines do not see.
    """
    found = dict.fromkeys(each.__module__ for each in classes)
    if "__main__" in found:
        raise InrError(
            "a part is registered by the running script, which other machines do not see: move it to a module"
        )
    return tuple(found)


def _address(on: str) -> str:
    """The address as `ray.init` takes it."""
    name, colon, address = on.partition(":")
    if name != "ray" or (colon and not address):
        raise InrError(f"fits run on ray, ray:auto or ray:HOST:PORT, not on {on!r}")
    address = address or os.environ.get("RAY_ADDRESS", "local")
    if address in ("local", "auto"):
        return address
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise InrError(f"the address of a Ray cluster is HOST:PORT, as 10.0.0.1:6379, not {address!r}")
    return address


def _of_this_process() -> str | None:
    """The cluster that this process has joined by itself."""
    ray: Any = sys.modules.get("ray")
    return str(ray.get_runtime_context().gcs_address) if ray is not None and ray.is_initialized() else None


def _named(address: str) -> str:
    return {"local": "Ray on this machine", "auto": "the Ray cluster of this machine"}.get(
        address, f"the Ray cluster at {address}"
    )
