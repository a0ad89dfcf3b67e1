"""Listeners of a fit's events that keep its course elsewhere: TensorBoard, Weights & Biases, MLflow, a CSV file.

Each is called with an `Event` and closed when the fit is over; `inr.fit(…, on_event=inr.listeners.csv("curve.csv"))`
takes them, and so does `inr fit --log csv:curve.csv`. Their libraries are imported when a listener is made.
"""

import contextlib
import csv as csv_files
import importlib
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO, runtime_checkable

from inr._errors import InrError
from inr._files import check_writable
from inr.fitting import Event

_COLUMNS = ("step", "seconds", "loss", "psnr", "lr", "points")


@runtime_checkable
class Listener(Protocol):
    """What takes in the events of a fit."""

    def __call__(self, event: Event) -> None:
        """Take in an event."""

    def close(self) -> None:
        """Write what is left; called once, when the fit is over."""


class CSV:
    """A table with one line a step: step, seconds, loss, psnr in dB, lr, points.

    Args:
        path: the file to write.
        force: whether to overwrite one that is there.
        append: whether to go on with one that is there.

    Raises:
        InrError: a file that is there, or one that cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], *, force: bool = False, append: bool = False) -> None:
        self._path = Path(path)
        check_writable(self._path, force=force or append)
        self._append = append and self._path.exists()
        self._file: TextIO | None = None

    def __call__(self, event: Event) -> None:
        """Write a line for a step."""
        if event.kind != "step":
            return
        if self._file is None:
            self._file = self._path.open("a" if self._append else "w", newline="", encoding="utf-8", buffering=1)
            if not self._append:
                csv_files.writer(self._file).writerow(_COLUMNS)
        csv_files.writer(self._file).writerow([getattr(event, _FIELDS.get(name, name)) for name in _COLUMNS])

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class TensorBoard:
    """Curves of loss, psnr, lr and seconds by step, in a folder that `tensorboard --logdir` shows.

    Args:
        folder: where event files are written, beside those that are there.
        every: steps from one point of the curves to the next.

    Raises:
        InrError: tensorboard is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str], *, every: int = 10) -> None:
        _imported("tensorboard", "TensorBoard")
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder))
        self._every = every

    def __call__(self, event: Event) -> None:
        """Add a point to every curve, at steps that are due and at the end."""
        for name, value in _due(event, self._every).items():
            self._writer.add_scalar(name, value, event.step)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class WandB:
    """A run of Weights & Biases, with loss, psnr, lr and seconds by step.

    Args:
        project: where the run is filed.
        every: steps from one point of the curves to the next.

    Raises:
        InrError: wandb is not installed.
    """

    def __init__(self, project: str, *, every: int = 10) -> None:
        self._run = _imported("wandb", "Weights & Biases").init(project=project)
        self._every = every

    def __call__(self, event: Event) -> None:
        """Log a step that is due, and the end."""
        if values := _due(event, self._every):
            self._run.log(values, step=event.step)

    def close(self) -> None:
        """Finish the run."""
        self._run.finish()


class MLflow:
    """A run of an MLflow experiment, with loss, psnr, lr and seconds by step.

    Args:
        experiment: where the run is filed.
        every: steps from one point of the curves to the next.

    Raises:
        InrError: mlflow is not installed.
    """

    def __init__(self, experiment: str, *, every: int = 10) -> None:
        self._mlflow = _imported("mlflow", "MLflow")
        self._mlflow.set_experiment(experiment)
        self._mlflow.start_run()
        self._every = every

    def __call__(self, event: Event) -> None:
        """Log a step that is due, and the end."""
        if values := _due(event, self._every):
            self._mlflow.log_metrics(values, step=event.step)

    def close(self) -> None:
        """End the run."""
        self._mlflow.end_run()


csv, tensorboard, wandb, mlflow = CSV, TensorBoard, WandB, MLflow
_BY_NAME: dict[str, Callable[..., Listener]] = {
    "csv": CSV, "mlflow": MLflow, "tensorboard": TensorBoard, "wandb": WandB,
}  # fmt: skip
_FIELDS = {"lr": "learning_rate"}


def listener(spec: str, *, force: bool = False, append: bool = False) -> Listener:
    """The listener that the command line calls "name:where", such as "csv:curve.csv" or "tensorboard:runs/x".

    Args:
        spec: the listener's name, a colon, and its file, folder, project or experiment.
        force, append: of files, see `CSV`.

    Raises:
        InrError: another spelling, a file that cannot be written, or a library that is not installed.
    """
    name, _, where = spec.partition(":")
    if name not in _BY_NAME or not where:
        raise InrError(f"a log is one of {', '.join(f'{each}:WHERE' for each in _BY_NAME)}, not '{spec}'")
    return CSV(where, force=force, append=append) if name == "csv" else _BY_NAME[name](where)


@contextlib.contextmanager
def listening(listeners: Sequence[Listener], on_failure: Callable[[str], Any]) -> Iterator[Callable[[Event], None]]:
    """All listeners as one, closed at the end; one that fails is left out from then on, and the fit goes on.

    Args:
        listeners: called with every event, one after the other.
        on_failure: told in one line which of them failed, and why.
    """
    left = list(listeners)

    def attempt(each: Listener, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # of libraries that reach for networks and disks
            left.remove(each)
            on_failure(f"{type(each).__name__} failed, the fit goes on without: {error}")

    def tell(event: Event) -> None:
        for each in [*left]:
            attempt(each, lambda each=each: each(event))  # type: ignore[misc]

    try:
        yield tell
    finally:
        for each in [*left]:
            attempt(each, each.close)


def _due(event: Event, every: int) -> dict[str, float]:
    """What curves get of an event; nothing between their points."""
    if event.kind != "end" and (event.kind != "step" or event.step % every):
        return {}
    values = {"loss": event.loss, "psnr": event.psnr, "lr": event.learning_rate, "seconds": event.seconds}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _imported(library: str, purpose: str) -> Any:
    try:
        return importlib.import_module(library)
    except ImportError:
        raise InrError(f"logging to {purpose} needs {library}, which is not installed: pip install {library}") from None
