"""The queue in plain Python: what every call does to jobs and users, without databases, processes or indices."""

import math
from dataclasses import dataclass, field

ENDED = ("done", "failed", "cancelled")
LEASE, MAX_CRASHES, FIRST_GUESS = 10.0, 3, 0.5


@dataclass
class ModelUser:
    weight: float
    running: int  # how many may run at once; 0 is any number
    turn: float = 0.0
    used: float = 0.0
    mean: float = FIRST_GUESS


@dataclass
class ModelJob:
    user: str
    alike: str | None
    priority: int
    state: str = "queued"
    pausing: bool = False
    stopping: bool = False
    attempt: int = 0
    crashes: int = 0
    checkpoint: int | None = None
    not_before: float = 0.0
    seconds: float = 0.0
    result: str | None = None
    token: str | None = None
    owner: str | None = None
    until: float = 0.0
    beat: float = 0.0
    begun: float | None = None
    told: list[str] = field(default_factory=lambda: ["queued"])

    def to(self, state: str) -> None:
        self.state = state
        self.told.append(state)
        if state not in ("running", "cancelling"):
            self.token = self.owner = self.begun = None
            self.pausing = False
        if state == "paused" or state in ENDED:
            self.stopping = False


class Model:
    """All users and jobs, by id; ids sort by age."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.users: dict[str, ModelUser] = {}
        self.jobs: dict[str, ModelJob] = {}
        self.held_until = 0.0

    def of(self, user: str, *states: str) -> list[ModelJob]:
        return [job for job in self.jobs.values() if job.user == user and job.state in states]

    # fair turns

    def arrive(self, user: str) -> None:
        here = [other for other in self.users if self.of(other, "queued", "running", "cancelling")]
        if user not in here:
            turns = [each.turn for each in self.users.values()]
            least = min((self.users[other].turn for other in here), default=max(turns))
            self.users[user].turn = max(self.users[user].turn, least)
            for job in self.jobs.values():
                if job.state == "running" and job.begun is None:
                    job.to("paused" if job.pausing else "queued")

    def score(self, user: str) -> float:
        this = self.users[user]
        busy = [
            max(self.now - (self.now if job.begun is None else job.begun), this.mean)
            for job in self.of(user, "running", "cancelling")
        ]
        return this.turn + sum(busy) / this.weight

    def candidates(self) -> list[str]:
        """The jobs that may be next: those of the users with the least score, which rounding may make several."""
        first: dict[str, str] = {}
        for user, this in self.users.items():
            ready = [
                (-job.priority, id)
                for id, job in self.jobs.items()
                if job.user == user and job.state == "queued" and job.not_before <= self.now
            ]
            allowed = this.running or math.inf
            if ready and len(self.of(user, "running", "cancelling")) < allowed:
                first[user] = min(ready)[1]
        least = min((self.score(user) for user in first), default=0.0)
        return [job for user, job in first.items() if self.score(user) <= least + 1e-9]

    def charge(self, job: ModelJob, seconds: float) -> None:
        job.seconds += seconds
        self.users[job.user].used += seconds
        self.users[job.user].turn += seconds / self.users[job.user].weight

    # workers

    def end_leases(self) -> None:
        for job in self.jobs.values():
            if job.token is None or job.until > self.now:
                continue
            if job.begun is not None:
                self.charge(job, job.beat - job.begun)
            if job.state == "cancelling":
                job.to("cancelled")
                continue
            job.crashes += job.begun is not None
            if job.crashes >= MAX_CRASHES:
                job.to("failed")
            else:
                job.to("paused" if job.pausing else "queued")

    def share(self, job: ModelJob, limit: int) -> int:
        if job.alike is None or job.crashes or job.stopping:
            return 1
        waiting = sum(each.state == "queued" for each in self.jobs.values())
        return max(1, min(limit, 16, waiting, int(8.0 / max(self.users[job.user].mean, 1e-3))))

    def lease(self, id: str, token: str, owner: str, *, first: bool) -> None:
        job = self.jobs[id]
        job.to("running")
        job.attempt += 1
        job.token, job.owner, job.until, job.beat = token, owner, self.now + LEASE, self.now
        job.begun = self.now if first else None
        if job.stopping:
            job.to("cancelling")

    def held_by(self, id: str, token: str) -> ModelJob | None:
        job = self.jobs.get(id)
        return job if job is not None and job.token == token else None

    def beat(self, id: str, token: str, *, progress: bool) -> str:
        job = self.held_by(id, token)
        if job is None:
            return "lost"
        job.until, job.beat = self.now + LEASE, self.now
        if progress and job.begun is None:
            job.begun = self.now
        return "cancel" if job.state == "cancelling" else "pause" if job.pausing else "go on"

    def end(self, id: str, token: str, to: str, seconds: float | None = None) -> ModelJob | None:
        job = self.held_by(id, token)
        if job is None:
            return None
        if seconds is None:
            seconds = 0.0 if job.begun is None else self.now - job.begun
        self.charge(job, seconds)
        job.to("cancelled" if job.state == "cancelling" else to)
        return job

    # owners

    def step(self, step: str, id: str) -> bool:
        """Whether a job's state has such a step, which is then taken."""
        job = self.jobs[id]
        if step == "cancel" and job.state in ("queued", "paused"):
            if job.checkpoint and not job.stopping:
                if job.state == "paused":
                    self.arrive(job.user)
                job.to("queued")
                job.stopping = True
                job.told[-1] = "cancelling"
            else:
                job.to("cancelled")
        elif step == "cancel" and job.state == "running":
            job.pausing = False
            job.to("cancelling")
        elif step == "pause" and job.state == "queued":
            job.to("paused")
        elif step in ("pause", "resume") and job.state == "running" and (step == "pause" or job.pausing):
            job.pausing = step == "pause"
        elif step == "resume" and job.state == "paused":
            self.arrive(job.user)
            job.to("queued")
        elif step == "retry" and job.state == "failed":
            self.arrive(job.user)
            job.crashes, job.not_before = 0, 0.0
            job.to("queued")
        else:
            return (step, job.state) in (("cancel", "cancelling"), ("pause", "paused"))
        return True
