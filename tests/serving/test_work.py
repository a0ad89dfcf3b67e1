"""Workers: what they make is what the library makes, and whatever interrupts them costs nothing."""

from pathlib import Path

import pytest

import inr
from inr.serving import DiskFull
from inr.serving.queue import Claim, Queue
from inr.serving.store import Store
from inr.serving.work import Worker
from inr.serving.work import _worker as worker_module
from inr.serving.work._heart import Heart
from inr.serving.work._kinds import Input, run_job
from inr.serving.work._task import Interrupted, Task
from tests.serving.served import QUICK, Service, picture


@pytest.fixture
def service(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_module, "warm_up", lambda: None)
    monkeypatch.setattr(worker_module.torch, "set_num_threads", lambda count: None)  # of the other tests
    service = Service(tmp_path / "service")
    yield service
    service.queue.close()


def saved(field: inr.Field, tmp_path: Path) -> bytes:
    field.save(tmp_path / "own.inr", force=True)
    return (tmp_path / "own.inr").read_bytes()


@pytest.mark.parametrize("kept", [{"exact": True}, {"bytes": 700}, {"half": True}, {"samples": True}])
def test_a_served_fit_is_the_one_of_the_library(service, tmp_path, kept):
    setup = {} if kept == {"samples": True} else {**QUICK, "steps": 12}
    job = service.submit(**setup, **kept)
    assert service.work() == 1
    coding = next((name for name in ("exact", "half", "samples") if name in kept), None)
    own = inr.fit(picture(), **setup, coding=coding, bytes=kept.get("bytes"))
    assert service.data(job) == saved(own, tmp_path)
    done = service.job(job)
    assert done.state == "done"
    assert done.metrics["rmse"] == pytest.approx(own.metrics["rmse"])
    assert done.metrics["bytes"] == done.result_bytes == len(service.data(job))
    assert done.metrics["lossless_bytes"] == 500
    assert done.metrics["steps"] == setup.get("steps", 0)
    assert done.metrics["shape"] == [12, 16]
    assert (service.folder / "jobs" / job / "preview.webp").is_file()


def test_a_long_fit_says_what_holds_it_back(service, monkeypatch):
    setup = {**QUICK, "steps": 12, "lr": 1.0, "exact": True}  # a rate at which nothing is learned
    short = service.submit(**setup)
    service.work()
    assert service.job(short).metrics["verdict"] is None  # it took less than an explanation is worth
    monkeypatch.setattr("inr.serving.work._verdict.LEAST_SECONDS", 0.0)
    long = service.submit(**setup)
    service.work()
    first, *_ = service.job(long).metrics["verdict"]
    assert first.keys() == {"sentence", "changed", "expected"}
    assert "stuck" in first["sentence"] or "never settled" in first["sentence"]
    assert first["changed"].startswith("--lr")
    assert service.data(long) == service.data(short)


def test_a_closed_form_takes_no_steps(service, tmp_path):
    job = service.submit(solver="closed-form", exact=True)
    service.work()
    assert service.job(job).metrics["reason"] == "solved"
    assert inr.load(service.store.path(service.job(job).result_sha256)).config()["network"]["name"] == "kronecker"


def test_compressing_is_that_of_the_library(service):
    job = service.submit("compress", codec="coin", bytes=150, steps=5, engine="eager")
    service.work()
    assert service.data(job) == inr.compress(picture(), codec="coin", bytes=150, steps=5, engine="eager")
    assert service.job(job).metrics["psnr"] > 0


@pytest.mark.long
def test_a_picture_is_compressed_by_latents_with_previews(service, monkeypatch):
    monkeypatch.setattr("inr.serving.work._previews._FIRST", 0.0)
    monkeypatch.setattr("inr.serving.work._previews._SHORTEST", 0.0)
    options = {"codec": "latent:preset=lop", "quality": 50.0, "steps": 60, "engine": "cpu:threads=1"}
    job = service.submit("compress", **options)
    service.work()
    assert service.data(job) == inr.compress(picture(), **options)
    assert service.job(job).metrics["psnr"] > 5


@pytest.mark.long
def test_a_field_is_recompressed_against_its_own_signal(service):
    fitted = service.submit(**QUICK, steps=5, exact=True)
    service.work()
    job = service.submit("recompress", field=fitted, bytes=400, steps=2, engine="eager")
    service.work()
    field = inr.load(service.store.path(service.job(fitted).result_sha256))
    own = inr.compression.recompress(field, signal=picture(), bytes=400, steps=2, engine="eager")
    assert service.data(job) == own.data


@pytest.mark.long
def test_a_sweep_gives_its_best_field_and_a_table(service):
    job = service.submit("sweep", activations=["sine", "relu"], encodings="identity", steps=3, engine="eager")
    service.work()
    done = service.job(job)
    assert done.state == "done"
    rows = done.metrics["rows"]
    assert [row["psnr"] for row in rows] == sorted((row["psnr"] for row in rows), reverse=True)
    assert done.metrics["psnr"] == rows[0]["psnr"]
    assert len(rows) == 2


class Asking(Task):
    """A task that is asked to end at some event."""

    def __init__(self, service: Service, claim: Claim, reason: str, event: int) -> None:
        super().__init__(service.queue, claim, service.folder)
        self._left, self._why = event, reason

    def tell(self, event):
        super().tell(event)
        self._left -= 1
        if self._left == 0:
            self.ask(self._why)


LONG = {
    "fit": {**QUICK, "steps": 30, "bytes": 700},
    "compress": {"codec": "coin", "bytes": 150, "steps": 20, "engine": "eager"},
    "sweep": {"activations": ["sine", "relu"], "encodings": "identity", "steps": 4, "engine": "eager"},
}


@pytest.mark.parametrize("reason", ["pause", "drain"])
@pytest.mark.parametrize("kind", ["fit", "compress"])
def test_what_is_interrupted_goes_on_bit_for_bit(service, kind, reason):
    undisturbed = service.submit(kind, **LONG[kind])
    service.work()
    job = service.submit(kind, **LONG[kind])
    (claim,) = service.queue.claim("first")
    task = Asking(service, claim, reason, 12)
    given = Input(picture(), None)
    with pytest.raises(Interrupted, match=reason):
        run_job(task, given)
    assert task.checkpoint.exists()
    task.leave()
    assert service.job(job).state == "queued"
    assert service.job(job).checkpoint_step == task.progress().step
    (claim,) = service.queue.claim("second")
    assert claim.resumes
    again = Task(service.queue, claim, service.folder)
    made = run_job(again, given)
    assert made.data == service.data(undisturbed)


def test_a_checkpoint_of_another_version_is_not_gone_on_with(service, monkeypatch):
    undisturbed = service.submit(**LONG["fit"])
    service.work()
    service.submit(**LONG["fit"])
    (claim,) = service.queue.claim("first")
    task = Asking(service, claim, "drain", 12)
    with pytest.raises(Interrupted):
        run_job(task, Input(picture()))
    task.leave()
    monkeypatch.setattr("inr.serving.work._kinds.__version__", "0.0.1")
    (claim,) = service.queue.claim("second")
    steps = []
    again = Task(service.queue, claim, service.folder)
    monkeypatch.setattr(again, "tell", lambda event: steps.append(event.step))
    made = run_job(again, Input(picture()))
    assert steps[0] == 0
    assert made.data == service.data(undisturbed)


def test_the_horizon_of_seconds_is_measured_once(service):
    job = service.submit(**QUICK, seconds=0.3, exact=True)
    (claim,) = service.queue.claim("first")

    class Dying(Task):
        def tell(self, event):
            if event.step == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(Dying(service.queue, claim, service.folder), Input(picture()))
    service.queue.forget("first")
    horizon = service.job(job).horizon
    assert horizon > 1
    service.work()
    assert service.job(job).horizon == horizon


def test_jobs_that_cannot_be_done_fail_with_a_reason_and_cost_nothing_else(service, monkeypatch):
    wide = service.submit(encoding="fourier:sigma=3", network="bacon", activation="relu", engine="eager", steps=3)
    wild = service.submit(**{**QUICK, "activation": "sine:omega=1e30"}, steps=3, lr=1e30, exact=True)
    fine = service.submit(**QUICK, steps=3, exact=True)
    assert service.work() == 3
    assert service.job(wide).problem["type"] == "/problems/bad-option"
    assert "reads encoding=identity only" in service.job(wide).problem["detail"]
    assert service.job(wild).problem["type"] == "/problems/diverged"
    assert "not finite" in service.job(wild).problem["detail"] or "stopped being" in service.job(wild).problem["detail"]
    assert service.job(fine).state == "done"


@pytest.mark.parametrize(
    ("error", "kind"),
    [(MemoryError(), "memory"), (RuntimeError("cannot allocate 9 GB"), "memory"), (ZeroDivisionError(), "internal")],
)
def test_errors_of_a_worker_are_problems(service, monkeypatch, error, kind):
    def broken(*args, **kwargs):
        raise error

    job = service.submit(**QUICK, steps=3, exact=True)
    monkeypatch.setattr(worker_module, "run_job", broken)
    service.work()
    assert service.job(job).state == "failed"
    assert service.job(job).problem["type"] == f"/problems/{kind}"


def test_a_full_disk_costs_a_minute(service, monkeypatch):
    def full(self, data):
        raise DiskFull("the disk is full")

    job = service.submit(**QUICK, steps=3, exact=True)
    monkeypatch.setattr(Store, "put", full)
    service.work()
    waiting = service.job(job)
    assert waiting.state == "queued"
    assert waiting.crashes == 0
    assert waiting.not_before > waiting.created + 50
    assert service.queue.held() == "the disk is full"


def test_a_disk_that_is_too_full_to_say_so_costs_no_more(service, monkeypatch):
    """The queue cannot be written to, for a while: the worker lives on, and the job is not blamed."""
    said = {"put": 1, "claim": 2, "release": 2, "hold": 2}

    def full(kind, name):
        method = getattr(kind, name)

        def first_full(*args, **kwargs):
            said[name] -= 1
            if said[name] >= 0:
                raise DiskFull("the disk is full")
            return method(*args, **kwargs)

        monkeypatch.setattr(kind, name, first_full)

    job = service.submit(**QUICK, steps=3, exact=True)
    full(Store, "put")
    for name in ("claim", "release", "hold"):
        full(Queue, name)
    monkeypatch.setattr(worker_module, "_LONGEST_IDLE", 0.01)
    assert [service.work() for _ in range(3)] == [0, 0, 1]
    waiting = service.job(job)
    assert (waiting.state, waiting.crashes, waiting.not_before > waiting.created + 50) == ("queued", 0, True)
    assert service.queue.held() == "the disk is full"


def test_little_room_stops_claims(service, monkeypatch):
    job = service.submit(**QUICK, steps=3)
    assert Worker(service.folder, memory=1 << 40, reserve=1 << 60).run(until_empty=True) == 0
    assert service.job(job).state == "queued"
    assert service.queue.held() == "the disk is nearly full"


def test_a_worker_that_wakes_late_changes_nothing(service):
    job = service.submit(**QUICK, steps=3, exact=True)
    (late,) = service.queue.claim("late")
    service.queue.forget("late")
    assert service.work() == 1
    before = service.job(job)
    task = Task(service.queue, late, service.folder)
    assert service.queue.beat(late, task.progress()) == "lost"
    with pytest.raises(Interrupted, match="lost"):
        run_job(task, Input(picture()))
    task.leave()
    assert service.job(job) == before


@pytest.mark.parametrize("kind", ["fit", "compress"])
def test_a_job_that_is_cancelled_while_it_learns_gives_its_best(service, tmp_path, kind):
    service.submit(kind, **LONG[kind])
    (claim,) = service.queue.claim("first")
    outcome = run_job(Asking(service, claim, "cancel", 5), Input(picture()))
    assert 0 < outcome.metrics["steps"] < LONG[kind]["steps"]
    (tmp_path / "best.inr").write_bytes(outcome.data)
    assert inr.load(tmp_path / "best.inr").render().shape == (12, 16, 3)


@pytest.mark.parametrize("kind", ["fit", "compress"])
def test_a_job_that_is_cancelled_while_it_waits_to_go_on_gives_what_it_has(service, kind):
    job = service.submit(kind, **LONG[kind])
    (claim,) = service.queue.claim("first")
    task = Asking(service, claim, "pause", 12)
    with pytest.raises(Interrupted):
        run_job(task, Input(picture()))
    service.queue.pause(job, None)
    task.leave()
    assert service.job(job).state == "paused"
    assert service.queue.cancel(job, None).stopping
    service.work()
    found = service.job(job)
    assert found.state == "cancelled"
    if kind == "fit":
        assert found.metrics["steps"] == found.checkpoint_step + 1
    assert len(service.data(job)) == found.result_bytes


def test_a_job_whose_checkpoint_is_gone_leaves_nothing_when_it_is_cancelled(service):
    job = service.submit(**LONG["fit"])
    (claim,) = service.queue.claim("first")
    task = Asking(service, claim, "drain", 12)
    with pytest.raises(Interrupted):
        run_job(task, Input(picture()))
    task.leave()
    service.queue.cancel(job, None)
    task.checkpoint.unlink()
    service.work()
    assert (service.job(job).state, service.job(job).result_sha256) == ("cancelled", None)


def test_a_job_that_is_cancelled_before_it_learns_leaves_nothing(service):
    job = service.submit(**QUICK, steps=10, exact=True)
    (claim,) = service.queue.claim("first")
    service.queue.cancel(job, None)
    assert service.queue.beat(claim) == "cancel"
    task = Task(service.queue, claim, service.folder)
    task.ask("cancel")
    with pytest.raises(Interrupted):
        run_job(task, Input(picture()))
    task.leave()
    assert service.job(job).state == "cancelled"
    assert service.job(job).result_sha256 is None


@pytest.mark.parametrize(("reason", "kind"), [("timeout", "timeout"), ("memory", "memory")])
def test_a_job_that_takes_too_much_fails(service, reason, kind):
    job = service.submit(**QUICK, steps=10, exact=True)
    (claim,) = service.queue.claim("first")
    task = Task(service.queue, claim, service.folder, seconds=0.0 if reason == "timeout" else 1e9)
    if reason == "memory":
        task.ask("memory")
    with pytest.raises(Interrupted):
        task.check()
    task.leave()
    assert service.job(job).problem["type"] == f"/problems/{kind}"


def test_what_was_claimed_and_not_begun_goes_back(service):
    jobs = [service.submit(**QUICK, steps=3, exact=True, seed=seed) for seed in range(1, 4)]
    claims = [claim for _ in jobs for claim in service.queue.claim("first")]
    heart = Heart(service.queue, "first", 1 << 40)
    heart.hold(claims)
    first = Task(service.queue, claims[0], service.folder)
    assert heart.begin(first)
    assert not heart.begin(first)
    heart.drain()
    assert first.reason == "drain"
    heart.end()
    assert heart.stop() == claims[1:]


def test_a_curve_has_at_most_so_many_points(service):
    service.submit(**QUICK, steps=3)
    (claim,) = service.queue.claim("first")
    task = Task(service.queue, claim, service.folder)
    event = inr.Event("step", 1, 5000, 0.5, 20.0, 0.0, 1e-3, "cpu", 1)
    for step in range(5000):
        task.tell(
            inr.Event(
                **{**vars(event), "step": step, "seconds": 0.1 * step, "psnr": float("nan") if step < 2 else 20.0}
            )
        )
    curve = task.progress().curve
    assert 150 <= len(curve) <= 300
    assert curve[0] == [0.2, 20.0]
    assert [seconds for seconds, _ in curve] == sorted(seconds for seconds, _ in curve)
