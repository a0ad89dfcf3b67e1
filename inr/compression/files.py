"""Compressed files: which codec, on which grid, and the codec's sections, in the container."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inr import container
from inr._errors import DamagedFile, InrError, MissingExtra
from inr._specs import format_spec
from inr.compression.codecs.base import Codec, Payload, codecs
from inr.compression.reference_weights import Reference, UnknownWeights
from inr.container import GIB, Contents, Section
from inr.field import MAX_FILE_BYTES, Field, build_field
from inr.signals import Domain, from_compact, to_compact

_CODING = "bytes"


def pack(codec: Codec, domain: Domain, payloads: Sequence[Payload]) -> bytes:
    """The bytes of a file that a codec's payloads make."""
    sections = [
        Section(each.name, {"payload": np.frombuffer(each.data, dtype=np.uint8)}, _CODING, each.base)
        for each in payloads
    ]
    return container.dumps({"codec": _spec(codec), "domain": to_compact(domain)}, sections)


def unpack(contents: Contents, *, max_bytes: int = GIB, reference: Reference | None = None) -> Field:
    """The field in a compressed file, from all sections that could be read.

    Args:
        contents: what was read from the file.
        max_bytes: most bytes that the field may take.
        reference: the weights that the file counts from, if it does; other files are read without.

    Raises:
        DamagedFile: the header or a base section makes no sense, or would take more bytes.
        UnknownWeights: the file counts from weights that were not given.
        InrError: a newer inr wrote it.
    """
    codec, domain = _described(contents.header)
    if codec.reference_name and reference is not None:
        codec = codec.counting_from(open_reference(reference))
    payloads = {
        name: memoryview(section.tensors["payload"].tobytes())
        for name, section in contents.sections.items()
        if section.coding == _CODING
    }
    if "base" not in payloads:
        raise DamagedFile("it has no section 'base'", "header")
    try:
        return codec.decode(domain, payloads, max_bytes=max_bytes).eval()
    except (MissingExtra, DamagedFile, UnknownWeights):
        raise
    except InrError as error:
        raise DamagedFile(f"section 'base' cannot be decoded: {error}", "base") from error


def build_any_field(
    contents: Contents,
    path: str | os.PathLike[str] = "the file",
    *,
    max_bytes: int = MAX_FILE_BYTES,
    reference: Reference | None = None,
) -> Field:
    """The field in a file's contents, whether its weights are plain or compressed.

    Args:
        contents: what was read from the file.
        path: its name, for messages.
        max_bytes: most bytes that a compressed field may take.
        reference: the weights that the file counts from, if it does: a field, or the path of its file.

    Returns:
        The field, on the processor and in evaluation mode.

    Raises:
        DamagedFile: the file does not hold together; `section` names the part at fault.
        InrError: a newer inr wrote it, or it needs what this machine lacks.
    """
    if "codec" not in contents.header:
        return build_field(contents, path)
    try:
        return unpack(contents, max_bytes=max_bytes, reference=reference)
    except DamagedFile as error:
        raise DamagedFile(f"{path}: {error}", error.section) from error
    except UnknownWeights as error:
        raise UnknownWeights(f"{path}: {error}") from error
    except InrError as error:
        raise InrError(f"{path}: {error}") from error


def open_reference(reference: Reference) -> Field:
    """A field that was given as itself, or as the path of its file.

    Raises:
        InrError: no such file, or not an .inr file.
    """
    if isinstance(reference, Field):
        return reference
    return build_any_field(container.read(Path(reference), max_bytes=MAX_FILE_BYTES), reference)


def _spec(codec: Codec) -> str:
    """The codec's name, and those of its parameters that are not as usual."""
    usual = {param.name: param.default for param in codecs.info(codec.config()["name"]).params}
    config = {key: value for key, value in codec.config().items() if key == "name" or value != usual[key]}
    return format_spec(config)


def _described(header: Mapping[str, Any]) -> tuple[Codec, Domain]:
    if not isinstance(header.get("codec"), str) or not isinstance(header.get("domain"), Mapping):
        raise DamagedFile("its header names no codec and no grid", "header")
    try:
        domain = from_compact(header["domain"])
    except InrError as error:
        raise DamagedFile(f"its header describes no grid: {error}", "header") from error
    try:
        return codecs.build(header["codec"]), domain
    except InrError as error:
        raise InrError(f"it needs a codec that this inr does not have: {error}: pip install -U inr") from error
