"""How small and how good: our codecs on pictures beside Pillow's and published ones, on maps, and quantised fields.

    python -m studies.compression --data DIR [--pictures kodim01 …] [--codecs mlp coin ani doh]
        [--rates 0.15 0.3 0.6] [--steps N …] [--seeds 0 …] [--threads 1] [--report]
    python -m studies.compression latent --data DIR [--preset fast default …] [--pictures kodim01 …]
        [--qualities 14 38 …] [--seeds 0 …] [--threads 2] [--budget seconds|steps]
    python -m studies.compression --data DIR --geo [era5_0 …] [--codecs mlp latent] [--steps N …] [--seeds 0 …]
    python -m studies.compression --data DIR --quantised [--pictures kodim01 …] [--steps N …] [--seeds 0 …] [--on 24]

It supports docs/compression.md. DIR holds the folders kodak and geo; all that is kept took some eight hours on one
core, without codec latent, whose presets take 60, 240 and 900 seconds a run. Each run is kept in
results/compression_runs.tsv, compression_latent.tsv, compression_geo.tsv or compression_quantised.tsv as it ends: a
study that was interrupted goes on where it was, and one with more pictures, rates, steps or seeds adds to it. Without
`--steps`, fits take as many as the codec has as its own; several of them draw PSNR over encoding time. `--budget steps`
takes as many as a preset's seconds are worth by the runs of preset `fast` in seconds, so that the machine may do other
things too. `--codecs` with nothing measures Pillow's codecs only, in one to two minutes a picture, most of it AVIF's.
`--report` only writes results/compression.md and its plots anew.
"""

import argparse
from pathlib import Path

import torch

from inr.bench import machine
from studies import RESULTS
from studies.compression import geo, latent, quantised, report, runs


def main() -> None:
    """Parse the command line, make the runs that are missing, write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", nargs="?", choices=["latent"], help="codec latent, by presets; else see below")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--pictures", nargs="+", default=list(runs.PICTURES))
    parser.add_argument("--codecs", nargs="*", default=["mlp"], help='specs, as "mlp" or "ani"')
    parser.add_argument("--rates", nargs="+", type=float, default=[0.15, 0.3, 0.6], help="bits a pixel")
    parser.add_argument("--preset", nargs="+", choices=latent.PRESETS, default=["default"], help="of latent")
    parser.add_argument("--qualities", nargs="+", type=float, default=list(latent.QUALITIES), help="of latent")
    parser.add_argument(
        "--budget", choices=latent.BUDGETS, default="seconds",
        help="of latent: a preset's seconds, or the steps that they are worth on a quiet machine",
    )  # fmt: skip
    parser.add_argument("--steps", nargs="+", type=int, help="of fits; the codec's own by default")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--geo", nargs="*", choices=geo.SIGNALS, help="maps instead of pictures; all by default")
    parser.add_argument("--quantised", action="store_true", help="quantise fields instead")
    parser.add_argument(
        "--on", type=int, default=quantised.ON, help="times the steps, that rounded fields are fitted on"
    )
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    settings = runs.Settings(options.data, options.results, options.threads)
    torch.set_num_threads(options.threads)
    if not options.report:
        study(options, settings)
    print(report.write(settings))


def study(options: argparse.Namespace, settings: runs.Settings) -> None:
    """Make the runs that are missing."""
    comment = f"{machine.describe()}; every run on {options.threads}"
    steps = options.steps or [None]
    if options.study == "latent":
        runs.code_anchors(settings, options.pictures, comment)
        latent.warm_up(settings)
        latent.code(
            settings, options.pictures, options.preset, options.qualities, options.seeds, options.budget, comment
        )
    elif options.geo is not None:
        names = options.geo or geo.SIGNALS
        geo.code_anchors(settings, names, comment)
        geo.code(settings, names, options.codecs, steps, options.seeds, comment)
    elif options.quantised:
        quantised.code(settings, options.pictures, steps, options.seeds, comment, options.on)
    else:
        runs.code_anchors(settings, options.pictures, comment)
        runs.warm_up(settings, options.codecs)
        runs.code(settings, options.pictures, options.codecs, options.rates, steps, options.seeds, comment)


if __name__ == "__main__":
    main()
