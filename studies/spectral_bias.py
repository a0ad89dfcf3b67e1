"""What coordinate networks learn first, and what an encoding changes: figures of Rahaman et al. and Lazzari and Liu.

Rahaman et al., On the spectral bias of neural networks, ICML 2019: a ReLU network on bare coordinates learns the waves
of a sum in the order of their frequencies. Lazzari and Liu, Understanding the spectral bias of coordinate based MLPs
via training dynamics, arXiv 2301.05816: on bare coordinates there are few activation regions, patterns of neighbours
differ in few units, units die, gradients of neighbours come to oppose each other, and the weights' norm grows; with a
positional encoding patterns of neighbours differ from the start, and stay so. Their plots give no numbers: what is
compared is the order and the direction.

    python -m studies.spectral_bias [--steps 2000] [--seed 0]

Waves: 2, 5, 10 and 20 cycles with equal amplitudes on 256 samples, 3x128. Noise: a picture of 32 x 32 random colours,
2x128 (64 x 64 in the paper, in batches). Adam at 1e-3 with all samples in every step, which the paper's epochs of small
batches are not: steps cannot be compared with it. The encoding has five frequencies an axis, up to 8 cycles over the
extent as the paper's sin and cos of 2^l pi x on [0, 1], l < 5. About a minute on one core. It writes
results/spectral_bias.tsv, .md and .png; what is in the table is not trained again.
"""

import argparse
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

import inr
from inr import diagnostics
from inr.bench import machine
from inr.bench.tables import Row, markdown, origin, read, write
from inr.diagnostics import Series, Subplot
from studies import RESULTS

ENCODINGS = {"bare coordinates": "identity", "encoded": "fourier:kind=positional,frequencies={},octaves=3.17"}
CYCLES = (2, 5, 10, 20)
SIDE, BLOCK, PAIRS = 32, 6, 3_600
TABLE = RESULTS / "spectral_bias.tsv"
COLUMNS = ["figure", "coordinates", "step", "measure", "value"]
Measured = dict[str, float]


def looks(steps: int) -> list[int]:
    """Steps that are spread by their logarithm."""
    return sorted({0, *(round(steps ** (place / 20)) for place in range(21))})


def trained(
    signal: inr.signals.GridSignal, network: str, encoding: str, steps: int, seed: int,
    look: Callable[[inr.Field], Measured],
) -> list[tuple[int, Measured]]:  # fmt: skip
    """What is measured on the way of Adam at 1e-3 with all samples in every step."""
    torch.manual_seed(seed)
    spec = encoding.format(5 * signal.in_dim)
    field = inr.Field.build(signal.domain, encoding=spec, activation="relu", network=network)
    coords, values = signal.coords(torch.arange(signal.size)), signal.values(torch.arange(signal.size))
    adam, found = torch.optim.Adam(field.parameters(), 1e-3), []
    for step in range(steps + 1):
        if step in looks(steps):
            found.append((step, look(field)))
        adam.zero_grad()
        (field(coords) - values).square().mean().backward()
        adam.step()
    return found


def waves() -> inr.signals.GridSignal:
    """A sum of sines of equal amplitudes."""
    x = (2 * np.arange(256) + 1) / 256 - 1
    total = sum(np.sin(math.pi * cycles * x + cycles) for cycles in CYCLES)
    return inr.from_array(np.asarray(total, np.float32), kind="volume")


@torch.no_grad()
def missing_waves(signal: inr.signals.GridSignal, field: inr.Field) -> Measured:
    """The share of each wave's power that is missing."""
    coords, values = signal.coords(torch.arange(signal.size)), signal.values(torch.arange(signal.size))
    missed, wanted = (np.abs(np.fft.rfft(each[:, 0].numpy())) ** 2 for each in (values - field(coords), values))
    return {f"{cycles} cycles": float(missed[cycles] / wanted[cycles]) for cycles in CYCLES}


def noise(seed: int) -> inr.signals.GridSignal:
    """Random colours."""
    return inr.from_array(np.random.default_rng(seed).random((SIDE, SIDE, 3)).astype(np.float32), kind="image")


def patterns(signal: inr.signals.GridSignal, field: inr.Field) -> Measured:
    """Regions, distances, gradients and norms of a field as it stands."""
    coords, values = signal.coords(torch.arange(signal.size)), signal.values(torch.arange(signal.size))
    on = diagnostics.activation_patterns(field, coords)
    local, wide = diagnostics.hamming_distances(field, torch.full((2,), 2 / SIDE), pairs=PAIRS)
    start = SIDE // 2 - BLOCK // 2
    block = (np.arange(start, start + BLOCK)[:, None] * SIDE + np.arange(start, start + BLOCK)).ravel()
    cosines = diagnostics.gradient_cosines(field, coords[block], values[block]).numpy()
    norms = [float(torch.linalg.matrix_norm(each.weight.detach(), 2)) for each in field.network.layers]
    with torch.no_grad():
        error = float((field(coords) - values).square().mean())
    return {
        "activation regions": float(diagnostics.region_count(on)), "local Hamming distance": local,
        "global Hamming distance": wide, "gradient cosine of neighbours": float(np.nanmean(cosines)),
        "least gradient cosine": float(np.nanmin(cosines)), "dead units": diagnostics.dead_units(on) * on.shape[1],
        "parameter norm": math.prod(norms), "mean squared error": error,
    }  # fmt: skip


def rows(steps: int, seed: int) -> list[Row]:
    """Both figures."""
    found: list[Row] = []
    tone, colours = waves(), noise(seed)
    for name, encoding in ENCODINGS.items():
        runs = {
            "waves": trained(tone, "mlp:depth=3,width=128", encoding, steps, seed, lambda it: missing_waves(tone, it)),
            "noise": trained(colours, "mlp:depth=2,width=128", encoding, steps, seed, lambda it: patterns(colours, it)),
        }
        for figure, run in runs.items():
            for step, measured in run:
                found += [
                    {"figure": figure, "coordinates": name, "step": str(step), "measure": each, "value": f"{value:.5g}"}
                    for each, value in measured.items()
                ]
    return found


def curve(every: Sequence[Row], name: str, measure: str) -> tuple[list[int], list[float]]:
    """Steps and values of a measure."""
    own = [each for each in every if each["coordinates"] == name and each["measure"] == measure]
    return [int(each["step"]) for each in own], [float(each["value"]) for each in own]


def learned_at(every: Sequence[Row], name: str, cycles: int) -> float:
    """The step at which nine tenths of a wave's power were there; infinite where they never were."""
    steps, values = curve(every, name, f"{cycles} cycles")
    return next((step for step, value in zip(steps, values, strict=True) if value < 0.1), math.inf)


def verdicts(every: Sequence[Row]) -> list[list[str]]:
    """Every claim, what was found for bare coordinates and encoded ones, and whether that is it."""
    bare, coded = ENCODINGS

    def ends(name: str, measure: str) -> tuple[float, float]:
        values = curve(every, name, measure)[1]
        return values[0], values[-1]

    def change(measure: str, form: str = ".3g") -> list[str]:
        return [" to ".join(f"{each:{form}}" for each in ends(name, measure)) for name in (bare, coded)]

    order = [[learned_at(every, name, cycles) for cycles in CYCLES] for name in (bare, coded)]
    local, regions, dead = (
        {name: ends(name, measure) for name in (bare, coded)}
        for measure in ("local Hamming distance", "activation regions", "dead units")
    )
    cosine, least = ends(bare, "gradient cosine of neighbours"), ends(bare, "least gradient cosine")
    times = [local[coded][end] / local[bare][end] for end in (0, 1)]
    norm = {name: ends(name, "parameter norm") for name in (bare, coded)}
    error = {name: ends(name, "mean squared error")[1] for name in (bare, coded)}
    told = [", ".join("never" if math.isinf(each) else f"{each:.0f}" for each in steps) for steps in order]
    claims = [
        ("bare coordinates learn waves in the order of their frequencies: step at which 90 % of 2, 5, 10, 20 cycles "
         "are there", told, order[0] == sorted(order[0]) and order[0][0] < order[0][-1]),
        ("with the encoding the highest is learned far sooner", told, 4 * order[1][-1] <= order[0][-1]),
        (f"bare coordinates have fewer regions, of {SIDE**2} pixels, and lose some",
         change("activation regions", ".0f"),
         regions[bare][0] < regions[coded][0] and regions[bare][1] < regions[bare][0]),
        ("patterns of neighbours: few units differ on bare coordinates, 10 times as many with the encoding "
         f"({times[0]:.1f} times at the start, {times[1]:.1f} in the end)", change("local Hamming distance"),
         times[1] > 10),
        ("and with it they differ from the start: by a quarter more or less in the end",
         change("local Hamming distance"), abs(local[coded][1] / local[coded][0] - 1) < 0.25),
        ("gradients of neighbours, alike at first (a mean cosine over 0.3), come apart on bare coordinates, and some "
         "oppose each other", change("gradient cosine of neighbours", ".2f"),
         cosine[0] > 0.3 and cosine[1] < cosine[0] / 2 and least[1] < -0.5),
        ("units die on bare coordinates, few with the encoding", change("dead units", ".0f"),
         dead[bare][1] > dead[bare][0] and dead[coded][1] < dead[bare][1] / 4),
        ("the norm of the weights has to grow more on bare coordinates", change("parameter norm"),
         norm[bare][1] / norm[bare][0] > norm[coded][1] / norm[coded][0]),
        ("noise is learned with the encoding alone: mean squared errors 100 times apart",
         [f"{error[name]:.2g}" for name in (bare, coded)], error[bare] > 100 * error[coded]),
    ]  # fmt: skip
    return [[claim, *found, "reproduced" if holds else "not reproduced"] for claim, found, holds in claims]


def draw(every: Sequence[Row]) -> None:
    """One figure of all."""
    subplots = [
        Subplot(f"Waves, {name}", [
            Series(f"{cycles} cycles", *curve(every, name, f"{cycles} cycles")) for cycles in CYCLES
        ], note="share missing")
        for name in ENCODINGS
    ]  # fmt: skip
    for measure in ("activation regions", "local Hamming distance", "gradient cosine of neighbours", "dead units"):
        lines = [Series(name, *curve(every, name, measure)) for name in ENCODINGS]
        subplots.append(Subplot(measure[0].upper() + measure[1:], lines, note="noise"))
    shifted = [
        Subplot(each.title, [Series(it.label, np.asarray(it.x) + 1, it.y) for it in each.series], each.note)
        for each in subplots
    ]
    diagnostics.plot(
        shifted, TABLE.with_suffix(".png"), title="What is learned first, and what an encoding changes",
        x_label="steps, and one", x_scale="log", force=True,
    )  # fmt: skip


def main() -> None:
    """Train, measure, draw, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not TABLE.exists():
        write(TABLE, COLUMNS, rows(options.steps, options.seed), machine.describe())
    every = read(TABLE)
    draw(every)
    lines = [
        f"{origin(TABLE)}; {every[-1]['step']} steps. At the start and in the end:", "",
        *markdown(["claim", *ENCODINGS, ""], verdicts(every)), "",
        "Values lie between -1 and 1, so that residuals have either sign before the first step, and gradients of "
        "neighbours no common direction, where the paper's values from 0 to 1 give them one.", "",
        "![The curves](spectral_bias.png)", "",
    ]  # fmt: skip
    text = "\n".join(lines)
    TABLE.with_suffix(".md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
