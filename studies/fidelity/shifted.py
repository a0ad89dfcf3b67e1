"""Shifted bases: what stable rank and the keeping of distances foretell."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy.stats import spearmanr

from inr.diagnostics import stable_rank
from inr.encodings import basis
from studies.fidelity import pictures
from studies.fidelity.study import Finding, Found, Report, Run, Setting, Study, Table, decibels

COUNT = 256  # features of every embedder
SEEN = 256
STEPS = 2000  # of gradient descent, computed at once
BASES = {
    "gaussian": [{"width": width} for width in (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064)],
    "triangle": [{"width": width / 256} for width in (0.5, 1, 2, 4, 8, 16, 32)],
    "square": [{"frequency": frequency} for frequency in (1, 2, 4, 8)],
    "sine": [{"frequency": frequency} for frequency in (1, 4, 16)],
    "impulse": [{}],
    "rff": [{"sigma": sigma} for sigma in (2, 4, 8, 16, 32, 64, 128)],
}


def runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """Every embedder on rows of four pictures."""
    return [
        Run(_name(kind, given), "rows of pictures", seed, lambda kind=kind, given=given, seed=seed: _judge(
            setting, kind, given, seed))
        for seed in seeds
        for kind, variants in BASES.items()
        for given in variants
    ]  # fmt: skip


def _name(kind: str, given: dict[str, float]) -> str:
    return kind + "".join(f", {key} {value:.4g}" for key, value in given.items())


def _judge(setting: Setting, kind: str, given: dict[str, float], seed: int) -> dict[str, float]:
    """PSNR of a linear layer on the samples it learned from, every other one, and on the others."""
    torch.manual_seed(seed)
    positions = (torch.arange(512, dtype=torch.float64) + 0.5) / 512
    features = basis(kind, COUNT, **given)(positions).numpy()
    features /= np.linalg.norm(features[0::2], axis=1).max()
    seen, unseen = features[0::2], features[1::2]
    targets = np.concatenate([pictures.load(setting.data, name, 512)[::32].mean(2) for name in pictures.NAMES]).T
    left, values, right = np.linalg.svd(seen, full_matrices=False)
    rates = values**2 / values.max(initial=1e-300) ** 2
    # gradient descent of rate 1 / largest eigenvalue, from zero: each direction has come so far after STEPS steps
    share = 1 - (1 - rates) ** STEPS
    weights = right.T @ (np.divide(share, values, out=np.zeros_like(values), where=values > 1e-12)[:, None]
                         * (left.T @ targets[0::2]))  # fmt: skip
    gram = seen @ seen.T
    norms = np.sqrt(np.diag(gram))
    near = [gram[i, i + 1] / max(norms[i] * norms[i + 1], 1e-300) for i in range(len(gram) - 1)]
    return {
        "seen": _psnr(seen @ weights - targets[0::2]),
        "unseen": _psnr(unseen @ weights - targets[1::2]),
        "rank": float(stable_rank(torch.from_numpy(seen))),
        "near": float(np.mean(near)),
    }


def _psnr(error: np.ndarray) -> float:
    return round(min(10 * math.log10(255**2 / max(float(np.mean(error**2)), 1e-20)), 150.0), 3)


def report(found: Found) -> Report:
    """All embedders by rank, and rank correlations."""
    means = {
        name: {key: found.mean(name, key) or 0.0 for key in ("seen", "unseen", "rank", "near")}
        for name in (_name(kind, given) for kind, variants in BASES.items() for given in variants)
        if found.of(name, "rank")
    }
    ordered = sorted(means.items(), key=lambda item: item[1]["rank"])
    rows = [
        [name, f"{row['rank']:.1f}", f"{row['near']:.3f}", decibels(row["seen"]), decibels(row["unseen"])]
        for name, row in ordered
    ]
    columns = ["embedder", "stable rank", "similarity of neighbours", "PSNR seen, dB", "unseen, dB"]
    findings = []
    if len(means) > 3:
        rank, near, seen, unseen = ([row[key] for row in means.values()] for key in ("rank", "near", "seen", "unseen"))
        lost = [memorised - guessed for memorised, guessed in zip(seen, unseen, strict=True)]
        by_rank, by_near, kept = (
            float(spearmanr(*pair).statistic) for pair in ((rank, seen), (near, unseen), (near, lost))
        )
        findings = [
            Finding("a higher stable rank memorises better", "yes", f"rank correlation {by_rank:+.2f}", by_rank > 0.5),
            Finding(
                "the more alike neighbours stay, the less is lost from samples seen to those between them",
                "yes",
                f"rank correlation {kept:+.2f}",
                kept < -0.5,
            ),
            Finding(
                "and the better those between them are",
                "as long as the rank suffices",
                f"rank correlation {by_near:+.2f} over all; best at a stable rank of {_best_rank(means):.0f} of {SEEN}",
                None,
            ),
        ]
        families = {kind: max(row["unseen"] for name, row in means.items() if name.startswith(kind))
                    for kind in ("gaussian", "triangle", "rff")}  # fmt: skip
        spread = max(families.values()) - min(families.values())
        findings.append(
            Finding(
                "families are interchangeable: Gaussian, triangle, random Fourier, each at its best width",
                "about equal on unseen samples",
                f"within {spread:.1f} dB",
                spread < 1.5,
            )
        )
    return Report(Table(columns, rows), findings)


def _best_rank(means: dict[str, dict[str, float]]) -> float:
    return max(means.values(), key=lambda row: row["unseen"])["rank"]


STUDY = Study(
    "shifted",
    "Shifted bases: stable rank and the keeping of distances",
    f"Rows of four pictures, 512 samples each, of which every other one is seen; {COUNT} features and one linear "
    f"layer, {STEPS} steps of gradient descent computed in closed form from the singular values (rate 1 / "
    "largest). Stable rank ||X||_F^2 / ||X||_2^2 on the samples seen; similarity: cosine of the features of "
    "neighbouring samples. The papers use 10,000 features and Adam on 1-D signals that are not public; their "
    "claim is the order.",
    True,
    runs,
    report,
)
