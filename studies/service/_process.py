"""What the service takes: time to start, memory, bytes of the page, and that its database holds."""

import gzip
import re
import statistics
import tempfile
import time
from pathlib import Path

from studies.service._server import serving

STARTS = 5
JOBS, KILLS = 2_000, 30


def start(_: int) -> list[dict]:
    """From the command to the first answer; memory of the server's process, and of all its processes."""
    seconds, early = [], 0.0
    for _ in range(STARTS):
        with serving(warm=False) as server:
            seconds.append(time.perf_counter() - server.begun)
            early = max(early, memory(server.pid)[0])
    with serving() as server:
        ready = memory(server.pid)
        others = [memory(pid)[1] for pid in descendants(server.pid)]
    what = f"from the command to the first answer, {STARTS} times"
    return [
        {"figure": "start", "what": f"{what}, median", "value": statistics.median(seconds), "unit": "s", "most": 1.5,
         "aim": 0.7},
        {"figure": "start", "what": "server's process, RSS", "value": early, "unit": "MB", "most": 120, "aim": 80},
        {"figure": "start", "what": "the same after an upload, RSS", "value": ready[0], "unit": "MB", "most": 120},
        {"figure": "start", "what": "the same, PSS", "value": ready[1], "unit": "MB"},
        {"figure": "start", "what": f"its {len(others)} others, PSS", "value": sum(others), "unit": "MB"},
    ]  # fmt: skip


def page(_: int) -> list[dict]:
    """Bytes of the page's files, as they are sent; the example is a signal, sent to whoever takes it."""
    from inr.serving.http.routes.page import page_files
    from inr.serving.page import EXAMPLE

    files = [path.read_bytes() for address, path in page_files().items() if address != "/" and path != EXAMPLE]
    plain, pressed = (sum(map(len, found)) / 1e3 for found in (files, map(_pressed, files)))
    return [
        {"figure": "page", "what": f"its {len(files)} files", "value": plain, "unit": "kB", "most": 700},
        {"figure": "page", "what": "the same, gzipped", "value": pressed, "unit": "kB", "most": 250},
    ]


def sqlite(_: int) -> list[dict]:
    """Jobs that do nothing, by processes that are killed: all are done, each once, and the file is whole."""
    from tests.serving.test_queue_processes import run_and_disturb

    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        run_and_disturb(Path(temporary), workers=4, jobs=JOBS, kills=KILLS, stops=0)  # which checks all of it
    what = f"{JOBS:,} jobs by 4 workers, {KILLS} kill -9: all done once, file intact"
    return [{"figure": "sqlite", "what": what, "value": time.perf_counter() - begun, "unit": "s"}]


def memory(pid: int) -> tuple[float, float]:
    """MB that are resident in a process, and its share of them where others have the same."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = dict(re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE))
    return int(found["Rss"]) * 1024 / 1e6, int(found["Pss"]) * 1024 / 1e6


def descendants(pid: int) -> list[int]:
    """The processes that a process began, and those that they began."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found += [child, *descendants(child)]
    return found


def _pressed(data: bytes) -> bytes:
    return min(gzip.compress(data), data, key=len)
