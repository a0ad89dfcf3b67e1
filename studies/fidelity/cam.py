"""Coordinate-Aware Modulation against its backbone."""

from collections.abc import Sequence

from studies.fidelity import pictures
from studies.fidelity.study import Finding, Found, Report, Run, Setting, Study, Table, Values, in_words
from studies.fidelity.training import fit, picture

BACKBONE, CAM = "Fourier features", "with CAM"
PUBLISHED = {BACKBONE: 30.30, CAM: 32.21}


def runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """Both on every picture, all pixels seen."""
    return pictures.runs(setting, seeds, PUBLISHED, _fit)


def _fit(setting: Setting, method: str, name: str, seed: int) -> Values:
    side, count, sigma, nodes, steps = (512, 256, 10, 32, 2000) if setting.paper else (128, 128, 5, 16, 1000)
    network = f"cam:depth=3,width={count},resolution={nodes}" if method == CAM else f"mlp:depth=3,width={count}"
    parts = {"encoding": f"fourier:frequencies={count},sigma={sigma}", "activation": "relu", "network": network}
    rate = {"network": 1e-3, "grids": 1e-2} if method == CAM else 1e-3
    return fit(
        picture(pictures.load(setting.data, name, side)), parts, steps=steps, rate=rate, schedule="exponential",
        seed=seed, engine=setting.engine,
    )[1]  # fmt: skip


def report(found: Found) -> Report:
    """Means, and the gain."""
    columns = ["network", *found.signals(), "mean", "published"]
    rows = [[method, *found.qualities(method), f"{published:.2f}"] for method, published in PUBLISHED.items()]
    gains = found.gains(CAM, BACKBONE)
    findings = []
    if gains:
        findings.append(
            Finding("CAM at least 1 dB above its backbone", "+1.91 dB", in_words(gains), sum(gains) >= len(gains))
        )
    return Report(Table(columns, rows), findings)


STUDY = Study(
    "cam",
    "Coordinate-Aware Modulation",
    "All pixels, three hidden layers of relu on Fourier features; with CAM a grid of scales and shifts a layer, "
    "learned at 1e-2, and features normalised at every point. Published: 512x512 (regression), 256 frequencies "
    "and units, σ = 10, 32x32 nodes, 2,000 steps, rates x0.1 at 1,000 and 1,500, sigmoid output. Scaled down: "
    "four pictures at 128x128, 128 frequencies and units, σ = 5, 16x16 nodes, 1,000 steps; decay x0.1 over the "
    "fit, linear output, for both.",
    False,
    runs,
    report,
)
