"""One worker, as `inr work` starts it: `python -m inr.serving.work FOLDER MEMORY`."""

import logging
import os
import sys
from pathlib import Path

NICE = 10


def main() -> None:
    """Work until asked to end."""
    folder, memory = Path(sys.argv[1]), int(sys.argv[2])
    os.nice(NICE)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    from inr.serving.work._worker import Worker, install

    worker = Worker(folder, memory=memory)
    install(worker)
    worker.run()


if __name__ == "__main__":
    main()
