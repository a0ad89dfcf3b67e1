"""Learning a base from similar signals: one fit, told as it goes, that can be stopped and gone on with."""

import contextlib
import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from inr._cluster import Cluster
from inr._errors import InrError
from inr._files import check_writable, replacing
from inr.field import Spec
from inr.fitting import Event, Setup, check_seed, stopping_on_interrupt
from inr.priors._away import stretches
from inr.priors._base import Base
from inr.priors._collection import Collection, collect
from inr.priors._lesson import LearningEvent, Lesson
from inr.priors._method import Method, methods

# units of a layer by samples of a signal: the most samples that a width is for
_WIDTHS = ((4_096, 64), (65_536, 128))
_WIDEST = 256
_STRETCH = 20.0  # seconds of one task of a cluster at most, which is what a machine's death costs


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
        setup = self._complete(encoding, activation, network, learning_rate, seed)
        everything, self.signals = self.signals, self.method.taken(self.signals)
        others = _without(everything, self.signals.names, self.method.least)
        steps = self.method.steps if steps is None else steps
        self._lesson = Lesson(self.method, setup, self.signals, self.held, others, steps, engine, seed)
        self._checkpoint, self._every = checkpoint, every
        self.fitter = self._lesson.fitter(checkpoint=checkpoint, every=every, resume=resume)
        self._stopped = False
        self._found: Base | None = None

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
        self._stopped = True
        self.fitter.stop()

    def run(self, cluster: Cluster | None = None) -> Iterator[LearningEvent]:
        """Learn, as far as the events are asked for.

        Args:
            cluster: on whose largest machine it is done; None: here. The fit goes there as it stands, and comes back
                some seconds further, over and over. Each stretch depends on nothing but what is sent: where its machine
                dies, another one takes it up again.

        Yields:
            The events of the fit, with the quality of held-out signals as it was last measured; on a cluster the last
            one of every stretch.

        Raises:
            InrError: the cluster is gone, or a stretch failed in all tries; the checkpoint is that of the last one.
        """
        if cluster is not None:
            yield from self._run_on(cluster)
            return
        for event in self._lesson.events(self.fitter):
            self.last = event.event
            yield event

    def _run_on(self, cluster: Cluster) -> Iterator[LearningEvent]:
        state, seconds = self.fitter.dump(), min(self._every, _STRETCH)
        try:
            for stretch in stretches(self._lesson, state, cluster, seconds, go_on=lambda: not self._stopped):
                state = stretch.state
                if self._checkpoint is not None:
                    with replacing(self._checkpoint, force=True) as temporary:
                        temporary.write_bytes(state)
                self._found, self.last = stretch.base, stretch.event.event
                yield stretch.event
        except KeyboardInterrupt:  # `stop` was called: one step here, which ends as it would have ended here
            self.fitter = self._lesson.fitter(checkpoint=self._checkpoint, every=self._every, resume=state)
            self.fitter.stop()
            yield from self.run()

    def base(self) -> Base:
        """What is learned so far, with its quality measured.

        Raises:
            InrError: nothing was, for the weights are not finite.
        """
        return self._lesson.base(self.fitter) if self._found is None else self._found


def _without(signals: Collection, names: Sequence[str], least: int) -> Collection:
    """The signals that nothing was learned from yet, where there are enough; otherwise all."""
    places = [place for place, name in enumerate(signals.names) if name not in names]
    return signals.part(places) if len(places) >= least else signals


def _are(count: int) -> str:
    return f"is {count}" if count == 1 else f"are {count}"


def learn(
    signals: Any,
    *,
    method: Spec = "trunk",
    out: str | os.PathLike[str] | None = None,
    on: str | None = None,
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
        on: "ray" or "ray:HOST:PORT": learn on the largest machine of a Ray cluster, see `docs/priors.md`.
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
        InrError: signals that nothing can be learned from, options that do not go together, or a cluster that does not
            answer.

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
    with contextlib.nullcontext() if on is None else Cluster(on) as cluster, stopping_on_interrupt(learning):
        for event in learning.run(cluster):
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
