"""Sounds of fields and signals: files at any rate, and waveforms."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped

from inr._errors import InrError
from inr.signals import Domain, write

MAX_RATE = 384_000.0  # Hz
MAX_PEAKS = 20_000
_MAX_BYTES = 1 << 30  # of float32 samples


def sample_count(domain: Domain, rate: float | None) -> int:
    """How many samples a sound has at a rate.

    Args:
        domain: of anything.
        rate: samples a second; the sound's own where None.

    Raises:
        InrError: it is no sound, or the rate is no rate, or there would be too many samples.
    """
    if domain.kind != "audio" or domain.shape is None:
        raise InrError(f"only sounds are heard, and this is of kind {domain.kind}")
    if rate is None:
        return domain.shape[0]
    if not 1 <= rate <= MAX_RATE:
        raise InrError(f"rate must be from 1 to {MAX_RATE:g} samples a second, got {rate:g}")
    count = max(round(rate * (domain.axes[0].high - domain.axes[0].low)), 1)
    if 4 * count * domain.channels > _MAX_BYTES:
        raise InrError(f"at {rate:g} samples a second this sound is too long: {count} samples")
    return count


def write_wav(path: Path, samples: Float[np.ndarray, "n c"], domain: Domain) -> None:
    """Write a sound, all of it or nothing, as `inr render` does.

    Args:
        path: the file, in a folder that may have to be made.
        samples: in own units, over the whole domain.
        domain: of the sound.

    Raises:
        InrError: the disk is full, or another failure of the file system.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    clipped = np.clip(samples, domain.values.low, domain.values.high, dtype=np.float32)
    write(path, clipped, domain.resampled((len(samples),)), force=True)


def peaks(samples: Shaped[np.ndarray, "n c"], domain: Domain, count: int) -> list[list[float]]:
    """A waveform: the least and the greatest sample, of all channels, of so many equal parts of a sound.

    Args:
        samples: in own units.
        domain: of the sound.
        count: parts; there are no more of them than samples.

    Returns:
        Pairs of least and greatest, as shares of the value range from -1 to 1.

    Raises:
        InrError: a number of parts that is none.
    """
    if not 1 <= count <= MAX_PEAKS:
        raise InrError(f"a waveform has 1 to {MAX_PEAKS} parts, got {count}")
    shares = domain.values.normalise(samples.astype(np.float32))
    count = min(count, len(shares))
    starts = np.arange(count) * len(shares) // count
    least, greatest = np.minimum.reduceat(shares, starts).min(1), np.maximum.reduceat(shares, starts).max(1)
    return [[round(float(low), 4), round(float(high), 4)] for low, high in zip(least, greatest, strict=True)]
