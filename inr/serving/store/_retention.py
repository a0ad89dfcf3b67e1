"""Files of the folder that outlived what they were for."""

import math
import shutil
import time
from pathlib import Path

from inr.serving.queue import Queue
from inr.serving.store._store import Store

# seconds for which a file that belongs to nothing yet may be waiting for its row
ORPHAN_SECONDS = 3_600.0

# how long the preview of a job that gave no field is kept
PREVIEW_SECONDS = 86_400.0


def tidy(folder: Path, queue: Queue, store: Store) -> None:
    """Forget in the queue what is over, and delete the files that nothing needs any more; call it every few minutes.

    Half uploads whose time is over, blobs that no signal and no result is made of, the folders of jobs that were
    deleted, checkpoints of jobs that need none, and after a day what is left of jobs that gave no field.

    Args:
        folder: of the service, which `queue` and `store` are in.
    """
    queue.expire()
    kept, now = queue.kept(), time.time()
    store.sweep(queue.referenced_blobs(), ORPHAN_SECONDS)
    for path in (folder / "uploads").glob("*"):
        if path.name not in kept.uploads and now - _changed(path) >= ORPHAN_SECONDS:
            if path.is_dir():  # of a reader whose server was killed
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    for path in (folder / "jobs").glob("*"):
        state, ended = kept.jobs.get(path.name, (None, None))
        if state is None:
            over = now - _changed(path) >= ORPHAN_SECONDS
        else:
            over = state in ("failed", "cancelled") and ended is not None and now - ended >= PREVIEW_SECONDS
        if over:
            shutil.rmtree(path, ignore_errors=True)
        elif state in ("done", "cancelled"):
            (path / "checkpoint.inr").unlink(missing_ok=True)


def _changed(path: Path) -> float:
    """When a file or folder was last written to; never, where it has gone meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf
