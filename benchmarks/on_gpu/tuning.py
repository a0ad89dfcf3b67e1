"""Times over the sizes of the kernels' tiles."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from on_gpu import sides
from on_gpu.setting import Card, one_line
from on_gpu.steps import Bench

CASES = {
    "SIREN 5x256": ("sine", 5, 256),
    "SIREN 5x64": ("sine", 5, 64),
    "ReLU 2x64": ("relu", 2, 64),
    "WIRE 4x128": ("gabor:omega=20,scale=30", 4, 128),
}
REPEATS = 5


def tune(bench: Bench) -> None:
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
        bench.card.release()


def candidates(shape: Any, constants: dict[str, Any]) -> Iterator[dict[str, int]]:
    """What is there now, and then other choices."""
    now = {name: getattr(shape, name) for name in ("block_m", "block_n", "block_k")}
    now |= {name: constants[name] for name in ("num_warps", "num_stages")}
    yield now
    if shape.resident:
        tiles = [(m, shape.block_n, shape.block_k) for m in (128, 64, 32)]
        stages: tuple[int, ...] = (1, 2)
    else:
        widths = [n for n in (256, 128, 64) if shape.width % n == 0 and n <= shape.width]
        tiles = [(m, n, k) for m in (128, 64) for n in widths for k in (64, 32)]
        stages = (3, 2, 4)
    for (m, n, k), warps, stage in itertools.product(tiles, (8, 4), stages):
        other = {"block_m": m, "block_n": n, "block_k": k, "num_warps": warps, "num_stages": stage}
        if other != now:
            yield other


def attempt(bench: Bench, card: Card, name: str, side: sides.Ours, first: Any, chosen: dict[str, int]) -> None:
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
