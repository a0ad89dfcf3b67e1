"""Bytes, quality and seconds of all codecs on one picture, beside Pillow's and beside COIN in plain PyTorch."""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from inr import compression
from inr.bench import baselines
from inr.bench._run import Options
from inr.compression.codecs import codecs
from inr.compression.peers import PEERS, largest_within
from inr.signals import GridSignal

SIDE = 160  # of the square that is cut from the picture's middle
BITS_PER_PIXEL = 1.0
STEPS = 1_000  # of the fits; the codecs' own numbers are several times as high, and gain some dB
COLUMNS = ["codec", "bytes", "bits_per_pixel", "psnr_dB", "encode_s", "decode_s", "against_jpeg_dB"]
NOTES = (
    f"The middle {SIDE} x {SIDE} pixels at {BITS_PER_PIXEL:g} bits a pixel or the most below it; bytes are of whole "
    f"files; fits of {STEPS:,} steps, where the codecs' own numbers are higher.",
    "Pillow's codecs are at the best setting whose file fits. PSNR is of the decoded 8-bit pixels. against_jpeg_dB is "
    "how much better that is than the best JPEG of no more bytes.",
    "COIN in plain PyTorch: a SIREN whose weights are 16-bit floats, full batches, the learning rate of the paper.",
)


def rows(options: Options) -> Iterator[dict[str, Any]]:
    """Measure one codec after the other."""
    side, steps = (32, 10) if options.tiny else (SIDE, STEPS)
    signal = options.signal(side)
    pixels = signal.array
    room = int(BITS_PER_PIXEL * (3 if options.tiny else 1) * pixels.shape[0] * pixels.shape[1] / 8)
    for name, peer in PEERS.items():
        if peer.available:
            yield peer_row(name, pixels, room)
    yield plain_coin(signal, room, steps)
    for name in codecs.names():
        if name not in ("weights", "differences"):  # which compress no signal by itself
            yield codec_row(name, signal, room, steps)


def codec_row(name: str, signal: GridSignal, room: int, steps: int) -> dict[str, Any]:
    """One of the codecs here."""
    start = time.perf_counter()
    data = compression.compress(signal, codec=name, bytes=room, steps=steps)
    encoded = time.perf_counter()
    decoded = compression.decompress(data)
    return row(name, signal.array, decoded, len(data), encoded - start, time.perf_counter() - encoded)


def peer_row(name: str, pixels: np.ndarray, room: int) -> dict[str, Any]:
    """One of Pillow's codecs, at the best of its settings that fits; its seconds are those of that setting alone."""
    coded, _ = largest_within(PEERS[name], pixels, room)
    return row(
        f"{name}, Pillow", pixels, coded.pixels, len(coded.data), coded.encode_seconds, coded.decode_seconds
    )  # fmt: skip


def plain_coin(signal: GridSignal, room: int, steps: int) -> dict[str, Any]:
    """A SIREN of five hidden layers in 16-bit floats, as wide as there is room for."""
    start = time.perf_counter()
    width = max(int((math.sqrt(100 + 16 * (room / 2 - 3)) - 10) / 8), 4)  # 4 w² + 10 w + 3 weights of two bytes
    torch.manual_seed(0)
    model, optimiser, _ = baselines.siren(width, 4)
    for group in optimiser.param_groups:
        group["lr"] = 2e-4
    everything = torch.arange(signal.size)
    coords, target = signal.coords(everything), signal.values(everything)
    for _ in range(steps):
        optimiser.zero_grad()
        (model(coords) - target).square().mean().backward()
        optimiser.step()
    model.half()
    size = 2 * sum(parameter.numel() for parameter in model.parameters())
    encoded = time.perf_counter()
    with torch.no_grad():
        values = model.float()(coords)
    decoded = (values.clamp(-1, 1) * 127.5 + 127.5).round().to(torch.uint8).numpy().reshape(signal.array.shape)
    return row(
        "COIN, plain PyTorch", signal.array, decoded, size, encoded - start, time.perf_counter() - encoded
    )  # fmt: skip


def row(
    name: str, pixels: np.ndarray, decoded: np.ndarray, size: int, encoding: float, decoding: float
) -> dict[str, Any]:
    """A row of the table."""
    found = psnr(pixels, decoded)
    jpeg, _ = largest_within(PEERS["JPEG"], pixels, size)
    against = found - psnr(pixels, jpeg.pixels)
    return {
        "codec": name, "bytes": str(size), "bits_per_pixel": f"{8 * size / (pixels.shape[0] * pixels.shape[1]):.3f}",
        "psnr_dB": f"{found:.2f}", "encode_s": f"{encoding:.3g}", "decode_s": f"{decoding:.3g}",
        "against_jpeg_dB": f"{against:+.2f}",
    }  # fmt: skip


def psnr(pixels: np.ndarray, decoded: np.ndarray) -> float:
    """In dB, of 8-bit pixels."""
    missed = np.square(pixels.astype(np.float64) - decoded).mean()
    return 20 * math.log10(255) - 10 * math.log10(missed) if missed else math.inf
