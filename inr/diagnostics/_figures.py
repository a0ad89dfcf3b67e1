"""Figures that matplotlib draws: curves and point clouds in small multiples, in one style.

matplotlib is imported when something is drawn. Figures are made without `pyplot`, so nothing opens a window, and what
a program of the user's has set up in matplotlib stays as it is.
"""

import contextlib
import itertools
import logging
import math
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Real

from inr._errors import InrError
from inr._files import check_writable, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT = "#1c2028", "#69717d"  # of text, and of what explains it
_MARKED_POINTS = 20  # curves of fewer points than these have markers
_LABEL_SPACING = 1.3  # between the labels beside curves, in heights of a letter


@dataclass(frozen=True)
class Series:
    """A named curve, or a named cloud of points.

    Attributes:
        label: its name; series of one name look alike in all subplots. "" for what is not to be named.
        x, y: coordinates (n,), of any real dtype; points that are not finite are left out.
        style: a line, a dashed line, or points alone. Fewer than 20 points of a line have markers.
        colour: as matplotlib takes it; None for the next colour of the style, dashed when they come again.
        width: of the line, in points; None for the style's.
    """

    label: str
    x: Real[np.ndarray, " n"] | Sequence[float]
    y: Real[np.ndarray, " n"] | Sequence[float]
    style: Literal["line", "dashed", "points"] = "line"
    colour: Any = None
    width: float | None = None


@dataclass(frozen=True)
class Subplot:
    """One plot of a figure.

    Attributes:
        title: over it; note: fainter, beside the title.
        series: what is drawn, the first at the bottom.
        level: where a horizontal line is drawn, a goal for one; None for no line.
        x_limits, y_limits: what the axes span; None for all of the series.
    """

    title: str
    series: Sequence[Series]
    note: str = ""
    level: float | None = None
    x_limits: tuple[float, float] | None = None
    y_limits: tuple[float, float] | None = None


def plot(
    subplots: Sequence[Subplot],
    path: str | os.PathLike[str],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    x_scale: Literal["linear", "log"] = "linear",
    columns: int = 3,
    size: tuple[float, float] = (3.6, 2.8),
    labels: Literal["legend", "ends"] = "legend",
    force: bool = False,
) -> None:
    """Draw curves and clouds of points as a PNG, one plot or several beside and below each other.

    Args:
        subplots: the plots, row by row.
        path: the file to write.
        title: over the whole figure.
        x_label: the name of all horizontal axes, with its unit.
        y_label: the name of all vertical axes, with its unit.
        x_scale: whether the horizontal axes are linear or logarithmic.
        columns: the largest number of plots in a row.
        size: width and height of one plot, in inches.
        labels: where the names of series stand: in one legend for all plots, or beside the end of every curve.
        force: whether to overwrite an existing file.

    Raises:
        InrError: nothing to draw, another suffix than .png, an existing file without `force`, or one that cannot be
            written.

    A rate-distortion plot of two codecs:

    >>> from inr.diagnostics import Series, Subplot, plot
    >>> jpeg = Series("JPEG", [0.2, 0.4, 0.8], [26.1, 29.3, 32.0], style="dashed")
    >>> ours = Series("ours", [0.2, 0.4, 0.8], [28.0, 30.2, 32.4], width=3)
    >>> plot([Subplot("kodim01", [jpeg, ours])], "rates.png", x_label="bits per pixel", y_label="PSNR, dB")
    """
    if not any(subplot.series for subplot in subplots):
        raise InrError("there is nothing to draw: give subplots with series")
    path = checked_png(path, "a figure", force=force)
    columns = min(columns, len(subplots))
    rows = math.ceil(len(subplots) / columns)
    with figure_style():
        figure = new_figure(size[0] * columns, size[1] * rows, constrained=True)
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        looks = _looks(subplots)
        for axes, subplot in zip(grid, subplots, strict=False):
            _fill(axes, subplot, looks, x_scale)
        for axes in grid[len(subplots) :]:
            axes.set_visible(False)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=12)
        figure.supxlabel(x_label, fontsize=9, color=FAINT)
        figure.supylabel(y_label, fontsize=9, color=FAINT)
        if labels == "ends":
            _name_ends(figure, grid, subplots, looks)
        else:
            _add_legend(figure, looks)
        write_figure(figure, path, force=force)


@contextlib.contextmanager
def figure_style() -> Iterator[None]:
    """The style of all figures, while the context lasts; nothing but errors is said by matplotlib."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)  # the first run of all says that it looks for fonts
    try:
        import matplotlib.style

        with (
            as_file(files("inr.diagnostics").joinpath("style.mplstyle")) as style,
            matplotlib.style.context(["default", style]),
            warnings.catch_warnings(),
        ):
            warnings.filterwarnings("ignore", message="Glyph .* missing from")  # then a box is drawn
            yield
    finally:
        logger.setLevel(level)


def new_figure(width: float, height: float, *, dpi: float | None = None, constrained: bool = False) -> "Figure":
    """An empty figure of so many inches, which no window knows of; to be used within `figure_style`.

    Args:
        width: in inches.
        height: in inches.
        dpi: pixels an inch; None for the style's.
        constrained: whether matplotlib places the plots so that nothing overlaps.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    return figure


def checked_png(path: str | os.PathLike[str], kind: str, *, force: bool) -> Path:
    """The path of a PNG that is to be written. Raises InrError for another suffix, or what cannot be written there."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InrError(f"{kind} is a PNG; call it {path.with_suffix('.png')}")
    check_writable(path, force=force)
    return path


def write_figure(figure: "Figure", path: Path, *, force: bool) -> None:
    """Write a figure as a PNG, or as a PDF where the path ends so; equal figures give equal files."""
    import matplotlib

    form = "pdf" if path.suffix.lower() == ".pdf" else "png"
    metadata = {"Software": None} if form == "png" else dict.fromkeys(("Creator", "Producer", "CreationDate"))
    # pictures of a PDF are kept apart, each with the pixels that it has
    with replacing(path, force=force) as temporary, matplotlib.rc_context({"image.composite_image": form == "png"}):
        figure.savefig(temporary, format=form, metadata=metadata)


def label_ends(
    axes: "Axes", ends: Sequence[tuple[str, float, float, Any]], *, size: float = 8.5, left: float = 1.04
) -> None:
    """Write names to the right of a plot, each at the height of its point or as near as the others let it.

    Args:
        axes: the plot, whose limits and place are final.
        ends: name, x, y and colour of each.
        size: of the letters, in points.
        left: where names begin, as a share of the plot's width.
    """
    height = axes.get_window_extent().height
    space = _LABEL_SPACING * size * axes.figure.dpi / 72
    to_pixels = axes.transLimits.transform
    rows = [height * float(np.clip(to_pixels((0.0, y))[1], 0, 1)) for _, _, y, _ in ends]
    order = sorted(range(len(ends)), key=lambda index: (-rows[index], index))
    places = spread([height - rows[index] for index in order], space, 0.0, height)
    for index, place in zip(order, places, strict=True):
        name, x, y, colour = ends[index]
        axes.annotate(
            name, (x, y), (left, 1 - place / height), xycoords="data", textcoords="axes fraction", color=colour,
            fontsize=size, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "linestyle": (0, (5, 4)), "shrinkA": 2,
                "shrinkB": 3, "relpos": (0, 0.5)},
        )  # fmt: skip


def spread(wanted: Sequence[float], space: float, first: float, last: float) -> list[float]:
    """Places near those wanted, at least `space` apart.

    Args:
        wanted: places in ascending order.
        space: the smallest distance between two.
        first, last: the range they are to lie in; what does not fit goes beyond `first`.
    """
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + space if places else first))
    for index in range(len(places) - 1, -1, -1):  # those pushed out at the end push the others back
        places[index] = min(places[index], last)
        last = places[index] - space
    return places


def _looks(subplots: Sequence[Subplot]) -> dict[str, dict[str, Any]]:
    """How series are drawn, by their names."""
    import matplotlib

    colours = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    looks: dict[str, dict[str, Any]] = {}
    following = itertools.count()
    for series in (series for subplot in subplots for series in subplot.series):
        if series.label in looks:
            continue
        place = next(following) if series.colour is None else 0
        dashed = series.style == "dashed" or place >= len(colours)
        look: dict[str, Any] = {"color": colours[place % len(colours)] if series.colour is None else series.colour}
        if series.width is not None:
            look |= {"linewidth": series.width, "markersize": 2.4 + series.width}
        look["linestyle"] = "" if series.style == "points" else "--" if dashed else "-"
        look["marker"] = "o" if series.style == "points" or len(series.x) < _MARKED_POINTS else ""
        looks[series.label] = look
    return looks


def _fill(axes: "Axes", subplot: Subplot, looks: Mapping[str, Mapping[str, Any]], x_scale: str) -> None:
    axes.set_xscale(x_scale)
    if subplot.level is not None:
        axes.axhline(subplot.level, color=INK, linewidth=1)
    for series in subplot.series:
        xs, ys = np.asarray(series.x, dtype=np.float64), np.asarray(series.y, dtype=np.float64)
        finite = np.isfinite(xs) & np.isfinite(ys)
        axes.plot(xs[finite], ys[finite], **looks[series.label])
    if subplot.x_limits is not None:
        axes.set_xlim(*subplot.x_limits)
    if subplot.y_limits is not None:
        axes.set_ylim(*subplot.y_limits)
    set_ticks(axes, x_scale)
    title = axes.set_title(subplot.title)
    if subplot.note:
        axes.annotate(
            subplot.note, (1, 0), (6, 0), xycoords=title, textcoords="offset points", color=FAINT, va="bottom",
            fontsize=9, annotation_clip=False,
        )  # fmt: skip


def set_ticks(axes: "Axes", x_scale: str) -> None:
    """Round numbers along both axes, steps of 1, 2 or 5 times a power of ten, written as they are spoken."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axes.locator_params("y", steps=[1, 2, 5, 10])
    if x_scale == "linear":
        axes.locator_params("x", steps=[1, 2, 5, 10])
        return
    low, high = axes.get_xlim()
    subs = (1.0, 2.0, 5.0) if high < 1000 * low else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.6g}"))


def _name_ends(
    figure: "Figure", grid: Any, subplots: Sequence[Subplot], looks: Mapping[str, Mapping[str, Any]]
) -> None:
    """The names of curves beside their ends; they narrow the plots, and so are placed twice."""
    for _ in range(2):
        figure.draw_without_rendering()
        for axes, subplot in zip(grid, subplots, strict=False):
            for text in [text for text in axes.texts if text.arrow_patch is not None]:
                text.remove()
            label_ends(axes, [end for series in subplot.series for end in _end(axes, series, looks)])


def _end(axes: "Axes", series: Series, looks: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, float, float, Any]]:
    """Name, place and colour of the last point that is within the plot; nothing where there is none."""
    xs, ys = np.asarray(series.x, dtype=np.float64), np.asarray(series.y, dtype=np.float64)
    (left, right), (bottom, top) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
    inside = np.flatnonzero((xs >= left) & (xs <= right) & (ys >= bottom) & (ys <= top))
    if not series.label or not len(inside):
        return []
    last = inside[np.argmax(xs[inside])]
    return [(series.label, float(xs[last]), float(ys[last]), looks[series.label]["color"])]


def _add_legend(figure: "Figure", looks: Mapping[str, Mapping[str, Any]]) -> None:
    """One legend for all plots, to their right."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=label, **look) for label, look in looks.items() if label]
    if handles:
        figure.legend(handles=handles, loc="outside right upper")
