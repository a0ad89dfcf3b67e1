"""The steps of `benchmarks/gpu.py` that run the tests of the GPU engines."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from inr.bench.gpu import machine
from inr.bench.gpu.steps import StoredBench

ROOT = Path(__file__).resolve().parents[1]
TEST_SECONDS = 430  # of the 480 that a step may take
# interruptible also where it is started in the background, whose processes ignore interrupts
PYTEST = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "import pytest; sys.exit(pytest.main(sys.argv[1:]))"
)
NETWORKS = "tests/engines/triton/test_network.py"


def tests(bench: StoredBench) -> None:
    """The tests of the GPU engines, on this GPU; but for those of networks."""
    report_tests(bench, "tests", ["tests/engines/triton", "tests/engines/tcnn", f"--ignore={NETWORKS}"])


def network_tests(bench: StoredBench) -> None:
    """The tests of networks, which compile the most kernels."""
    report_tests(bench, "network-tests", [NETWORKS])


def report_tests(bench: StoredBench, step: str, selected: list[str]) -> None:
    """Run some tests, and keep how it went."""
    command = selected if bench.card.cuda else [*selected, "--collect-only", "-qq"]
    said, passed, failures = run_tests(command, TEST_SECONDS)
    bench.store.extra(step, " ".join(selected), said if passed else f"failed: {said}")
    for line in failures[:20]:
        bench.store.extra(step, line, "failed")


def run_tests(selected: list[str], limit: float) -> tuple[str, bool, list[str]]:
    """What pytest says in the end, whether all is well, and what failed; it is interrupted at the limit."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    paths = [str(ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    command = [sys.executable, "-c", PYTEST, *selected, "-p", "no:cacheprovider", "-rfE", "--tb=short", "--color=no"]
    exclusive = machine.smi("compute_mode").lower().startswith("exclusive")
    if not machine.absent(("xdist",)) and not exclusive:
        command += ["-n", str(min(os.cpu_count() or 1, 8))]
    running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    stopped = False
    try:
        output, _ = running.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        stopped = True
        running.send_signal(signal.SIGINT)  # pytest then says how far it came
        try:
            output, _ = running.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            running.kill()
            output, _ = running.communicate()
    print(output, flush=True)
    lines = output.strip().splitlines()
    counted = re.compile(r"\d+ (passed|failed|errors?|skipped|tests? collected)")
    counts = [line.strip("= ") for line in lines if counted.search(line)]
    last = counts[-1] if counts else ""
    failures = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
    if stopped:
        return f"stopped after {limit:.0f} s: {last or 'nothing had ended'}", False, failures
    return last or f"pytest ended with status {running.returncode}", running.returncode == 0, failures
