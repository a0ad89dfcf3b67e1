"""Compressed files: which codec, on which grid, and the codec's sections, in the container."""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inr import container
from inr._errors import DamagedFile, InrError, MissingExtra
from inr._specs import format_spec
from inr._upstairs import upstairs
from inr.activations import activations
from inr.compression.bitstream.pieces import cut, pieces_of
from inr.compression.bitstream.step_sizes import step_of, to_values
from inr.compression.bitstream.weights import QuantisedTensor
from inr.compression.codecs.base import Codec, Payload, codecs
from inr.compression.codecs.differences import DifferencesCodec
from inr.compression.payloads import CODING, payloads_of
from inr.compression.reference_weights import LearnedWeights, Reference, UnknownWeights
from inr.container import GIB, Contents, Section
from inr.encodings import encodings
from inr.field import MAX_FILE_BYTES, Field, SampledField, build_field, plain_storage
from inr.networks import networks
from inr.signals import Domain, GridSignal, from_compact, to_compact, usual_values


def pack(codec: Codec, domain: Domain, payloads: Sequence[Payload]) -> bytes:
    """The bytes of a file that a codec's payloads make."""
    return container.dumps({"codec": _spec(codec), "domain": _told(domain)}, _sections(payloads))


@dataclass(frozen=True)
class CodedStorage:
    """Saves a field's weights as integers, or as they are where they are no longer products of the steps.

    Attributes:
        indices: of the steps, by the names of `pieces_of`.
    """

    indices: Mapping[str, int]

    def __call__(self, field: Field) -> tuple[dict[str, Any], list[Section]]:
        """Header and sections of the field's file."""
        found = self.integers(field)
        if found is None:
            return plain_storage(field)
        return coded_contents(field, found)

    def integers(self, field: Field) -> dict[str, QuantisedTensor] | None:
        """The pieces' integers; None where a weight is no product of its step."""
        pieces = pieces_of(field)
        if pieces.keys() != self.indices.keys():
            return None
        found = {}
        for name, tensor in cut(pieces, {key: each.cpu() for key, each in field.named_parameters()}).items():
            quotients = tensor.numpy().astype(np.float64) / step_of(self.indices[name])
            if not (np.isfinite(quotients).all() and np.abs(quotients).max(initial=0) < 2**31):
                return None
            integers = np.rint(quotients).astype(np.int64)
            if not torch.equal(to_values(integers, self.indices[name]), tensor):
                return None
            found[name] = QuantisedTensor(integers, self.indices[name])
        return found


@dataclass(frozen=True)
class KeptStorage:
    """Saves a field as it was read: its samples do not change.

    Attributes:
        contents: of the file that it is from.
    """

    contents: Contents

    def __call__(self, field: Field) -> tuple[dict[str, Any], list[Section]]:
        """Header and sections: those up to the first that is damaged or missing."""
        sections = self.contents.sections
        whole = itertools.takewhile(lambda entry: entry.name in sections, self.contents.table)
        return self.contents.header, [sections[entry.name] for entry in whole]


def coded_contents(field: Field, found: Mapping[str, QuantisedTensor]) -> tuple[dict[str, Any], list[Section]]:
    """Header and sections of a fitted field's file.

    Args:
        field: whose parts, domain and metrics are told.
        found: the integers of its `pieces_of`.
    """
    from inr.compression.codecs.weights import WeightsCodec

    codec = WeightsCodec(**{part: unusual(config) for part, config in field.config().items()}, levels=True)
    beside = {key: value for key, value in field.header().items() if key not in ("field", "domain")}
    header = beside | {"codec": _spec(codec), "domain": _told(field.domain)}
    return header, _sections(codec.encode_integers(field, found))


def sampled_contents(field: Field) -> tuple[dict[str, Any], list[Section]]:
    """Header and sections of the file of a `SampledField`, which says no more than it must: it is small.

    The value range goes without saying where it is the usual one of the samples.
    """
    from inr.compression.codecs.samples import SamplesCodec

    codec = SamplesCodec()
    assert isinstance(field, SampledField)
    payloads = codec.encode(field.signal, 0, steps=1)
    told = {key: value for key, value in to_compact(field.domain).items() if key != "values"}
    if field.domain.values != usual_values(field.signal.array, field.domain.kind):
        told["values"] = field.domain.to_json()["values"]
    return {"codec": _spec(codec), "domain": told}, _sections(payloads)


def _sections(payloads: Sequence[Payload]) -> list[Section]:
    return [
        Section(each.name, {"payload": np.frombuffer(each.data, dtype=np.uint8)}, CODING, each.base)
        for each in payloads
    ]


def _told(domain: Domain) -> dict[str, Any]:
    """A domain in few words, and that of scattered samples in all words."""
    return domain.to_json() if domain.shape is None else to_compact(domain)


def unusual(config: Mapping[str, Any]) -> dict[str, Any]:
    """A part's configuration without what is its default.

    Args:
        config: of an encoding, an activation or a network.
    """
    registries = (encodings, activations, networks)
    registry = next(each for each in registries if config["name"] in each.names())
    usual = {param.name: param.default for param in registry.info(config["name"]).params}
    return {
        key: unusual(value) if isinstance(value, Mapping) and "name" in value else value
        for key, value in config.items()
        if key == "name" or key not in usual or value != usual[key]
    }


def unpack(
    contents: Contents,
    *,
    max_bytes: int = GIB,
    reference: Reference | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Field:
    """The field in a compressed file, from all sections that could be read.

    Args:
        contents: what was read from the file.
        max_bytes: most bytes that the field may take.
        reference: the weights that the file counts from, if it does; other files are read without.
        path: of the file, beside which a base is looked for that it needs.

    Raises:
        DamagedFile: the header or a base section makes no sense, or would take more bytes.
        UnknownWeights: the file counts from weights that were not given.
        InrError: a newer inr wrote it.
    """
    codec, domain = _described(contents.header)
    if codec.reference_name and (reference is not None or isinstance(codec, DifferencesCodec)):
        codec = codec.counting_from(_found_reference(codec, reference, path))
    payloads = payloads_of(contents)
    try:
        field = codec.decode(domain, payloads, max_bytes=max_bytes).eval()
        if codec.saved_as_read:
            field.storage = KeptStorage(contents)
        elif isinstance(field, SampledField):
            if "values" not in contents.header["domain"]:
                values = usual_values(field.signal.array, domain.kind)
                field = SampledField(GridSignal(field.signal.array, replace(domain, values=values)))
            field.storage = sampled_contents
        if (indices := getattr(codec, "step_indices", None)) is not None:
            field.storage = CodedStorage(indices)
    except (MissingExtra, DamagedFile, UnknownWeights):
        raise
    except InrError as error:
        raise DamagedFile(f"section 'base' cannot be decoded: {error}", "base") from error
    try:
        field.metrics = {name: float(value) for name, value in contents.header.get("metrics", {}).items()}
        field.fit = dict(contents.header.get("fit", {}))
    except (TypeError, ValueError, AttributeError) as error:
        raise DamagedFile(f"its header describes no field: {error!r}", "header") from error
    return field


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
        reference: the weights that the file counts from, if it does: a field, or the path of its file; of a field that
            is told from a base, the base, which is found by itself where it lies beside the file.

    Returns:
        The field, on the processor and in evaluation mode.

    Raises:
        DamagedFile: the file does not hold together; `section` names the part at fault.
        InrError: a newer inr wrote it, or it needs what this machine lacks.
    """
    if "code" in contents.header:
        return upstairs("field_of_code", contents, path, reference)
    if "coded" in contents.header:
        raise InrError(f"{path} holds signals that are told from a base, and no field: inr decompress writes them")
    if "codec" not in contents.header:
        return build_field(contents, path)
    try:
        return unpack(contents, max_bytes=max_bytes, reference=reference, path=path)
    except DamagedFile as error:
        raise DamagedFile(f"{path}: {error}", error.section) from error
    except UnknownWeights as error:
        told = str(error) if str(error).startswith(str(path)) else f"{path}: {error}"
        raise UnknownWeights(told) from error
    except InrError as error:
        raise InrError(f"{path}: {error}") from error


def open_reference(reference: Reference) -> Field | LearnedWeights:
    """A field or a base that was given as itself, or as the path of its file.

    Raises:
        InrError: no such file, or not an .inr file.
    """
    if not isinstance(reference, (str, os.PathLike)):
        return reference
    contents = container.read(Path(reference), max_bytes=MAX_FILE_BYTES)
    if "base" in contents.header:
        base: LearnedWeights = upstairs("read_base", contents, reference)
        return base
    return build_any_field(contents, reference)


def _found_reference(
    codec: Codec, reference: Reference | None, path: str | os.PathLike[str] | None
) -> Field | LearnedWeights:
    """What a codec counts from: what is given, or the base that lies beside the file."""
    if reference is not None:
        return open_reference(reference)
    assert isinstance(codec, DifferencesCodec)
    base: LearnedWeights = upstairs("found_base", codec.base_name, None, None, path)
    return base


def _spec(codec: Codec) -> str:
    """The codec's name, and those of its parameters that are not as usual."""
    codec = codec.stored()
    usual = {param.name: param.default for param in codecs.info(codec.config()["name"]).params}
    config = {key: value for key, value in codec.config().items() if key == "name" or value != usual[key]}
    return format_spec(config)


def _described(header: Mapping[str, Any]) -> tuple[Codec, Domain]:
    if not isinstance(header.get("codec"), str) or not isinstance(header.get("domain"), Mapping):
        raise DamagedFile("its header names no codec and no grid", "header")
    try:
        scattered = "shape" not in header["domain"]
        domain = Domain.from_json(header["domain"]) if scattered else from_compact(header["domain"])
    except InrError as error:
        raise DamagedFile(f"its header describes no grid: {error}", "header") from error
    try:
        return codecs.build(header["codec"]), domain
    except InrError as error:
        raise InrError(f"it needs a codec that this inr does not have: {error}: pip install -U inr") from error
