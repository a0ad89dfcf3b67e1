"""The files around a fit: which they are, whether they can be written, and writing them without losing the fit."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from inr._errors import InrError
from inr._files import check_writable, describe
from inr._json import finite
from inr.cli._console import remark
from inr.cli._pipes import is_piped

if TYPE_CHECKING:
    from inr import Event, Field


# names that would promise something else than a field
_NO_FIELDS = (
    ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".wav", ".flac", ".mp3", ".ogg", ".mp4", ".mkv",
    ".webm", ".mov", ".avi", ".npy", ".npz", ".nii", ".gz", ".nc", ".grib", ".json", ".txt", ".html", ".pt",
    ".safetensors",
)  # fmt: skip


@dataclass(frozen=True)
class Outputs:
    """Where a fit writes; None for what it does not."""

    field: Path
    comparison: Path | None
    teacher_map: Path | None
    events: Path | None

    @property
    def checkpoint(self) -> Path:
        """What can be resumed while the fit is unfinished."""
        return checkpoint_of(self.field)

    def check(self, signal: Path, *, base: Path | None = None, force: bool, resume: bool) -> None:
        """Refuse before the fit what could not be written after it.

        Raises InrError when a file exists (without `force`), cannot be written, or is the signal or the base itself.
        """
        check_checkpoint(self.checkpoint, force=force, resume=resume)
        wanted = (self.field, self.comparison, self.teacher_map, self.events, self.checkpoint)
        given = [path for path in wanted if path is not None]
        if len({path.resolve() for path in given}) < len(given):
            raise InrError(f"the outputs must be different files, got {', '.join(map(str, given))}")
        for path in given:
            if path.exists() and signal.exists() and path.samefile(signal):
                raise InrError(f"{path} is the signal itself; give another output (inr render turns a field back)")
            if path != self.checkpoint:
                check_writable(path, force=force or resume, inputs=[base])
        for picture, what in ((self.comparison, "the comparison sheet"), (self.teacher_map, "the teacher's map")):
            if picture is not None and picture.suffix.lower() != ".png":
                raise InrError(f"{what} is a PNG; call it {picture.with_suffix('.png')}")


def checkpoint_of(path: Path) -> Path:
    """Where a fit whose first output is `path` keeps what can be resumed."""
    return Path(f"{path}.checkpoint")


def check_checkpoint(checkpoint: Path, *, force: bool, resume: bool) -> None:
    """Refuse to begin anew what is not finished, unless by `force`, and a checkpoint that cannot be written."""
    if checkpoint.exists() and not (force or resume):
        raise InrError(f"{checkpoint} holds an unfinished fit; go on with --resume, or start afresh with --force")
    check_writable(checkpoint, force=True)


def check_every(seconds: float) -> None:
    """Refuse a time between checkpoints that is none."""
    if not seconds >= 0:
        raise InrError(f"--checkpoint-every must be 0 seconds or more, got {seconds:g}")


def choose_outputs(
    signal: Path,
    field: Path | None,
    comparison: Path | None,
    no_comparison: bool,
    teacher_map: Path | None,
    events: Path | None,
) -> Outputs:
    """The outputs that were asked for, with names made from the signal's where none were given."""
    if no_comparison and comparison is not None:
        raise InrError("--comparison and --no-comparison contradict each other; give one")
    field = field or Path(stem(signal) + ".inr")
    check_field_name(field)
    if comparison is None and not no_comparison and not is_piped(field):
        comparison = field.parent / f"{stem(field)}.comparison.png"
    return Outputs(field, comparison, teacher_map, events)


def stem(path: Path) -> str:
    """The name without its suffix; 'brain' for brain.nii.gz, the folder's own name for one given as '.'."""
    path = path if path.name else path.resolve()
    name = path.name.removesuffix(".gz") if path.name.endswith(".nii.gz") else path.name
    return Path(name).stem or "field"


def check_field_name(path: Path) -> None:
    """Refuse a name by which a field would be taken for something else."""
    if path.suffix.lower() in _NO_FIELDS:
        raise InrError(
            f"{path} would be a field, which is an .inr file; call it {path.with_suffix('.inr')}, and turn it back "
            f"with inr render {path.with_suffix('.inr')} -o {path}"
        )


def save_field(field: "Field", path: Path, *, force: bool) -> str | None:
    """Save a fitted field, in the temporary folder if it cannot be saved where it should be.

    Returns None when all went well, else the line that says where the field is.
    """
    try:
        field.save(path, force=force)
    except InrError as error:
        refuge = Path(tempfile.mkdtemp(prefix="inr-")) / path.name
        try:
            field.save(refuge)
        except InrError as second:
            return f"{error}; nor could it be saved elsewhere: {second}"
        return f"{error}; the field is in {refuge}"
    return None


def _stored(event: "Event") -> dict[str, Any]:
    """An event as logs hold it, where the learning rate has a name of its own."""
    return {"lr" if name == "learning_rate" else name: value for name, value in asdict(event).items()}


class EventLog:
    """Writes events as JSON lines, each as it comes; a full disk ends the log, not the fit."""

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._path = path
        self._file: TextIO | None = path.open("a" if append else "w", encoding="utf-8", buffering=1)

    def write(self, event: "Event") -> None:
        """Append one event."""
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(finite(_stored(event))) + "\n")
        except OSError as error:
            remark(f"cannot go on writing {self._path}: {describe(error)}; the fit goes on without")
            self.close()

    def close(self) -> None:
        """End the log."""
        if self._file is not None:
            with suppress(OSError):  # what could not be written is tried once more
                self._file.close()
        self._file = None


@contextmanager
def event_log(path: Path | None, *, append: bool) -> Iterator[EventLog | None]:
    """The log of a fit's events, behind those of an interrupted one with `append`; None where none is wanted."""
    if path is None:
        yield None
        return
    with closing(EventLog(path, append=append)) as log:
        yield log
