"""Fourier features: none, basic, positional and Gaussian, judged on pixels that were not seen."""

from collections.abc import Sequence

import numpy as np

from studies.fidelity import pictures
from studies.fidelity.study import Finding, Found, Report, Run, Setting, Study, Table, Values
from studies.fidelity.training import fit, pixels_at, psnr_at

PUBLISHED = {"none": 19.323, "basic": 21.716, "positional": 24.947, "Gaussian": 25.568}


def runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """Every mapping on every picture."""
    return pictures.runs(setting, seeds, PUBLISHED, _fit)


def _fit(setting: Setting, method: str, name: str, seed: int) -> Values:
    side = 512 if setting.paper else 256
    count, sigma, octaves, steps = (256, 10, 6, 2000) if setting.paper else (128, 5, 5, 1000)
    encodings = {
        "none": "identity",
        "basic": "fourier:kind=basic",
        "positional": f"fourier:kind=positional,frequencies={count},octaves={octaves}",
        "Gaussian": f"fourier:kind=gaussian,frequencies={count},sigma={sigma}",
    }
    parts = {
        "encoding": encodings[method], "activation": "relu:init=glorot", "network": f"mlp:depth=3,width={count}",
    }  # fmt: skip
    pixels = pictures.load(setting.data, name, side)
    even = np.zeros((side, side), bool)
    even[::2, ::2] = True
    odd = np.zeros_like(even)
    odd[1::2, 1::2] = True
    return fit(
        pixels_at(pixels, even), parts, steps=steps, rate=1e-2 if method in ("none", "basic") else 1e-3, seed=seed,
        engine=setting.engine, measure=lambda field: psnr_at(field, pixels, odd),
    )[1]  # fmt: skip


def report(found: Found) -> Report:
    """Means over pictures, and the order."""
    means = {method: found.quality(method) for method in PUBLISHED}
    columns = ["mapping", *found.signals(), "mean", "published, 16 pictures"]
    rows = [[method, *found.qualities(method), f"{published:.2f}"] for method, published in PUBLISHED.items()]
    values = [value for value in means.values() if value is not None]
    findings = []
    if len(values) == len(PUBLISHED):
        order = sorted(means, key=lambda method: means[method] or 0.0)
        text = " < ".join(order)
        findings.append(Finding("the order of the means", " < ".join(PUBLISHED), text, order == list(PUBLISHED)))
    return Report(Table(columns, rows), findings)


STUDY = Study(
    "fourier",
    "Fourier features on pixels not seen",
    "Pictures of the authors' test set; a fit sees the pixels of even row and column and is judged on those of odd row "
    "and column; three hidden layers of relu, Glorot; 1e-3, and 1e-2 without features and for basic ones. Published: "
    "512x512, 256 frequencies and units, σ = 10, positional to 2^6, 2,000 full-batch steps, sixteen pictures, sigmoid "
    "output. Scaled down: four pictures averaged to 256x256, 128 frequencies and units, σ = 5 and 2^5 (the same cycles "
    "a pixel), 1,000 steps. Our output is linear.",
    False,
    runs,
    report,
)
