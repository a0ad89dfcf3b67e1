"""Signals, resumable uploads, how many bytes somebody may have, and how long they are kept."""

import pytest

from inr.serving.queue import BadCursor, InUse, NewJob, NotFound, QuotaExceeded, Quotas, WrongState

DAY = 86_400.0


def test_a_signal_is_read_and_then_ready(queue, ada, clock):
    row = queue.add_signal(ada, name="cat.png", sha256="a" * 64, bytes=7, options={"srgb": True})
    assert (row.state, row.kind, row.description, row.options) == ("reading", None, {}, {"srgb": True})
    assert (row.created, row.expires, row.bytes) == (clock.now, clock.now + 7 * DAY, 7)
    other = queue.add_signal(ada, name="dog.png", path="/data/dog.png")
    assert [each.id for each in queue.unread_signals()] == [row.id]
    queue.signal_ready(row.id, "image", {"shape": [4, 5], "size": 20}, "b" * 64)
    queue.signal_refused(other.id, {"type": "/problems/unreadable-signal"})
    ready, refused = queue.signal(row.id), queue.signal(other.id)
    assert (ready.state, ready.kind, ready.description, ready.array_sha256) == (
        "ready", "image", {"shape": [4, 5], "size": 20}, "b" * 64,
    )  # fmt: skip
    assert (refused.state, refused.problem) == ("refused", {"type": "/problems/unreadable-signal"})
    assert (refused.path, refused.sha256) == ("/data/dog.png", None)
    assert queue.unread_signals() == []
    with pytest.raises(NotFound, match="there is no signal x"):
        queue.signal_ready("x", "image", {}, None)


def test_jobs_take_signals_that_are_ready(queue, ada):
    row = queue.add_signal(ada, name="cat")
    with pytest.raises(WrongState, match="the signal is still being read"):
        queue.submit(ada, NewJob("fit", "cat", signal=row.id))
    queue.signal_refused(row.id, {})
    with pytest.raises(WrongState, match="the signal could not be read"):
        queue.submit(ada, NewJob("fit", "cat", signal=row.id))
    with pytest.raises(NotFound, match="there is no signal x"):
        queue.submit(ada, NewJob("fit", "cat", signal="x"))
    assert queue.counts() == {}


def test_pages_of_signals_are_stable(queue, ada, bob, clock):
    ids = []
    for _ in range(5):
        ids.append(queue.add_signal(ada, name="s").id)
        queue.add_signal(bob, name="t")
        clock.now += 1
    first, cursor = queue.signals(ada, limit=2)
    newer = queue.add_signal(ada, name="s").id
    second, cursor = queue.signals(ada, cursor=cursor, limit=2)
    third, end = queue.signals(ada, cursor=cursor, limit=2)
    assert [row.id for row in first + second + third] == ids[::-1]
    assert end is None
    assert queue.signals(ada, limit=1)[0][0].id == newer
    assert len(queue.signals(None)[0]) == 11
    for bad in ("", "x", "~", ids[0] + "0", "' OR 1=1 --".ljust(36)):
        with pytest.raises(BadCursor, match="that cursor is none that a list gave"):
            queue.signals(ada, cursor=bad)


def test_a_signal_in_use_stays(queue, ada, clock):
    row = queue.add_signal(ada, name="cat")
    queue.signal_ready(row.id, "image", {}, "b" * 64)
    job = queue.submit(ada, NewJob("fit", "cat", signal=row.id)).job
    with pytest.raises(InUse, match="a job that has not ended uses this signal"):
        queue.delete_signal(row.id, ada)
    clock.now += 8 * DAY
    queue.expire()
    assert queue.signal(row.id) is not None
    queue.cancel(job.id, ada)
    queue.delete_signal(row.id, ada)
    assert queue.signal(row.id) is None
    assert queue.job(job.id).signal == row.id


def test_a_signal_is_kept_a_week_after_its_last_use(queue, ada, clock):
    used, _ = (queue.add_signal(ada, name=name).id for name in "ab")
    queue.signal_ready(used, "image", {}, "b" * 64)
    clock.now += 6 * DAY
    queue.cancel(queue.submit(ada, NewJob("fit", "a", signal=used)).job.id, ada)
    clock.now += 1 * DAY
    queue.expire()
    assert {row.id for row in queue.signals(ada)[0]} == {used}
    clock.now += 6 * DAY
    queue.expire()
    assert queue.signals(ada) == ([], None)


def test_an_upload_goes_on_where_it_was(queue, ada, clock):
    upload = queue.add_upload(ada, 10, "cat.png", {"srgb": True}, clock.now + 60)
    assert (upload.length, upload.offset) == (10, 0)
    queue.set_offset(upload.id, 4)
    assert queue.upload(upload.id, ada).offset == 4
    assert queue.delete_upload(upload.id, ada)
    assert not queue.delete_upload(upload.id, ada)
    assert queue.upload(upload.id, ada) is None


def test_an_upload_that_is_not_finished_in_time_is_given_up(queue, ada, clock):
    upload = queue.add_upload(ada, 10, "cat.png", {}, clock.now + 60)
    clock.now += 59
    queue.expire()
    assert queue.upload(upload.id) == upload
    clock.now += 1
    queue.expire()
    assert queue.upload(upload.id) is None
    assert queue.used_bytes(ada) == 0


def test_the_end_of_an_upload_can_be_repeated(queue, clock):
    ada = queue.add_user("Ada", quotas=Quotas(bytes=10))[0].id
    upload = queue.add_upload(ada, 10, "cat.png", {"srgb": True}, clock.now + 60)
    signal = queue.finish_upload(upload.id, "a" * 64)
    assert (signal.id, signal.user, signal.name, signal.options) == (upload.id, ada, "cat.png", {"srgb": True})
    assert (signal.sha256, signal.bytes, signal.state) == ("a" * 64, 10, "reading")
    assert queue.finish_upload(upload.id, "a" * 64) == signal
    assert queue.used_bytes(ada) == 10  # and not twice, as upload and as signal
    assert queue.upload(upload.id, ada) is None
    with pytest.raises(NotFound):
        queue.finish_upload("x", "a" * 64)


def test_nobody_has_more_bytes_than_allowed(queue, clock):
    ada = queue.add_user("Ada", quotas=Quotas(bytes=100))[0].id
    queue.add_signal(ada, name="a", bytes=40)
    upload = queue.add_upload(ada, 30, "b", {}, clock.now + 60)
    queue.submit(ada, NewJob("fit", "c"))
    (claim,) = queue.claim("w")
    queue.finish(claim, result_sha256="c" * 64, result_bytes=20, metrics={}, seconds=1.0)
    assert queue.used_bytes(ada) == 90
    told = "11 bytes beside the 90 that you have would be more than your 100; delete some first"
    with pytest.raises(QuotaExceeded, match=told):
        queue.add_signal(ada, name="d", bytes=11)
    with pytest.raises(QuotaExceeded, match=told):
        queue.add_upload(ada, 11, "d", {}, clock.now + 60)
    queue.delete_upload(upload.id)
    queue.delete_job(claim.job.id, ada)
    queue.add_signal(ada, name="d", bytes=60)
    assert queue.used_bytes(ada) == 100


def test_what_a_signal_is_read_as_counts_too(queue):
    """A file of a few bytes may hold many samples."""
    ada = queue.add_user("Ada", quotas=Quotas(bytes=100))[0].id
    first, second = (queue.add_signal(ada, name=name, bytes=10).id for name in "ab")
    queue.signal_ready(first, "image", {}, "b" * 64, 70)
    assert queue.used_bytes(ada) == 90
    with pytest.raises(QuotaExceeded, match="11 bytes beside the 90 that you have"):
        queue.signal_ready(second, "image", {}, "c" * 64, 11)
    assert queue.signal(second).state == "reading"
    queue.delete_signal(first, ada)
    queue.signal_ready(second, "image", {}, "c" * 64, 11)
    assert queue.used_bytes(ada) == 21
