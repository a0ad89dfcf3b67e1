"""Times over the sizes of the kernels' tiles."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from inr.bench.gpu import sides
from inr.bench.gpu.setting import Card, one_line
from inr.bench.gpu.steps import StoredBench

CASES = {
    "SIREN 5x256": ("sine", 5, 256),
    "SIREN 5x64": ("sine", 5, 64),
    "ReLU 2x64": ("relu", 2, 64),
    "WIRE 4x128": ("gabor:omega=20,scale=30", 4, 128),
}
REPEATS = 5
# Points, columns and depth of a tile, warps, stages; those that compile without spilling into memory. A tile that stays
# in registers has columns and depth of its own.
TILED = (
    (128, 128, 64, 8, 3), (128, 64, 64, 8, 3), (64, 128, 64, 8, 3), (64, 64, 64, 4, 3), (64, 64, 64, 8, 3),
    (64, 64, 32, 8, 3), (128, 128, 64, 8, 2),
)  # fmt: skip
FULLY_FUSED = ((64, 0, 0, 4, 3), (64, 0, 0, 4, 2), (128, 0, 0, 8, 3), (64, 0, 0, 4, 1), (32, 0, 0, 4, 3))
MEMORY = (64, 1024)  # MiB, beside the default


def tune(bench: StoredBench) -> None:
    """One case after the other, as far as time allows; every case gets its share of it."""
    batches = sides.Batches(bench.setting, bench.card)
    begin = time.perf_counter()
    for place, (name, (activation, depth, full)) in enumerate(CASES.items(), 1):
        end = begin + bench.setting.seconds * place / len(CASES)
        network = f"mlp:depth={depth},width={bench.width(full)}"
        side = sides.Ours(batches.cycle(), bench.card, activation, network)
        runner: Any = side.plan._runner
        first, constants = runner.shape, runner._constants()
        for chosen in candidates(first, constants):
            if time.perf_counter() > end:
                bench.store.extra("tune", f"{name}: the rest", None, note="out of time")
                break
            attempt(bench, bench.card, name, side, first, chosen)
        for memory in MEMORY:
            side = sides.Ours(batches.cycle(), bench.card, activation, network, memory=memory)
            seconds = bench.card.median(side.gradients, bench.setting.turn, REPEATS)
            bench.store.extra("tune", f"{name}, {memory} MiB: forward and backward", 1e3 * seconds, "ms")
        bench.card.release()


def candidates(shape: Any, constants: dict[str, Any]) -> Iterator[dict[str, int]]:
    """What is there now, and then other choices."""
    now = {name: getattr(shape, name) for name in ("block_m", "block_n", "block_k")}
    now |= {name: constants[name] for name in ("num_warps", "num_stages")}
    yield now
    for m, n, k, warps, stages in FULLY_FUSED if shape.fully_fused else TILED:
        if not shape.fully_fused and shape.width % n:
            continue
        blocks = (m, shape.block_n, shape.block_k) if shape.fully_fused else (m, n, k)
        other = dict(zip(now, (*blocks, warps, stages), strict=True))
        if other != now:
            yield other


def attempt(bench: StoredBench, card: Card, name: str, side: sides.Ours, first: Any, chosen: dict[str, int]) -> None:
    """Time a choice: a tile that does not fit the card is said to fail, and does no harm."""
    runner: Any = side.plan._runner
    blocks = {key: value for key, value in chosen.items() if key.startswith("block")}
    launch = {key: value for key, value in chosen.items() if key.startswith("num")}
    original = type(runner)._constants
    runner.shape = replace(first, **blocks)
    runner._constants = lambda: original(runner) | launch
    label = f"{name}, tile {chosen['block_m']}x{chosen['block_n']}x{chosen['block_k']}"
    label += f", {launch['num_warps']} warps, {launch['num_stages']} stages"
    for what, run in (("forward", side.infer), ("forward and backward", side.gradients)):
        try:
            seconds = card.median(run, bench.setting.turn, REPEATS)
        except Exception as error:  # too large a tile
            bench.store.extra("tune", f"{label}: {what}", None, note=one_line(error))
        else:
            bench.store.extra("tune", f"{label}: {what}", 1e3 * seconds, "ms")
