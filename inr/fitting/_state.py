"""Everything that a fit carries from step to step, and its way into a file and back."""

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from inr import container
from inr._errors import DamagedFile, InrError
from inr.field import (
    MAX_FILE_BYTES,
    PARTS,
    Field,
    field_sections,
    section_tensors,
    tensor_section,
)
from inr.fitting._optimiser import Optimiser
from inr.signals import Signal


@dataclass
class Progress:
    """The numbers of a running fit that later steps depend on.

    Attributes:
        step: steps done; points: samples seen; seconds: spent fitting.
        running: exponential mean of the batch losses, NaN before the first step.
        best: lowest running loss at which weights were kept.
        scored: samples evaluated only to choose others, each counted as often as it was.
        skipped: steps without an update, for gradients that 16-bit numbers could not hold.
    """

    step: int = 0
    points: int = 0
    seconds: float = 0.0
    running: float = math.nan
    best: float = math.inf
    skipped: int = 0
    scored: int = 0

    def observe(self, loss: float, points: int) -> None:
        """Count a step with its batch loss."""
        self.step += 1
        self.points += points
        self.running = loss if math.isnan(self.running) else 0.95 * self.running + 0.05 * loss


@dataclass(frozen=True)
class Checkpoint:
    """A fit in the middle: its file is an .inr file, with the field as it stands, that can be resumed exactly.

    Attributes:
        recipe: what decides the fit (specs, batch, seed, horizon, fingerprint of the signal), plain JSON.
    """

    recipe: Mapping[str, Any]
    progress: Progress
    optimiser: Mapping[str, Tensor] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    best: Mapping[str, Tensor] = field(default_factory=dict)
    teacher: Mapping[str, Tensor] = field(default_factory=dict)


def save_checkpoint(
    path: Path,
    model: Field,
    optimiser: Optimiser,
    recipe: Mapping[str, Any],
    progress: Progress,
    best: Mapping[str, Tensor],
    teacher: Mapping[str, Tensor],
) -> None:
    """Write a checkpoint over the last one. Raises InrError when it cannot be written; the last one then stays."""
    numbers = {key: _json_number(value) for key, value in asdict(progress).items()}
    header = model.header() | {"recipe": dict(recipe), "progress": numbers}
    sections = [
        *field_sections(model.state_dict()),
        *field_sections(best, prefix="best."),
        tensor_section("optimiser", optimiser.tensors()),
        *([tensor_section("teacher", teacher)] if teacher else []),
    ]
    container.write(path, header, sections, force=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises InrError when there is none, or the file is no checkpoint or damaged."""
    if not path.exists():
        raise InrError(f"nothing to resume: {path} does not exist; start without --resume")
    # a checkpoint holds four times the weights; what is read is bounded by the file that is there
    contents = container.read(path, max_bytes=max(MAX_FILE_BYTES, path.stat().st_size))
    header = contents.header
    if not isinstance(header.get("recipe"), dict) or "optimiser" not in contents.sections:
        raise InrError(f"{path} is not a checkpoint; start without --resume")
    try:
        numbers: dict[str, Any] = {
            key: math.nan if value is None else value for key, value in header["progress"].items()
        }
        progress = Progress(**numbers)
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(f"{path}: its header describes no progress: {error!r}", "header") from error
    best = section_tensors(contents, [f"best.{part}" for part in PARTS])
    return Checkpoint(
        recipe=header["recipe"],
        progress=progress,
        optimiser={
            name.removeprefix("optimiser."): tensor for name, tensor in section_tensors(contents, ["optimiser"]).items()
        },
        weights=section_tensors(contents, PARTS),
        best={name.removeprefix("best."): tensor for name, tensor in best.items()},
        teacher={
            name.removeprefix("teacher."): tensor for name, tensor in section_tensors(contents, ["teacher"]).items()
        },
    )


def restore(checkpoint: Checkpoint, model: Field, optimiser: Optimiser) -> None:
    """Put a field and its optimiser where the checkpoint left them."""
    model.load_state_dict(dict(checkpoint.weights))
    optimiser.load(checkpoint.optimiser)


def fingerprint(signal: Signal) -> int:
    """A checksum of a signal's samples, places and domain, to tell whether a checkpoint belongs to it."""
    checksum = zlib.crc32(json.dumps(signal.domain.to_json(), sort_keys=True).encode())
    for array in (signal.array, signal.positions):
        if array is not None:
            checksum = zlib.crc32(np.ascontiguousarray(array).data, zlib.crc32(repr(array.shape).encode(), checksum))
    return checksum


def _json_number(value: float) -> float | None:
    """JSON knows no NaN and no infinity; a progress number that is one has not been set yet."""
    return value if math.isfinite(value) else None
