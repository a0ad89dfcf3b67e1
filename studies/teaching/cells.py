"""What is fitted, by which fields, under which teachers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from skimage.transform import resize

import inr
from inr.signals import GridSignal

PICTURES = ("kodim01", "kodim10", "kodim11", "kodim19", "kodim23", "kodim24")
SOUNDS = ("gt_bach", "gt_counting")
VOLUMES = ("mni_icbm152_t1",)
SIGNALS = (*PICTURES, *SOUNDS, *VOLUMES)
LONG_SIDE, SHORT_SIDE = 192, 128
VOLUME_SIDE = 48
FULL_STEPS = 2_000


@dataclass(frozen=True)
class Architecture:
    """A field to compare teachers on: parts, and the learning rate of its network that `inr` has as its default."""

    encoding: str
    activation: str
    network: str
    rate: float


FIELDS = {
    "siren": Architecture("identity", "sine", "mlp:depth=3,width=128", 5e-4),
    "fourier": Architecture("fourier", "relu", "mlp:depth=3,width=128", 1e-3),
    "hash": Architecture("hash", "relu", "mlp:depth=2,width=64", 1e-2),
}


@dataclass(frozen=True)
class Method:
    """A teacher, told so that its steps learn from about as many samples as the mini-batch it is compared with.

    Attributes:
        teacher: spec; pool: times that mini-batch, the batch it is given.
        claim: what its authors report against full batches.
        colours: whether it differs from another one only where samples have several channels.
    """

    teacher: str
    pool: float
    claim: str = ""
    colours: bool = False


# Pools make up for the share that a teacher takes of them: 0.2 of five mini-batches is one. The schedule "step" takes
# 0.56 on average.
METHODS = {
    "uniform": Method("uniform", 1),
    "reshuffled": Method("auto:uniform=1,ratio=1", 1),
    "auto": Method("auto", 1),
    "int": Method("int", 1 / 0.56, "39 % of the time saved on Kodak, 32 % on speech"),
    "int, half mixed": Method("int:ratio=0.2,schedule=constant,mix=0.5", 5),
    "mint": Method("mint:ratio=0.2,schedule=constant", 5, colours=True),
    "nint": Method("nint:cached=true", 5, "30 % of the time to 25 dB saved with SIREN"),
    "evos": Method("evos", 2, "48 to 66 % of the time saved"),
    "evos, no Laplacians": Method("evos:cross=false", 2),
    "expansive": Method("expansive", 2, "16 % of the time saved on scenes"),
    "soft": Method("soft:ratio=1", 1, "converges more than twice as fast on scenes"),
}
# the same with the whole signal as batch, as their papers have it
WHOLE = ("auto", "int", "nint", "evos", "expansive")


def load(data: Path, name: str) -> GridSignal:
    """A signal by its name: a picture of 192 x 128, a second of sound, or a volume of 48 x 48 x 48."""
    if name in PICTURES:
        pixels = inr.open(data / "kodak" / f"{name}.png").array
        shape = (SHORT_SIDE, LONG_SIDE) if pixels.shape[1] > pixels.shape[0] else (LONG_SIDE, SHORT_SIDE)
        small = resize(pixels, shape, anti_aliasing=True)
        return inr.Signal.from_array((small * 255).round().astype(np.uint8))
    if name in SOUNDS:
        sound = inr.open(data / "audio" / f"{name}.wav")
        rate = round(sound.domain.meta["sample_rate"])
        start = int(0.3 * len(sound.array))  # both begin with silence
        return inr.Signal.from_array(sound.array[start : start + rate], kind="audio", sample_rate=rate)
    voxels = np.asarray(nibabel.load(data / "volume" / f"{name}.nii.gz").dataobj, dtype=np.float32)
    small = resize(voxels, (VOLUME_SIDE,) * 3, anti_aliasing=True)
    return inr.Signal.from_array((small - small.min()) / np.ptp(small), kind="volume")


def kind(name: str) -> str:
    """Signals of one kind are of equal size, and cost the same."""
    return "picture" if name in PICTURES else "sound" if name in SOUNDS else "volume"


def methods(signal: str) -> list[str]:
    """The teachers that a signal is fitted under."""
    return [name for name, method in METHODS.items() if kind(signal) == "picture" or not method.colours]


def fitter(
    signal: inr.Signal, field: str, teacher: str, batch: int, factor: float, **options: Any
) -> inr.fitting.Fitter:
    """A fit on one thread, its learning rate a factor times the default."""
    parts = FIELDS[field]
    rate = None if factor == 1 else factor * parts.rate
    make: Callable[..., inr.fitting.Fitter] = inr.fitting.make_fitter
    return make(
        signal, encoding=parts.encoding, activation=parts.activation, network=parts.network, teacher=teacher,
        batch=batch, learning_rate=rate, engine="cpu:threads=1", **options,
    )  # fmt: skip
