"""Paper on which sheets are set: a figure whose units are pixels, with words, pictures, marks and plots on it."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from inr.diagnostics._figures import INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 100
REGION_COLOURS = {"A": "#00a37a", "B": "#d63384", "C": "#e8890c"}
_TAG_SIDE = 18


class Paper:
    """A figure with one plot all over it, whose units are pixels from the upper left corner.

    Args:
        width, height: in pixels.
        vector: whether it is to be written as a vector graphic, into which pictures go as they are, rather than as
            pixels, among which theirs have to fall on whole ones.
    """

    def __init__(self, width: int, height: int, *, vector: bool = False) -> None:
        self.figure = new_figure(width / DPI, height / DPI, dpi=DPI)
        self.size = width, height
        self._vector = vector
        self._axes = self.figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, width)
        self._axes.set_ylim(height, 0)
        self._axes.set_autoscale_on(False)

    def text(self, left: float, top: float, words: str, size: int, colour: Any = INK, **options: Any) -> None:
        """Words with letters of so many pixels."""
        options = {"va": "top", **options}
        self._axes.text(left, top, words, fontsize=size * 72 / DPI * 0.85, color=colour, **options)

    def box(self, left: float, top: float, width: float, height: float, **options: Any) -> None:
        """A rectangle."""
        from matplotlib.patches import Rectangle

        self._axes.add_patch(Rectangle((left, top), width, height, **options))

    def picture(self, left: int, top: int, pixels: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]) -> None:
        """RGB pixels in a rectangle of `size`, width and height: whole squares of pixels where they are enlarged."""
        height, width = pixels.shape[:2]
        if self._vector or size[0] % width or size[1] % height:
            extent = (left, left + size[0], top + size[1], top)
            # vector graphics keep all pixels and leave it to the viewer to enlarge them
            self._axes.imshow(pixels, extent=extent, aspect="auto", interpolation="none" if self._vector else None)
            return
        squares = pixels.repeat(size[1] // height, axis=0).repeat(size[0] // width, axis=1)
        below = self.size[1] - top - size[1]
        self.figure.figimage(squares, left, below, origin="upper", zorder=-1)  # under the marks of regions

    def frame(self, left: float, top: float, width: float, height: float, name: str) -> None:
        """The outline of a region, with its letter."""
        self.box(left, top, width, height, fill=False, edgecolor="white", linewidth=3)
        self.box(left, top, width, height, fill=False, edgecolor=REGION_COLOURS[name], linewidth=1.5)
        self.tag(left, top, name)

    def tag(self, left: float, top: float, name: str) -> None:
        """The letter of a region."""
        self.box(left, top, _TAG_SIDE, _TAG_SIDE, color=REGION_COLOURS[name], linewidth=0)
        self.text(left + 9, top + 9, name, 14, "white", ha="center", va="center_baseline", weight="bold")

    def plot(self, left: float, top: float, width: float, height: float) -> "Axes":
        """A plot in a rectangle."""
        across, down = self.size
        return self.figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))
