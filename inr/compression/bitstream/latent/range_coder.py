"""A range coder: symbols by integer frequencies to bytes, as compiled functions for kernels and in plain Python.

After Martin, "Range encoding", 1979. All sequences of symbols share out the numbers from 0 to 1. What has been coded
is an interval, [low, low + width) in units of 2^-48 of what the bytes so far leave open; 2^40 < width <= 2^48. Its
bytes are the shortest that name a number in the interval, taking zeros to follow them: on average one byte more than
the symbols are worth. There is only one such sequence of bytes, so a reader notices any other.

A coder's state is an int64 array: low, width, bytes so far, and, in a decoder, how far what is read lies above low.
"""

import numpy as np

from inr._errors import InrError
from inr.jit import exact

WINDOW_BITS, LEAST_BITS = 48, 40
LOW, WIDTH, COUNT, ABOVE = range(4)
STATE = 4
_WINDOW, _LEAST = 1 << WINDOW_BITS, 1 << LEAST_BITS


@exact
def encode(state: np.ndarray, data: np.ndarray, start: int, size: int, bits: int) -> None:
    """Append a symbol that has the share [start, start + size) of 2^bits; `data` must have room for 8 bytes more."""
    part = state[WIDTH] >> bits
    low, width, count = state[LOW] + start * part, size * part, state[COUNT]
    if low >= _WINDOW:
        low -= _WINDOW
        place = count - 1
        while data[place] == 255:
            data[place] = 0
            place -= 1
        data[place] += 1
    while width <= _LEAST:
        data[count] = low >> LEAST_BITS
        low = (low & (_LEAST - 1)) << 8
        width <<= 8
        count += 1
    state[LOW], state[WIDTH], state[COUNT] = low, width, count


@exact
def share(state: np.ndarray, bits: int) -> int:
    """Which of 2^bits shares the next symbol's is within; 2^bits where no symbol could have been written."""
    return min(state[ABOVE] // (state[WIDTH] >> bits), 1 << bits)


@exact
def consume(state: np.ndarray, data: np.ndarray, start: int, size: int, bits: int) -> None:
    """Go past the symbol that has the share [start, start + size) of 2^bits; beyond `data`, zeros are read."""
    part = state[WIDTH] >> bits
    low, width = (state[LOW] + start * part) & (_WINDOW - 1), size * part
    above, count = state[ABOVE] - start * part, state[COUNT]
    while width <= _LEAST:
        low = (low & (_LEAST - 1)) << 8
        above <<= 8
        if count < len(data):
            above += data[count]
        width <<= 8
        count += 1
    state[LOW], state[WIDTH], state[COUNT], state[ABOVE] = low, width, count, above


def encoder_state() -> np.ndarray:
    """The state of a coder before its first symbol."""
    return np.array([0, _WINDOW, 0, 0], np.int64)


def decoder_state(data: np.ndarray) -> np.ndarray:
    """The state of a decoder of bytes (uint8) before its first symbol."""
    first = bytes(data[: WINDOW_BITS // 8]).ljust(WINDOW_BITS // 8, b"\0")
    return np.array([0, _WINDOW, WINDOW_BITS // 8, int.from_bytes(first, "big")], np.int64)


def finish(state: np.ndarray, data: np.ndarray) -> bytes:
    """The bytes of all symbols of an encoder."""
    number, spare = _shortest(int(state[LOW]), int(state[WIDTH]))
    whole = int.from_bytes(bytes(data[: state[COUNT]]), "big") + (number >> WINDOW_BITS)
    count = int(state[COUNT]) + (WINDOW_BITS - spare) // 8
    return ((whole << (WINDOW_BITS - spare)) | ((number & (_WINDOW - 1)) >> spare)).to_bytes(count, "big")


def check_end(state: np.ndarray, data: np.ndarray) -> None:
    """Refuse bytes that do not end with the last symbol that a decoder has read.

    Raises:
        InrError: bytes left over, missing or other than a writer's.
    """
    number, spare = _shortest(int(state[LOW]), int(state[WIDTH]))
    found = int(state[LOW]) + int(state[ABOVE])
    if len(data) != state[COUNT] - spare // 8 or found & (_WINDOW - 1) != number & (_WINDOW - 1):
        raise InrError("its symbols do not end where it ends")


def _shortest(low: int, width: int) -> tuple[int, int]:
    """The number in [low, low + width) that most zeros end, in whole bytes, and how many zeros."""
    for spare in range(WINDOW_BITS, -1, -8):
        number = -(-low >> spare) << spare
        if number < low + width:
            return number, spare
    raise AssertionError("an interval holds whole numbers")


class PlainEncoder:
    """The specification of the encoder, with a number as long as need be."""

    def __init__(self) -> None:
        self._low, self._width, self._count = 0, _WINDOW, 0

    def encode(self, start: int, size: int, bits: int) -> None:
        """Append a symbol that has the share [start, start + size) of 2^bits."""
        part = self._width >> bits
        self._low, self._width = self._low + start * part, size * part
        while self._width <= _LEAST:
            self._low, self._width, self._count = self._low << 8, self._width << 8, self._count + 1

    def finish(self) -> bytes:
        """The bytes of all symbols."""
        number, spare = _shortest(self._low, self._width)
        return (number >> spare).to_bytes(self._count + (WINDOW_BITS - spare) // 8, "big")


class PlainDecoder:
    """The specification of the decoder."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._low, self._width, self._count = 0, _WINDOW, WINDOW_BITS // 8
        self._number = int.from_bytes(data[: self._count].ljust(self._count, b"\0"), "big")

    def share(self, bits: int) -> int:
        """Which of 2^bits shares the next symbol's is within."""
        return (self._number - self._low) // (self._width >> bits)

    def consume(self, start: int, size: int, bits: int) -> None:
        """Go past the symbol that has the share [start, start + size) of 2^bits."""
        part = self._width >> bits
        self._low, self._width = self._low + start * part, size * part
        while self._width <= _LEAST:
            byte = self._data[self._count] if self._count < len(self._data) else 0
            self._low, self._width, self._number = self._low << 8, self._width << 8, self._number << 8 | byte
            self._count += 1

    def finish(self) -> None:
        """Refuse bytes that do not end with the last symbol.

        Raises:
            InrError: bytes left over, missing or other than a writer's.
        """
        number, spare = _shortest(self._low, self._width)
        if len(self._data) != self._count - spare // 8 or number != self._number:
            raise InrError("its symbols do not end where it ends")
