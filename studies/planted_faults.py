"""Faults that are planted in fits, and whether `inr explain` names them and its advice helps.

Eight causes are planted in fits of five signals, three pictures, a sound and a volume, and beside them fits that are
healthy, two of each kind and signal. Every fit is explained from what a user has: the field, the samples it was fitted
to, and its history. A cause is right where it is the first that is named; the advice of the first is then followed, and
both fits are judged by samples that neither has seen.

    python -m studies.planted_faults [--set reported|tuning] [--only SIGNAL …]

Signals are blurred as a camera would, and every second sample along each axis is learned; those between are held out.
Thresholds of the rules were chosen with the set `tuning` (camera, coffee, gravel, the beginning of bach.wav, blobs of
seed 1; seed 0); `reported` (chelsea, coins, brick, the middle of bach.wav, blobs of seed 2; seed 7) was not looked at
for that. Each fit is a row of results/planted_faults.tsv, kept as it ends; what is there is not made again.
results/planted_faults.md is written from the rows of the set.

Healthy settings are the same for all signals of a kind, with learning rates as inr's own probe finds them ("auto").
What is planted is a change of one of them:

    frequency_high   sigma of Fourier features 8 times as large      frequency_low   8 times as small
    rate_high        2.5 times the rate, constant (Fourier)          stuck           60 times the rate (SIREN)
    rate_low         a 30th of the rate (Fourier)                    narrow          6 units a layer (SIREN)
    grid_coarse      an 8th of the vertices (dense grid)             noise           8 % noise, 1,200 steps (SIREN)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import soundfile
import torch
from scipy.ndimage import gaussian_filter

import inr
from inr.fitting import make_fitter

STEPS = 400
BLUR = 1.5  # standard deviation in samples of the finer grid
NOISE = 0.08  # of the range
ROOT = Path(__file__).resolve().parents[1]
SETS = {
    "tuning": (("camera", "coffee", "gravel", "bach-0.5", "blobs-1"), 0),
    "reported": (("chelsea", "coins", "brick", "bach-3", "blobs-2"), 7),
}
SIGMA = {"image": 3.0, "audio": 48.0, "volume": 1.5}
OMEGA = {"image": 20.0, "audio": 300.0, "volume": 10.0}


@dataclass(frozen=True)
class Case:
    """A signal, and what was kept back of it.

    Attributes:
        learned: the signal that is fitted.
        coords, values: of held-out samples, normalised, (n, D) and (n, C) float32.
    """

    learned: inr.signals.GridSignal
    coords: torch.Tensor
    values: torch.Tensor

    def held_out(self, field: inr.Field) -> float:
        """PSNR in dB on the samples that were kept back."""
        with torch.no_grad():
            found = torch.cat([field(part) for part in self.coords.split(16_384)]).clamp(-1, 1)
        error = float(torch.nan_to_num(found, nan=1.0).sub(self.values).square().mean())
        return 10 * math.log10(4 / max(error, 1e-12))


def fine_samples(name: str) -> tuple[np.ndarray, str]:
    """Samples at twice the density that is learned, (…,) float64 in [0, 1], and the kind of signal."""
    stem, _, number = name.partition("-")
    if stem == "bach":
        samples, rate = soundfile.read(ROOT / "examples" / "bach.wav", always_2d=True)
        start = int(float(number) * rate)
        return samples[start : start + 4_095, 0] / 2 + 0.5, "audio"
    if stem == "blobs":
        blobs = skimage.data.binary_blobs(27, 0.3, 3, 0.4, rng=int(number))
        return blobs.astype(float), "volume"
    pixels = getattr(skimage.data, stem)()
    grey = pixels[..., :3].mean(-1) if pixels.ndim == 3 else pixels
    return grey[100:227, 120:247] / 255, "image"


def case(name: str, noise: float, seed: int) -> Case:
    """A signal with every second sample along each axis, and the others held out."""
    fine, kind = fine_samples(name)
    fine = gaussian_filter(fine, BLUR)
    every = (slice(None, None, 2),) * fine.ndim
    coarse = fine[every].astype(np.float32)[..., None]
    noisy = coarse + np.random.default_rng(seed).normal(0, noise * np.ptp(coarse), coarse.shape).astype(np.float32)
    options = {"sample_rate": 22_050.0} if kind == "audio" else {}
    learned = inr.from_array(noisy if noise else coarse, kind=kind, channels_last=True, sampling="point", **options)
    places = [(np.arange(size) + 1) / ((size + 1) // 2) - 1 for size in fine.shape]  # of coarse cells, half a one apart
    mesh = np.stack([each.ravel() for each in np.meshgrid(*places, indexing="ij")][::-1], axis=1)
    odd = sum(np.meshgrid(*[np.arange(size) % 2 for size in fine.shape], indexing="ij")).ravel() > 0
    low, high = learned.domain.values.low[0], learned.domain.values.high[0]
    values = (fine.ravel()[odd] - (low + high) / 2) / ((high - low) / 2)
    return Case(
        learned, torch.tensor(mesh[odd], dtype=torch.float32), torch.tensor(values, dtype=torch.float32)[:, None]
    )


def healthy(family: str, signal: inr.signals.GridSignal) -> dict[str, Any]:
    """Settings with which a fit of a kind of signal is well."""
    kind, side = signal.domain.kind, max(signal.domain.shape or ())
    parts = {
        "fourier": {"encoding": f"fourier:sigma={SIGMA[kind]:g},frequencies=128", "network": "mlp:depth=2,width=64"},
        "sine": {"activation": f"sine:omega={OMEGA[kind]:g}", "network": "mlp:depth=3,width=64"},
        "dense": {"encoding": f"dense:levels=4,coarsest=4,finest={side}", "network": "mlp:depth=1,width=32"},
    }[family]
    return {**parts, "learning_rate": "auto", "schedule": "cosine", "steps": STEPS}


def planted(cause: str, signal: inr.signals.GridSignal, rates: Mapping[str, float]) -> dict[str, Any]:
    """The settings of a fault, from those of a healthy fit and the learning rates that it found."""
    kind, side = signal.domain.kind, max(signal.domain.shape or ())
    fourier, sine, dense = (healthy(family, signal) for family in ("fourier", "sine", "dense"))

    def features(factor: float) -> str:
        return f"fourier:sigma={factor * SIGMA[kind]:g},frequencies=128"

    def scaled(factor: float) -> dict[str, float]:
        return {part: rate * factor for part, rate in rates.items()}

    return {
        "frequency_high": lambda: fourier | {"encoding": features(8)},
        "frequency_low": lambda: fourier | {"encoding": features(1 / 8)},
        "rate_high": lambda: fourier | {"learning_rate": scaled(2.5), "schedule": "constant"},
        "stuck": lambda: sine | {"learning_rate": scaled(60)},
        "rate_low": lambda: fourier | {"learning_rate": scaled(1 / 30)},
        "narrow": lambda: sine | {"network": "mlp:depth=3,width=6"},
        "grid_coarse": lambda: dense | {"encoding": f"dense:levels=2,coarsest=2,finest={max(side // 8, 2)}"},
        "noise": lambda: sine | {"steps": 3 * STEPS},
    }[cause]()


FAMILY = {"rate_high": "fourier", "stuck": "sine", "rate_low": "fourier"}
CAUSES = ("frequency_high", "frequency_low", "rate_high", "stuck", "rate_low", "narrow", "grid_coarse", "noise")


def fitted(signal: inr.signals.GridSignal, settings: Mapping[str, Any], seed: int) -> tuple[inr.Field, Any]:
    """A fit with all samples in every step, and its history."""
    options = {name: value for name, value in settings.items() if name != "steps"}
    budget = inr.Budget(steps=settings["steps"])
    fitter = make_fitter(signal, budget=budget, batch=signal.size, lattice_only=True, seed=seed, **options)
    recorder = inr.diagnostics.Recorder(fitter)
    for event in fitter.run():
        recorder.observe(event)
    return fitter.field, recorder.history()
