"""Fit a picture, ask the field for values and slopes, draw it twice as large, keep it in a file."""

from pathlib import Path

import torch

import inr

signal = inr.open(Path(__file__).parent / "chelsea.png")
field = inr.fit(signal, steps=300)  # an nn.Module: coordinates in [-1, 1] to values in [-1, 1]
print(field.metrics)  # psnr in dB, ssim
picture = field.render(shape=(600, 902))  # numpy, twice the size, in grey levels 0 to 255
slopes = field.jacobian(torch.zeros(1, 2))  # (1, 3, 2): every channel by x and y, at the centre
field.save("chelsea.inr", force=True)
again = inr.load("chelsea.inr")
print(picture.shape, slopes.shape, again.parameter_count)
