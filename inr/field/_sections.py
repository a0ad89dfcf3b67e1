"""Plain weights in a file: which section holds which tensors, and how to get them back."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from inr.container import Contents, Section

# sections of a field's own weights, in file order
PARTS = ("encoding", "network")
# most bytes that the sections of a file may take, unless the caller says otherwise
MAX_FILE_BYTES = 1 << 30


def field_sections(state: Mapping[str, Tensor], prefix: str = "") -> list[Section]:
    """One raw section for each part of a field that has tensors.

    Args:
        state: tensors of any shapes and dtypes by the names that a field's `state_dict` gives them.
        prefix: what the sections' names begin with, as "best." for the best weights in a checkpoint.

    Returns:
        The sections, the encoding's before the network's.
    """
    parts = {
        part: {name.removeprefix(f"{part}."): tensor for name, tensor in state.items() if name.startswith(f"{part}.")}
        for part in PARTS
    }
    return [tensor_section(prefix + part, inside) for part, inside in parts.items() if inside]


def tensor_section(name: str, tensors: Mapping[str, Tensor]) -> Section:
    """A raw section of tensors.

    Args:
        name: of the section.
        tensors: by name, of any shapes and dtypes, on any device.

    Returns:
        The section, which holds them as numpy arrays.
    """
    return Section(name, {key: tensor.detach().cpu().numpy() for key, tensor in tensors.items()})


def section_tensors(contents: Contents, names: Iterable[str]) -> dict[str, Tensor]:
    """The tensors of several sections, each under "section.name", which is what a field's `state_dict` calls it.

    Args:
        contents: what was read from a file.
        names: of the sections; those that the file does not have are passed over.

    Returns:
        Copies of the tensors, on the processor.
    """
    return {
        f"{name}.{key}": torch.from_numpy(np.array(array))
        for name in names
        if name in contents.sections
        for key, array in contents.sections[name].tensors.items()
    }
