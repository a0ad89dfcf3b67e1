"""Reference weights: files hold what weights differ from them by, and a checksum that tells which ones those were."""

import hashlib
from os import PathLike

from inr._errors import InrError
from inr.field import Field

Reference = Field | str | PathLike[str]


class UnknownWeights(InrError):
    """A file counts from reference weights that were not given, or not those."""


def checksum_name(field: Field) -> str:
    """The name by which files tell reference weights.

    Args:
        field: whose parameters they are.

    Returns:
        "w" and the first eight hexadecimal digits of the SHA-256 of the parameters' names and float32 values.
    """
    digest = hashlib.sha256()
    for name, tensor in field.named_parameters():
        digest.update(name.encode() + tensor.detach().cpu().numpy().astype("<f4").tobytes())
    # A letter comes first, for eight digits would be a number in a spec.
    return "w" + digest.hexdigest()[:8]
