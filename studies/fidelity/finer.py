"""FINER and FINER++ beside SIREN, Gauss and WIRE."""

from collections.abc import Sequence

from studies.fidelity import pictures
from studies.fidelity.study import Finding, Found, Report, Run, Setting, Study, Table, Values, in_words
from studies.fidelity.training import fit, picture

# activation, rate, whether units are complex; published on "market" and on "Santorini"
METHODS = {
    "SIREN": ("sine:omega=30", 5e-4, False, (39.78, 37.38)),
    "FINER": ("finer:omega=30", 5e-4, False, (42.27, 39.39)),
    "Gauss": ("gaussian:scale=30", 5e-3, False, (35.11, 34.97)),
    "FINER++ Gauss": ("finer-gaussian:scale=3,omega=10,first_bias=1", 1e-3, False, (39.20, 38.11)),
    "WIRE": ("gabor:omega=20,scale=10", 5e-3, True, (31.32, 29.91)),
    "FINER++ wavelet": ("finer-gabor:scale=2,wavelet_omega=4,omega=5,first_bias=1", 1e-3, True, (41.30, 39.47)),
}


def runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """Every method on every picture."""
    return pictures.runs(setting, seeds, METHODS, _fit)


def _fit(setting: Setting, method: str, name: str, seed: int) -> Values:
    activation, rate, planes, _ = METHODS[method]
    side, width, steps = (512, 256, 5000) if setting.paper else (128, 64, 1000)
    width = round(width / 2**0.5) if planes else width
    parts = {"encoding": "identity", "activation": activation, "network": f"mlp:depth=4,width={width}"}
    return fit(
        picture(pictures.load(setting.data, name, side)), parts, steps=steps, rate=rate, schedule="exponential",
        seed=seed, engine=setting.engine,
    )[1]  # fmt: skip


def report(found: Found) -> Report:
    """Means over pictures beside the two published ones, and what the authors claim of each pair."""
    columns = ["method", *found.signals(), "mean", "published, two pictures"]
    rows = [
        [method, *found.qualities(method), " and ".join(f"{value:.2f}" for value in published)]
        for method, (_, _, _, published) in METHODS.items()
    ]
    pairs = [("FINER", "SIREN"), ("FINER++ Gauss", "Gauss"), ("FINER++ wavelet", "WIRE"), ("SIREN", "Gauss"),
             ("SIREN", "WIRE")]  # fmt: skip
    findings = []
    for better, worse in pairs:
        gains = found.gains(better, worse)
        if gains:
            mean = sum(gains) / len(gains)
            claimed = [a - b for a, b in zip(METHODS[better][3], METHODS[worse][3], strict=True)]
            far = "" if mean <= 0 or mean >= min(claimed) / 2 else "; in sign only: less than half as much"
            findings.append(
                Finding(
                    f"{better} above {worse}",
                    " and ".join(f"{gain:+.1f} dB" for gain in claimed),
                    in_words(gains) + far,
                    mean > 0,
                )
            )
    return Report(Table(columns, rows), findings)


STUDY = Study(
    "finer",
    "FINER, FINER++, Gauss and WIRE against SIREN",
    "The authors' protocol: all pixels in every step, decay x0.1, 3 hidden maps, each method's own settings. Published "
    "values are of two pictures we don't have, at 512x512, 256 units and 5,000 steps. Scaled down: four pictures of "
    "their test set averaged to 128x128, 64 units (45 complex), 1,000 steps. FINER here is the exact one, its factor "
    "|z| + 1 differentiated like the rest.",
    False,
    runs,
    report,
)
