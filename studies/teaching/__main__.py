"""Which teachers save time, against full batches and against the best-tuned uniform mini-batch.

Fits of pictures, sounds and a volume by three fields, under each teacher. What is compared is cost: samples learned
from and samples looked at, times what they were measured to cost on one thread, with what a step costs besides and what
the teacher itself takes. So the noise of the machine decides nothing, and the same fits can be counted again.

A learning rate falls to zero over a fit, so "cost to a quality" is not where one curve crosses it: it is between the
costs of two whole fits, one that ends above and one that ends below, each with a budget of its own (1/16 of the
full-batch fit's cost, and its doubles or halves). Final PSNR is told, never the best on the way.

- The mini-batch is tuned first, over its size and the learning rate, at every budget anew.
- The quality to reach is where the full batch ends after 2,000 steps, with the rate tuned at 1/16 of its cost; fitted
  with the first seed only, for it is the dearest fit of all.
- A method that is 6 dB short of it at 1/16 is given half the full cost at once, then what lies between if it got there.
- All teachers get the tuned settings, and pools by which they learn from about as many samples a step.
- "whole": the papers' setting, as many steps as the full batch, with the whole signal to choose from.

    python -m studies.teaching --data DIR [--signals kodim23 …] [--fields siren …] [--methods auto int …]
        [--seeds 0 1 2] [--workers 2] [--no-whole] [--subset] [--report]

It supports docs/teaching.md. DIR holds the folders kodak, audio and volume; all that is kept took 24 hours of one core.
Each fit is kept in results/teaching_runs.tsv as it ends: a study that was interrupted goes on where it was, and one
with more signals or seeds adds to it. `--subset`: two pictures with SIREN and the hash grid, in a quarter of an hour.
`--report` only writes results/teaching.md and its pictures anew.
"""

import argparse
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from inr.bench import machine
from studies import RESULTS
from studies.teaching import cells, costs, report, runs

SUBSET = {"signals": ["kodim01", "kodim23"], "fields": ["siren", "hash"], "seeds": [0]}


def study(options: argparse.Namespace, settings: runs.Settings) -> None:
    """Make the fits that are missing, field by field and seed by seed."""
    comment = f"{machine.describe()}; every fit on one"
    context = get_context("spawn")  # threads of PyTorch do not survive a fork
    with ProcessPoolExecutor(options.workers, mp_context=context) as pool:
        for seed in options.seeds:
            for field in options.fields:
                shared = [(settings, signal, field, seed, comment) for signal in options.signals]
                title = f"{field}, seed {seed}"
                _finish([pool.submit(runs.prepare, *given) for given in shared], f"{title}: full and mini-batch")
                jobs = [
                    pool.submit(runs.compare, *given, name)
                    for given in shared
                    for name in cells.methods(given[1])
                    if name in options.methods
                ]
                _finish(jobs, f"{title}: teachers")
                report.write(settings)
            pictures = [name for name in options.signals if cells.kind(name) == "picture"]
            jobs = [
                pool.submit(runs.whole, settings, signal, "siren", seed, comment, name)
                for signal in pictures
                for name in cells.WHOLE
                if "siren" in options.fields and name in options.methods and not options.no_whole
            ]
            _finish(jobs, f"seed {seed}: whole signals")
            report.write(settings)


def _finish(jobs: list[Future[None]], title: str) -> None:
    for done, job in enumerate(as_completed(jobs), 1):
        job.result()
        print(f"\r{title} {done}/{len(jobs)}", end="", flush=True)
    print()


def main() -> None:
    """Parse the command line, make the fits, write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--signals", nargs="+", choices=cells.SIGNALS, default=list(cells.SIGNALS))
    parser.add_argument("--fields", nargs="+", choices=list(cells.FIELDS), default=list(cells.FIELDS))
    parser.add_argument("--methods", nargs="+", choices=list(cells.METHODS), default=list(cells.METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-whole", action="store_true", help="leave out fits that choose from whole pictures")
    parser.add_argument("--subset", action="store_true")
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    if options.subset:
        vars(options).update(SUBSET)
    settings = runs.Settings(options.data, options.results)
    if not options.report:
        costs.calibrate(options.data, settings.prices)
        study(options, settings)
    print(report.write(settings))


if __name__ == "__main__":
    main()
