"""The table of a page of fits: one row a fit, the best of every column marked."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

from inr.diagnostics._chart import SERIES
from inr.diagnostics._contest import Contender, Contest
from inr.diagnostics._page_pictures import MOST_PICTURES
from inr.diagnostics._race import series_ink

_Show = Callable[[float], str]

# heading, figure, how it is written, whether more is better
_FIGURES: Sequence[tuple[str, str, _Show, bool]] = (
    ("held out, dB", "holdout", lambda number: _number(number, ".2f"), True),
    ("PSNR, dB", "psnr", lambda number: _number(number, ".2f"), True),
    ("SSIM", "ssim", lambda number: _number(number, ".4f"), True),
    ("SNR, dB", "snr", lambda number: _number(number, ".2f"), True),
    ("seconds", "seconds", lambda number: _number(number, ".1f" if number >= 10 else ".2f"), False),
    ("steps", "steps", lambda number: _number(number, ",.0f"), True),
    ("parameters", "parameters", lambda number: _number(number, ",.0f"), False),
)


def _number(number: float, form: str) -> str:
    return "" if math.isnan(number) else "exact" if number == math.inf else format(number, form)


def _columns(contenders: Sequence[Contender]) -> list[tuple[str, str, _Show, bool]]:
    """The figures that tell something: those that are there, and steps only where they differ."""
    found = []
    for column in _FIGURES:
        numbers = {one.figures[column[1]] for one in contenders if not math.isnan(one.figures.get(column[1], math.nan))}
        if numbers and (column[1] != "steps" or len(numbers) > 1):
            found.append(column)
    return found


def standing(contest: Contest) -> str:
    """The table of all fits, and those of earlier rounds folded away."""
    columns = _columns(contest.contenders)
    ranked = [one for one in contest.contenders if one.ranked]
    bests = {
        name: _best([one.figures[name] for one in ranked], more) for _, name, _, more in columns if name != "steps"
    }
    heads = "".join(
        f'<th class="sortable" data-first="{"descending" if more else "ascending"}">{escape(heading)}</th>'
        for heading, _, _, more in columns
    )
    noted = any(one.note for one in contest.contenders)
    note = '<th class="name">note</th>' if noted else ""
    rows = [_table_row(contest, place, one, columns, bests, noted) for place, one in enumerate(contest.contenders)]
    return f"""<section><h2>Standing</h2>
<p class="faint">Click a heading to sort by it, the pictures below too; click a row to see its pictures.</p>
<div class="scroll"><table id="standing"><thead><tr><th class="sortable place" data-first="ascending">#</th>
<th class="sortable name" data-kind="words" data-first="ascending">combination</th>{heads}{note}</tr></thead>
<tbody>{"".join(rows)}</tbody></table></div>{_earlier(contest)}</section>
"""


def _best(numbers: Sequence[float], more: bool) -> float:
    numbers = [number for number in numbers if not math.isnan(number)]
    return (max if more else min)(numbers) if len(numbers) > 1 else math.nan


def _table_row(
    contest: Contest,
    place: int,
    one: Contender,
    columns: Sequence[tuple[str, str, _Show, bool]],
    bests: Mapping[str, float],
    noted: bool,
) -> str:
    dashed = " dashed" if place >= SERIES else ""
    swatch = f'<span class="swatch{dashed}" style="border-color:var(--{series_ink(place)})"></span>'
    cells = [f'<td class="place" data-value="{place + 1}">{swatch}{place + 1}</td>']
    cells.append(f'<td class="name" title="{escape(one.parts, quote=True)}">{escape(one.title)}</td>')
    for _, name, show, _ in columns:
        number = one.figures[name]
        best = " class=best" if one.ranked and number == bests.get(name) else ""
        value = "" if math.isnan(number) else f"{number:.12g}".replace("inf", "1e9")
        bar = _bar(contest, one, name) if name == columns[0][1] else ""
        cells.append(f'<td{best} data-value="{value}">{bar}{show(number)}</td>')
    if noted:
        cells.append(f'<td class="note">{escape(one.note)}</td>')
    classes = "first" if place == 0 and one.ranked else "" if one.ranked else "out"
    card = f' data-card="fit-{place}"' if one in contest.shown[:MOST_PICTURES] else ""
    return f'<tr class="{classes}" data-row="{place}"{card}>{"".join(cells)}</tr>'


def _bar(contest: Contest, one: Contender, name: str) -> str:
    """A bar that grows from the worst to the best dB."""
    numbers = [other.figures[name] for other in contest.contenders if other.ranked]
    numbers = [number for number in numbers if math.isfinite(number)]
    number = one.figures[name]
    if len(numbers) < 2 or not math.isfinite(number) or not one.ranked:
        return '<span class="track"></span>'
    low, high = min(numbers), max(numbers)
    share = (number - low) / max(high - low, 1e-9)
    return f'<span class="track"><span class="bar" style="width:{8 + 72 * min(max(share, 0), 1):.0f}px"></span></span>'


def _earlier(contest: Contest) -> str:
    if not contest.earlier:
        return ""
    columns = _columns(contest.earlier)
    heads = "".join(f"<th>{escape(heading)}</th>" for heading, _, _, _ in columns)
    rows = "".join(
        f'<tr><td class="name">{escape(one.title)}</td>'
        + "".join(f"<td>{show(one.figures[name])}</td>" for _, name, show, _ in columns)
        + f'<td class="note">{escape(one.note)}</td></tr>'
        for one in contest.earlier
    )
    return (
        f"<details><summary>{len(contest.earlier)} fits of earlier rounds, with a part of the budget</summary>"
        f'<div class="scroll"><table><thead><tr><th class="name">combination</th>{heads}<th class="name"></th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div></details>"
    )
