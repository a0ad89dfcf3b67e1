"""Building the field that a file holds with plain weights."""

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from inr._errors import DamagedFile, InrError
from inr._specs import parse_spec
from inr.activations import activations
from inr.container import Contents
from inr.encodings import encodings
from inr.field._field import Field, half_storage
from inr.field._sections import PARTS, section_tensors
from inr.networks import networks
from inr.signals import Domain


def build_field(contents: Contents, path: str | os.PathLike[str]) -> Field:
    """The field whose parts and plain weights a file holds.

    Args:
        contents: what was read from the file.
        path: its name, for messages.

    Returns:
        The field, in evaluation mode.

    Raises:
        DamagedFile: header and sections do not describe one field; `section` names the part at fault.
        InrError: the header names parts that this inr does not have, or the file holds a set of fields.
    """
    header = contents.header
    if isinstance(header.get("set"), Mapping):
        raise InrError(
            f"{path} holds a set of fields, not one: inr.load_set opens it, and inr render --item NAME renders one"
        )
    if "base" in header:
        raise InrError(f"{path} is a base, which signals begin from, and no field: inr fit SIGNAL --base {path}")
    if not isinstance(header.get("field"), Mapping) or not isinstance(header.get("domain"), Mapping):
        raise DamagedFile(f"{path} holds no field: its header names no parts", "header")
    try:
        specs = {part: header["field"][part] for part in ("encoding", "activation", "network")}
        _check_known(specs, path)
        domain = Domain.from_json(header["domain"])
        tensors = section_tensors(contents, PARTS)
        _check_fits(domain, specs, tensors, path)
        field = Field.build(domain, **specs)
        metrics = {name: float(value) for name, value in header.get("metrics", {}).items()}
        chosen = dict(header.get("fit", {}).items())
    except DamagedFile:
        raise
    except InrError as error:
        raise InrError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFile(f"{path}: its header describes no field: {error!r}", "header") from error
    field.load_state_dict(tensors)
    field.metrics, field.fit = metrics, chosen
    if any(tensors[name].dtype == torch.float16 for name, _ in field.named_parameters()):
        field.storage = half_storage
    return field.eval()


def _check_known(specs: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Refuse parts that are not registered here, and say what would bring them."""
    for registry in (encodings, activations, networks):
        name = parse_spec(specs[registry.kind])["name"]
        if name not in registry.names():
            raise InrError(
                f"it needs the {registry.kind} '{name}', which is not registered here: install the package that brings "
                "it, or name the script that registers it, with --load SCRIPT.py or the environment's INR_LOAD"
            )


def _check_fits(
    domain: Domain, specs: Mapping[str, Any], tensors: Mapping[str, Tensor], path: str | os.PathLike[str]
) -> None:
    """Compare shapes before anything is allocated: a header may claim a network of any size."""
    with torch.device("meta"):
        expected: nn.Module = Field.build(domain, **specs)
    shapes = {name: tuple(tensor.shape) for name, tensor in expected.state_dict().items()}
    for name in sorted(shapes.keys() | tensors.keys()):
        found = tuple(tensors[name].shape) if name in tensors else None
        if found != shapes.get(name):
            section = name.partition(".")[0]
            raise DamagedFile(
                f"{path}: section '{section}' does not fit the header: {name} is {found}, not {shapes.get(name)}",
                section,
            )
    if not tensors:
        raise InrError(f"{path} holds no weights")
