"""One worker of several: `python -m inr.serving.work FOLDER MEMORY`, which ends with the process that began it."""

import sys
from pathlib import Path

from inr.serving.work._workers import work

if __name__ == "__main__":
    work(Path(sys.argv[1]), memory=int(sys.argv[2]), follow=True)
