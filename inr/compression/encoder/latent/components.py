"""What of a picture codec "latent" fits: colour and alpha as floats from 0 to 1, and how much each pixel counts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Shaped

from inr._errors import InrError
from inr.compression.bitstream.latent import component_table as form
from inr.compression.counted import counted
from inr.signals import GridSignal

# A whole pyramid of latents is worth having for larger lossless forms only: its networks alone take as much.
SMALL_LOSSLESS = 600


@dataclass(frozen=True)
class Part:
    """A component of a picture that is to be coded.

    Attributes:
        component: how it is told; of latents, without networks and pieces.
        samples: in their own type, (H, W, C).
        picture: the same from 0 to 1, float32 (C, H, W); empty where there is nothing to fit.
        importance: 1 for pixels that count, and 0, float32 (H, W); None where all do.
    """

    component: form.Component
    samples: Shaped[np.ndarray, "height width channels"]
    picture: Float32[np.ndarray, "c h w"]
    importance: Float32[np.ndarray, "height width"] | None

    @property
    def fitted(self) -> bool:
        """Whether it takes a fit."""
        return self.component.coding == form.LATENTS


def parts_of(signal: GridSignal) -> list[Part]:
    """The components of a picture or map: colour, then alpha where it has one.

    A pixel that is missing does not count, and neither does the colour of one whose alpha is 0.

    Args:
        signal: on a grid of two axes.

    Raises:
        InrError: a signal that codec "latent" does not take.
    """
    form.check_domain(signal.domain)
    array = signal.array
    seen = counted(array, signal.domain, signal.missing)
    channels = form.CHANNELS[signal.channels]
    if len(channels) == 1:
        return [_part(signal, array, 0, seen[..., 0])]
    colour = _part(signal, array[..., :-1], 0, seen[..., 0])
    return [colour, _part(signal, array[..., -1:], channels[0], seen[..., -1])]


def clears(signal: GridSignal) -> bool:
    """Whether every pixel whose alpha is 0 has colour 0, and there is one."""
    if signal.channels not in (2, 4):
        return False
    clear = signal.array[signal.array[..., -1] == 0]
    return len(clear) > 0 and not clear.any()


def flags_of(signal: GridSignal) -> int:
    """What base tells of the whole picture."""
    return form.AREA * (signal.domain.sampling == "area") + form.CLEAR * clears(signal)


def without_loss(part: Part) -> bytes:
    """A component's samples in as few bytes as they take without loss."""
    from inr.compression.encoder.samples import encode_samples
    from inr.signals import from_array

    return encode_samples(from_array(np.ascontiguousarray(part.samples), kind="image"))


def is_binary(part: Part) -> bool:
    """Whether its samples have two values, as masks have."""
    samples = part.samples
    low, high = samples.min(), samples.max()
    return bool(((samples == low) | (samples == high)).all())


def _part(
    signal: GridSignal, samples: Shaped[np.ndarray, "height width channels"], start: int, seen: np.ndarray
) -> Part:
    """A component whose first channel is `start`; `seen` are the pixels that count."""
    channels = samples.shape[-1]
    values = samples[seen]
    none = np.zeros((0, 0, 0), np.float32)
    if len(values) == 0 or (values == values[0]).all():
        pixel = values[0] if len(values) else samples[0, 0]
        little = pixel.astype(samples.dtype.newbyteorder("<")).tobytes()
        return Part(form.Component(channels, form.CONSTANT, constant=little), samples, none, None)
    least, spread = _range(signal, values)
    component = form.Component(channels, form.LATENTS, low=least, span=spread)
    low, span = form.ranges_of(component, signal.domain, start)
    picture = np.empty((channels, *samples.shape[:2]), np.float32)
    for channel in range(channels):
        picture[channel] = (samples[..., channel].astype(np.float64) - low[channel]) / span[channel]
    importance = None if seen.all() else seen.astype(np.float32)
    return Part(component, samples, picture, importance)


def _range(signal: GridSignal, values: np.ndarray) -> tuple[int | None, int | None]:
    """Low and span of integers: from 0 to all ones of as many bits as pictures take, else from least to most.

    None twice where the range is their type's, which goes without saying: that of 8 bits always is.
    """
    if values.dtype.kind == "f" or values.dtype == np.uint8:
        return None, None
    low, high = int(values.min()), int(values.max())
    if signal.domain.kind == "image" and values.dtype == np.uint16:
        low, high = 0, (1 << max(high.bit_length(), 1)) - 1
    if high - low > form.MAX_SPAN or max(-low, high) >= 1 << 41:
        raise InrError(f"codec 'latent' takes integers that span up to 2^40, not from {low} to {high}; mlp does")
    limits = np.iinfo(values.dtype)
    return (None, None) if (low, high) == (limits.min, limits.max) else (low, high - low)
