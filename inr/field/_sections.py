"""A field in a file: what the header says, which section holds which tensors."""

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inr import container
from inr._errors import DamagedFile, InrError
from inr.container import Section
from inr.field._field import Field
from inr.signals import Domain

# sections of a field's own weights, in file order
PARTS = ("encoding", "network")
# most bytes that the sections of a file may take, unless the caller says otherwise
MAX_FILE_BYTES = 1 << 30


def save(field: Field, path: Path, *, force: bool = False) -> None:
    """Write a field. Equal fields give equal bytes: a file holds no times."""
    container.write(path, field_header(field), field_sections(field), force=force)


def field_header(field: Field) -> dict[str, Any]:
    """What a field's file says besides its weights."""
    # JSON knows no infinity: an exact fit has no PSNR to be kept
    metrics = {name: value for name, value in field.metrics.items() if math.isfinite(value)}
    return {"field": field.config(), "domain": field.domain.to_json(), "metrics": metrics}


def field_sections(field: Field, tensors: Mapping[str, Tensor] | None = None, prefix: str = "") -> list[Section]:
    """One section a part that has tensors; `tensors` stand in for the field's own."""
    state = field.state_dict() if tensors is None else tensors
    parts = {
        part: {name.removeprefix(f"{part}."): tensor for name, tensor in state.items() if name.startswith(f"{part}.")}
        for part in PARTS
    }
    return [tensor_section(prefix + part, inside) for part, inside in parts.items() if inside]


def tensor_section(name: str, tensors: Mapping[str, Tensor]) -> Section:
    """A raw section of torch tensors."""
    return Section(name, {key: tensor.detach().cpu().numpy() for key, tensor in tensors.items()})


def section_tensors(contents: container.Contents, names: Iterable[str]) -> dict[str, Tensor]:
    """The tensors of several part sections, under the names a state dict gives them."""
    return {
        f"{name}.{key}": torch.from_numpy(np.array(array))
        for name in names
        if name in contents.sections
        for key, array in contents.sections[name].tensors.items()
    }


def build_field(contents: container.Contents, path: str | os.PathLike[str]) -> Field:
    """The field whose parts and plain weights a file holds.

    Args:
        contents: what was read from the file.
        path: its name, for messages.

    Returns:
        The field, in evaluation mode.

    Raises:
        DamagedFile: header and sections do not describe one field; `section` names the part at fault.
        InrError: the header names parts that this inr does not have.
    """
    header = contents.header
    if not isinstance(header.get("field"), Mapping) or not isinstance(header.get("domain"), Mapping):
        raise DamagedFile(f"{path} holds no field: its header names no parts", "header")
    try:
        specs = {part: header["field"][part] for part in ("encoding", "activation", "network")}
        domain = Domain.from_json(header["domain"])
        tensors = section_tensors(contents, PARTS)
        _check_fits(domain, specs, tensors, path)
        field = Field.build(domain, **specs)
        metrics = {name: float(value) for name, value in header.get("metrics", {}).items()}
    except DamagedFile:
        raise
    except InrError as error:
        raise InrError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFile(f"{path}: its header describes no field: {error!r}", "header") from error
    field.load_state_dict(tensors)
    field.metrics = metrics
    return field.eval()


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
