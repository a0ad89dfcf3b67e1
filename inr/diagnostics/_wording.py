"""How numbers are written on sheets and pages of several fits."""

import math

import numpy as np

from inr.diagnostics._comparison import Run


def metric_lines(run: Run) -> list[str]:
    """Quality, then cost, of a fit: two short lines."""
    metrics = run.metrics
    quality = [f"PSNR {decibels(metrics['psnr'])}"]
    if not math.isnan(metrics.get("holdout", math.nan)):
        quality = [f"held out {decibels(metrics['holdout'])}", f"learned {decibels(metrics['psnr'])}"]
    if not math.isnan(metrics.get("between", math.nan)):
        quality.append(f"between {decibels(metrics['between'])}")
    if not math.isnan(metrics.get("ssim", math.nan)):
        quality.append(f"SSIM {metrics['ssim']:.4f}")
    if not math.isnan(metrics.get("snr", math.nan)):
        quality.append(f"SNR {decibels(metrics['snr'])}")
    return ["   ".join(quality), f"{duration(metrics['seconds'])}   {metrics['parameters']:,.0f} parameters"]


def decibels(number: float) -> str:
    """38.12 dB, or what there is to say instead."""
    return "–" if math.isnan(number) else "exact" if number == math.inf else f"{number:.2f} dB"


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
