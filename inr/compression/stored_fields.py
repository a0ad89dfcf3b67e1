"""Fields whose files hold samples or 16-bit weights, and how many bytes a field's file takes."""

import torch

from inr import container
from inr._errors import InrError
from inr.compression.files import sampled_contents
from inr.field import Field, SampledField, half_storage
from inr.signals import GridSignal, Signal


def sampled(signal: Signal) -> Field:
    """The field that keeps a signal's samples, and takes no fit.

    Args:
        signal: on a grid.

    Raises:
        InrError: scattered samples.
    """
    if not isinstance(signal, GridSignal):
        raise InrError("only samples on a grid can be kept as they are; scattered ones need a network")
    field = SampledField(signal).eval()
    field.storage = sampled_contents
    return field


@torch.no_grad()
def halve(field: Field) -> None:
    """Round a field's weights to 16-bit floats, as which it is saved."""
    for parameter in field.parameters():
        parameter.copy_(parameter.half())
    field.storage = half_storage


def file_size(field: Field) -> int:
    """Bytes of the file that a field is saved as."""
    return len(container.dumps(*field.storage(field)))


def payload_size(field: Field) -> int:
    """Bytes of its sections' tensors."""
    _, sections = field.storage(field)
    return sum(tensor.nbytes for section in sections for tensor in section.tensors.values())
