"""The comparison sheet: a signal, its field and what lies between them, on one page."""

import os
from pathlib import Path

from inr._errors import InrError
from inr._files import replacing
from inr.diagnostics._layout import Panel, page
from inr.diagnostics._pictures import picture_rows, video_rows, volume_rows
from inr.diagnostics._scattered import scatter_rows
from inr.diagnostics._shape_sheet import shape_rows
from inr.diagnostics._waveform import curve_rows
from inr.field import Execute, Field
from inr.fitting import evaluate
from inr.signals import Signal


def comparison_sheet(
    field: Field,
    signal: Signal,
    path: str | os.PathLike[str],
    *,
    force: bool = False,
    execute: Execute | None = None,
) -> None:
    """Draw original, fit and error side by side, in the way that suits the kind of signal, as a PNG.

    Args:
        field: a field fitted to `signal`.
        signal: what it was fitted to.
        path: the PNG to write.
        force: whether to overwrite an existing file.
        execute: what evaluates the field at coordinates; the field itself by default.

    Raises:
        InrError: an existing file without `force`, or one that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InrError(f"a comparison sheet is a PNG; call it {path.with_suffix('.png')}")
    sheet = page(title(field, signal, execute), rows(field, signal, execute))
    with replacing(path, force=force) as temporary:
        sheet.save(temporary, format="PNG")


def title(field: Field, signal: Signal, execute: Execute | None = None) -> str:
    """The figures of merit in one line."""
    metrics = field.metrics or evaluate(field, signal, execute=execute)
    words = {
        "snr": "SNR {:.2f} dB",
        "psnr": "PSNR {:.2f} dB",
        "psnr_between": "between samples {:.2f} dB",
        "ssim": "SSIM {:.4f}",
        "iou": "IoU {:.4f}",
        "iou_near": "near the surface {:.4f}",
        "psnr_colours": "colours {:.2f} dB",
        "chamfer": "chamfer distance {:.3g}",
    }
    figures = [words[name].format(metrics[name]) for name in words if name in metrics]
    return "   ".join([*figures, f"{field.parameter_count:,} parameters"])


def rows(field: Field, signal: Signal, execute: Execute | None = None) -> list[list[Panel]]:
    """The panels that suit the kind of signal and its number of axes."""
    if signal.domain.kind == "scattered":
        return scatter_rows(field, signal, execute)
    if signal.domain.kind == "shape":
        return shape_rows(field, signal)
    if signal.domain.kind == "video":
        return video_rows(field, signal, execute)
    draw = {1: curve_rows, 2: picture_rows}.get(signal.in_dim, volume_rows)
    return draw(field, signal, execute)
