"""A queue on a clock that stands still unless a test moves it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from inr.serving.queue import Queue


class Clock:
    """Seconds since 1970, as a test wants them."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory, where there is such a thing: a queue waits for the disk at every step."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def queue(folder: Path, clock: Clock) -> Iterator[Queue]:
    queue = Queue(folder, clock=clock)
    yield queue
    queue.close()


@pytest.fixture
def ada(queue: Queue) -> str:
    """The id of a user."""
    return queue.add_user("Ada")[0].id


@pytest.fixture
def bob(queue: Queue) -> str:
    """The id of another user."""
    return queue.add_user("Bob")[0].id
