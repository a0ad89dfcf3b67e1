"""The pictures of a page of fits: where they differ, side by side."""

from html import escape

import numpy as np

from inr.diagnostics._comparison import Comparison, Run
from inr.diagnostics._html import button, img, jpeg, png
from inr.diagnostics._page_charts import envelope_chart, region_chart
from inr.diagnostics._plot import heat
from inr.diagnostics._regions import Region
from inr.diagnostics._svg import SERIES, series_ink
from inr.diagnostics._tiles import error_pixels, has_spectra, region_pixels, spectrum_marks, whole_error
from inr.diagnostics._wording import metric_lines, scale_marks

MOST_PICTURES = 60  # fits with pictures
WHOLE = "whole"  # what the view of all of a fit is called


def pictures(comparison: Comparison) -> str:
    """The signal with its regions, the legend, and a card for every fit."""
    shown = comparison.shown[:MOST_PICTURES]
    alone = len(comparison.regions) == 1
    views = [_tab(comparison, region, alone=alone) for region in comparison.regions]
    whole = "spectrogram of the error" if has_spectra(comparison) else "all of it"
    if comparison.shows_whole:
        views.append(button("view", WHOLE, whole, pressed=not comparison.regions))
    cards = "".join(_card(comparison, run) for run in shown)
    hint = (
        "Original under each fit, its error below it; the same axes for all."
        if comparison.is_line
        else "Left the fit, right its error. Point at a fit to see the original in its place."
    )
    return f"""<section><h2>Side by side</h2>
<p class="faint">{hint}</p>
<div class="side{" alone" if comparison.is_line else ""}">{_overview(comparison)}
<div><div class="bar-of-buttons">{"".join(views)}</div>{_legend(comparison)}</div></div>
<div class="cards" id="cards">{cards}</div></section>
"""


def _tab(comparison: Comparison, region: Region, *, alone: bool) -> str:
    tag = f'<span class="tag" style="background:var(--{region.name.lower()})">{region.name}</span>'
    words = ("close" if comparison.is_line else "all pixels") if alone else tag + escape(region.why)
    return button("view", region.name, words, pressed=region.name == "A")


def _overview(comparison: Comparison) -> str:
    """The signal, with its regions as buttons."""
    if comparison.is_line:
        return ""
    picture = comparison.original.picture
    small = max(picture.shape) <= 128
    source = png(picture) if small else jpeg(picture)
    height, width = comparison.indices.shape if comparison.signal.domain.shape is not None else picture.shape[:2]
    marks = "".join(
        f'<button type="button" data-set="view" value="{region.name}" aria-label="region {region.name}" style="'
        f"left:{100 * region.left / width:.2f}%;top:{100 * region.top / height:.2f}%;"
        f"width:{100 * region.width / width:.2f}%;height:{100 * region.height / height:.2f}%;"
        f'border-color:var(--{region.name.lower()})"><span style="background:var(--{region.name.lower()})">'
        f"{region.name}</span></button>"
        for region in comparison.regions
        if len(comparison.regions) > 1
    )
    return f'<div class="overview{" crisp" if small else ""}"><img src="{source}" alt="the signal">{marks}</div>'


def _legend(comparison: Comparison) -> str:
    """What the colours of errors mean."""
    if comparison.is_line and not has_spectra(comparison):
        return ""
    colours = ",".join(f"rgb({r},{g},{b})" for r, g, b in heat(np.linspace(0, 1, 16)).tolist())
    words = "Size of the error in % of the signal's range; one scale for all maps, its steps are those of the root."
    marks = scale_marks(comparison.error_scale)
    if has_spectra(comparison):
        marks = spectrum_marks(comparison)
        words = "Power of the error, time to the right, frequency upwards; one scale for all, 0 dB is full scale."
    spans = "".join(f'<span style="left:{100 * share:.1f}%">{escape(text)}</span>' for share, text in marks)
    return (
        f'<div class="legend{f" view {WHOLE}" if comparison.is_line else ""}"><p class="faint">{escape(words)}</p>'
        f'<div class="scale" style="background:linear-gradient(90deg,{colours})"></div>'
        f'<div class="marks">{spans}</div></div>'
    )


def _card(comparison: Comparison, run: Run) -> str:
    place = comparison.runs.index(run)
    views = "".join(
        f'<div class="view {region.name}">{_close(comparison, region, run)}</div>' for region in comparison.regions
    )
    views += f'<div class="view {WHOLE}">{_whole(comparison, run)}</div>' if comparison.shows_whole else ""
    quality, rest = (line.replace("   ", " · ") for line in metric_lines(run))
    note = f' <span style="color:var(--wrong)">{escape(run.note)}</span>' if run.note else ""
    classes = "card first" if place == 0 and run.ranked else "card"
    dashed = " dashed" if place >= SERIES else ""
    return (
        f'<article class="{classes}" id="fit-{place}"><h3><span class="swatch{dashed}" '
        f'style="border-color:var(--{series_ink(place)})"></span>{place + 1}. {escape(run.title)}</h3>'
        f'<div class="figures"><b>{escape(quality)}</b> &ensp; {escape(rest)}{note}</div>{views}'
        f'<div class="parts">{escape(run.parts)}</div></article>'
    )


def _close(comparison: Comparison, region: Region, run: Run) -> str:
    if comparison.is_line:
        return region_chart(comparison, region, run).svg()
    crisp = " crisp" if max(region.height, region.width) <= 128 else ""
    error = error_pixels(comparison.crop(region, run).error, comparison.error_scale)
    fit = img(png(region_pixels(comparison, region, run)), "fit")
    return f'<div class="pair{crisp}">{_swap(region.name, fit)}{img(png(error, palette=True), "error")}</div>'


def _whole(comparison: Comparison, run: Run) -> str:
    assert run.thumbnail is not None
    if comparison.is_line and not run.thumbnail.spectrum.size:
        return envelope_chart(comparison, run.thumbnail).svg()
    error = img(png(whole_error(comparison, run.thumbnail), palette=True), "error")
    if comparison.is_line:
        return f'<div class="pair single">{error}</div>'
    small = max(run.thumbnail.picture.shape) <= 128
    fit = img(png(run.thumbnail.picture) if small else jpeg(run.thumbnail.picture), "fit")
    return f'<div class="pair{" crisp" if small else ""}">{_swap(WHOLE, fit)}{error}</div>'


def _swap(view: str, fit: str) -> str:
    """A fit that gives way to the signal itself when it is pointed at."""
    return f'<div class="swap {view}" tabindex="0">{fit}</div>'
