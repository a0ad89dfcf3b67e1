"""What every reconstruction of a picture is: an objective, a setup, classical methods, and what comes of them."""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from inr._errors import InrError
from inr.engines import AnyObjective
from inr.field import Field
from inr.fitting import Budget, Event, Fitter, Setup, stopping_on_interrupt
from inr.reconstruction._inputs import plain_picture
from inr.signals import Domain, Signal, ValueMap, psnr, ssim

Free = Literal["nothing", "a constant and a factor"]
OURS = "field"
# what of a problem's setup callers may replace
_PARTS = ("encoding", "activation", "network", "learning_rate", "optimiser", "batch")


@dataclass(frozen=True)
class Classical:
    """A classical method.

    Attributes:
        name: of it.
        run: gives the picture, float (h, w, c) in own units.
        note: its settings, in words.
    """

    name: str
    run: Callable[[], np.ndarray]
    note: str = ""


@dataclass(frozen=True)
class Method:
    """What one method made of a problem.

    Attributes:
        name: "field" for ours.
        picture: float32 (h, w, c), own units, within the range of values.
        psnr: in dB, against the truth; NaN where that is not known.
        ssim: likewise.
        seconds: that it took.
        note: its settings, in words.
    """

    name: str
    picture: Float[np.ndarray, "h w c"]
    psnr: float
    ssim: float
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class Reconstruction:
    """A picture that was reconstructed, beside what classical methods make of the same data.

    Attributes:
        task: as it was asked for, "inpaint" say.
        field: the reconstruction as a continuous function.
        given: what was given, as a picture: float32 (h, w, c) in own units, NaN where there was nothing.
        methods: ours first.
        truth: float32 (h, w, c) in own units; None where it is not known.
        facts: what was found in the data, what was chosen, and how dB are to be read, in words.
        domain: of the pictures.
        interrupted: whether Ctrl-C kept classical methods from being run to their end.
    """

    task: str
    field: Field
    given: np.ndarray
    methods: Sequence[Method]
    truth: np.ndarray | None
    facts: Sequence[str]
    domain: Domain
    interrupted: bool = False

    @property
    def picture(self) -> Float[np.ndarray, "h w c"]:
        """The reconstruction, float32 (h, w, c) in own units."""
        return self.methods[0].picture

    @property
    def best(self) -> str:
        """The method with the highest PSNR; "" where there is no truth to tell."""
        known = [each for each in self.methods if not math.isnan(each.psnr)]
        return max(known, key=lambda each: each.psnr).name if known else ""


@dataclass(frozen=True)
class Problem:
    """A reconstruction that is ready to be fitted.

    Attributes:
        task: its name.
        signal: what steps draw their samples from.
        objective: what is minimised.
        setup: of the fit.
        domain: of the reconstruction.
        given: as of `Reconstruction`.
        classical: methods that it stands beside.
        facts: what was found in the data, and what was chosen, in words.
        free: what the data do not decide, and is therefore fitted to a truth before dB are taken.
        level: the mean of every channel in own units that the field is shifted to, where the data leave it open.
        known: own units (h, w, c), NaN where pixels are unknown: those that are known are put in the place of every
            method's.
        magnitudes: whether the two channels are the real and imaginary part of one, of which pictures show the
            magnitude.
        about: what tells it from others, as of `inr.Fitter`.
    """

    task: str
    signal: Signal
    objective: AnyObjective
    setup: Setup
    domain: Domain
    given: np.ndarray
    classical: Sequence[Classical] = ()
    facts: Sequence[str] = ()
    free: Free = "nothing"
    level: Sequence[float] | None = None
    known: np.ndarray | None = field(default=None, repr=False)
    magnitudes: bool = False
    about: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def pictures(self) -> Domain:
        """The domain of pictures: that of the field, or of its magnitude."""
        if not self.magnitudes:
            return self.domain
        low, high = (np.array(ends) for ends in (self.domain.values.low, self.domain.values.high))
        return replace(self.domain, channels=1, values=ValueMap((0.0,), (float(np.maximum(-low, high).max()),)))

    def fitter(
        self,
        budget: Budget,
        *,
        engine: str = "auto",
        seed: int = 0,
        checkpoint: Path | None = None,
        every: float = 60.0,
        resume: bool = False,
    ) -> Fitter:
        """The fit, which has not taken a step yet, or goes on from a checkpoint.

        Args:
            budget: when to stop.
            engine: "auto", or an engine's name with its options.
            seed: decides initial weights and batches.
            checkpoint, every, resume: as of `inr.Fitter`.
        """
        return Fitter(
            self.signal, self.setup, budget, engine=engine, seed=seed, objective=self.objective, about=self.about,
            checkpoint=checkpoint, every=every, resume=resume,
        )  # fmt: skip

    def fit(
        self,
        budget: Budget,
        *,
        engine: str = "auto",
        seed: int = 0,
        on_event: Callable[[Event], Any] | None = None,
    ) -> Fitter:
        """The fit, run to its end. Ctrl-C ends it with the best state so far.

        Args:
            budget, engine, seed: as of `fitter`.
            on_event: called with every event of the fit.

        Returns:
            The fitter, whose field spans the domain of the reconstruction.
        """
        return self.run(self.fitter(budget, engine=engine, seed=seed), on_event)

    def run(self, fitter: Fitter, on_event: Callable[[Event], Any] | None = None) -> Fitter:
        """A fit of this problem, run to its end. Ctrl-C ends it with the best state so far.

        Args:
            fitter: of this problem.
            on_event: called with every event of the fit.

        Returns:
            The fitter, whose field spans the domain of the reconstruction.
        """
        with stopping_on_interrupt(fitter):
            for event in fitter.run():
                if on_event is not None:
                    on_event(event)
        fitter.field.domain = self.domain
        return fitter

    def with_parts(self, parts: Mapping[str, Any]) -> "Problem":
        """The problem with other parts or settings of the fit than its own.

        Args:
            parts: as `take_parts` gives them; None counts as not given. The task's learning rate is that of its own
                encoding, activation and network: where one of these is replaced, the rate is the parts' usual one.
        """
        given = {name: value for name, value in parts.items() if value is not None}
        kinds = {name: given.pop(name) for name in ("encoding", "activation", "network") if name in given}
        setup = self.setup
        if kinds:
            setup = replace(setup.with_parts(self.signal, **kinds), learning_rate="paper")
        return replace(self, setup=replace(setup, **given))

    def finish(self, fitter: Fitter, truth: Any = None) -> Reconstruction:
        """What a fit came to, and the classical methods beside it; Ctrl-C leaves out those that are not done.

        Args:
            fitter: of this problem, when its fit has ended.
            truth: what it should be, as of `checked_truth`; None where that is not known.

        Raises:
            InrError: a truth of another shape.
        """
        wanted = None if truth is None else self.checked_truth(truth)
        ours = fitter.field
        ours.domain = self.domain
        seconds = fitter.seconds
        picture = ours.render(execute=fitter.execute, block=fitter.plan.block)
        if self.level is not None:
            shift = np.asarray(self.level) - picture.mean((0, 1))
            ours.domain = _shifted(self.domain, shift)
            picture = picture + shift.astype(np.float32)
        methods = [self._judged(OURS, picture, wanted, seconds, _engine(fitter))]
        facts = list(self.facts)
        interrupted = False
        for each in self.classical:
            begin = time.perf_counter()
            try:
                found = each.run()
            except KeyboardInterrupt:
                interrupted = True
                facts.append(f"interrupted: {each.name} was not run to its end")
                break
            methods.append(self._judged(each.name, found, wanted, time.perf_counter() - begin, each.note))
        if wanted is not None:
            ours.metrics = {"psnr": methods[0].psnr, "ssim": methods[0].ssim}
        if wanted is not None and self.free != "nothing":
            facts.append(f"dB and SSIM are of pictures fitted to the truth by {self.free}, which the data leave open")
        shown = self.pictures if self.magnitudes else ours.domain
        return Reconstruction(self.task, ours, self._as_picture(self.given), methods, wanted, facts, shown, interrupted)

    def checked_truth(self, truth: Any) -> np.ndarray:
        """What the reconstruction should be, float32 (h, w, c) in own units.

        Args:
            truth: an array (h, w) or (h, w, c) in own units, a signal, or the path of a picture.

        Raises:
            InrError: a picture of another shape.
        """
        wanted = self.pictures
        assert wanted.shape is not None
        read = isinstance(truth, str | os.PathLike | Signal)
        array = plain_picture(truth, "the truth")[0] if read else truth
        return _checked_truth(array, (*wanted.shape, wanted.channels))

    def _as_picture(self, found: np.ndarray) -> np.ndarray:
        """What is shown of values of the field."""
        return np.linalg.norm(found, axis=-1, keepdims=True) if self.magnitudes else found

    def _judged(self, name: str, found: np.ndarray, truth: np.ndarray | None, seconds: float, note: str) -> Method:
        """A method's picture with its figures."""
        picture = self._as_picture(np.array(found, np.float32).reshape(*found.shape[:2], -1))
        if self.known is not None:
            picture = np.where(np.isnan(self.known), picture, self.known).astype(np.float32)
        values = self.pictures.values
        if truth is None:
            return Method(name, self._clipped(picture), math.nan, math.nan, seconds, note)
        judged = _aligned(picture, truth) if self.free != "nothing" else picture
        judged = self._clipped(judged)
        similar = ssim(truth, judged, values.data_range)
        decibels = psnr(truth, judged, values.data_range)
        return Method(name, judged, decibels, math.nan if similar is None else similar, seconds, note)

    def _clipped(self, picture: np.ndarray) -> np.ndarray:
        low, high = (np.array(ends, np.float32) for ends in (self.pictures.values.low, self.pictures.values.high))
        return np.clip(picture, low, high) if self.free == "nothing" else picture


def _engine(fitter: Fitter) -> str:
    return f"{fitter.field.parameter_count:,} parameters, engine {fitter.engine}"


def _checked_truth(truth: Any, shape: tuple[int, ...]) -> np.ndarray:
    found = np.array(truth, np.float32)
    found = found[..., None] if found.ndim == 2 else found
    if found.shape != shape:
        ours, theirs = (" x ".join(map(str, (each[1], each[0], *each[2:]))) for each in (shape, found.shape))
        raise InrError(f"the truth is {theirs}, the reconstruction {ours} (width x height x channels)")
    return found


def _aligned(picture: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Every channel times a factor plus a constant, by least squares."""
    aligned = np.empty_like(truth)
    for channel in range(truth.shape[-1]):
        flat = picture[..., channel].ravel().astype(np.float64)
        matrix = np.stack((flat, np.ones_like(flat)), 1)
        solution = np.linalg.lstsq(matrix, truth[..., channel].ravel().astype(np.float64), rcond=None)[0]
        aligned[..., channel] = (matrix @ solution).reshape(truth.shape[:2])
    return aligned


def _shifted(domain: Domain, shift: np.ndarray) -> Domain:
    """The domain of values that all are greater by so much, a number for each channel."""
    low, high = (np.broadcast_to(np.array(ends), shift.shape) for ends in (domain.values.low, domain.values.high))
    values = ValueMap(tuple((low + shift).tolist()), tuple((high + shift).tolist()))
    return replace(domain, values=values)


def take_parts(options: dict[str, Any]) -> dict[str, Any]:
    """Take from options those of `Problem.with_parts`: encoding, activation, network, learning rate, optimiser, batch.

    Args:
        options: of a task, by name, which is changed: the others stay.
    """
    return {name: options.pop(name) for name in _PARTS if name in options}
