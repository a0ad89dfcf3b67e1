"""What stands in for Ray in tests of every day: it runs tasks in one process, the last one first."""

import os
import pickle
import signal as posix_signal
import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import SimpleNamespace
from typing import Any

import pytest

from inr import _ray_process
from inr._ray_driver import serve


class RayError(Exception):
    """As Ray's."""


class RayTaskError(RayError):
    """As Ray's: what a task raised is its cause."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class OutOfMemoryError(RayError):
    """As Ray's."""


class LocalRayletDiedError(RayError):
    """As Ray's."""


THERE = "there:1"  # an address that always answers


class FakeRay:
    """What `Cluster` asks of Ray, in one process: of the tasks that wait, the last one sent is done first.

    What goes out and what comes back is pickled on its way, as it is between machines.

    Attributes:
        most: tasks that waited at once.
        cancelled: tasks that were.
        dies: told a task's input; what Ray raises for it instead of running it. For a KeyboardInterrupt it is Ctrl-C.
        gcs_address: where it is asked whether the cluster is still there.
    """

    exceptions = SimpleNamespace(
        RayError=RayError, RayTaskError=RayTaskError, OutOfMemoryError=OutOfMemoryError,
        LocalRayletDiedError=LocalRayletDiedError,
    )  # fmt: skip

    __spec__ = ModuleSpec("ray", None)

    def __init__(self) -> None:
        self.most, self.cancelled = 0, 0
        self.dies: Callable[[Any], BaseException | None] = lambda given: None
        self.down = False
        self.gcs_address = THERE

    def is_initialized(self) -> bool:
        return False

    def init(self, address: str, **options: Any) -> None:
        assert (address, options["include_dashboard"]) == ("local", False)

    def shutdown(self) -> None:
        self.down = True

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {"Alive": True, "Resources": {"CPU": 2.0}},
            {"Alive": True, "Resources": {}},
            {"Alive": False, "Resources": {"CPU": 8.0}},
        ]

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(gcs_address=self.gcs_address)

    def put(self, value: Any) -> Any:
        return pickle.dumps(value)

    def remote(self, **options: Any) -> Any:
        assert 1 <= options["num_cpus"] <= 2
        assert options["max_retries"] == 3
        return lambda work: SimpleNamespace(remote=lambda common, data: _Reference(work, common, data))

    def wait(self, pending: list[Any], *, num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        self.most = max(self.most, len(pending))
        return pending[-1:], pending[:-1]

    def get(self, task: Any) -> Any:
        if (error := self.dies(pickle.loads(task.data))) is not None:
            if isinstance(error, KeyboardInterrupt):
                posix_signal.pthread_kill(threading.main_thread().ident or 0, posix_signal.SIGINT)
                error = RayError("interrupted")
            raise error
        return task.work(pickle.loads(task.common), task.data)

    def cancel(self, task: Any, *, force: bool) -> None:
        self.cancelled += 1


class _Reference:
    """A task of the stand-in."""

    def __init__(self, work: Callable[[Any, bytes], Any], common: bytes, data: bytes) -> None:
        self.work, self.common, self.data = work, common, data


class _Thread:
    """In the place of the process that talks to Ray: a thread that does."""

    def __init__(self) -> None:
        questions, self.stdin = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        self.stdout, answers = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))

        def talk() -> None:
            with questions, answers:
                serve(questions, answers)

        self._thread = threading.Thread(target=talk, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """Nothing, for it ends with its questions."""

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)


def stand_in(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """A stand-in, in the place of Ray for the rest of a test."""
    fake = FakeRay()
    if posix_signal.getsignal(posix_signal.SIGINT) == posix_signal.SIG_IGN:  # as in the background of a script
        posix_signal.signal(posix_signal.SIGINT, posix_signal.default_int_handler)
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(_ray_process, "_begin", _Thread)
    answers = _ray_process.check_answers
    monkeypatch.setattr(
        _ray_process, "check_answers", lambda host, port: None if f"{host}:{port}" == THERE else answers(host, port)
    )
    return fake
