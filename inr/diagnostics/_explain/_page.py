"""An explanation as one HTML file that asks for nothing else, in the looks of a sweep's page."""

import math
import os
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image

from inr._files import replacing
from inr.diagnostics._explain._charts import histogram, line_chart, region_lines
from inr.diagnostics._explain._explanation import Explanation, Finding
from inr.diagnostics._explain._words import band_cells, looked_at, part_cells
from inr.diagnostics._html import img, png
from inr.diagnostics._plot import heat
from inr.diagnostics._svg import INKS, Chart


def explanation_page(
    explanation: Explanation, path: str | os.PathLike[str], *, title: str = "", force: bool = False
) -> None:
    """Write an explanation as one HTML file, with everything that it shows inside.

    Args:
        explanation: as `explain` gives it.
        path: the file to write.
        title: of the page; the signal's name if not given.
        force: whether to overwrite an existing file.

    Raises:
        InrError: an existing file without `force`, or one that cannot be written.
    """
    text = page_text(explanation, title or explanation.signal)
    with replacing(Path(path), force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


def page_text(explanation: Explanation, title: str) -> str:
    """The page."""
    plots = [
        _plot("What is left of each octave of frequencies, on the way", _bands_over_steps(explanation)),
        _plot("The tangent kernel, and where the target lies in it", _spectrum(explanation)),
        _plot("The loss", _loss(explanation)),
        _plot("Stable ranks of the weights, on the way", _ranks(explanation)),
        _plot("How much the patterns of pairs of points differ, on the way", _hamming(explanation)),
        _plot("Activation regions along the diagonal, on the way", _regions(explanation)),
        _plot("Activation regions along lines", region_lines(explanation.lines) if explanation.lines else None),
        _plot("Do neighbouring samples pull together?", _cosines(explanation)),
    ]
    facts = [escape(each) for each in _facts(explanation)]
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}: explained</title>
<style>
{_asset("page.css")}
{_asset("explain.css")}
{"".join(f".chart .{ink} {{ --c: var(--{ink}); }}" for ink in INKS)}
</style>
</head>
<body>
<header>
<button id="theme" type="button" title="light or dark">light / dark</button>
<h1>{escape(title)}</h1>
{"".join(f'<p class="facts">{fact}</p>' for fact in facts)}
</header>
<main>
{_verdict(explanation)}
{_parts(explanation)}
{_residual(explanation)}
<section><h2>Plots</h2><div class="plots">{"".join(plots)}</div></section>
</main>
<footer>{"".join(f"<p>{escape(note[0].upper() + note[1:])}.</p>" for note in explanation.notes)}
<p>Errors are measured on blocks of the signal, clipped to its range. Decibels that are expected come from rules.</p>
</footer>
<script>
{_asset("page.js")}
</script>
</body>
</html>
"""


def _asset(name: str) -> str:
    return files("inr.diagnostics").joinpath(name).read_text(encoding="utf-8").strip()


def _facts(explanation: Explanation) -> list[str]:
    facts = explanation.facts
    words = []
    if math.isfinite(facts.psnr):
        words.append(
            f"PSNR {facts.psnr:.1f} dB; predicting the mean {facts.psnr_of_mean:.1f} dB; random Fourier features, "
            f"solved at once, {facts.baseline:.1f} dB on samples left out"
        )
    if seen := looked_at(facts):
        words.append(seen[0].upper() + seen[1:])
    if math.isfinite(facts.psnr_held_out):
        words.append(f"{facts.psnr_held_out:.1f} dB on samples that were not learned")
    return words


def _verdict(explanation: Explanation) -> str:
    if not explanation.findings:
        words = "".join(f"<p>{escape(each)}</p>" for each in explanation.sentences)
        return f"<section><h2>What holds it back</h2>{words}</section>"
    cards = "".join(_card(place, each) for place, each in enumerate(explanation.findings))
    return f"<section><h2>What holds it back</h2>{cards}</section>"


def _card(place: int, finding: Finding) -> str:
    measured = "" if finding.measured is None else f"; measured <b>{finding.measured:+.1f} dB</b>"
    return (
        f'<div class="finding"><p><b>{place + 1}.</b> {escape(finding.sentence)}</p>'
        f'<p class="faint">expected <b>{finding.expected:+.1f} dB</b>{measured}; change {escape(finding.changed)}</p>'
        f'<div class="command"><code id="command{place}">{escape(finding.command)}</code>'
        f'<button type="button" data-copy="command{place}">copy</button></div></div>'
    )


def _parts(explanation: Explanation) -> str:
    """The two tables, of parts and of bands."""
    parts = _table("standing", *part_cells(explanation.parts))
    bands = _table("bands", *band_cells(explanation.bands)) if explanation.bands else ""
    heading = "<h2>By octave of frequencies</h2>" if bands else ""
    return f"<section><h2>By part</h2>{parts}</section>" + (f"<section>{heading}{bands}</section>" if bands else "")


def _table(name: str, headings: list[str], rows: list[list[str]]) -> str:
    head = "".join(
        f'<th class="{"name" if not place else ""}">{escape(each)}</th>' for place, each in enumerate(headings)
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{"name" if not place else ""}">{escape(cell)}</td>' for place, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table id="{name}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _plot(heading: str, chart: Chart | None) -> str:
    return "" if chart is None else f"<div><h3>{escape(heading)}</h3>{chart.svg()}</div>"


def _residual(explanation: Explanation) -> str:
    """A block's residual as a picture, or as a curve, and its autocorrelation."""
    residual = explanation.residual
    if residual is None:
        return ""
    if residual.ndim == 2:
        values = residual[:, 0]
        chart = line_chart({"residual": (np.arange(len(values)), values)}, x="sample of a stretch",
                           y="share of the range", words="residual")  # fmt: skip
        return f"<section><h2>The residual</h2>{chart.svg()}</section>"
    flat = residual if residual.ndim == 3 else residual[tuple(size // 2 for size in residual.shape[:-3])]
    sizes = np.sqrt(np.square(flat).mean(-1))
    most = max(float(np.quantile(sizes, 0.995)), 1e-9)
    pictures = [_picture(heat(np.clip(sizes / most, 0, 1)), f"residual, up to {most:.2%} of the range")]
    if explanation.around is not None:
        around = np.clip(explanation.around, -1, 1)
        pictures.append(_picture(heat((around + 1) / 2), "its autocorrelation up to 8 samples away: -1 dark, 1 bright"))
    return f'<section><h2>The residual</h2><div class="pictures">{"".join(pictures)}</div></section>'


def _picture(pixels: np.ndarray, words: str) -> str:
    times = max(round(384 / max(pixels.shape[:2])), 1)
    size = pixels.shape[1] * times, pixels.shape[0] * times
    enlarged = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST))
    caption = escape(words)
    return f"<figure>{img(png(enlarged, palette=True), caption)}<figcaption>{caption}</figcaption></figure>"


def _bands_over_steps(explanation: Explanation) -> Chart | None:
    history = explanation.facts.history
    if history is None or not any(look.bands for look in history.looks):
        return None
    looks = [look for look in history.looks if look.bands]
    count = len(looks[-1].bands)
    ends = [2.0 ** -(count - 1 - index) for index in range(count)]
    series = {
        f"up to {_fraction(end)}": ([max(look.step, 1) for look in looks], [look.bands[index] for look in looks])
        for index, end in enumerate(ends)
    }
    return line_chart(series, x="steps", y="share of the target's power that is missing", log_x=True, log_y=True,
                      words="residual by octaves of frequency, in shares of the Nyquist frequency")  # fmt: skip


def _fraction(end: float) -> str:
    return "Nyquist" if end == 1 else f"1/{round(1 / end)}"


def _spectrum(explanation: Explanation) -> Chart | None:
    if explanation.eigenvalues is None or explanation.shares is None:
        return None
    numbers = np.arange(1, len(explanation.eigenvalues) + 1)
    eigenvalues = explanation.eigenvalues / max(float(explanation.eigenvalues[0]), 1e-30)
    left = 1 - np.cumsum(explanation.shares)
    series = {
        "eigenvalues": (numbers, eigenvalues),
        "target's shares": (numbers, explanation.shares),
        "not yet reached": (numbers, np.maximum(left, 1e-9)),
    }
    return line_chart(series, x="eigenvector", y="share", log_x=True, log_y=True, dots=["target's shares"],
                      words="eigenvalues of the tangent kernel and the target's shares")  # fmt: skip


def _loss(explanation: Explanation) -> Chart | None:
    history = explanation.facts.history
    if history is None or not history.losses:
        return None
    steps = np.arange(len(history.losses)) * history.stride + 1
    stride = max(len(steps) // 1_500, 1)
    series = {"loss": (steps[::stride], history.losses[::stride])}
    return line_chart(series, x="steps", y="loss", log_x=True, log_y=True, words="loss of every step")


def _ranks(explanation: Explanation) -> Chart | None:
    history = explanation.facts.history
    looks = [] if history is None else [look for look in history.looks if look.ranks]
    if not looks:
        return None
    steps = [max(look.step, 1) for look in looks]
    series = {name: (steps, [look.ranks.get(name, math.nan) for look in looks]) for name in looks[-1].ranks}
    return line_chart(series, x="steps", y="stable rank", log_x=True, words="stable ranks of weight matrices")


def _hamming(explanation: Explanation) -> Chart | None:
    history = explanation.facts.history
    looks = [] if history is None else [look for look in history.looks if look.hamming is not None]
    if not looks:
        return None
    steps = [max(look.step, 1) for look in looks]
    series = {
        name: (steps, [look.hamming[place] for look in looks if look.hamming is not None])
        for place, name in enumerate(("neighbours", "far apart"))
    }
    return line_chart(series, x="steps", y="units", log_x=True, log_y=True, words="Hamming distances")


def _regions(explanation: Explanation) -> Chart | None:
    history = explanation.facts.history
    looks = [] if history is None else [look for look in history.looks if look.regions is not None]
    if not looks:
        return None
    series = {"diagonal": ([max(look.step, 1) for look in looks], [float(look.regions or 0) for look in looks])}
    return line_chart(series, x="steps", y="regions", log_x=True, words="activation regions along the diagonal")


def _cosines(explanation: Explanation) -> Chart | None:
    if explanation.cosines is None or not np.isfinite(explanation.cosines).any():
        return None
    return histogram(explanation.cosines, x="cosine between the gradients of two samples",
                     words="gradient confusion of neighbouring samples")  # fmt: skip
