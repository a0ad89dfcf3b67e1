"""One of several workers, `python -m inr.serving.work FOLDER MEMORY RESERVE`: it ends with whoever began it."""

import sys
from pathlib import Path

from inr.serving.work._workers import work

if __name__ == "__main__":
    work(Path(sys.argv[1]), memory=int(sys.argv[2]), reserve=int(sys.argv[3]), follow=True)
