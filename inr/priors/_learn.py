"""Learning a base from similar signals: one fit, told as it goes, that can be stopped and gone on with."""

import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from inr._errors import InrError
from inr._files import check_writable
from inr.field import Spec
from inr.fitting import Event, Setup, check_seed, stopping_on_interrupt
from inr.priors._base import Base, base_of
from inr.priors._collection import Collection, collect
from inr.priors._method import Method, methods

_LOOKS = 10  # times that held-out signals are looked at in a fit
_LOOKED_AT = 32  # of them while it runs; all of them at its end
# units of a layer by samples of a signal: the most samples that a width is for
_WIDTHS = ((4_096, 64), (65_536, 128))
_WIDEST = 256


@dataclass(frozen=True)
class LearningEvent:
    """One moment of learning.

    Attributes:
        event: of the fit; its PSNR is that of the signals that are learned from.
        held_out: PSNR in dB of signals that are not, when it was last measured; NaN before, or without such.
    """

    event: Event
    held_out: float


class Learning:
    """Learns a base, step by step.

    Args:
        signals: a folder whose files are signals; or signals, paths of files and arrays, any of them.
        method: as "trunk" or "maml:inner_steps=5", see `inr.priors.methods`.
        held_out: the share of signals that nothing is learned from, by which the base is measured.
        steps, learning_rate: of the fit; the method's if None.
        encoding, activation, network: parts of a field of one signal; None: sines of three layers, 64 units wide for
            signals of up to 4,096 samples, 128 up to 65,536, and 256 for larger ones.
        size: the grid to which all signals are brought, samples per axis in array order; None: they are on one.
        engine: what runs it, as of `inr.fit`; methods with inner loops differentiate twice, which only "eager" does.
        seed: decides weights, batches, and which signals are held out.
        checkpoint, every, resume: as of `Fitter`.

    Raises:
        InrError: signals that nothing can be learned from, too few of them, unknown parts, or parts that the method
            cannot share.

    Attributes:
        fitter: the fit that is under way; last: its last event.
        signals, held: what is learned from, and what is held out.
    """

    last: Event

    def __init__(
        self,
        signals: Any,
        *,
        method: Spec = "trunk",
        held_out: float = 0.2,
        steps: int | None = None,
        learning_rate: float | None = None,
        encoding: Spec | None = None,
        activation: Spec | None = None,
        network: Spec | None = None,
        size: Sequence[int] | None = None,
        engine: Spec = "auto",
        seed: int = 0,
        checkpoint: Path | None = None,
        every: float = 60.0,
        resume: bool = False,
    ) -> None:
        check_seed(seed)
        self.method: Method = methods.build(method)
        if steps is not None and steps < 1:
            raise InrError(f"learning takes at least 1 step, got {steps}")
        all_signals = collect(signals, size=size)
        self.unreadable = all_signals.unreadable
        self.signals, self.held = all_signals.divided(held_out, seed)
        self._check_count(all_signals)
        self._setup = self._complete(encoding, activation, network, learning_rate, seed)
        everything, self.signals = self.signals, self.method.taken(self.signals)
        self._others = _without(everything, self.signals.names, self.method.least)
        steps = self.method.steps if steps is None else steps
        self.fitter = self.method.fitter(
            self.signals,
            self._setup,
            steps,
            engine=engine,
            seed=seed,
            checkpoint=checkpoint,
            every=every,
            resume=resume,
        )
        self._held_out = math.nan

    def _check_count(self, everything: Collection) -> None:
        least, name = self.method.least, self.method.config()["name"]
        if len(self.signals) < least:
            held = f", besides {len(self.held)} held out" if len(self.held) else ""
            raise InrError(
                f"method '{name}' learns from at least {least} signals, and there {_are(len(everything))}{held}: give "
                "more of the same sort"
            )

    def _complete(
        self, encoding: Spec | None, activation: Spec | None, network: Spec | None, rate: float | None, seed: int
    ) -> Setup:
        """The parts that were given, and those that suit the signals."""
        if encoding is None and network is None:
            samples = math.prod(self.signals.domain.shape or ())
            width = next((width for most, width in _WIDTHS if samples <= most), _WIDEST)
            network = f"mlp:depth=3,width={width}"
        if encoding is None and activation is None:
            encoding, activation = "identity", "sine"
        learning_rate = self.method.learning_rate if rate is None else rate
        plain = Setup(
            "identity", "sine", "mlp", batch=self.method.batch, learning_rate=learning_rate, lattice_only=True
        )
        like = self.signals.signal(0)
        return plain.with_parts(like, seed=seed, encoding=encoding, activation=activation, network=network)

    def stop(self) -> None:
        """Ask it to end after the current step, as an interrupt does."""
        self.fitter.stop()

    def run(self) -> Iterator[LearningEvent]:
        """Learn, as far as the events are asked for.

        Yields:
            The events of the fit, with the quality of held-out signals as it was last measured.
        """
        gap = max(1, -(-self.fitter.steps // _LOOKS))
        looked_at = self.held.part(range(min(len(self.held), _LOOKED_AT)))
        for event in self.fitter.run():
            due = event.kind == "step" and event.step % gap == 0 and event.step < event.steps
            if due and len(self.held):
                self._held_out = self._base({}).measure(looked_at)
            self.last = event
            yield LearningEvent(event, self._held_out)

    def base(self) -> Base:
        """What is learned so far, with its quality measured.

        Raises:
            InrError: nothing was, for the weights are not finite.
        """
        base = self._base({})
        if not all(bool(each.isfinite().all()) for each in (*base.weights.values(), *base.own.values())):
            raise InrError("nothing was learned: the loss diverged; a lower learning rate may help (--lr)")
        about: dict[str, Any] = {
            "signals": len(self.signals), "steps": self.fitter.choices()["steps"], "fit": self.fitter.choices(),
            "learned": _decibels(base.measure(self.signals.part(range(min(len(self.signals), _LOOKED_AT))))),
        }  # fmt: skip
        if len(self.held):
            self._held_out = base.measure(self.held)
            about |= {"held_out": _decibels(self._held_out), "held_out_signals": len(self.held)}
        field = base.field(base.domain)
        return replace(self._base(about), spread=self.method.spread(base.learned, field, self._others))

    def _base(self, about: Mapping[str, Any]) -> Base:
        with torch.no_grad():
            learned = self.method.learned(self.fitter, self.signals)
        return base_of(self._setup, self.method, self.signals.domain, learned.weights, learned.own, about)


def _without(signals: Collection, names: Sequence[str], least: int) -> Collection:
    """The signals that nothing was learned from yet, where there are enough; otherwise all."""
    places = [place for place, name in enumerate(signals.names) if name not in names]
    return signals.part(places) if len(places) >= least else signals


def _are(count: int) -> str:
    return f"is {count}" if count == 1 else f"are {count}"


def _decibels(value: float) -> float | None:
    """As files tell it."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def learn(
    signals: Any,
    *,
    method: Spec = "trunk",
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    force: bool = False,
    seed: int = 0,
    held_out: float = 0.2,
    progress: Callable[[LearningEvent], Any] | None = None,
    every: float = 60.0,
    **options: Any,
) -> Base:
    """Learn what similar signals have in common, so that fields of further ones begin from it.

    Ctrl-C ends it and returns what is learned so far. Equal seeds give equal bases on one machine with one number of
    threads.

    Args:
        signals: a folder whose files are signals; or signals, paths of files and arrays, any of them. They are of one
            kind, with as many channels and axes, and on one grid, to which `size` brings others.
        method: "trunk" (layers that all signals share, the fastest), "maml" (few steps at learned rates), "reptile",
            "modulated" (a code for each signal), "gaussian" (mean and covariance), "neural-process" or "hypernet" (of
            what is seen in part), with options as in "maml:inner_steps=5".
        out: file to save the base to; a checkpoint is kept beside it while it is unfinished. None: it is not saved.
        resume: go on from that checkpoint, as if it had not been interrupted.
        force: overwrite a file that is there.
        seed: decides weights, batches, and which signals are held out.
        held_out: the share of signals that nothing is learned from, by which the base is measured.
        progress: called with every `inr.priors.LearningEvent`.
        every: seconds from one checkpoint to the next; 0: after every step.
        options: steps, learning_rate, encoding, activation, network, size and engine of `inr.priors.Learning`.

    Returns:
        The base; `inr.fit(signal, base=base)` begins from it, `base.adapt(signal)` gives fields without a fit.

    Raises:
        InrError: signals that nothing can be learned from, or options that do not go together.

    Warns, by `inr.InrWarning`, of files that could not be read and are left out.

    >>> pictures = [np.random.default_rng(seed).random((8, 8)) for seed in range(5)]
    >>> base = inr.learn(pictures, steps=20, network="mlp:depth=2,width=8")
    >>> base.about["signals"], base.about["held_out_signals"], base.start(pictures[0])["network.layers.0.weight"].shape
    (4, 1, torch.Size([8, 2]))
    """
    path = None if out is None else Path(out)
    checkpoint = None if path is None else checkpoint_of(path)
    if path is None and resume:
        raise InrError("resuming needs the file that was to be written (out)")
    if path is not None and checkpoint is not None:
        check_outputs(path, checkpoint, force=force, resume=resume)
    learning = Learning(
        signals, method=method, held_out=held_out, seed=seed, checkpoint=checkpoint, every=every, resume=resume,
        **options,
    )  # fmt: skip
    with stopping_on_interrupt(learning):
        for event in learning.run():
            if progress is not None:
                progress(event)
    if learning.last.reason != "steps":
        warnings.warn(learning.last.message, RuntimeWarning, stacklevel=2)
    base = learning.base()
    if path is not None:
        base = save(base, path, learning.last, force=force or resume)
    return base


def checkpoint_of(path: Path) -> Path:
    """Where a base that is being learned keeps what can be resumed."""
    return Path(f"{path}.checkpoint")


def check_outputs(path: Path, checkpoint: Path, *, force: bool, resume: bool) -> None:
    """Refuse early what could not be written late.

    Raises:
        InrError: the file exists, cannot be written, or was not finished and would be begun anew.
    """
    if checkpoint.exists() and not force and not resume:
        raise InrError(f"{checkpoint} holds unfinished work; go on with --resume, or start afresh with --force")
    check_writable(path, force=force or resume)
    check_writable(checkpoint, force=True)


def save(base: Base, path: Path, last: Event, *, force: bool) -> Base:
    """Write a base; its checkpoint goes where nothing is left to be done.

    Args:
        base: what was learned.
        path: its file.
        last: event of the fit.
        force: overwrite a file that is there.
    """
    saved = base.save(path, force=force)
    if last.reason not in ("interrupted", "disk"):
        checkpoint_of(path).unlink(missing_ok=True)
    return saved
