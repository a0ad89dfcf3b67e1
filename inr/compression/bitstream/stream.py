"""Bytes of coded symbols: the range coder of `constriction`, given integer frequencies, and varints.

The coder is exact: `Categorical` turns weights w into frequencies w * (2^24 - n) / sum(w) + 1, and the weights it gets
here, frequencies less one, sum to 2^24 - n. Every number on the way is an integer below 2^24 in a float64.
"""

from typing import Any

import numpy as np

from inr._errors import InrError, MissingExtra
from inr.compression.bitstream.frequency_tables import TOTAL_BITS, FrequencyTable
from inr.container import varint

# Most symbols decoded at once: bounds what damaged input can make the decoder do in vain.
CHUNK = 1 << 16
# Most bits of a number that are coded at once.
_MAX_UNIFORM_BITS = 23


class Writer:
    """Symbols in, bytes out."""

    def __init__(self) -> None:
        self._coder = _queue().RangeEncoder()

    def symbols(self, table: FrequencyTable, values: np.ndarray) -> None:
        """Append values, all of them the table's."""
        if values.size and table.symbols.size > 1:
            self._coder.encode(np.ascontiguousarray(table.indices(values), dtype=np.int32), _categorical(table))

    def bits(self, width: int, values: np.ndarray) -> None:
        """Append integers from 0 to 2^width - 1, of which nothing else is known."""
        if width == 0 or values.size == 0:
            return
        shifts, size = _parts(width)
        parts = (values[:, None] >> shifts) & ((1 << size) - 1)
        self._coder.encode(parts.astype(np.int32).reshape(-1), _uniform(size))

    @property
    def size(self) -> int:
        """Bytes so far, to within a few."""
        return 4 * int(self._coder.num_words())

    def finish(self) -> bytes:
        """The shortest bytes that mean these symbols, whatever bytes come after them.

        All sequences of symbols share out the numbers from 0 to 1; a sequence's bytes are those of a fraction. Taken is
        the shortest one of which all continuations lie in the sequence's share, so the bytes hold at least as many bits
        as the symbols are worth, which `Reader` relies on.
        """
        count, (lower, width) = self._coder.pos()
        if width == (1 << 64) - 1:  # nothing was coded
            return b""
        # the words end with the one that rounds `lower` up; a further one, if any, is 0
        words = self._coder.get_compressed()[: count + 1].astype(">u4").tobytes()
        lower = (int.from_bytes(words, "big") << 32) - (-lower % (1 << 32))
        for spare in (56, 48, 40, 32, 24):
            start = -(-lower >> spare)
            if (start + 1) << spare <= lower + width:
                break
        return start.to_bytes((32 * count + 64 - spare) // 8, "big")


class Reader:
    """Bytes in, symbols out; refuses bytes that no `Writer` ends with.

    It writes again what it has read, which tells when symbols begin to be read from beyond the end.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        words = np.frombuffer(bytes(data) + bytes(-len(data) % 4), dtype=">u4").astype(np.uint32)
        self._coder = _queue().RangeDecoder(words)
        self._again = Writer()
        self._claimed = 0

    def claim(self, count: int, least: int) -> None:
        """Refuse what the bytes cannot hold before it is read: `count` symbols of `least` * 2^-24 bits or more."""
        self._claimed += count * least
        if self._claimed > len(self._data) << (TOTAL_BITS + 3):
            raise InrError(f"its {len(self._data)} bytes of symbols are fewer than it announces")

    def symbols(self, table: FrequencyTable, count: int) -> np.ndarray:
        """The next values, at most CHUNK of them."""
        if table.symbols.size == 1:
            return np.full(count, table.symbols[0])
        indices = self._read(_categorical(table), count)
        values = table.symbols[indices]
        self._again.symbols(table, values)
        return values

    def all_symbols(self, table: FrequencyTable, count: int) -> np.ndarray:
        """The next values, however many, refused where the bytes cannot hold so many."""
        self.claim(count, table.least)
        parts = [self.symbols(table, min(CHUNK, count - start)) for start in range(0, count, CHUNK)]
        return np.concatenate([np.zeros(0, dtype=np.int64), *parts])

    def bits(self, width: int, count: int) -> np.ndarray:
        """The next `count` integers from 0 to 2^width - 1, at most CHUNK of them."""
        if width == 0:
            return np.zeros(count, dtype=np.int64)
        shifts, size = _parts(width)
        parts = self._read(_uniform(size), count * len(shifts))
        values = (parts.reshape(-1, len(shifts)) << shifts).sum(axis=1)
        self._again.bits(width, values)
        return values

    def finish(self) -> None:
        """Refuse bytes left over or missing at the end."""
        if self._again.finish() != self._data:
            raise InrError("its symbols do not end where it ends")

    def _read(self, model: Any, count: int) -> np.ndarray:
        if count == 0:
            return np.zeros(0, dtype=np.int64)
        if self._again.size > len(self._data) + 16:
            raise InrError("its symbols go on beyond its end")
        try:
            return self._coder.decode(model, count).astype(np.int64)
        except AssertionError as error:
            raise InrError("its symbols are none that could have been written") from error


class Cursor:
    """Reads small numbers from the beginning of bytes."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._position = 0

    def byte(self) -> int:
        """The next byte."""
        if self._position >= len(self._data):
            raise InrError("it is cut before its symbols begin")
        self._position += 1
        return self._data[self._position - 1]

    def varint(self) -> int:
        """The next number from 0 to 2^42 - 1."""
        value = 0
        for shift in range(0, 42, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise InrError("a number at its beginning is out of range")

    def signed(self) -> int:
        """The next number from -2^41 to 2^41 - 1."""
        value = self.varint()
        return -(value + 1 >> 1) if value & 1 else value >> 1

    def take(self, count: int) -> memoryview:
        """The next bytes."""
        if count > len(self._data) - self._position:
            raise InrError("it is cut before its symbols begin")
        self._position += count
        return self._data[self._position - count : self._position]

    def rest(self) -> memoryview:
        """All that has not been read."""
        return self._data[self._position :]


def signed(value: int) -> bytes:
    """A varint of 0, -1, 1, -2, 2 … as 0, 1, 2, 3, 4 …"""
    return varint(2 * value if value >= 0 else -2 * value - 1)


def packed_width(width: int) -> int:
    """Bits that a number of so many bits takes: from 24 on it is coded in two halves."""
    shifts, size = _parts(width) if width else ((), 0)
    return len(shifts) * size


def _parts(width: int) -> tuple[np.ndarray, int]:
    """Where the parts begin in which a number of so many bits is coded, and the bits of one."""
    size = width if width <= _MAX_UNIFORM_BITS else -(-width // 2)
    return np.arange(0, width, size), size


def _queue() -> Any:
    return _library().stream.queue


def _categorical(table: FrequencyTable) -> Any:
    """The table as constriction has it, kept with the table."""
    if "categorical" not in vars(table):
        weights = (table.frequencies - 1).astype(np.float64)
        vars(table)["categorical"] = _library().stream.model.Categorical(weights, perfect=False)
    return vars(table)["categorical"]


def _uniform(width: int) -> Any:
    return _library().stream.model.Uniform(1 << width)


def _library() -> Any:
    try:
        import constriction
    except ImportError:
        raise MissingExtra("constriction", "compress", "entropy coding") from None
    return constriction
