"""What lets a fit of codec `latent` come further in equal seconds: settings of its recipe, tried on three pictures.

    python -m studies.latent.iterations --data DIR [--pictures kodim01 …] [--only NAME …] [--seconds 60]
        [--steps N] [--crop 256] [--preset hop] [--weight 0.001] [--threads 1] [--seeds 0 …] [--report]

It supports docs/compression.md; DIR holds the folder kodak. A fit is judged by 1,000 times its loss at whole numbers,
the mean squared error plus the weight times the bits of latents per pixel, in which .05 is a twentieth of a bit a pixel
at a weight of .001; networks are not quantised. Of every picture the middle square of CROP pixels a side is fitted.
Where a machine is shared and an option costs no time, `--steps` makes the fairer comparison. Rows are kept in
results/latent_iterations.tsv as they are found, and none is made twice.
"""

import argparse
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import inr
from inr import compression
from inr.bench import machine
from inr.bench.tables import Ledger, Row, markdown, read
from inr.compression.encoder.latent.fit import fit_component, make_step
from inr.compression.encoder.latent.rate import Goal
from inr.compression.encoder.latent.schedule import Recipe
from inr.fitting import Event
from studies import RESULTS

PICTURES = ("kodim01", "kodim15", "kodim23")
USUAL = "as it is"
OPTIONS: Mapping[str, Recipe] = {
    USUAL: Recipe(),
    "one start, no warm-up": Recipe(starts=(1,)),
    "three starts, then one": Recipe(starts=(3,)),
    "a warm-up twice as long": Recipe(starts=(5, 2), warm=100),
    "Adam for all of the networks": Recipe(optimiser="adam"),
    "no part at half resolution": Recipe(half=0.0),
    "half resolution for 35 % after the warm-up": Recipe(half=0.35),
    "networks' gradient clipped at .1": Recipe(clip=0.1),
    "networks' gradient clipped at 1": Recipe(clip=1.0),
    "learning rate 2e-2": Recipe(rate=2e-2),
    "learning rate 5e-3": Recipe(rate=5e-3),
    "latents twice as fast": Recipe(latent_scale=2.0),
    "latents half as fast": Recipe(latent_scale=0.5),
    "latents' moments .9, .99": Recipe(betas=(0.9, 0.99)),
    "latents' moments .725, .97": Recipe(betas=(0.725, 0.97)),
    "temperature from .3 to .1": Recipe(temperature=(0.3, 0.1)),
    "temperature to .15": Recipe(temperature=(0.35, 0.15)),
    "noise from .18 to .1": Recipe(deviation=(0.18, 0.1)),
    "no last phase": Recipe(last=0.0),
    "a last phase of a tenth": Recipe(last=0.1),
    "no weight decay": Recipe(decay=0.0),
}
COLUMNS = (
    "picture", "crop", "preset", "weight", "option", "budget", "threads", "seed", "loss", "psnr", "bpp", "steps",
    "wall_s",
)  # fmt: skip
_KEYS = COLUMNS[:8]


def main() -> None:
    """Parse the command line, make the fits that are missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--pictures", nargs="+", default=list(PICTURES))
    parser.add_argument("--only", nargs="+", choices=OPTIONS, default=list(OPTIONS))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--steps", type=int, help="of every fit, instead of seconds")
    parser.add_argument("--crop", type=int, default=256)
    parser.add_argument("--preset", default="hop")
    parser.add_argument("--weight", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    path = options.results / "latent_iterations.tsv"
    if not options.report:
        study(options, Ledger(path, COLUMNS, _KEYS, machine.describe()))
    print("\n".join(table(read(path))))


def study(options: argparse.Namespace, ledger: Ledger) -> None:
    """Make the fits that the table lacks: all options on a picture, then on the next."""
    budget = f"{options.steps} steps" if options.steps else f"{options.seconds:g} s"
    for seed in options.seeds:
        for name in options.pictures:
            for option in options.only:
                key = {
                    "picture": name, "crop": str(options.crop), "preset": options.preset,
                    "weight": f"{options.weight:g}", "option": option, "budget": budget,
                    "threads": str(options.threads), "seed": str(seed),
                }  # fmt: skip
                ledger.once(key, lambda key=key: _told(key, fitted(options.data, key)))


def fitted(data: Path, key: Row) -> Row:
    """Fit the middle of a picture, and judge what came of it."""
    pixels = inr.open(data / "kodak" / f"{key['picture']}.png").array
    side = int(key["crop"])
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    part = pixels[top : top + side, left : left + side]
    picture = np.ascontiguousarray(np.moveaxis(part, -1, 0), np.float32) / 255
    weight, engine = float(key["weight"]), f"cpu:threads={key['threads']}"
    number, unit = key["budget"].split()
    budget = {"steps": int(number)} if unit == "steps" else {"seconds": float(number)}
    events: list[Event] = []
    start = time.perf_counter()
    found = fit_component(
        picture, None, key["preset"], Goal(weight=weight), **budget, seed=int(key["seed"]),
        engine=engine, fits=compression.FitSeries(on_event=events.append), recipe=replace(OPTIONS[key["option"]]),
    )  # fmt: skip
    wall = time.perf_counter() - start
    step = make_step(found.layout, picture, None, engine)
    step.latents.copy_(torch.from_numpy(found.latents))
    step.parameters.copy_(torch.from_numpy(found.parameters))
    error, bits = step.measure()
    bpp = bits / side**2
    return {
        "loss": f"{1000 * (error + weight * bpp):.4f}", "psnr": f"{-10 * np.log10(error):.3f}", "bpp": f"{bpp:.4f}",
        "steps": str(max(event.step for event in events)), "wall_s": f"{wall:.1f}",
    }  # fmt: skip


def table(rows: list[Row]) -> list[str]:
    """Each option's mean loss beside that of the usual recipe, the best first, setting by setting."""
    lines: list[str] = []
    for setting in dict.fromkeys(map(_setting, rows)):
        crop, preset, weight, budget, threads = setting
        found: dict[str, dict[tuple[str, str], Row]] = {}
        for row in rows:
            if _setting(row) == setting:
                found.setdefault(row["option"], {})[row["picture"], row["seed"]] = row
        usual = found.get(USUAL, {})
        told = []
        for option, fits in found.items():
            shared = sorted(set(fits) & set(usual))
            if not shared:
                continue
            ratios = [float(fits[each]["loss"]) / float(usual[each]["loss"]) for each in shared]
            steps = statistics.fmean(float(fits[each]["steps"]) for each in shared)
            losses = ", ".join(f"{name} {float(fits[name, seed]['loss']):.3f}" for name, seed in shared)
            told.append((statistics.fmean(ratios), [option, losses, f"{steps:,.0f}"]))
        lines += [f"{preset}, {crop} x {crop} pixels, weight {weight}, {budget}, {threads} threads:", ""]
        lines += markdown(
            ["recipe", "mean against the usual", "1,000 times the loss", "steps"],
            ([row[0], f"{100 * (mean - 1):+.2f} %", *row[1:]] for mean, row in sorted(told)),
        )
    return lines


def _setting(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in ("crop", "preset", "weight", "budget", "threads"))


def _told(key: Row, row: Row) -> Row:
    came = f"{row['loss']} ({row['psnr']} dB, {row['bpp']} bpp, {row['steps']} steps)"
    print(f"{key['picture']}, {key['option']}: {came}", flush=True)
    return row


if __name__ == "__main__":
    main()
