"""Files of fields that are a few numbers and the name of a base."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inr import container
from inr.field import Field, plain_storage, tensor_section
from inr.signals import to_compact

KEY = "code"  # in a file's header, what tells such a field; and the section of the numbers


@dataclass(frozen=True)
class CodeStorage:
    """Saves a field as its code, or with all weights where they are no longer those that the code makes.

    Attributes:
        base: the base's name, a SHA-256.
        file: what its file is called.
        code: float32 (k,).
        state: of the field that the code makes.
    """

    base: str
    file: str
    code: Tensor
    state: Mapping[str, Tensor]

    def __call__(self, field: Field) -> tuple[dict[str, Any], list[container.Section]]:
        """Header and sections of the field's file."""
        now = field.state_dict()
        if any(not torch.equal(now[name].cpu(), each) for name, each in self.state.items()):
            return plain_storage(field)
        metrics = {name: float(f"{value:.6g}") for name, value in field.metrics.items() if math.isfinite(value)}
        header = {KEY: {"base": self.base, "file": self.file}, "domain": to_compact(field.domain), "metrics": metrics}
        return header, [tensor_section(KEY, {"numbers": self.code})]
