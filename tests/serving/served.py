"""A folder of the service with one user and one picture, and quick jobs on it."""

from pathlib import Path

import numpy as np

import inr
from inr.serving.options import normalised
from inr.serving.queue import Job, NewJob, Queue
from inr.serving.store import Store
from inr.serving.work import Worker

# fits in a moment, on an engine that compiles nothing
QUICK = {"network": "mlp:depth=1,width=16", "activation": "sine", "encoding": "identity", "engine": "eager"}


def picture() -> inr.Signal:
    """Noise of 12 x 16 pixels."""
    return inr.from_array(np.random.default_rng(0).integers(0, 255, (12, 16, 3), dtype=np.uint8))


class Service:
    """A folder with a queue, a store, one user and one picture."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.queue, self.store = Queue(folder), Store(folder)
        self.user = self.queue.add_user("Ada")[0].id
        self.signal = self.add(picture())

    def add(self, signal: inr.Signal) -> str:
        """Keep a signal as readers do."""
        with (self.folder / "array").open("wb") as file:
            np.save(file, signal.array)
        digest, _ = self.store.put(self.folder / "array")
        row = self.queue.add_signal(self.user, name="cat.png")
        description = {
            "domain": signal.domain.to_json(), "lossless_bytes": 500, "lossless_format": "PNG", "size": signal.size,
            "shape": list(signal.domain.shape or ()), "channels": signal.channels,
        }  # fmt: skip
        self.queue.signal_ready(row.id, signal.domain.kind, description, digest)
        return row.id

    def submit(self, kind: str = "fit", **options: object) -> str:
        """Queue a job; its id."""
        signal, field = (None, str(options.pop("field"))) if "field" in options else (self.signal, None)
        new = NewJob(kind, "cat", signal, field, normalised(kind, options))  # type: ignore[arg-type]
        return self.queue.submit(self.user, new).job.id

    def work(self) -> int:
        """Do all that waits; how many jobs that were."""
        return Worker(self.folder, memory=1 << 40, reserve=0).run(until_empty=True)

    def job(self, job: str) -> Job:
        """A job as it stands."""
        found = self.queue.job(job)
        assert found is not None
        return found

    def data(self, job: str) -> bytes:
        """The bytes that a job made."""
        digest = self.job(job).result_sha256
        assert digest is not None
        return self.store.path(digest).read_bytes()
