"""From where a shape is seen."""

import hashlib
from typing import Literal, NamedTuple

from inr.serving.views._images import FieldImage

_DRAWN_BY = "1"  # changes with every change of what is drawn, so that no old picture is taken for a new one


class View(NamedTuple):
    """A picture of a shape; of one in the plane only the size counts.

    Attributes:
        azimuth: degrees to the right around the upward axis.
        elevation: degrees above the horizon.
        up: the axis that points upwards.
        size: pixels of width and height.
    """

    azimuth: int = 35
    elevation: int = 20
    up: Literal["x", "y", "z"] = "y"
    size: int = 512

    def key_of(self, image: FieldImage) -> str:
        """Hexadecimal; pictures are equal where this is, of angles that are a whole turn apart, too."""
        told = f"{_DRAWN_BY} view {image.sha256} {tuple(self._replace(azimuth=self.azimuth % 360))}"
        return hashlib.sha256(told.encode()).hexdigest()
