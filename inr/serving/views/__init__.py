"""Views of fields and signals: the IIIF Image API 3.0, sound, and the process that draws them."""

from typing import TYPE_CHECKING

from inr._lazy import lazy_exports

if TYPE_CHECKING:
    from inr.serving.views._display import pixels as pixels
    from inr.serving.views._drawing import build_pyramid as build_pyramid
    from inr.serving.views._errors import BadRequest as BadRequest
    from inr.serving.views._errors import Busy as Busy
    from inr.serving.views._errors import RendererStopped as RendererStopped
    from inr.serving.views._identifier import Identifier as Identifier
    from inr.serving.views._identifier import identify as identify
    from inr.serving.views._images import Canvas as Canvas
    from inr.serving.views._images import FieldImage as FieldImage
    from inr.serving.views._images import SignalImage as SignalImage
    from inr.serving.views._info import INFO_TYPE as INFO_TYPE
    from inr.serving.views._info import entity_tag as entity_tag
    from inr.serving.views._info import info_json as info_json
    from inr.serving.views._info import link_header as link_header
    from inr.serving.views._renderer import Renderer as Renderer
    from inr.serving.views._request import Request as Request
    from inr.serving.views._request import parse as parse
    from inr.serving.views._view import View as View

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "BadRequest": "._errors",
        "Busy": "._errors",
        "Canvas": "._images",
        "FieldImage": "._images",
        "INFO_TYPE": "._info",
        "Identifier": "._identifier",
        "Renderer": "._renderer",
        "RendererStopped": "._errors",
        "Request": "._request",
        "SignalImage": "._images",
        "View": "._view",
        "build_pyramid": "._drawing",
        "entity_tag": "._info",
        "identify": "._identifier",
        "info_json": "._info",
        "link_header": "._info",
        "parse": "._request",
        "pixels": "._display",
    },
)
