"""Inpaint a picture from a fifth of its pixels, enlarge it by its sensor model, draw both beside their baselines."""

from pathlib import Path

import numpy as np

import inr
from inr.diagnostics import ReconstructedPicture, methods_sheet
from inr.reconstruction import reconstruct

picture = inr.open(Path(__file__).parent / "chelsea.png").array[40:168, 120:248]  # (128, 128, 3) uint8
small = np.rint(picture.reshape(64, 2, 64, 2, 3).mean((1, 3))).astype(np.uint8)
for task, given, options in (
    ("inpaint", picture, {"keep": 0.2}),
    ("superresolve", small, {"factor": 2}),
    ("gradients", picture, {}),
):
    found = reconstruct(given, task, truth=picture, **options)
    for each in found.methods:
        print(f"{task:12} {each.name:12} {each.psnr:6.2f} dB {each.seconds:6.1f} s")
    methods_sheet(
        [ReconstructedPicture(each.name, each.picture, each.psnr, each.ssim) for each in found.methods],
        f"{task}.png", title=task, facts=found.facts, domain=found.domain, given=found.given,
        truth=found.truth, force=True,
    )  # fmt: skip
