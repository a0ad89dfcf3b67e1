"""The queue and its model in plain Python, side by side, through whatever hypothesis thinks of."""

import tempfile
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import pytest
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from inr.serving.queue import NewJob, NotFound, Progress, Queue, Quotas, WrongState
from tests.serving.queue_model import ENDED, LEASE, Model, ModelJob, ModelUser

WORKERS = ("w", "v", "u")
# states in which it is worth to ask for a step
SUITED = {
    "cancel": ("queued", "running", "paused"),
    "pause": ("running",),
    "resume": ("paused",),
    "retry": ("failed",),
}

which = st.integers(0, 1000)
seconds = st.sampled_from([0.0, 0.25, 1.0, 7.0])


class QueueMachine(RuleBasedStateMachine):
    """Three users, three workers, and every claim that was ever given, however late."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self.folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        self.model = Model()
        self.queue = Queue(Path(self.folder.name), clock=lambda: self.model.now)
        self.claims: list = []
        self.gone: list = []
        self.signals: dict = {}
        self.keys: dict = {}

    @initialize()
    def users_come(self) -> None:
        for name, weight, running in [("a", 1.0, 0), ("b", 2.0, 3), ("c", 0.5, 1)]:
            user = self.queue.add_user(name, weight=weight, quotas=Quotas(running=running))[0].id
            self.model.users[user] = ModelUser(weight, running)
            self.signals[user] = self.queue.add_signal(user, name="s").id
            self.queue.signal_ready(self.signals[user], "image", {"size": 16, "shape": [4, 4], "channels": 1}, None)

    def teardown(self) -> None:
        self.queue.close()
        self.folder.cleanup()

    def some_user(self, number: int) -> str:
        return list(self.model.users)[number % len(self.model.users)]

    def some_job(self, number: int) -> str:
        return list(self.model.jobs)[number % len(self.model.jobs)]

    def some_claim(self, number: int):
        return self.claims[-1 - number % len(self.claims)]

    @rule(user=which, count=st.integers(1, 3), priority=st.integers(-1, 1), small=st.booleans(), key=st.integers(0, 5))
    def submit(self, user: int, count: int, priority: int, small: bool, key: int) -> None:
        user = self.some_user(user)
        new = NewJob("fit", "x", signal=self.signals[user] if small else None, priority=priority)
        known = self.keys.get((user, key))
        if known is not None:
            if set(known) <= set(self.model.jobs):
                again = self.queue.submit_many(user, [new] * count, None, key=str(key))
                assert [(made.job.id, made.created) for made in again] == [(job, False) for job in known]
            return
        self.model.arrive(user)
        made = self.queue.submit_many(user, [new] * count, None, key=str(key) if key else None)
        if key:
            self.keys[user, key] = [each.job.id for each in made]
        for each in made:
            assert each.created
            assert each.job.id > max(self.model.jobs, default="")
            self.model.jobs[each.job.id] = ModelJob(user, "small" if small else None, priority)

    @rule(worker=st.sampled_from(WORKERS), limit=st.sampled_from([1, 3, 16]))
    def claim(self, worker: str, limit: int) -> None:
        claims = self.queue.claim(worker, limit=limit)
        self.model.end_leases()
        most = 1
        for number, claim in enumerate(claims):
            candidates = self.model.candidates()
            assert claim.job.id in candidates
            job = self.model.jobs[claim.job.id]
            assert claim.resumes == (job.checkpoint is not None)
            if number == 0:
                most = self.model.share(job, limit)
            else:
                assert job.alike is not None
                assert job.crashes == 0
            self.model.lease(claim.job.id, claim.token, worker, first=number == 0)
        candidates = self.model.candidates() if self.model.held_until <= self.model.now else []
        if len(claims) < most and candidates:  # it stopped at one that is not like them
            assert claims
            ahead = [self.model.jobs[id] for id in candidates]
            assert any(job.alike is None or job.crashes or job.stopping for job in ahead)
        assert len(claims) <= most
        self.claims += claims

    @precondition(lambda self: self.claims)
    @rule(claim=which, progress=st.booleans())
    def beat(self, claim: int, progress: bool) -> None:
        claim = self.some_claim(claim)
        told = self.queue.beat(claim, Progress(step=1) if progress else None)
        assert told == self.model.beat(claim.job.id, claim.token, progress=progress)

    @precondition(lambda self: self.claims)
    @rule(claim=which, step=st.integers(0, 300))
    def checkpoint(self, claim: int, step: int) -> None:
        claim = self.some_claim(claim)
        job = self.model.held_by(claim.job.id, claim.token)
        assert self.queue.checkpointed(claim, step) == (job is not None)
        if job is not None:
            job.checkpoint = step
            job.until, job.beat = self.model.now + LEASE, self.model.now
            job.begun = self.model.now if job.begun is None else job.begun

    @precondition(lambda self: self.claims)
    @rule(claim=which, seconds=seconds)
    def finish(self, claim: int, seconds: float) -> None:
        claim = self.some_claim(claim)
        job = self.model.end(claim.job.id, claim.token, "done", seconds)
        done = self.queue.finish(claim, result_sha256=claim.token * 2, result_bytes=1, metrics={}, seconds=seconds)
        assert done == (job is not None)
        if done:
            assert job.result is None  # none is done twice
            job.result = claim.token * 2
        if done and job.state == "done":
            user = self.model.users[job.user]
            user.mean = 0.7 * user.mean + 0.3 * seconds

    @precondition(lambda self: self.claims)
    @rule(claim=which, how=st.sampled_from(["fail", "release", "release later", "cancelled"]), seconds=seconds)
    def give_up(self, claim: int, how: str, seconds: float) -> None:
        claim, model, queue = self.some_claim(claim), self.model, self.queue
        held = model.held_by(claim.job.id, claim.token)
        if how == "fail":
            job = model.end(claim.job.id, claim.token, "failed", seconds)
            accepted = queue.fail(claim, {}, seconds)
        elif how == "cancelled":
            job = model.end(claim.job.id, claim.token, "cancelled")
            accepted = queue.cancelled(claim)
        else:
            later = model.now + 60.0 if how == "release later" else None
            job = model.end(claim.job.id, claim.token, "paused" if held and held.pausing else "queued")
            accepted = queue.release(claim, not_before=later)
            if job is not None and job.state != "cancelled" and later is not None:
                job.not_before = later
        assert accepted == (job is not None)

    @precondition(lambda self: self.model.jobs)
    @rule(job=which, step=st.sampled_from(list(SUITED)), owner=st.integers(0, 9), suited=st.integers(0, 3))
    def ask(self, job: int, step: str, owner: int, suited: int) -> None:
        ids = [id for id, job in self.model.jobs.items() if job.state in SUITED[step]] if suited else []
        id = ids[job % len(ids)] if ids else self.some_job(job)
        if owner == 0:
            other = next(user for user in self.model.users if user != self.model.jobs[id].user)
            with pytest.raises(NotFound):
                getattr(self.queue, step)(id, other)
        elif self.model.step(step, id):
            assert getattr(self.queue, step)(id, self.model.jobs[id].user).state == self.model.jobs[id].state
        else:
            with pytest.raises(WrongState):
                getattr(self.queue, step)(id, None)

    @precondition(lambda self: self.model.jobs)
    @rule(job=which, priority=st.integers(-2, 2))
    def set_priority(self, job: int, priority: int) -> None:
        id = self.some_job(job)
        if self.model.jobs[id].state in ENDED:
            with pytest.raises(WrongState):
                self.queue.set_priority(id, None, priority)
        else:
            self.queue.set_priority(id, None, priority)
            self.model.jobs[id].priority = priority

    @precondition(lambda self: self.model.jobs)
    @rule(job=which)
    def delete(self, job: int) -> None:
        id = self.some_job(job)
        if self.model.jobs[id].state in ENDED:
            self.queue.delete_job(id, self.model.jobs[id].user)
            del self.model.jobs[id]
            self.gone.append(id)
        else:
            with pytest.raises(WrongState):
                self.queue.delete_job(id, None)

    @rule(seconds=st.sampled_from([0.25, 3.0, 10.0, 10.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.model.now += seconds

    @rule(worker=st.sampled_from(WORKERS))
    def worker_dies(self, worker: str) -> None:
        self.queue.forget(worker)
        for job in self.model.jobs.values():
            if job.owner == worker:
                job.until = min(job.until, self.model.now)

    @rule(worker=st.sampled_from(WORKERS), limit=st.sampled_from([1, 3]))
    def worker_claims_and_dies(self, worker: str, limit: int) -> None:
        self.claim(worker, limit)
        self.worker_dies(worker)

    @rule()
    def expire(self) -> None:
        self.queue.expire()
        self.model.end_leases()

    @rule()
    def disk_fills(self) -> None:
        self.queue.hold(5.0, "full")
        self.model.held_until = self.model.now + 5.0
        assert self.queue.claim("w", limit=16) == []
        self.model.end_leases()

    @invariant()
    def all_jobs_are_as_in_the_model(self) -> None:
        found = {job.id: job for job in self.queue.jobs(None, limit=10_000)[0]}
        assert found.keys() == self.model.jobs.keys()
        for id, expected in self.model.jobs.items():
            job = found[id]
            assert (job.state, job.pausing, job.stopping, job.attempt, job.crashes) == (
                expected.state, expected.pausing, expected.stopping, expected.attempt, expected.crashes,
            )  # fmt: skip
            assert (job.priority, job.checkpoint_step) == (expected.priority, expected.checkpoint)
            assert job.result_sha256 == expected.result
            assert job.seconds == pytest.approx(expected.seconds)

    @invariant()
    def all_is_counted(self) -> None:
        for user, expected in self.model.users.items():
            states = [job.state for job in self.model.jobs.values() if job.user == user]
            assert self.queue.counts(user) == {state: states.count(state) for state in set(states)}
            assert self.queue.user(user).used_seconds == pytest.approx(expected.used)

    @invariant()
    def every_step_was_told(self) -> None:
        told: dict = {}
        for event in self.queue.events(0, limit=100_000):
            assert (event.kind == "end") == (event.data["state"] in ENDED)
            told.setdefault(event.job, []).append(event.data["state"])
        assert told == {id: job.told for id, job in self.model.jobs.items()}


def explore(examples: int, steps: int) -> None:
    settings = hypothesis.settings(max_examples=examples, stateful_step_count=steps)
    run_state_machine_as_test(QueueMachine, settings=settings)


def test_the_queue_does_as_its_model():
    explore(20, 30)


@pytest.mark.long
def test_the_queue_does_as_its_model_for_long():
    explore(200, 60)
