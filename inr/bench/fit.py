"""Seconds of fitting to 25, 30 and 35 dB: `inr` beside plain PyTorch, method by method.

Both sides fit the same picture with the same network for the same time, in turn, in one process. Plain PyTorch runs at
the best mini-batch and learning rate that were found for it (`PLAIN`), with the cosine schedule that `inr` has; `inr`
chooses its own. PSNR is of the whole picture, clipped, by one function for both, with the clock stopped.
"""

import math
import time
from collections.abc import Iterator
from typing import Any

import torch

from inr.bench import baselines
from inr.bench._run import Options
from inr.bench.quality import psnr
from inr.fitting import Budget, make_fitter
from inr.signals import GridSignal

GOALS = (25, 30, 35)  # dB
SECONDS = 12.0  # of fitting, of each side and method
LOOKS = 12  # at the quality, in the course of a fit
COLUMNS = ["method", "goal", "plain_PyTorch_s", "inr_s", "ratio"]
NOTES = (
    f"Seconds of fitting until the whole picture reaches the goal, {SECONDS:g} at most; empty where it was not "
    "reached, and then a ratio is a bound.",
    "PSNR is measured some times in the course of a fit, and the last row of a method is its PSNR at the end.",
    "Other programs that run meanwhile slow plain PyTorch down far more than inr: measure on a quiet machine.",
)
# the architecture of each baseline as inr spells it
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "SIREN 4x256": ("siren", {"encoding": "identity", "activation": "sine", "network": "mlp:depth=4,width=256"}),
    "Fourier features, ReLU 3x256": (
        "fourier", {"encoding": "fourier:sigma=10", "activation": "relu", "network": "mlp:depth=3,width=256"},
    ),
    "hash grid, ReLU 2x64 (default)": ("hash", {}),
}  # fmt: skip
# Samples per step and learning rate of the plain scripts, the best after 12 seconds on two quiet cores: of 1,024 to
# 16,384 samples for the hash grid, and of 256 to 4,096 at 2e-4 to 2e-3 for the others.
PLAIN = {"siren": (256, 2e-4), "fourier": (512, 2e-3), "hash": (8_192, 1e-2)}
Course = list[tuple[float, float]]  # seconds of fitting and dB


def rows(options: Options) -> Iterator[dict[str, Any]]:
    """Measure one method after the other."""
    limit = 0.2 if options.tiny else SECONDS
    signal = options.signal(16 if options.tiny else None)
    for method, (baseline, parts) in METHODS.items():
        theirs, ours = plain_course(baseline, signal, limit), our_course(parts, signal, limit)
        for goal in GOALS:
            yield goal_row(method, goal, theirs, ours)
        yield {
            "method": method, "goal": f"dB after {limit:g} s",
            "plain_PyTorch_s": f"{theirs[-1][1]:.2f} dB", "inr_s": f"{ours[-1][1]:.2f} dB",
            "ratio": f"{ours[-1][1] - theirs[-1][1]:+.2f} dB",
        }  # fmt: skip


def goal_row(method: str, goal: float, theirs: Course, ours: Course) -> dict[str, Any]:
    """How long both sides took to a quality."""
    times = [reached(course, goal) for course in (theirs, ours)]
    plain, own = ("" if seconds is None else f"{seconds:.2f}" for seconds in times)
    ratio = ""
    if times[1] is not None:
        ratio = f"> {theirs[-1][0] / times[1]:.1f}" if times[0] is None else f"{times[0] / times[1]:.1f}"
    elif times[0] is not None:
        ratio = f"< {times[0] / ours[-1][0]:.2f}"
    return {"method": method, "goal": f"{goal} dB", "plain_PyTorch_s": plain, "inr_s": own, "ratio": ratio}


def reached(course: Course, goal: float) -> float | None:
    """The seconds of the first look that found a quality, None where none did."""
    return next((seconds for seconds, quality in course if quality >= goal), None)


def looks(limit: float) -> Iterator[float]:
    """Seconds at which the quality is measured, geometrically spread, and never again at the end."""
    yield from (limit * 2 ** (-(LOOKS - 1 - index) / 2) for index in range(LOOKS - 1))
    yield math.inf


def plain_course(method: str, signal: GridSignal, limit: float) -> Course:
    """The course of the plain script."""
    torch.manual_seed(0)
    model, optimiser, _ = baselines.METHODS[method]()
    batch, rate = PLAIN[method]
    everything = torch.arange(signal.size)
    coords, target = signal.coords(everything), signal.values(everything)
    course: Course = []
    due = looks(limit)
    spent, look = 0.0, next(due)
    while spent < limit:
        start = time.perf_counter()
        for group in optimiser.param_groups:
            group["lr"] = rate * (1 + math.cos(math.pi * spent / limit)) / 2
        chosen = torch.randint(signal.size, (batch,))
        optimiser.zero_grad()
        (model(coords[chosen]) - target[chosen]).square().mean().backward()
        optimiser.step()
        spent += time.perf_counter() - start
        if spent >= look or spent >= limit:
            course.append((spent, psnr(model, signal)))
            while look <= spent:
                look = next(due)
    return course


def our_course(parts: dict[str, Any], signal: GridSignal, limit: float) -> Course:
    """The course of a fit by `inr`."""
    fitter = make_fitter(signal, budget=Budget(seconds=limit), lattice_only=True, **parts)
    course: Course = []
    due = looks(limit)
    look = next(due)
    for event in fitter.run():
        if event.kind == "end" or (event.kind == "step" and event.seconds >= look):
            course.append((event.seconds, psnr(fitter.execute, signal, fitter.plan.block)))
            while look <= event.seconds:
                look = next(due)
    return course
