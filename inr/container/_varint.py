"""Whole numbers in as few bytes as they need."""


def varint(value: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first, with the high bit set in all bytes but the last.

    Args:
        value: a number from 0 on.

    Returns:
        At least one byte.

    >>> inr.container.varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
