"""What the sections of a file of codec "latent" hold, and the samples that they decode to, by exact arithmetic.

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
- The section "corrections", of files within a largest error: a step (a varint for integers, a float64 for floats), and
  by how many of them each sample is moved, as integers of `inr.compression.bitstream.integers`.
"""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from jaxtyping import Shaped

from inr._cores import usable_cores
from inr._errors import DamagedFile, InrError
from inr.compression.bitstream import samples as lossless
from inr.compression.bitstream.integers import decode_integers
from inr.compression.bitstream.latent.layout import PRESETS, Layout
from inr.compression.bitstream.stream import Cursor, signed
from inr.container import varint
from inr.signals import Domain

LATENTS, LOSSLESS, CONSTANT = range(3)
CORRECTIONS = "corrections"
AREA, CLEAR = 1, 2
OWN_RANGE = 1 << 5
# Channels of the components of a picture of so many.
CHANNELS = {1: (1,), 2: (1, 1), 3: (3,), 4: (3, 1)}
# Widest range of integers: its product with a number of `fraction_bits` is exact in int64.
MAX_SPAN = (1 << 40) - 1
_ROWS = 16  # of which samples are mapped at once
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


def fraction_bits(dtype: np.dtype) -> int:
    """Fraction bits of what the synthesis gives for samples of a type."""
    return 12 if dtype.itemsize == 1 else 20


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


def decode_samples(
    domain: Domain, payloads: Mapping[str, bytes | memoryview], *, max_bytes: int
) -> tuple[Shaped[np.ndarray, "height width channels"], Domain]:
    """The samples of the sections of a file.

    Latents of a section that is not there are zeros, and so are those of all finer grids of the component; samples
    without loss are then opaque.

    Args:
        domain: of the picture, as the file's header has it.
        payloads: by section name: base, and those others that could be read.
        max_bytes: about how many bytes may be allocated.

    Returns:
        Samples (H, W, C) in the domain's type, those that are missing included; and the domain, with what base tells
        of it.

    Raises:
        InrError: payloads that do not hold together, or need more bytes.
    """
    height, width = check_domain(domain)
    cursor = Cursor(memoryview(payloads["base"]))
    table = read_table(cursor, domain)
    threads = _check_memory(domain, table, max_bytes)
    pieces = _pieces(table, cursor.rest(), payloads)
    dtype = np.dtype(domain.dtype)
    samples = np.empty((height, width, domain.channels), dtype)
    start = 0
    for index, (component, found) in enumerate(zip(table.components, pieces, strict=True)):
        try:
            _decode_component(component, found, domain, start, samples, threads, max_bytes)
        except _DamagedPiece as error:
            name = _section_of(table, index, error.number)
            raise DamagedFile(f"section '{name}' cannot be decoded: {error}", name) from error
        start += component.channels
    if table.flags & CLEAR and domain.channels in (2, 4):
        samples[samples[..., -1] == 0] = 0
    if CORRECTIONS in payloads:
        try:
            _correct(samples, Cursor(memoryview(payloads[CORRECTIONS])), max_bytes)
        except InrError as error:
            raise DamagedFile(f"section '{CORRECTIONS}' cannot be decoded: {error}", CORRECTIONS) from error
    return samples, replace(domain, sampling="area") if table.flags & AREA else domain


def component_pieces(
    domain: Domain, payloads: Mapping[str, bytes | memoryview]
) -> list[tuple[Component, list[tuple[str, int]]]]:
    """What a file holds, without decoding its latents.

    Args:
        domain: of the picture, as the file's header has it.
        payloads: by section name: base, and those others that could be read.

    Returns:
        Of each component, colour first: what base tells of it, and the section and the bytes of each of its pieces, up
        to the first that is not there.

    Raises:
        InrError: payloads that do not hold together.
    """
    cursor = Cursor(memoryview(payloads["base"]))
    table = read_table(cursor, domain)
    pieces = _pieces(table, cursor.rest(), payloads)
    names: list[list[str]] = [[] for _ in table.components]
    order = iter(piece_order(table.components))
    for index, count in enumerate(table.pieces):
        for component, _ in islice(order, count):
            names[component].append(f"g{index - 1}" if index else "base")
    return [
        (component, [(name, len(piece)) for name, piece in zip(own, found, strict=False)])
        for component, own, found in zip(table.components, names, pieces, strict=True)
    ]


def correct(
    samples: Shaped[np.ndarray, "height width channels"],
    moves: Shaped[np.ndarray, "height width channels"],
    step: float,
) -> None:
    """Move samples, in place, by whole numbers of a step: exactly for integers, in float64 for floats."""
    for start in range(0, len(samples), _ROWS):
        rows, moved = samples[start : start + _ROWS], moves[start : start + _ROWS]
        if not moved.any():
            continue
        if samples.dtype.kind == "f":
            rows[...] = rows.astype(np.float64) + moved * np.float64(step)
        else:
            limits = np.iinfo(samples.dtype)
            wide = rows.astype(np.int64) + moved.astype(np.int64) * int(step)
            rows[...] = np.clip(wide, limits.min, min(limits.max, np.iinfo(np.int64).max))


def from_unit(
    unit: Shaped[np.ndarray, "channels height width"],
    bits: int,
    out: Shaped[np.ndarray, "height width channels"],
    low: Sequence[float],
    span: Sequence[float],
) -> None:
    """Map numbers of a unit range to samples, alike on every machine.

    Integers are rounded in int64, low + (t span + 2^(bits-1)) >> bits; floats are low + span (t 2^-bits) in float64.

    Args:
        unit: integers from 0 to 2^bits.
        bits: how many of them are fractions.
        out: where samples are written to, in their type.
        low, span: of each channel, integers for samples that are.
    """
    for start in range(0, out.shape[0], _ROWS):
        rows = unit[:, start : start + _ROWS].transpose(1, 2, 0)
        if out.dtype.kind == "f":
            out[start : start + _ROWS] = np.array(low) + np.array(span) * (rows * 2.0**-bits)
        else:
            scaled = rows.astype(np.int64)
            scaled *= np.array(span, np.int64)
            scaled += 1 << bits - 1
            scaled >>= bits
            scaled += np.array(low, np.int64)
            out[start : start + _ROWS] = scaled


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


def _check_memory(domain: Domain, table: Table, max_bytes: int) -> int:
    """Refuse what would take more bytes, before any are allocated; as many threads as there is memory for."""
    height, width = check_domain(domain)
    samples = height * width * domain.channels * np.dtype(domain.dtype).itemsize
    needed, threads = samples, usable_cores()
    for component in table.components:
        if needed > max_bytes:
            break
        if component.coding == LATENTS:
            from inr.compression.bitstream.latent.decode import memory_needed

            layout = Layout(height, width, component.channels, component.preset)
            while threads > 1 and samples + memory_needed(layout, threads) > max_bytes:
                threads -= 1
            needed = max(needed, samples + memory_needed(layout, threads))
        elif component.coding == LOSSLESS:
            needed = max(needed, 2 * samples)
    if needed > max_bytes:
        raise InrError(
            f"decoding {width} x {height} pixels takes {needed / 2**20:,.1f} MiB of memory, more than the "
            f"{max_bytes / 2**20:,.1f} allowed"
        )
    return threads


def _pieces(table: Table, base: memoryview, payloads: Mapping[str, bytes | memoryview]) -> list[list[memoryview]]:
    """The pieces of each component, up to the first that is not there."""
    order = piece_order(table.components)
    found: list[list[memoryview]] = [[] for _ in table.components]
    first = 0
    for index, count in enumerate(table.pieces):
        name = f"g{index - 1}" if index else "base"
        data = base if index == 0 else memoryview(payloads.get(name, b""))
        if index == 0 or name in payloads:
            try:
                pieces = _cut(data, count)
            except InrError as error:
                raise DamagedFile(f"section '{name}' cannot be decoded: {error}", name) from error
            for (component, number), piece in zip(order[first : first + count], pieces, strict=True):
                if number == len(found[component]):  # no coarser one is missing
                    found[component].append(piece)
        first += count
    return found


def _section_of(table: Table, component: int, number: int) -> str:
    """The section that holds a piece of a component."""
    place, index = piece_order(table.components).index((component, number)), 0
    while place >= table.pieces[index]:
        place -= table.pieces[index]
        index += 1
    return f"g{index - 1}" if index else "base"


class _DamagedPiece(InrError):
    """Bytes that no encoder has written, and in which of a component's pieces they are."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def _cut(data: memoryview, count: int) -> list[memoryview]:
    if count == 0:
        if len(data):
            raise InrError(f"{len(data)} bytes follow what it holds")
        return []
    cursor = Cursor(data)
    pieces = [cursor.take(cursor.varint()) for _ in range(count - 1)]
    return [*pieces, cursor.rest()]


def _decode_component(
    component: Component,
    pieces: Sequence[memoryview],
    domain: Domain,
    start: int,
    samples: Shaped[np.ndarray, "height width channels"],
    threads: int,
    max_bytes: int,
) -> None:
    """Write a component's channels, from `start` on, of the samples."""
    part = samples[..., start : start + component.channels]
    dtype = samples.dtype
    if component.coding == CONSTANT:
        part[...] = np.frombuffer(component.constant, dtype.newbyteorder("<"))
    elif component.coding == LOSSLESS:
        if pieces:
            try:
                part[...] = lossless.decode_samples(pieces[0], part.shape, dtype, max_bytes=max_bytes)
            except InrError as error:
                raise _DamagedPiece(str(error), 0) from error
        else:
            part[...] = domain.values.high[-1] if dtype.kind == "f" else np.iinfo(dtype).max
    else:
        decode_part(component, domain, pieces, start, part, threads)


def decode_part(
    component: Component,
    domain: Domain,
    pieces: Sequence[memoryview],
    start: int,
    out: Shaped[np.ndarray, "height width channels"],
    threads: int,
) -> None:
    """Write what latents of a component stand for.

    Args:
        component: whose coding is LATENTS.
        domain: of the picture.
        pieces: of the component, up to the first that is missing.
        start: its first channel.
        out: where its samples go, in their type.
        threads: that make pixels.
    """
    bits, (low, span) = fraction_bits(out.dtype), ranges_of(component, domain, start)

    def write(top: int, band: np.ndarray) -> None:
        from_unit(band, bits, out[top : top + band.shape[1]], low, span)

    decode_unit(component, domain, pieces, bits, write, threads)


def decode_unit(
    component: Component,
    domain: Domain,
    pieces: Sequence[memoryview],
    bits: int,
    write: Callable[[int, np.ndarray], None],
    threads: int,
) -> None:
    """What the networks of a component give for its latents, by bands of rows.

    Args:
        component, domain, pieces: as of `decode_part`.
        bits: of fractions.
        write: given the first row of each band, and it: from 0 to 2^bits, int32 (channels, rows, width).
        threads: that make pixels.
    """
    # these compile kernels, which other files do not need
    from inr.compression.bitstream.latent.decode import decode_bands, decode_section, entropy_network
    from inr.compression.bitstream.latent.fronts import sections
    from inr.compression.bitstream.latent.parameters import decode_parameters

    height, width = check_domain(domain)
    layout = Layout(height, width, component.channels, component.preset)
    if component.pieces != len(sections(layout)):
        raise InrError(f"it announces {component.pieces} pieces of latents, not {len(sections(layout))}")
    parameters = decode_parameters(layout, component.networks)
    latents = np.zeros(layout.latents, np.int32)
    for number, piece in enumerate(pieces):
        try:
            if number == 0:
                network = entropy_network(layout, parameters, piece)
            decode_section(network, number, piece, latents)
        except InrError as error:
            raise _DamagedPiece(str(error), number) from error
    decode_bands(layout, parameters, latents, write, fraction_bits=bits, threads=threads)


def _correct(samples: Shaped[np.ndarray, "height width channels"], cursor: Cursor, max_bytes: int) -> None:
    step = struct.unpack("<d", cursor.take(8))[0] if samples.dtype.kind == "f" else cursor.varint()
    if not ((0 < step < math.inf and step < 2.0**31) or (samples.dtype.kind == "f" and 0 < step < math.inf)):
        raise InrError(f"it announces steps of {step}")
    moves = decode_integers(cursor.rest(), samples.size, max_bytes=max(max_bytes - samples.nbytes, 0))
    correct(samples, moves.reshape(samples.shape), step)
