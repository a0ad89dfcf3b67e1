"""The files: versions, full disks, network file systems, many at once, and no query that looks at every row."""

import re
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest

from inr import InrError
from inr.serving import DiskFull
from inr.serving.queue import NewJob, Progress, Queue
from inr.serving.queue._database import check_local
from inr.serving.queue._schema import VERSION
from inr.serving.store import Store

RESULT = {"result_sha256": "c" * 64, "result_bytes": 20, "metrics": {}, "seconds": 1.0}


def test_the_files_are_as_the_design_has_them(queue, folder):
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".db") == ["inr.db", "progress.db"]
    settings = {}
    for name, connection in [("main", queue._main._durable), ("progress", queue._progress._quick)]:
        settings[name] = [
            connection.execute(f"PRAGMA {pragma}").fetchone()[0]
            for pragma in ("journal_mode", "synchronous", "busy_timeout", "user_version", "foreign_keys")
        ]
    assert settings == {"main": ["wal", 2, 60_000, VERSION, 1], "progress": ["wal", 1, 60_000, VERSION, 1]}


def test_what_a_newer_inr_made_is_refused(queue, folder):
    job = queue.submit(queue.add_user("Ada")[0].id, NewJob("fit", "cat")).job
    queue.close()
    with sqlite3.connect(folder / "inr.db") as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    newer = f"inr.db was made by a newer inr \\(version {VERSION + 1}, not {VERSION}\\); upgrade inr"
    with pytest.raises(InrError, match=newer):
        Queue(folder)
    with sqlite3.connect(folder / "inr.db") as db:
        db.execute(f"PRAGMA user_version = {VERSION}")
    db.close()
    again = Queue(folder)
    assert again.job(job.id) == job
    again.close()


def test_what_is_no_database_is_refused(tmp_path):
    (tmp_path / "inr.db").write_bytes(b"a picture, perhaps" * 100)
    with pytest.raises(InrError, match=r"inr\.db is damaged, or no database of inr; give another folder"):
        Queue(tmp_path)
    assert (tmp_path / "inr.db").read_bytes() == b"a picture, perhaps" * 100


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_network_file_systems_are_refused(tmp_path, monkeypatch, kind):
    mounts = f"/dev/vda / ext4 rw 0 0\nserver:/x {tmp_path} {kind} rw 0 0\n/dev/vdb {tmp_path}/local xfs rw 0 0\n"
    monkeypatch.setattr(Path, "read_text", lambda path: mounts)
    with pytest.raises(InrError, match=f"is on a network file system \\({kind}\\), where SQLite loses data"):
        Queue(tmp_path / "inr")
    check_local(tmp_path / "local" / "inr")
    check_local(tmp_path.parent)


def test_a_database_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "inr.db").mkdir()
    told = f"{tmp_path}/inr.db cannot be written; look at its permissions, or give another folder"
    with pytest.raises(InrError, match=re.escape(told)):
        Queue(tmp_path)


def test_a_full_disk_is_told_and_loses_nothing(queue, ada):
    jobs = [made.job for made in queue.submit_many(ada, [NewJob("fit", "cat")] * 10, None)]
    (claim,) = queue.claim("w")
    pages = queue._main._durable.execute("PRAGMA page_count").fetchone()[0]
    for connection in (queue._main._durable, queue._main._quick):
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(DiskFull, match=r"the disk that holds .* is full; free some space"):
        queue.submit_many(ada, [NewJob("fit", "cat")] * 1000, None)
    assert queue.counts() == {"queued": 9, "running": 1}
    queue._main._durable.execute("PRAGMA max_page_count = 1000000")
    assert queue.finish(claim, **RESULT)
    assert {job.id for job in queue.jobs(ada)[0]} == {job.id for job in jobs}


@pytest.fixture
def tiny(tmp_path):
    """A file system of two megabytes, where this process may mount one."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


@pytest.mark.long
def test_a_disk_that_is_really_full_loses_nothing(tiny):
    ballast = tiny / "ballast"
    ballast.write_bytes(bytes(1 << 19))
    queue, store = Queue(tiny), Store(tiny)
    ada = queue.add_user("Ada")[0].id
    jobs = 0
    with pytest.raises(DiskFull):
        while True:
            queue.submit_many(ada, [NewJob("fit", "x" * 200)] * 50, None)
            jobs += 50
    assert jobs >= 100
    with pytest.raises(DiskFull):
        store.put(bytes(1 << 20))
    assert queue.counts() == {"queued": jobs}
    queue.close()
    ballast.unlink()
    queue = Queue(tiny)
    assert queue.counts() == {"queued": jobs}
    assert len(queue.claim("w")) == 1
    queue.close()


def test_what_raises_is_undone_as_a_whole(queue, ada):
    with pytest.raises(ZeroDivisionError), queue._main.write() as db:
        db.execute("DELETE FROM users")
        raise ZeroDivisionError
    assert queue.user(ada).name == "Ada"
    queue.submit(ada, NewJob("fit", "cat"))


def test_threads_share_a_queue(queue, ada):
    queue.submit_many(ada, [NewJob("fit", "cat")] * 100, None)
    done, failures = [], []

    def work(name):
        try:
            while claims := queue.claim(name):
                queue.beat(claims[0], Progress(step=1))
                queue.job(claims[0].job.id)
                assert queue.finish(claims[0], **RESULT)
                done.append(claims[0].job.id)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(done) == len(set(done)) == 100
    assert queue.counts() == {"done": 100}
    assert queue.user(ada).used_seconds == 100.0


def test_several_may_make_a_folder_at_once(folder):
    queues, failures = [], []

    def make():
        try:
            queues.append(Queue(folder / "new"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    ada = queues[0].add_user("Ada")[0]
    assert [queue.users() for queue in queues] == [[ada]] * 8
    for queue in queues:
        queue.close()


# small tables, and indices that hold nothing but the rows that are wanted
MAY_BE_SCANNED = {
    "running", "workers", "hold", "sqlite_sequence", "CONSTANT ROW", "tally", "users", "codes", "sessions",
    "signals USING INDEX signals_reading", "jobs USING INDEX jobs_leased",
}  # fmt: skip


def test_no_query_looks_at_every_row(queue, ada, bob, clock):
    statements = set()
    for database in (queue._main, queue._progress):
        for connection in (database._durable, database._quick):
            connection.set_trace_callback(statements.add)
        with database.read() as connection:
            connection.set_trace_callback(statements.add)
    signal = queue.add_signal(ada, name="s", bytes=3)
    upload = queue.add_upload(ada, 5, "u", {}, clock.now + 60)
    queue.set_offset(upload.id, 3)
    queue.upload(upload.id, ada)
    queue.finish_upload(upload.id, "a" * 64)
    queue.unread_signals()
    queue.signal_ready(signal.id, "image", {"size": 16, "shape": [4, 4], "channels": 1}, None)
    queue.signals(ada)
    queue.register("w", "here", 1, 1)
    queue.submit_many(ada, [NewJob("fit", "a", signal=signal.id)] * 40, "batch", key="k", body_hash="1")
    queue.submit(bob, NewJob("fit", "b"))
    for _ in range(2):
        for claim in queue.claim("w", limit=16):
            queue.beat(claim, Progress(step=1, preview=1))
            queue.plan(claim, threads=1, engine="cpu", horizon=3)
            queue.finish(claim, **RESULT)
    (claim, *others) = queue.claim("w", limit=2)
    for step in (queue.pause, queue.resume, queue.cancel):
        step(claim.job.id, ada)
    queue.cancelled(claim)
    for other in others:
        queue.release(other)
    queue.fail(queue.claim("w")[0], {}, 1.0)
    failed = queue.jobs(ada, state="failed")[0][0]
    queue.retry(failed.id, ada)
    queue.claim("w")
    queue.forget("w")
    queue.worker_beat("w")
    queue.workers()
    queue.hold(1.0, "full")
    queue.held()
    queue.expire()
    for wanted in ({"state": "queued"}, {"batch": "batch"}, {"kind": "fit"}, {}):
        jobs, _ = queue.jobs(ada, **wanted)
        queue.jobs(None, **wanted)
        queue.place(jobs[0])
    done = queue.jobs(ada, state="done")[0][0].id
    queue.share_of(queue.share(done, ada))
    queue.shares(done, ada)
    queue.progress(done)
    queue.events(3, user=ada)
    queue.events(3)
    queue.events(3, user=ada, jobs=[done])
    queue.last_seq()
    queue.counts(ada)
    queue.counts()
    queue.used_bytes(ada)
    queue.delete_signal(queue.signals(ada)[0][0].id, ada)
    queue.delete_job(done, ada)
    scans = set()
    kept_quiet = ("BEGIN", "COMMIT", "PRAGMA", "--")
    queries = [text for text in statements if not text.startswith(kept_quiet)]
    assert len(queries) > 200
    for text in queries:
        database = queue._progress if " progress" in text else queue._main
        for row in database._durable.execute(f"EXPLAIN QUERY PLAN {text}"):
            what = row["detail"].removeprefix("SCAN ")
            if what != row["detail"] and not {what, what.split()[0]} & MAY_BE_SCANNED:
                scans.add((what, " ".join(text.split())[:200]))
    assert scans == set()
