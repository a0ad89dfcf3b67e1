"""MINT in the space of a kernel: the published experiment on the Lion picture, 64x64, again.

Every channel is a learner f_j with one value a pixel. An iteration shows it one pixel x* and moves it by
2 η (f*_j(x*) - f_j(x*)) k(x*, ·), with k(x, x') = exp(-(|x - x'| / 0.5)²), distances in pixels, and η = 0.01
(source: Zhang, Cao, Liu, Tsang and Kwok, "Nonparametric Teaching for Multiple Learners", NeurIPS 2023; what the paper
leaves open is as in its notebooks, github.com/chen2hang/MINT_NonparametricTeaching).

- Teachers: GFT shows each learner the pixel where it is most wrong, RFT any.
- Algorithms: `single` teaches one learner to the end, then the next; `mint` all of them in every iteration;
  `communicated` is `mint` with f replaced by A f before each of the first 100 iterations. The rows of A sum to 1; it
  is fitted by 5,000 steps of descent at most, by the function that the teacher "mint" has for it.
- Starts: `random`, uniform noise in [0, 1] of torch's seed 20; `pre-trained`, channels that are a fixed linear mix of
  the picture's own.

    python -m studies.mint_kernel --picture lion.png [--iterations 70000] [--seeds 0 1 2 3]

The picture is the notebooks' data/demo/lion.png, which is part of DIV2K: for research only, so it is not in this
repository. Writes results/mint_kernel.tsv, one row a start, algorithm and teacher, and results/mint_kernel.png, PSNR
over iterations; prints the table. It takes less than a minute of one core.

How the figures come about, and what differs:

- Start, draws of RFT, resizing (Pillow's `thumbnail`, whose Lanczos works on a picture reduced beforehand) and values
  in [0, 1] are those of the notebooks, which name their seeds. Our numbers are doubles, theirs float32.
- Published PSNR is the mean over channels of the channels' PSNR, unclipped: the function that computed it took
  channels for pictures. `psnr_dB` is the same; `whole_dB` is that of the mean squared error of all values.
- `single` and `mint` agree in every digit of the table. (`single` was read one iteration before the end.)
- `communicated` is apart, by less than 0.01 dB at the end and 0.03 dB before (`apart_dB`; `most_apart_dB` of the
  published points in between). A's descent is to end when the misfit grows. In float32, rounding makes it grow: tried
  aside, all 100 fits took 11,041 steps together from the random start, and 161,522 from the pre-trained one. In
  doubles each takes its 5,000. That trial is apart from the published figures, made on a GPU, by -0.07 to +0.01 dB. For
  RFT from the pre-trained start there is chance besides: no seed was set for those draws.
- All three algorithms had 210,000 iterations from the random start, and 90,000 from the pre-trained one. One of `mint`
  teaches three learners, one of `single` one. Learners do not see each other, so that after a third of the
  iterations, when each has had as many updates, `mint` is what `single` is at the end (`equal_updates_dB`; for RFT up
  to the draws). What is gained is the updates.
- Communication adds its part in the first 100 iterations, at the cost of fits that see the whole target. Noise of three
  channels is less when it is averaged. The pre-trained start is a linear mix, and the matrix that undoes it is the
  target at once; rows that sum to 1 reach 16.27 dB at most without teaching.
"""

import argparse
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from pathlib import Path

import numba
import numpy as np
import torch
from PIL import Image

from inr.bench import machine, tables
from inr.diagnostics import Series, Subplot, plot
from inr.teaching import communication_matrix
from studies import RESULTS

RATE = 0.01
WIDTH = 0.5
RADIUS = 3  # see `stencil`
TALKING = 100
GREEDY, NOBODY = -1, -2  # what `picks` hold besides pixels

SEED = 20  # of the published random start
MIX = np.array([[-0.17, 0.21, 0.29], [0.19, -0.33, 0.24], [0.22, 0.13, -0.25]])  # of the published pre-trained start
LEARNERS = len(MIX)

ALGORITHMS = ("single", "mint", "communicated")
TEACHERS = ("GFT", "RFT")
ALONE = {"random": 70_000, "pre-trained": 30_000}  # published iterations of a learner that is taught alone
CHECKPOINTS = {
    "random": (0, 10_000, 50_000, 100_000, 150_000, 210_000),
    "pre-trained": (0, 2_000, 10_000, 20_000, 50_000, 90_000),
}
PUBLISHED = {  # PSNR in dB at the checkpoints: outputs of the notebooks
    ("random", "single", "GFT"): (8.727, 9.156, 10.233, 11.663, 12.987, 14.487),
    ("random", "mint", "GFT"): (8.727, 10.010, 13.195, 16.265, 18.979, 21.995),
    ("random", "communicated", "GFT"): (8.727, 12.385, 15.615, 18.735, 21.499, 24.584),
    ("random", "single", "RFT"): (8.727, 8.873, 9.448, 10.167, 10.887, 11.752),
    ("random", "mint", "RFT"): (8.727, 9.164, 10.883, 13.026, 15.190, 17.757),
    ("random", "communicated", "RFT"): (8.727, 11.459, 13.201, 15.387, 17.575, 20.191),
    ("pre-trained", "single", "GFT"): (7.576, 7.645, 7.882, 8.147, 8.881, 10.069),
    ("pre-trained", "mint", "GFT"): (7.576, 7.818, 8.565, 9.355, 11.368, 13.680),
    ("pre-trained", "communicated", "GFT"): (7.576, 16.285, 17.118, 17.979, 20.189, 22.752),
    ("pre-trained", "single", "RFT"): (7.576, 7.605, 7.724, 7.873, 8.326, 8.924),
    ("pre-trained", "mint", "RFT"): (7.576, 7.664, 8.026, 8.480, 9.824, 11.620),
    ("pre-trained", "communicated", "RFT"): (7.576, 16.078, 16.443, 16.892, 18.228, 20.030),
}
TABLE = RESULTS / "mint_kernel.tsv"
EVERY = 500  # iterations between points of a curve; divides the checkpoints

Row = dict[str, object]
Curve = dict[int, float]  # PSNR in dB by iterations done


def picture(path: Path, size: int = 64) -> np.ndarray:
    """The target f*: (c, h, w) in [0, 1], no side longer than `size`."""
    with Image.open(path) as image:
        small = image.convert("RGB")
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    return np.asarray(small, dtype=np.float64).transpose(2, 0, 1) / 255


def start_of(kind: str, target: np.ndarray, seed: int) -> np.ndarray:
    """What learners begin with, as `target` (c, h, w); only `random` has a seed."""
    if kind == "random":
        return torch.rand(target.shape, generator=torch.Generator().manual_seed(seed)).double().numpy()
    return np.tensordot(MIX, target, axes=1)


def draws(iterations: int, pixels: int, seed: int) -> np.ndarray:
    """Pixels that RFT shows, for every iteration and learner: (n, c).

    As published where the seed is: anew from the iteration's number. NumPy, from which a single learner's came there,
    draws the same as torch where the number of pixels is a power of two.
    """
    generator, shape = torch.Generator(), (LEARNERS,)
    if seed != SEED:
        return torch.randint(0, pixels, (iterations, *shape), generator=generator.manual_seed(seed)).numpy()
    anew = (torch.randint(0, pixels, shape, generator=generator.manual_seed(t)) for t in range(iterations))
    return torch.stack(list(anew)).numpy()


def picks_of(algorithm: str, drawn: np.ndarray | None, iterations: int, learners: int) -> np.ndarray:
    """What every learner is shown in every iteration: (n, c) pixels, or `GREEDY`, or `NOBODY` asks it.

    Args:
        algorithm: with "single", learners have a turn of iterations / c each.
        drawn: pixels (n, c) for RFT, of which "single" takes the first column; None for GFT.
        iterations: n, a multiple of c with "single".
        learners: c.
    """
    shown = np.full((iterations, learners), GREEDY) if drawn is None else drawn[:iterations]
    if algorithm != "single":
        return np.ascontiguousarray(shown, dtype=np.int64)
    turns = np.arange(iterations) // (iterations // learners)
    return np.where(turns[:, None] == np.arange(learners), shown[:, :1], NOBODY).astype(np.int64)


def stencil(radius: int = RADIUS, width: float = WIDTH) -> np.ndarray:
    """The kernel around a pixel: (2 radius + 1, 2 radius + 1), float64.

    Four pixels away it is e⁻⁶⁴ = 1.6e-28. What 210,000 updates leave out beyond that is below 1e-24 of the error they
    correct, and doubles of the picture's size are 1e-16 apart; so `RADIUS` 3 gives what the whole kernel does.
    """
    offsets = np.arange(-radius, radius + 1)
    return np.exp(-(offsets[:, None] ** 2 + offsets**2) / width**2)


@numba.njit(nogil=True)
def teach(errors: np.ndarray, picks: np.ndarray, weights: np.ndarray, rate: float) -> None:
    """One iteration after the other, in place.

    Args:
        errors: f - f*, (c, h, w).
        picks: (n, c), see `picks_of`.
        weights: the kernel around a pixel, see `stencil`.
        rate: η.
    """
    learners, height, width = errors.shape
    radius = len(weights) // 2
    for t in range(len(picks)):
        for j in range(learners):
            pick = picks[t, j]
            if pick == NOBODY:
                continue
            if pick == GREEDY:
                largest = -1.0
                for y in range(height):
                    for x in range(width):
                        size = abs(errors[j, y, x])
                        if size > largest:
                            largest, pick = size, y * width + x
            row, column = pick // width, pick % width
            step = 2 * rate * errors[j, row, column]
            for y in range(max(row - radius, 0), min(row + radius + 1, height)):
                for x in range(max(column - radius, 0), min(column + radius + 1, width)):
                    errors[j, y, x] -= step * weights[y - row + radius, x - column + radius]


def exchanged(errors: np.ndarray, target: np.ndarray) -> np.ndarray:
    """A f - f* after communication, from f - f*; all (c, h, w)."""
    learners = len(errors)
    missed = torch.from_numpy(errors.reshape(learners, -1).T)
    known = missed + torch.from_numpy(target.reshape(learners, -1).T)
    # doubled, as that function takes values in [-1, 1]; a shift makes no difference to it
    change = communication_matrix(2 * known, 2 * missed).double() - torch.eye(learners)
    return errors + (known @ change.T).T.reshape(errors.shape).numpy()


def course(
    start: np.ndarray, target: np.ndarray, picks: np.ndarray, *, talking: int = 0, rate: float = RATE
) -> Iterator[tuple[int, np.ndarray]]:
    """Iterations done, and f - f* then (one array for all): first and last, around the talking, and every `EVERY`.

    Args:
        start: f at the beginning, (c, h, w).
        target: f*, (c, h, w).
        picks: (n, c), see `picks_of`.
        talking: in so many iterations learners communicate first.
        rate: η.
    """
    errors, weights = start - target, stencil()
    yield 0, errors
    marks = sorted({0, *(min(mark, len(picks)) for mark in (1, TALKING)), *range(0, len(picks), EVERY), len(picks)})
    for begin, end in pairwise(marks):
        for t in range(begin, min(end, talking)):
            errors = exchanged(errors, target)
            teach(errors, picks[t : t + 1], weights, rate)
        teach(errors, picks[max(begin, talking) : end], weights, rate)
        yield end, errors


def psnr(errors: np.ndarray) -> float:
    """As published: the mean over channels of the PSNR of each, in dB, of errors (c, h, w) at values in [0, 1]."""
    return float(np.mean(-10 * np.log10(np.square(errors).mean(axis=(1, 2)))))


def run(
    variant: tuple[str, str, str], target: np.ndarray, seed: int, drawn: np.ndarray, iterations: int
) -> tuple[Curve, np.ndarray]:
    """PSNR over iterations, and what is missed at the end, of a start, an algorithm and a teacher."""
    kind, algorithm, teacher = variant
    picks = picks_of(algorithm, drawn if teacher == "RFT" else None, iterations, len(target))
    talking = TALKING if algorithm == "communicated" else 0
    curve = {}
    for done, errors in course(start_of(kind, target, seed), target, picks, talking=talking):
        curve[done] = psnr(errors)
    return curve, errors


def described(variant: tuple[str, str, str], curve: Curve, errors: np.ndarray, others: Sequence[float]) -> Row:
    """A row of the table; figures are published for the published number of iterations only."""
    kind, algorithm, teacher = variant
    iterations = max(curve)
    alone = iterations if algorithm == "single" else iterations // LEARNERS
    row: Row = {
        "start": kind,
        "algorithm": algorithm,
        "teacher": teacher,
        "iterations": iterations,
        "psnr_dB": f"{curve[iterations]:.3f}",
        "whole_dB": f"{-10 * math.log10(np.square(errors).mean()):.3f}",
        "equal_updates_dB": f"{curve[alone]:.3f}" if alone in curve else "",
    }
    if len(others) > 1:
        row["other_seeds_dB"] = f"{statistics.fmean(others):.3f} ± {statistics.stdev(others):.3f}"
    if iterations == CHECKPOINTS[kind][-1]:
        apart = [curve[t] - known for t, known in zip(CHECKPOINTS[kind], PUBLISHED[variant], strict=True)]
        row["published_dB"] = f"{PUBLISHED[variant][-1]:.3f}"
        row["apart_dB"] = f"{apart[-1]:z.3f}"
        row["most_apart_dB"] = f"{max(apart, key=abs):z.3f}"
    return row


COLUMNS = [
    "start", "algorithm", "teacher", "iterations", "psnr_dB", "published_dB", "apart_dB", "most_apart_dB",
    "equal_updates_dB", "whole_dB", "other_seeds_dB", "seconds",
]  # fmt: skip


def measured(target: np.ndarray, iterations: int, seeds: Sequence[int]) -> Iterator[tuple[Row, Curve]]:
    """Every variant's row and curve."""
    pixels = target[0].size
    lengths = {kind: LEARNERS * iterations * alone // ALONE["random"] for kind, alone in ALONE.items()}
    lengths = {kind: max(length // LEARNERS, 1) * LEARNERS for kind, length in lengths.items()}
    drawn = {seed: draws(max(lengths.values()), pixels, seed) for seed in dict.fromkeys([SEED, *seeds])}
    teach(np.zeros((1, 1, 1)), np.zeros((1, 1), dtype=np.int64), stencil(), RATE)  # compiled before the clock starts
    communication_matrix(torch.zeros(1, 1), torch.zeros(1, 1))
    for variant in product(ALONE, ALGORITHMS, TEACHERS):
        kind, _, teacher = variant
        start = time.perf_counter()
        curve, errors = run(variant, target, SEED, drawn[SEED], lengths[kind])
        seconds = time.perf_counter() - start
        chance = kind == "random" or teacher == "RFT"
        others = [run(variant, target, seed, drawn[seed], lengths[kind])[0][lengths[kind]] for seed in seeds if chance]
        yield described(variant, curve, errors, others) | {"seconds": f"{seconds:.1f}"}, curve


COLOURS = {"single": "#1d5bd6", "mint": "#d9480f", "communicated": "#238636"}
NAMES = {"single": "one at a time", "mint": "MINT", "communicated": "communicated MINT"}


def draw(curves: dict[tuple[str, str, str], Curve], path: Path) -> None:
    """PSNR over iterations, a plot for every start, RFT dashed; dots are what was published."""
    subplots = []
    for kind in ALONE:
        of_kind = {variant: curve for variant, curve in curves.items() if variant[0] == kind}
        end = max(max(curve) for curve in of_kind.values())
        drawn = [
            Series(
                f"{NAMES[algorithm]}, {teacher}", np.array(sorted(curve)) / 1000, [curve[t] for t in sorted(curve)],
                "line" if teacher == "GFT" else "dashed", COLOURS[algorithm], 1.8,
            )
            for (_, algorithm, teacher), curve in of_kind.items()
        ]  # fmt: skip
        if end == CHECKPOINTS[kind][-1]:
            moments = np.array(CHECKPOINTS[kind]) / 1000
            drawn += [Series("", moments, PUBLISHED[variant], "points", "#1c2028", 2) for variant in of_kind]
        subplots.append(Subplot(f"{kind} start", drawn))
    plot(
        subplots, path, title="MINT on the Lion, 64x64; dots are published figures", x_label="thousands of iterations",
        y_label="PSNR, dB", size=(5.2, 3.8), labels="ends", force=True,
    )  # fmt: skip


def main() -> None:
    """Measure, print and keep the table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, required=True, help="the Lion, 512x512")
    parser.add_argument(
        "--iterations", type=int, default=ALONE["random"], metavar="N",
        help="of a learner that is taught alone from the random start; 3/7 of them from the pre-trained start",
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3], help="of more random starts and draws")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows, curves = [], {}
    for row, curve in measured(picture(options.picture), options.iterations, options.seeds):
        rows.append(row)
        curves[row["start"], row["algorithm"], row["teacher"]] = curve
        print(row, flush=True)
    tables.write(TABLE, COLUMNS, rows, f"{machine.describe()}; seeds {SEED}, as published, and {options.seeds}")
    draw(curves, TABLE.with_suffix(".png"))
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
