"""Samples without loss: what a file holds of a signal that no network of so few bytes is worth having of.

A payload begins with a byte that names its form, and the axes along which differences were taken:

- `STORED`, `DEFLATED`, `LZMA`: the samples as numbers without sign, least byte first, as they are, or packed by
  deflate (RFC 1951), or by LZMA (a raw stream of its default filter). Differences, modulo the numbers' range, were
  taken along the axes whose bits are set, counted from the first; where any was, all first bytes come before all second
  ones, and so on.
- `WEBP`: a lossless WebP picture.
- `FLAC`: a FLAC stream.
"""

import io
import lzma
import math
import zlib
from types import ModuleType

import numpy as np

from inr._errors import InrError, MissingExtra

STORED, DEFLATED, LZMA, WEBP, FLAC = range(5)
_FORM_BITS = 3
LZMA_FILTERS = [{"id": lzma.FILTER_LZMA1, "preset": lzma.PRESET_DEFAULT}]
WEBP_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def first_byte(form: int, axes: int = 0) -> bytes:
    """What a payload begins with.

    Args:
        form: one of those above.
        axes: bit i is set where differences were taken along axis i.
    """
    return bytes([form | axes << _FORM_BITS])


def decode_samples(
    payload: bytes | memoryview, shape: tuple[int, ...], dtype: np.dtype, *, max_bytes: int
) -> np.ndarray:
    """The samples of a payload.

    Args:
        payload: of any origin.
        shape: of the array, with channels, (…, C).
        dtype: its type.
        max_bytes: about how many bytes may be allocated.

    Returns:
        (…, C), C-contiguous.

    Raises:
        InrError: the payload does not hold together, or not so many samples, or needs more bytes.
        MissingExtra: the library for its form is not installed.
    """
    size = math.prod(shape) * dtype.itemsize
    if size > max_bytes:
        raise InrError(f"its samples take {size} bytes, more than the limit of {max_bytes}")
    if not payload:
        raise InrError("it holds no samples")
    form, axes = payload[0] & (1 << _FORM_BITS) - 1, payload[0] >> _FORM_BITS
    body = bytes(payload[1:])
    if form == WEBP and not axes:
        samples = _from_webp(body, shape)
    elif form == FLAC and not axes:
        samples = _from_flac(body, shape, dtype)
    elif axes >> len(shape):
        raise InrError(f"it took differences along axis {axes.bit_length() - 1} of {len(shape)}")
    else:
        samples = _summed(_unpacked(form, body, size), shape, dtype, axes)
    if samples.shape != shape or samples.dtype != dtype:
        raise InrError(f"it holds samples of shape {samples.shape} and type {samples.dtype}, not {shape} and {dtype}")
    return samples


def differences(samples: np.ndarray, axes: int) -> bytes:
    """The bytes whose forms above `decode_samples` reads, for differences along the axes whose bits are set."""
    work = _unsigned(np.ascontiguousarray(samples))
    for axis in range(work.ndim):
        if axes >> axis & 1:
            work = np.diff(work, axis=axis, prepend=work.dtype.type(0))
    little = work.astype(work.dtype.newbyteorder("<"), copy=False)
    return _planes(little).tobytes() if axes else little.tobytes()


def sound_library() -> ModuleType:
    """What reads and writes FLAC. Raises MissingExtra where it is not installed."""
    try:
        import soundfile
    except ImportError:
        raise MissingExtra("soundfile", "audio", "FLAC") from None
    return soundfile


def _summed(data: bytes, shape: tuple[int, ...], dtype: np.dtype, axes: int) -> np.ndarray:
    """The samples whose differences these are."""
    unsigned = np.dtype(f"<u{dtype.itemsize}")
    if axes:
        planes = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, -1)
        data = planes.T.tobytes()
    work = np.frombuffer(data, unsigned).astype(unsigned.newbyteorder("=")).reshape(shape)
    for axis in range(len(shape)):
        if axes >> axis & 1:
            np.cumsum(work, axis=axis, dtype=work.dtype, out=work)
    return work.view(dtype)


def _unsigned(samples: np.ndarray) -> np.ndarray:
    return samples.view(f"u{samples.dtype.itemsize}")


def _planes(numbers: np.ndarray) -> np.ndarray:
    return numbers.reshape(-1).view(np.uint8).reshape(-1, numbers.dtype.itemsize).T


def _unpacked(form: int, body: bytes, size: int) -> bytes:
    """As many bytes as there are to be, from their packed form."""
    try:
        if form == STORED:
            data, ended = body, True
        elif form == DEFLATED:
            inflater = zlib.decompressobj(-15)
            data, ended = inflater.decompress(body, size + 1), inflater.eof
        elif form == LZMA:
            unpacker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=LZMA_FILTERS)
            data, ended = unpacker.decompress(body, size + 1), True  # a raw stream need not say that it ends
        else:
            raise InrError(f"it holds samples in form {form}, which this inr does not know: pip install -U inr")
    except (zlib.error, lzma.LZMAError, EOFError) as error:
        raise InrError(f"its samples cannot be unpacked: {error}") from error
    if len(data) != size or not ended:
        raise InrError(f"it holds {len(data)} bytes of samples, not {size}")
    return data


def _from_webp(body: bytes, shape: tuple[int, ...]) -> np.ndarray:
    from PIL import Image

    if len(shape) != 3 or shape[2] not in WEBP_MODES:
        raise InrError(f"a WebP picture has no samples of shape {shape}")
    try:
        with Image.open(io.BytesIO(body), formats=["WEBP"]) as picture:
            if picture.size != (shape[1], shape[0]):
                raise InrError(f"it holds a picture of {picture.size[0]} x {picture.size[1]} pixels")
            return np.asarray(picture.convert("RGB" if shape[2] == 1 else WEBP_MODES[shape[2]]))[..., : shape[2]].copy()
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InrError(f"its picture cannot be decoded: {error}") from error


def _from_flac(body: bytes, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    soundfile = sound_library()
    if len(shape) != 2 or dtype not in (np.int16, np.int32):
        raise InrError(f"FLAC holds no samples of shape {shape} and type {dtype}")
    try:
        with soundfile.SoundFile(io.BytesIO(body)) as sound:
            if (sound.frames, sound.channels) != shape:
                raise InrError(f"it holds {sound.frames} samples in {sound.channels} channels")
            return sound.read(dtype=dtype.name, always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError, TypeError) as error:
        raise InrError(f"its sound cannot be decoded: {error}") from error
