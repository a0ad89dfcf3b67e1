"""Packing the samples of a signal without loss: the shortest of the forms that `bitstream.samples` reads."""

import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import suppress
from weakref import WeakKeyDictionary

import numpy as np

from inr._errors import MissingExtra
from inr.compression.bitstream import samples as forms
from inr.signals import GridSignal

# The most pixels along a side of a WebP picture.
_WEBP_SIDE = 16_383
# Blocks of a FLAC stream's metadata: the first of them, and the mark of the last.
_STREAM_INFO, _LAST = 0, 0x80
# Bytes that are deflated at once.
_CHUNK = 1 << 24
# Payloads of signals that are still in use: a fit asks whether they are short enough before it writes them.
_kept: WeakKeyDictionary[GridSignal, bytes] = WeakKeyDictionary()


def encode_samples(signal: GridSignal) -> bytes:
    """The shortest payload that holds a signal's samples.

    Args:
        signal: on a grid.

    Returns:
        What `bitstream.samples.decode_samples` reads.
    """
    if signal not in _kept:
        _kept[signal] = min(_packed(signal), key=len)
    return _kept[signal]


def quickly_packed(signal: GridSignal) -> int:
    """Bytes that the samples take without loss, packed in a hurry: those of `encode_samples` are fewer."""
    deflater = zlib.compressobj(1, zlib.DEFLATED, -15)
    data = memoryview(forms.differences(signal.array, (1 << signal.in_dim) - 1))
    return sum(len(deflater.compress(data[start : start + _CHUNK])) for start in range(0, len(data), _CHUNK))


def _packed(signal: GridSignal) -> Iterator[bytes]:
    """The payload in every form that suits the signal."""
    array = signal.array
    yield forms.first_byte(forms.STORED) + forms.differences(array, 0)
    grids = (1 << signal.in_dim) - 1
    for axes in sorted({0, 1 << signal.in_dim - 1, grids}):
        data = forms.differences(array, axes)
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
        yield forms.first_byte(forms.DEFLATED, axes) + deflater.compress(data) + deflater.flush()
        packed = lzma.compress(data, lzma.FORMAT_RAW, filters=forms.LZMA_FILTERS)
        yield forms.first_byte(forms.LZMA, axes) + packed
    kind, sizes = signal.domain.kind, array.shape
    if kind == "image" and array.dtype == np.uint8 and sizes[2] in forms.WEBP_MODES and max(sizes[:2]) <= _WEBP_SIDE:
        yield forms.first_byte(forms.WEBP) + _webp(array)
    if kind == "audio" and array.dtype == np.int16:
        with suppress(MissingExtra):
            yield forms.first_byte(forms.FLAC) + _flac(array)


def _webp(pixels: np.ndarray) -> bytes:
    from PIL import Image

    packed = io.BytesIO()
    whole = pixels.repeat(3, axis=2) if pixels.shape[2] == 1 else pixels
    Image.fromarray(whole).save(packed, "WEBP", lossless=True, exact=True, quality=100, method=4)
    return packed.getvalue()


def _flac(samples: np.ndarray) -> bytes:
    """A FLAC stream of int16 (N, C) without comments; its rate is the domain's, which says it."""
    soundfile = forms.sound_library()
    packed = io.BytesIO()
    soundfile.write(packed, samples, 44_100, subtype="PCM_16", format="FLAC")
    data, kept, position = packed.getvalue(), b"", 4
    while True:
        kind, length = data[position], 4 + int.from_bytes(data[position + 1 : position + 4], "big")
        if kind & ~_LAST == _STREAM_INFO:
            kept = bytes([_STREAM_INFO | _LAST]) + data[position + 1 : position + length]
        position += length
        if kind & _LAST:
            return data[:4] + kept + data[position:]
