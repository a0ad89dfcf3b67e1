"""Pictures from derivatives, some of their pixels, noise, blur and larger pixels, beside classical methods.

    python -m studies.reconstruction [--only poisson inpaint …] [--seconds 60]

Every case has a row for each method in results/reconstruction.tsv, kept as it ends and not made again;
results/reconstruction.md is written from all. The cases:

- poisson: the cameraman, averaged down to 256 x 256, from gradients and from the Laplacian of the cubic spline through
  its pixels (Sitzmann et al. 2020 report 32.91 and 14.95 dB for their picture, Sobel's operator and the 5-point
  Laplacian). dB after a factor and a constant are fitted. The FFT inverts the same operators, which are free of noise,
  and is exact.
- inpaint: 10 % and 30 % of the pixels of 128 x 128, drawn at random.
- superresolve: 128 x 128 from means of 2 x 2 pixels, 256 x 256 from means of 4 x 4.
- denoise: white noise of σ = 0.05, 0.1 of the range, which no method is told. deblur: a Gaussian of 1.5 pixels, rounded
  to whole grey levels, without and with noise of σ = 0.02.
- composite: a picture into itself, which is what it should give.

The defaults were found on the cameraman; the other pictures were looked at afterwards only. All data are made with the
operators that methods are told: what a real sensor adds is not in them.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
from PIL import Image

import inr
from inr.bench import machine
from inr.bench.tables import append, markdown, origin, read
from inr.reconstruction import Blur, Reconstruction, gaussian_kernel, reconstruct
from studies import RESULTS

TABLE = RESULTS / "reconstruction.tsv"
COLUMNS = ["case", "picture", "data", "method", "psnr_dB", "ssim", "seconds", "steps", "note"]
PICTURES = ("camera", "astronaut", "coffee")  # the first one is what defaults were found on
Case = tuple[str, str, Callable[[], Reconstruction]]  # name, data in words, and the run


def picture(name: str, size: int) -> np.ndarray:
    """The middle square of a picture of scikit-image in grey, averaged down; uint8 (size, size)."""
    pixels = np.asarray(Image.fromarray(getattr(skimage.data, name)()).convert("L"), np.float64)
    factor = min(pixels.shape) // size
    top, left = ((side - factor * size) // 2 for side in pixels.shape)
    square = pixels[top : top + factor * size, left : left + factor * size]
    return np.rint(square.reshape(size, factor, size, factor).mean((1, 3))).astype(np.uint8)


def means(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Means over squares of pixels, as whole grey levels."""
    height, width = (side // factor for side in pixels.shape)
    found = pixels.astype(np.float64).reshape(height, factor, width, factor).mean((1, 3))
    return np.rint(found).astype(np.uint8)


def noisy(pixels: np.ndarray, sigma: float) -> Any:
    """A picture with white noise of a share of its range, unclipped."""
    noise = np.random.default_rng(0).normal(0, 255 * sigma, pixels.shape)
    return inr.from_array(pixels + noise, kind="image", value_range=(0, 255))


def blurred(pixels: np.ndarray, sigma: float, noise: float) -> np.ndarray:
    """A picture blurred by a Gaussian, as whole grey levels."""
    found = Blur(gaussian_kernel(sigma), pixels.shape)(pixels[..., None].astype(np.float64))[..., 0]
    found += np.random.default_rng(0).normal(0, 255 * noise, pixels.shape) if noise else 0
    return np.clip(np.rint(found), 0, 255).astype(np.uint8)


def cases(name: str, **budget: Any) -> Iterator[Case]:
    """All cases of a picture."""
    large, small = picture(name, 256), picture(name, 128)

    def run(given: Any, task: str, truth: np.ndarray, **options: Any) -> Callable[[], Reconstruction]:
        return lambda: reconstruct(given, task, truth=truth, **options, **budget)

    yield "poisson", "gradients, 256 x 256", run(large, "gradients", large)
    yield "poisson", "Laplacian, 256 x 256", run(large, "laplacian", large)
    for share in (0.1, 0.3):
        yield "inpaint", f"{100 * share:.0f} % of 128 x 128", run(small, "inpaint", small, keep=share)
    for factor, truth in ((2, small), (4, large)):
        low = means(truth, factor)
        yield (
            "superresolve",
            f"x{factor} to {len(truth)} x {len(truth)}",
            run(low, "superresolve", truth, factor=factor),
        )
    for sigma in (0.05, 0.1):
        yield "denoise", f"σ = {sigma}, 128 x 128", run(noisy(small, sigma), "denoise", small)
    for sigma in (0.0, 0.02):
        data = f"1.5 pixels, σ = {sigma}, 128 x 128"
        yield "deblur", data, run(blurred(small, 1.5, sigma), "deblur", small, kernel=1.5)
    mask = np.zeros(small.shape, bool)
    mask[40:90, 30:100] = True
    yield "composite", "a picture into itself, 128 x 128", run(small, "composite", small, background=small, mask=mask)


def rows_of(case: str, name: str, data: str, found: Reconstruction) -> Iterator[dict[str, Any]]:
    """A row for each method."""
    for each in found.methods:
        yield {
            "case": case, "picture": name, "data": data, "method": each.name, "psnr_dB": f"{each.psnr:.2f}",
            "ssim": f"{each.ssim:.4f}", "seconds": f"{each.seconds:.1f}",
            "steps": found.field.fit["steps"] if each.name == "field" else "", "note": each.note,
        }  # fmt: skip


def report(table: Path) -> str:
    """All rows as Markdown, the best of each case in bold."""
    rows = read(table)
    pictures = list(dict.fromkeys(row["picture"] for row in rows))
    rows.sort(key=lambda row: pictures.index(row["picture"]))
    best: dict[tuple[str, ...], float] = {}
    for row in rows:
        key = row["case"], row["picture"], row["data"]
        best[key] = max(best.get(key, -np.inf), float(row["psnr_dB"]))
    lines = []
    for row in rows:
        leads = float(row["psnr_dB"]) == best[row["case"], row["picture"], row["data"]]
        decibels = f"**{row['psnr_dB']}**" if leads else row["psnr_dB"]
        lines.append([row["case"], row["picture"], row["data"], row["method"], decibels, row["ssim"], row["seconds"]])
    head = ["case", "picture", "data", "method", "PSNR, dB", "SSIM", "seconds"]
    return "\n".join(["# Reconstructed pictures", "", *markdown(head, lines), "", origin(table), ""])


def main() -> None:
    """Run what is not in the table yet, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=None, help="cases by name")
    parser.add_argument("--pictures", nargs="+", default=list(PICTURES))
    parser.add_argument("--seconds", type=float, default=None, help="of every fit; the tasks' own steps if not given")
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args()
    comment = machine.describe()
    for name in options.pictures:
        for case, data, run in cases(name, seconds=options.seconds):
            done = {(row["case"], row["picture"], row["data"]) for row in read(options.out)}
            if (case, name, data) in done or (options.only is not None and case not in options.only):
                continue
            for row in rows_of(case, name, data, run()):
                append(options.out, COLUMNS, row, comment)
                print(*row.values(), flush=True)
    options.out.with_suffix(".md").write_text(report(options.out))


if __name__ == "__main__":
    main()
