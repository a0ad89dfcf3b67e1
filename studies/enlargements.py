"""Crops of default fits at 4 and 8 times their size, beside bicubic interpolation: a sheet to look at.

    python -m studies.enlargements PICTURE … -o studies/results/enlargements.png

Every picture has a row: bicubic (Pillow's) and the field, four times enlarged, and both again, eight times. The crop is
the busiest part of the picture, by the variance of its Laplacian. Nothing in a field's crop should be that bicubic has
not: no lattice, no ringing.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import laplace, uniform_filter

import inr
from inr.signals import GridSignal

SECONDS = 15.0
SIDE = 256  # of a crop on the sheet, in pixels
GAP = 8


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit the pictures and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("enlargements.png"))
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args(arguments)
    rows = [row(path, options.seconds) for path in options.pictures]
    Image.fromarray(stacked(rows, 0)).save(options.output)


def row(path: Path, seconds: float) -> np.ndarray:
    """Bicubic and the field at 4 times, and both at 8 times the size."""
    signal = inr.open(path)
    if not isinstance(signal, GridSignal) or signal.domain.kind != "image":
        raise inr.InrError(f"{path} is no picture")
    field = inr.fit(signal, seconds=seconds)
    cells = []
    for factor in (4, 8):
        top, left, side = *busiest(signal.array, SIDE // factor), SIDE // factor
        cells += [bicubic(signal.array, top, left, side), enlarged(field, signal.array.shape, top, left, side)]
    return stacked(cells, 1)


def busiest(picture: np.ndarray, side: int) -> tuple[int, int]:
    """The corner, top and left, of the square with the strongest second derivatives."""
    energy = uniform_filter(np.square(laplace(picture.astype(np.float64).mean(-1))), side)
    half = side // 2
    inside = energy[half : energy.shape[0] - half, half : energy.shape[1] - half]
    top, left = np.unravel_index(np.argmax(inside), inside.shape)
    return int(top), int(left)


def bicubic(picture: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    """A square of a picture, enlarged by Pillow."""
    box = (left, top, left + side, top + side)
    return np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))


def enlarged(field: inr.Field, shape: Sequence[int], top: int, left: int, side: int) -> np.ndarray:
    """The same square of a field."""
    height, width = shape[:2]
    box = [(2 * left / width - 1, 2 * (left + side) / width - 1), (2 * top / height - 1, 2 * (top + side) / height - 1)]
    return np.rint(np.clip(inr.render(field, (SIDE, SIDE), box), 0, 255)).astype(np.uint8)


def stacked(cells: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """Pictures side by side, or one above the other, on white."""
    shape = list(cells[0].shape)
    shape[axis] = GAP
    gap = np.full(shape, 255, np.uint8)
    parts = [part for cell in cells for part in (cell, gap)][:-1]
    return np.concatenate(parts, axis)


if __name__ == "__main__":
    main()
