"""The components of a picture of codec "latent", and what the section "base" tells of them.

A picture has one or two *components*: colour, of one or three channels, and alpha, where it has two or four channels.
Each is coded by itself, as latents, as samples without loss, or as a constant. The coded latents of a component come in
*pieces*, from coarse to fine; so do those of the file:

- all pieces of the first component but its last one, which is by far the largest,
- all pieces of the second component, if there is one,
- the last piece of the first component.

The section "base" holds the table of components and the first pieces, the sections "g0", "g1", … the others in this
order. Numbers are LEB128 varints.

- Base: a byte of flags (bit 0: samples are means over cells; bit 1: pixels whose alpha is 0 have colour 0); of each
  component a byte (bits 0 and 1: its coding; 2 to 4: its preset; 5: a range of its own) and what `_read_component`
  tells; how many pieces each section holds, base first, until there are no more; the pieces.
- Pieces of a section: one after the other, each but the last preceded by its length.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inr._errors import InrError
from inr.compression.bitstream.latent.layout import PRESETS
from inr.compression.bitstream.stream import Cursor, signed
from inr.container import varint
from inr.signals import Domain

LATENTS, LOSSLESS, CONSTANT = range(3)
AREA, CLEAR = 1, 2
OWN_RANGE = 1 << 5
# Channels of the components of a picture of so many.
CHANNELS = {1: (1,), 2: (1, 1), 3: (3,), 4: (3, 1)}
# Widest range of integers: its product with a number of `fraction_bits` is exact in int64.
MAX_SPAN = (1 << 40) - 1
_MAX_PIECES = 64


@dataclass(frozen=True)
class Component:
    """One component of a coded picture.

    Attributes:
        channels: how many samples a pixel has in it.
        coding: LATENTS, LOSSLESS or CONSTANT.
        preset: of its networks, a name in `PRESETS`; "" if it has none.
        networks: the coded parameters of its networks.
        pieces: in which its latents, or its samples, are coded.
        low, span: integers go from `low` to `low` + `span`; None where that is their type's range, and of floats, whose
            range is the domain's.
        constant: the bytes of a pixel's samples, in their type, least byte first.
    """

    channels: int
    coding: int
    preset: str = ""
    networks: bytes = b""
    pieces: int = 0
    low: int | None = None
    span: int | None = None
    constant: bytes = b""


@dataclass(frozen=True)
class Table:
    """What the section "base" tells before its pieces.

    Attributes:
        flags: AREA and CLEAR, added.
        components: colour, and alpha if there is one.
        pieces: how many each section holds; of base, which may be none, then of g0, g1 …
    """

    flags: int
    components: tuple[Component, ...]
    pieces: tuple[int, ...]


def check_domain(domain: Domain) -> tuple[int, int]:
    """Height and width of what codec "latent" codes.

    Raises:
        InrError: anything but a picture, or a map of one channel.
    """
    shape = domain.shape
    if shape is not None and domain.kind == "video":
        raise InrError(
            f"codec 'latent' takes pictures and maps, with two axes, not a video of {shape[0]} frames; save one of "
            "them as a picture, or take mlp"
        )
    if shape is None or len(shape) != 2:
        raise InrError("codec 'latent' takes pictures and maps, with two axes; mlp takes other signals")
    if domain.channels not in (CHANNELS if domain.kind == "image" else (1,)):
        raise InrError(
            f"codec 'latent' takes pictures of 1 to 4 channels and maps of 1, not {domain.kind} of {domain.channels}; "
            "mlp takes others"
        )
    return shape[0], shape[1]


def piece_order(components: Sequence[Component]) -> list[tuple[int, int]]:
    """Component and number of each piece, in the order of the file."""
    pieces = [[(index, each) for each in range(found.pieces)] for index, found in enumerate(components)]
    first, others = pieces[0], pieces[1:]
    return [*first[:-1], *(each for other in others for each in other), *first[-1:]]


def write_pieces(pieces: Sequence[bytes]) -> bytes:
    """The pieces of one section, or of base behind its table."""
    return b"".join(varint(len(each)) + each for each in pieces[:-1]) + b"".join(pieces[-1:])


def write_table(table: Table) -> bytes:
    """What base begins with; `read_table` reads it."""
    written = bytearray([table.flags])
    for component in table.components:
        own = component.low is not None and component.span is not None
        preset = [*PRESETS].index(component.preset) if component.preset else 0
        written.append(component.coding | preset << 2 | own * OWN_RANGE)
        if component.low is not None and component.span is not None:
            written += signed(component.low) + varint(component.span)
        if component.coding == LATENTS:
            written += varint(component.pieces) + varint(len(component.networks)) + component.networks
        elif component.coding == CONSTANT:
            written += component.constant
    return bytes(written) + b"".join(map(varint, table.pieces))


def read_table(cursor: Cursor, domain: Domain) -> Table:
    """The table of base, behind which the cursor then stands.

    Raises:
        InrError: it does not hold together, or a newer inr wrote it.
    """
    check_domain(domain)
    flags = cursor.take(1)[0]
    if flags & ~(AREA | CLEAR):
        raise InrError(f"it has flags {flags:#x}, which this inr does not know: pip install -U inr")
    dtype = np.dtype(domain.dtype)
    components = tuple(_read_component(cursor, channels, dtype) for channels in CHANNELS[domain.channels])
    total, pieces = sum(component.pieces for component in components), [cursor.varint()]
    while sum(pieces) < total:
        pieces.append(cursor.varint())
        if pieces[-1] == 0:
            raise InrError("it announces a section without any piece")
    if sum(pieces) > total:
        raise InrError(f"it announces {sum(pieces)} pieces, where there are {total}")
    return Table(flags, components, tuple(pieces))


def ranges_of(component: Component, domain: Domain, start: int) -> tuple[Sequence[float], Sequence[float]]:
    """Lowest value and span of each of a component's channels, of which `start` is the first."""
    dtype, channels = np.dtype(domain.dtype), component.channels
    if dtype.kind == "f":
        lows, highs = domain.values.low, domain.values.high
        own = [index % len(lows) for index in range(start, start + channels)]
        return [lows[each] for each in own], [highs[each] - lows[each] for each in own]
    if component.low is not None and component.span is not None:
        return [component.low] * channels, [component.span] * channels
    limits = np.iinfo(dtype)
    return [int(limits.min)] * channels, [int(limits.max) - int(limits.min)] * channels


def _read_component(cursor: Cursor, channels: int, dtype: np.dtype) -> Component:
    """After its first byte: low (signed) and span of an own range; of latents, how many pieces, the length of the coded
    networks, and these; of a constant, a pixel's samples."""
    first = cursor.take(1)[0]
    coding, preset = first & 3, first >> 2 & 7
    if coding > CONSTANT or preset >= len(PRESETS) or first >> 6:
        raise InrError(f"it has a component {first:#x}, which this inr does not know: pip install -U inr")
    low, span = None, None
    if first & OWN_RANGE:
        if dtype.kind == "f":
            raise InrError("it announces a range of integers for floats")
        low, span = cursor.signed(), cursor.varint()
        limits = np.iinfo(dtype)
        if low < limits.min or low + span > min(limits.max, np.iinfo(np.int64).max):
            raise InrError(f"{dtype} has no range of {span} from {low} on")
    if coding == LATENTS:
        pieces = cursor.varint()
        if not 1 <= pieces <= _MAX_PIECES:
            raise InrError(f"it announces {pieces} pieces")
        if dtype.kind != "f" and (span if span is not None else (1 << 8 * dtype.itemsize) - 1) > MAX_SPAN:
            raise InrError("it announces a range of integers that is too wide")
        return Component(channels, coding, [*PRESETS][preset], bytes(cursor.take(cursor.varint())), pieces, low, span)
    if coding == CONSTANT:
        return Component(channels, coding, constant=bytes(cursor.take(channels * dtype.itemsize)))
    return Component(channels, coding, pieces=1)
