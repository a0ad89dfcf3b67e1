"""The published comparison of simple and complex positional encodings, and the closed form, side by side in one run.

Of a picture of 512 x 512 pixels, those with even row and column are learned from, 256 x 256, and all others are
predicted (source: Zheng, Ramasinghe, Li and Lucey, "Trading Positional Complexity vs. Deepness in Coordinate Networks",
ECCV 2022, and its notebook). Parameters are the authors' for photographs on regular grids:

- `simple`: Fourier features of x and of y side by side, 256 each, σ = 14 cycles, read by 4 ReLU layers of 256 units;
  Adam at 5e-3, 2,000 steps of the whole picture.
- `complex`: a weight for every product of 256 gaussians of x and 256 of y, σ = 0.004; Adam at 1e-1, 2,000 steps of the
  whole picture, as Φ_x W Φ_yᵀ.
- `closed`: the same product with σ = 0.0025, solved.
- `hats`: solved, with triangles of half-width 1/256.

    python -m studies.closed_form [--data FILE|DIR …] [--steps 2000] [--methods simple complex closed hats]

Without --data the picture is scikit-image's `camera`; others are cropped to the middle 512 x 512. Each row of
results/closed_form.tsv, one a picture, method and number of steps, is kept as it ends and not made again;
results/closed_form.md is written from all. Two thousand steps of `simple` are an hour or two of two cores.

Seconds are those of learning: from normalised samples to weights. PSNR is of unclipped predictions: of all pixels that
were not learned from (`rest`), of those with odd row and column, the farthest from them (`odd`), and of those learned
from (`seen`). The published figures are one picture's and a GPU's, which the notebook does not name. Values lie in
[-1, 1] as everywhere in inr, the authors' in [0, 1]: what Gaussian bumps leave open between samples is grey, not black.
"""

import argparse
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

import inr
from inr.activations import Linear
from inr.bench import machine
from inr.bench.tables import Row, append, markdown, origin, read
from inr.encodings import basis
from inr.fitting import solved
from inr.networks import Kronecker
from studies import RESULTS
from studies.metrics import psnr

SIZE = 512
COUNT = 256  # functions an axis
PUBLISHED = {"simple": (21.95, 19.3), "complex": (23.67, 0.45), "closed": (23.63, 0.021)}  # dB and seconds: notebook
COLUMNS = ["picture", "method", "steps", "seconds", "rest_dB", "odd_dB", "seen_dB", "published_dB", "published_s"]
TABLE = RESULTS / "closed_form.tsv"

OnGrid = Callable[[Tensor], Tensor]  # coordinates of both axes to values (n, n, c), x first
Learned = tuple[OnGrid, float]  # and the seconds that learning took


def pictures(given: list[Path]) -> Iterator[tuple[str, np.ndarray]]:
    """Names and samples (512, 512, c), uint8."""
    if not given:
        yield "camera", skimage.data.camera()[..., None]
    for path in itertools.chain(*(sorted(each.glob("*.png")) if each.is_dir() else [each] for each in given)):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        top, left = ((side - SIZE) // 2 for side in pixels.shape[:2])
        if min(top, left) < 0:
            raise SystemExit(f"{path} is smaller than {SIZE} x {SIZE}")
        yield path.stem, pixels[top : top + SIZE, left : left + SIZE]


def by_steps(model: nn.Module, run: Callable[[], Tensor], target: Tensor, rate: float, steps: int) -> float:
    """Adam on the mean squared error of all samples; seconds."""
    optimiser = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=1e-8)
    begin = time.perf_counter()
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        F.mse_loss(run(), target).backward()
        optimiser.step()
    return time.perf_counter() - begin


def simple(signal: inr.Signal, seen: Tensor, steps: int) -> Learned:
    """Embeddings side by side, and a deep network."""
    embeddings = [basis("rff", COUNT, sigma=14.0) for _ in range(2)]
    widths = [2 * COUNT, *[256] * 4]
    layers = itertools.chain(*((nn.Linear(*pair), nn.ReLU()) for pair in itertools.pairwise(widths)))
    model = nn.Sequential(*layers, nn.Linear(256, signal.channels))

    def features(axis: Tensor) -> Tensor:
        x, y = (each((axis + 1) / 2) for each in embeddings)
        pairs = x[:, None].expand(-1, len(axis), -1), y[None].expand(len(axis), -1, -1)
        return torch.cat(pairs, dim=-1).flatten(0, 1) * math.sqrt(COUNT / 2)  # sines and cosines as they are

    known, target = features(seen), values(signal).flatten(0, 1)
    seconds = by_steps(model, lambda: model(known), target, 5e-3, steps)
    return lambda axis: model(features(axis)).unflatten(0, (len(axis), len(axis))), seconds


def complex_(signal: inr.Signal, seen: Tensor, steps: int) -> Learned:
    """A weight for every product, learned by steps."""
    network = Kronecker(2, signal.channels, Linear(), size=COUNT, spread=0.004 * COUNT)
    features = [network.embed(axis, seen) for axis in range(2)]
    target = values(signal)
    run = lambda: torch.einsum("xk,klc,yl->xyc", features[0], network.weight, features[1])  # noqa: E731
    seconds = by_steps(network, run, target, 1e-1, steps)
    return lambda axis: network.on_grid([axis, axis]), seconds


def closed(signal: inr.Signal, seen: Tensor, steps: int, *, parameters: str = "spread=0.64") -> Learned:
    """The same, solved; the median of five times."""
    spans = []
    for _ in range(5):
        begin = time.perf_counter()
        field = solved(signal, network=f"kronecker:size={COUNT},{parameters}")
        spans.append(time.perf_counter() - begin)
    return lambda axis: field.network.on_grid([axis, axis]), statistics.median(spans)


def hats(signal: inr.Signal, seen: Tensor, steps: int) -> Learned:
    """The same with piecewise linear functions."""
    return closed(signal, seen, steps, parameters="basis=triangle,spread=1")


METHODS = {"simple": simple, "complex": complex_, "closed": closed, "hats": hats}


def values(signal: inr.Signal) -> Tensor:
    """Normalised samples (x, y, c)."""
    return signal.values(torch.arange(signal.size)).unflatten(0, signal.array.shape[:-1]).transpose(0, 1)


@torch.no_grad()
def scores(on_grid: OnGrid, pixels: np.ndarray) -> dict[str, float]:
    """PSNR in dB on the pixels of each kind; those with even indices are cells of [-1, 1], the others lie between."""
    axis = torch.arange(SIZE, dtype=torch.float32) / (SIZE / 2) + 2 / SIZE - 1
    guessed, truth = on_grid(axis).transpose(0, 1).numpy(), pixels / 127.5 - 1
    rest = np.ones((SIZE, SIZE), bool)
    rest[::2, ::2] = False
    odd, seen = (slice(1, None, 2),) * 2, (slice(None, None, 2),) * 2
    return {f"{name}_dB": psnr(truth[part], guessed[part], 2) for name, part in
            (("rest", rest), ("odd", odd), ("seen", seen))}  # fmt: skip


def measured(name: str, pixels: np.ndarray, method: str, steps: int, seed: int) -> dict[str, object]:
    """One row of the table."""
    signal = inr.Signal.from_array(np.ascontiguousarray(pixels[::2, ::2]), kind="image", channels_last=True)
    seen = (2 * torch.arange(SIZE // 2, dtype=torch.float32) + 1) / (SIZE // 2) - 1
    torch.manual_seed(seed)
    on_grid, seconds = METHODS[method](signal, seen, steps)
    decibels, span = PUBLISHED.get(method, ("", ""))
    return {
        "picture": name, "method": method, "steps": steps,
        "seconds": f"{seconds:.4g}", **{key: f"{value:.2f}" for key, value in scores(on_grid, pixels).items()},
        "published_dB": decibels, "published_s": span,
    }  # fmt: skip


def report(rows: list[Row], machines: str) -> str:
    """Means over the pictures, a line a method and number of steps."""
    names = list(dict.fromkeys(row["picture"] for row in rows))
    head = ["method", "steps", "seconds", "rest, dB", "odd, dB", "seen, dB", "published, 2,000 steps"]
    lines = []
    for method, steps in sorted(
        {(row["method"], int(row["steps"])) for row in rows}, key=lambda key: (list(METHODS).index(key[0]), key[1])
    ):
        own = [row for row in rows if (row["method"], int(row["steps"])) == (method, steps)]
        means = [statistics.fmean(float(row[key]) for row in own) for key in COLUMNS[3:7]]
        told = "{} dB in {} s".format(*PUBLISHED[method]) if method in PUBLISHED else ""
        lines.append(
            [method, f"{steps:,}" if steps else "", f"{means[0]:.3g}", *(f"{mean:.2f}" for mean in means[1:]), told]
        )
    told = f"Means over {len(names)}: {', '.join(names)}." if names[1:] else f"{names[0]}."
    return "\n".join([f"{machines}.", "", told, "", *markdown(head, lines)])


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="pictures, or folders of PNG files")
    parser.add_argument("--steps", type=int, default=2000, help="of the methods that take steps")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args()
    comment = machine.describe()
    for name, pixels in pictures(options.data):
        for method in options.methods:
            steps = options.steps if method in ("simple", "complex") else 0
            done = {(row["picture"], row["method"], row["steps"]) for row in read(options.out)}
            if (name, method, str(steps)) not in done:
                append(options.out, COLUMNS, measured(name, pixels, method, steps, options.seed), comment)
    text = report(read(options.out), origin(options.out))
    options.out.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
