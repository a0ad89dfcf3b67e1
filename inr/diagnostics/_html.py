"""Small pieces of HTML: pictures within the page, buttons that set one of its states."""

import base64
import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image


def button(state: str, value: str, label: str, *, pressed: bool) -> str:
    """A button that puts the page in a state; `label` is HTML."""
    return (
        f'<button type="button" data-set="{state}" value="{value}" aria-pressed="{str(pressed).lower()}">'
        f"{label}</button>"
    )


def img(source: str, words: str) -> str:
    """A picture from a data URI."""
    return f'<img src="{source}" alt="{words}">'


def png(pixels: UInt8[np.ndarray, "h w 3"], *, palette: bool = False) -> str:
    """Pixels as they are, as a data URI; `palette`: with no more than 256 colours, which is what colour maps have."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if palette:
        image = image.quantize(256, dither=Image.Dither.NONE)
    return _data("png", image, optimize=True)


def jpeg(pixels: UInt8[np.ndarray, "h w 3"]) -> str:
    """Pixels, about, as a data URI."""
    return _data("jpeg", Image.fromarray(np.ascontiguousarray(pixels)), quality=88)


def _data(kind: str, image: Image.Image, **options: object) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format=kind.upper(), **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
