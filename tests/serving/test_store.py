"""Files by their digests: whole or not there, kept while needed, and swept."""

import errno
import hashlib
import os
import threading
from pathlib import Path

import pytest

from inr.serving import DiskFull
from inr.serving.queue import NewJob
from inr.serving.store import Store, tidy

CAT = hashlib.sha256(b"cat").hexdigest()
RESULT = {"result_bytes": 3, "metrics": {}, "seconds": 1.0}
DAY = 86_400.0


@pytest.fixture
def store(folder):
    return Store(folder)


def files(folder):
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != ".lock"
    )


def age(path: Path, seconds: float) -> None:
    os.utime(path, (path.stat().st_mtime - seconds,) * 2)


def test_bytes_and_files_are_kept_by_their_digest(store, folder, tmp_path):
    (tmp_path / "cat").write_bytes(b"cat")
    assert not store.has(CAT)
    assert store.put(b"cat") == (CAT, 3)
    assert store.put(tmp_path / "cat") == (CAT, 3)
    assert store.has(CAT)
    assert store.path(CAT) == folder / "blobs" / CAT[:2] / CAT
    assert store.path(CAT).read_bytes() == b"cat"
    assert store.path(CAT).stat().st_mode & 0o777 == 0o444
    assert (tmp_path / "cat").read_bytes() == b"cat"
    assert files(folder) == [f"blobs/{CAT[:2]}/{CAT}"]
    assert store.free() > 0


def test_large_files_are_read_in_pieces(store, tmp_path):
    data = os.urandom(1 << 20) * 2 + b"end"
    (tmp_path / "large").write_bytes(data)
    sha256, size = store.put(tmp_path / "large")
    assert (sha256, size) == (hashlib.sha256(data).hexdigest(), (2 << 20) + 3)
    assert store.path(sha256).read_bytes() == data


@pytest.mark.parametrize("name", ["", "cat", "../../etc/passwd", CAT.upper(), CAT + "0", CAT[:-1] + "/"])
def test_paths_come_from_digests_only(store, name):
    for method in (store.path, store.has):
        with pytest.raises(ValueError, match="is no SHA-256 in hexadecimal digits"):
            method(name)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="what a handle is open on is told by Linux only")
def test_files_are_on_the_disk_before_they_have_their_name(store, folder, monkeypatch):
    done = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle):
        done.append(f"fsync {Path(f'/proc/self/fd/{handle}').readlink().relative_to(folder)}")
        fsync(handle)

    def replaced(path, target):
        done.append(f"{path.relative_to(folder)} -> {target.relative_to(folder)}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    store.put(b"cat")
    half = done[0].removeprefix("fsync ")
    assert half.startswith("blobs/.half-")
    name = f"blobs/{CAT[:2]}"
    assert done == [f"fsync {half}", "fsync blobs", f"{half} -> {name}/{CAT}", f"fsync {name}"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("where", ["fsync", "fchmod"])
def test_a_full_disk_is_told_and_nothing_is_left(store, folder, monkeypatch, code, where):
    store.put(b"dog")
    before = files(folder)

    def full(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, where, full)
    with pytest.raises(DiskFull, match=r"the disk that holds .* is full; free some space"):
        store.put(b"cat")
    assert files(folder) == before
    assert not store.has(CAT)


def test_other_failures_are_not_taken_for_a_full_disk(store, tmp_path):
    with pytest.raises(FileNotFoundError):
        store.put(tmp_path / "none")


def test_many_threads_put_the_same_bytes(store, folder):
    threads = [threading.Thread(target=store.put, args=(b"cat",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(folder) == [f"blobs/{CAT[:2]}/{CAT}"]


def test_a_sweep_takes_what_is_old_and_not_needed(store, folder):
    kept, old, new = (store.put(name)[0] for name in (b"kept", b"old", b"new"))
    half = folder / "blobs" / ".half-finished"
    half.write_bytes(b"ca")
    for path in (store.path(kept), store.path(old), half):
        age(path, 3600)
    assert sorted(store.sweep({kept})) == sorted([".half-finished", old])
    assert [store.has(sha256) for sha256 in (kept, old, new)] == [True, False, True]
    assert not half.exists()
    assert store.sweep({kept}, older_than=0) == [new]


def test_what_is_put_again_is_not_swept(store):
    sha256, _ = store.put(b"cat")
    age(store.path(sha256), 3600)
    store.put(b"cat")
    assert store.sweep(set()) == []
    assert store.has(sha256)


def test_tidying_keeps_what_is_needed_and_nothing_else(queue, store, folder, ada, clock, monkeypatch):
    monkeypatch.setattr("inr.serving.store._retention.time.time", clock)
    blobs = {name: store.put(name.encode())[0] for name in ("upload", "array", "preview", "result", "orphan")}
    signal = queue.add_signal(ada, name="s", sha256=blobs["upload"]).id
    queue.signal_ready(signal, "image", {"preview": blobs["preview"]}, blobs["array"])
    jobs = {}
    for state in ("done", "failed", "cancelled"):
        jobs[state] = queue.submit(ada, NewJob("fit", state)).job.id
        (claim,) = queue.claim("w")
        if state == "done":
            queue.finish(claim, result_sha256=blobs["result"], **RESULT)
        elif state == "failed":
            queue.fail(claim, {}, 1.0)
        else:
            queue.cancel(claim.job.id, ada)
            queue.cancelled(claim)
    jobs["paused"] = queue.submit(ada, NewJob("fit", "paused")).job.id
    queue.pause(jobs["paused"], ada)
    jobs["deleted"] = "0" * 36
    upload = queue.add_upload(ada, 3, "u", {}, clock.now + DAY).id
    for job in jobs.values():
        (folder / "jobs" / job).mkdir(parents=True)
        for name in ("checkpoint.inr", "preview.webp"):
            (folder / "jobs" / job / name).write_bytes(b"")
    (folder / "uploads").mkdir()
    (folder / "uploads" / upload).write_bytes(b"ca")
    (folder / "uploads" / "orphan").write_bytes(b"ca")
    for path in [*folder.rglob("*")]:
        if path.suffix != ".db":
            os.utime(path, (clock.now, clock.now))

    def left():
        tidy(folder, queue, store)
        jobs_of = {job: name for name, job in jobs.items()}
        found = sorted(f"{jobs_of[path.parent.name]} {path.name}" for path in folder.glob("jobs/*/*"))
        return found, sorted(path.name for path in folder.glob("uploads/*"))

    found, uploads = left()
    assert found == [
        "cancelled preview.webp", "deleted checkpoint.inr", "deleted preview.webp", "done preview.webp",
        "failed checkpoint.inr", "failed preview.webp", "paused checkpoint.inr", "paused preview.webp",
    ]  # fmt: skip
    assert uploads == sorted([upload, "orphan"])
    clock.now += 3600
    found, uploads = left()
    assert [name for name in found if name.startswith("deleted")] == []
    assert uploads == [upload]
    clock.now += DAY
    found, uploads = left()
    assert found == ["done preview.webp", "paused checkpoint.inr", "paused preview.webp"]
    assert uploads == []
    assert queue.upload(upload) is None
    monkeypatch.undo()  # blobs are as old as their files are
    for path in folder.glob("blobs/??/*"):
        age(path, DAY)
    left()
    assert {name for name, sha256 in blobs.items() if store.has(sha256)} == {"upload", "array", "preview", "result"}
    queue.delete_signal(signal, ada)
    queue.delete_job(jobs["done"], ada)
    left()
    assert {name for name, sha256 in blobs.items() if store.has(sha256)} == set()
