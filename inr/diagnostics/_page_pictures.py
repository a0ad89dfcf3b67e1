"""The pictures of a page of fits: where they differ, side by side."""

from html import escape

import numpy as np

from inr.diagnostics._chart import SERIES
from inr.diagnostics._contest import Contender, Contest
from inr.diagnostics._contest_sheet import figure_words
from inr.diagnostics._html import button, img, jpeg, png
from inr.diagnostics._looks import SILENCE
from inr.diagnostics._plot import heat
from inr.diagnostics._race import series_ink
from inr.diagnostics._regions import Region
from inr.diagnostics._tiles import (
    envelope_chart,
    error_pixels,
    has_spectra,
    region_chart,
    region_pixels,
    scale_marks,
    spectrum_top,
    whole_error,
)

MOST_PICTURES = 60  # fits with pictures
WHOLE = "whole"  # what the view of all of a fit is called


def pictures(contest: Contest) -> str:
    """The signal with its regions, the legend, and a card for every fit."""
    shown = contest.shown[:MOST_PICTURES]
    alone = len(contest.regions) == 1
    views = [_tab(contest, region, alone=alone) for region in contest.regions]
    whole = "spectrogram of the error" if has_spectra(contest) else "all of it"
    if contest.shows_whole:
        views.append(button("view", WHOLE, whole, pressed=not contest.regions))
    cards = "".join(_card(contest, one) for one in shown)
    hint = (
        "Original under each fit, its error below it; the same axes for all."
        if contest.is_line
        else "Left the fit, right its error. Point at a fit to see the original in its place."
    )
    return f"""<section><h2>Side by side</h2>
<p class="faint">{hint}</p>
<div class="side{" alone" if contest.is_line else ""}">{_overview(contest)}
<div><div class="bar-of-buttons">{"".join(views)}</div>{_legend(contest)}</div></div>
<div class="cards" id="cards">{cards}</div></section>
"""


def _tab(contest: Contest, region: Region, *, alone: bool) -> str:
    tag = f'<span class="tag" style="background:var(--{region.name.lower()})">{region.name}</span>'
    words = ("close" if contest.is_line else "all pixels") if alone else tag + escape(region.why)
    return button("view", region.name, words, pressed=region.name == "A")


def _overview(contest: Contest) -> str:
    """The signal, with its regions as buttons."""
    if contest.is_line:
        return ""
    picture = contest.original.picture
    small = max(picture.shape) <= 128
    source = png(picture) if small else jpeg(picture)
    height, width = contest.indices.shape if contest.signal.domain.shape is not None else picture.shape[:2]
    marks = "".join(
        f'<button type="button" data-set="view" value="{region.name}" aria-label="region {region.name}" style="'
        f"left:{100 * region.left / width:.2f}%;top:{100 * region.top / height:.2f}%;"
        f"width:{100 * region.width / width:.2f}%;height:{100 * region.height / height:.2f}%;"
        f'border-color:var(--{region.name.lower()})"><span style="background:var(--{region.name.lower()})">'
        f"{region.name}</span></button>"
        for region in contest.regions
        if len(contest.regions) > 1
    )
    return f'<div class="overview{" crisp" if small else ""}"><img src="{source}" alt="the signal">{marks}</div>'


def _legend(contest: Contest) -> str:
    """What the colours of errors mean."""
    if contest.is_line and not has_spectra(contest):
        return ""
    colours = ",".join(f"rgb({r},{g},{b})" for r, g, b in heat(np.linspace(0, 1, 16)).tolist())
    words = "Size of the error in % of the signal's range; one scale for all maps, its steps are those of the root."
    marks = scale_marks(contest.reach)
    if has_spectra(contest):
        top = spectrum_top(contest)
        marks = [(share, f"{SILENCE + share * (top - SILENCE):.0f} dB") for share in (0.0, 0.5, 1.0)]
        words = "Power of the error, time to the right, frequency upwards; one scale for all, 0 dB is full scale."
    spans = "".join(f'<span style="left:{100 * share:.1f}%">{escape(text)}</span>' for share, text in marks)
    return (
        f'<div class="legend{f" view {WHOLE}" if contest.is_line else ""}"><p class="faint">{escape(words)}</p>'
        f'<div class="scale" style="background:linear-gradient(90deg,{colours})"></div>'
        f'<div class="marks">{spans}</div></div>'
    )


def _card(contest: Contest, one: Contender) -> str:
    place = contest.contenders.index(one)
    views = "".join(
        f'<div class="view {region.name}">{_close(contest, region, one)}</div>' for region in contest.regions
    )
    views += f'<div class="view {WHOLE}">{_whole(contest, one)}</div>' if contest.shows_whole else ""
    quality, rest = (line.replace("   ", " · ") for line in figure_words(one))
    note = f' <span style="color:var(--wrong)">{escape(one.note)}</span>' if one.note else ""
    classes = "card first" if place == 0 and one.ranked else "card"
    dashed = " dashed" if place >= SERIES else ""
    return (
        f'<article class="{classes}" id="fit-{place}"><h3><span class="swatch{dashed}" '
        f'style="border-color:var(--{series_ink(place)})"></span>{place + 1}. {escape(one.title)}</h3>'
        f'<div class="figures"><b>{escape(quality)}</b> &ensp; {escape(rest)}{note}</div>{views}'
        f'<div class="parts">{escape(one.parts)}</div></article>'
    )


def _close(contest: Contest, region: Region, one: Contender) -> str:
    if contest.is_line:
        return region_chart(contest, region, one).svg()
    crisp = " crisp" if max(region.height, region.width) <= 128 else ""
    error = error_pixels(contest.close(region, one).error, contest.reach)
    fit = img(png(region_pixels(contest, region, one)), "fit")
    return f'<div class="pair{crisp}">{_swap(region.name, fit)}{img(png(error, palette=True), "error")}</div>'


def _whole(contest: Contest, one: Contender) -> str:
    assert one.look is not None
    if contest.is_line and not one.look.spectrum.size:
        return envelope_chart(contest, one.look).svg()
    error = img(png(whole_error(contest, one.look), palette=True), "error")
    if contest.is_line:
        return f'<div class="pair single">{error}</div>'
    small = max(one.look.picture.shape) <= 128
    fit = img(png(one.look.picture) if small else jpeg(one.look.picture), "fit")
    return f'<div class="pair{" crisp" if small else ""}">{_swap(WHOLE, fit)}{error}</div>'


def _swap(view: str, fit: str) -> str:
    """A fit that gives way to the signal itself when it is pointed at."""
    return f'<div class="swap {view}" tabindex="0">{fit}</div>'
