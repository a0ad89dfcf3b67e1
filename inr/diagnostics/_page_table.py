"""The table of a page of fits: one row a fit, the best of every column marked."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from inr.diagnostics._columns import Column, columns_of
from inr.diagnostics._comparison import Comparison, Run
from inr.diagnostics._page_pictures import MOST_PICTURES
from inr.diagnostics._svg import SERIES, series_ink


def table_section(comparison: Comparison) -> str:
    """The table of all fits, and those of earlier rounds folded away."""
    columns = columns_of(comparison.runs)
    bests = {column.name: column.best(comparison.runs) for column in columns}
    heads = "".join(
        f'<th class="sortable" data-first="{"de" if column.more else "a"}scending">{escape(column.heading)}</th>'
        for column in columns
    )
    noted = any(run.note for run in comparison.runs)
    note = '<th class="name">note</th>' if noted else ""
    rows = [_table_row(comparison, place, run, columns, bests, noted) for place, run in enumerate(comparison.runs)]
    return f"""<section><h2>Standing</h2>
<p class="faint">Click a heading to sort by it, the pictures below too; click a row to see its pictures.</p>
<div class="scroll"><table id="standing"><thead><tr><th class="sortable place" data-first="ascending">#</th>
<th class="sortable name" data-kind="words" data-first="ascending">combination</th>{heads}{note}</tr></thead>
<tbody>{"".join(rows)}</tbody></table></div>{_earlier(comparison)}</section>
"""


def _table_row(
    comparison: Comparison,
    place: int,
    run: Run,
    columns: Sequence[Column],
    bests: Mapping[str, float],
    noted: bool,
) -> str:
    dashed = " dashed" if place >= SERIES else ""
    swatch = f'<span class="swatch{dashed}" style="border-color:var(--{series_ink(place)})"></span>'
    cells = [f'<td class="place" data-value="{place + 1}">{swatch}{place + 1}</td>']
    cells.append(f'<td class="name" title="{escape(run.parts, quote=True)}">{escape(run.title)}</td>')
    for column in columns:
        number = run.metrics[column.name]
        best = " class=best" if run.ranked and number == bests[column.name] else ""
        value = "" if math.isnan(number) else f"{number:.12g}".replace("inf", "1e9")
        bar = _bar(comparison, run, column.name) if column is columns[0] else ""
        cells.append(f'<td{best} data-value="{value}">{bar}{column.written(run)}</td>')
    if noted:
        cells.append(f'<td class="note">{escape(run.note)}</td>')
    classes = "first" if place == 0 and run.ranked else "" if run.ranked else "out"
    card = f' data-card="fit-{place}"' if run in comparison.shown[:MOST_PICTURES] else ""
    return f'<tr class="{classes}" data-row="{place}"{card}>{"".join(cells)}</tr>'


def _bar(comparison: Comparison, run: Run, name: str) -> str:
    """A bar that grows from the worst to the best dB."""
    numbers = [other.metrics[name] for other in comparison.runs if other.ranked]
    numbers = [number for number in numbers if math.isfinite(number)]
    number = run.metrics[name]
    if len(numbers) < 2 or not math.isfinite(number) or not run.ranked:
        return '<span class="track"></span>'
    low, high = min(numbers), max(numbers)
    share = (number - low) / max(high - low, 1e-9)
    return f'<span class="track"><span class="bar" style="width:{8 + 72 * min(max(share, 0), 1):.0f}px"></span></span>'


def _earlier(comparison: Comparison) -> str:
    if not comparison.earlier:
        return ""
    columns = columns_of(comparison.earlier)
    heads = "".join(f"<th>{escape(column.heading)}</th>" for column in columns)
    rows = "".join(
        f'<tr><td class="name">{escape(run.title)}</td>'
        + "".join(f"<td>{column.written(run)}</td>" for column in columns)
        + f'<td class="note">{escape(run.note)}</td></tr>'
        for run in comparison.earlier
    )
    return (
        f"<details><summary>{len(comparison.earlier)} fits of earlier rounds, with a part of the budget</summary>"
        f'<div class="scroll"><table><thead><tr><th class="name">combination</th>{heads}<th class="name"></th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div></details>"
    )
