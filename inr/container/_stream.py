"""Files that are larger than memory should hold: sections read one at a time, and written from where they are."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inr._errors import DamagedFile, InrError
from inr._files import describe, replacing
from inr.container._file import GIB, Section, decode_payload, encode_payload, regular_size
from inr.container._header import MAX_SECTIONS, MAX_TEXT, PREAMBLE, Entry, decode_header, encode_header

# no header is longer: deflate adds little to what it cannot shorten, and a line of the table takes 13 bytes at most
_MAX_HEADER = MAX_TEXT + MAX_TEXT // 8 + 16 * MAX_SECTIONS


class Sections:
    """The sections of a file, of which those are read that are asked for.

    Args:
        path: the file; its header is read at once, and checked.
        max_bytes: most bytes that one section may take, coded and again as tensors.

    Attributes:
        path: of the file.
        header: the configuration; table: every section's name, coding and bytes, in the file's order.
        header_size: bytes before the first payload; size: of the file.

    Raises:
        DamagedFile: the header does not hold together, or bytes follow the last section.
        InrError: there is no such file, it is no regular file, or a newer inr wrote it.

    >>> from pathlib import Path
    >>> sections = [inr.container.Section(name, {"numbers": np.arange(3.0)}) for name in ("first", "second")]
    >>> inr.container.write(Path("two.inr"), {}, sections)
    >>> inr.container.Sections(Path("two.inr")).read("second").tensors["numbers"]
    array([0., 1., 2.])
    """

    def __init__(self, path: Path, *, max_bytes: int = GIB) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self.size = regular_size(path)
        try:
            self.header, self.table, self.header_size = decode_header(memoryview(self._head()))
        except DamagedFile as error:
            raise DamagedFile(f"{path}: {error}", error.section) from error
        except InrError as error:
            raise InrError(f"{path}: {error}") from error
        starts = [self.header_size]
        for entry in self.table:
            starts.append(starts[-1] + entry.size)
        if self.size > starts[-1]:
            raise DamagedFile(f"{path}: {self.size - starts[-1]} bytes follow the last section", "end")
        self._places = {entry.name: (entry, start) for entry, start in zip(self.table, starts, strict=False)}

    def read(self, name: str) -> Section:
        """A section, checked.

        Args:
            name: of the section.

        Raises:
            DamagedFile: it does not hold together, or there is none of that name; the message begins with the path.
        """
        entry, payload = self._bytes(name)
        try:
            return decode_payload(entry, memoryview(payload), self._max_bytes)
        except DamagedFile as error:
            raise DamagedFile(f"{self.path}: {error}", error.section) from error
        except InrError as error:
            raise InrError(f"{self.path}: {error}") from error

    def payload(self, name: str) -> "Payload":
        """A section as bytes that another file can take, which are read when they are written.

        Args:
            name: of the section.
        """
        entry, _ = self._place(name)
        return Payload(entry, lambda: self._bytes(name)[1])

    def damaged(self) -> tuple[str, ...]:
        """The sections whose checksums do not agree, or that are not all there; all of the file is read for it."""
        return tuple(
            entry.name for entry in self.table if zlib.crc32(self._read(*self._places[entry.name])) != entry.crc
        )

    def _place(self, name: str) -> tuple[Entry, int]:
        if name not in self._places:
            raise DamagedFile(f"{self.path}: there is no section '{name}'", name)
        return self._places[name]

    def _bytes(self, name: str) -> tuple[Entry, bytes]:
        entry, start = self._place(name)
        if entry.size > self._max_bytes:
            raise InrError(
                f"{self.path}: section '{name}' takes {entry.size} bytes, more than the limit of {self._max_bytes} "
                "(max_bytes)"
            )
        return entry, self._read(entry, start)

    def _read(self, entry: Entry, start: int) -> bytes:
        """What is there of a section's bytes."""
        if start >= self.size or entry.size > self._max_bytes:
            return b""
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read(entry.size)
        except OSError as error:
            raise InrError(f"cannot read {self.path}: {describe(error)}") from error

    def _head(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                first = file.read(PREAMBLE.size)
                if len(first) < PREAMBLE.size:
                    return first
                return first + file.read(min(PREAMBLE.unpack(first)[2], _MAX_HEADER))
        except OSError as error:
            raise InrError(f"cannot read {self.path}: {describe(error)}") from error


@dataclass(frozen=True)
class Payload:
    """A section as bytes that are elsewhere until they are written.

    Attributes:
        entry: its line in the table of sections.
        read: gives the bytes.
    """

    entry: Entry
    read: Callable[[], bytes]

    @classmethod
    def of(cls, section: Section) -> "Payload":
        """That of a section in memory, which is coded again when it is written."""
        data = encode_payload(section)
        return cls(
            Entry(section.name, section.coding, section.base, len(data), zlib.crc32(data)),
            lambda: encode_payload(section),
        )


def write_payloads(path: Path, header: Mapping[str, Any], payloads: Sequence[Payload], *, force: bool = False) -> None:
    """Write a file of sections that need not be in memory together, all of it or none.

    The bytes are those that `write` makes of the same header and sections.

    Args:
        path: where to.
        header: plain JSON, as of `dumps`.
        payloads: in the file's order, base sections first.
        force: overwrite a file that is there.

    Raises:
        InrError: what `dumps` refuses, a payload that is not what its entry says, a file that exists, or a path that
            cannot be written.
    """
    head = encode_header(header, [payload.entry for payload in payloads])
    with replacing(path, force=force) as temporary, temporary.open("wb") as file:
        file.write(head)
        for payload in payloads:
            data = payload.read()
            if (len(data), zlib.crc32(data)) != (payload.entry.size, payload.entry.crc):
                raise DamagedFile(f"section '{payload.entry.name}' changed before it was written", payload.entry.name)
            file.write(data)
