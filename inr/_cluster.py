"""Pure tasks on the machines of a Ray cluster: inputs go out from here and results come back, in order of completion.

Only this process reads and writes files, so that machines need no shared folder. Since tasks are pure, one that is run
again, after its process or its machine died, gives what it would have given.
"""

import contextlib
import importlib
import logging
import os
import signal as posix_signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from inr._cores import usable_cores
from inr._errors import InrError, MissingExtra
from inr._version import __version__

Key = TypeVar("Key")
Given = TypeVar("Given")
Found = TypeVar("Found")

_PATIENCE = 3.0  # seconds for an address to answer
_BETWEEN = 0.25  # seconds at most between two looks at whether to go on
_LOOK = 5.0  # seconds between two looks at whether the cluster is there, and how large
_RETRIES = 3  # of a task whose process or machine dies
_WINDOW = 2  # tasks under way or sent ahead, for each core of the cluster
# what clients and servers of HTTP/2, which gRPC is, begin with: the client's magic words, and settings of either
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS = 4


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


class _UnfitMachine(InrError):
    """A machine of the cluster cannot do any of the tasks."""


class Cluster:
    """A Ray cluster, as long as it is needed: a context manager.

    Args:
        on: "ray": the cluster that the variable RAY_ADDRESS names, else one of this machine's cores, which ends with
            this object; "ray:HOST:PORT": the cluster at that address, which this machine is to be part of; "ray:auto":
            the one that runs on this machine.

    Raises:
        InrError: another word, an address that does not answer, or a cluster that does not take this process.
        MissingExtra: Ray is not installed.
    """

    def __init__(self, on: str) -> None:
        address = _address(on)
        try:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
            os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # nothing goes to our standard output
            self._ray: Any = importlib.import_module("ray")
        except ImportError:
            raise MissingExtra("ray", "ray", f"running on {on}") from None
        self._ours = not self._ray.is_initialized()
        self._name = _named(address)
        if self._ours:
            self._connect(address)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self._ray.shutdown()

    @property
    def cores(self) -> int:
        """Cores of the machines that are there now; at least 1."""
        return max(int(self._ray.cluster_resources().get("CPU", 1)), 1)

    @property
    def largest(self) -> int:
        """Cores of the machine that has most of them; at least 1."""
        machines = (each["Resources"] for each in self._ray.nodes() if each["Alive"])
        return max([int(each.get("CPU", 0)) for each in machines] + [1])

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
        room, looked = self._room(cores, at_once), time.monotonic()
        with self._failures():
            remote = self._ray.remote(num_cpus=cores, max_retries=_RETRIES)(_work)
            common = self._ray.put((__version__, tuple(modules), work, shared))
        waiting, pending = iter(tasks), dict[Any, Key]()
        try:
            while True:
                if time.monotonic() - looked > _LOOK:
                    self._check_there()
                    room, looked = self._room(cores, at_once), time.monotonic()
                while len(pending) < room and (task := next(waiting, None)) is not None:
                    with self._failures():
                        pending[remote.remote(common, task[1])] = task[0]
                    del task  # the cluster has it now
                if not pending:
                    return
                with self._failures():
                    ready, _ = self._ray.wait(list(pending), num_returns=1, timeout=_BETWEEN)
                if not go_on():
                    raise KeyboardInterrupt
                for each in ready:
                    yield self._outcome(pending.pop(each), each)
        finally:
            for each in pending:
                with contextlib.suppress(self._ray.exceptions.RayError):
                    self._ray.cancel(each, force=True)

    def _room(self, cores: int, at_once: int | None) -> int:
        """How many tasks of so many cores are to be with the cluster. Raises InrError where no machine has so many."""
        with self._failures():
            if cores > self.largest:
                raise InrError(f"{self._name} has no machine of {cores} cores; the largest has {self.largest}")
            return at_once or max(_WINDOW * (self.cores // cores), 1)

    def _check_there(self) -> None:
        """See that the cluster still answers; Ray itself would end this process after a minute. Raises InrError."""
        host, _, port = self._ray.get_runtime_context().gcs_address.rpartition(":")
        try:
            _check_answers(host, int(port))
        except InrError as error:
            raise InrError(f"{self._name} does not answer any more; what is done is kept") from error

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn what Ray raises inside, of itself rather than of a task, into an InrError."""
        try:
            yield
        except self._ray.exceptions.RayError as error:
            raise InrError(f"{self._name} fails: {_one_line(error)}; what is done is kept") from error

    def _connect(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        if host:
            _check_answers(host, int(port))
        logging.getLogger("ray").setLevel(logging.ERROR)
        options = {"num_cpus": usable_cores(), "include_dashboard": False} if address == "local" else {}
        try:
            with _handlers_kept():
                self._ray.init(address, log_to_driver=False, logging_level="error", **options)
        except Exception as error:  # Ray raises plain ones, too, as when its processes take too long to begin
            # something answers there, which refuses without a reason who has another token
            hint = "; is RAY_AUTH_TOKEN the same on all machines?" if isinstance(error, ConnectionError) else ""
            raise InrError(f"{self._name} does not take this process: {_one_line(error)}{hint}") from error

    def _outcome(self, key: Key, reference: Any) -> Outcome[Key, Found]:
        errors = self._ray.exceptions
        try:
            return Outcome(key, self._ray.get(reference))
        except errors.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, _UnfitMachine):
                raise cause from error
            if "failed to import" in str(cause) and "No module named 'inr" in str(cause):
                raise _UnfitMachine(f"a machine of the cluster has no inr: install {__version__} there") from error
            told = str(cause) if isinstance(cause, InrError) else f"{type(cause).__name__}: {_one_line(cause)}"
            return Outcome(key, None, told)
        except errors.OutOfMemoryError:
            return Outcome(key, None, "its machine ran out of memory, in all tries")
        except errors.LocalRayletDiedError as error:
            raise InrError(f"{self._name} lost its process here; what is done is kept") from error
        except errors.RayError as error:
            self._check_there()  # where it is gone, the task is not to blame
            return Outcome(
                key, None, f"its process or machine died, in all of {_RETRIES + 1} tries ({type(error).__name__})"
            )


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


def _work(common: tuple[str, tuple[str, ...], Callable[[Any, Any], Any], Any], given: Any) -> Any:
    """What a process of the cluster does for a task."""
    version, modules, work, shared = common
    if version != __version__:
        raise _UnfitMachine(
            f"{socket.gethostname()} has inr {__version__}, and the machine that asks has {version}: install one "
            "version on all machines"
        )
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise _UnfitMachine(
                f"{socket.gethostname()} cannot import {module}, which registers a part ({_one_line(error)}): install "
                "it on all machines"
            ) from error
    return work(shared, given)


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


def _check_answers(host: str, port: int) -> None:
    """See that a server of gRPC listens; Ray itself would try for minutes. Raises InrError."""
    try:
        with socket.create_connection((host, port), _PATIENCE) as connection:
            connection.settimeout(_PATIENCE)
            connection.sendall(_HELLO)
            answer = connection.recv(9)
    except OSError as error:
        reason = "nothing came back" if isinstance(error, TimeoutError) else (error.strerror or str(error))
        raise InrError(
            f"no Ray cluster answers at {host}:{port} ({reason}); start one there by ray start --head --port={port}, "
            "or name another address"
        ) from error
    if len(answer) < 4 or answer[3] != _SETTINGS:
        raise InrError(f"what listens at {host}:{port} is no Ray cluster; give the address that ray start --head told")


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """While inside, whatever is done to the handler of SIGTERM is undone at the end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = posix_signal.getsignal(posix_signal.SIGTERM)
    try:
        yield
    finally:
        posix_signal.signal(posix_signal.SIGTERM, before)


def _named(address: str) -> str:
    return {"local": "Ray on this machine", "auto": "the Ray cluster of this machine"}.get(
        address, f"the Ray cluster at {address}"
    )


def _one_line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300]
