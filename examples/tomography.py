"""Reconstruct a head phantom from 20 views of a CT scanner, beside filtered backprojection."""

import numpy as np

import inr
from inr.reconstruction import (
    Projector,
    Scan,
    ct,
    filtered_backprojection,
    line_integrals,
    sampled,
    shepp_logan,
)

size, extent = 128, 240.0  # pixels an axis; width in millimetres
scan = Scan(np.arange(20) * 9.0, detectors=size, pitch=extent / size)
phantom = shepp_logan(extent)
fine = line_integrals(phantom, scan.finer(8).rays())  # a bin of the detector measures a mean
sinogram = fine.reshape(20, size, 8).mean(-1).astype(np.float32)

field = ct(sinogram, scan.angles, pitch=scan.pitch, steps=300)

truth = sampled(phantom, size, extent)
backprojection = filtered_backprojection(scan, sinogram, Projector(scan.rays(), (size, size), extent))
print(f"FBP   {inr.signals.psnr(truth, backprojection, 1.0):.2f} dB")
print(f"field {inr.signals.psnr(truth, field.render()[..., 0], 1.0):.2f} dB")
print(f"density 20 mm above the middle: {field.at((0.0, 20.0))[0]:.3f} per mm")
field.save("phantom.inr", force=True)
