"""The loop: steps of a field towards its signal, told as events."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from inr import container
from inr._errors import InrError
from inr._parts import Part, parse_spec
from inr.engines import AnyObjective, Batch, Course, Objective, Plan, Scheduled, Stateful, StepResult
from inr.engines import plan as make_plan
from inr.field import MAX_FILE_BYTES, Field, Spec
from inr.fitting._adjustments import AdjustedPlan, adjustments
from inr.fitting._budget import Budget
from inr.fitting._checks import check_derivatives, check_horizon, check_setup, check_size, check_start
from inr.fitting._compiled import CompiledFits, compiled_fits, course_of
from inr.fitting._defaults import Setup, suited_batch, suited_samples, suited_steps
from inr.fitting._evaluate import whole_psnr
from inr.fitting._events import Event, EventKind, Reason, message
from inr.fitting._optimiser import Optimiser
from inr.fitting._parameter_groups import resolve_learning_rates
from inr.fitting._parametrisation import Parametrisation, PlainWeights
from inr.fitting._places import places_of
from inr.fitting._profile import Profile
from inr.fitting._rate_probe import RateProbe, trial_loss
from inr.fitting._sample_counts import SampleCounts
from inr.fitting._schedules import SCHEDULES
from inr.fitting._scorer import FieldScorer
from inr.fitting._state import (
    LEAVES,
    Checkpoint,
    Progress,
    checkpoint_contents,
    checkpoint_gap,
    fingerprint,
    load_checkpoint,
    read_checkpoint,
)
from inr.fitting._threads import one_thread_beside
from inr.objectives import mean_squared_error, objectives
from inr.signals import Signal
from inr.teaching import teachers

_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


class Fitter:
    """Fits one field to one signal, step by step.

    There is one loop for all fits. In every step a teacher chooses samples, a parametrisation gives the weights, an
    engine computes loss and gradients, and an optimiser moves what the parametrisation learns. Now and then the best
    weights so far are kept, on which a fit falls back that diverges or ends clearly worse. Each step is told as an
    `Event`.

    Args:
        signal: what to represent.
        setup: parts, batch, schedule and optimiser; `make_fitter` completes one.
        budget: when to stop; the setup's own number of steps where it sets nothing.
        engine: "auto", or an engine's name with its options ("cpu:threads=2").
        seed: decides initial weights and batches, from 0 to 2^32 - 1. With a budget in steps, equal seeds give equal
            fields on one machine with one number of threads.
        checkpoint: file to keep a resumable state in; None: none is kept.
        every: seconds from one checkpoint to the next, up to twice as many where writing is slow; 0: every step.
        resume: go on from the checkpoint, with the horizon it was started with, as if it had not been interrupted;
            or from the bytes of one, as `dump` gives them.
        record_sample_counts: count which samples are learned from, in `sample_counts`.
        start: weights to begin with, by the names of the field's state, in the place of drawn ones.
        objective: what is minimised; None: the setup's.
        parametrisation: where the weights of a step come from; None: they are the field's own parameters.
        field: what is fitted, where it is built already; None: one is built of the setup's parts.
        plan: what runs the field, with the name that it has in events; None: `engine` makes one.
        about: what else must be equal for a checkpoint to be continued, by name, as plain JSON: what tells an objective
            from others that is none of the registered ones.

    Raises:
        InrError: parts that do not go together, a budget that cannot work, a checkpoint of another fit.

    Attributes:
        field: the field, as good as it is at the moment, on the engine's device.
        engine: what runs it; plan: how.
        batch: samples a step.
        steps: the horizon; 0 until `run` has measured a budget in seconds.
        profile: where the time of the steps went.
        sample_counts: which samples were learned from since `run` began; None where they are not recorded.

    >>> setup = inr.fitting.Setup("identity", "sine", "mlp:depth=1,width=8", batch=64, steps=1000)
    >>> fitter = inr.Fitter(inr.open("photo.png"), setup, inr.Budget(steps=3), engine="eager")
    >>> [(event.kind, event.step) for event in fitter.run()]
    [('start', 0), ('step', 1), ('step', 2), ('step', 3), ('end', 3)]
    """

    def __init__(
        self,
        signal: Signal,
        setup: Setup,
        budget: Budget,
        *,
        engine: Spec = "auto",
        seed: int = 0,
        checkpoint: Path | None = None,
        every: float = 60.0,
        resume: bool | bytes = False,
        record_sample_counts: bool = False,
        start: Mapping[str, Tensor] | None = None,
        objective: AnyObjective | None = None,
        parametrisation: Parametrisation | None = None,
        field: Field | None = None,
        plan: tuple[str, Plan] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        check_setup(setup, seed)
        self.signal = signal
        self.setup = setup
        self.budget = budget
        self._seed = seed
        self._checkpoint = checkpoint
        self._every = every
        self._about = dict(about or {})
        self._stop: Reason | None = None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.field = field or Field.build(
                signal.domain, encoding=setup.encoding, activation=setup.activation, network=setup.network
            )
            check_size(self.field)
            if start is None and not resume and field is None:
                self.field.network.init_from(signal)
        if start is not None:
            check_start(self.field, start)
            self.field.load_state_dict(dict(start))
        self._learning_rates = resolve_learning_rates(self.field, setup.learning_rate)
        self._teacher = teachers.build(setup.teacher)
        self._teacher.check(signal)
        self.plan: Plan
        self._objective = objectives.build(setup.objective, signal) if objective is None else objective
        if objective is None:
            check_derivatives(self.field, self._objective)
        self._teacher.objective = self._objective
        self._squared = getattr(self._objective, "squared", False)
        saved = self._saved(resume) if resume else None
        self.engine, self.plan = plan or make_plan(self.field, self._objective, engine)
        chosen = plan is None and self.engine == "cpu" and parse_spec(engine).get("backward", "auto") == "auto"
        if chosen and saved is not None:
            begun = {**parse_spec(engine), "name": "cpu", "backward": saved.recipe.get("backward", "float32")}
            self.engine, self.plan = make_plan(self.field, self._objective, begun)
        self.field.to(self.plan.device)
        # of a budget in seconds it is the first guess, by which steps are measured
        self.batch = self._suited_batch(0 if budget.seconds is not None else suited_samples(signal))
        self._compiling: float | None = None
        self.profile = Profile()
        self._parametrisation = PlainWeights() if parametrisation is None else parametrisation
        self._parametrisation.bind(self.field, self.plan)
        own = dict(self.field.named_parameters())
        # Leaves that are not the field's own parameters are kept and restored beside them.
        self._apart = {name: leaf for name, leaf in self._parametrisation.leaves.items() if own.get(name) is not leaf}
        self._steps_by = self._adjusted()
        self._optimiser = self._new_optimiser()
        self._places = places_of(signal, seed, self.plan.device) if not setup.lattice_only else None
        self._scorer = FieldScorer(
            self.field, signal, self.plan, self._parametrisation, continuous=self._places is not None
        )
        self._progress = Progress()
        self._error = math.nan
        self._taught: Mapping[str, Tensor] = {}
        self._record_sample_counts = record_sample_counts
        self.sample_counts: SampleCounts | None = None
        self._best: Mapping[str, Tensor] = {}
        self._probe = RateProbe() if setup.learning_rate == "auto" else None
        self._probing: float = 0.0
        self.steps = self._planned_steps()
        if saved is not None:
            self._resume(saved)
        if self.steps:
            check_horizon(self.field, self.steps)

    @property
    def parametrisation(self) -> Parametrisation:
        """Where the weights of a step come from."""
        return self._parametrisation

    @property
    def seconds(self) -> float:
        """Seconds spent fitting so far, without compiling, reading, writing and measuring."""
        return self._progress.seconds

    @property
    def points(self) -> int:
        """Samples seen so far, each counted as often as it was seen."""
        return self._progress.points

    def _suited_batch(self, samples: int) -> int:
        """The batch that is given, or the best where there is time to learn from so many samples."""
        bounded = None if self.budget.steps is not None else samples
        return self.setup.batch or suited_batch(self.setup, self.field, self.plan.device, bounded)

    def _planned_steps(self) -> int:
        """The horizon, 0 where seconds are given; with a target alone it is longer."""
        if self.budget.seconds is not None:
            return 0
        if self.budget.steps is not None:
            return self.budget.steps
        steps = self.setup.steps or suited_steps(self.signal, self.batch)
        steps *= 1 if self.budget.psnr is None else self.budget.patience
        return max(steps, self.field.encoding.min_steps)

    def stop(self) -> None:
        """Ask the running fit to end after the current step, as an interrupt does."""
        self._stop = "interrupted"

    def choices(self) -> dict[str, Any]:
        """What this fit is made with besides the field's parts, whether it was given or chosen, as plain JSON.

        Returns:
            Learning rates by part, batch, schedule, optimiser, seed, teacher, objective, engine, and the steps done so
            far; no times, so that equal fits say the same. "backward" where the engine multiplies rounded numbers for
            gradients; "preset" where the fit began with one.
        """
        return {
            **({} if self.setup.preset is None else {"preset": self.setup.preset}),
            "rates": dict(self._learning_rates),
            "batch": self.batch,
            "schedule": self.setup.schedule,
            "optimiser": self.setup.optimiser,
            "seed": self._seed,
            "teacher": self._teacher.config(),
            "objective": self._objective_recipe(),
            **({} if self.setup.adjust is None else {"adjust": parse_spec(self.setup.adjust)}),
            "engine": self.engine,
            **self._settings(),
            "steps": self._progress.step,
        }

    def prepare(self) -> float:
        """Compile or load kernels, so that no step waits for it; `run` does it if need be.

        Returns:
            Seconds that it took, the first time.
        """
        if self._compiling is None:
            parts = self._steps_by, self._parametrisation, self._optimiser, self._teacher
            self._compiling = sum(part.prepare() for part in parts)
        return self._compiling

    def course(self) -> Course | str:
        """What the steps of this fit are, as numbers, for loops that take them without the interpreter.

        Returns:
            The numbers; or why its steps need the interpreter, in words.
        """
        if self._probe is not None:
            return "its learning rates are found by a probe before the fit"
        if self._places is not None:
            return "it learns places between the samples"
        if self.setup.adjust is not None:
            return "its residuals are adjusted"
        if not self.steps or self._progress.step or self._record_sample_counts or self._checkpoint is not None:
            return "it is no fit of a given number of steps that keeps nothing"
        if not self._squared:
            return "its loss is no squared error of samples"
        schedule = SCHEDULES[self.setup.schedule]
        return course_of(
            self.field, self.signal, self._parametrisation, self._optimiser, self._teacher, batch=self.batch,
            target=self.budget.psnr, learning_rates=self._learning_rates,
            factors=[schedule(step / self.steps) for step in range(self.steps)],
        )  # fmt: skip

    def compiled(self) -> CompiledFits | str:
        """The fits of this and other signals of one shape, a field after another without the interpreter.

        They are made in this fitter's memory, each to the bit as a fitter makes it with the same arguments. A fitter
        that is asked for them runs nothing itself any more.

        Returns:
            What fits; or why that needs the interpreter, in words.
        """
        course = self.course()
        if isinstance(course, str):
            return course
        self.prepare()
        return compiled_fits(self.field, self.plan, self._optimiser, course)

    def execute(self, coords: Float[Tensor, "n d"]) -> Float[Tensor, "n c"]:
        """Values of the field as it stands, by the fit's own engine: for rendering and measuring.

        Args:
            coords: float32 (n, d), in [-1, 1].

        Returns:
            Normalised values, float32 (n, c), on the engine's device.
        """
        return self.plan.forward(self._parametrisation.weights(), coords.to(self.plan.device))

    def run(self) -> Iterator[Event]:
        """Fit, as far as the events are asked for.

        Yields:
            A "start" event, a "step" event for every step, "checkpoint" events where one was written, and an "end"
            event with the reason.

        Raises:
            InrError: a budget in seconds that is too short for the encoding.
        """
        self.prepare()
        with one_thread_beside(self.plan):
            self._begin()
        self._best = self._best or self._snapshot()
        self.sample_counts = SampleCounts(self.signal.size, self.steps) if self._record_sample_counts else None
        yield self._event("start", math.nan)
        reason: Reason = "steps"
        due = time.perf_counter() + self._every
        while self._progress.step < self.steps:
            loss = self._timed_step()
            if not math.isfinite(loss):
                reason = "diverged"
                break
            yield self._event("step", loss)
            if self._stop or self._out_of_time() or self._target_reached():
                reason = self._stop or ("seconds" if self._out_of_time() else "target")
                break
            if self._checkpoint is not None and (begin := time.perf_counter()) >= due:
                try:
                    self._save_checkpoint()
                except InrError as error:
                    yield self._end("disk", str(error))
                    return
                written = time.perf_counter()
                due = written + checkpoint_gap(self._every, written - begin)
                yield self._event("checkpoint", loss)
        yield self._end(reason)

    def _begin(self) -> None:
        """Find the horizon and the learning rates where they are not given, and make the teacher ready."""
        if not self.steps:
            affordable, each = self._measure_horizon()
            batch = self._suited_batch(affordable * self.batch)
            if batch != self.batch:
                self.batch = batch
                affordable, each = self._measure_horizon()
            most = self.budget.steps or affordable
            self.steps = min(affordable, most)
            self._find_learning_rates()
            affordable -= math.ceil(self._probing / each)
            self.steps = max(1, min(self._parametrisation.affordable(affordable), most))
            check_horizon(self.field, self.steps)
        else:
            self._find_learning_rates()
        self._parametrisation.begin(self.steps)
        self.profile = Profile(self.plan)
        begin = time.perf_counter()
        self._teacher.bind(self.signal, self.steps, self.batch, self._seed, self.plan.device)
        spent = time.perf_counter() - begin  # some teachers look at the whole signal first
        self._progress.seconds += spent
        self.profile.add("sampling", spent)
        if self._taught:
            self._teacher.restore({name: tensor.to(self.plan.device) for name, tensor in self._taught.items()})

    def _timed_step(self) -> float:
        self.profile.start_step()
        with one_thread_beside(self.plan):
            loss = self._step(self._progress.step)
        self._progress.seconds += self.profile.end_step()
        return loss

    def _step(self, step: int, *, probing: bool = False) -> float:
        """One step; its loss, which is not finite when the fit has diverged (nothing is updated then)."""
        # steps that are measured are spread over the fit, for later ones may take longer, as those of rounded weights
        fraction = step * _GOLDEN_RATIO % 1 if probing else step / max(self.steps, 1)
        self._optimiser.set_learning_rates(self._learning_rates, SCHEDULES[self.setup.schedule](fraction))
        before = self._scorer.scored
        batch = self._teacher.select(step, self._scorer).to(self.plan.device)
        if self._places is not None:
            batch = replace(batch, shifts=self._places.shifts(step, len(batch.indices)))
        if self.sample_counts is not None and not probing:
            self.sample_counts.add(step, batch)
        self.profile.record("sampling")
        if isinstance(self._objective, Scheduled):
            self._objective.progress(fraction)
        if isinstance(self._steps_by, AdjustedPlan):
            self._steps_by.step = step
        result = self._parametrisation.loss_and_grad(self._steps_by, batch, fraction)
        if batch.offsets is not None and isinstance(self._objective, Objective):  # no part of what the field misses
            missed, batch = result.residuals - batch.offsets, replace(batch, offsets=None)
            result = result._replace(residuals=missed, loss=self._objective.loss(missed, batch))
        self.profile.record("engine")
        loss, squared = self._losses(result, batch)
        if not math.isfinite(loss):
            return loss
        if not probing:
            self._progress.skipped += result.skipped
            self._progress.scored += self._scorer.scored - before
            self._progress.observe(loss, len(result.residuals), squared)
            all_seen = len(batch.indices) == self.signal.size and batch.shifts is None and batch.weights is None
            self._error = squared if all_seen else self._progress.running_squared
            self._keep_best()
        self.profile.record("the rest")
        if not result.skipped:
            self._optimiser.step(result.grads)
        self.profile.record("optimiser")
        self._teacher.observe(batch, result.residuals)
        done = 0.0 if probing else (step + 1) / self.steps
        self.field.encoding.progress(done, result.coords, result.residuals)
        return loss

    def _losses(self, result: StepResult, batch: Batch) -> tuple[float, float]:
        """The loss of a step and the mean squared error that goes with it, which is what PSNR is taken of."""
        if result.squared is not None:
            return result.loss.item(), result.squared
        if self._squared:
            loss = result.loss.item() / batch.excess
            return loss, loss
        return result.loss.item(), mean_squared_error(result.residuals, batch).item() / batch.excess

    def _find_learning_rates(self) -> None:
        """Multiply the rates by the factor that a probe finds, where it is asked for; weights stay as they are."""
        if self._probe is None or self._progress.step:
            return
        probe, self._probe = self._probe, None
        points = self.steps * min(self.batch, self.signal.size)
        count = probe.affordable_batch(self.steps, points)
        if not count or (self.field.encoding.tables and not probe.dense_enough(self.signal.size, count)):
            return
        begin = time.perf_counter()
        undo = self._undoing()
        batches = probe.batches(self.signal.size, count, self._seed, self.plan.device)

        def judge(octaves: float) -> float:
            rates = self._scaled_rates(octaves)
            optimiser = self._parametrisation.optimiser(rates, self.plan.threads, self.setup.optimiser)
            loss = trial_loss(self._parametrisation, self._steps_by, optimiser, batches, rates)
            undo()
            return loss

        octaves = probe.exponent(judge, up_to_the_edge=self.field.encoding.learning_rate is None)
        self._learning_rates = self._scaled_rates(octaves)
        self._optimiser = self._new_optimiser()
        self._probing = time.perf_counter() - begin
        self._progress.seconds += self._probing

    def _scaled_rates(self, octaves: float) -> dict[str, float]:
        return {part: rate * 2**octaves for part, rate in self._learning_rates.items()}

    def _measure_horizon(self) -> tuple[int, float]:
        """The steps for which the seconds suffice, by steps that are measured and then undone; the seconds of one."""
        assert self.budget.seconds is not None
        self._teacher.bind(self.signal, 1_000_000, self.batch, self._seed, self.plan.device)
        undo = self._undoing()
        durations: list[float] = []
        begin = time.perf_counter()
        while len(durations) < 4 or time.perf_counter() - begin < self.budget.measuring:
            start = time.perf_counter()
            self._step(len(durations), probing=True)
            durations.append(time.perf_counter() - start)
        undo()
        self._optimiser = self._new_optimiser()
        spent = time.perf_counter() - begin
        self._progress.seconds += spent
        # the first one warms caches; of the others all but the slowest count, since all take part in the fit
        each = statistics.fmean(sorted(durations[1:])[:-1])
        return max(1, int((self.budget.seconds - self._progress.seconds) / each)), each

    def _undoing(self) -> Callable[[], None]:
        """What puts field, leaves and parametrisation back to where they are now, after steps that do not count."""
        before = self._snapshot()
        state = {name: tensor.clone() for name, tensor in self._parametrisation.state().items()}

        def undo() -> None:
            self._return_to(before)
            self._parametrisation.restore(state)

        return undo

    def _adjusted(self) -> Plan:
        """What steps are taken by: the plan, or what adjusts them around it."""
        if self.setup.adjust is None:
            return self.plan
        adjustment = adjustments.build(self.setup.adjust)
        adjustment.check(self.field, self.signal, self._objective)
        if (teacher := self._teacher.config()["name"]) != "uniform":
            name = adjustment.config()["name"]
            raise InrError(f"adjustment '{name}' changes the residuals that teacher '{teacher}' reads: use uniform")
        found: AdjustedPlan = adjustment.plan(self.field, self.signal, self._objective, self.plan, self._seed)
        return found

    def _new_optimiser(self) -> Optimiser:
        return self._parametrisation.optimiser(self._learning_rates, self.plan.threads, self.setup.optimiser)

    def _keep_best(self) -> None:
        """Now and then, keep the leaves if they are the best so far: what a divergence falls back on.

        Called between a loss and the update it leads to, so that the leaves kept are those the loss judged.
        """
        progress, parametrisation = self._progress, self._parametrisation
        due = progress.step % max(self.steps // 50, 10) == 0 or (progress.step == 1 and parametrisation.keeps_start)
        if due and (judged := parametrisation.judged(progress.running)) < progress.best:
            progress.best = judged
            self._best = self._snapshot()

    def _snapshot(self) -> dict[str, Tensor]:
        """A copy of the field's parameters and state, and of leaves that are none of them, as "leaves.{name}"."""
        tensors = self.field.state_dict() | {f"{LEAVES}.{name}": leaf for name, leaf in self._apart.items()}
        return {name: tensor.detach().clone() for name, tensor in tensors.items()}

    def _return_to(self, snapshot: Mapping[str, Tensor]) -> None:
        """Put the field and all leaves where a snapshot was taken."""
        state, leaves = dict[str, Tensor](), dict[str, Tensor]()
        for name, tensor in snapshot.items():
            (leaves if name.startswith(f"{LEAVES}.") else state)[name] = tensor
        self.field.load_state_dict(state)
        with torch.no_grad():
            for name, leaf in self._apart.items():
                leaf.copy_(leaves[f"{LEAVES}.{name}"])

    def _out_of_time(self) -> bool:
        """Whether the machine became so much slower than when steps were measured that the rest is not waited for."""
        limit = self.budget.seconds
        return (
            limit is not None
            and self._progress.seconds > self.budget.overtime * limit
            and self._progress.step < self.steps
        )

    def _target_reached(self) -> bool:
        """Whether the whole signal is at the target, looked at only when the batches say so, now and then.

        A batch of all samples speaks for itself; of others the running mean is less noisy.
        """
        if self.budget.psnr is None or self._progress.step % max(self.steps // 100, 10):
            return False
        return _decibels(self._error) >= self.budget.psnr and self._whole_psnr() >= self.budget.psnr

    def _whole_psnr(self) -> float:
        return whole_psnr(self.field, self.signal, execute=self.execute, block=self.plan.block)

    def _psnr(self) -> float:
        """PSNR in dB of the running mean squared error."""
        return _decibels(self._progress.running_squared)

    def _end(self, reason: Reason, detail: str = "") -> Event:
        """Leave the best weights in the field, keep what can be resumed, and say why the fit ended."""
        if reason == "interrupted" and self._checkpoint is not None:
            try:
                self._save_checkpoint()
            except InrError as error:
                detail = str(error)
        if reason == "diverged" or (reason != "target" and self._worse_than_best()):
            self._return_to(self._best)
        self._parametrisation.write_to(self.field)
        self.field.fit = self.choices()
        if reason == "steps" and self.budget.psnr is not None:
            detail = f"below the target of {self.budget.psnr:g} dB"
        return self._event("end", self._progress.running, reason, message(reason, self._progress.step, detail))

    def _worse_than_best(self) -> bool:
        """Whether the weights as they stand are broken, or clearly worse than those kept."""
        parametrisation, progress = self._parametrisation, self._progress
        if not all(bool(leaf.isfinite().all()) for leaf in parametrisation.leaves.values()):
            return True
        return parametrisation.judged(progress.running) > parametrisation.tolerated_rise * progress.best

    def _event(self, kind: EventKind, loss: float, reason: Reason | None = None, message: str = "") -> Event:
        progress = self._progress
        rate = self._optimiser.groups[0].learning_rate
        return Event(
            kind, progress.step, self.steps, loss, self._psnr(), progress.seconds, rate, self.engine, progress.points,
            reason, message, self._compiling or 0.0, progress.skipped, progress.scored, self._probing,
            self._parametrisation.bits,
        )  # fmt: skip

    def _recipe(self) -> dict[str, Any]:
        """What must be equal for a checkpoint to be continued."""
        own_weights = type(self._parametrisation) is PlainWeights
        return {
            **self.field.config(),
            "teacher": parse_spec(self.setup.teacher),
            "batch": self.batch,
            "schedule": self.setup.schedule,
            **({} if self.setup.optimiser == "adam" else {"optimiser": self.setup.optimiser}),
            **({} if own_weights else {"parametrisation": type(self._parametrisation).__name__}),
            **self._parametrisation.recipe(),
            **({"lattice_only": True} if self.setup.lattice_only else {}),
            **({} if self._squared else {"objective": self._objective_recipe()}),
            **({} if self.setup.adjust is None else {"adjust": parse_spec(self.setup.adjust)}),
            **self._settings(),
            **self._about,
            "rates": self._learning_rates,
            **({"learning_rate": "auto"} if self.setup.learning_rate == "auto" else {}),
            "seed": self._seed,
            "steps": self.steps,
            "signal": fingerprint(self.signal),
        }

    def _settings(self) -> dict[str, str]:
        """What decides the numbers of a step, of how the engine works."""
        return dict(getattr(self.plan, "settings", {}))

    def _objective_recipe(self) -> Any:
        """The objective's configuration; the name of one that has none."""
        if isinstance(self._objective, Part):
            return self._objective.config()
        return type(self._objective).__name__

    def dump(self) -> bytes:
        """The bytes of a checkpoint: all that a fitter made with the same arguments needs to go on from here.

        Returns:
            What `resume` takes.
        """
        return container.dumps(*self._contents())

    def _save_checkpoint(self) -> None:
        """Write over the last one. Raises InrError when it cannot be written; the last one then stays."""
        assert self._checkpoint is not None
        container.write(self._checkpoint, *self._contents(), force=True)

    def _contents(self) -> tuple[dict[str, Any], list[container.Section]]:
        """Header and sections of a checkpoint."""
        self._parametrisation.write_to(self.field)
        checkpoint = Checkpoint(
            recipe=self._recipe(), progress=self._progress, optimiser=self._optimiser.state(),
            weights=self._snapshot(), best=self._best, teacher=self._teacher.state(),
            parametrisation=self._parametrisation.state(),
            objective=self._objective.state() if isinstance(self._objective, Stateful) else {},
        )  # fmt: skip
        return checkpoint_contents(self.field, checkpoint)

    def _saved(self, resume: bool | bytes) -> Checkpoint:
        """What is to be resumed."""
        if not isinstance(resume, bool):
            contents = container.loads(resume, max_bytes=max(MAX_FILE_BYTES, len(resume)))
            return read_checkpoint(contents, "what is resumed")
        if self._checkpoint is None:
            raise InrError("resuming needs the checkpoint to resume from")
        return load_checkpoint(self._checkpoint)

    def _resume(self, saved: Checkpoint) -> None:
        if self.setup.batch is None:  # another version or machine may have chosen another
            self.batch = saved.recipe["batch"]
            self.steps = self._planned_steps()
        if not self.steps:
            self.steps = saved.recipe["steps"]
        if self.setup.learning_rate == "auto" and saved.recipe.get("learning_rate") == "auto":
            self._learning_rates = dict(saved.recipe["rates"])
            self._probe = None
        ours = self._recipe()
        differing = [key for key in {**ours, **saved.recipe} if ours.get(key) != saved.recipe.get(key)]
        if differing:
            raise InrError(
                f"{self._checkpoint or 'the checkpoint'} is of another fit: its {', '.join(differing)} differ; "
                "give the same settings, or start without --resume"
            )
        self._return_to(saved.weights)
        self._parametrisation.restore(saved.parametrisation)
        if isinstance(self._objective, Stateful):
            self._objective.restore(saved.objective)
        self._optimiser.restore(saved.optimiser)
        self._progress = saved.progress
        self._best = saved.best
        self._taught = saved.teacher


def _decibels(error: float) -> float:
    """PSNR of normalised values, which span 2; not a number where there is no error to tell it by."""
    return 10 * math.log10(4 / error) if error > 0 else math.nan
