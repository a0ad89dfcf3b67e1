"""Fits of one signal side by side on a page of its own: one HTML file that asks for nothing else."""

import math
import os
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from inr._files import replacing
from inr.diagnostics._chart import INKS
from inr.diagnostics._contest import Contest
from inr.diagnostics._contest_sheet import decibels
from inr.diagnostics._html import button, jpeg, png
from inr.diagnostics._page_pictures import WHOLE, pictures
from inr.diagnostics._page_table import standing
from inr.diagnostics._race import race
from inr.diagnostics._tiles import region_pixels


def sweep_page(contest: Contest, path: str | os.PathLike[str], *, force: bool = False) -> None:
    """Write fits of one signal side by side as one HTML file, with everything that it shows inside.

    Raises:
        InrError: an existing file without `force`, or one that cannot be written.
    """
    text = page_text(contest)
    with replacing(Path(path), force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


def page_text(contest: Contest) -> str:
    """The page."""
    views = [region.name for region in contest.regions] + [WHOLE]
    name = escape(contest.name)
    sections = [_verdict(contest), standing(contest), _curves(contest), pictures(contest) if contest.shown else ""]
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: fits side by side</title>
<style>
{_asset("page.css")}
{_view_style(contest, views)}
</style>
</head>
<body data-by="seconds" data-view="{views[0]}">
<header>
<button id="theme" type="button" title="light or dark">light / dark</button>
<h1>{name}</h1>
{"".join(f'<p class="facts">{escape(fact)}</p>' for fact in contest.facts)}
</header>
<main>
{"".join(sections)}
</main>
<footer>{escape(_closing(contest))}</footer>
<script>
{_asset("page.js")}
</script>
</body>
</html>
"""


def _asset(name: str) -> str:
    return files("inr.diagnostics").joinpath(name).read_text(encoding="utf-8").strip()


def _view_style(contest: Contest, views: Sequence[str]) -> str:
    """What shows one view of every card at a time, and the signal itself behind fits."""
    rules = [f'[data-view="{view}"] .view.{view} {{ display: block; }}' for view in views]
    rules += [f".chart .{ink} {{ --c: var(--{ink}); }}" for ink in INKS]
    if not contest.is_line:
        for region in contest.regions:
            pixels = region_pixels(contest, region)
            rules.append(f".swap.{region.name} {{ background-image: url({png(pixels)}); }}")
        if contest.shows_whole:
            rules.append(f".swap.{WHOLE} {{ background-image: url({jpeg(contest.original.picture)}); }}")
    return "\n".join(rules)


def _verdict(contest: Contest) -> str:
    """Which one is best, and the command that makes it."""
    if not contest.contenders or not contest.contenders[0].ranked:
        return '<section><h2>No fit was finished</h2><p class="faint">See the notes below.</p></section>'
    best = contest.contenders[0]
    score = best.figures["psnr"] if math.isnan(best.figures.get("holdout", math.nan)) else best.figures["holdout"]
    text = contest.command or best.command
    command = ""
    if text:
        command = (
            f'<div class="command"><code id="command">{escape(text)}</code>'
            '<button type="button" data-copy="command">copy</button></div>'
        )
    return (
        '<section><div class="verdict"><span class="faint">Best</span>'
        f'<b>{escape(best.title)}</b><span class="score">{escape(decibels(score))}</span></div>{command}</section>'
    )


def _curves(contest: Contest) -> str:
    buttons = "".join(button("by", by, f"by {by}", pressed=by == "seconds") for by in ("seconds", "steps"))
    charts = "".join(
        f'<div class="by-{by}">{race(contest, by).svg().replace("<svg ", "<svg data-race ", 1)}</div>'
        for by in ("seconds", "steps")
    )
    return f"""<section><h2>On the way</h2>
<p class="faint">Lines are estimates from the batches; dots at their ends are measured{_comma(contest.about_psnr)}.</p>
<div class="bar-of-buttons">{buttons}</div>{charts}</section>
"""


def _comma(words: str) -> str:
    return f" {escape(words)}" if words else ""


def _closing(contest: Contest) -> str:
    words = "PSNR, SSIM and SNR are measured on the whole signal, clipped to its range. "
    words += "Seconds count fitting only, without compiling, reading and measuring. "
    if contest.signal.domain.kind == "video":
        words += "Pictures are of the middle frame. "
    elif contest.signal.domain.kind == "volume" and contest.signal.in_dim > 2:
        words += "Pictures are of the middle slice. "
    return words + "Best of many on one signal, judged by what they learned: no word on other signals."
