"""Rendering fields, and differentiating them, beside plain PyTorch at its best block of points."""

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from inr.bench import baselines
from inr.bench._run import Options
from inr.bench.timing import paired
from inr.engines import render
from inr.field import Field
from inr.signals import Domain

BLOCKS = (2_048, 16_384, 131_072)  # points that plain PyTorch evaluates at once, of which the fastest counts
TURNS = 3
COLUMNS = ["work", "against", "theirs", "ours", "unit", "ratio"]
NOTES = (
    "theirs and ours are seconds, the fastest of some turns that both sides took one after the other; ratio is theirs "
    "by ours.",
    f"Plain PyTorch evaluates {', '.join(f'{block:,}' for block in BLOCKS)} points at once, whichever is fastest.",
)
FIELDS = {
    "default picture field (hash grid, ReLU 2x64)": ("hash", {"activation": "relu"}),
    "SIREN 4x256": ("siren", {"encoding": "identity", "activation": "sine", "network": "mlp:depth=4,width=256"}),
}


def rows(options: Options) -> Iterator[dict[str, Any]]:
    """Measure one field after the other."""
    signal = options.signal(16 if options.tiny else None)
    sides = {"hash": 16, "siren": 16} if options.tiny else {"hash": 2048, "siren": 768}
    for title, (baseline, parts) in FIELDS.items():
        field, plain, side = make(baseline, parts, signal.domain), baselines.METHODS[baseline]()[0], sides[baseline]
        yield rendering(title, field, plain, side, tiny=options.tiny)
        if baseline == "siren":  # a hash grid is piecewise linear: its derivatives say little
            yield derivatives(title, field, plain, 64 if options.tiny else 65_536, tiny=options.tiny)


def make(baseline: str, parts: dict[str, str], domain: Domain) -> Field:
    """A field as its baseline has it, not fitted: how fast it is evaluated does not depend on that."""
    torch.manual_seed(0)
    if baseline == "hash":
        parts = {"encoding": "hash:levels=12,log2_size=16,coarsest=16,finest=768", "network": "mlp:depth=2"} | parts
        parts["network"] += ",width=64"
    return Field.build(domain, **parts)


def rendering(title: str, field: Field, plain: torch.nn.Module, side: int, *, tiny: bool) -> dict[str, Any]:
    """Values on side x side points, coordinates included."""

    @torch.no_grad()
    def theirs(block: int) -> None:
        axis = (2 * torch.arange(side) + 1) / side - 1
        values = torch.empty(side * side, 3)
        high = max(block // side, 1)
        for first in range(0, side, high):
            y, x = torch.meshgrid(axis[first : first + high], axis, indexing="ij")
            found = plain(torch.stack([x, y], dim=2).view(-1, 2))
            values[first * side : first * side + len(found)] = found * 127.5 + 127.5

    return best_row(f"{title}, rendering {side} x {side}", theirs, lambda: render(field, (side, side)), tiny=tiny)


def derivatives(title: str, field: Field, plain: torch.nn.Module, points: int, *, tiny: bool) -> dict[str, Any]:
    """Jacobians: the gradients of all channels in the coordinates."""
    coords = torch.rand(points, 2) * 2 - 1

    def theirs(block: int) -> None:
        for part in coords.split(block):
            given = part.clone().requires_grad_()
            values = plain(given)
            gradient: list[Tensor] = [
                torch.autograd.grad(values[:, channel].sum(), given, retain_graph=True)[0] for channel in range(3)
            ]
            torch.stack(gradient, dim=1)

    return best_row(f"{title}, Jacobian at {points:,} points", theirs, lambda: field.jacobian(coords), tiny=tiny)


def best_row(work: str, theirs: Callable[[int], None], ours: Callable[[], object], *, tiny: bool) -> dict[str, Any]:
    """A row, with plain PyTorch at the block that is fastest when each is run once."""
    blocks, turns, rest = (BLOCKS[:1], 1, 0.0) if tiny else (BLOCKS, TURNS, 0.1)
    block = min(blocks, key=lambda block: seconds(functools.partial(theirs, block)))
    plain, own = paired(functools.partial(theirs, block), ours, turns, pause=rest, wake=rest)
    return {
        "work": work, "against": "plain PyTorch", "theirs": f"{plain:.4g}", "ours": f"{own:.4g}", "unit": "s",
        "ratio": f"{plain / own:.2f}",
    }  # fmt: skip


def seconds(run: Callable[[], object]) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
