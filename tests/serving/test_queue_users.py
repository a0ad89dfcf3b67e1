"""Tokens, one-time codes and sessions."""

import pytest

from inr import InrError
from inr.serving.queue import NewJob, NotFound, Progress, Quotas


def test_a_token_shows_its_user_and_no_other(queue):
    ada, of_ada = queue.add_user("Ada", role="admin", weight=2.0, quotas=Quotas(running=3))
    bob, of_bob = queue.add_user("Bob")
    assert queue.user_of_token(of_ada) == ada == queue.user(ada.id)
    assert queue.user_of_token(of_bob) == bob
    assert (ada.role, ada.weight, ada.quotas, ada.used_seconds) == ("admin", 2.0, Quotas(running=3), 0.0)
    assert (bob.role, bob.weight, bob.quotas) == ("user", 1.0, Quotas())
    assert queue.user_of_token("") is None
    assert queue.user_of_token(of_ada[:-1]) is None
    assert queue.users() == [ada, bob]


def test_nothing_secret_is_on_the_disk(queue, folder):
    ada, token = queue.add_user("Ada")
    code = queue.new_code(ada.id)
    session = queue.redeem(queue.new_code(ada.id))
    queue.close()
    written = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"Ada" in written
    for secret in (token, code, session):
        assert len(secret) == 43
        assert secret.encode() not in written


def test_a_new_token_ends_the_old_one_its_codes_and_its_sessions(queue):
    ada, old = queue.add_user("Ada")
    code, session = queue.new_code(ada.id), queue.redeem(queue.new_code(ada.id))
    new = queue.replace_token(ada.id)
    assert queue.user_of_token(old) is None
    assert queue.user_of_token(new) == ada
    assert queue.user_of_session(session) is None
    assert queue.redeem(code) is None


def test_a_code_opens_one_session_once(queue, clock):
    ada, token = queue.add_user("Ada")
    code = queue.new_code(ada.id, ttl=600)
    clock.now += 599
    session = queue.redeem(code)
    assert queue.user_of_session(session) == ada
    assert queue.redeem(code) is None
    assert queue.redeem("unknown") is None
    assert queue.user_of_session(token) is None  # which is another kind of secret
    assert queue.user_of_token(session) is None
    late = queue.new_code(ada.id, ttl=600)
    clock.now += 600
    assert queue.redeem(late) is None


def test_sessions_end(queue, clock, ada):
    first, second = queue.redeem(queue.new_code(ada)), queue.redeem(queue.new_code(ada))
    queue.end_session(first)
    assert queue.user_of_session(first) is None
    clock.now += 30 * 86_400 - 1
    assert queue.user_of_session(second).id == ada
    clock.now += 1
    assert queue.user_of_session(second) is None


def test_what_users_cannot_be(queue, ada):
    with pytest.raises(InrError, match="there is a user named Ada already; choose another name"):
        queue.add_user("Ada")
    for weight in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(InrError, match="a weight is a number above 0"):
            queue.add_user("Carl", weight=weight)
    for call in (queue.user, queue.remove_user, queue.replace_token, queue.new_code):
        with pytest.raises(NotFound, match="there is no user nobody"):
            call("nobody")


def test_a_user_goes_with_everything(queue, ada, bob):
    signal = queue.add_signal(ada, name="cat")
    queue.add_upload(ada, 9, "dog", {}, 2e6)
    job = queue.submit(ada, NewJob("fit", "cat"), key="k").job
    session = queue.redeem(queue.new_code(ada))
    (claim,) = queue.claim("w")
    queue.beat(claim, Progress(step=1))
    queue.remove_user(ada)
    assert [user.id for user in queue.users()] == [bob]
    assert queue.signal(signal.id) is None
    assert queue.job(job.id) is None
    assert queue.progress(job.id) is None
    assert queue.user_of_session(session) is None
    assert queue.beat(claim) == "lost"
    assert queue.counts() == {}
    assert queue.events(0) == []
