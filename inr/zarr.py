"""Chunks of Zarr arrays as .inr files of which no value is off by more than a bound: needs the extra `zarr`.

`FieldCodec` is the codec "inr" of Zarr's format 3, `FieldCompressor` that of numcodecs, for format 2. Where inr is
installed, both are found by that name, so that an array is read without naming this module.

The bound holds for every value of every chunk, wherever it is read: a chunk was decoded before it was written, and
decodes to the same bits on every machine (see `inr.compression.pack_bounded`, which tells what a chunk may hold). NaN,
constant chunks, integers and chunks of any shape are taken. An edge chunk is filled up with the array's fill value,
which is packed like all other values: NaN takes next to nothing there, and 0 beside temperatures in K a lot.
"""

import asyncio
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from inr._errors import DamagedFile, InrError, MissingExtra
from inr.compression import pack_bounded, unpack_bounded

try:
    from numcodecs.abc import Codec
    from numcodecs.compat import ensure_bytes, ndarray_copy
    from zarr.abc.codec import ArrayBytesCodec
    from zarr.core.common import parse_named_configuration
except ImportError:
    raise MissingExtra("zarr", "zarr", "inr.zarr") from None

if TYPE_CHECKING:
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

__all__ = ["FieldCodec", "FieldCompressor"]

_NAME = "inr"


@dataclass(frozen=True, kw_only=True)
class _Bound:
    """What both codecs are told."""

    max_error: float | None = None
    relative_error: float | None = None
    preset: str | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        given = [each for each in (self.max_error, self.relative_error) if each is not None]
        if len(given) != 1 or not 0 < given[0] < math.inf:
            raise InrError("codec inr takes one positive number, as max_error or as relative_error")
        if self.preset is not None and self.steps is not None:
            raise InrError("a preset says how many seconds a fit has; give a preset, or steps")
        if self.preset not in (None, "fast", "default", "best") or (self.steps or 0) < 0:
            raise InrError(f"presets are fast, default and best, steps from 0 on, not {self.preset or self.steps}")

    def given(self) -> dict[str, Any]:
        """What was given, as plain JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def pack(self, chunk: np.ndarray) -> bytes:
        """The bytes of a chunk."""
        bound = self.max_error
        if bound is None:
            known = chunk[np.isfinite(chunk)] if chunk.dtype.kind == "f" else chunk
            bound = (self.relative_error or 0.0) * (float(known.max()) - float(known.min()) if known.size else 0.0)
        preset = "fast" if self.preset is None and self.steps is None else self.preset
        return pack_bounded(chunk, bound, preset=preset, steps=self.steps)


@dataclass(frozen=True, kw_only=True)
class FieldCodec(_Bound, ArrayBytesCodec):
    """A codec of Zarr's format 3 that turns chunks into bytes, as `zarr.create_array(serializer=…)` takes it.

    Args:
        max_error: the largest error of a value, in its own units.
        relative_error: the same as a share of the range of each chunk's values; one of the two is given.
        preset: how long a chunk is fitted: "fast", "default" or "best", see `inr.compress`; "fast" if neither this nor
            `steps` is given.
        steps: of a fit, 0 for none; equal chunks then have equal bytes on one machine and number of threads.

    Raises:
        InrError: no bound, or two; a preset and steps.

    >>> import zarr
    >>> from inr.zarr import FieldCodec
    >>> values = np.sin(np.arange(60.0).reshape(6, 10) / 9).astype(np.float32)
    >>> array = zarr.create_array({}, data=values, serializer=FieldCodec(max_error=0.01), compressors=None)
    >>> bool(np.abs(array[:] - values).max() <= 0.01)
    True
    """

    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: Any) -> "FieldCodec":
        """The codec of what Zarr keeps of it."""
        told: Any = parse_named_configuration(data, _NAME)[1]
        return cls(**told)

    def to_dict(self) -> Any:
        """What Zarr keeps of it, as plain JSON."""
        return {"name": _NAME, "configuration": self.given()}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: "ArraySpec") -> int:
        """Not known before."""
        raise NotImplementedError("chunks of codec inr are as long as they come out")

    def validate(self, *, shape: Any, dtype: Any, chunk_grid: Any) -> None:
        """Refuse arrays of what is no real number of up to 64 bits; raises InrError."""
        native = dtype.to_native_dtype()
        if native.kind not in "biuf" or native.itemsize > 8:
            raise InrError(f"codec inr takes truth values, integers and floats of up to 64 bits, not {native}")

    async def _encode_single(self, chunk_data: "NDBuffer", chunk_spec: "ArraySpec") -> "Buffer":
        packed = await asyncio.to_thread(self.pack, chunk_data.as_numpy_array())
        return chunk_spec.prototype.buffer.from_bytes(packed)

    async def _decode_single(self, chunk_data: "Buffer", chunk_spec: "ArraySpec") -> "NDBuffer":
        dtype = chunk_spec.dtype.to_native_dtype()
        values = await asyncio.to_thread(unpack_bounded, chunk_data.to_bytes(), dtype.newbyteorder("="))
        if values.size != math.prod(chunk_spec.shape):
            raise DamagedFile(f"a chunk holds {values.size} values, not {chunk_spec.shape}", "base")
        return chunk_spec.prototype.nd_buffer.from_numpy_array(values.reshape(chunk_spec.shape).astype(dtype))


@dataclass(frozen=True, kw_only=True)
class FieldCompressor(_Bound, Codec):
    """The same for numcodecs, and so for Zarr's format 2: `zarr.create_array(zarr_format=2, compressors=…)`.

    Args:
        max_error, relative_error, preset, steps: as of `FieldCodec`.
        dtype: of the values, in this machine's order of bytes, as "float32".
    """

    codec_id = _NAME
    dtype: str

    def get_config(self) -> dict[str, Any]:
        """What is kept of it, as plain JSON."""
        return {"id": _NAME, **self.given()}

    def encode(self, buf: Any) -> bytes:
        """The bytes of a chunk, which is an array; its values in the order that they lie in."""
        array = np.asarray(buf, self.dtype)
        return self.pack(array.T if array.flags.fnc else array)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The values of a chunk, in one row."""
        return ndarray_copy(unpack_bounded(ensure_bytes(buf), np.dtype(self.dtype)), out)
