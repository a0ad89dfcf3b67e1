"""Fitting every combination of parts to a signal or several, at equal cost."""

import itertools
import math
import os
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from inr._cluster import Cluster
from inr._cores import usable_cores
from inr._errors import InrError
from inr._parts import format_spec, parse_spec
from inr.field import Spec
from inr.fitting import LARGE_BATCH, default_setup, fingerprint, suited_steps
from inr.signals import Signal, open
from inr.sweeping._auto import DEFAULT_SECONDS, rounds, space
from inr.sweeping._away import run_away
from inr.sweeping._checks import all_seeds, check_budget, check_signals, check_wanted
from inr.sweeping._holdout import held_out
from inr.sweeping._lists import Specs, split_specs
from inr.sweeping._means import mean_rows
from inr.sweeping._processes import Inputs, run_here, run_in_processes
from inr.sweeping._result import SweepResult
from inr.sweeping._rows import Row, ordered
from inr.sweeping._setups import Setups, split_setups
from inr.sweeping._store import Store
from inr.sweeping._tasks import Case, Combination, Refusal, Task, Terms, combinations, make_tasks

Source = Signal | str | Path


@dataclass(frozen=True)
class SweepEvent:
    """One moment of a sweep.

    Attributes:
        kind: start (of a fit), step, row (a fit is finished) or plan (how many fits there are to be is known).
        done: how many fits are finished.
        planned: how many there are to be.
        task: which fit; None of plans.
        row: what it came to; None but of rows.
        step, steps: how far the fit is.
        psnr: dB of the fit, estimated from the batches.
        refused: combinations that were left out, each with the reason; of plans.
    """

    kind: Literal["plan", "start", "step", "row"]
    done: int
    planned: int
    task: Task | None = None
    row: Row | None = None
    step: int = 0
    steps: int = 0
    psnr: float = math.nan
    refused: tuple[str, ...] = ()


def sweep(
    signal: Source | Sequence[Source],
    *,
    setups: Setups | None = None,
    encodings: Specs | None = None,
    activations: Specs | None = None,
    networks: Specs | None = None,
    teachers: Specs | None = None,
    auto: bool = False,
    steps: int | None = None,
    seconds: float | None = None,
    parameters: int | None = None,
    holdout: float | None = None,
    batch: int | None = None,
    learning_rate: float | str | Mapping[str, float] | None = None,
    schedule: str | None = None,
    seed: int | Sequence[int] = 0,
    seeds: int = 1,
    engine: Spec = "auto",
    jobs: int | None = None,
    on: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    resume: bool = False,
    force: bool = False,
    skip_refused: bool = False,
    on_event: Callable[[SweepEvent], Any] | None = None,
) -> SweepResult:
    """Fit every combination of parts to a signal, or several, at equal cost, and show them side by side.

    With several signals or seeds, rows are means over all of them, with sample standard deviations.

    All combinations are built and checked before the first is fitted. A fit that diverges, or whose process dies, is a
    row that says so. Ctrl-C ends the sweep and keeps the fits that are finished.

    Args:
        signal: a signal, or the path of a file that `inr.open` reads; or several of one kind.
        setups: whole combinations, in the place of the lists below: a preset's name, "siren"; parts joined by " + ",
            "fourier:sigma=10 + relu"; or a mapping from "preset", "encoding", "activation", "network", "teacher" to
            specs. Parts beside a preset take the place of its own.
        encodings: a list of parts, "hash,fourier:sigma=1|4,sape", or a sequence of specs; a value a|b|c stands for as
            many parts. Those that suit the others, as in `inr.fit`, where none are given.
        activations: likewise.
        networks: likewise.
        teachers: likewise.
        auto: search, by successive halving, among the lists or, without any, among all that is registered.
        steps: of every fit; as many as suit the signal where there is no budget.
        seconds: of every fit, instead of steps; 10 for the last round of a search where there is no budget.
        parameters: choose widths and table sizes so that all fields have about so many.
        holdout: share of the samples that is not learned from, and by which fits are judged. Without it they are
            judged by how they reproduce what they learned, which says nothing of what lies between the samples.
        batch: samples a step, the same for all. Where it is not given, fits of equal seconds have each the batch that
            suits it.
        learning_rate: as of `inr.fit`; each combination's own where it is not given.
        schedule: as of `inr.fit`; each combination's own where it is not given.
        seed: of weights and samples, and of what is held out, the same for all combinations; or several.
        seeds: how many seeds there are, from `seed` on.
        engine: as of `inr.fit`, the same for all.
        jobs: fits side by side, in processes that share this one's threads; as many as there are cores, but one where
            seconds are the budget or a GPU is there. 0: one after the other in this process. With `on`, fits under way
            at most.
        on: "ray" or "ray:HOST:PORT": fit on the machines of a Ray cluster, a core and a thread each, see
            `docs/sets.md`. Signals are sent and all files are written here.
        folder: where tables, pictures and fields go; none: a temporary folder, which goes with the result.
        resume: keep the fits that are done in the folder.
        force: delete the fits that are done in the folder.
        skip_refused: leave out combinations that cannot be built.
        on_event: called with every `SweepEvent`.

    Returns:
        The fits, the best first, with the `inr fit` that makes the best again, and the folder with their files.

    Raises:
        InrError: nothing to compare, signals of several kinds, a combination that cannot be built, a budget that cannot
            work, a folder that is there already.
    """
    lists = {"encoding": encodings, "activation": activations, "network": networks, "teacher": teachers}
    given = {part: split_specs(specs) for part, specs in lists.items() if specs is not None}
    chosen = None if setups is None else split_setups(setups)
    given_signals: list[Source] = [signal] if isinstance(signal, Signal | str | Path) else list(signal)
    several = all_seeds(seed, seeds)
    check_wanted(given, chosen, auto, jobs, len(given_signals) * len(several))
    if on is not None and jobs == 0:
        raise InrError("fits run on a cluster or in this process: leave out on, or jobs=0")
    check_budget(steps, seconds, parameters)
    store = Store(None if folder is None else Path(folder), resume=resume, force=force)
    sources = tuple(None if isinstance(each, Signal) else str(each) for each in given_signals)
    loaded = tuple(each if isinstance(each, Signal) else open(each) for each in given_signals)
    inputs = Inputs(loaded, sources, store.fits)
    check_signals(loaded, inputs.names, fingerprints := [fingerprint(each) for each in loaded])
    if auto and steps is None and seconds is None:
        seconds = DEFAULT_SECONDS
    if seconds is None:  # steps are of equal cost only where they have as many samples
        batch = LARGE_BATCH if batch is None else batch
        if steps is None:
            steps = max(default_setup(each).steps or suited_steps(each, batch) for each in loaded)
    spelled = engine if isinstance(engine, str) else format_spec(parse_spec(engine))
    terms = Terms(steps, seconds, parameters, batch, learning_rate, schedule, several[0], spelled, holdout)
    wanted = chosen or (combinations(given) if given else space(loaded[0]))
    # nothing is known yet of what nobody named: in a search of everything some parts do not go together
    named = bool(given or chosen)
    with nullcontext() if on is None else Cluster(on) as cluster:
        run = _Sweep(inputs, fingerprints, store, terms, several, jobs, cluster, on_event or (lambda event: None))
        result = run.search(wanted, skip=skip_refused or not named) if auto else run.compare(wanted, skip=skip_refused)
    if result.interrupted:
        warnings.warn(
            f"interrupted; {len(result.runs)} of {result.planned} fits are done and kept", RuntimeWarning, stacklevel=2
        )
    return result


class _Sweep:
    """A sweep under way."""

    def __init__(
        self,
        inputs: Inputs,
        fingerprints: Sequence[int],
        store: Store,
        terms: Terms,
        seeds: Sequence[int],
        jobs: int | None,
        cluster: Cluster | None,
        tell: Callable[[SweepEvent], Any],
    ) -> None:
        self._inputs = inputs
        self._store = store
        self._terms = terms
        self._seeds = tuple(seeds)
        self._jobs = jobs
        self._cluster = cluster
        self._tell = tell
        self._prints = fingerprints
        self._each = len(inputs.signals) * len(seeds)  # fits of a combination
        self._rows: list[Row] = []
        self._kept = 0
        self._planned = 0
        self._interrupted = False
        self._refused: dict[str, None] = {}

    def compare(self, wanted: Sequence[Combination], *, skip: bool) -> SweepResult:
        """All combinations with the whole budget."""
        tasks = self._tasks(wanted, self._terms, 1, skip=skip)
        self._planned = len(tasks)
        self._run(tasks)
        rows = self._standing(1)
        return self._finished(rows, (), rows[0] if rows and rows[0].status == "done" else None)

    def search(self, wanted: Sequence[Combination], *, skip: bool) -> SweepResult:
        """All combinations with a part of the budget, the best of them with more."""
        terms = self._terms
        # with the whole budget: what is refused, is refused before anything is fitted
        left = _combinations_of(self._tasks(wanted, terms, 1, skip=skip))
        plan = rounds(len(left), steps=terms.steps, seconds=terms.seconds)
        self._planned = self._each * (sum(number for number, _ in plan) + (terms.holdout is not None))
        for rung, (number, share) in enumerate(plan, start=1):
            # some need more steps than a part of the budget has
            tasks = self._tasks(left, self._part(share), rung, skip=True, kept=share == 1)
            self._planned -= self._each * number - len(tasks)
            self._run(tasks)
            best = [row for row in self._standing(rung) if row.status == "done"]
            if self._interrupted or not best:
                break
            following = plan[rung][0] if rung < len(plan) else 1
            left = _combinations_of(best[:following])
        last = max((row.rung for row in self._rows), default=1)
        rows = self._standing(last)
        earlier = tuple(row for rung in range(1, last) for row in self._standing(rung))
        chosen = rows[0] if rows and rows[0].status == "done" and not self._interrupted else None
        if chosen is not None and terms.holdout is not None:
            chosen = self._whole(left[0], last + 1)
        return self._finished(rows, earlier, chosen)

    def _standing(self, rung: int) -> tuple[Row, ...]:
        """The combinations of a round, the best first."""
        return tuple(ordered(mean_rows([row for row in self._rows if row.rung == rung], self._each)))

    def _whole(self, combination: Combination, rung: int) -> Row | None:
        """The best of a search with held-out samples, fitted to all of them."""
        self._run(self._tasks([combination], replace(self._terms, holdout=None), rung, skip=False))
        return next(iter(self._standing(rung)), None)

    def _part(self, share: float) -> Terms:
        """The terms of a round with a share of the budget."""
        steps, seconds = self._terms.steps, self._terms.seconds
        return replace(
            self._terms,
            steps=None if steps is None else max(round(share * steps), 1),
            seconds=None if seconds is None else share * seconds,
        )

    def _tasks(
        self, wanted: Sequence[Combination], terms: Terms, rung: int, *, skip: bool, kept: bool = True
    ) -> list[Task]:
        """The fits of some combinations. Raises InrError where one is refused, unless those are left out.

        All combinations come before the next seed and the next signal: what is finished can then be compared.
        """
        terms = self._shared(terms, self._each * len(wanted))
        made: list[Task | Refusal] = []
        for place, seed in itertools.product(range(len(self._inputs.signals)), self._seeds):
            case = self._case(place, replace(terms, seed=seed))
            made += make_tasks(wanted, case, replace(terms, seed=seed), rung=rung, kept=kept)
        refused = {_key(each.label): each for each in reversed(made) if isinstance(each, Refusal)}
        tasks = [each for each in made if isinstance(each, Task) and _key(each.label) not in refused]
        reasons = list(map(str, reversed(refused.values())))
        if refused and not skip:
            more = f" ({len(refused)} of {len(wanted)} combinations are refused)" if len(refused) > 1 else ""
            raise InrError(f"{reasons[0]}{more}; leave out what is refused with --skip-refused (skip_refused=True)")
        if not tasks:
            raise InrError(f"no combination is left: {reasons[0]}")
        self._refused |= dict.fromkeys(reasons)
        return tasks

    def _case(self, place: int, terms: Terms) -> Case:
        """A signal, with what is learned of it."""
        signal, name = self._inputs.signals[place], self._inputs.names[place]
        learned = signal if terms.holdout is None else held_out(signal, terms.holdout, terms.seed)[0]
        return Case(place, name, signal, learned, self._prints[place])

    def _shared(self, terms: Terms, count: int) -> Terms:
        """The terms with how many fits run side by side, and the threads of each."""
        everything = torch.get_num_threads()
        jobs = self._jobs
        if self._cluster is not None:
            return replace(terms, jobs=jobs or self._cluster.cores, threads=1)
        if jobs is None:
            alone = terms.seconds is not None or (
                terms.engine in ("auto", "triton", "tcnn") and torch.cuda.is_available()
            )
            jobs = 1 if alone else min(usable_cores(), count)
        threads = max(everything // max(jobs, 1), 1)
        return replace(terms, jobs=jobs, threads=None if threads == everything else threads)

    def _run(self, tasks: Sequence[Task]) -> None:
        """Fit what is not done yet."""
        self._store.begin()
        last = {row.name: row for row in self._rows}
        waiting = []
        for task in tasks:
            row = last.get(task.name) or self._store.kept(task.name, whole=task.kept)
            if row is None:
                waiting.append(task)
            else:
                self._kept += task.name not in last
                self._rows.append(
                    replace(row, rung=task.rung, label=task.label, signal=task.signal, seed=task.terms.seed)
                )
        self._tell(SweepEvent("plan", len(self._rows), self._planned, refused=tuple(self._refused)))
        if not waiting:
            return
        try:
            with closing(self._started(waiting, waiting[0].terms)) as finished:
                for row in finished:
                    self._rows.append(row)
                    self._store.keep(row)
                    task = next(task for task in waiting if task.name == row.name)
                    self._tell(SweepEvent("row", len(self._rows), self._planned, task, row))
        except KeyboardInterrupt:
            self._interrupted = True
            if self._rows and self._rows[-1].name in {task.name for task in waiting}:
                self._store.keep(self._rows[-1])  # the interrupt may have come while it was written

    def _started(self, tasks: Sequence[Task], terms: Terms) -> Generator[Row, None, None]:
        def on_step(task: Task, step: int, steps: int, psnr: float) -> None:
            kind: Literal["step", "start"] = "step" if step else "start"
            self._tell(SweepEvent(kind, len(self._rows), self._planned, task, None, step, steps, psnr))

        if self._cluster is not None:
            return run_away(tasks, self._inputs, self._cluster, terms.jobs, on_step)
        if terms.jobs == 0:
            return run_here(tasks, self._inputs, on_step)
        return run_in_processes(tasks, self._inputs, terms.jobs, terms.threads or torch.get_num_threads(), on_step)

    def _finished(self, rows: tuple[Row, ...], earlier: tuple[Row, ...], chosen: Row | None) -> SweepResult:
        """The result, with its files, those of an interrupted sweep too."""
        inputs = self._inputs
        terms = self._shared(self._terms, sum(row.runs for row in rows))
        result = SweepResult(
            rows, earlier, chosen, tuple(self._rows), self._planned, self._interrupted, self._kept, inputs, self._seeds,
             terms, tuple(self._refused), self._store,
        )  # fmt: skip
        result.write_tables()
        result.draw()
        return result


def _key(label: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """A label as something to find it by."""
    return tuple(sorted(label.items()))


def _combinations_of(labelled: Sequence[Task | Row]) -> list[Combination]:
    """The combinations of tasks or rows, each once."""
    return list(dict.fromkeys(Combination(**each.label) for each in labelled))
