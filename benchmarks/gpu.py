"""The engine `triton` on an NVIDIA GPU: its tests, and how fast it is beside PyTorch and tiny-cuda-nn.

    python benchmarks/gpu.py [STEP …] [--pictures DIR] [--large PICTURE]

Every step is a process of its own, ends within 8 minutes (`first` within 6), and can be run alone: what it measures is
kept in out/gpu/rows.json as it goes, and `report` writes studies/results/gpu-<card>.md from all that is kept. Nothing
is installed or downloaded. A step that fails does not stop the others. Exit status: 0, 1 where something failed, 2
where nothing could be measured.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from inr.bench.gpu import machine, report  # noqa: E402

if TYPE_CHECKING:
    from inr.bench.gpu.steps import StoredBench

# step: what it needs besides torch, triton and numpy, and what it does
STEPS: dict[str, tuple[tuple[str, ...], str]] = {
    "first": (machine.FITS, "the first look, in six minutes: exactness, SIREN, ReLU, hash grid, quality of a picture"),
    "tests": (machine.TESTS, "the tests of the GPU engines, on the GPU, but for those of networks"),
    "network-tests": (machine.TESTS, "the same: those of networks, which compile the most kernels"),
    "siren": (machine.ENGINE, "SIREN 5x256 beside eager PyTorch, its share of the peak, every precision, inference"),
    "compile": (machine.ENGINE, "SIREN 5x256 beside torch.compile in the precisions it has"),
    "siren64": (machine.ENGINE, "SIREN 5x64 beside eager PyTorch and tiny-cuda-nn"),
    "relu": (machine.ENGINE, "ReLU 2x64 and 3x32 beside tiny-cuda-nn"),
    "wire": (machine.ENGINE, "WIRE complex 4x128 beside eager PyTorch"),
    "memory": (machine.ENGINE, "peak memory of a training step"),
    "hash": (machine.FITS, "1000 steps of a hash grid on a large picture beside tiny-cuda-nn"),
    "quality": (machine.FITS, "final PSNR on three Kodak pictures beside eager PyTorch"),
    "sets": (machine.FITS, "fields a minute of a set of small pictures beside the processor's cores"),
    "tune": (machine.ENGINE, "kernels over sizes of their tiles; runs only when it is named"),
    "report": ((), "the table, from all that is kept"),
}
LIMITS = {"first": 355.0}  # seconds, of steps that end sooner than the others
BY_DEFAULT = [step for step in STEPS if step not in ("first", "tune")]


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help=f"of: {' '.join(STEPS)}; by default all but first and tune"
    )
    parser.add_argument("--list", action="store_true", help="say what the steps do")
    parser.add_argument("--pictures", type=Path, help="folder of the Kodak pictures, for quality")
    parser.add_argument("--large", type=Path, help="a picture of many megapixels, for hash")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "gpu", help="folder for rows.json")
    parser.add_argument("--results", type=Path, help="folder for the report (studies/results)")
    parser.add_argument("--repeats", type=int, default=20, help="turns of which the median counts")
    parser.add_argument("--limit", type=float, default=480, help="seconds after which a step is ended")
    parser.add_argument("--dry-run", action="store_true", help="tiny sizes on the processor: does the script work?")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # the one step, in this process
    options = parser.parse_args(given)
    unknown = [step for step in options.steps if step not in STEPS]
    if unknown:
        parser.error(f"no step {' or '.join(map(repr, unknown))}; there are {', '.join(STEPS)}")
    options.steps = options.steps or BY_DEFAULT
    if options.results is None:
        options.results = options.out if options.dry_run else ROOT / "studies" / "results"
    return options


def lacking(steps: list[str]) -> dict[str, list[str]]:
    """The packages that steps lack, by step."""
    return {step: absent for step in steps if (absent := machine.absent(STEPS[step][0]))}


def announce(steps: list[str], missing: dict[str, list[str]]) -> None:
    """Which packages are missing and what that means, in one line."""
    if missing:
        packages = sorted({package for absent in missing.values() for package in absent})
        rest = [step for step in steps if step not in missing]
        print(
            f"missing: {', '.join(packages)}; without them {', '.join(missing)} cannot run, "
            f"{', '.join(rest) or 'nothing else'} can",
            file=sys.stderr,
        )
    if machine.compiler() is None:
        print("missing: a C compiler, with which Triton builds what launches its kernels", file=sys.stderr)


def run(step: str, options: argparse.Namespace) -> str | None:
    """A step in a process of its own, which cannot harm the others; None, or why it did not end well."""
    command = [sys.executable, str(Path(__file__).resolve()), step, "--here", "--out", str(options.out)]
    command += ["--repeats", str(options.repeats), *(["--dry-run"] if options.dry_run else [])]
    for name in ("pictures", "large"):
        if getattr(options, name) is not None:
            command += [f"--{name}", str(getattr(options, name))]
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    if options.dry_run:
        environment["TRITON_INTERPRET"] = "1"
    limit = min(options.limit, LIMITS.get(step, options.limit))
    running = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        status = running.wait(timeout=limit)
    except subprocess.TimeoutExpired:
        return f"failed: not done after {limit:.0f} s"
    finally:
        if running.poll() is None:  # out of time, or interrupted: all that the step has started ends
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    return None if status == 0 else f"failed: its process ended with status {status}"


def run_here(step: str, options: argparse.Namespace) -> None:
    """A step in this process; what it measures is kept as it goes."""
    if not options.dry_run:
        os.environ.pop("TRITON_INTERPRET", None)
    import torch

    from inr.bench.gpu.setting import Card, Setting, one_line
    from inr.bench.gpu.steps import StoredBench

    if options.dry_run:
        setting = Setting.tiny(options.pictures, options.large)
    else:
        setting = Setting(repeats=options.repeats, pictures=options.pictures, large=options.large)
    torch.set_float32_matmul_precision("highest")
    store = report.Store(options.out / "rows.json", machine.facts(), dry=options.dry_run)
    if store.moved is not None:
        print(f"  rows of another machine, or damaged ones, are now in {store.moved}")
    store.begin(step, setting.repeats)
    start = time.perf_counter()
    try:
        measuring(step)(StoredBench(setting, Card(setting.device), store))
    except Exception as error:  # the report tells
        store.end(step, f"failed: {one_line(error)}")
        raise
    seconds = time.perf_counter() - start
    state = machine.state()
    store.end(step, f"done in {seconds:.0f} s{f', then at {state}' if state else ''}")


def measuring(step: str) -> Callable[["StoredBench"], None]:
    """The function that makes a step."""
    import gpu_tests
    import gpu_tuning

    from inr.bench.gpu import steps

    others = {"tests": gpu_tests.tests, "network-tests": gpu_tests.network_tests, "tune": gpu_tuning.tune}
    return {**steps.STEPS, **others}[step]


def main(given: list[str] | None = None) -> int:
    """Run the steps; the exit status."""
    options = arguments(given)
    if options.list:
        for step, (_, what) in STEPS.items():
            print(f"{step:14s}{what}")
        return 0
    if options.here:
        run_here(options.steps[0], options)
        return 0
    measuring = [step for step in options.steps if step != "report"]
    rows = options.out / "rows.json"
    if measuring and (why := machine.problem(dry=options.dry_run)) is not None:
        print(why, file=sys.stderr)
        return 2
    if not measuring and not rows.exists():
        print(f"nothing has been measured yet: there is no {rows}", file=sys.stderr)
        return 2
    missing = lacking(measuring)
    if measuring:
        announce(measuring, missing)
    went: dict[str, str] = {}
    for step in measuring:
        print(f"{step}: {STEPS[step][1]}", flush=True)
        how = f"skipped: {', '.join(missing[step])} missing" if step in missing else run(step, options)
        if how is not None:
            print(f"  {how}", flush=True)
            went[step] = how
    if rows.exists():  # otherwise there is nothing to keep it with
        keep(rows, went)
    failures = [f"step {step}: {how}" for step, how in went.items()]
    if rows.exists():
        asked = None if "report" in options.steps else measuring
        failures += [line for line in report.Store(rows).failed(asked) if line not in failures]
    if "report" in options.steps and rows.exists():
        print(f"report: {report.write(report.Store(rows), options.results)}")
    for line in failures:
        print(f"failed: {line}", file=sys.stderr)
    return 1 if failures else 0


def keep(rows: Path, went: dict[str, str]) -> None:
    """How those steps went that could not say so themselves."""
    store = report.Store(rows)
    for step, how in went.items():
        if not store.steps.get(step, "").startswith("failed"):  # which says more
            store.end(step, how)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
