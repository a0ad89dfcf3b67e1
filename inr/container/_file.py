"""Reading and writing .inr files: sections by name, every length checked before it is believed."""

import math
import stat
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inr._errors import DamagedFile, InrError, MissingExtra
from inr._files import describe, replacing
from inr.container._coders import Coder, coders
from inr.container._header import Entry, decode_header, encode_header

GIB = 1 << 30


@dataclass(frozen=True)
class Section:
    """Named tensors and how they are stored.

    Attributes:
        name: unique in the file; letters, digits and _ . / - only.
        tensors: arrays by name.
        coding: name of a registered coder; "raw" lays them out as safetensors does.
        base: whether the file is worthless without it. Base sections come first.
    """

    name: str
    tensors: Mapping[str, np.ndarray]
    coding: str = "raw"
    base: bool = True


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        header: the configuration, as it was given to `dumps`.
        sections: those that could be read, by name, in the order of the file.
        damaged: enhancement sections that are damaged or missing.
        table: every section's name, coding and bytes, readable or not.
        header_size: bytes before the first payload.
    """

    header: dict[str, Any]
    sections: dict[str, Section]
    damaged: tuple[str, ...]
    table: tuple[Entry, ...]
    header_size: int

    @property
    def base_size(self) -> int:
        """Bytes of the shortest beginning of the file that can be read: its header and its base sections."""
        return self.header_size + sum(entry.size for entry in self.table if entry.base)


def dumps(header: Mapping[str, Any], sections: Sequence[Section]) -> bytes:
    """The bytes of a file; the same bytes for equal input.

    Args:
        header: plain JSON, at most 1 MiB of text; the order of keys does not matter.
        sections: from coarse to fine, base sections first.

    Returns:
        All of the file.

    Raises:
        InrError: what a file cannot hold, or an unknown coding.

    >>> section = inr.container.Section("base", {"numbers": np.arange(3.0)})
    >>> data = inr.container.dumps({"note": "three numbers"}, [section])
    >>> inr.container.loads(data).sections["base"].tensors["numbers"]
    array([0., 1., 2.])
    """
    payloads = [encode_payload(section) for section in sections]
    table = [
        Entry(section.name, section.coding, section.base, len(payload), zlib.crc32(payload))
        for section, payload in zip(sections, payloads, strict=True)
    ]
    return b"".join([encode_header(header, table), *payloads])


def loads(data: bytes | bytearray | memoryview, *, max_bytes: int = GIB) -> Contents:
    """Read a file's bytes, or any prefix of them that holds the base sections.

    Args:
        data: what `dumps` gave.
        max_bytes: most bytes that the payloads may take, and again the tensors decoded from them.

    Returns:
        The header, and those sections that could be read.

    Raises:
        DamagedFile: the file does not hold together; `section` is "header", the base section's name, or "end" where
            bytes follow the last section.
        InrError: a newer inr wrote it, or it is larger than allowed.
    """
    data = memoryview(data).cast("B")
    header, table, start = decode_header(data)
    total = sum(entry.size for entry in table)
    if total > max_bytes:
        raise InrError(f"its sections take {total} bytes, more than the limit of {max_bytes} (max_bytes)")
    sections: dict[str, Section] = {}
    damaged = []
    position, left = start, max_bytes
    for entry in table:
        try:
            section = decode_payload(entry, data[position : position + entry.size], left)
        except DamagedFile:
            if entry.base:
                raise
            damaged.append(entry.name)
        else:
            sections[entry.name] = section
            left -= sum(tensor.nbytes for tensor in section.tensors.values())
        position += entry.size
    if len(data) > position:
        raise DamagedFile(f"{len(data) - position} bytes follow the last section", "end")
    return Contents(header, sections, tuple(damaged), table, start)


def read(path: Path, *, max_bytes: int = GIB, share: float = 1.0) -> Contents:
    """Read a file as `loads` reads its bytes.

    Args:
        path: the file.
        max_bytes: most bytes that its sections may take, coded and again as tensors.
        share: of its bytes, from the first on, to be looked at; as if the file ended there.

    Returns:
        The header, and those sections that could be read.

    Raises:
        DamagedFile: the file does not hold together; the message begins with its path.
        InrError: there is no such file, it is no regular file, it is too large, or a newer inr wrote it.
    """
    data = memoryview(_read_bytes(path, max_bytes))
    data = data[: math.ceil(share * len(data))]
    try:
        return loads(data, max_bytes=max_bytes)
    except DamagedFile as error:
        raise DamagedFile(f"{path}: {error}", error.section) from error
    except InrError as error:
        raise InrError(f"{path}: {error}") from error


def write(path: Path, header: Mapping[str, Any], sections: Sequence[Section], *, force: bool = False) -> None:
    """Write a file, all of it or none.

    Args:
        path: where to.
        header: plain JSON, as of `dumps`.
        sections: in the file's order, base sections first.
        force: overwrite a file that is there.

    Raises:
        InrError: what `dumps` refuses, a file that exists, or a path that cannot be written.
    """
    data = dumps(header, sections)
    with replacing(path, force=force) as temporary:
        temporary.write_bytes(data)


def encode_payload(section: Section) -> bytes:
    """A section's bytes in a file. Raises InrError for what its coding does not hold."""
    coder = _coder(section.name, section.coding)
    try:
        return coder.encode(section.tensors)
    except ValueError as error:
        raise InrError(f"section '{section.name}': {error}") from error


def decode_payload(entry: Entry, payload: memoryview, limit: int) -> Section:
    """One section, checked. Raises DamagedFile with its name, MissingExtra where its coder needs what is not there."""
    if len(payload) < entry.size:
        raise DamagedFile(
            f"the file is truncated in section '{entry.name}': {len(payload)} of {entry.size} bytes are there",
            entry.name,
        )
    if zlib.crc32(payload) != entry.crc:
        raise DamagedFile(f"section '{entry.name}' is damaged: its checksum does not agree", entry.name)
    coder = _coder(entry.name, entry.coding)
    try:
        tensors = coder.decode(payload, limit)
    except MissingExtra:
        raise
    except ValueError as error:
        raise DamagedFile(f"section '{entry.name}' is damaged: {error}", entry.name) from error
    return Section(entry.name, tensors, entry.coding, entry.base)


def _coder(section: str, coding: str) -> Coder:
    if coding not in coders:
        known = ", ".join(sorted(coders))
        raise InrError(
            f"the coding '{coding}' of section '{section}' is not known (known: {known}): pip install -U inr"
        )
    return coders[coding]


def regular_size(path: Path) -> int:
    """Bytes of a file. Raises InrError where there is none that could be read."""
    try:
        status = path.stat()
    except OSError as error:
        raise InrError(f"cannot read {path}: {describe(error)}") from error
    if stat.S_ISDIR(status.st_mode):
        raise InrError(f"{path} is a directory; give an .inr file")
    if not stat.S_ISREG(status.st_mode):
        raise InrError(f"{path} is not a regular file")
    return status.st_size


def _read_bytes(path: Path, max_bytes: int) -> bytes:
    size = regular_size(path)
    if size > max_bytes:
        raise InrError(f"{path} has {size} bytes, more than the limit of {max_bytes} (max_bytes)")
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise InrError(f"cannot read {path}: {describe(error)}") from error
