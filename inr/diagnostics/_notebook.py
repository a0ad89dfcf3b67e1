"""What notebooks show of a field, a signal and a table of fits: a picture, and what is to be known in few lines."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from inr._errors import InrError
from inr._specs import format_spec
from inr.container import dumps
from inr.diagnostics._pixels import fitted, picture
from inr.diagnostics._plot import FIT, ORIGINAL, Colour, Plot
from inr.diagnostics._thumbnail import LONGEST_SIDE, samples_along, signal_thumbnail
from inr.diagnostics._waveform import trace
from inr.diagnostics._wording import decibels
from inr.field import Field
from inr.signals import Domain, GridSignal, Signal

_CURVE = 480, 140  # pixels of a plot over one axis
_MOST_SAMPLES = 2**17  # of a curve: more share its columns
_CELL = "padding:1px 12px 1px 0;text-align:left;vertical-align:top;border:none"


def field_png(field: Field) -> bytes | None:
    """A small picture of a field: all of a picture, the middle frame or slice, or a curve.

    Args:
        field: on any domain.

    Returns:
        The bytes of a PNG; None for scattered samples of three and more axes.
    """
    domain = field.domain
    if domain.in_dim == 1:
        size = min(domain.axes[0].size or _CURVE[0], _MOST_SAMPLES)
        return _png(_curve(field.render((size,))[:, 0], domain, FIT))
    if domain.shape is None:
        if domain.in_dim > 2:
            return None
        return _png(fitted(picture(field.render((LONGEST_SIDE, LONGEST_SIDE))[::-1], domain)))  # upwards, as plots are
    *others, height, width = domain.shape
    scale = min(LONGEST_SIDE / max(height, width), 1.0)
    shape = (*[1] * len(others), max(round(height * scale), 1), max(round(width * scale), 1))
    # the middle cell of the axes that are not shown
    box = [(-1.0, 1.0), (-1.0, 1.0), *(((2 * (n // 2)) / n - 1, (2 * (n // 2) + 2) / n - 1) for n in reversed(others))]
    shown = GridSignal(field.render(shape, box), domain.resampled(shape, box))
    return _png(fitted(signal_thumbnail(shown).picture))


def signal_png(signal: Signal) -> bytes | None:
    """As `field_png`, of a signal; of scattered samples the means over small squares."""
    if signal.in_dim > 1:
        return _png(fitted(signal_thumbnail(signal).picture))
    indices, places = samples_along(signal)
    values = signal.array[indices, 0].astype(np.float32)
    if signal.positions is None:
        return _png(_curve(values, signal.domain, ORIGINAL))
    plot = _empty(signal.domain)
    plot.dots(places, values, ORIGINAL, radius=2)
    return _png(plot.image())


def field_html(field: Field) -> str:
    """The picture of a field beside its parts, numbers, bytes and measures, as HTML that stands alone.

    Args:
        field: on any domain.
    """
    rows = {"field": _shape(field.domain)}
    rows |= {part: format_spec(config) for part, config in field.config().items()}
    rows["parameters"] = f"{field.parameter_count:,}"
    try:
        rows["file"] = f"{len(dumps(*field.storage(field))):,} bytes"
    except InrError as error:
        rows["file"] = str(error)
    rows |= {_NAMES.get(name, name.upper()): _measure(name, value) for name, value in field.metrics.items()}
    return _beside(field_png(field), rows)


def signal_html(signal: Signal) -> str:
    """The picture of a signal beside its shape, type, axes and range, as HTML that stands alone."""
    domain = signal.domain
    rows = {"signal": _shape(domain, signal.size)}
    rows |= {axis.name: f"{axis.low:g} to {axis.high:g} {axis.unit}" for axis in domain.axes}
    ranges = zip(domain.values.low, domain.values.high, strict=True)
    rows["range"] = ", ".join(f"{low:g} to {high:g}" for low, high in ranges)
    rows["samples"] = f"{signal.array.dtype}, {_SAMPLING[domain.sampling]}"
    return _beside(signal_png(signal), rows)


def table_html(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is words and whose others are numbers, the first row the best.

    Args:
        headings: of the columns.
        rows: cells as text.
    """
    aligned = ["left", *["right"] * (len(headings) - 1)]

    def line(cells: Sequence[str], tag: str, weight: str) -> str:
        style = f"padding:1px 12px 1px 0;border:none;font-weight:{weight}"
        return "<tr>" + "".join(
            f'<{tag} style="{style};text-align:{side}">{escape(cell)}</{tag}>'
            for cell, side in zip(cells, aligned, strict=True)
        ) + "</tr>"  # fmt: skip

    body = "".join(line(row, "td", "bold" if place == 0 else "normal") for place, row in enumerate(rows))
    return f"<table>{line(headings, 'th', 'normal')}{body}</table>"


_NAMES = {"psnr": "PSNR", "psnr_between": "between samples"}
_SAMPLING = {"area": "means over cells", "point": "values at points", "band": "band-limited"}


def _measure(name: str, value: float) -> str:
    return f"{value:.4f}" if name == "ssim" else decibels(value)


def _shape(domain: Domain, size: int = 0) -> str:
    """The kind and size of what is described."""
    if domain.shape is None:
        count = f"{size:,} samples of " if size else ""
        return f"scattered, {count}{domain.in_dim} coordinates, {domain.channels} values"
    sizes = " x ".join(str(axis.size) for axis in domain.axes)
    return f"{domain.kind}, {sizes}" + (f", {domain.channels} channels" if domain.channels > 1 else "")


def _beside(png: bytes | None, rows: Mapping[str, str]) -> str:
    table = "".join(
        f'<tr><th style="{_CELL};font-weight:normal;opacity:.65">{escape(name)}</th>'
        f'<td style="{_CELL};overflow-wrap:anywhere">{escape(text)}</td></tr>'
        for name, text in rows.items()
    )
    image = "" if png is None else img_html(png, rows[next(iter(rows))])
    return (
        '<div style="display:flex;gap:16px;flex-wrap:wrap;align-items:flex-start">'
        f'{image}<table style="margin:0;flex:1;min-width:280px">{table}</table></div>'
    )


def img_html(png: bytes, words: str) -> str:
    """A picture within a page."""
    data = base64.b64encode(png).decode()
    return f'<img alt="{escape(words, quote=True)}" style="max-width:100%" src="data:image/png;base64,{data}">'


def _empty(domain: Domain) -> Plot:
    axis, values = domain.axes[0], domain.values
    return Plot(_CURVE, (axis.low, axis.high), (values.low[0], values.high[0]), x_unit=axis.unit)


def _curve(values: Float[np.ndarray, " n"], domain: Domain, colour: Colour) -> Image.Image:
    plot = _empty(domain)
    trace(plot, values, (domain.axes[0].low, domain.axes[0].high), colour, 1.0)
    return plot.image()


def _png(image: Image.Image | UInt8[np.ndarray, "h w 3"]) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, format="PNG")
    return buffer.getvalue()
