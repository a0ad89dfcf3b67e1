"""README's picture: part of examples/chelsea.png as its pixels, enlarged by bicubic interpolation, and by its field.

    python tools/readme_picture.py FIELD.inr docs/images/enlarged.jpg

FIELD.inr is what `inr fit examples/chelsea.png` wrote. Both enlargements are of the same pixels, 8 times as large.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import inr
from inr.signals import GridSignal

TOP, LEFT, SIDE = 98, 146, 44  # the eye's part of the picture, in pixels
FACTOR = 8
GAP, CAPTION = 8, 34  # between the pictures, and the height of the line above them


def main(field_path: str, output: str) -> None:
    """Draw the three squares side by side, each under its caption."""
    signal = inr.open(Path(__file__).parents[1] / "examples" / "chelsea.png")
    assert isinstance(signal, GridSignal)
    pixels, field = signal.array, inr.load(field_path)
    captions = ["the pixels", "bicubic, 8x", "the field, 8x"]
    squares = [
        resampled(pixels, Image.Resampling.NEAREST),
        resampled(pixels, Image.Resampling.BICUBIC),
        rendered(field, pixels.shape),
    ]
    size = SIDE * FACTOR
    sheet = Image.new("RGB", (3 * size + 2 * GAP, size + CAPTION), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (caption, square) in enumerate(zip(captions, squares, strict=True)):
        left = number * (size + GAP)
        draw.text((left + size / 2, CAPTION / 2), caption, "black", ImageFont.load_default(20), anchor="mm")
        sheet.paste(square, (left, CAPTION))
    sheet.save(output, quality=92, subsampling=0, optimize=True)


def resampled(pixels: np.ndarray, method: Image.Resampling) -> Image.Image:
    """The square, enlarged by Pillow from the whole picture, so that its edges have neighbours too."""
    box = (LEFT, TOP, LEFT + SIDE, TOP + SIDE)
    return Image.fromarray(pixels).resize((SIDE * FACTOR, SIDE * FACTOR), method, box)


def rendered(field: inr.Field, shape: tuple[int, ...]) -> Image.Image:
    """The same square, rendered from the field."""
    box = [(2 * start / size - 1, 2 * (start + SIDE) / size - 1) for start, size in ((LEFT, shape[1]), (TOP, shape[0]))]
    values = field.render((SIDE * FACTOR, SIDE * FACTOR), box=box)
    return Image.fromarray(np.rint(np.clip(values, 0, 255)).astype(np.uint8))


if __name__ == "__main__":
    main(*sys.argv[1:])
