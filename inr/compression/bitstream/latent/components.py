"""The samples that the sections of a file of codec "latent" decode to, by exact arithmetic.

`inr.compression.bitstream.latent.component_table` tells what base and the sections g0, g1 … hold.

Files within a largest error have a section "corrections" besides: a step (a varint for integers, a float64 for floats),
and by how many of them each sample is moved, as integers of `inr.compression.bitstream.integers`.
"""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from jaxtyping import Shaped

from inr._cores import usable_cores
from inr._errors import DamagedFile, InrError
from inr.compression.bitstream import samples as lossless
from inr.compression.bitstream.integers import decode_integers
from inr.compression.bitstream.latent.component_table import (
    AREA,
    CLEAR,
    CONSTANT,
    LATENTS,
    LOSSLESS,
    Component,
    Table,
    check_domain,
    piece_order,
    ranges_of,
    read_table,
)
from inr.compression.bitstream.latent.layout import Layout
from inr.compression.bitstream.latent.sample_values import correct, fraction_bits, from_unit
from inr.compression.bitstream.stream import Cursor
from inr.signals import Domain

CORRECTIONS = "corrections"


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
