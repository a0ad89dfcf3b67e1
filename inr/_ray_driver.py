"""What talks to Ray, in a process of its own: Ray ends the process that it is in when a cluster dies inside some calls.

Questions come from the standard input and answers go to the standard output, pickled (`inr._ray_process` asks). What
tasks are sent and give are bytes here, so that nothing of them is imported.
"""

import contextlib
import importlib
import logging
import os
import pickle
import socket
import sys
from typing import Any, BinaryIO

from inr._errors import InrError
from inr._version import __version__

RETRIES = 3  # of a task whose process or machine dies


class Driver:
    """A Ray cluster as a process that belongs to it sees it: the methods are the questions that it is asked."""

    def __init__(self) -> None:
        self._ray: Any = importlib.import_module("ray")
        self._shared = dict[int, Any]()
        self._pending = dict[int, Any]()

    def connect(self, address: str, cores: int, script: str) -> str | None:
        """Join a cluster, or begin one; why that cannot be.

        Args:
            address: as `ray.init` takes it.
            cores: of a cluster that is begun.
            script: that runs; where modules are imported from its folder, other processes find them there as well.
        """
        logging.getLogger("ray").setLevel(logging.ERROR)
        options = {"num_cpus": cores, "include_dashboard": False} if address == "local" else {}
        sys.argv[:1] = [script]  # by which Ray knows the folder
        try:
            self._ray.init(address, log_to_driver=False, logging_level="error", **options)
        except Exception as error:  # Ray raises plain ones, too, as when its processes take too long to begin
            # something answers there, which refuses without a reason who has another token
            hint = "; is RAY_AUTH_TOKEN the same on all machines?" if isinstance(error, ConnectionError) else ""
            return f"{one_line(error)}{hint}"
        return None

    def whereabouts(self) -> str:
        """HOST:PORT of what knows of all machines."""
        return str(self._ray.get_runtime_context().gcs_address)

    def size(self) -> tuple[int, int]:
        """Cores of the machines that are there now, and of the one that has most of them."""
        machines = (each["Resources"] for each in self._ray.nodes() if each["Alive"])
        largest = max([int(each.get("CPU", 0)) for each in machines] + [1])
        return max(int(self._ray.cluster_resources().get("CPU", 1)), 1), largest

    def share(self, number: int, modules: tuple[str, ...], data: bytes) -> None:
        """Put what tasks of a run have in common where every machine gets it once."""
        self._shared[number] = self._ray.put((__version__, modules, data))

    def submit(self, number: int, shared: int, cores: int, data: bytes) -> None:
        """Send a task."""
        remote = self._ray.remote(num_cpus=cores, max_retries=RETRIES)(work)
        self._pending[number] = remote.remote(self._shared[shared], data)

    def wait(self, numbers: list[int], seconds: float) -> list[tuple[int, str, Any]]:
        """The tasks that ended, one at most, and what each came to: a word and more, as `work` has them.

        Args:
            numbers: of the tasks.
            seconds: after which there are none.
        """
        of = {self._pending[number]: number for number in numbers}
        ready, _ = self._ray.wait(list(of), num_returns=1, timeout=seconds)
        return [(of[each], *self._result(self._pending.pop(of[each]))) for each in ready]

    def end(self, shared: int, numbers: list[int]) -> None:
        """End a run: what is under way is cancelled."""
        for reference in [self._pending.pop(number) for number in numbers if number in self._pending]:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference, force=True)
        self._shared.pop(shared, None)

    def leave(self) -> None:
        """Leave the cluster; one that this process began ends."""
        self._ray.shutdown()

    def _result(self, reference: Any) -> tuple[str, Any]:
        errors = self._ray.exceptions
        try:
            word, value = self._ray.get(reference)
            return word, value
        except errors.RayTaskError as error:
            told = str(error.cause)
            if "failed to import" in told and "No module named 'inr" in told:
                return "unfit", f"a machine of the cluster has no inr: install {__version__} there"
            return "failed", f"{type(error.cause).__name__}: {one_line(error.cause)}"
        except errors.OutOfMemoryError:
            return "failed", "its machine ran out of memory, in all tries"
        except errors.LocalRayletDiedError:
            return "lost", None
        except errors.RayError as error:
            return "died", type(error).__name__


def work(common: tuple[str, tuple[str, ...], bytes], data: bytes) -> tuple[str, Any]:
    """What a process of the cluster does for a task: "made" and bytes, or "failed" or "unfit" and why."""
    version, modules, shared = common
    here = socket.gethostname()
    if version != __version__:
        return "unfit", (
            f"{here} has inr {__version__}, and the machine that asks has {version}: install one version on all "
            "machines"
        )
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            return "unfit", (
                f"{here} cannot import {module}, which registers a part ({one_line(error)}): install it on all machines"
            )
    try:
        task, given = pickle.loads(shared)
        return "made", pickle.dumps(task(given, pickle.loads(data)), protocol=pickle.HIGHEST_PROTOCOL)
    except InrError as error:
        return "failed", str(error)
    except Exception as error:
        return "failed", f"{type(error).__name__}: {one_line(error)}"


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer questions, one after the other, until there are no more.

    Args:
        questions: from which they are read: a number, a method's name and what it is given.
        answers: to which go the number, why it failed or None, and the answer.
    """
    driver = Driver()
    with contextlib.suppress(EOFError):
        while True:
            number, name, given = pickle.load(questions)
            failure, answer = None, None
            try:
                answer = getattr(driver, name)(*given)
            except Exception as error:  # Ray's, of itself rather than of a task
                failure = one_line(error)
            pickle.dump((number, failure, answer), answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()
    driver.leave()


def main() -> None:
    """Answer the process that began this one, and nobody else: what Ray prints goes nowhere."""
    with os.fdopen(os.dup(0), "rb") as questions, os.fdopen(os.dup(1), "wb") as answers:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in (sys.stdin, sys.stdout, sys.stderr):
            os.dup2(nowhere, standard.fileno())
        serve(questions, answers)


def one_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return (" ".join(str(error).split()) or type(error).__name__)[:300]


if __name__ == "__main__":
    # by its name, as tasks are to find `work` elsewhere
    importlib.import_module("inr._ray_driver").main()
