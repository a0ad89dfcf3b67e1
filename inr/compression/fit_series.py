"""The fits of a codec, one after the other, as one piece of work: told, stopped, and gone on with."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inr import container
from inr._errors import DamagedFile, InrError
from inr.fitting import Budget, Event, Reason, checkpoint_gap

if TYPE_CHECKING:
    from inr.fitting import Fitter

OnEvent = Callable[[Event], Any]
_RECIPE = "series"  # in a checkpoint's header, what decides the work


class Stopped(Exception):
    """Work was stopped when something complete was there already; see `FitSeries.until_stopped`."""


@dataclass(frozen=True)
class _Fit:
    """A fit of the result that is being made: its checkpoint's bytes, its seconds, and whether it has ended."""

    data: bytes
    seconds: float
    ended: bool = True


class FitSeries:
    """Runs a codec's fits: tells their events, ends them when asked to, and keeps what can be resumed.

    A codec makes one or several *results*, such as a file of each size that a search tries, by `kept`, and each from
    fits, by `run`. When it is stopped, the best of the complete results stays. Where none is complete, the fit that is
    under way ends early, and the codec makes of it what it can.

    Args:
        seconds: of fitting, all fits together, without compiling, coding, reading and writing; None: no limit.
        checkpoint: file to keep a resumable state in; None: none is kept.
        every: seconds from one checkpoint to the next, up to twice as many where writing is slow; 0: every step.
        resume: go on from the checkpoint, as if the work had not been interrupted.
        on_event: called with every `Event` of the fits, and with those of kind "stage", which say what is done between
            and after them, and "checkpoint", after one was written. It may call `stop`.

    Attributes:
        fitter: the one that is under way, or was last; None before the first.

    Raises:
        InrError: seconds in which nothing can be fitted, or nothing to resume from.

    >>> fits = inr.compression.FitSeries(on_event=lambda event: event.step < 40 or fits.stop())
    >>> made = inr.compression.compress_and_measure("photo.png", bytes=400, steps=2000, engine="eager", fits=fits)
    >>> made.ended
    'interrupted: the file is of the weights as they were'
    """

    def __init__(
        self,
        *,
        seconds: float | None = None,
        checkpoint: Path | None = None,
        every: float = 60.0,
        resume: bool = False,
        on_event: OnEvent | None = None,
    ) -> None:
        Budget(seconds=seconds)  # refuses what makes no sense
        if resume and checkpoint is None:
            raise InrError("resuming needs the checkpoint to resume from")
        if not every >= 0:
            raise InrError(f"checkpoints are 0 seconds or more apart, got {every:g}")
        self._seconds, self._checkpoint, self._every, self._resume = seconds, checkpoint, every, resume
        self._allowed = self._most = math.inf if seconds is None else seconds
        self._on_event = on_event
        self._reason: Reason | None = None
        self._detail = ""
        self._recipe: Mapping[str, Any] = {}
        self._results: dict[str, bytes] = {}
        self._complete = False
        self._fits: list[_Fit] = []  # of the result that is being made
        self._resumed: list[_Fit] = []  # of them, those that are still to be gone on with
        self._spent = 0.0  # seconds of the results that are complete
        self._written, self._final = time.perf_counter(), False
        self._due = self._written + every
        self._cut = False  # whether being stopped left anything out
        self.fitter: Fitter | None = None
        self._last = Event("stage", 0, 0, math.nan, math.nan, 0.0, math.nan, "", 0)

    def stop(self) -> None:
        """Ask the work to end as soon as it can, as an interrupt does; from any thread, or an event's reader."""
        self._reason = self._reason or "interrupted"

    @property
    def stopped(self) -> bool:
        """Whether to end: it was asked for, or the seconds are spent. What only improves a result is then left out."""
        return self._reason is not None or self._left() <= 0

    @property
    def reason(self) -> Reason | None:
        """Why the work ended early: "interrupted", or "disk" (a checkpoint could not be written)."""
        return self._reason if self._cut else None

    @property
    def ended(self) -> str | None:
        """The same in words, and what is kept; None where it did not."""
        if not self._cut:
            return None
        kept = "the best file so far is kept" if self._complete else "the file is of the weights as they were"
        why = "interrupted" if self._reason == "interrupted" else "stopped"
        return f"{why}: {kept}" + (f" ({self._detail})" if self._detail else "")

    def remark(self, words: str) -> None:
        """Say more of how work ended, where it ends early; the first remark counts."""
        self._detail = self._detail or words

    def begin(self, recipe: Mapping[str, Any], *, share: float = 1.0, seconds: float | None = None) -> None:
        """Say what decides the work, and read the checkpoint where it is to be resumed.

        Args:
            recipe: plain JSON; work of another recipe is not gone on with.
            share: of the seconds, the most that one result takes.
            seconds: for all fits together, where the series was not given any.

        Raises:
            InrError: a checkpoint that is of other work, or of none.
            DamagedFile: one that is damaged.
        """
        if self._seconds is None:
            self._seconds = seconds
        self._recipe = {**recipe, "seconds": self._seconds}
        self._allowed = self._most = share * (math.inf if self._seconds is None else self._seconds)
        if self._resume:
            self._read()

    @property
    def seconds(self) -> float | None:
        """Of fitting, all fits together; None: no limit."""
        return self._seconds

    def budget(self, steps: int | None, share: float = 1.0) -> Budget:
        """When the next fit stops: after so many steps, or a share of the seconds that its result may take."""
        return Budget(steps, None if self._seconds is None else share * self._allowed)

    def stage(self, what: str) -> None:
        """Tell what is done now that is no fit."""
        self._tell(replace(self._last, kind="stage", reason=None, message=what))

    def run(self, make: "Callable[..., Fitter]") -> "Fitter":
        """Run the next fit, or what is left of it.

        Args:
            make: makes the fitter; it takes `Fitter`'s argument `resume`.

        Returns:
            The fitter, whose fit has ended.
        """
        self._end_if_complete()
        saved = self._resumed.pop(0) if self._resumed else None
        self.fitter = fitter = make(resume=False if saved is None else saved.data)
        if saved is not None and saved.ended:
            self._fits.append(saved)
            return fitter
        for event in fitter.run():
            self._tell(event)
            if event.kind == "step":
                self._look_after(fitter)
        data = fitter.dump() if self._checkpoint is not None and not self._final else b""
        self._fits.append(_Fit(data, fitter.seconds))
        return fitter

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """A result: the one of the checkpoint where it is there, or what is made now.

        Args:
            name: that is unique in the work.
            make: makes it; may ask for other results in turn.

        Raises:
            Stopped: there are complete results, and no more are to be made.
        """
        if name in self._results:
            self._complete = True
            return self._results[name]
        self._end_if_complete()
        self._allowed = min(self._most, self._left())
        data = make()
        if self._reason:  # parts of it may be left out
            self._keep()
            return data
        self._results[name], self._complete = data, True
        self._spent += sum(fit.seconds for fit in self._fits)
        self._fits = []
        return data

    def save(self) -> None:
        """Write the checkpoint now, as a reader of events may that is about to end the work by raising something.

        Raises:
            InrError: it cannot be written, or none is kept.
        """
        if self._checkpoint is None:
            raise InrError("there is no checkpoint to write: give FitSeries one")
        self._write(self.fitter)

    @contextlib.contextmanager
    def until_stopped(self, found: Sized) -> Iterator[None]:
        """Make results, one after the other, into `found`; being stopped ends that, if there is one in it."""
        try:
            yield
        except Stopped:
            if not found:
                raise

    def _end_if_complete(self) -> None:
        if self.stopped and self._complete:
            self._keep()
            raise Stopped

    def _look_after(self, fitter: "Fitter") -> None:
        """After a step: end the fit if that was asked for, keep a checkpoint if one is due."""
        if self._reason:
            self._keep(fitter)  # before the fit ends, which may change its weights
            if self._complete:
                raise Stopped
            fitter.stop()
        elif self._checkpoint is not None and (begin := time.perf_counter()) >= self._due:
            try:
                self._write(fitter)
                self._due = self._written + checkpoint_gap(self._every, self._written - begin)
                self._tell(replace(self._last, kind="checkpoint"))
            except InrError as error:
                self._reason, self._detail, self._final = "disk", str(error), True

    def _keep(self, fitter: "Fitter | None" = None) -> None:
        """Write the checkpoint of work of which something is left out, once."""
        self._cut = self._reason is not None
        if self._checkpoint is None or not self._cut or self._final:
            return
        self._final = True
        try:
            self._write(fitter)
        except InrError as error:
            self._detail = str(error)

    def _write(self, fitter: "Fitter | None") -> None:
        assert self._checkpoint is not None
        fits = [*self._fits, *self._resumed]
        if fitter is not None:
            fits.append(_Fit(fitter.dump(), fitter.seconds, ended=False))
        header = {
            _RECIPE: dict(self._recipe),
            "results": [*self._results],
            "spent": self._spent,
            "fits": [[fit.seconds, fit.ended] for fit in fits],
        }
        parts = {f"result.{index}": data for index, data in enumerate(self._results.values())}
        parts |= {f"fit.{index}": fit.data for index, fit in enumerate(fits)}
        sections = [
            container.Section(name, {"payload": np.frombuffer(data, dtype=np.uint8)}, "bytes")
            for name, data in parts.items()
        ]
        container.write(self._checkpoint, header, sections, force=True)
        self._written = time.perf_counter()

    def _read(self) -> None:
        path = self._checkpoint
        assert path is not None
        if not path.exists():
            raise InrError(f"nothing to resume: {path} does not exist; start without --resume")
        contents = container.read(path, max_bytes=max(container.GIB, path.stat().st_size))
        theirs = contents.header.get(_RECIPE)
        if not isinstance(theirs, dict):
            raise InrError(f"{path} is not a checkpoint of inr compress; start without --resume")
        differing = [key for key in {**self._recipe, **theirs} if self._recipe.get(key) != theirs.get(key)]
        if differing:
            raise InrError(
                f"{path} is of other work: its {', '.join(differing)} differ; "
                "give the same settings, or start without --resume"
            )
        try:
            parts = {name: section.tensors["payload"].tobytes() for name, section in contents.sections.items()}
            names, fits = contents.header["results"], contents.header["fits"]
            self._results = {name: parts[f"result.{index}"] for index, name in enumerate(names)}
            self._resumed = [
                _Fit(parts[f"fit.{index}"], float(spent), bool(ended)) for index, (spent, ended) in enumerate(fits)
            ]
            self._spent = float(contents.header["spent"])
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedFile(f"{path}: its header describes no results and fits: {error!r}", "header") from error

    def _left(self) -> float:
        """Seconds that are left."""
        if self._seconds is None:
            return math.inf
        return self._seconds - self._spent - sum(fit.seconds for fit in self._fits)

    def _tell(self, event: Event) -> None:
        self._last = event
        if self._on_event is not None:
            self._on_event(event)
