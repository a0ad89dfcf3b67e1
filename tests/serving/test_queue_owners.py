"""Whoever asks for somebody else's things is told that there are none; every method that takes a user is asked."""

import inspect

import pytest

from inr.serving.queue import NewJob, NotFound, Queue

RESULT = {"result_sha256": "c" * 64, "result_bytes": 20, "metrics": {}, "seconds": 1.0}


@pytest.fixture
def things(queue, ada):
    """Something of Ada's of every kind, and a job in every state that somebody might want to change."""
    done = queue.submit(ada, NewJob("fit", "done")).job.id
    queue.finish(queue.claim("w")[0], **RESULT)
    failed = queue.submit(ada, NewJob("fit", "failed")).job.id
    queue.fail(queue.claim("w")[0], {}, 1.0)
    running = queue.submit(ada, NewJob("fit", "running")).job.id
    queue.claim("w")
    paused = queue.submit(ada, NewJob("fit", "paused")).job.id
    queue.pause(paused, ada)
    return {
        "signal": queue.add_signal(ada, name="s").id,
        "upload": queue.add_upload(ada, 9, "u", {}, 2e6).id,
        "share": queue.share(done, ada),
        "done": done,
        "failed": failed,
        "running": running,
        "paused": paused,
        "queued": queue.submit(ada, NewJob("fit", "queued", priority=-1), key="k", body_hash="1").job.id,
    }


# what somebody may try on somebody else's things, and what comes of it: nothing found, or as good as nothing
ATTEMPTS = {
    "signal": (lambda queue, has, bob: queue.signal(has["signal"], bob), None),
    "signals": (lambda queue, has, bob: queue.signals(bob, cursor=None), ([], None)),
    "delete_signal": (lambda queue, has, bob: queue.delete_signal(has["signal"], bob), NotFound),
    "upload": (lambda queue, has, bob: queue.upload(has["upload"], bob), None),
    "delete_upload": (lambda queue, has, bob: queue.delete_upload(has["upload"], bob), False),
    "job": (lambda queue, has, bob: queue.job(has["done"], bob), None),
    "jobs": (lambda queue, has, bob: queue.jobs(bob), ([], None)),
    "submit": (lambda queue, has, bob: queue.submit(bob, NewJob("recompress", "x", field=has["done"])), NotFound),
    "submit_many": (
        lambda queue, has, bob: queue.submit_many(bob, [NewJob("fit", "x", signal=has["signal"])], "b"), NotFound,
    ),
    "cancel": (lambda queue, has, bob: queue.cancel(has["running"], bob), NotFound),
    "pause": (lambda queue, has, bob: queue.pause(has["queued"], bob), NotFound),
    "resume": (lambda queue, has, bob: queue.resume(has["paused"], bob), NotFound),
    "retry": (lambda queue, has, bob: queue.retry(has["failed"], bob), NotFound),
    "set_priority": (lambda queue, has, bob: queue.set_priority(has["queued"], bob, 1), NotFound),
    "delete_job": (lambda queue, has, bob: queue.delete_job(has["done"], bob), NotFound),
    "events": (lambda queue, has, bob: queue.events(0, user=bob, jobs=[has["done"]]), []),
    "counts": (lambda queue, has, bob: queue.counts(bob), {}),
    "used_bytes": (lambda queue, has, bob: queue.used_bytes(bob), 0),
    "share": (lambda queue, has, bob: queue.share(has["done"], bob), NotFound),
    "shares": (lambda queue, has, bob: queue.shares(has["done"], bob), NotFound),
    "unshare": (lambda queue, has, bob: queue.unshare(has["share"], bob), NotFound),
}  # fmt: skip

# those that take a user and nothing that could be somebody else's
OF_ONESELF = {"add_signal", "add_upload", "user", "remove_user", "replace_token", "new_code"}


def everything(folder_queue):
    """All that is kept but for Bob, as text."""
    with folder_queue._main.read() as db:
        return "\n".join(line for line in db.iterdump() if "Bob" not in line)


@pytest.mark.parametrize("method", ATTEMPTS)
def test_nobody_reaches_what_is_somebody_elses(queue, ada, bob, things, method):
    attempt, expected = ATTEMPTS[method]
    before = everything(queue)
    if expected is NotFound:
        with pytest.raises(NotFound, match="there is no "):
            attempt(queue, things, bob)
    else:
        assert attempt(queue, things, bob) == expected
    assert everything(queue) == before


def test_every_method_that_takes_a_user_is_tried():
    methods = {
        name
        for name, method in inspect.getmembers(Queue, inspect.isfunction)
        if not name.startswith("_") and "user" in inspect.signature(method).parameters
    }
    assert methods == set(ATTEMPTS) | OF_ONESELF


def test_the_owner_and_whoever_asks_for_anybody_reach_it(queue, ada, things):
    for user in (ada, None):
        assert queue.job(things["done"], user).id == things["done"]
        assert queue.signal(things["signal"], user).id == things["signal"]
        assert queue.upload(things["upload"], user).id == things["upload"]
        assert queue.shares(things["done"], user) == [things["share"]]
        assert len(queue.jobs(user)[0]) == 5
