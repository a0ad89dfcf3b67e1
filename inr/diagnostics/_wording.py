"""How numbers are written on sheets and pages of several fits."""

import math

import numpy as np

from inr.diagnostics._comparison import Run


def metric_lines(run: Run) -> list[str]:
    """Quality, then cost, of a fit: two short lines."""
    metrics, deviation = run.metrics, run.deviation
    known = {name: number for name, number in metrics.items() if not math.isnan(number)}
    quality = [f"PSNR {decibels(metrics['psnr'], deviation.get('psnr'))}"]
    if "holdout" in known:
        quality = [f"held out {decibels(known['holdout'], deviation.get('holdout'))}"]
        quality.append(f"learned {decibels(metrics['psnr'], deviation.get('psnr'))}")
    if "between" in known:
        quality.append(f"between {decibels(known['between'], deviation.get('between'))}")
    if "ssim" in known:
        quality.append(f"SSIM {known['ssim']:.4f}" + (f" ± {deviation['ssim']:.4f}" if "ssim" in deviation else ""))
    if "snr" in known:
        quality.append(f"SNR {decibels(known['snr'], deviation.get('snr'))}")
    return ["   ".join(quality), f"{duration(metrics['seconds'])}   {metrics['parameters']:,.0f} parameters"]


def decibels(number: float, deviation: float | None = None) -> str:
    """38.12 dB, 38.12 ± 0.20 dB, or what there is to say instead."""
    if not math.isfinite(number):
        return "–" if math.isnan(number) else "exact"
    return f"{number:.2f} dB" if deviation is None else f"{number:.2f} ± {deviation:.2f} dB"


def duration(seconds: float) -> str:
    """4.21 s, 3:05 min."""
    if math.isnan(seconds):
        return "– s"
    return f"{seconds:.3g} s" if seconds < 100 else f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"


def percent(share: float) -> str:
    """0.02 as '2 %'."""
    return f"{100 * share:.3g} %"


def scale_marks(scale: float) -> list[tuple[float, str]]:
    """Places on the scale of errors, from 0 to 1, and what they stand for."""
    marks = [(float(np.sqrt(share)), percent(share * scale)) for share in (0.0, 0.05, 0.25, 1.0)]
    return [*marks[:-1], (1.0, f"{marks[-1][1]} or more")] if scale < 1 else marks
