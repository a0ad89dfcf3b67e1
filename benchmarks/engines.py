"""The engine `cpu` beside plain PyTorch: how many times faster, and how far from what the machine can do.

Both sides take turns in one process, some runs each, rested; a row's time is that of the fastest turn, which other
programs disturb least.
Plain PyTorch is `baselines/baselines.py`, the way the papers' code does it. Limits are measured in the same run: the
peak of float32 matrix products, reading memory in order, and reading table rows at random.

    python benchmarks/engines.py --pictures DIR [--large PICTURE] [--only siren hash …]

Writes results/engines.tsv, one row a kind of work, and prints it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

import inr
from inr.bench import baselines, machine, tables
from inr.bench.flops import learning_flops
from inr.engines import grid_encode
from inr.engines._cpu._encoders import encoder
from inr.fitting import make_fitter
from inr.jit import roofline
from inr.jit import run as run_program
from inr.jit.vector import DOT_PRODUCTS
from inr.teaching import Uniform

RESULTS = Path(__file__).parents[1] / "studies" / "results" / "engines.tsv"
COLUMNS = ["work", "against", "theirs", "ours", "unit", "ratio", "limit", "share_of_limit"]
HASH = "hash:levels=12,log2_size=16,coarsest=16,finest=768"
PAUSE = 0.1  # seconds
WAKE = 0.2  # seconds
Row = dict[str, Any]


def paired(
    theirs: Callable[[], Any], ours: Callable[[], Any], repeats: int, runs: tuple[int, int] = (1, 1)
) -> tuple[float, float]:
    """Seconds of one run of each: the fastest of `repeats` turns, each of so many runs in a row.

    Before a turn comes a pause, in which threads that still watch for work, theirs as well as ours, go to sleep, and
    then runs that do not count, until all cores are awake again. The first turn does not count either.
    """
    best = [float("inf"), float("inf")]
    for repeat in range(repeats + 1):
        for side, (run, times) in enumerate(zip((theirs, ours), runs, strict=True)):
            time.sleep(PAUSE)
            awake = time.perf_counter() + WAKE
            while time.perf_counter() < awake:
                run()
            start = time.perf_counter()
            for _ in range(times):
                run()
            if repeat:
                best[side] = min(best[side], (time.perf_counter() - start) / times)
    return best[0], best[1]


def row(work: str, against: str, theirs: float, ours: float, unit: str = "s", **limit: Any) -> Row:
    """One line of the table; shorter is better."""
    return {
        "work": work, "against": against, "theirs": f"{theirs:.4g}", "ours": f"{ours:.4g}", "unit": unit,
        "ratio": f"{theirs / ours:.2f}", **limit,
    }  # fmt: skip


def plain_step(method: baselines.Method, coords: torch.Tensor, target: torch.Tensor) -> Callable[[], None]:
    """A training step of a plain model on a whole batch."""
    model, optimiser, _ = method

    def step() -> None:
        optimiser.zero_grad()
        (model(coords) - target).square().mean().backward()
        optimiser.step()

    return step


def picture(size: int = 256) -> inr.Signal:
    """A smooth picture of size x size, which any method can learn from."""
    x = torch.linspace(0, 6, size)
    waves = torch.stack([torch.sin(x[:, None] * k + x[None] * (3 - k)) for k in (1, 2, 3)], dim=2)
    return inr.Signal.from_array(((waves + 1) * 127).to(torch.uint8).numpy(), kind="image")


def peak() -> float:
    """The most GFLOP/s of float32 matrix products that torch or the engine reach."""
    a, b = torch.randn(2048, 512), torch.randn(512, 512)
    out = torch.empty(2048, 512)
    times, _ = paired(lambda: torch.mm(a, b, out=out), lambda: None, 30)
    threads = torch.get_num_threads()
    return max(2e-9 * 2048 * 512 * 512 / times, roofline.products(threads), roofline.products(threads, 256))


def network_rows(only: list[str]) -> Iterator[Row]:
    """Steps of whole networks: forward, backward and Adam, 65,536 points at once."""
    signal = picture()
    everything = torch.arange(signal.size)
    coords, target = signal.coords(everything), signal.values(everything)
    halves = "bfloat16 products back" + ("" if DOT_PRODUCTS else ", imitated: this processor has none")
    siren, deep = baselines.siren(256, 4), "mlp:depth=5,width=256"
    cases: dict[str, tuple[str, baselines.Method, str, str, str, int]] = {
        "siren": ("SIREN 5x256", siren, "sine", deep, "cpu", 1),
        "siren16": (f"SIREN 5x256, {halves}", siren, "sine", deep, "cpu:backward=bfloat16", 1),
        "siren64": ("SIREN 3x64", baselines.siren(64, 2), "sine", "mlp:depth=3,width=64", "cpu", 5),
        "siren32": ("SIREN 3x32", baselines.siren(32, 2), "sine", "mlp:depth=3,width=32", "cpu", 10),
        "wire": ("WIRE 3x181 complex", baselines.wire(2), "gabor:omega=20,scale=30", "mlp:depth=3,width=181", "cpu", 1),
    }
    for name, (title, method, activation, network, engine, steps) in cases.items():
        if only and name not in only:
            continue
        fitter = make_fitter(
            signal, encoding="identity", activation=activation, network=network, batch=signal.size,
            budget=inr.Budget(steps=1000), schedule="constant", engine=engine,
        )  # fmt: skip
        events = fitter.run()
        next(events)
        plain = plain_step(method, coords, target)
        theirs, ours = paired(plain, lambda events=events: next(events), 6, (steps, 2 * steps))
        flops = learning_flops(fitter.field.network) * signal.size
        top = peak()
        yield row(
            f"{title}, 65,536 points, forward + backward + Adam", "plain PyTorch", theirs, ours,
            limit=f"{top:.0f} GFLOP/s of products", share_of_limit=f"{1e-9 * flops / ours / top:.2f}",
        )  # fmt: skip


def rows_seconds(encoding: inr.encodings.HashGrid) -> float:
    """What reading the rows of all corners of a point takes, each level's at the rate of a table of its size."""
    threads, corners = torch.get_num_threads(), 2**encoding.in_dim
    return sum(corners / (1e6 * roofline.gathers(threads, level.entries)) for level in encoding.levels)


def hash_rows(signal: inr.Signal) -> Iterator[Row]:
    """The 2-D hash grid by itself, forward and backward, on a batch of a fit."""
    teacher = Uniform()
    teacher.bind(signal, 1000, 16_384, 0)
    indices = teacher.select(0).indices
    coords = signal.coords(indices)
    plain = baselines.HashGrid(12, 16, 16, 768)
    given = torch.randn(len(coords), 24)

    def gathers() -> None:
        plain.zero_grad()
        plain(coords).backward(given)

    encoding = inr.encodings.HashGrid(2, levels=12, log2_size=16, coarsest=16, finest=768)
    kernels, threads = encoder(encoding), torch.get_num_threads()
    points = coords.numpy()
    start = kernels.start({"encoding.table": encoding.table}, True)
    features = given.clone().numpy()
    program = [*start, *kernels.encode(points, features), *kernels.backward(points, features)]
    theirs, ours = paired(gathers, lambda: run_program(program, threads), 12, (3, 30))
    bound = 2 * rows_seconds(encoding) * len(points)  # read, and added to
    yield row(
        "hash grid 2-D, 12 levels, 16,384 points, forward + backward", "torch gathers", theirs * 1e3, ours * 1e3, "ms",
        limit="random rows", share_of_limit=f"{bound / ours:.2f}",
    )  # fmt: skip

    def op() -> None:
        encoding.table.grad = None
        grid_encode(encoding, coords).backward(given)

    theirs, ours = paired(gathers, op, 12, (3, 30))
    yield row("the same, as a torch operator", "torch gathers", theirs * 1e3, ours * 1e3, "ms")


def loop_rows(signal: inr.Signal) -> Iterator[Row]:
    """The default image fit, whole loop, in nanoseconds a point."""
    model, optimiser, _ = baselines.hash_grid()
    everything = torch.arange(signal.size)
    coords, target = signal.coords(everything), signal.values(everything)

    def plain() -> None:
        batch = torch.randint(signal.size, (16_384,))
        optimiser.zero_grad()
        (model(coords[batch]) - target[batch]).square().mean().backward()
        optimiser.step()

    fitter = make_fitter(signal, budget=inr.Budget(steps=5000))
    events = fitter.run()
    next(events)

    theirs, each = paired(plain, lambda: next(events), 12, (4, 30))
    done = 16_384e-9 * learning_flops(fitter.field.network) / peak()
    done += 16_384 * 2 * rows_seconds(fitter.field.encoding)
    traffic = 7 * 4 * fitter.field.parameter_count  # Adam reads four numbers a parameter, and writes three
    done += 1e-9 * traffic / roofline.bandwidth(torch.get_num_threads(), traffic)
    yield row(
        "default picture fit, whole loop", "the same model in plain PyTorch", theirs / 16_384e-9, each / 16_384e-9,
        "ns a point", limit="products + random rows + Adam's numbers", share_of_limit=f"{done / each:.2f}",
    )  # fmt: skip


def render_rows(signal: inr.Signal) -> Iterator[Row]:
    """4096 x 4096 from a default picture field."""
    model, _, _ = baselines.hash_grid()
    field = make_fitter(signal, budget=inr.Budget(steps=1)).field
    side = 4096

    @torch.no_grad()
    def plain() -> None:
        axis = (2 * torch.arange(side) + 1) / side - 1
        values = torch.empty(side, side, 3)
        for first in range(0, side, 16):
            y, x = torch.meshgrid(axis[first : first + 16], axis, indexing="ij")
            values[first : first + 16] = model(torch.stack([x, y], dim=2).view(-1, 2)).view(16, side, 3) * 127.5 + 127.5

    theirs, ours = paired(plain, lambda: inr.render(field, (side, side)), 4)
    needed = (learning_flops(field.network) + 2 * 24 * 64) / 3e9 * side**2 / peak()
    needed += rows_seconds(field.encoding) * side**2
    yield row(
        "rendering 4096x4096 from a default picture field", "plain PyTorch", theirs, ours,
        limit="products + random rows", share_of_limit=f"{needed / ours:.2f}",
    )  # fmt: skip


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


def limit_rows() -> Iterator[Row]:
    """What the machine can do."""
    threads = torch.get_num_threads()
    yield {"work": "limit: float32 matrix products", "ours": f"{peak():.0f}", "unit": "GFLOP/s"}
    yield {"work": "limit: reading memory in order", "ours": f"{roofline.bandwidth(threads):.1f}", "unit": "GB/s"}
    for size in (2, 512, 16_384):
        yield {
            "work": f"limit: reading rows of 8 bytes at random from {size:,} KiB",
            "ours": f"{roofline.gathers(threads, size * 128):.0f}", "unit": "M/s",
        }  # fmt: skip


def measured(options: argparse.Namespace) -> Iterator[Row]:
    """All rows that were asked for."""
    only = options.only
    signal = inr.open(options.pictures / "kodim23.png")
    yield from limit_rows()
    yield from network_rows(only)
    if not only or "hash" in only:
        yield from hash_rows(signal)
    if not only or "loop" in only:
        yield from loop_rows(signal)
    if not only or "render" in only:
        yield from render_rows(signal)
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
        "--only", nargs="+", default=[], help="of: siren siren16 siren64 siren32 wire hash loop render memory start"
    )
    options = parser.parse_args()
    rows = []
    for found in measured(options):
        rows.append(found)
        print(json.dumps(found), flush=True)
    if options.only:
        return
    tables.write(RESULTS, COLUMNS, rows, machine.describe())
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
