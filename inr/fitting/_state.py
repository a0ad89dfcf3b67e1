"""Everything that a fit carries from step to step, and its way into a file and back."""

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
from inr.signals import Signal

# names of sections: what is learned where it is not the field's parameters, the best so far, and those that may lack
LEAVES, _BEST, _OPTIONAL = "leaves", "best.", ("teacher", "parametrisation", "objective")
_COSTS = 10  # times as long as it takes to write a checkpoint, it should stand


def checkpoint_gap(every: float, cost: float) -> float:
    """Seconds from one checkpoint to the next: more than was asked for where writing one takes over a tenth of that.

    They are at most twice as many, so that one slow moment of the disk does not put much work at risk.

    Args:
        every: what was asked for; 0 for a checkpoint after every step.
        cost: seconds that writing the last one took.
    """
    return min(max(every, _COSTS * cost), 2 * every)


@dataclass
class Progress:
    """The numbers of a running fit that later steps depend on.

    Attributes:
        step: steps done; points: samples seen; seconds: spent fitting.
        running: exponential mean of the batch losses, NaN before the first step.
        running_squared: the same of the batches' mean squared errors, which are the losses of squared objectives.
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
    running_squared: float = math.nan

    def observe(self, loss: float, points: int, squared: float | None = None) -> None:
        """Count a step with its batch's loss, and its mean squared error where that is another number."""
        self.step += 1
        self.points += points
        self.running = _smoothed(self.running, loss)
        self.running_squared = _smoothed(self.running_squared, loss if squared is None else squared)


def _smoothed(running: float, new: float) -> float:
    """An exponential mean that goes on; NaN has not begun."""
    return new if math.isnan(running) else 0.95 * running + 0.05 * new


@dataclass(frozen=True)
class Checkpoint:
    """A fit in the middle: its file is an .inr file, with the field as it stands, that can be resumed exactly.

    Attributes:
        recipe: what decides the fit (specs, batch, seed, horizon, fingerprint of the signal), plain JSON.
        progress: its numbers.
        weights: the field's parameters and state, and as "leaves.{name}" what is learned instead of them.
        best: of the same names, those that a divergence falls back on.
        optimiser, teacher, parametrisation, objective: the state of each, by name.
    """

    recipe: Mapping[str, Any]
    progress: Progress
    weights: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    optimiser: Mapping[str, Tensor]
    teacher: Mapping[str, Tensor]
    parametrisation: Mapping[str, Tensor]
    objective: Mapping[str, Tensor]


def checkpoint_contents(field: Field, checkpoint: Checkpoint) -> tuple[dict[str, Any], list[container.Section]]:
    """Header and sections of a checkpoint's file."""
    numbers = {key: _json_number(value) for key, value in asdict(checkpoint.progress).items()}
    if numbers["running_squared"] == numbers["running"]:  # of squared objectives, whose files know one number only
        del numbers["running_squared"]
    header = field.header() | {"recipe": dict(checkpoint.recipe), "progress": numbers}
    sections = [
        *field_sections(checkpoint.weights),
        *_leaf_sections(checkpoint.weights),
        *field_sections(checkpoint.best, prefix=_BEST),
        *_leaf_sections(checkpoint.best, prefix=_BEST),
        tensor_section("optimiser", checkpoint.optimiser),
        *(tensor_section(name, tensors) for name in _OPTIONAL if (tensors := getattr(checkpoint, name))),
    ]
    return header, sections


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint's file.

    Raises:
        InrError: there is none, or the file is no checkpoint.
        DamagedFile: it is damaged.
    """
    if not path.exists():
        raise InrError(f"nothing to resume: {path} does not exist; start without --resume")
    # a checkpoint holds four times the weights; what is read is bounded by the file that is there
    return read_checkpoint(container.read(path, max_bytes=max(MAX_FILE_BYTES, path.stat().st_size)), str(path))


def read_checkpoint(contents: container.Contents, path: str) -> Checkpoint:
    """The checkpoint in a file's contents.

    Args:
        contents: of the file.
        path: what it is called where it is refused.

    Raises:
        InrError, DamagedFile: as of `load_checkpoint`.
    """
    header = contents.header
    if not isinstance(header.get("recipe"), dict) or "optimiser" not in contents.sections:
        raise InrError(f"{path} is not a checkpoint; start without --resume")
    try:
        numbers: dict[str, Any] = {
            key: math.nan if value is None else value for key, value in header["progress"].items()
        }
        progress = Progress(**({"running_squared": numbers["running"]} | numbers))
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedFile(f"{path}: its header describes no progress: {error!r}", "header") from error
    parts = [*PARTS, LEAVES]
    best = section_tensors(contents, [_BEST + part for part in parts])
    return Checkpoint(
        recipe=header["recipe"],
        progress=progress,
        weights=section_tensors(contents, parts),
        best={name.removeprefix(_BEST): tensor for name, tensor in best.items()},
        **{name: _section(contents, name) for name in ("optimiser", *_OPTIONAL)},
    )


def _leaf_sections(tensors: Mapping[str, Tensor], prefix: str = "") -> list[container.Section]:
    leaves = {name.removeprefix(f"{LEAVES}."): each for name, each in tensors.items() if name.startswith(f"{LEAVES}.")}
    return [tensor_section(prefix + LEAVES, leaves)] if leaves else []


def _section(contents: container.Contents, name: str) -> dict[str, Tensor]:
    """A section's tensors, by their names in it; none where it is not there."""
    return {key.removeprefix(f"{name}."): tensor for key, tensor in section_tensors(contents, [name]).items()}


def fingerprint(signal: Signal) -> int:
    """A checksum of a signal's samples, places and domain, to tell whether a checkpoint belongs to it.

    Returns:
        32 bits, equal for equal signals on every machine.
    """
    checksum = zlib.crc32(json.dumps(signal.domain.to_json(), sort_keys=True).encode())
    for array in signal.sources:
        checksum = zlib.crc32(np.ascontiguousarray(array).data, zlib.crc32(repr(array.shape).encode(), checksum))
    return checksum


def _json_number(value: float) -> float | None:
    """JSON knows no NaN and no infinity; a progress number that is one has not been set yet."""
    return value if math.isfinite(value) else None
