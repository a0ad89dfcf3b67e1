"""SIREN's picture and sound."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from skimage.data import camera

import inr
from faithful.study import Finding, Found, Report, Run, Setting, Study, Table, Values, decibels
from faithful.training import block_mean, fit, picture

CAMERA, SOUND = "camera 256x256", "bach"
_SIREN = {"encoding": "identity", "activation": "sine:omega=30", "network": "mlp:depth=4,width=256"}
_FEATURES = {"encoding": "fourier:frequencies=256,sigma=10", "activation": "relu", "network": "mlp:depth=3,width=256"}


def runs(setting: Setting, seeds: Sequence[int]) -> list[Run]:
    """The picture for 500 steps; the sound for 9,000, or its first second for 1,000."""
    pixels = picture(block_mean(camera(), 2))
    made = []
    for seed in seeds:
        made.append(Run("SIREN", CAMERA, seed, partial(_fit, setting, pixels, _SIREN, 500, 1e-4, seed)))
        made.append(Run("Fourier features", CAMERA, seed, partial(_fit, setting, pixels, _FEATURES, 500, 1e-3, seed)))
        made.append(Run("SIREN", SOUND, seed, partial(_sound, setting, seed)))
    return made


def _fit(setting: Setting, signal: inr.Signal, parts: dict[str, Any], steps: int, rate: float, seed: int) -> Values:
    return fit(signal, parts, steps=steps, rate=rate, seed=seed, engine=setting.engine)[1]


def _sound(setting: Setting, seed: int) -> Values:
    whole = inr.open(setting.data / "audio" / "gt_bach.wav")
    if setting.paper:
        signal, first, steps, width = whole, 3000, 9000, 256
    else:  # a seventh of the time at a seventh of ω: the same hertz
        second = whole.array[: whole.array.shape[0] // 7]
        signal = inr.Signal.from_array(second, kind="audio", sample_rate=44_100)
        first, steps, width = 429, 1000, 128
    parts = {
        "encoding": "identity", "activation": f"sine:omega=30,first_omega={first}",
        "network": f"mlp:depth=4,width={width}",
    }  # fmt: skip
    return _fit(setting, signal, parts, steps, 1e-4, seed)


def report(found: Found) -> Report:
    """Both, beside figures of others' runs."""
    siren, features = (found.quality(name, CAMERA) for name in ("SIREN", "Fourier features"))
    sound = found.quality("SIREN", SOUND)
    rows = [
        ["SIREN", CAMERA, decibels(siren), "36.80 (another camera picture)"],
        ["Fourier features", CAMERA, decibels(features), "38.43 (another camera picture)"],
        ["SIREN", SOUND, decibels(sound), "51.65 (whole, longer)"],
    ]
    findings = []
    if siren is not None:
        findings.append(
            Finding("SIREN, camera 256x256, 500 steps at 1e-4", "36.80 dB", f"{siren:.1f} dB", abs(siren - 36.8) <= 3)
        )
    if siren is not None and features is not None:
        text = f"{features - siren:+.1f} dB"
        findings.append(Finding("Fourier features end above SIREN after 500 steps", "+1.6 dB", text, features > siren))
    if sound is not None:
        findings.append(Finding("SIREN, bach", "51.65 dB", f"{sound:.1f} dB in fewer, smaller steps", None))
    return Report(Table(["model", "signal", "PSNR, dB", "published"], rows), findings)


STUDY = Study(
    "siren",
    "SIREN's picture and sound",
    "Camera averaged to 256x256, 256x3 hidden maps, ω0 = 30, 1e-4, 500 full-batch steps, as published by a third "
    "party for the picture that scikit-image had before 0.18; Fourier features of 256 frequencies, σ = 10, 1e-3, "
    "three hidden layers. Bach: the published 51.65 dB is of the whole clip of seven seconds and 256 units; "
    "scaled down to the first second, ω0/7, 128 units and 1,000 steps. PSNR on a range of 2 for [-1, 1].",
    False,
    runs,
    report,
)
