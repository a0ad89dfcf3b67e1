"""Snake: a periodic signal beyond the interval it was seen on."""

import math
from collections.abc import Sequence

import torch

from inr.activations import activations
from inr.networks import MLP
from studies.fidelity.study import Finding, Found, Report, Run, Setting, Study, Table

KNOWN = {
    "relu": "5.0–5.6", "tanh": "", "snake:a=0.5": "1.0–2.0", "snake:a=1": "0.56–0.90", "snake:a=5": "0.05–0.10",
}  # fmt: skip


def runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """Every activation."""
    return [
        Run(name, "sin x", seed, lambda name=name, seed=seed: _extrapolate(name, seed))
        for seed in seeds
        for name in KNOWN
    ]


def _extrapolate(activation: str, seed: int) -> dict[str, float]:
    """Errors where sin x was seen, on [-10, 10], and beyond, on [10, 20]: the network alone, on x itself."""
    torch.manual_seed(seed)
    network = MLP(1, 1, activations.build(activation), depth=2, width=64)
    seen, beyond = torch.linspace(-10, 10, 1000)[:, None], torch.linspace(10, 20, 500)[:, None]
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(5000):
        optimiser.zero_grad()
        (network(seen) - seen.sin()).square().mean().backward()
        optimiser.step()
    with torch.no_grad():
        errors = [float((network(x) - x.sin()).square().mean()) for x in (seen, beyond)]
    return {"seen": errors[0], "beyond": errors[1]}


def report(found: Found) -> Report:
    """Errors, and whether Snake extrapolates where others don't."""
    rows = [
        [name, *(_shown(found, name, where) for where in ("seen", "beyond")), known or "not found"]
        for name, known in KNOWN.items()
    ]
    errors = {name: _mean(found, name) for name in KNOWN}
    findings = []
    if all(math.isfinite(error) for error in errors.values()):
        snake = errors["snake:a=1"]
        findings.append(
            Finding(
                "Snake (a = 1) beyond the interval, against relu",
                "less than 0.3 of the error",
                f"{snake / errors['relu']:.2f} of it",
                snake < 0.3 * errors["relu"],
            )
        )
        findings.append(
            Finding(
                "Snake (a = 1) against tanh",
                "less error",
                f"{snake / errors['tanh']:.2f} of it",
                snake < errors["tanh"],
            )
        )
        findings.append(
            Finding(
                "Snake at the better of its two frequencies predicts the wave beyond, relu and tanh do not",
                "error below 0.5, which predicting 0 has",
                f"a = 5: {errors['snake:a=5']:.2f}, a = 1: {snake:.2f}; "
                f"relu {errors['relu']:.0f}, tanh {errors['tanh']:.0f}",
                min(snake, errors["snake:a=5"]) < 0.5 < min(errors["relu"], errors["tanh"]),
            )
        )
    return Report(Table(["activation", "error on [-10, 10]", "error on [10, 20]", "known"], rows), findings)


def _mean(found: Found, method: str) -> float:
    value = found.mean(method, "beyond")
    return math.nan if value is None else value


def _shown(found: Found, method: str, where: str) -> str:
    value = found.mean(method, where)
    return "" if value is None else f"{value:.3g}"


STUDY = Study(
    "snake",
    "Snake beyond the interval",
    "y = sin x, seen at 1,000 points of [-10, 10], judged on [10, 20]; two hidden layers of 64 on x itself, 5,000 "
    "full-batch steps of Adam at 1e-3: the size of the known figures (another implementation; the paper's are not "
    "known). A sine network is no part of it: it extrapolates by construction.",
    True,
    runs,
    report,
)
