"""info.json, links and tags of the IIIF Image API 3.0."""

import hashlib
from typing import Any
from urllib.parse import quote

from inr.serving.views._identifier import MAX_SIDE, Identifier, canvas_size, is_limited
from inr.serving.views._images import Canvas, FieldImage, SignalImage
from inr.serving.views._request import QUALITIES, Request

TILE = 256  # pixels a side
INFO_TYPE = 'application/ld+json;profile="http://iiif.io/api/image/3/context.json"'
_CONTEXT = "http://iiif.io/api/image/3/context.json"
_PROFILE = "http://iiif.io/api/image/3/level2.json"
_FEATURES = ["canonicalLinkHeader", "mirroring", "profileLinkHeader", "rotationArbitrary", "sizeUpscaling"]
_DRAWN_BY = "1"  # changes with every change of what is drawn, so that no old tile is taken for a new one


def info_json(base: str, identifier: Identifier, canvas: Canvas) -> dict[str, Any]:
    """What a client needs to know of an image.

    Args:
        base: the address that identifiers follow, without a slash at its end; from configuration, never from a request.
        identifier: which image.
        canvas: what it shows.

    Returns:
        The document.

    Raises:
        BadRequest: the identifier does not suit the image.
    """
    width, height = canvas_size(identifier, canvas)
    factors = [1]
    while factors[-1] * TILE < max(width, height):
        factors.append(2 * factors[-1])
    sizes = [(-(-width // factor), -(-height // factor)) for factor in reversed(factors)]
    limited = is_limited(identifier, canvas)
    return {
        "@context": _CONTEXT,
        "id": image_address(base, identifier),
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level2",
        "width": width,
        "height": height,
        **({"maxWidth": MAX_SIDE} if limited else {}),
        "sizes": [{"width": w, "height": h} for w, h in sizes if not limited or max(w, h) <= MAX_SIDE],
        "tiles": [{"width": TILE, "height": TILE, "scaleFactors": factors}],
        "preferredFormats": ["png" if canvas.transparent else "jpg"],
        "extraFormats": ["webp", "tif"],
        "extraQualities": [*QUALITIES[1:], *canvas.qualities],
        "extraFeatures": _FEATURES,
    }


def image_address(base: str, identifier: Identifier) -> str:
    """The address of an image."""
    return f"{base}/{quote(str(identifier), safe=';=@')}"


def link_header(base: str, request: Request) -> str:
    """The header `Link` of a picture: what it should be called, and what the service can do."""
    canonical = f"{image_address(base, request.identifier)}/{request.canonical}"
    return f'<{canonical}>;rel="canonical", <{_PROFILE}>;rel="profile"'


def entity_tag(image: FieldImage | SignalImage, request: Request) -> str:
    """The strong `ETag` of a picture, in quotes, which tells what it is drawn from, how, and by which renderer.

    Args:
        image: what it is drawn from.
        request: what is drawn.
    """
    identifier = request.identifier
    told = f"{_DRAWN_BY} {image.key_of(request.quality)} {identifier.slices} {identifier.scale} {request.canonical}"
    return f'"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'
