"""Reference weights: files hold what weights differ from them by, and a checksum that tells which ones those were."""

import hashlib
from collections.abc import Mapping
from os import PathLike
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from inr._errors import InrError
from inr.field import Field
from inr.signals import Domain


@runtime_checkable
class LearnedWeights(Protocol):
    """What similar signals taught, as `inr.priors.Base` has it."""

    @property
    def name(self) -> str:
        """A SHA-256 of all of it."""

    @property
    def parts(self) -> Mapping[str, Any]:
        """Configurations of a field's "encoding", "activation" and "network"."""

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """What differences are from, by the names of a field's state."""

    @property
    def spread(self) -> Mapping[str, Tensor]:
        """Of differences, int8, by the names of parameters, see `bitstream.learned_spread.scales_of`; or empty."""

    def check(self, domain: Domain) -> None:
        """Refuse signals that it is not for; raises InrError."""

    def start(self, signal: Any = None) -> dict[str, Tensor]:
        """Weights that a fit of a signal begins with, by the names of a field's state."""


Reference = Field | LearnedWeights | str | PathLike[str]


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
