"""One of several workers, `python -m inr.serving.work FOLDER MEMORY RESERVE`: it ends with whoever began it."""

import logging
import os
import sys
from pathlib import Path

from inr.serving.work._workers import work

if __name__ == "__main__":
    work(Path(sys.argv[1]), memory=int(sys.argv[2]), reserve=int(sys.argv[3]), follow=True)
    logging.shutdown()
    os._exit(0)  # everything is kept, and taking torch and compiled kernels apart takes seconds
