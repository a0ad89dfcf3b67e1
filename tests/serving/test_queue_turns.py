"""Fair turns, jobs claimed together, and the place of a job in the queue."""

import pytest

from inr.serving.queue import NewJob, Place, Progress, Quotas
from inr.serving.queue._claims import MOST_CLAIMED

RESULT = {"result_sha256": "c" * 64, "result_bytes": 20, "metrics": {}}


def run_next(queue, clock, seconds=1.0):
    """The owner of the next job in turn, which a single worker does in some seconds."""
    (claim,) = queue.claim("w")
    clock.now += seconds
    assert queue.finish(claim, **RESULT, seconds=seconds)
    return claim.job.user


def test_who_comes_after_a_thousand_jobs_is_next(queue, ada, bob, clock):
    queue.submit_many(ada, [NewJob("fit", "a")] * 1000, None)
    assert [run_next(queue, clock) for _ in range(3)] == [ada] * 3
    queue.submit(bob, NewJob("fit", "b"))
    assert [run_next(queue, clock) for _ in range(2)] == [bob, ada]


def test_jobs_that_run_count(queue, ada, bob):
    queue.submit_many(ada, [NewJob("fit", "a")] * 10, None)
    queue.submit_many(bob, [NewJob("fit", "b")] * 10, None)
    claimed = [queue.claim("w")[0].job.user for _ in range(10)]
    assert sorted(claimed[:2]) == sorted([ada, bob])
    assert claimed.count(ada) == 5


def test_long_jobs_take_the_place_of_many_short_ones(queue, ada, bob, clock):
    queue.submit_many(ada, [NewJob("fit", "a")] * 300, None)
    queue.submit_many(bob, [NewJob("fit", "b")] * 300, None)
    for _ in range(180):
        (claim,) = queue.claim("w")
        queue.finish(claim, **RESULT, seconds=5.0 if claim.job.user == ada else 1.0)
    assert queue.user(ada).used_seconds + queue.user(bob).used_seconds == 300.0
    assert queue.user(ada).used_seconds == 150.0


def test_weights_share_the_seconds(queue, clock):
    light, heavy = queue.add_user("light", weight=1.0)[0].id, queue.add_user("heavy", weight=3.0)[0].id
    for user in (light, heavy):
        queue.submit_many(user, [NewJob("fit", "a")] * 200, None)
    for number in range(160):
        run_next(queue, clock, seconds=1.0 + number % 3)
    used = {user.id: user.used_seconds for user in queue.users()}
    assert used[light] + used[heavy] == 319.0
    assert used[light] == pytest.approx(319 / 4, abs=3.0)  # one job


def test_nobody_saves_up_turns(queue, ada, bob, clock):
    queue.submit_many(ada, [NewJob("fit", "a")] * 100, None)
    for _ in range(50):
        run_next(queue, clock)
    queue.submit_many(bob, [NewJob("fit", "b")] * 100, None)
    turns = [run_next(queue, clock) for _ in range(20)]
    assert turns[0] == bob
    assert turns.count(ada) == turns.count(bob) == 10
    assert queue.user(ada).used_seconds == 60.0


def test_nobody_saves_up_turns_by_pausing(queue, ada, bob, clock):
    paused = [made.job.id for made in queue.submit_many(bob, [NewJob("fit", "b")] * 20, None)]
    for job in paused:
        queue.pause(job, bob)
    queue.submit_many(ada, [NewJob("fit", "a")] * 100, None)
    for _ in range(50):
        run_next(queue, clock)
    for job in paused:
        queue.resume(job, bob)
    assert [run_next(queue, clock) for _ in range(20)].count(bob) == 10


def test_who_was_away_while_nobody_was_there_is_no_better_off(queue, ada, bob, clock):
    queue.submit_many(ada, [NewJob("fit", "a")] * 30, None)
    for _ in range(30):
        run_next(queue, clock)
    queue.submit_many(bob, [NewJob("fit", "b")] * 30, None)
    queue.submit_many(ada, [NewJob("fit", "a")] * 30, None)
    turns = [run_next(queue, clock) for _ in range(20)]
    assert turns.count(ada) == 10


def test_then_priority_then_age(queue, ada, bob):
    names = []
    for user, name, priority in [(ada, "old", 0), (ada, "urgent", 10), (ada, "idle", -10), (ada, "new", 0)]:
        queue.submit(user, NewJob("fit", name, priority=priority))
    queue.submit(bob, NewJob("fit", "bob's", priority=-10))
    while claims := queue.claim("w"):
        names.append(claims[0].job.name)
    assert names == ["urgent", "bob's", "old", "new", "idle"]


def test_no_more_of_a_user_run_at_once_than_allowed(queue, bob):
    ada = queue.add_user("Ada", quotas=Quotas(running=2))[0].id
    queue.submit_many(ada, [NewJob("fit", "a")] * 5, None)
    claims = [claim for _ in range(4) for claim in queue.claim("w")]
    assert len(claims) == 2
    queue.submit(bob, NewJob("fit", "b"))
    assert [claim.job.user for claim in queue.claim("w")] == [bob]
    queue.finish(claims[0], **RESULT, seconds=1.0)
    assert [claim.job.user for claim in queue.claim("w")] == [ada]


def signal(queue, user, side=64):
    row = queue.add_signal(user, name="s").id
    queue.signal_ready(row, "image", {"size": side * side, "shape": [side, side], "channels": 3}, "b" * 64)
    return row


def fits(queue, user, row, count, kind="fit", **options):
    options = {"steps": 300, **options}
    made = queue.submit_many(
        user, [NewJob(kind, "s", signal=row, options={**options, "seed": n}) for n in range(count)], None
    )
    return [each.job.id for each in made]


def claimed(queue, limit=16):
    return [claim.job.id for claim in queue.claim("w", limit=limit)]


def test_small_fits_of_one_setup_and_shape_are_claimed_together(queue, ada):
    jobs = fits(queue, ada, signal(queue, ada), 40)
    assert claimed(queue) == jobs[:16]
    assert claimed(queue, limit=1000) == jobs[16 : 16 + MOST_CLAIMED]
    assert claimed(queue, limit=5) == jobs[32:37]
    assert claimed(queue, limit=1) == jobs[37:38]


def test_small_fits_of_several_users_are_claimed_together_in_turn(queue, ada, bob):
    of_ada, of_bob = fits(queue, ada, signal(queue, ada), 3), fits(queue, bob, signal(queue, bob), 3)
    together = [job for pair in zip(of_ada, of_bob, strict=True) for job in pair]
    assert claimed(queue) == together


def test_what_is_not_alike_or_not_small_is_claimed_alone(queue, ada):
    row, larger, large = signal(queue, ada), signal(queue, ada, side=65), signal(queue, ada, side=257)
    groups = [
        fits(queue, ada, row, 2),
        fits(queue, ada, row, 2, steps=301),
        fits(queue, ada, larger, 2, steps=301),
        fits(queue, ada, row, 1, kind="compress"),
        fits(queue, ada, large, 1),
        fits(queue, ada, large, 1),
    ]
    assert [claimed(queue) for _ in groups] == groups
    assert claimed(queue) == []


def test_another_user_is_not_passed_over_for_jobs_claimed_together(queue, ada, bob):
    row = signal(queue, ada)
    jobs = fits(queue, ada, row, 20)
    other = queue.submit(bob, NewJob("fit", "large")).job.id
    assert claimed(queue) == jobs[:1]
    assert claimed(queue) == [other]
    assert claimed(queue) == jobs[1:17]


def test_who_comes_while_many_small_jobs_are_claimed_does_not_wait_for_all_of_them(queue, ada, bob):
    jobs = fits(queue, ada, signal(queue, ada), 20)
    claims = queue.claim("w", limit=16)
    assert queue.beat(claims[0], Progress(step=1)) == "go on"
    other = queue.submit(bob, NewJob("fit", "b")).job.id
    assert queue.beat(claims[0]) == "go on"
    assert [queue.beat(claim) for claim in claims[1:]] == ["lost"] * 15
    assert queue.finish(claims[0], **RESULT, seconds=0.25)
    assert claimed(queue) == [other]
    assert claimed(queue) == jobs[1:17]
    assert {queue.job(job).crashes for job in jobs} == {0}


def test_workers_share_small_jobs(queue, ada, clock):
    queue.register("w", "here", 1, 2)
    queue.register("v", "here", 2, 2)
    jobs = fits(queue, ada, signal(queue, ada), 8)
    assert claimed(queue) == jobs[:2]
    clock.now += 11  # nobody was heard of since, and a worker may have died of the first
    assert claimed(queue) == jobs[:1]
    assert claimed(queue) == jobs[1:]


def test_jobs_that_take_seconds_are_claimed_by_few(queue, ada, clock):
    jobs = fits(queue, ada, signal(queue, ada), 60)
    for _ in range(30):
        (claim,) = queue.claim("w")
        queue.finish(claim, **RESULT, seconds=4.0)
    assert claimed(queue) == jobs[30:32]  # 8 seconds


def test_places_and_how_long_it_takes(queue, ada, bob, clock):
    first, second, third = (made.job for made in queue.submit_many(ada, [NewJob("fit", "a")] * 3, None))
    assert queue.place(first) == Place(1, None)  # where nobody works, nobody knows when
    queue.register("w", "here", 1, 1)
    assert [queue.place(job) for job in (first, second, third)] == [Place(1, 0.5), Place(2, 1.0), Place(3, 1.5)]
    for _ in range(30):  # Ada's jobs turn out to take 10 seconds
        queue.submit(ada, NewJob("fit", "a", priority=10))
        (claim,) = queue.claim("w")
        queue.finish(claim, **RESULT, seconds=10.0)
    (claim,) = queue.claim("w")
    queue.beat(claim, Progress(step=30, steps=300, seconds=2.0))
    assert queue.place(queue.job(first.id)) == Place(0, 18.0)
    assert queue.place(second).position == 1
    assert queue.place(second).eta == pytest.approx(28.0, abs=0.01)
    assert queue.place(third).eta == pytest.approx(38.0, abs=0.01)
    other = queue.submit(bob, NewJob("fit", "b")).job
    assert queue.place(other).position == 1  # whose turn it is
    assert queue.place(queue.set_priority(third.id, ada, 5)).position == 2
    assert queue.place(second).position == 3
    assert queue.place(queue.pause(second.id, ada)) is None
    queue.finish(claim, **RESULT, seconds=10.0)
    assert queue.place(queue.job(first.id)) is None


def test_places_are_the_order_in_which_jobs_are_claimed(queue, clock):
    users = [queue.add_user(name, weight=weight)[0].id for name, weight in [("a", 1.0), ("b", 3.0), ("c", 0.7)]]
    for user, count in zip(users, (9, 14, 5), strict=True):
        queue.submit_many(user, [NewJob("fit", "a")] * count, None)
    places = {job.id: queue.place(job).position for job in queue.jobs(None, limit=100)[0]}
    order = []
    while claims := queue.claim("w"):
        order.append(claims[0].job.id)
        clock.now += 0.5
        queue.finish(claims[0], **RESULT, seconds=0.5)
    for turn, job in enumerate(order, start=1):
        assert abs(places[job] - turn) <= 2  # ties between users are not foreseen
