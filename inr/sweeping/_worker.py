"""What a process of a sweep does: tasks come in, progress and rows go out. Light until it knows its threads."""

import functools
import importlib
import os
import signal as posix_signal
import sys
import time
from multiprocessing.connection import Connection

_BETWEEN_MESSAGES = 0.2  # seconds, at least, between two that tell how far a fit is


def work(connection: Connection, log: str, threads: int) -> None:
    """Serve until the connection is closed.

    Args:
        connection: a briefing comes first, then tasks; tuples (step, steps, dB) and rows go back.
        log: the file for what is printed.
        threads: how many are used.
    """
    posix_signal.signal(posix_signal.SIGINT, posix_signal.SIG_IGN)  # who started it decides
    with open(log, "wb") as file:  # noqa: PTH123 (nothing needless is imported yet)
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # read when torch is loaded
    try:
        _serve(connection)
    except (BrokenPipeError, ConnectionResetError):  # who started it is gone
        sys.exit(1)


def _serve(connection: Connection) -> None:
    briefing = connection.recv()
    import torch

    from inr.sweeping._run import run_task

    torch.set_num_threads(briefing.threads)
    for module in briefing.modules:
        importlib.import_module(module)
    opened = functools.lru_cache(maxsize=1)(briefing.signal)  # tasks come signal by signal
    while True:
        try:
            task = connection.recv()
        except EOFError:  # there is nothing more to do
            return
        said = time.perf_counter()

        def told(step: int, steps: int, psnr: float) -> None:
            nonlocal said
            now = time.perf_counter()
            if now - said >= _BETWEEN_MESSAGES:
                said = now
                connection.send((step, steps, psnr))

        connection.send(run_task(task, opened(task.place), briefing.sources[task.place], briefing.folder, told))
