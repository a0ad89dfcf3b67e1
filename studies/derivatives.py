"""Steps of losses that read derivatives: the engine `cpu` beside what one would write in PyTorch, in one run.

SIREN's four terms of a signed distance (`eikonal`: values, normals and the lengths of gradients, half of the points on
the surface) and a Laplacian matched to a target (`laplacian`), for sine networks of three hidden layers. A step is the
loss and the gradients of all weights. What is compared takes turns, and the least time of many repeats counts:

- `double`: gradients by automatic differentiation, differentiated again.
- `over`: for Laplacians, `torch.func`'s forward mode over reverse mode.
- `planes`: derivatives walking forward beside the values (forward Laplacian), in plain PyTorch.
- `eager`: this package's reference.
- `cpu`, `cpu_float32`: the engine as it is chosen, and with float32 products on the way back.

In µs a point, each at the best of several batch sizes; `times` is the best of PyTorch's first two over `cpu`. They say
something only on a machine that does nothing else.

    python -m studies.derivatives [--threads 2] [--seconds 3] [--only eikonal] [--widths 64 256]

Writes results/derivatives.tsv.
"""

import argparse
import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

import inr
from inr.bench import machine, tables
from inr.engines import Batch, PointSet, Term
from inr.engines import plan as choose
from inr.field import Jet, Reads, laplace
from studies import RESULTS

TABLE = RESULTS / "derivatives.tsv"
CELL = ["loss", "axes", "width"]
TORCH = ["double", "over", "planes"]
ENGINES = {"eager": "eager", "cpu": "cpu", "cpu_float32": "cpu:backward=float32"}
COLUMNS = [*CELL, *TORCH, *ENGINES, "times"]
SIZES = (512, 2_048, 8_192)
BATCH = Batch(torch.arange(1))
OMEGA = 30.0
NORMAL = ("nx", "ny", "nz")


def length(ops: Any, vector: Any) -> Any:
    """Of a gradient."""
    return ops.root(sum(each * each for each in vector))


def on_surface(ops: Any, at: Any) -> Any:
    """SIREN's terms of points on the surface, in the mean over all points, of which they are half."""
    slope = at.first[0]
    norm = length(ops, slope)
    along = sum(each * at.data[name] for each, name in zip(slope, at.data, strict=True))
    return 3000 * ops.abs(at.values[0]) + 100 * (1 - along * ops.reciprocal(norm)) + 50 * ops.abs(norm - 1)


def elsewhere(ops: Any, at: Any) -> Any:
    """SIREN's terms of points off the surface."""
    return 100 * ops.exp(-100 * ops.abs(at.values[0])) + 50 * ops.abs(length(ops, at.first[0]) - 1)


def matched(ops: Any, at: Any) -> Any:
    """The squared error of a Laplacian."""
    return (at.second[0][0] - at.data["target"]) ** 2


class Loss:
    """A loss by terms at given points; `coords` (n, d) and `data` (n, k) hold the sets one after the other."""

    terms: Sequence[Term]

    def __init__(self, name: str, axes: int, count: int) -> None:
        every = tuple(range(axes))
        self.coords, self.data = torch.rand(count, axes) * 2 - 1, torch.randn(count, axes)
        self.data /= self.data.norm(dim=1, keepdim=True)
        if name == "eikonal":
            self.derivative_order = 1
            half = count // 2
            self.terms = (
                Term("on", Reads(every), on_surface, NORMAL[:axes], weight=0.5),
                Term("off", Reads(every), elsewhere, weight=0.5),
            )
            self._sets = [
                PointSet(self.coords[:half], self.data[:half]), PointSet(self.coords[half:], self.data[half:, :0])
            ]  # fmt: skip
        else:
            self.derivative_order = 2
            self.data = self.data[:, :1]
            self.terms = (Term("laplacian", Reads((), (laplace(axes),)), matched, ("target",)),)
            self._sets = [PointSet(self.coords, self.data)]

    def points(self, batch: Batch) -> Sequence[PointSet]:
        """The points, the same in every step."""
        return self._sets

    def in_torch(self, jet: Jet) -> Tensor:
        """The loss as one would write it."""
        if self.derivative_order == 2:
            return (jet.second[:, 0, 0] - self.data[:, 0]).square().mean()
        half = len(self._sets[0].coords)
        values, slopes = jet.values[:, 0], jet.first[:, 0]
        norms = slopes.norm(dim=1)
        cosines = torch.nn.functional.cosine_similarity(slopes[:half], self.data[:half], dim=1)
        on = 3000 * values[:half].abs().mean() + 100 * (1 - cosines).mean()
        off = 100 * torch.exp(-100 * values[half:].abs()).mean()
        return (on + off) / 2 + 50 * (norms - 1).abs().mean()


def network(layers: list[Tensor], coords: Tensor) -> Tensor:
    """A sine network of weights and biases by turns."""
    hidden = coords
    for weight, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        hidden = torch.sin(OMEGA * torch.nn.functional.linear(hidden, weight, bias))
    return torch.nn.functional.linear(hidden, layers[-2], layers[-1])


def double(layers: list[Tensor], coords: Tensor, order: int) -> Jet:
    """By automatic differentiation of automatic differentiation."""
    coords = coords.detach().requires_grad_(True)
    values = network(layers, coords)
    (slopes,) = torch.autograd.grad(values.sum(), coords, create_graph=True)
    if order == 1:
        return Jet(values, slopes[:, None], values[:, :, None])
    rows = (torch.autograd.grad(column.sum(), coords, create_graph=True)[0] for column in slopes.unbind(1))
    curved = torch.stack([row[:, axis] for axis, row in enumerate(rows)]).sum(0)
    return Jet(values, slopes[:, None], curved[:, None, None])


def over(layers: list[Tensor], coords: Tensor, order: int) -> Jet:
    """Forward mode over reverse mode, an axis after the other."""

    def slopes_of(points: Tensor) -> Tensor:
        return torch.func.vjp(lambda each: network(layers, each)[:, 0], points)[1](torch.ones(len(points)))[0]

    curved = torch.zeros(len(coords))
    for axis in range(coords.shape[1]):
        along = torch.zeros_like(coords)
        along[:, axis] = 1
        curved = curved + torch.func.jvp(slopes_of, (coords,), (along,))[1][:, axis]
    return Jet(curved[:, None], coords[:, None], curved[:, None, None])


def planes(layers: list[Tensor], coords: Tensor, order: int) -> Jet:
    """Values, first derivatives and, for order 2, the Laplacian, as rows of one batch."""
    count, axes = coords.shape
    unit = torch.eye(axes)[:, None].expand(axes, count, axes)
    hidden = torch.cat([coords[None], unit, coords.new_zeros((order - 1, count, axes))])
    for weight, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        z = OMEGA * torch.nn.functional.linear(hidden, weight)
        phase = z[0] + OMEGA * bias
        sine, cosine = torch.sin(phase), torch.cos(phase)
        parts = [sine[None], cosine * z[1 : 1 + axes]]
        if order == 2:
            parts.append((cosine * z[-1] - sine * z[1 : 1 + axes].square().sum(0))[None])
        hidden = torch.cat(parts)
    found = torch.nn.functional.linear(hidden, layers[-2])
    return Jet(found[0] + layers[-1], found[1 : 1 + axes, :, 0].T[:, None], found[-1][:, :, None])


def field(axes: int, width: int) -> inr.Field:
    """A SIREN of three hidden layers."""
    torch.manual_seed(0)
    samples = np.zeros((*[2] * axes, 1), np.float32)
    domain = inr.Signal.from_array(samples, kind="volume", channels_last=True).domain
    parts = {"activation": f"sine:omega={OMEGA}", "network": f"mlp:depth=3,width={width}"}
    return inr.Field.build(domain, encoding="identity", **parts)


def contestants(loss: Loss, made: inr.Field, threads: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is compared, by name: each a function that makes a step."""
    layers = [parameter for _, parameter in made.network.named_parameters()]
    for method in (double, over, planes):
        if method is over and loss.derivative_order == 1:
            continue

        def step(method: Callable[..., Jet] = method) -> Any:
            total = loss.in_torch(method(layers, loss.coords, loss.derivative_order))
            return torch.autograd.grad(total, layers, allow_unused=True)

        yield method.__name__, step
    tensors = dict(made.named_parameters())
    for name, engine in ENGINES.items():
        options = f"{':' if ':' not in engine else ','}threads={threads}" if engine != "eager" else ""
        ready = choose(made, loss, engine + options)[1]
        ready.prepare()
        yield name, functools.partial(ready.loss_and_grad, tensors, BATCH)


def measured(name: str, axes: int, width: int, threads: int, seconds: float) -> tables.Row:
    """A row of the table."""
    made = field(axes, width)
    runs: list[tuple[str, int, Callable[[], Any]]] = []
    for count in SIZES:
        loss = Loss(name, axes, count)
        runs += [(each, count, step) for each, step in contestants(loss, made, threads)]
    least = {(each, count): math.inf for each, count, _ in runs}
    end = time.perf_counter() + seconds * len(runs)
    while time.perf_counter() < end:
        for each, count, step in runs:
            step()  # in a fit, steps follow steps: threads of another contestant's still spin here
            before = time.perf_counter()
            step()
            least[each, count] = min(least[each, count], (time.perf_counter() - before) / count)
    best = {each: min(spent for (other, _), spent in least.items() if other == each) for each, _, _ in runs}
    row = {"loss": name, "axes": str(axes), "width": str(width)}
    row |= {each: f"{1e6 * best[each]:.2f}" if each in best else "" for each in (*TORCH, *ENGINES)}
    fastest = min(best[each] for each in ("double", "over") if each in best)
    return row | {"times": f"{fastest / best['cpu']:.1f}"}


def main() -> None:
    """Measure all cells, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of PyTorch and of the engine")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each size of each contestant")
    parser.add_argument("--only", choices=("eikonal", "laplacian"), help="this loss alone")
    parser.add_argument("--axes", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 128, 256])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    about = f"{machine.describe()}; on {options.threads} threads"
    print(about, flush=True)
    rows = {tuple(row[name] for name in CELL): row for row in tables.read(TABLE)}
    for name in ("eikonal", "laplacian") if options.only is None else (options.only,):
        for axes in options.axes:
            for width in options.widths:
                row = measured(name, axes, width, options.threads, options.seconds)
                print(row, flush=True)
                rows[tuple(row[name] for name in CELL)] = row
                tables.write(TABLE, COLUMNS, list(rows.values()), about)


if __name__ == "__main__":
    main()
