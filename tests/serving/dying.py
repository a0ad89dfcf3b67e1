"""A worker that dies, hangs or is short of memory at a named point; runs in a process of its own."""

import functools
import os
import signal
import sys
import time
from pathlib import Path

from inr.serving.queue import Queue
from inr.serving.work import Worker, _heart, _kinds, _worker
from inr.serving.work._task import Task


def die(*_: object, **__: object) -> None:
    """As by a power cut."""
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: type, name: str) -> None:
    """Die in the place of a method."""
    setattr(owner, name, die)


def after(owner: type, name: str) -> None:
    """Die when a method has done its work."""
    own = getattr(owner, name)

    @functools.wraps(own)
    def done_and_dead(*args: object, **kwargs: object) -> None:
        own(*args, **kwargs)
        die()

    setattr(owner, name, done_and_dead)


def slowly(self: Task, event: object) -> None:
    """Take long for every step."""
    time.sleep(0.02)
    _tell(self, event)  # type: ignore[arg-type]


_tell = Task.tell


def main(folder: Path, point: str) -> None:
    """Work until death."""
    _worker.warm_up = lambda: None
    _kinds.CHECKPOINT_SECONDS = 0.0
    match point:
        case "at the beginning":
            before(Task, "tell")
        case "before a checkpoint counts":
            before(Task, "checkpointed")
        case "after a checkpoint":
            after(Task, "checkpointed")
        case "before the result is there":
            before(_worker.Store, "put")
        case "between result and commit":
            before(Queue, "finish")
        case "after the commit":
            after(Queue, "finish")
        case "hanging":
            _worker.run_job = lambda task, given: time.sleep(600)  # type: ignore[assignment,return-value]
        case "slow":
            _kinds.CHECKPOINT_SECONDS = 0.2
            Task.tell = slowly  # type: ignore[method-assign]
        case "short of memory":
            _heart.resident = lambda: 1 << 50
            Task.tell = slowly  # type: ignore[method-assign]
        case _:
            raise ValueError(point)
    worker = Worker(folder, memory=1 << 40, reserve=0)
    _worker.install(worker)
    worker.run(until_empty=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
