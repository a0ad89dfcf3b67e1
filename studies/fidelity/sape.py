"""SAPE against the Fourier features it opens."""

from collections.abc import Sequence

import numpy as np

from studies import sape_1d
from studies.fidelity import pictures
from studies.fidelity.study import Finding, Found, Report, Run, Setting, Study, Table, Values, in_words
from studies.fidelity.training import fit, pixels_at, psnr_at

CHIRP, SAPE, PLAIN = "chirp", "SAPE", "Fourier features"


def runs_1d(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """The 1-D task, at its published size."""
    return [Run("both", CHIRP, seed, lambda seed=seed: _chirp(seed)) for seed in seeds]


def _chirp(seed: int) -> dict[str, float]:
    row = sape_1d.run(seed, 20_000)
    return {"fourier": float(row["fourier"]), "sape": float(row["sape"])}


def report_1d(found: Found) -> Report:
    """Errors between the samples."""
    rows, holds = [], []
    for (_, _, seed), values in sorted(found.values.items()):
        rows.append([str(seed), f"{values['fourier']:.4f}", f"{values['sape']:.4f}"])
        holds.append(values["sape"] < 0.01 and values["sape"] < values["fourier"] / 2)
    text = f"{sum(holds)} of {len(holds)} seeds"
    claim = "dense error below 0.01 and half of plain features'"
    findings = [Finding(claim, "2 of 3 seeds, in another implementation", text, sum(holds) * 3 >= len(holds) * 2)]
    return Report(Table(["seed", "Fourier features, dense error", "SAPE, dense error"], rows), findings if rows else [])


def runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """Both encodings on every picture."""
    return pictures.runs(setting, seeds, (PLAIN, SAPE), _fit)


def _fit(setting: Setting, method: str, name: str, seed: int) -> Values:
    side, sigma, count, resolution, width, steps = (
        (512, 40, 256, 128, 256, 5000) if setting.paper else (128, 10, 128, 32, 128, 1000)
    )
    features = f"fourier:kind=radial,frequencies={count},sigma={sigma}"
    sape = f"sape:over=({features}),resolution={resolution},epsilon=1e-3"
    pixels = pictures.load(setting.data, name, side)
    seen = np.random.default_rng(7).random((side, side)) < 0.25
    parts = {
        "encoding": sape if method == SAPE else features, "activation": "relu",
        "network": f"mlp:depth=3,width={width}",
    }  # fmt: skip
    return fit(
        pixels_at(pixels, seen), parts, steps=steps, rate=1e-3, seed=seed, engine=setting.engine,
        measure=lambda field: psnr_at(field, pixels, ~seen),
    )[1]  # fmt: skip


def report(found: Found) -> Report:
    """PSNR on the pixels not seen."""
    columns = ["encoding", *found.signals(), "mean"]
    rows = [[method, *found.qualities(method)] for method in (PLAIN, SAPE)]
    gains = found.gains(SAPE, PLAIN)
    findings = []
    if gains:
        findings.append(
            Finding("SAPE above the features it opens", "in pictures, no numbers", in_words(gains), sum(gains) > 0)
        )
    return Report(Table(columns, rows), findings)


STUDY_1D = Study(
    "sape-1d",
    "SAPE's 1-D task",
    "A chirp seen at 26 points; 256 frequencies, 2x32 relu, 1e-5, 20,000 steps: its published size. Mean squared error "
    "on 3,000 points. The paper's numbers are not known; those of another implementation are 0.011 to 0.018 for plain "
    "features and 0.0022 to 0.0054 for SAPE.",
    True,
    runs_1d,
    report_1d,
)
STUDY = Study(
    "sape",
    "SAPE on a quarter of a picture's pixels",
    "A random quarter of the pixels is seen, PSNR is of the others; relu, 1e-3, ε = 1e-3. Published: 512 pixels, "
    "256 frequencies of deviation 20 on [-1, 1] (σ = 40 here), 3x256, 5,000 steps. Scaled down: 128x128, 128 "
    "frequencies of σ = 10 (the same cycles a pixel), 3x128, a mask of 32 nodes, 1,000 steps.",
    False,
    runs,
    report,
)
