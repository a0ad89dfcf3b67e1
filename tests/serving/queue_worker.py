"""A worker that may be killed at any moment: `python queue_worker.py FOLDER NAME LOG`.

Its result for a job is a blob that depends on the job alone; what it finished it writes to the log. It ends when
nothing is left to do and the folder has a file `CLOSED`, so that those that are to be killed are still there.
"""

import os
import sys
import time
from pathlib import Path

from inr.serving.queue import Progress, Queue
from inr.serving.store import Store

LEASE = 0.3
CLOSED = "closed"


def main(folder: Path, name: str, log: Path) -> None:
    queue = Queue(folder, lease=LEASE, max_crashes=1000)
    store = Store(folder)
    queue.register(name, "here", os.getpid(), 1)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    while True:
        claims = queue.claim(name, limit=4)
        if not claims:
            if (folder / CLOSED).exists() and not set(queue.counts()) & {"queued", "running"}:
                return
            time.sleep(0.005)
        for claim in claims:
            queue.beat(claim, Progress(step=1))
            sha256, size = store.put(f"result of {claim.job.id}".encode())
            if queue.finish(claim, result_sha256=sha256, result_bytes=size, metrics={}, seconds=0.001):
                os.write(file, f"{claim.job.id}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
