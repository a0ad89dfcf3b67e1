"""Compressing and decompressing in one call."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inr import container
from inr._errors import InrError
from inr.compression.codecs.base import Codec, OnEvent, Payload, codecs
from inr.compression.files import build_any_field, open_reference, pack
from inr.compression.rate_control import Found, Target, smallest_reaching
from inr.compression.reference_weights import Reference
from inr.container import GIB
from inr.engines import render
from inr.field import Field, Spec
from inr.signals import Box, Domain, GridSignal, Signal, as_signal, cast_samples, without_story
from inr.signals import psnr as decibels


@dataclass(frozen=True)
class Compressed:
    """What a signal was compressed to.

    Attributes:
        data: the file's bytes.
        psnr: dB of the samples as they are decoded, in their own type.
        missed: by what the target was missed, in words; None where it was met.
    """

    data: bytes
    psnr: float
    missed: str | None


def compress(
    signal: Any,
    *,
    codec: Spec = "mlp",
    bpp: float | None = None,
    bytes: int | None = None,
    psnr: float | None = None,
    steps: int | None = None,
    engine: Spec = "auto",
    seed: int = 0,
    reference: Reference | None = None,
    on_event: OnEvent | None = None,
) -> bytes:
    """Compress a signal on a grid to the bytes of an .inr file.

    At most one of `bpp`, `bytes` and `psnr` says how large or how good the file is to be; the default is 0.3 bits a
    sample. Where that cannot be reached, the file is the nearest to it that can; `inr.compression.compress_and_measure`
    says so.

    Args:
        signal: a picture, sound, video or volume, the path of a file that `inr.open` reads, or an array as of
            `inr.from_array`.
        codec: "mlp", "coin", "ani" or "doh", with options as in "mlp:sphere=true".
        bpp: most bits per sample, all of the file counted; a pixel is one sample, whatever its channels.
        bytes: most bytes of the file.
        psnr: least dB, of the decoded samples in their own type. Takes several fits.
        steps: of a fit; as many as suit the signal if None.
        engine: what runs the fits.
        seed: equal seeds give equal bytes on one machine, thread count and engine.
        reference: weights to begin from, and to count from in the file: the path of a file that was compressed from a
            similar signal of the same size, or the field that `inr.compression.decode` makes of it. Decompressing takes
            it, too.
        on_event: called with the events of the fits.

    Returns:
        The bytes of the file; `inr.decompress` and `inr.compression.decode` read them.

    Raises:
        InrError: input that cannot be read, scattered samples, a target that makes no sense, an unknown codec, a codec
            or a signal that the reference weights are not for.

    >>> import numpy as np, inr
    >>> picture = inr.Signal.from_array(np.zeros((8, 8, 3), dtype=np.uint8))
    >>> data = inr.compress(picture, codec="coin", bytes=120, steps=2)
    >>> len(data) <= 120, inr.decompress(data).shape
    (True, (8, 8, 3))
    """
    return compress_and_measure(
        signal,
        codec=codec,
        bpp=bpp,
        bytes=bytes,
        psnr=psnr,
        steps=steps,
        engine=engine,
        seed=seed,
        reference=reference,
        on_event=on_event,
    ).data


def compress_and_measure(
    signal: Any,
    *,
    codec: Spec = "mlp",
    bpp: float | None = None,
    bytes: int | None = None,
    psnr: float | None = None,
    steps: int | None = None,
    engine: Spec = "auto",
    seed: int = 0,
    reference: Reference | None = None,
    on_event: OnEvent | None = None,
) -> Compressed:
    """Compress as `inr.compress` does, and say what it came to.

    Args:
        signal, codec, bpp, bytes, psnr, steps, engine, seed, reference, on_event: as of `inr.compress`.

    Returns:
        The file's bytes, the PSNR of what they decode to, and by what a target was missed.

    Raises:
        InrError: as of `inr.compress`.
    """
    from inr.compression.encoder.value_range import short_range

    source = as_signal(signal)
    if not isinstance(source, GridSignal):
        raise InrError("codecs compress signals on grids; scattered samples have none (inr fit takes them)")
    target = Target.of(source, bpp=bpp, bytes=bytes, psnr=psnr)
    chosen: Codec = codecs.build(codec)
    if reference is not None:
        reference = open_reference(reference)
        chosen = chosen.counting_from(reference)
    # codecs of weights reproduce samples, as many as there are, and spend no bytes on what lies between them
    domain = replace(without_story(source.domain), values=short_range(source.domain.values), sampling="point")
    ranged = GridSignal(source.array, domain)
    if steps is not None and steps < 1:
        raise InrError(f"a fit takes at least 1 step, got {steps}")
    horizon = steps or chosen.steps(ranged)

    def payloads(max_bytes: int) -> Sequence[Payload]:
        return chosen.encode(ranged, max_bytes, steps=horizon, engine=engine, seed=seed, on_event=on_event)

    return _reach(target, chosen, domain, payloads, source, engine, reference)


def recompress(
    field: Field,
    *,
    signal: Any | None = None,
    bpp: float | None = None,
    bytes: int | None = None,
    psnr: float | None = None,
    steps: int | None = None,
    engine: Spec = "auto",
    seed: int = 0,
    on_event: OnEvent | None = None,
) -> Compressed:
    """Compress a field that was fitted before, whatever its parts, to the bytes of an .inr file.

    Args:
        field: on a grid.
        signal: what it was fitted to; what it renders itself, if that is not at hand. PSNR is against this.
        steps: that it goes on being fitted with rounded weights; 0 only rounds them.
        bpp, bytes, psnr, engine, seed, on_event: as of `inr.compress`.

    Returns:
        The file's bytes, the PSNR of what they decode to, and by what a target was missed.

    Raises:
        InrError: a field of scattered samples, or a signal on another grid than the field's.
    """
    from inr.compression.codecs.weights import WeightsCodec

    if field.domain.shape is None:
        raise InrError("codecs compress fields on grids; this one was fitted to scattered samples")
    if signal is None:
        source: Signal = GridSignal(sample(field, engine=engine, max_bytes=16 * GIB), field.domain)
    else:
        source = as_signal(signal)
    if not isinstance(source, GridSignal) or source.domain.shape != field.domain.shape:
        raise InrError(f"the signal's grid {source.domain.shape} is not the field's, {field.domain.shape}")
    chosen = WeightsCodec.of(field)
    source = GridSignal(source.array, field.domain)

    horizon = chosen.steps(source) if steps is None else steps

    def payloads(max_bytes: int) -> Sequence[Payload]:
        return chosen.encode_field(field, source, max_bytes, steps=horizon, engine=engine, seed=seed, on_event=on_event)

    target = Target.of(source, bpp=bpp, bytes=bytes, psnr=psnr)
    return _reach(target, chosen, without_story(field.domain), payloads, source, engine)


def decompress(
    data: bytes | bytearray | memoryview,
    *,
    shape: Sequence[int] | None = None,
    box: Box | None = None,
    engine: Spec = "auto",
    max_bytes: int = GIB,
    reference: Reference | None = None,
) -> np.ndarray:
    """Decompress the samples in an .inr file's bytes, in the signal's own type.

    Args:
        data: what `compress` gave, or a beginning of it that holds the base section.
        shape: samples per axis in array order (H, W for a picture); the signal's own by default.
        box: (low, high) per axis in coordinate order x, y, …, the part of [-1, 1] to sample; all of it by default.
        engine: what evaluates the field.
        max_bytes: most bytes that sections, weights and samples may take, each.
        reference: what `compress` was given as such, if it was: a field, or the path of its file.

    Returns:
        Samples (*shape, C) of the signal's type; integers are rounded and clipped.

    Raises:
        DamagedFile: the file does not hold together; `section` names the part at fault.
        InrError: a shape or box that does not fit, more samples than `max_bytes` holds, a file of a newer inr, or one
            that counts from reference weights that were not given.
    """
    field = decode(data, max_bytes=max_bytes, reference=reference)
    return sample(field, shape, box, engine=engine, max_bytes=max_bytes)


def decode(data: bytes | bytearray | memoryview, *, max_bytes: int = GIB, reference: Reference | None = None) -> Field:
    """Decode the field in an .inr file's bytes, whether its weights are compressed or not.

    Warns of enhancement sections that are damaged or missing.

    Args:
        data, max_bytes, reference: as of `inr.decompress`.

    Returns:
        The field, on the processor and in evaluation mode.

    Raises:
        DamagedFile, InrError: as of `inr.decompress`.
    """
    contents = container.loads(data, max_bytes=max_bytes)
    if contents.damaged:
        warnings.warn(f"sections {', '.join(contents.damaged)} are damaged or missing", stacklevel=2)
    return build_any_field(contents, max_bytes=max_bytes, reference=reference)


def sample(
    field: Field,
    shape: Sequence[int] | None = None,
    box: Box | None = None,
    *,
    engine: Spec = "auto",
    max_bytes: int = GIB,
) -> np.ndarray:
    """Sample a field on a grid, in its signal's own type.

    Args:
        field: to be evaluated.
        shape, box, engine, max_bytes: as of `inr.decompress`.

    Returns:
        Samples (*shape, C); integers are rounded and clipped.

    Raises:
        InrError: a shape or box that does not fit, or more samples than `max_bytes` holds.
    """
    wanted = shape if shape is not None else field.domain.shape
    needed = 4 * math.prod(wanted or ()) * field.domain.channels
    if needed > max_bytes:
        raise InrError(f"{needed} bytes of samples are more than the limit of {max_bytes}; decode a box, or fewer")
    values = render(field, shape, box, engine=engine)
    # What lies beyond the range is known to be wrong.
    low, high = (np.array(ends, dtype=np.float32) for ends in (field.domain.values.low, field.domain.values.high))
    np.clip(values, low, high, out=values)
    return cast_samples(values, field.domain)


def _reach(
    target: Target,
    codec: Codec,
    domain: Domain,
    payloads: Callable[[int], Sequence[Payload]],
    source: GridSignal,
    engine: Spec,
    reference: Reference | None = None,
) -> Compressed:
    """The file that meets the target, or the nearest to it, of `payloads` in so many bytes."""

    def at_most(max_bytes: int) -> Found:
        # What a file has besides payloads does not depend on their bytes, and hardly on how many these are.
        overhead = len(pack(codec, domain, codec.outline(max_bytes))) - max_bytes
        data = pack(codec, domain, payloads(max(max_bytes - overhead, 1)))
        return Found(data, _quality(data, source, engine, reference))

    if target.bytes is not None:
        found = at_most(target.bytes)
        excess = len(found.data) - target.bytes
        missed = f"{len(found.data)} bytes are {excess} more than asked for" if excess > 0 else None
    else:
        assert target.psnr is not None
        found = smallest_reaching(target.psnr, at_most, source)
        short = target.psnr - found.psnr
        missed = f"{found.psnr:.2f} dB are {short:.2f} fewer than asked for" if short > 0 else None
    return Compressed(found.data, found.psnr, missed)


def _quality(data: bytes, source: GridSignal, engine: Spec, reference: Reference | None) -> float:
    """PSNR in dB of what is decoded; so every file is decoded right after it was encoded."""
    decoded = sample(decode(data, reference=reference), engine=engine, max_bytes=16 * GIB)
    return decibels(source.samples, source.there(decoded), source.domain.values.data_range)
