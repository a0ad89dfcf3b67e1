"""Requests of the IIIF Image API 3.0: https://iiif.io/api/image/3.0."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from inr.serving.views._errors import BadRequest
from inr.serving.views._identifier import LONGEST, MAX_SIDE, Identifier, canvas_size, is_limited, spelt
from inr.serving.views._images import Canvas

FORMATS = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "tif": "image/tiff"}
QUALITIES = ("default", "color", "gray", "bitonal")
_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)"
_PERCENT_REGION = re.compile("pct:" + ",".join([_NUMBER] * 4))
_PIXEL_REGION = re.compile(",".join([r"([0-9]{1,9})"] * 4))
_PERCENT_SIZE = re.compile("pct:" + _NUMBER)
_PIXEL_SIZE = re.compile(r"([0-9]{0,9}),([0-9]{0,9})")
_ROTATION = re.compile(r"(!?)" + _NUMBER)
_ROUNDING = 1e-9
_SHRINKING = 16  # multiplications for a pixel of a mean
_PLACES = 4  # at which a sample of a cell is measured, and a slope


@dataclass(frozen=True)
class Request:
    """What is to be drawn.

    Attributes:
        identifier: which image.
        region: left, top, width and height, in pixels of the canvas; fractions where per cent were asked for.
        size: width and height of the region when drawn, in pixels, before it is turned.
        mirrored: whether left and right are exchanged, before it is turned.
        rotation: degrees clockwise, from 0 up to 360, which is left out.
        quality: default, color, gray, bitonal, error or slope.
        form: jpg, png, webp or tif.
        canonical: the same request as every client should spell it, without the identifier.
        cost: multiplications that it takes, about.
    """

    identifier: Identifier
    region: tuple[float, float, float, float]
    size: tuple[int, int]
    mirrored: bool
    rotation: float
    quality: str
    form: str
    canonical: str
    cost: float

    @property
    def samples(self) -> tuple[float, ...]:
        """The region in samples of the image."""
        return tuple(number / self.identifier.scale for number in self.region)

    @property
    def is_kept(self) -> bool:
        """Whether it is drawn from the picture at smaller sizes, or at its own, that is made once."""
        native = is_native(self.samples, self.size) and self.rotation % 90 == 0
        return native or shrinks(self.samples, self.size)

    @property
    def media_type(self) -> str:
        """Of the picture that is the answer."""
        return FORMATS[self.form]

    def to_json(self) -> dict[str, Any]:
        """What a renderer needs, as plain JSON; the region is in samples of the image."""
        return {
            "slices": dict(self.identifier.slices),
            "region": list(self.samples),
            "size": list(self.size),
            "mirrored": self.mirrored,
            "rotation": self.rotation,
            "quality": self.quality,
            "form": self.form,
        }


def parse(
    identifier: Identifier, region: str, size: str, rotation: str, quality_format: str, canvas: Canvas
) -> Request:
    """What a path of the Image API asks for.

    Args:
        identifier: which image.
        region: full, square, x,y,w,h or pct:x,y,w,h.
        size: max, w, or ,h or w,h or pct:n or !w,h; with ^ where it may be enlarged.
        rotation: degrees clockwise, with ! in front to be mirrored first.
        quality_format: as in default.jpg.
        canvas: what there is.

    Returns:
        The request, within the canvas.

    Raises:
        BadRequest: anything that is not of the specification, or asks for more than there is.

    >>> from inr.serving.views import Canvas, identify, parse
    >>> parse(identify("cat"), "0,0,100,50", "50,", "360", "color.png", Canvas((640, 480), False, 3)).canonical
    '0,0,100,50/50,25/0/default.png'
    """
    width, height = canvas_size(identifier, canvas)
    box = _region(region, width, height)
    limited = is_limited(identifier, canvas)
    pixels, size_spelt = _size(size, box, limited)
    mirrored, degrees = _rotation(rotation)
    quality, form = _quality_format(quality_format, canvas)
    turned = f"{'!' if mirrored else ''}{spelt(degrees)}"
    canonical = f"{_spelt_region(box, width, height)}/{size_spelt}/{turned}/{quality}.{form}"
    outer = turned_size(pixels, degrees)
    if math.prod(outer) > 2 * MAX_SIDE**2:
        raise _too_large(outer, f"{2 * MAX_SIDE**2} after it is turned")
    request = Request(identifier, box, pixels, mirrored, degrees, quality, form, canonical, 0.0)
    return replace(request, cost=_cost(request, canvas))


def _cost(request: Request, canvas: Canvas) -> float:
    """Multiplications that a request takes, about: what is kept is averaged at most, samples have some places."""
    points = math.prod(request.size)
    if request.is_kept:
        return points * _SHRINKING
    per_sample = request.size[0] * request.identifier.scale / request.region[2]
    return points * canvas.cost * (_PLACES if per_sample <= 2 or request.quality == "slope" else 1)


def shrinks(region: Sequence[float], size: tuple[int, int]) -> bool:
    """Whether pixels are larger than samples along an axis.

    Args:
        region: left, top, width and height in samples.
        size: width and height in pixels.
    """
    return any(length > count * (1 + _ROUNDING) for length, count in zip(region[2:], size, strict=True))


def is_native(region: Sequence[float], size: tuple[int, int]) -> bool:
    """Whether every pixel is a sample.

    Args:
        region, size: as of `shrinks`.
    """
    return tuple(region[2:]) == size and all(float(place).is_integer() for place in region[:2])


def turned_size(size: tuple[int, int], degrees: float) -> tuple[int, int]:
    """Width and height of the picture that holds one of `size` when it is turned, to the nearest pixel."""
    if degrees % 90 == 0:
        return size if degrees % 180 == 0 else (size[1], size[0])
    cosine, sine = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    width, height = size
    return _rounded(width * cosine + height * sine), _rounded(width * sine + height * cosine)


def _region(text: str, width: int, height: int) -> tuple[float, float, float, float]:
    """Left, top, width and height, cut at the edges of the canvas."""
    if text == "full":
        return 0, 0, width, height
    if text == "square":
        side = min(width, height)
        return (width - side) // 2, (height - side) // 2, side, side
    if found := _PERCENT_REGION.fullmatch(text):
        shares = [float(number) / 100 for number in found.groups()]
        left, top, across, down = (
            _whole(share * length) for share, length in zip(shares, (width, height) * 2, strict=True)
        )
    elif found := _PIXEL_REGION.fullmatch(text):
        left, top, across, down = (float(number) for number in found.groups())
    else:
        raise BadRequest(f"{text!r} is no region; one is full, square, x,y,w,h or pct:x,y,w,h")
    if across <= 0 or down <= 0:
        raise BadRequest(f"region {text} is empty: width and height are to be above 0")
    if left >= width or top >= height:
        raise BadRequest(f"region {text} lies outside of the image, which has {width} x {height} pixels")
    return left, top, min(across, width - left), min(down, height - top)


def _size(text: str, box: tuple[float, float, float, float], limited: bool) -> tuple[tuple[int, int], str]:
    """Width and height, and how they are spelt."""
    across, down = box[2:]
    larger = text.startswith("^")
    rest = text.removeprefix("^")
    # by how much a region may grow, for all that is "as large as possible"
    most = MAX_SIDE / max(across, down)
    if not limited:
        most = min(MAX_SIDE / math.sqrt(across * down), LONGEST / max(across, down))
    whole = _scaled(across, down, min(most, 1.0) if limited else 1.0)
    largest = _scaled(across, down, most) if limited else whole
    if rest == "max":
        pixels = largest if larger else whole
    elif found := _PERCENT_SIZE.fullmatch(rest):
        pixels = _scaled(across, down, float(found[1]) / 100)
        if float(found[1]) == 0:
            raise BadRequest("a size of 0 per cent has no pixels")
        if float(found[1]) > 100 and not larger:
            raise _enlarging(text)
    elif found := _PIXEL_SIZE.fullmatch(rest.removeprefix("!")):
        pixels = _pixel_size(text, found[1], found[2], across, down, most)
    else:
        raise BadRequest(f"{text!r} is no size; one is max, w, or ,h or w,h or !w,h or pct:n, with ^ to enlarge")
    enlarged = pixels[0] > math.ceil(across - _ROUNDING) or pixels[1] > math.ceil(down - _ROUNDING)
    if enlarged and not larger:
        raise _enlarging(text)
    if (max(pixels) > MAX_SIDE) if limited else (math.prod(pixels) > MAX_SIDE**2 or max(pixels) > LONGEST):
        raise _too_large(pixels, f"{MAX_SIDE} a side" if limited else f"{MAX_SIDE**2} in all and {LONGEST} a side")
    if pixels == whole:
        return pixels, "max"
    if enlarged:
        return pixels, "^max" if pixels == largest else f"^{pixels[0]},{pixels[1]}"
    return pixels, f"{pixels[0]},{pixels[1]}"


def _pixel_size(text: str, width: str, height: str, across: float, down: float, most: float) -> tuple[int, int]:
    """The size that w,h or w, or ,h or !w,h ask for."""
    wanted = int(width or 0), int(height or 0)
    confined = "!" in text
    if not (width or height) or (confined and not (width and height)):
        raise BadRequest(f"{text!r} is no size; one in pixels is w, or ,h or w,h or !w,h")
    if (width and not wanted[0]) or (height and not wanted[1]):
        raise BadRequest(f"size {text} has no pixels: width and height are to be above 0")
    if confined:
        return _scaled(across, down, min(wanted[0] / across, wanted[1] / down, most))
    if width and height:
        return wanted
    scale = wanted[0] / across if width else wanted[1] / down
    return (wanted[0], _rounded(down * scale)) if width else (_rounded(across * scale), wanted[1])


def _rotation(text: str) -> tuple[bool, float]:
    found = _ROTATION.fullmatch(text)
    if found is None or float(found[2]) > 360:
        raise BadRequest(f"{text!r} is no rotation; one is 0 to 360 degrees clockwise, with ! in front to be mirrored")
    return bool(found[1]), float(found[2]) % 360


def _quality_format(text: str, canvas: Canvas) -> tuple[str, str]:
    quality, _, form = text.rpartition(".")
    known = (*QUALITIES, *canvas.qualities)
    if form not in FORMATS:
        raise BadRequest(f"{form!r} is no format; formats are {', '.join(FORMATS)}")
    if quality not in known:
        raise BadRequest(f"{quality!r} is no quality of this image; it has {', '.join(known)}")
    own = "color" if canvas.colour else "gray"
    return ("default" if quality in (own, "color") else quality), form


def _enlarging(text: str) -> BadRequest:
    return BadRequest(f"size {text} is larger than the region; it is enlarged by ^{text}")


def _too_large(pixels: tuple[int, int], most: str) -> BadRequest:
    return BadRequest(f"{pixels[0]} x {pixels[1]} pixels are too many for one answer, which holds {most} at most")


def _scaled(across: float, down: float, scale: float) -> tuple[int, int]:
    return _rounded(across * scale), _rounded(down * scale)


def _rounded(length: float) -> int:
    return max(math.floor(length + 0.5), 1)


def _whole(number: float) -> float:
    """A number without the rounding of per cent."""
    return float(round(number)) if abs(number - round(number)) < 1e-6 else number


def _spelt_region(box: tuple[float, float, float, float], width: int, height: int) -> str:
    if list(box) == [0, 0, width, height]:
        return "full"
    if all(float(number).is_integer() for number in box):
        return ",".join(str(int(number)) for number in box)
    shares = (100 * number / length for number, length in zip(box, (width, height) * 2, strict=True))
    return "pct:" + ",".join(spelt(share) for share in shares)
