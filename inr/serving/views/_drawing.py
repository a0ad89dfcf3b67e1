"""From a request to the bytes of a picture."""

import contextlib
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from inr._errors import InrError
from inr.serving.views._display import COLOURS, coloured, pixel_channels
from inr.serving.views._errors import BadRequest
from inr.serving.views._fields import OpenFields
from inr.serving.views._images import Canvas, FieldImage, SignalImage, pyramid_name
from inr.serving.views._planes import ErrorPlane, FieldPlane, Plane, SignalPlane, Slice, SlopePlane
from inr.serving.views._request import shrinks, turned_size
from inr.signals import Domain, colour_profile

Pixels = UInt8[np.ndarray, "h w k"]

_JPEG = {"quality": 90, "subsampling": 0}
_SAVING: dict[str, dict[str, Any]] = {
    "jpg": {"format": "JPEG", **_JPEG},
    "png": {"format": "PNG", "compress_level": 4},
    "webp": {"format": "WEBP", "quality": 90, "method": 2},
    "tif": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
}
_IMAGINED_SIDE = 512  # samples of the longest axis of a field that was fitted to scattered samples
_MOST_POINTS = 1 << 18  # that are turned at once


class Gallery:
    """Draws pictures of fields and signals.

    Args:
        fields: those that are open.
        pyramids: the folder of pyramids.
    """

    def __init__(self, fields: OpenFields, pyramids: Path) -> None:
        self._fields = fields
        self._pyramids = pyramids

    def canvas(self, image: FieldImage | SignalImage) -> Canvas:
        """What there is to be seen.

        Raises:
            BadRequest: no picture can be made of it.
        """
        domain = self._domain(image)
        assert domain.shape is not None
        shown = domain.shape[::-1], domain.kind == "video", pixel_channels(domain)
        if isinstance(image, SignalImage):
            return Canvas(*shown)
        qualities = ("error", "slope") if image.signal else ("slope",)
        return Canvas(*shown, qualities, self._fields.get(image).cost)

    def draw(self, image: FieldImage | SignalImage, request: Mapping[str, Any]) -> bytes:
        """The bytes of a picture.

        Args:
            image: what it shows.
            request: as `Request.to_json` gives it.

        Raises:
            InrError: a file that is damaged or not there.
        """
        quality, form = request["quality"], request["form"]
        size = request["size"][0], request["size"][1]
        plane = self.plane(image, request["slices"], quality)
        shown = turned(plane, request["region"], size, request["mirrored"], request["rotation"])
        if quality in COLOURS:
            shown = coloured(shown, COLOURS[quality])
        profile = colour_profile(plane.cut.domain) if quality == "default" else None
        return encode(shown, quality, form, profile)

    def plane(self, image: FieldImage | SignalImage, slices: Mapping[str, float], quality: str) -> Plane:
        """The picture that a request is about."""
        cut = Slice(self._domain(image), self.canvas(image).fixed(slices))
        path = self._pyramids / pyramid_name(image, slices, quality)
        if isinstance(image, SignalImage):
            return SignalPlane(samples_of(image), cut, path)
        field = self._fields.get(image)
        if quality == "slope":
            return SlopePlane(field, cut, path)
        if quality == "error":
            if image.signal is None:
                raise BadRequest("the original of this field is not there any more: it has no quality 'error'")
            samples = samples_of(image.signal)
            if samples.shape[:-1] != field.domain.shape or samples.shape[-1] != field.domain.channels:
                raise BadRequest("the original of this field has another shape: there is no quality 'error'")
            return ErrorPlane(field, samples, cut.at_samples(), path)
        return FieldPlane(field, cut, path)

    def _domain(self, image: FieldImage | SignalImage) -> Domain:
        """The domain of what is seen, which has a grid of two axes or more."""
        domain = Domain.from_json(image.domain) if isinstance(image, SignalImage) else self._fields.get(image).domain
        if domain.kind == "audio" or domain.in_dim < 2:
            raise BadRequest("a signal with one axis has no picture")
        if domain.shape is None and isinstance(image, SignalImage):
            raise BadRequest("scattered samples have no picture; a field that is fitted to them has")
        return domain if domain.shape is not None else domain.gridded(_imagined_shape(domain))


def _imagined_shape(domain: Domain) -> tuple[int, ...]:
    """Samples per axis in array order for a field that has none of its own: in proportion, where units are equal."""
    lengths = [abs(axis.high - axis.low) for axis in domain.axes]
    if len({axis.unit for axis in domain.axes}) > 1:
        return (_IMAGINED_SIDE,) * len(lengths)
    return tuple(max(round(_IMAGINED_SIDE * length / max(lengths)), 1) for length in reversed(lengths))


def samples_of(image: SignalImage) -> np.ndarray:
    """The array of a signal, mapped into memory.

    Raises:
        InrError: the file is not there, or no array.
    """
    try:
        return np.load(image.path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InrError(f"the samples of this signal cannot be read: {error}") from error


def turned(plane: Plane, region: Sequence[float], size: tuple[int, int], mirrored: bool, degrees: float) -> Pixels:
    """A part of a picture on a grid of `size`, mirrored, and then turned clockwise.

    Quarters of a turn only move pixels. By other angles the grid is turned, not the picture: what is drawn is the
    field at the turned places. Around it all is transparent.

    Args:
        plane: the picture.
        region: left, top, width and height, in samples.
        size: width and height of the region in pixels, before it is turned.
        mirrored: whether left and right are exchanged first.
        degrees: clockwise.
    """
    if degrees % 90 == 0:
        shown = plane.grid(region, size)
        return np.rot90(shown[:, ::-1] if mirrored else shown, -int(degrees // 90))
    if shrinks(region, size) or not isinstance(plane, FieldPlane):
        return _turned_pixels(plane.grid(region, size), mirrored, degrees)
    return _turned_places(plane, region, size, mirrored, degrees)


def _turned_places(
    plane: FieldPlane, region: Sequence[float], size: tuple[int, int], mirrored: bool, degrees: float
) -> Pixels:
    width, height = turned_size(size, degrees)
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    left, top, across, down = region
    strips = []
    count = max(_MOST_POINTS // width, 1)
    for start in range(0, height, count):
        stop = min(start + count, height)
        x = np.arange(width) + 0.5 - width / 2
        y = (np.arange(start, stop) + 0.5 - height / 2)[:, None]
        a, b = x * cosine + y * sine, y * cosine - x * sine  # where it was before it was turned
        inside = (np.abs(a) <= size[0] / 2) & (np.abs(b) <= size[1] / 2)
        a = -a if mirrored else a
        places = left + (a[inside] / size[0] + 0.5) * across, top + (b[inside] / size[1] + 0.5) * down
        found = with_alpha(plane.points(*places, region, size)[None])[0]
        strip = np.zeros((*inside.shape, found.shape[-1]), np.uint8)
        strip[inside] = found
        strips.append(strip)
    return np.concatenate(strips)


def _turned_pixels(
    shown: Pixels, mirrored: bool, degrees: float
) -> UInt8[np.ndarray, "height width 2"] | UInt8[np.ndarray, "height width 4"]:
    """Pixels themselves turned, by cubic interpolation."""
    shown = with_alpha(shown[:, ::-1] if mirrored else shown)
    old = shown.shape[1], shown.shape[0]
    new = turned_size(old, degrees)
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    middle = new[0] / 2, new[1] / 2
    start = (
        old[0] / 2 - cosine * middle[0] - sine * middle[1],
        old[1] / 2 + sine * middle[0] - cosine * middle[1],
    )
    matrix = (cosine, sine, start[0], -sine, cosine, start[1])
    image = _image(shown).transform(new, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return np.asarray(image).reshape(new[1], new[0], -1)


def with_alpha(shown: Pixels) -> UInt8[np.ndarray, "h w 2"] | UInt8[np.ndarray, "h w 4"]:
    """Pixels with a channel of alpha, opaque where there was none."""
    if shown.shape[-1] in (2, 4):
        return shown
    return np.concatenate([shown, np.full((*shown.shape[:-1], 1), 255, np.uint8)], axis=-1)


def encode(shown: Pixels, quality: str, form: str, profile: bytes | None = None) -> bytes:
    """A picture's file.

    Args:
        shown: pixels.
        quality: what is made of them: gray, bitonal, or anything else to leave them as they are.
        form: jpg, png, webp or tif; what is transparent is black in jpg.
        profile: of the colours; sRGB where None.
    """
    image = _image(shown)
    if form == "jpg" and shown.shape[-1] in (2, 4):
        black = Image.new("RGBA", image.size, "black")
        image = Image.alpha_composite(black, image.convert("RGBA")).convert(image.mode[:-1])
    if quality in ("gray", "bitonal"):
        image = image.convert("LA" if image.mode.endswith("A") else "L")
    if quality == "bitonal":
        image = image.point([255 * (tone >= 128) for tone in range(256)] + list(range(256)) * (image.mode == "LA"))
    data = io.BytesIO()
    options = dict(_SAVING[form])
    if profile is not None:
        options["icc_profile"] = profile
    image.save(data, **options)
    return data.getvalue()


def _image(shown: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(shown[..., 0] if shown.shape[-1] == 1 else shown))


def build_pyramid(image: FieldImage, cache: Path) -> None:
    """Make what shrunk pictures of a field are drawn from, so that nobody waits for it; nothing of what is no picture.

    Args:
        image: a field that has just been finished.
        cache: the folder that its renderer keeps tiles and pyramids in.
    """
    gallery = Gallery(OpenFields(0), cache / "pyramids")
    with contextlib.suppress(BadRequest):
        if len(gallery.canvas(image).sizes) == 2:
            gallery.plane(image, {}, "default").pyramid()
