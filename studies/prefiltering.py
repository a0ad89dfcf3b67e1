"""Coarser levels and blurs of Fourier features in one pass, beside averages of many values and point samples.

A picture is fitted with and without `adjust=prefilter`; each level of its pyramid is then compared with the mean
of the picture's own pixels over each cell, in decibels, and each blur with the same blur of the pixels.

    python -m studies.prefiltering PICTURE [--crop X,Y,SIZE] [--steps N] [-o studies/results/prefiltering.tsv]
    python -m studies.prefiltering --picture docs/images/prefiltered.png

The second form draws rings that get finer outwards at a quarter of their size: by points, in one pass, and averaged.
Seconds are of the processor, of one thread.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from jaxtyping import Float

import inr

PARTS: dict[str, Any] = {
    "encoding": "fourier:sigma=8,frequencies=128", "activation": "relu", "network": "mlp:depth=2,width=64",
    "batch": 4_096, "learning_rate": 5e-3, "coding": "exact", "engine": "cpu:threads=1",
}  # fmt: skip
FACTORS, SIGMAS = (2, 4, 8, 16), (1.0, 2.0, 4.0, 8.0)
COLUMNS = ["picture", "adjust", "what", "dB", "averaged_dB", "points_dB", "seconds", "averaged_seconds"]


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("signal", nargs="?", type=Path)
    parser.add_argument("--crop", default="0,0,128")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    if options.picture is not None:
        draw(options.picture, options.steps)
        return
    left, top, size = map(int, options.crop.split(","))
    pixels = inr.open(options.signal).array[top : top + size, left : left + size].astype(np.float32)
    file = sys.stdout if options.output is None else options.output.open("w", newline="")
    table = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
    table.writeheader()
    for adjust in (None, "prefilter", "prefilter:kernel=both"):
        for row in rows(pixels, adjust, options.steps):
            table.writerow({"picture": options.signal.stem, "adjust": adjust or "none", **row})
            file.flush()


def rows(pixels: Float[np.ndarray, "h w c"], adjust: str | None, steps: int) -> Iterator[dict[str, str]]:
    """What one fit gives, level by level and blur by blur."""
    from scipy.ndimage import gaussian_filter

    field = fitted(pixels, adjust, steps)
    yield {"what": "own size", "dB": f"{decibels(field.render(), pixels):.2f}"}
    for factor in FACTORS:
        shape = tuple(size // factor for size in pixels.shape[:2])
        truth = pixels.reshape(shape[0], factor, shape[1], factor, -1).mean((1, 3))
        begin = process_time()
        averaged = field.render(shape)
        middle = process_time()
        once = field.prefiltered(shape).render()
        end = process_time()
        yield {
            "what": f"1/{factor}", "dB": f"{decibels(once, truth):.2f}",
            "averaged_dB": f"{decibels(averaged, truth):.2f}",
            "points_dB": f"{decibels(points(field, shape), truth):.2f}",
            "seconds": f"{end - middle:.4f}", "averaged_seconds": f"{middle - begin:.4f}",
        }  # fmt: skip
    for sigma in SIGMAS:
        truth = gaussian_filter(pixels, (sigma, sigma, 0), mode="reflect")
        yield {"what": f"blur {sigma:g}", "dB": f"{decibels(field.blurred(sigma).render(), truth):.2f}"}


def fitted(pixels: Float[np.ndarray, "h w c"], adjust: str | None, steps: int) -> inr.Field:
    """The field of a picture."""
    signal = inr.from_array(np.ascontiguousarray(pixels, np.uint8), kind="image")
    return inr.fit(signal, steps=steps, adjust=adjust, **PARTS)


def points(field: inr.Field, shape: tuple[int, ...]) -> Float[np.ndarray, "h w c"]:
    """Values at the centres of a grid's cells, as they are."""
    domain = replace(field.domain.resampled(shape), sampling="point")
    return inr.Field(domain, field.encoding, field.network).render()


def decibels(found: np.ndarray, truth: np.ndarray) -> float:
    """PSNR of 8 bits."""
    return float(10 * np.log10(255**2 / np.mean(np.square(found - truth))))


def draw(path: Path, steps: int) -> None:
    """Rings at a quarter of their size."""
    from PIL import Image

    places = np.linspace(-1, 1, 128)
    rings = 127.5 * (1 + np.cos(100 * (places[:, None] ** 2 + places**2) / 2))
    field = fitted(rings[..., None].repeat(3, axis=2), "prefilter:kernel=both", steps)
    shape = 32, 32
    found = [points(field, shape), field.prefiltered(shape).render(), field.render(shape)]
    sheet = np.full((32, 3 * 32 + 2 * 4, 3), 255, np.float32)
    for place, each in enumerate(found):
        sheet[:, place * 36 : place * 36 + 32] = each
    Image.fromarray(sheet.clip(0, 255).round().astype(np.uint8)).resize((6 * sheet.shape[1], 6 * 32), 0).save(path)


if __name__ == "__main__":
    main()
