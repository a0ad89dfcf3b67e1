"""Fits by a publication's protocol: full batches, its learning rate, and PSNR by other code than the fit's own."""

import copy
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch

import inr
from inr.bench import quality
from inr.fitting import Budget, make_fitter
from studies.metrics import psnr


def fit(
    signal: inr.Signal,
    parts: Mapping[str, Any],
    *,
    steps: int,
    rate: float | Mapping[str, float],
    schedule: str = "constant",
    seed: int = 0,
    engine: str = "auto",
    at: Collection[int] = (),
    measure: Callable[[inr.Field], float] | None = None,
) -> tuple[inr.Field, dict[str, float]]:
    """A field, and its PSNR in dB as "psnr_N" after N steps: those of `at`, and the last.

    The last step's, not the best one's; "diverged": the step at which the loss stopped being finite.

    Args:
        parts: encoding, activation, network; measure: what takes the place of PSNR on the signal.
    """
    judge = measure or (lambda field: quality.psnr(field, signal))
    fitter = make_fitter(
        signal, **parts, budget=Budget(steps=steps), batch=signal.size, learning_rate=rate, schedule=schedule,
        seed=seed, engine=engine,
    )  # fmt: skip
    found: dict[str, float] = {}
    for event in fitter.run():
        if event.kind == "step" and (event.step in at or event.step == steps):
            found[f"psnr_{event.step}"] = round(judge(_on_processor(fitter.field)), 3)
        if event.reason == "diverged":
            found["diverged"] = event.step
    found["parameters"] = fitter.field.parameter_count
    found["seconds"] = round(fitter.seconds, 1)
    return fitter.field, found


def _on_processor(field: inr.Field) -> inr.Field:
    """A field where it can be judged; a copy where it is elsewhere."""
    return field if field.device.type == "cpu" else copy.deepcopy(field).cpu()


def picture(pixels: np.ndarray) -> inr.Signal:
    """A picture of [0, 255], not rounded: block means are not."""
    return inr.Signal.from_array(np.ascontiguousarray(pixels, np.float32), kind="image", value_range=(0, 255))


def block_mean(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Pixels (h, w) or (h, w, c), averaged over squares."""
    height, width = (size // factor for size in pixels.shape[:2])
    cut = pixels[: height * factor, : width * factor].astype(np.float64)
    return cut.reshape(height, factor, width, factor, -1).mean((1, 3)).reshape(height, width, *pixels.shape[2:])


def pixels_at(pixels: np.ndarray, chosen: np.ndarray) -> inr.Signal:
    """Some pixels of a picture as scattered samples; `chosen` (h, w) says which."""
    height, width = chosen.shape
    rows, columns = np.nonzero(chosen)
    coords = np.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], axis=1)
    values = pixels[rows, columns].reshape(len(rows), -1)
    return inr.Signal.from_samples(coords, values, box=[(-1, 1)] * 2, value_range=(0, 255))


@torch.no_grad()
def psnr_at(field: inr.Field, pixels: np.ndarray, chosen: np.ndarray) -> float:
    """PSNR in dB on some pixels of a picture, clipped, on a range of 255."""
    height, width = chosen.shape
    rows, columns = np.nonzero(chosen)
    coords = np.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], axis=1)
    given = torch.from_numpy(coords.astype(np.float32))
    estimate = np.concatenate([field(part).clamp(-1, 1).double().numpy() for part in given.split(16_384)])
    return psnr(pixels[rows, columns].reshape(len(rows), -1), (estimate + 1) * 127.5, 255)
