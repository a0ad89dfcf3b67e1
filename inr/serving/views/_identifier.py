"""Names of images: which one, which slice of it, and how much larger than its own samples."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from inr.serving.views._errors import BadRequest
from inr.serving.views._images import Canvas

MAX_SIDE = 4096  # pixels of an answer, where a canvas says so; no answer has more than a square of this side
LONGEST = 16_000  # pixels of any side: WebP holds 16,383
MAX_PLACES = 1 << 20  # pixels along a canvas: float32 coordinates tell no more of them apart
_ENLARGED = re.compile(r"(?P<rest>.+?)(?:@(?P<scale>[1-9][0-9]{0,5})x)?")
_SLICE = re.compile(r"([xyzt])=(0(?:\.[0-9]{1,9})?|1(?:\.0{1,9})?)")


@dataclass(frozen=True)
class Identifier:
    """Which image: `name;z=0.5;t=0.25@8x`.

    Attributes:
        name: of the field, share or signal; what it stands for is the caller's to say.
        slices: where along axes beyond two, from 0 to 1.
        scale: how many times larger than its own samples the canvas is.
    """

    name: str
    slices: Mapping[str, float] = field(default_factory=dict)
    scale: int = 1

    def __str__(self) -> str:
        places = "".join(f";{axis}={spelt(place)}" for axis, place in self.slices.items())
        return f"{self.name}{places}{f'@{self.scale}x' if self.scale > 1 else ''}"


def identify(text: str) -> Identifier:
    """The parts of an identifier, which need not be one of an image that there is.

    Args:
        text: as it stands in the path, decoded.

    Raises:
        BadRequest: what follows the name is none of the suffixes.

    >>> from inr.serving.views import identify
    >>> identify("0198-ab;z=0.5@8x").scale, str(identify("0198-ab@1x"))
    (8, '0198-ab')
    """
    matched = _ENLARGED.fullmatch(text)
    if matched is None:
        raise BadRequest("an identifier is the name of an image, as in NAME, NAME@8x or NAME;z=0.5@4x")
    name, *places = matched["rest"].split(";")
    slices: dict[str, float] = {}
    for place in places:
        found = _SLICE.fullmatch(place)
        if found is None or found[1] in slices:
            raise BadRequest(f"{place!r} is no slice: each axis stands once, from 0 to 1, as in ;z=0.5;t=0.25")
        slices[found[1]] = float(found[2])
    if "@" in name:
        raise BadRequest("a canvas is 1 to 999999 times as large as its image, as in NAME@8x")
    return Identifier(name, dict(sorted(slices.items())), int(matched["scale"] or 1))


def canvas_size(identifier: Identifier, canvas: Canvas) -> tuple[int, int]:
    """Width and height of the image that an identifier names, in pixels.

    Args:
        identifier: which image.
        canvas: what it shows.

    Raises:
        BadRequest: an axis that there is not, or a canvas that is too large.
    """
    width, height = canvas.plane(identifier.slices)
    if identifier.scale > 1 and identifier.scale * max(width, height) > MAX_PLACES:
        most = max(MAX_PLACES // max(width, height), 1)
        raise BadRequest(f"this image can be enlarged {most} times at most, so that pixels can be told apart")
    return width * identifier.scale, height * identifier.scale


def is_limited(identifier: Identifier, canvas: Canvas) -> bool:
    """Whether the image states a `maxWidth`: one that is enlarged, or too large to be had in one piece."""
    plane = canvas.plane(identifier.slices)
    return identifier.scale > 1 or math.prod(plane) > MAX_SIDE**2 or max(plane) > LONGEST


def spelt(number: float) -> str:
    """A number without needless digits, and never with an exponent."""
    return f"{number:.9f}".rstrip("0").rstrip(".")
