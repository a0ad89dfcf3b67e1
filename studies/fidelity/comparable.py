"""Eleven networks of one size on one picture, whose figures are known from another implementation, in JAX."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skimage.data import camera

from studies.fidelity.study import Finding, Found, Report, Run, Setting, Study, Table, decibels
from studies.fidelity.training import block_mean, fit, picture

STEPS = (200, 500, 1000)
TOLERATED_DECIBELS = 3.0  # beside the known interval
ORDERED_DECIBELS = 2.0  # between two rows whose order must be the same


@dataclass(frozen=True)
class Model:
    """A row: parts, and PSNR known as (lowest, highest) after 200, 500 and 1,000 steps."""

    parts: dict[str, Any]
    rate: float
    known: Sequence[tuple[float, float]]
    schedule: str = "constant"


def _mlp(activation: str, rate: float, known: Any, schedule: str = "constant", width: int = 64) -> Model:
    parts = {"encoding": "identity", "activation": activation, "network": f"mlp:depth=4,width={width}"}
    return Model(parts, rate, known, schedule)


def _fourier(sigma: int, known: Any) -> Model:
    parts = {
        "encoding": f"fourier:frequencies=64,sigma={sigma}",
        "activation": "relu",
        "network": "mlp:depth=3,width=64",
    }
    return Model(parts, 1e-3, known)


MODELS = {
    "ReLU on raw coordinates": _mlp("relu", 1e-3, [(19.1, 19.9), (20.7, 21.3), (21.9, 22.3)]),
    "Fourier features, σ = 1": _fourier(1, [(22.2, 22.2), (24.2, 24.3), (25.2, 25.3)]),
    "Fourier features, σ = 4": _fourier(4, [(25.8, 26.1), (30.0, 30.0), (32.8, 33.0)]),
    "Fourier features, σ = 10": _fourier(10, [(29.5, 29.5), (33.1, 33.4), (35.4, 35.7)]),
    "SIREN, 1e-4": _mlp("sine", 1e-4, [(25.6, 26.1), (29.0, 30.0), (34.9, 35.5)]),
    "SIREN, 5e-4, decay": _mlp("sine", 5e-4, [(30.0, 31.2), (35.8, 36.8), (38.4, 39.3)], "exponential"),
    "FINER, decay": _mlp("finer", 5e-4, [(34.8, 35.3), (39.1, 39.5), (41.2, 41.6)], "exponential"),
    "FINER, bias U(±5), decay": _mlp(
        "finer:first_bias=5", 5e-4, [(33.1, 33.5), (37.5, 37.5), (39.5, 39.6)], "exponential"
    ),
    "Gauss, s = 30, decay": _mlp("gaussian:scale=30", 5e-3, [(21.7, 21.9), (26.9, 27.4), (31.7, 33.2)], "exponential"),
    "Gauss, s = 10, decay": _mlp("gaussian:scale=10", 5e-3, [(31.4, 32.0), (34.9, 36.1), (36.8, 38.0)], "exponential"),
    "WIRE, ω = 20, s = 10, decay": _mlp(
        "gabor:omega=20,scale=10", 5e-3, [(12.3, 13.5), (19.5, 20.2), (27.8, 28.1)], "exponential", width=45
    ),
    "WIRE, ω = s = 10, decay": _mlp(
        "gabor:omega=10,scale=10", 5e-3, [(31.4, 31.6), (35.1, 35.8), (36.6, 37.4)], "exponential", width=45
    ),
}


def runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """Every model, 1,000 full-batch steps; decaying rates are the same curve at 200 and 500 as in the table."""
    signal = picture(block_mean(camera(), 4))

    def make(model: Model, seed: int) -> dict[str, float]:
        return fit(
            signal, model.parts, steps=STEPS[-1], at=STEPS, rate=model.rate, schedule=model.schedule, seed=seed,
            engine=setting.engine,
        )[1]  # fmt: skip

    return [
        Run(name, "camera 128x128", seed, lambda model=model, seed=seed: make(model, seed))
        for seed in seeds
        for name, model in MODELS.items()
    ]


def report(found: Found) -> Report:
    """The table beside the known one, what lies outside of it, and pairs whose order differs."""
    rows = []
    for name, model in MODELS.items():
        parameters = found.mean(name, "parameters")
        cells = [name, "" if parameters is None else f"{parameters:,.0f}"]
        for steps, (low, high) in zip(STEPS, model.known, strict=True):
            cells += [decibels(found.mean(name, f"psnr_{steps}")), f"{low:g}–{high:g}" if low < high else f"{low:g}"]
        rows.append(cells)
    columns = ["model", "parameters", *(text for steps in STEPS for text in (f"{steps} steps", "known"))]
    return Report(Table(columns, rows), [_within(found), *_orders(found), *_assertions(found)])


def _within(found: Found) -> Finding:
    outside, count = [], 0
    for name, model in MODELS.items():
        for steps, (low, high) in zip(STEPS, model.known, strict=True):
            value = found.mean(name, f"psnr_{steps}")
            if value is None:
                continue
            count += 1
            if not low - TOLERATED_DECIBELS <= value <= high + TOLERATED_DECIBELS:
                outside.append(f"{name} after {steps}: {value:.1f} against {low:g}–{high:g}")
    text = f"{count - len(outside)} of {count} cells" + (f"; outside: {'; '.join(outside)}" if outside else "")
    return Finding(f"every cell within {TOLERATED_DECIBELS:g} dB of the known interval", "the table", text, not outside)


def _orders(found: Found) -> list[Finding]:
    findings = []
    for index, steps in enumerate(STEPS):
        wrong, count = [], 0
        for (one, first), (other, second) in itertools.combinations(MODELS.items(), 2):
            apart = sum(first.known[index]) / 2 - sum(second.known[index]) / 2
            ours, theirs = (found.mean(name, f"psnr_{steps}") for name in (one, other))
            if abs(apart) <= ORDERED_DECIBELS or ours is None or theirs is None:
                continue
            count += 1
            if (ours - theirs) * apart <= 0:
                wrong.append(f"{one} / {other}")
        text = f"{count - len(wrong)} of {count} pairs" + (f"; not: {'; '.join(wrong)}" if wrong else "")
        findings.append(
            Finding(
                f"the order of rows more than {ORDERED_DECIBELS:g} dB apart, after {steps} steps",
                "the table",
                text,
                not wrong,
            )
        )
    return findings


def _assertions(found: Found) -> list[Finding]:
    """The ones suggested for 500 steps."""
    bounds = {
        "ReLU on raw coordinates": ("<", 23.0), "Fourier features, σ = 10": (">", 31.0), "SIREN, 1e-4": (">", 27.0),
        "SIREN, 5e-4, decay": (">", 33.0), "FINER, decay": (">", 36.0), "Gauss, s = 10, decay": (">", 33.0),
        "WIRE, ω = s = 10, decay": (">", 33.0),
    }  # fmt: skip
    findings = []
    for name, (sign, bound) in bounds.items():
        value = found.mean(name, "psnr_500")
        if value is not None:
            holds = value < bound if sign == "<" else value > bound
            findings.append(Finding(f"{name} after 500 steps", f"{sign} {bound:g} dB", f"{value:.1f} dB", holds))
    finer, siren = found.mean("FINER, decay", "psnr_500"), found.mean("SIREN, 5e-4, decay", "psnr_500")
    if finer is not None and siren is not None:
        findings.append(
            Finding("FINER over SIREN after 500 steps", "> 1.5 dB", f"{finer - siren:+.1f} dB", finer - siren > 1.5)
        )
    return findings


STUDY = Study(
    "comparable",
    "One comparable benchmark",
    "Camera (scikit-image) averaged to 128x128, all 16,384 pixels in every step, float32, width 64 and four hidden "
    "layers (Fourier features: 64 frequencies and three; WIRE: 45 complex units), about 12,700 parameters, fewer than "
    "pixels. Decay is x0.1 over 1,000 steps. The known figures are of an implementation in JAX, two seeds. Nothing is "
    "scaled down.",
    True,
    runs,
    report,
)
