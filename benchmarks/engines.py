"""The engine `cpu` beside plain PyTorch: the rows of `inr bench speed` and `render` at more turns, memory and start-up.

Both sides take turns in one process, some runs each, rested; a row's time is that of the fastest turn, which other
programs disturb least. Plain PyTorch is `inr/bench/baselines.py`, the way the papers' code does it. Limits are measured
in the same run.

    python benchmarks/engines.py --pictures DIR [--large PICTURE] [--only siren hash …]

Writes studies/results/engines.tsv, one row a kind of work, and prints it. It takes about ten minutes on two cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import inr  # noqa: E402
from inr.bench import Options, machine, render, speed, tables  # noqa: E402

RESULTS = ROOT / "studies" / "results" / "engines.tsv"
SIZES = speed.Sizes(turns=6)
Row = dict[str, Any]


def memory_rows(large: Path) -> Iterator[Row]:
    """Peak memory of a process that fits a large picture and measures the result."""
    code = (
        "import re, sys, inr\n"
        "signal = inr.open(sys.argv[1])\n"
        "inr.fit(signal, steps=200)\n"
        # not getrusage, which counts what this process was before it became that one
        "print(signal.size, re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(large)], capture_output=True, text=True, check=True)
    size, kibibytes = done.stdout.split()
    yield {
        "work": f"peak memory fitting {int(size) / 1e6:.1f} megapixels", "ours": f"{int(kibibytes) / 2**20:.2f}",
        "unit": "GiB",
    }  # fmt: skip


def start_rows() -> Iterator[Row]:
    """Start-up: the first time on a machine, and every time after."""
    code = (
        "import inr\nfrom inr.fitting import make_fitter\n"
        "import torch\ns = inr.Signal.from_array(torch.zeros(64, 64, 3, dtype=torch.uint8).numpy())\n"
        "f = make_fitter(s, budget=inr.Budget(steps=1))\nprint(f.prepare())"
    )
    with tempfile.TemporaryDirectory() as folder:
        for when in ("compiling the default fit's kernels, the first time", "loading them in the next process"):
            environment = os.environ | {"INR_CACHE_DIR": folder}
            command = [sys.executable, "-c", code]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            yield {"work": when, "ours": f"{float(done.stdout):.2f}", "unit": "s"}


def measured(options: argparse.Namespace) -> Iterator[Row]:
    """All rows that were asked for."""
    only = options.only
    picture = options.pictures / "kodim23.png"
    yield from speed.limit_rows()
    yield from speed.network_rows(SIZES, [name for name in speed.NETWORKS if not only or name in only])
    if not only or {"hash", "loop"} & set(only):
        yield from speed.loop_rows(SIZES, inr.open(picture))
    if not only or "render" in only:
        yield from render.rows(Options(picture))
    if options.large and (not only or "memory" in only):
        yield from memory_rows(options.large)
    if not only or "start" in only:
        yield from start_rows()


def main() -> None:
    """Measure, print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True, help="folder of the Kodak pictures")
    parser.add_argument("--large", type=Path, help="a picture of some 14 megapixels, for peak memory")
    parser.add_argument(
        "--only", nargs="+", default=[], help=f"of: {' '.join(speed.NETWORKS)} hash loop render memory start"
    )
    options = parser.parse_args()
    rows = []
    for found in measured(options):
        rows.append(found)
        print(json.dumps(found), flush=True)
    if options.only:
        return
    tables.write(RESULTS, speed.COLUMNS, rows, machine.describe())
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
