"""What stands in for Ray in tests of every day: it runs tasks in one process, the last one first."""

import pickle
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from inr import _cluster


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
        dies: told a task's input; what Ray raises for it instead of running it.
        gcs_address: where it is asked whether the cluster is still there.
    """

    exceptions = SimpleNamespace(
        RayError=RayError, RayTaskError=RayTaskError, OutOfMemoryError=OutOfMemoryError,
        LocalRayletDiedError=LocalRayletDiedError,
    )  # fmt: skip

    def __init__(self) -> None:
        self.most, self.cancelled = 0, 0
        self.dies: Callable[[Any], Exception | None] = lambda given: None
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
        return lambda work: SimpleNamespace(remote=lambda common, given: _Reference(work, common, given))

    def wait(self, pending: list[Any], *, num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        self.most = max(self.most, len(pending))
        return pending[-1:], pending[:-1]

    def get(self, task: Any) -> Any:
        given = pickle.loads(task.given)
        if (error := self.dies(given)) is not None:
            raise error
        try:
            return pickle.loads(pickle.dumps(task.work(pickle.loads(task.common), given)))
        except Exception as error:
            raise RayTaskError(error) from error

    def cancel(self, task: Any, *, force: bool) -> None:
        self.cancelled += 1


class _Reference:
    """A task of the stand-in."""

    def __init__(self, work: Callable[[Any, Any], Any], common: bytes, given: Any) -> None:
        self.work, self.common, self.given = work, common, pickle.dumps(given)


def stand_in(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """A stand-in, in the place of Ray for the rest of a test."""
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    answers = _cluster._check_answers
    monkeypatch.setattr(
        _cluster, "_check_answers", lambda host, port: None if f"{host}:{port}" == THERE else answers(host, port)
    )
    return fake
