"""Leases, fencing, and what happens where a worker, or the power, goes away."""

import pytest

import inr
from inr.serving.queue import NewJob, Progress, Queue
from inr.serving.store import Store

RESULT = {"result_sha256": "c" * 64, "result_bytes": 20, "metrics": {"psnr": 40.0}, "seconds": 2.0}


@pytest.fixture
def job(queue, ada):
    return queue.submit(ada, NewJob("fit", "cat")).job.id


def states(queue, job):
    return [event.data["state"] for event in queue.events(0, jobs=[job])]


def test_a_job_is_claimed_once_and_ends_once(queue, ada, job, clock):
    (claim,) = queue.claim("w")
    assert (claim.job.id, claim.job.state, claim.job.attempt, claim.job.started) == (job, "running", 1, clock.now)
    assert queue.claim("v") == []
    clock.now += 2
    assert queue.finish(claim, **RESULT)
    done = queue.job(job)
    assert (done.state, done.ended, done.seconds, done.metrics) == ("done", clock.now, 2.0, {"psnr": 40.0})
    assert (done.result_sha256, done.result_bytes) == ("c" * 64, 20)
    assert queue.user(ada).used_seconds == 2.0
    assert not queue.finish(claim, **RESULT)
    assert not queue.fail(claim, {}, 1.0)
    assert queue.beat(claim) == "lost"
    assert queue.user(ada).used_seconds == 2.0
    assert states(queue, job) == ["queued", "running", "done"]


def test_beats_hold_a_lease(queue, job, clock):
    (claim,) = queue.claim("w")
    for _ in range(9):
        clock.now += 9.9
        assert queue.beat(claim) == "go on"
        assert queue.claim("v") == []
    clock.now += 10
    (again,) = queue.claim("v")
    assert (again.job.id, again.job.attempt, again.job.crashes) == (job, 2, 1)


def test_a_worker_woken_late_is_refused(queue, ada, job, clock):
    (late,) = queue.claim("w")
    queue.plan(late, threads=1, engine="cpu", horizon=300)
    queue.checkpointed(late, 100)
    clock.now += 10
    (claim,) = queue.claim("v")
    assert claim.resumes
    before, seq = queue.job(job), queue.last_seq()
    assert queue.beat(late, Progress(step=200)) == "lost"
    assert not queue.plan(late, threads=2, engine="eager", horizon=1)
    assert not queue.checkpointed(late, 200)
    assert not queue.finish(late, **RESULT)
    assert not queue.fail(late, {}, 1.0)
    assert not queue.release(late)
    assert not queue.cancelled(late)
    assert queue.job(job) == before
    assert queue.last_seq() == seq
    assert queue.progress(job) is None
    assert queue.user(ada).used_seconds == 0.0
    assert queue.finish(claim, **RESULT)
    assert states(queue, job) == ["queued", "running", "queued", "running", "done"]


def test_a_late_worker_that_nobody_replaced_goes_on(queue, job, clock):
    (claim,) = queue.claim("w")
    clock.now += 60
    assert queue.beat(claim) == "go on"
    assert queue.claim("v") == []
    assert queue.finish(claim, **RESULT)


def test_a_job_that_workers_die_of_fails_on_the_third(queue, ada, job, clock):
    for crashes in range(3):
        (claim,) = queue.claim("w")
        assert (claim.job.id, claim.job.crashes) == (job, crashes)
        clock.now += 5
        queue.beat(claim)
        clock.now += 10
    other = queue.submit(ada, NewJob("fit", "dog")).job.id
    assert [claim.job.id for claim in queue.claim("w")] == [other]
    failed = queue.job(job)
    assert (failed.state, failed.crashes, failed.attempt) == ("failed", 3, 3)
    assert failed.problem["type"] == "/problems/crash-loop"
    told = "3 workers died while they worked on this job; try a smaller signal or other options"
    assert failed.problem["detail"] == told
    assert failed.seconds == 15.0  # up to the last beat of each
    assert queue.user(ada).used_seconds == 15.0
    assert queue.events(0, jobs=[job])[-1].data == {"state": "failed", "problem": failed.problem}


def test_a_job_that_is_tried_again_may_crash_as_often_again(queue, ada, job, clock):
    for _ in range(3):
        queue.claim("w")
        queue.forget("w")
    queue.expire()
    queue.retry(job, ada)
    for crashes in range(3):
        assert [claim.job.crashes for claim in queue.claim("w")] == [crashes]
        queue.forget("w")
    assert queue.claim("w") == []
    assert queue.job(job).state == "failed"


def test_the_limit_of_crashes_is_chosen(folder, clock):
    queue = Queue(folder, clock=clock, max_crashes=1, lease=3.0)
    job = queue.submit(queue.add_user("Ada")[0].id, NewJob("fit", "cat")).job.id
    queue.claim("w")
    clock.now += 3
    assert queue.claim("w") == []
    assert queue.job(job).state == "failed"
    queue.close()


def test_a_worker_known_to_be_dead_is_not_waited_for(queue, ada, job, clock):
    queue.submit(ada, NewJob("fit", "dog"))
    queue.register("w", "here", 7, 1)
    queue.register("v", "here", 8, 2)
    assert [(worker.id, worker.host, worker.pid, worker.slots) for worker in queue.workers()] == [
        ("w", "here", 7, 1), ("v", "here", 8, 2),
    ]  # fmt: skip
    (dead,), (alive,) = queue.claim("w"), queue.claim("v")
    queue.forget("w")
    assert [worker.id for worker in queue.workers()] == ["v"]
    (again,) = queue.claim("u")
    assert (again.job.id, again.job.crashes) == (dead.job.id, 1)
    assert queue.beat(alive) == "go on"
    clock.now += 10
    assert queue.workers() == []
    queue.worker_beat("v")
    assert [worker.id for worker in queue.workers()] == ["v"]


@pytest.mark.parametrize("over", ["cancelled", "finished", "failed", "released", "died"])
def test_however_a_job_ends_that_was_to_be_cancelled_it_is_cancelled(queue, ada, job, clock, over):
    (claim,) = queue.claim("w")
    queue.cancel(job, ada)
    assert queue.claim("v") == []
    clock.now += 4
    if over == "cancelled":
        assert queue.cancelled(claim)
    elif over == "finished":
        assert queue.finish(claim, **RESULT)
    elif over == "failed":
        assert queue.fail(claim, {"type": "/problems/diverged"}, 2.0)
    elif over == "released":
        assert queue.release(claim)
    else:
        clock.now += 6
        queue.expire()
    found = queue.job(job)
    made = RESULT["result_sha256"] if over == "finished" else None  # the best that it had
    assert (found.state, found.result_sha256, found.problem, found.ended) == ("cancelled", made, None, clock.now)
    assert found.crashes == 0
    assert states(queue, job) == ["queued", "running", "cancelling", "cancelled"]


def test_a_worker_that_stops_gives_back_what_it_has(queue, ada, job, clock):
    (claim,) = queue.claim("w")
    clock.now += 3
    assert queue.release(claim)
    found = queue.job(job)
    assert (found.state, found.crashes, found.seconds, found.ended) == ("queued", 0, 3.0, None)
    (again,) = queue.claim("w")
    queue.pause(job, ada)
    assert queue.release(again)
    assert queue.job(job).state == "paused"


def test_a_worker_that_dies_of_a_job_that_was_to_pause(queue, ada, job, clock):
    queue.claim("w")
    queue.pause(job, ada)
    clock.now += 10
    queue.expire()
    found = queue.job(job)
    assert (found.state, found.crashes, found.pausing) == ("paused", 1, False)


def test_a_full_disk_stops_claims_for_a_minute_and_loses_nothing(queue, ada, job, clock):
    (claim,) = queue.claim("w")
    queue.submit(ada, NewJob("fit", "dog"))
    queue.hold(30, "the disk is full")
    assert queue.release(claim, not_before=clock.now + 60)
    assert queue.held() == "the disk is full"
    assert queue.claim("w") == []
    clock.now += 30
    assert queue.held() is None
    assert [claim.job.name for claim in queue.claim("w")] == ["dog"]
    assert queue.claim("w") == []
    clock.now += 30
    (again,) = queue.claim("w")
    assert (again.job.id, again.job.crashes) == (job, 0)


def test_what_a_job_was_run_with_stays(queue, job, clock):
    (claim,) = queue.claim("w")
    assert claim.job.inr_version is None
    assert queue.plan(claim, threads=2, engine="cpu", horizon=512)
    assert queue.checkpointed(claim, 64)
    clock.now += 10
    (again,) = queue.claim("v")
    found = again.job
    assert (found.threads, found.engine, found.horizon, found.checkpoint_step) == (2, "cpu", 512, 64)
    assert found.inr_version == inr.__version__
    assert again.resumes


def test_progress_is_what_the_worker_told_last(queue, job, clock):
    assert queue.progress(job) is None
    (claim,) = queue.claim("w")
    told = Progress(step=10, steps=300, seconds=0.5, psnr=21.5, loss=1e-3, stage="fitting", curve=[[0.1, 18.0]],
                    preview=2)  # fmt: skip
    queue.beat(claim, told)
    assert queue.progress(job) == told
    queue.beat(claim)
    assert queue.progress(job) == told
    clock.now += 10
    queue.claim("v")  # begins anew, for there is no checkpoint
    assert queue.progress(job) is None


def test_every_new_preview_is_told_once_in_each_attempt(queue, job):
    for _ in range(2):
        (claim,) = queue.claim("w")
        for preview in (0, 1, 1, 2):
            queue.beat(claim, Progress(step=1, preview=preview))
        queue.beat(claim)
        queue.release(claim)
    told = [event.data["preview"] for event in queue.events(0) if event.kind == "preview"]
    assert told == [1, 2, 1, 2]


def test_a_worker_is_paid_up_to_its_last_sign_of_life(queue, ada, clock):
    jobs = small(queue, ada, 2)
    _, claim = queue.claim("w", limit=2)
    clock.now += 5
    queue.plan(claim, threads=1, engine="cpu", horizon=9)
    clock.now += 3
    queue.checkpointed(claim, 4)
    clock.now += 10
    queue.expire()
    assert [queue.job(job).seconds for job in jobs] == [0.0, 3.0]


def small(queue, user, count, **options):
    signal = queue.add_signal(user, name="s").id
    queue.signal_ready(signal, "image", {"size": 4096, "shape": [64, 64], "channels": 3}, "b" * 64)
    jobs = [NewJob("fit", "s", signal=signal, options={"steps": 300, "seed": seed, **options}) for seed in range(count)]
    return [made.job.id for made in queue.submit_many(user, jobs, None)]


def test_of_several_claimed_together_the_one_that_was_begun_is_to_blame(queue, ada, clock):
    jobs = small(queue, ada, 4)
    claims = queue.claim("w", limit=16)
    assert [claim.job.id for claim in claims] == jobs
    assert len({claim.token for claim in claims}) == 4
    queue.finish(claims[0], **RESULT)
    queue.beat(claims[1], Progress(step=1))
    for claim in claims[2:]:
        queue.beat(claim)
    clock.now += 10
    again = queue.claim("w", limit=16)
    assert [(claim.job.id, claim.job.crashes) for claim in again] == [(jobs[1], 1)]  # alone, for a worker died of it
    rest = queue.claim("v", limit=16)
    assert [(claim.job.id, claim.job.crashes) for claim in rest] == [(jobs[2], 0), (jobs[3], 0)]


def test_a_poisonous_job_among_small_ones_fails_alone(queue, ada, clock):
    jobs = small(queue, ada, 6)
    done = set()
    for _ in range(40):
        for claim in queue.claim("w", limit=16):
            if claim.job.id == jobs[3]:  # kills its worker before it has told of anything
                clock.now += 10
                break
            queue.beat(claim, Progress(step=1))
            assert queue.finish(claim, **RESULT)
            done.add(claim.job.id)
    assert done == set(jobs) - {jobs[3]}
    assert [(queue.job(job).state, queue.job(job).crashes) for job in jobs] == [
        ("done", 0), ("done", 0), ("done", 0), ("failed", 3), ("done", 0), ("done", 0),
    ]  # fmt: skip


def test_a_worker_killed_between_the_blob_and_the_commit_is_repeated_with_the_same_bytes(queue, folder, job, clock):
    store = Store(folder)
    queue.claim("w")
    sha256, _ = store.put(b"field")  # and then it is killed
    clock.now += 10
    (claim,) = queue.claim("v")
    assert store.put(b"field") == (sha256, 5)
    assert queue.finish(claim, result_sha256=sha256, result_bytes=5, metrics={}, seconds=1.0)
    assert queue.job(job).result_sha256 == sha256
    assert store.sweep(queue.referenced_blobs(), older_than=0) == []


def test_workers_go_on_without_a_server(folder, clock):
    server, worker = Queue(folder, clock=clock), Queue(folder, clock=clock)
    job = server.submit(server.add_user("Ada")[0].id, NewJob("fit", "cat")).job.id
    (claim,) = worker.claim("w")
    server.close()
    assert worker.beat(claim, Progress(step=9)) == "go on"
    assert worker.finish(claim, **RESULT)
    server = Queue(folder, clock=clock)
    assert server.job(job).state == "done"
    assert [event.kind for event in server.events(2)] == ["end"]
    worker.close()
    server.close()
