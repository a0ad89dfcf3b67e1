"""Fits of one signal side by side on a page of its own: one HTML file that asks for nothing else."""

import math
import os
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from inr._files import replacing
from inr.diagnostics._comparison import Comparison
from inr.diagnostics._html import button, jpeg, png
from inr.diagnostics._page_curves import curve_chart
from inr.diagnostics._page_pictures import WHOLE, pictures
from inr.diagnostics._page_table import table_section
from inr.diagnostics._svg import INKS
from inr.diagnostics._tiles import region_pixels
from inr.diagnostics._wording import decibels


def sweep_page(comparison: Comparison, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write fits of one signal side by side as one HTML file, with everything that it shows inside.

    Args:
        comparison: the fits, the best first.
        path: the file to write.
        force: whether to overwrite an existing file.

    Raises:
        InrError: an existing file without `force`, or one that cannot be written.
    """
    text = page_text(comparison)
    with replacing(Path(path), force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


def page_text(comparison: Comparison) -> str:
    """The page."""
    views = [region.name for region in comparison.regions] + [WHOLE]
    name = escape(comparison.name)
    sections = [
        _verdict(comparison),
        table_section(comparison),
        _curves(comparison),
        pictures(comparison) if comparison.shown else "",
    ]
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: fits side by side</title>
<style>
{_asset("page.css")}
{_view_style(comparison, views)}
</style>
</head>
<body data-by="seconds" data-view="{views[0]}">
<header>
<button id="theme" type="button" title="light or dark">light / dark</button>
<h1>{name}</h1>
{"".join(f'<p class="facts">{escape(fact)}</p>' for fact in comparison.facts)}
</header>
<main>
{"".join(sections)}
</main>
<footer>{escape(_closing(comparison))}</footer>
<script>
{_asset("page.js")}
</script>
</body>
</html>
"""


def _asset(name: str) -> str:
    return files("inr.diagnostics").joinpath(name).read_text(encoding="utf-8").strip()


def _view_style(comparison: Comparison, views: Sequence[str]) -> str:
    """What shows one view of every card at a time, and the signal itself behind fits."""
    rules = [f'[data-view="{view}"] .view.{view} {{ display: block; }}' for view in views]
    rules += [f".chart .{ink} {{ --c: var(--{ink}); }}" for ink in INKS]
    if not comparison.is_line:
        for region in comparison.regions:
            pixels = region_pixels(comparison, region)
            rules.append(f".swap.{region.name} {{ background-image: url({png(pixels)}); }}")
        if comparison.shows_whole:
            rules.append(f".swap.{WHOLE} {{ background-image: url({jpeg(comparison.original.picture)}); }}")
    return "\n".join(rules)


def _verdict(comparison: Comparison) -> str:
    """Which one is best, and the command that makes it."""
    if not comparison.runs or not comparison.runs[0].ranked:
        return '<section><h2>No fit was finished</h2><p class="faint">See the notes below.</p></section>'
    best = comparison.runs[0]
    judge = "psnr" if math.isnan(best.metrics.get("holdout", math.nan)) else "holdout"
    score = decibels(best.metrics[judge], best.deviation.get(judge))
    text = comparison.command or best.command
    command = ""
    if text:
        command = (
            f'<div class="command"><code id="command">{escape(text)}</code>'
            '<button type="button" data-copy="command">copy</button></div>'
        )
    return (
        '<section><div class="verdict"><span class="faint">Best</span>'
        f'<b>{escape(best.title)}</b><span class="score">{escape(score)}</span></div>{command}</section>'
    )


def _curves(comparison: Comparison) -> str:
    buttons = "".join(button("by", by, f"by {by}", pressed=by == "seconds") for by in ("seconds", "steps"))
    charts = "".join(
        f'<div class="by-{by}">{curve_chart(comparison, by).svg().replace("<svg ", "<svg data-curves ", 1)}</div>'
        for by in ("seconds", "steps")
    )
    about = _comma(comparison.about_psnr)
    return f"""<section><h2>On the way</h2>
<p class="faint">Lines are estimates from the batches; dots at their ends are measured{about}.</p>
<div class="bar-of-buttons">{buttons}</div>{charts}</section>
"""


def _comma(words: str) -> str:
    return f" {escape(words)}" if words else ""


def _closing(comparison: Comparison) -> str:
    words = "PSNR, SSIM and SNR are measured on the whole signal, clipped to its range. "
    words += "Seconds count fitting only, without compiling, reading and measuring. "
    if comparison.signal.domain.kind == "video":
        words += "Pictures are of the middle frame. "
    elif comparison.signal.domain.kind == "volume" and comparison.signal.in_dim > 2:
        words += "Pictures are of the middle slice. "
    if comparison.signals > 1:
        return words + f"Pictures are of the first of {comparison.signals} signals."
    return words + "Best of many on one signal, judged by what they learned: no word on other signals."
