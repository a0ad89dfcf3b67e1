"""The process that talks to Ray, as the one that began it sees it: it is asked, and may end, hang or be killed."""

import contextlib
import importlib.util
import itertools
import os
import pickle
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inr._errors import InrError, MissingExtra

_PATIENCE = 3.0  # seconds for an address to answer
_TRIES = 3  # for an address that answered before, and is slow now
_BETWEEN = 0.25  # seconds between two looks at whether to go on
_LOOK = 5.0  # seconds without an answer after which it is seen whether the cluster is there
_GOODBYE = 60.0  # seconds for a cluster of this machine to end
# what clients and servers of HTTP/2, which gRPC is, begin with: the client's magic words, and settings of either
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS = 4


class RayProcess:
    """A process of its own that talks to Ray, which would end this one when a cluster dies inside some of its calls.

    Args:
        name: of the cluster, as errors call it.
        on: what asks for it.

    Attributes:
        address: HOST and port where it is seen whether the cluster is there; None as long as nobody knows.

    Raises:
        MissingExtra: Ray is not installed.
    """

    def __init__(self, name: str, on: str) -> None:
        if importlib.util.find_spec("ray") is None:
            raise MissingExtra("ray", "ray", f"running on {on}")
        self.address: tuple[str, int] | None = None
        self._name = name
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._gone: InrError | None = None
        self._answers = queue.SimpleQueue[tuple[int, str | None, Any] | None]()
        self._process = _begin()
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, question: str, *given: Any, go_on: Callable[[], bool] = lambda: True) -> Any:
        """Have a method of `inr._ray_driver.Driver` called, and wait for its answer as long as the cluster is there.

        Args:
            question: the method's name.
            given: to the method.
            go_on: asked a few times a second.

        Raises:
            InrError: Ray failed, ended the process, or the cluster is gone.
            KeyboardInterrupt: `go_on` said no.
        """
        with self._lock:
            if self._gone is not None:
                raise self._gone
            number = next(self._numbers)
            self._send(number, question, given)
            looked = time.monotonic()
            while True:
                try:
                    answer = self._answers.get(timeout=_BETWEEN)
                except queue.Empty:
                    if not go_on():
                        raise KeyboardInterrupt from None
                    if time.monotonic() - looked > _LOOK:
                        self.check_there()
                        looked = time.monotonic()
                    continue
                if answer is None:
                    raise self._ended()
                if answer[0] == number:  # others are of questions whose answer nobody waited for
                    break
        if answer[1] is not None:
            self.check_there()
            raise InrError(f"{self._name} fails: {answer[1]}; what is done is kept")
        return answer[2]

    def check_there(self) -> None:
        """See that the cluster still answers. Raises InrError."""
        if self.address is None:
            return
        for tried in range(1, _TRIES + 1):
            try:
                check_answers(*self.address)
            except InrError as error:
                if tried == _TRIES or not isinstance(error.__cause__, TimeoutError):
                    self._gone = InrError(f"{self._name} does not answer any more; what is done is kept")
                    raise self._gone from error
            else:
                return

    def close(self) -> None:
        """Have it leave the cluster, and end."""
        if self._gone is not None:  # which it would ask for a while
            self._process.kill()
        self._gone = InrError(f"{self._name} is left")
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        try:
            self._process.wait(_GOODBYE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, number: int, question: str, given: tuple[Any, ...]) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pickle.dump((number, question, given), pipe, protocol=pickle.HIGHEST_PROTOCOL)
            pipe.flush()
        except OSError:  # it reads no more
            raise self._ended() from None

    def _read(self) -> None:
        """Take its answers as they come, until it ends."""
        pipe = self._process.stdout
        assert pipe is not None
        with pipe, contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                self._answers.put(pickle.load(pipe))
        self._answers.put(None)

    def _ended(self) -> InrError:
        """What to say of a process that ended by itself."""
        with contextlib.suppress(InrError):
            self.check_there()
        self._gone = self._gone or InrError(f"{self._name} lost its process here; what is done is kept")
        return self._gone


def check_answers(host: str, port: int) -> None:
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


def _begin() -> "subprocess.Popen[bytes]":
    """Begin the process, which finds the modules that this one finds; Ctrl-C in a terminal does not reach it."""
    paths = [path or str(Path.cwd()) for path in sys.path]
    environment = {
        "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
        "RAY_worker_niceness": "0",  # of a cluster that begins here: fits have the priority that threads here have
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "inr._ray_driver"], env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
