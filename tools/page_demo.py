"""The recorded fit on the service's first page: pictures of a fit of the example, and its eye enlarged.

    python tools/page_demo.py

Writes inr/serving/page/demo/ and prints the steps, seconds and PSNR that views/demo.js states.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import inr
from inr.fitting import default_setup
from inr.serving.page import EXAMPLE, FOLDER
from inr.signals import GridSignal

STEPS = {1: 50, 6: 50, 14: 55, 26: 60, 45: 62, 80: 66, 1500: 84}  # and the WebP quality of each, for blurs take little
TOP, LEFT, SIDE = 98, 146, 44  # the eye's part of the picture, in pixels
FACTOR = 10


def main() -> None:
    """Fit, and draw."""
    signal = inr.open(EXAMPLE)
    assert isinstance(signal, GridSignal)
    output = FOLDER / "demo"
    rows, columns = signal.array.shape[:2]
    fitter = inr.Fitter(signal, default_setup(signal), inr.Budget(steps=max(STEPS)))
    number = 0
    for event in fitter.run():
        if event.kind == "step" and event.step in STEPS:
            levels = fitter.field.render((rows, columns))
            error = np.mean((np.rint(np.clip(levels, 0, 255)) - signal.array) ** 2)
            print(event.step, round(event.seconds, 1), round(float(10 * np.log10(255**2 / error)), 1))
            save(levels, output / f"{number}.webp", STEPS[event.step])
            number += 1
    box = [(2 * start / size - 1, 2 * (start + SIDE) / size - 1) for start, size in ((LEFT, columns), (TOP, rows))]
    save(fitter.field.render((SIDE * FACTOR, SIDE * FACTOR), box=box), output / "eye.webp", 80)
    eye = Image.fromarray(signal.array[TOP : TOP + SIDE, LEFT : LEFT + SIDE])
    eye.save(output / "eye-pixels.png", optimize=True)


def save(levels: np.ndarray, path: Path, quality: int) -> None:
    """Writes a picture."""
    Image.fromarray(np.rint(np.clip(levels, 0, 255)).astype(np.uint8)).save(path, quality=quality, method=6)


if __name__ == "__main__":
    main()
