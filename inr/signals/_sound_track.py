"""Sounds in the containers of videos, without any video: M4A, MKA, WMA and the like, as PyAV decodes them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import InrError
from inr.signals._libraries import check_bytes

_DTYPES = {"u8": np.uint8, "s16": np.int16, "s32": np.int32, "flt": np.float32, "dbl": np.float64}


def read(path: Path, container: Any, max_bytes: int) -> tuple[np.ndarray, int]:
    """The samples (N, C) of the first sound in an open container, and their rate in Hz."""
    stream = container.streams.audio[0]
    pieces: list[np.ndarray] = []
    taken = 0
    for piece in _pieces(path, container, stream):
        if pieces and piece.shape[1] != pieces[0].shape[1]:
            raise InrError(f"{path} changes from {pieces[0].shape[1]} to {piece.shape[1]} channels")
        taken += piece.nbytes
        check_bytes(path, taken, max_bytes, f"a sound of {taken / max(stream.rate, 1) / piece[0].nbytes:.3g} s or more")
        pieces.append(piece)
    if not pieces:
        raise InrError(f"{path} is damaged or cut short: a sound without samples")
    return np.concatenate(pieces), int(stream.rate)


def _pieces(path: Path, container: Any, stream: Any) -> Iterator[np.ndarray]:
    """What one packet after the other holds, (n, C). Raises InrError at the first that is not whole."""
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise InrError(f"{path} is damaged or cut short: a part of its sound is not whole")
        for frame in packet.decode():
            dtype = _DTYPES.get(frame.format.name.removesuffix("p"))
            if dtype is None:
                raise InrError(f"{path} has samples of type {frame.format.name}, which inr does not read")
            samples = frame.to_ndarray()
            samples = samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)
            # eight bits fill the upper half of sixteen, as in WAV
            yield (samples.astype(np.int16) - 128) * np.int16(256) if dtype == np.uint8 else samples
