"""Compressing and decompressing in one call."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from inr import container
from inr._errors import InrError
from inr.compression.codecs.base import Codec, Payload, codecs
from inr.compression.counted import counted
from inr.compression.files import build_any_field, open_reference, pack
from inr.compression.fit_series import FitSeries, OnEvent
from inr.compression.latent_files import without_missing
from inr.compression.rate_control import SHARE_OF_A_FILE, Found, Target, level_of_error, smallest_reaching
from inr.compression.reference_weights import LearnedWeights, Reference, checksum_name
from inr.container import GIB
from inr.engines import engines, render
from inr.field import Field, SampledField, Spec
from inr.fitting import check_seed, fingerprint, stopping_on_interrupt
from inr.signals import Box, Domain, GridSignal, Signal, as_signal, block_ranges, cast_samples, snr, without_story
from inr.signals import psnr as decibels

# Samples whose errors are looked at at once.
_BLOCK = 1 << 20
# What codec latent is the usual one from: pixels of a picture, and bytes of a file. On 64 x 64 pixels of a photograph
# it is 6 dB above mlp at 800 bytes, and 10 below at 500.
_LEAST_PIXELS, _LEAST_BYTES = 4_096, 700
# Alpha has networks of its own. On 160 x 128 pixels with soft alpha it is 18 dB below mlp at 1,000 bytes, and 4 above
# at 1,400.
_LEAST_BYTES_WITH_ALPHA = 1_400
# Bytes of samples that no file of a codec is smaller than, without loss; and those of a file that certainly holds them.
_TINY, _FILE_OF_TINY = 24, 1_000
# Samples are packed without loss, to see how many bytes they take, where the quickest packing takes no more than so
# many times as many as a file may.
_WORTH_PACKING = 2.0


class Quality(NamedTuple):
    """How near decoded samples are to the signal's, in their own type.

    Colours of pixels whose alpha is 0 do not count.

    Attributes:
        psnr: in dB, over the range of the signal's values.
        rmse: the root of the mean squared error, in units of the samples.
        max_error: the largest error, in the same units.
        snr: in dB, of sounds; None of other signals.
    """

    psnr: float
    rmse: float
    max_error: float
    snr: float | None = None


@dataclass(frozen=True)
class Compressed:
    """What a signal was compressed to.

    Attributes:
        data: the file's bytes.
        quality: of the samples as they are decoded.
        missed: by what the target was missed, in words; None where it was met.
        ended: why the work ended early and what is kept, in words; None where it did not.
    """

    data: bytes
    quality: Quality
    missed: str | None
    ended: str | None = None

    @property
    def psnr(self) -> float:
        """PSNR in dB of the samples as they are decoded."""
        return self.quality.psnr


def compress(
    signal: Any,
    *,
    codec: Spec | None = None,
    bpp: float | None = None,
    bytes: int | None = None,
    psnr: float | None = None,
    max_error: float | None = None,
    quality: float | None = None,
    preset: str | None = None,
    steps: int | None = None,
    engine: Spec = "auto",
    seed: int = 0,
    reference: Reference | None = None,
    seconds: float | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    on_event: OnEvent | None = None,
) -> bytes:
    """Compress a signal on a grid to the bytes of an .inr file.

    At most one of `bpp`, `bytes`, `psnr`, `max_error` and `quality` says how large or how good the file is to be; the
    default is 0.3 bits a sample. Where that cannot be reached, the file is the nearest to it that can;
    `inr.compression.compress_and_measure` says so. Ctrl-C ends the work and returns the best file so far, with a
    warning; `inr.compression.FitSeries` ends it from elsewhere.

    Args:
        signal: a picture, sound, video or volume, the path of a file that `inr.open` reads, or an array as of
            `inr.from_array`.
        codec: "latent", "mlp", "coin", "ani" or "doh", with options as in "mlp:sphere=true"; None: latent for pictures,
            and mlp for other signals and what is small, see `default_codec`; differences where a base is given.
        bpp: most bits per sample, all of the file counted; a pixel is one sample, whatever its channels.
        bytes: most bytes of the file.
        psnr: least dB, of the decoded samples in their own type. Takes several fits, but for codec latent.
        max_error: the largest error that a decoded sample may have, in units of the samples. Takes several fits.
        quality: from 0 to 100, of codec latent: how bytes are weighed against errors, so that larger ones give larger
            and better files.
        preset: "fast", "default" or "best", of codec latent: 60, 240 or 900 seconds of fitting on two processor cores
            for 768 x 512 pixels, see `preset_seconds`. "default" where no steps and no seconds are given either.
        steps: of a fit; as many as suit the signal, or the seconds, if None.
        engine: what runs the fits.
        seed: equal seeds give equal bytes on one machine, thread count and engine.
        reference: weights to begin from, and to count from in the file: the path of a file that was compressed from a
            similar signal of the same size, or the field that `inr.compression.decode` makes of it; or what `inr.learn`
            learned from many, an `inr.priors.Base` or its file. Decompressing takes it, too; a base's file is found
            where it lies beside the compressed one.
        seconds: of fitting, all fits together, without compiling, coding, reading and writing; steps are then planned
            to fit in.
        checkpoint: file to keep a resumable state in; None: none is kept. It stays when the work is done.
        resume: go on from the checkpoint, as if the work had not been interrupted.
        on_event: called with every `Event` of the fits, and those of kind "stage", which say what is done between them.

    Returns:
        The bytes of the file; `inr.decompress` and `inr.compression.decode` read them.

    Raises:
        InrError: input that cannot be read, scattered samples, a target that makes no sense, an unknown codec, a codec
            or a signal that the reference weights are not for, a checkpoint of other work.

    >>> import numpy as np, inr
    >>> picture = inr.Signal.from_array(np.zeros((8, 8, 3), dtype=np.uint8))
    >>> data = inr.compress(picture, codec="coin", bytes=120, steps=2)
    >>> len(data) <= 120, inr.decompress(data).shape
    (True, (8, 8, 3))
    """
    fits = FitSeries(seconds=seconds, checkpoint=checkpoint, resume=resume, on_event=on_event)
    with stopping_on_interrupt(fits):
        made = compress_and_measure(
            signal, codec=codec, bpp=bpp, bytes=bytes, psnr=psnr, max_error=max_error, quality=quality, preset=preset,
            steps=steps, engine=engine, seed=seed, reference=reference, fits=fits,
        )  # fmt: skip
    if made.ended is not None:
        warnings.warn(made.ended, RuntimeWarning, stacklevel=2)
    return made.data


def compress_and_measure(
    signal: Any,
    *,
    codec: Spec | None = None,
    bpp: float | None = None,
    bytes: int | None = None,
    psnr: float | None = None,
    max_error: float | None = None,
    quality: float | None = None,
    preset: str | None = None,
    steps: int | None = None,
    engine: Spec = "auto",
    seed: int = 0,
    reference: Reference | None = None,
    fits: FitSeries | None = None,
) -> Compressed:
    """Compress as `inr.compress` does, and say what it came to.

    Args:
        signal, codec, bpp, bytes, psnr, max_error, quality, preset, steps, engine, seed, reference: as of
            `inr.compress`.
        fits: runs the fits; tells, stops and resumes them.

    Returns:
        The file's bytes, how good what they decode to is, and by what a target was missed.

    Raises:
        InrError: as of `inr.compress`.
    """
    from inr.compression.encoder.value_range import short_range

    source = _on_grid(as_signal(signal))
    target = Target.of(source, bpp=bpp, bytes=bytes, psnr=psnr, max_error=max_error, quality=quality)
    counted_from = None if reference is None else open_reference(reference)
    chosen = _chosen(codec, source, target, preset, counted_from)
    if counted_from is not None:
        chosen = chosen.counting_from(counted_from)
        if not isinstance(counted_from, Field):
            counted_from.check(source.domain)
    # codecs of weights reproduce samples, as many as there are, and spend no bytes on what lies between them
    domain = replace(without_story(source.domain), values=short_range(source.domain.values), sampling="point")
    sampling = source.domain.sampling if chosen.keeps_sampling else "point"
    ranged = GridSignal(source.array, replace(domain, sampling=sampling))
    if steps is not None and steps < 1:
        raise InrError(f"a fit takes at least 1 step, got {steps}")
    horizon = steps or chosen.steps(ranged)
    if codec is None and target.bytes is not None and (exact := _without_loss(source, target.bytes)) is not None:
        return exact
    if codec is None and reference is None and source.array.nbytes <= _TINY:
        exact = _without_loss(source, _FILE_OF_TINY)
        assert exact is not None
        return replace(exact, missed=_missed(target, exact.data, exact.quality))
    series = fits or FitSeries()
    seconds = _planned_seconds(chosen, ranged, preset, steps, series.seconds)
    series.begin(_recipe(target, chosen, horizon, seed, source), share=_share(target, chosen), seconds=seconds)

    def payloads(max_bytes: int) -> Sequence[Payload]:
        return chosen.encode(ranged, max_bytes, steps=horizon, engine=engine, seed=seed, fits=series)

    whole = partial(
        chosen.encode_target, ranged, target, partial(pack, chosen, domain), steps=horizon, engine=engine, seed=seed,
        fits=series,
    )  # fmt: skip
    found = whole if chosen.finds_rate else None
    made = _reach(target, chosen, domain, payloads, source, engine, series, counted_from, found)
    if codec is not None or reference is not None:
        return made
    # samples without loss meet any quality
    most = len(made.data) if made.missed is None or target.bytes is not None else 2 * source.array.nbytes
    exact = _without_loss(source, most)
    return made if exact is None else replace(exact, ended=made.ended)


def _without_loss(signal: GridSignal, max_bytes: int) -> Compressed | None:
    """The samples without loss, where they take no more than so many bytes."""
    from inr.compression.encoder.samples import quickly_packed

    if quickly_packed(signal) > _WORTH_PACKING * max_bytes:
        return None
    codec: Codec = codecs.build("samples")
    data = pack(codec, without_story(signal.domain), codec.encode(signal, max_bytes, steps=1))
    if len(data) > max_bytes:
        return None
    return Compressed(data, _compared(signal.samples, signal.samples, signal.domain), None)


def default_codec(signal: Signal, target: Target, *, preset: str | None = None) -> str:
    """The codec that a signal is compressed by where none is given.

    "latent" for pictures: where a file may have 700 bytes or more, 1,400 with alpha, below which its networks take too
    much of them; where a PSNR or a largest error is asked for, from 64 x 64 pixels on; and where a quality or a preset
    is. Otherwise "mlp". `compress` then still keeps samples without loss where these take fewer bytes.

    Args:
        signal: of which only domain and size matter, and whether alpha is the same everywhere.
        target: what is asked of the file.
        preset: of codec latent, if one is given.

    >>> from inr.compression.rate_control import Target
    >>> inr.compression.default_codec(inr.open("photo.png"), Target(bytes=2_000))
    'latent'
    """
    domain = signal.domain
    if domain.kind != "image" or domain.channels > 4:
        return "mlp"
    least = _LEAST_BYTES_WITH_ALPHA if domain.channels in (2, 4) and not _opaque(signal) else _LEAST_BYTES
    large = signal.size >= _LEAST_PIXELS if target.bytes is None else target.bytes >= least
    return "latent" if large or target.quality is not None or preset is not None else "mlp"


def _opaque(signal: Signal) -> bool:
    """Whether alpha, the last channel, is the same everywhere: then it takes next to no bytes."""
    alpha = signal.array[..., -1]
    return bool((alpha == alpha.flat[0]).all())


def _chosen(
    codec: Spec | None,
    signal: GridSignal,
    target: Target,
    preset: str | None,
    reference: Field | LearnedWeights | None = None,
) -> Codec:
    """The codec asked for, or the one that suits."""
    if codec is None and reference is not None:
        codec = "mlp" if isinstance(reference, Field) else "differences"
    elif codec is None:
        codec = default_codec(signal, target, preset=preset)
    found: Codec = codecs.build(codec)
    if target.quality is not None and not found.finds_rate:
        raise InrError(f"a quality is a target of codec latent; give codec '{found.config()['name']}' psnr or bytes")
    return found


def _planned_seconds(
    codec: Codec, signal: GridSignal, preset: str | None, steps: int | None, given: float | None
) -> float | None:
    """The seconds of fitting where none are given."""
    if preset is not None and (steps is not None or given is not None):
        raise InrError("a preset says how many seconds a fit has; give a preset, or steps or seconds")
    planned = codec.seconds(signal, preset)
    return None if steps is not None or given is not None else planned


def _on_grid(signal: Signal) -> GridSignal:
    """The signal, which codecs take on grids alone."""
    if not isinstance(signal, GridSignal):
        raise InrError("codecs compress signals on grids; scattered samples and shapes have none (inr fit takes them)")
    return signal


def check_compression(
    signal: Signal,
    *,
    codec: Spec | None = None,
    bpp: float | None = None,
    bytes: int | None = None,
    psnr: float | None = None,
    max_error: float | None = None,
    quality: float | None = None,
    preset: str | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    engine: Spec = "auto",
    seed: int = 0,
) -> float | None:
    """Refuse what `compress_and_measure` and `recompress` would, as far as that takes no fit.

    Args:
        signal: of which only domain and size matter.
        codec, bpp, bytes, psnr, max_error, quality, preset, steps, seconds, engine, seed: as of `inr.compress`.

    Returns:
        Seconds of fitting that are planned where neither steps nor seconds are given; None for no limit.

    Raises:
        InrError: scattered samples, a target that makes no sense, an unknown codec, preset or engine, a signal that the
            codec does not take.
    """
    source = _on_grid(signal)
    target = Target.of(source, bpp=bpp, bytes=bytes, psnr=psnr, max_error=max_error, quality=quality)
    chosen = _chosen(codec, source, target, preset)
    planned = _planned_seconds(chosen, source, preset, steps, seconds)
    chosen.check(source.domain)
    if steps is not None and steps < 0:
        raise InrError(f"a fit takes at least 1 step, got {steps}")
    check_seed(seed)
    if engine != "auto":
        engines.build(engine)
    return planned


def recompress(
    field: Field,
    *,
    signal: Any | None = None,
    bpp: float | None = None,
    bytes: int | None = None,
    psnr: float | None = None,
    max_error: float | None = None,
    steps: int | None = None,
    engine: Spec = "auto",
    seed: int = 0,
    fits: FitSeries | None = None,
) -> Compressed:
    """Compress a field that was fitted before, whatever its parts, to the bytes of an .inr file.

    Args:
        field: on a grid.
        signal: what it was fitted to; what it renders itself, if that is not at hand. Quality is against this.
        steps: that it goes on being fitted with rounded weights; 0 only rounds them.
        bpp, bytes, psnr, max_error, engine, seed: as of `inr.compress`.
        fits: runs the fits; tells, stops and resumes them.

    Returns:
        The file's bytes, how good what they decode to is, and by what a target was missed.

    Raises:
        InrError: a field of scattered samples, or a signal on another grid than the field's.
    """
    from inr.compression.codecs.weights import WeightsCodec

    if field.domain.shape is None:
        raise InrError("codecs compress fields on grids; this one was fitted to scattered samples")
    if isinstance(field, SampledField):
        raise InrError(
            "this field keeps samples, and has no weights to code anew; compress the picture or signal itself"
        )
    if signal is None:
        source: Signal = GridSignal(sample(field, engine=engine, max_bytes=16 * GIB), field.domain)
    else:
        source = as_signal(signal)
    if not isinstance(source, GridSignal) or source.domain.shape != field.domain.shape:
        raise InrError(f"the signal's grid {source.domain.shape} is not the field's, {field.domain.shape}")
    chosen = WeightsCodec.of(field)
    source = GridSignal(source.array, field.domain)

    horizon = chosen.steps(source) if steps is None else steps

    target = Target.of(source, bpp=bpp, bytes=bytes, psnr=psnr, max_error=max_error)
    series = fits or FitSeries()
    recipe = {**_recipe(target, chosen, horizon, seed, source), "field": checksum_name(field)}
    series.begin(recipe, share=_share(target, chosen))

    def payloads(max_bytes: int) -> Sequence[Payload]:
        return chosen.encode_field(field, source, max_bytes, steps=horizon, engine=engine, seed=seed, fits=series)

    return _reach(target, chosen, without_story(field.domain), payloads, source, engine, series)


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
    wanted = tuple(shape) if shape is not None else field.domain.shape
    needed = 4 * math.prod(wanted or ()) * field.domain.channels
    if needed > max_bytes:
        raise InrError(f"{needed} bytes of samples are more than the limit of {max_bytes}; decode a box, or fewer")
    if isinstance(field, SampledField) and box is None and wanted == field.domain.shape:
        return without_missing(field.signal.array.copy(), field.domain)
    values = render(field, shape, box, engine=engine)
    # What lies beyond the range is known to be wrong.
    low, high = (np.array(ends, dtype=np.float32) for ends in (field.domain.values.low, field.domain.values.high))
    np.clip(values, low, high, out=values)
    return cast_samples(values, field.domain)


def _recipe(target: Target, codec: Codec, steps: int, seed: int, source: GridSignal) -> dict[str, Any]:
    """What decides the bytes of a file, for checkpoints."""
    return {
        "target": asdict(target), "codec": codec.config(), "steps": steps, "seed": seed, "signal": fingerprint(source),
    }  # fmt: skip


def _share(target: Target, codec: Codec) -> float:
    """The share of the seconds that one file takes at most."""
    one = target.bytes is not None or (codec.finds_rate and target.max_error is None)
    return 1.0 if one else SHARE_OF_A_FILE


def _reach(
    target: Target,
    codec: Codec,
    domain: Domain,
    payloads: Callable[[int], Sequence[Payload]],
    source: GridSignal,
    engine: Spec,
    fits: FitSeries,
    reference: Reference | None = None,
    whole: Callable[[], bytes] | None = None,
) -> Compressed:
    """The file that meets the target, or the nearest to it, of `payloads` in so many bytes, or what `whole` makes."""
    qualities: dict[bytes, Quality] = {}

    def at_most(max_bytes: int) -> bytes:
        # What a file has besides payloads does not depend on their bytes, and hardly on how many these are.
        overhead = len(pack(codec, domain, codec.outline(max_bytes))) - max_bytes
        data = fits.kept(f"{max_bytes} bytes", lambda: pack(codec, domain, payloads(max(max_bytes - overhead, 1))))
        fits.stage("decoding, to measure it")
        qualities[data] = _quality(data, source, engine, reference)
        return data

    def by_psnr(max_bytes: int) -> Found:
        data = at_most(max_bytes)
        return Found(data, qualities[data].psnr)

    def by_error(max_bytes: int) -> Found:
        data = at_most(max_bytes)
        return Found(data, level_of_error(qualities[data].max_error))

    if whole is not None:
        data = whole()
        fits.stage("decoding, to measure it")
        qualities[data] = _quality(data, source, engine, reference)
    elif target.psnr is not None:
        data = smallest_reaching(target.psnr, by_psnr, source, fits).data
    elif target.max_error is not None:
        data = smallest_reaching(level_of_error(target.max_error), by_error, source, fits).data
    else:
        assert target.bytes is not None
        data = at_most(target.bytes)
    return Compressed(data, qualities[data], _missed(target, data, qualities[data]), fits.ended)


def _missed(target: Target, data: bytes, quality: Quality) -> str | None:
    """By what a file misses its target, in words."""
    if target.psnr is not None and quality.psnr < target.psnr:
        return f"{quality.psnr:.2f} dB are {target.psnr - quality.psnr:.2f} fewer than asked for"
    if target.max_error is not None and quality.max_error > target.max_error:
        return f"the largest error is {quality.max_error:.4g}, {target.max_error:.4g} was asked for"
    if target.bytes is not None and (excess := len(data) - target.bytes) > 0:
        return f"{len(data):,} bytes are {excess:,} more than asked for"
    return None


def _quality(data: bytes, source: GridSignal, engine: Spec, reference: Reference | None) -> Quality:
    """How near to the signal is what is decoded; so every file is decoded right after it was encoded."""
    field = decode(data, max_bytes=16 * GIB, reference=reference)
    decoded = sample(field, engine=engine, max_bytes=16 * GIB)
    return _compared(source.samples, source.there(decoded), source.domain)


def _compared(samples: np.ndarray, decoded: np.ndarray, domain: Domain) -> Quality:
    """How near decoded samples (n, C) are to others; colours of pixels whose alpha is 0 do not count."""
    if not (seen := counted(samples, domain)).all():
        samples, decoded = samples[seen], decoded[seen]
    data_range = domain.values.data_range
    level = decibels(samples, decoded, data_range)
    ours, theirs = samples.reshape(-1), decoded.reshape(-1)
    largest = max(
        float(np.abs(np.subtract(ours[start:stop], theirs[start:stop], dtype=np.float64)).max())
        for start, stop in block_ranges(ours.size, _BLOCK)
    )
    return Quality(
        level, data_range * 10 ** (-level / 20), largest, snr(samples, decoded) if domain.kind == "audio" else None
    )
