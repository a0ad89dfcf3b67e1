"""Picture of docs/export.md: part of a picture as pixels, by `inr render`, and by its shader on the page that zooms.

    python tools/export_picture.py FIELD.inr docs/images/export.webp

FIELD.inr is what `inr fit examples/chelsea.png --network mlp:depth=2,width=16` wrote. The page is
examples/export/zoom.html in headless Chromium, moved and zoomed by the mouse. Prints how far its pixels are from those
of `inr render`. Needs the extra service-tests and chromium, which draws in software: a network of 64 units takes long.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import inr
from tests.exporting import browser

EXAMPLES = Path(__file__).parents[1] / "examples"
WIDTH, HEIGHT = 384, 256  # of the canvas, half of the page's own, which shows all of [-1, 1] at first
DRAG = (48, 35)  # pixels to the right and down, which bring the light in the eye to the middle
WHEEL = (-1200, -800)  # 2 ** (1200 / 400) = 8 times, and four times more
GAP, CAPTION = 8, 34


def main(field_path: str, output: str) -> None:
    """Draw a row of three pictures for each zoom."""
    field, pixels = inr.load(field_path), np.asarray(Image.open(EXAMPLES / "chelsea.png"))
    captions = ["the pixels", "inr render", "inr export, in a browser"]
    rows = []
    for box, shown in views(field):
        exact = inr.render(field, (HEIGHT, WIDTH), box).clip(0, 255)
        far = np.abs(shown - exact).max()
        zoom = 2 / (box[0][1] - box[0][0])
        print(f"zoomed {zoom:.0f} times: the shader is at most {far:.3f} grey levels from inr render, by rounding 0.5")
        rows.append([cut(pixels, box), Image.fromarray(np.rint(exact).astype(np.uint8)), Image.fromarray(shown)])
    sheet = Image.new("RGB", (3 * WIDTH + 2 * GAP, CAPTION + len(rows) * (HEIGHT + GAP) - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for column, caption in enumerate(captions):
        left = column * (WIDTH + GAP)
        draw.text((left + WIDTH / 2, CAPTION / 2), caption, "black", ImageFont.load_default(20), anchor="mm")
        for row, tiles in enumerate(rows):
            sheet.paste(tiles[column], (left, CAPTION + row * (HEIGHT + GAP)))
    sheet.save(output, quality=90, method=6)


def views(field: inr.Field) -> Iterator[tuple[list[tuple[float, float]], np.ndarray]]:
    """What the page shows, uint8 (H, W, 3), and of which part of [-1, 1], after every turn of the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        inr.export(field, Path(folder) / "photo.glsl")
        text = (EXAMPLES / "export" / "zoom.html").read_text(encoding="utf-8")
        text = text.replace('width="768" height="512"', f'width="{WIDTH}" height="{HEIGHT}"')
        (Path(folder) / "index.html").write_text(text, encoding="utf-8")
        with browser.page(Path(folder)) as page:
            page.wait_for_function("document.title === 'drawn'")
            corner = page.locator("canvas").bounding_box()
            middle = corner["x"] + WIDTH // 2, corner["y"] + HEIGHT // 2
            page.mouse.move(*middle)
            page.mouse.down()
            page.mouse.move(middle[0] + DRAG[0], middle[1] + DRAG[1])
            page.mouse.up()
            half = 1.0
            for turn in WHEEL:
                browser.turn_wheel(page, turn)
                half *= 2 ** (turn / 400)
                centre = -2 * DRAG[0] / WIDTH, -2 * DRAG[1] / HEIGHT
                yield [(place - half, place + half) for place in centre], browser.canvas(page)


def cut(pixels: np.ndarray, box: list[tuple[float, float]]) -> Image.Image:
    """A part of a picture, its pixels as squares."""
    (left, right), (top, bottom) = (
        ((low + 1) / 2 * size, (high + 1) / 2 * size)
        for (low, high), size in zip(box, pixels.shape[1::-1], strict=True)
    )
    return Image.fromarray(pixels).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST, (left, top, right, bottom))


if __name__ == "__main__":
    main(*sys.argv[1:])
