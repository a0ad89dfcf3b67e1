"""Jobs as their owners see them."""

import uuid

import pytest

from inr import InrError
from inr.serving.queue import (
    BadCursor,
    InUse,
    KeyMismatch,
    NewJob,
    NotFound,
    Progress,
    Queue,
    QueueFull,
    QuotaExceeded,
    Quotas,
    WrongState,
)

DAY = 86_400.0
RESULT = {"result_sha256": "c" * 64, "result_bytes": 20, "metrics": {"psnr": 40.0}, "seconds": 2.0}


def in_state(queue, user, state):
    """The id of a new job in a state, and the claim that its worker has or had."""
    job = queue.submit(user, NewJob("fit", state, priority=0 if state == "queued" else 10)).job.id
    if state in ("queued", "paused", "cancelled"):
        if state != "queued":
            (queue.pause if state == "paused" else queue.cancel)(job, user)
        return job, None
    (claim,) = queue.claim("w")
    assert claim.job.id == job
    if state == "cancelling":
        queue.cancel(job, user)
    elif state == "done":
        assert queue.finish(claim, **RESULT)
    elif state == "failed":
        assert queue.fail(claim, {"type": "/problems/diverged"}, 2.0)
    return job, claim


def test_a_job_is_kept_as_it_was_submitted(queue, ada, clock):
    new = NewJob("fit", "cat", options={"psnr": 40.0, "encoding": "grid"}, priority=3, threads=2, engine="cpu",
                 traceparent="00-1-2-01")  # fmt: skip
    job, created = (lambda done: (done.job, done.created))(queue.submit(ada, new))
    assert created
    assert uuid.UUID(job.id).version == 7
    for name in ("kind", "name", "options", "priority", "threads", "engine", "traceparent", "signal", "field"):
        assert getattr(job, name) == getattr(new, name)
    assert (job.user, job.state, job.attempt, job.crashes, job.seconds) == (ada, "queued", 0, 0, 0.0)
    assert (job.created, job.started, job.ended, job.batch, job.pausing) == (clock.now, None, None, None, False)
    assert queue.job(job.id, ada) == job


# where each step leads from each state; None where there is no such step
STEPS = {
    "cancel": {"queued": "cancelled", "running": "cancelling", "cancelling": "cancelling", "paused": "cancelled"},
    "pause": {"queued": "paused", "running": "running", "paused": "paused"},
    "resume": {"paused": "queued"},
    "retry": {"failed": "queued"},
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", ["queued", "running", "cancelling", "paused", "done", "failed", "cancelled"])
def test_every_step_from_every_state(queue, ada, step, state):
    job, _ = in_state(queue, ada, state)
    before = queue.job(job)
    if state in STEPS[step]:
        assert getattr(queue, step)(job, ada).state == STEPS[step][state]
        assert queue.job(job).state == STEPS[step][state]
        return
    seq = queue.last_seq()
    with pytest.raises(WrongState, match=f"the job is {state}; only"):
        getattr(queue, step)(job, ada)
    assert queue.job(job) == before
    assert queue.last_seq() == seq


def test_a_running_job_is_told_to_pause_and_may_be_told_otherwise(queue, ada):
    job, claim = in_state(queue, ada, "running")
    assert queue.beat(claim) == "go on"
    assert queue.pause(job, ada).pausing
    assert queue.beat(claim) == "pause"
    assert not queue.resume(job, ada).pausing
    assert queue.beat(claim) == "go on"
    queue.pause(job, ada)
    queue.cancel(job, ada)
    assert queue.beat(claim) == "cancel"


def test_a_paused_job_goes_on_at_its_checkpoint(queue, ada):
    job, claim = in_state(queue, ada, "running")
    assert not claim.resumes
    queue.plan(claim, threads=2, engine="cpu", horizon=300)
    queue.pause(job, ada)
    assert queue.checkpointed(claim, 120)
    assert queue.release(claim)
    found = queue.job(job)
    assert (found.state, found.pausing, found.checkpoint_step) == ("paused", False, 120)
    assert queue.claim("w") == []
    queue.resume(job, ada)
    (again,) = queue.claim("w")
    assert again.resumes
    assert (again.job.threads, again.job.engine, again.job.horizon, again.job.attempt) == (2, "cpu", 300, 2)
    assert again.token != claim.token


def test_a_failed_job_is_tried_again_from_nothing_held_against_it(queue, ada):
    job, _ = in_state(queue, ada, "failed")
    assert queue.job(job).problem == {"type": "/problems/diverged"}
    found = queue.retry(job, ada)
    assert (found.problem, found.crashes, found.ended, found.attempt, found.seconds) == (None, 0, None, 1, 2.0)


def test_a_failed_job_is_not_tried_again_without_its_signal(queue, ada):
    signal = queue.add_signal(ada, name="cat").id
    queue.signal_ready(signal, "image", {}, "b" * 64)
    job = queue.submit(ada, NewJob("fit", "cat", signal=signal)).job.id
    queue.fail(queue.claim("w")[0], {}, 1.0)
    queue.delete_signal(signal, ada)
    with pytest.raises(NotFound, match=f"there is no signal {signal}"):
        queue.retry(job, ada)
    assert queue.job(job).state == "failed"


def test_a_key_gives_the_same_job_for_a_day(queue, ada, bob, clock):
    first = queue.submit(ada, NewJob("fit", "cat"), key="k", body_hash="1")
    again = queue.submit(ada, NewJob("fit", "cat"), key="k", body_hash="1")
    assert (first.created, again.created) == (True, False)
    assert again.job == first.job
    assert queue.submit(bob, NewJob("fit", "cat"), key="k", body_hash="2").created
    with pytest.raises(KeyMismatch, match="that Idempotency-Key was used for another request; take a new one"):
        queue.submit(ada, NewJob("fit", "dog"), key="k", body_hash="2")
    clock.now += DAY
    assert queue.submit(ada, NewJob("fit", "dog"), key="k", body_hash="2").created
    assert queue.counts(ada) == {"queued": 2}


def test_a_key_of_a_refused_job_can_be_used_again(queue, ada):
    with pytest.raises(NotFound):
        queue.submit(ada, NewJob("fit", "cat", signal="x"), key="k", body_hash="1")
    assert queue.submit(ada, NewJob("fit", "cat"), key="k", body_hash="2").created


def test_a_batch_comes_as_a_whole_or_not_at_all(queue, ada):
    jobs = [NewJob("fit", str(number)) for number in range(1000)]
    made = queue.submit_many(ada, jobs, "night", key="k", body_hash="1")
    assert [each.job.name for each in made] == [job.name for job in jobs]
    assert {each.job.batch for each in made} == {"night"}
    assert [each.job.id for each in made] == sorted(each.job.id for each in made)
    again = queue.submit_many(ada, jobs, "night", key="k", body_hash="1")
    assert [each.job.id for each in again] == [each.job.id for each in made]
    assert not any(each.created for each in again)
    with pytest.raises(NotFound):
        queue.submit_many(ada, [NewJob("fit", "a"), NewJob("fit", "b", signal="x")], "bad")
    assert queue.counts() == {"queued": 1000}
    assert len(queue.jobs(ada, batch="night", limit=2000)[0]) == 1000
    assert queue.jobs(ada, batch="bad") == ([], None)


def test_quotas_of_jobs(queue, monkeypatch):
    ada = queue.add_user("Ada", quotas=Quotas(waiting=3, seconds_a_job=60.0))[0].id
    queue.submit_many(ada, [NewJob("fit", "a")] * 2, None)
    with pytest.raises(QuotaExceeded, match="you have 2 jobs waiting, and may have 3; wait for some to end"):
        queue.submit_many(ada, [NewJob("fit", "a")] * 2, None)
    queue.pause(queue.submit(ada, NewJob("fit", "a", options={"seconds": 60})).job.id, ada)
    with pytest.raises(QuotaExceeded, match="you have 3 jobs waiting"):
        queue.submit(ada, NewJob("fit", "a"))
    queue.claim("w")
    with pytest.raises(QuotaExceeded, match="a job of yours may take 60 seconds, not 61"):
        queue.submit(ada, NewJob("fit", "a", options={"seconds": 61}))
    monkeypatch.setattr("inr.serving.queue._jobs.MOST_WAITING", 2)
    with pytest.raises(QueueFull, match="2 jobs wait already; come back later"):
        queue.submit(ada, NewJob("fit", "a"))


def test_lists_by_state_kind_and_batch(queue, ada, bob):
    fit, done = in_state(queue, ada, "queued")[0], in_state(queue, ada, "done")[0]
    sweep = queue.submit_many(ada, [NewJob("sweep", "a")], "b")[0].job.id
    other = queue.submit(bob, NewJob("fit", "a")).job.id
    listed = [
        [job.id for job in queue.jobs(user, **wanted)[0]]
        for user, wanted in [
            (ada, {}), (None, {}), (ada, {"state": "queued"}), (ada, {"kind": "sweep"}), (ada, {"batch": "b"}),
            (bob, {"batch": "b"}), (ada, {"state": "done", "kind": "fit"}), (None, {"state": "queued", "kind": "fit"}),
        ]
    ]  # fmt: skip
    assert listed == [
        [sweep, done, fit], [other, sweep, done, fit], [sweep, fit], [sweep], [sweep], [], [done], [other, fit],
    ]  # fmt: skip


def test_pages_of_jobs_are_stable(queue, ada):
    ids = [made.job.id for made in queue.submit_many(ada, [NewJob("fit", "a")] * 5, None)]
    seen, cursor = queue.jobs(ada, limit=2)
    queue.submit(ada, NewJob("fit", "newer"))
    while cursor is not None:
        more, cursor = queue.jobs(ada, cursor=cursor, limit=2)
        seen += more
    assert [job.id for job in seen] == ids[::-1]
    with pytest.raises(BadCursor):
        queue.jobs(ada, cursor="bogus")


def test_priorities_are_of_those_to_be_done(queue, ada):
    job, _ = in_state(queue, ada, "queued")
    assert queue.set_priority(job, ada, -10).priority == -10
    for priority in (-11, 11):
        with pytest.raises(InrError, match=f"a priority is a whole number from -10 to 10, not {priority}"):
            queue.set_priority(job, ada, priority)
        with pytest.raises(InrError, match="a priority is"):
            queue.submit(ada, NewJob("fit", "a", priority=priority))
    done, _ = in_state(queue, ada, "done")
    with pytest.raises(WrongState, match="the job is done; its priority means nothing any more"):
        queue.set_priority(done, ada, 1)


def test_deleting_takes_everything_of_a_job_that_has_ended(queue, ada):
    job, claim = in_state(queue, ada, "running")
    queue.beat(claim, Progress(step=3))
    with pytest.raises(WrongState, match="the job is running; cancel it first"):
        queue.delete_job(job, ada)
    queue.finish(claim, **RESULT)
    name = queue.share(job, ada)
    recompressing = queue.submit(ada, NewJob("recompress", "a", field=job)).job.id
    with pytest.raises(InUse, match="a job that has not ended recompresses this field"):
        queue.delete_job(job, ada)
    queue.cancel(recompressing, ada)
    assert queue.referenced_blobs() == {"c" * 64}
    queue.delete_job(job, ada)
    assert queue.job(job) is None
    assert queue.progress(job) is None
    assert queue.share_of(name) is None
    assert queue.events(0, jobs=[job]) == []
    assert queue.referenced_blobs() == set()
    assert queue.counts() == {"cancelled": 1}
    with pytest.raises(NotFound):
        queue.delete_job(job, ada)


def test_only_a_field_that_is_there_is_recompressed(queue, ada, bob):
    job, _ = in_state(queue, ada, "queued")
    with pytest.raises(WrongState, match="only the field of a job that is done can be recompressed"):
        queue.submit(ada, NewJob("recompress", "a", field=job))
    done, _ = in_state(queue, ada, "done")
    with pytest.raises(NotFound):
        queue.submit(bob, NewJob("recompress", "a", field=done))
    assert queue.submit(ada, NewJob("recompress", "a", field=done)).job.field == done


def test_shares_are_names_that_cannot_be_guessed(queue, ada):
    job, _ = in_state(queue, ada, "done")
    names = sorted(queue.share(job, ada) for _ in range(2))
    assert {len(name) for name in names} == {22}
    assert queue.shares(job) == names
    assert [queue.share_of(name) for name in names] == [job, job]
    queue.unshare(names[0], ada)
    assert queue.shares(job, ada) == names[1:]
    assert queue.share_of(names[0]) is None
    with pytest.raises(NotFound):
        queue.unshare(names[0], ada)
    waiting, _ = in_state(queue, ada, "queued")
    with pytest.raises(WrongState, match="the job is queued; only the field of one that is done can be shared"):
        queue.share(waiting, ada)


def test_every_step_has_its_event_and_events_are_replayed(queue, ada, bob, clock):
    job, claim = in_state(queue, ada, "running")
    other, _ = in_state(queue, bob, "queued")
    clock.now += 1
    queue.beat(claim, Progress(step=1, preview=1))
    queue.beat(claim, Progress(step=2, preview=1))
    queue.finish(claim, **RESULT)
    told = [(event.seq, event.job, event.kind, event.data) for event in queue.events(0)]
    assert told == [
        (1, job, "state", {"state": "queued"}),
        (2, job, "state", {"state": "running", "attempt": 1}),
        (3, other, "state", {"state": "queued"}),
        (4, job, "preview", {"preview": 1}),
        (5, job, "end", {"state": "done", "metrics": {"psnr": 40.0}}),
    ]
    assert [event.at for event in queue.events(2)] == [clock.now - 1, clock.now, clock.now]
    assert [event.seq for event in queue.events(2, user=ada)] == [4, 5]
    assert [event.seq for event in queue.events(0, user=ada, jobs=[job, other], limit=2)] == [1, 2]
    assert [event.seq for event in queue.events(0, jobs=[other])] == [3]
    assert queue.last_seq() == 5
    queue.delete_job(job, ada)
    in_state(queue, bob, "queued")
    assert queue.last_seq() == 6  # numbers are never used again
    clock.now += 7 * DAY
    queue.expire()
    assert queue.events(0) == []
    assert queue.last_seq() == 6


def test_what_changed_is_noticed(queue, ada, folder):
    queue.changed()
    assert not queue.changed()
    _, claim = in_state(queue, ada, "running")
    assert queue.changed()
    assert not queue.changed()
    queue.beat(claim)
    assert queue.changed()
    elsewhere = Queue(folder)
    elsewhere.submit(ada, NewJob("fit", "a"))
    elsewhere.close()
    assert queue.changed()
    assert not queue.changed()
