"""Is every method what its paper says? Each one's headline setting, beside the published figure.

    python -m studies.fidelity --data DIR --quick            # under 20 minutes on two cores
    python -m studies.fidelity --data DIR                    # four pictures at 128x128, under two hours
    python -m studies.fidelity --data DIR --paper            # published sizes, for a GPU
    python -m studies.fidelity --data DIR --studies finer cam --seeds 0 1 2
    python -m studies.fidelity --data DIR --report           # the page alone, from the table

Runs are kept in results/fidelity_runs.tsv as they end, so an interrupted study goes on where it was; the page is
results/fidelity.md. Fits run side by side, `--workers` of them; seconds of the table are for orientation only.
"""

import argparse
import multiprocessing
from pathlib import Path

from studies import RESULTS
from studies.fidelity import page, plan
from studies.fidelity.study import Setting


def main() -> None:
    """Make what the table lacks, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with div2k_512 and audio")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--studies", nargs="+", choices=list(plan.STUDIES), default=list(plan.STUDIES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--workers", type=int, default=2)
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--quick", action="store_true", help="the studies that take minutes")
    scale.add_argument("--paper", action="store_true", help="published sizes, for a GPU")
    parser.add_argument("--report", action="store_true")
    options = parser.parse_args()
    name = "quick" if options.quick else "paper" if options.paper else "cpu"
    setting = Setting(options.data, options.results, name, "auto")
    options.results.mkdir(parents=True, exist_ok=True)
    if not options.report:
        jobs = plan.missing(setting, options.studies, options.seeds)
        print(f"{len(jobs)} runs to make", flush=True)
        if options.workers == 1 or options.paper:
            for job in jobs:
                print(plan.make(job), flush=True)
        else:
            with multiprocessing.get_context("spawn").Pool(options.workers, plan.alone) as pool:
                for line in pool.imap_unordered(plan.make, jobs):
                    print(line, flush=True)
    for path in page.write(setting):
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
