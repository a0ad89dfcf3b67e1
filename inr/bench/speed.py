"""Training steps of the engine `cpu` beside plain PyTorch, eager and compiled, and beside what the machine can do."""

import functools
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inr.bench import baselines
from inr.bench._run import Options
from inr.bench.flops import learning_flops
from inr.bench.timing import paired
from inr.engines import grid_encode
from inr.field import Field
from inr.fitting import Budget, make_fitter
from inr.jit import roofline
from inr.jit.vector import DOT_PRODUCTS
from inr.signals import GridSignal, Signal

COLUMNS = ["work", "against", "theirs", "ours", "unit", "ratio", "limit", "share_of_limit"]
NOTES = (
    "theirs and ours are times, the fastest of some turns that both sides took one after the other; ratio is theirs "
    "by ours.",
    "Plain PyTorch is float32 as it is written without tricks, on all cores; compiled is the same by torch.compile, "
    "where there is a C++ compiler.",
    "limit names what of the machine binds a row, and share_of_limit is the time that the work would take at the "
    "measured rates of the limit, by the time that it took.",
)
Row = dict[str, Any]


@dataclass(frozen=True)
class Sizes:
    """How large the work is.

    Attributes:
        side: Of the square picture whose pixels are one batch of a network.
        width: The most units of a layer.
        batch: Points of a step with a hash grid.
        turns: Of both sides, of which the fastest counts.
        pause, wake: Seconds before a turn, see `paired`.
        compiler: Whether plain PyTorch is also measured compiled.
        limits: Whether the limits of the machine are measured, each for half a second and more.
    """

    side: int = 256
    width: int = 256
    batch: int = 16_384
    turns: int = 3
    pause: float = 0.1
    wake: float = 0.2
    compiler: bool = True
    limits: bool = True

    def paired(
        self, theirs: Callable[[], Any], ours: Callable[[], Any], runs: tuple[int, int] = (1, 1)
    ) -> tuple[float, float]:
        """Seconds of a run of each side."""
        return paired(theirs, ours, self.turns, runs, pause=self.pause, wake=self.wake)


TINY = Sizes(side=12, width=16, batch=64, turns=1, pause=0, wake=0, compiler=False, limits=False)
# name: title, activation, depth, width, precision of the backward products, runs of a turn
NETWORKS = {
    "siren": ("SIREN 5x256", "sine", 5, 256, "float32", 1),
    "siren16": ("SIREN 5x256, bfloat16 products back", "sine", 5, 256, "bfloat16", 1),
    "siren64": ("SIREN 3x64", "sine", 3, 64, "float32", 5),
    "siren32": ("SIREN 3x32", "sine", 3, 32, "float32", 10),
    "wire": ("WIRE 3x181 complex", "gabor:omega=20,scale=30", 3, 181, "float32", 1),
}
SHORT = ("siren", "siren16", "siren64", "wire")  # networks of `inr bench`


def rows(options: Options) -> Iterator[Row]:
    """Measure one row after the other."""
    sizes = TINY if options.tiny else Sizes()
    signal = options.signal(sizes.side if options.tiny else None)
    if sizes.limits:
        yield from limit_rows()
    yield from network_rows(sizes, SHORT)
    yield from loop_rows(sizes, signal)


def row(work: str, against: str, theirs: float, ours: float, unit: str = "s", **limit: Any) -> Row:
    """One row of the table; shorter is better."""
    return {
        "work": work, "against": against, "theirs": f"{theirs:.4g}", "ours": f"{ours:.4g}", "unit": unit,
        "ratio": f"{theirs / ours:.2f}", **limit,
    }  # fmt: skip


def limit_rows() -> Iterator[Row]:
    """What the machine can do."""
    threads = torch.get_num_threads()
    for number in ("float32", "bfloat16") if DOT_PRODUCTS else ("float32",):
        yield {"work": f"limit: {number} matrix products", "ours": f"{peak(number):.0f}", "unit": "GFLOP/s"}
    yield {"work": "limit: reading memory in order", "ours": f"{roofline.bandwidth(threads):.1f}", "unit": "GB/s"}
    for size in (2, 512, 16_384):
        yield {
            "work": f"limit: reading rows of 8 bytes at random from {size:,} KiB",
            "ours": f"{roofline.gathers(threads, size * 128):.0f}", "unit": "M/s",
        }  # fmt: skip


_highest: dict[str, float] = {}


def peak(number: str = "float32") -> float:
    """The most GFLOP/s of matrix products that torch or the engine has reached so far, with numbers of a type.

    It is measured again each time, for a machine that does other things besides reaches its peak only now and then.
    """
    dtype = getattr(torch, number)
    found = [roofline.products(torch.get_num_threads(), number)]
    for rows_, inner, columns in ((2048, 512, 512), (2048, 2048, 2048)):
        a, b = torch.randn(rows_, inner, dtype=dtype), torch.randn(inner, columns, dtype=dtype)
        seconds = roofline.fastest(functools.partial(torch.mm, a, b, out=torch.empty(rows_, columns, dtype=dtype)))
        found.append(2e-9 * rows_ * inner * columns / seconds)
    _highest[number] = max(_highest.get(number, 0.0), *found)
    return _highest[number]


def waves(side: int) -> GridSignal:
    """A smooth picture of side x side pixels, which any method can learn from."""
    x = torch.linspace(0, 6, side)
    colours = torch.stack([torch.sin(x[:, None] * k + x[None] * (3 - k)) for k in (1, 2, 3)], dim=2)
    return Signal.from_array(((colours + 1) * 127).to(torch.uint8).numpy(), kind="image")


def network_rows(sizes: Sizes, names: Collection[str]) -> Iterator[Row]:
    """Steps of whole networks, all pixels at once: forward, backward and Adam."""
    signal = waves(sizes.side)
    everything = torch.arange(signal.size)
    coords, target = signal.coords(everything), signal.values(everything)
    for name in names:
        title, activation, depth, full, number, runs = NETWORKS[name]
        if number == "bfloat16" and not DOT_PRODUCTS:
            title += ", imitated: this processor has none"
        width = min(full, sizes.width)
        method = baselines.wire(depth - 1, width) if name == "wire" else baselines.siren(width, depth - 1)
        fitter = make_fitter(
            signal, encoding="identity", activation=activation, network=f"mlp:depth={depth},width={width}",
            batch=signal.size,
            lattice_only=True, budget=Budget(steps=100_000), schedule="constant", engine=f"cpu:backward={number}",
        )  # fmt: skip
        events = fitter.run()
        next(events)
        flops = learning_flops(fitter.field.network) * signal.size
        for against, plain in sides(sizes, method, coords, target, compiled=name == "siren"):
            theirs, ours = sizes.paired(plain, functools.partial(next, events), (runs, 2 * runs))
            limit: Row = {}
            if sizes.limits:
                share = products_seconds(flops, number) / ours
                limit = {"limit": f"products ({number})", "share_of_limit": f"{share:.2f}"}
            yield row(f"{title}, {signal.size:,} points, training step", against, theirs, ours, **limit)


def products_seconds(flops: float, backward: str) -> float:
    """Seconds that the products of a step take at the peak, those of the backward pass with numbers of a type."""
    top = peak()
    if backward != "float32" and DOT_PRODUCTS:
        top = roofline.of_training(top, peak(backward))
    return 1e-9 * flops / top


def sides(
    sizes: Sizes, method: baselines.Method, coords: Tensor, target: Tensor, *, compiled: bool
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Steps of a plain model on a whole batch, as it is and compiled."""
    model, optimiser, _ = method
    yield "plain PyTorch", plain_step(model, optimiser, coords, target)
    if compiled and sizes.compiler and compiler():
        torch._dynamo.reset()
        step = plain_step(torch.compile(model), optimiser, coords, target)
        step()
        yield "plain PyTorch, compiled", step


def plain_step(
    model: Callable[[Tensor], Tensor], optimiser: torch.optim.Optimizer, coords: Tensor, target: Tensor
) -> Callable[[], None]:
    """A training step on a whole batch."""

    def step() -> None:
        optimiser.zero_grad()
        (model(coords) - target).square().mean().backward()
        optimiser.step()

    return step


def compiler() -> bool:
    """Whether there is a C++ compiler, which torch.compile needs on a processor."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++"))


def rows_seconds(levels: Collection[Any], in_dim: int) -> float:
    """What reading the rows of all corners of a point takes, each level's at the rate of a table of its size."""
    threads, corners = torch.get_num_threads(), 2**in_dim
    return sum(corners / (1e6 * roofline.gathers(threads, level.entries)) for level in levels)


def loop_rows(sizes: Sizes, signal: GridSignal) -> Iterator[Row]:
    """A hash grid by itself, and the whole loop of the default picture fit."""
    from inr.encodings import HashGrid

    coords = signal.coords(torch.randint(signal.size, (sizes.batch,)))
    plain, given = baselines.HashGrid(12, 16, 16, 768), torch.randn(sizes.batch, 24)
    encoding = HashGrid(2, levels=12, log2_size=16, coarsest=16, finest=768)

    def gathers() -> None:
        plain.zero_grad()
        plain(coords).backward(given)

    def kernels() -> None:
        encoding.table.grad = None
        grid_encode(encoding, coords).backward(given)

    theirs, ours = sizes.paired(gathers, kernels, (3, 30))
    limit: Row = {}
    if sizes.limits:
        needed = 2 * rows_seconds(encoding.levels, 2) * sizes.batch  # read, and added to
        limit = {"limit": "random rows", "share_of_limit": f"{needed / ours:.2f}"}
    work = f"hash grid 2-D, 12 levels, {sizes.batch:,} points, forward + backward"
    yield row(work, "torch gathers", 1e3 * theirs, 1e3 * ours, "ms", **limit)
    yield default_loop_row(sizes, signal)


def default_loop_row(sizes: Sizes, signal: GridSignal) -> Row:
    """The default picture fit, whole loop, in nanoseconds a point."""
    model, optimiser, _ = baselines.hash_grid()
    everything = torch.arange(signal.size)
    coords, target = signal.coords(everything), signal.values(everything)

    def plain() -> None:
        batch = torch.randint(signal.size, (sizes.batch,))
        optimiser.zero_grad()
        (model(coords[batch]) - target[batch]).square().mean().backward()
        optimiser.step()

    options: dict[str, Any] = {"batch": sizes.batch} if sizes == TINY else {}
    fitter = make_fitter(signal, budget=Budget(steps=100_000), lattice_only=True, **options)
    events = fitter.run()
    next(events)
    theirs, ours = sizes.paired(plain, lambda: next(events), (4, 30))
    limit: Row = {}
    if sizes.limits:
        names = "products, random rows, Adam's numbers"
        limit = {"limit": names, "share_of_limit": f"{loop_seconds(fitter.field, sizes.batch) / ours:.2f}"}
    nanoseconds = 1e9 / sizes.batch
    return row(
        "default picture fit, whole loop", "the same in plain PyTorch", theirs * nanoseconds, ours * nanoseconds,
        "ns a point", **limit,
    )  # fmt: skip


def loop_seconds(field: Field, batch: int) -> float:
    """Seconds that a step of a hash grid and a network takes at the limits: products, random rows, Adam's numbers."""
    encoding: Any = field.encoding
    products = 1e-9 * batch * learning_flops(field.network) / peak()
    rows = 2 * batch * rows_seconds(encoding.levels, encoding.in_dim)
    traffic = 7 * 4 * field.parameter_count  # Adam reads four numbers a parameter, and writes three
    return products + rows + 1e-9 * traffic / roofline.bandwidth(torch.get_num_threads(), traffic)
