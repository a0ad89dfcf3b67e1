"""A process that fits what it is handed: pickled tasks come in, progress and rows go out."""

import importlib
import os
import pickle
import signal as posix_signal
import sys
import time
from typing import Any

_EVERY = 0.2  # seconds between two messages of one fit


def main() -> None:
    """Serve until there is nothing more to read."""
    posix_signal.signal(posix_signal.SIGINT, posix_signal.SIG_IGN)  # who started it decides
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever is printed goes elsewhere

    def reply(thing: Any) -> None:
        pickle.dump(thing, replies)
        replies.flush()

    order = pickle.load(sys.stdin.buffer)
    import torch

    from inr.sweeping._run import run_task

    torch.set_num_threads(order.threads)
    for module in order.modules:
        importlib.import_module(module)
    job = order.job()
    while True:
        try:
            task = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        said = time.perf_counter()

        def told(step: int, steps: int, psnr: float) -> None:
            nonlocal said
            now = time.perf_counter()
            if now - said >= _EVERY:
                said = now
                reply((step, steps, psnr))

        reply(run_task(task, job.signal, job.source, job.folder, told))


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # who started it is gone
        sys.exit(1)
