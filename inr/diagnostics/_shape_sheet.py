"""Comparison sheets of shapes."""

from PIL import Image

from inr._upstairs import upstairs
from inr.diagnostics._layout import Panel
from inr.field import Field
from inr.signals import Signal


def shape_rows(field: Field, signal: Signal) -> list[list[Panel]]:
    """The input, the field, its error on the surface, and a slice of the distance; see `inr.shapes.shape_views`."""
    rows = upstairs("shape_views", field, signal)
    return [[Panel(Image.fromarray(pixels), caption, note) for pixels, caption, note in row] for row in rows]
