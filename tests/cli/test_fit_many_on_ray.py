"""inr fit-many on a Ray cluster, for which a stand-in runs the tasks: files, failures and going on as without one."""

import contextlib
from pathlib import Path

import pytest
import torch

import inr
from inr import _ray_process
from inr._errors import InrError
from inr.serving import DiskFull
from inr.serving.options import fit_options
from inr.serving.queue import Queue
from inr.serving.store import Store
from tests.cli.clirun import one_line
from tests.cli.test_fit_many import OPTIONS, here, photos, table  # noqa: F401  fixtures
from tests.ray_stand_in import FakeRay, RayError, stand_in

ON_RAY = ("fit-many", "photos", *OPTIONS, "-o", "away", "--on", "ray")


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    """The stand-in, in the place of Ray, which leaves the threads of this process alone."""
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    return stand_in(monkeypatch)


def test_files_and_rows_are_those_of_processes_here(inr_cli, here, photos, ray):  # noqa: F811
    (photos / "notes.txt").write_text("hello")
    assert inr_cli("fit-many", "photos", *OPTIONS).status == 1
    assert inr_cli(*ON_RAY).status == 1
    rows = [table(Path(name)) for name in ("photos.fitted", "away")]
    for each in (row for of in rows for row in of.values()):
        del each["seconds"]
    assert rows[0] == rows[1]
    for name in ("a.png", "b.png", "cats/a.png"):
        assert Path("away", f"{name}.inr").read_bytes() == Path("photos.fitted", f"{name}.inr").read_bytes()
    assert (here.did, ray.most, ray.down) == (4, 4, True)


def test_jobs_that_die_are_rows_and_what_is_done_is_not_done_again(inr_cli, photos, ray):  # noqa: F811
    ray.dies = lambda sent: RayError("x") if sent.job.name == "b.png" else None
    assert inr_cli(*ON_RAY, "--workers", "1").status == 1
    assert ray.most == 1
    rows = table(Path("away"))
    assert [row["state"] for row in rows.values()] == ["done", "failed", "done"]
    assert rows["b.png"]["problem"] == "its process or machine died, in all of 4 tries (RayError)"
    ray.dies = lambda sent: KeyboardInterrupt()
    run = inr_cli(*ON_RAY)
    assert run.status == 130
    assert "everything is kept in away; go on with: inr fit-many photos" in run.err
    assert table(Path("away"))["b.png"]["state"] == "waiting"
    ray.dies = lambda sent: None if sent.job.name == "b.png" else AssertionError("fitted again")
    assert inr_cli(*ON_RAY).status == 0
    assert {row["state"] for row in table(Path("away")).values()} == {"done"}


def test_a_fit_goes_on_from_a_checkpoint_that_was_left_here(inr_cli, photos, ray):  # noqa: F811
    ray.dies = lambda sent: KeyboardInterrupt()
    assert inr_cli(*ON_RAY).status == 130
    folder = Path("away", ".inr")
    with contextlib.closing(Queue(folder)) as queue:
        claim = queue.claim("earlier")[0]
        job, path = claim.job, photos / claim.job.name
        signal, options = inr.open(path), fit_options(job.options)
        fitter = options.fitter(signal, options.keeping().suited(signal, path), path)
        events = fitter.run()
        while next(events).step < 5:
            pass
        checkpoint = folder / "jobs" / job.id / "checkpoint.inr"
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.write_bytes(fitter.dump())
        queue.plan(claim, threads=1, engine="eager", horizon=12)
        queue.checkpointed(claim, 5)
        queue.release(claim)
    begun = {}
    ray.dies = lambda sent: begun.update({sent.job.name: sent.checkpoint is not None})
    assert inr_cli(*ON_RAY).status == 0
    assert [name for name, from_checkpoint in begun.items() if from_checkpoint] == [job.name]
    assert not checkpoint.exists()
    assert inr_cli("fit", path, *OPTIONS, "-o", "own.inr", "--no-comparison").status == 0
    assert Path("away", f"{job.name}.inr").read_bytes() == Path("own.inr").read_bytes()


def test_a_full_disk_costs_time_only(inr_cli, photos, ray, monkeypatch):  # noqa: F811
    monkeypatch.setattr("inr.serving.work._away.FULL_SECONDS", 0.2)
    put, full = Store.put, [DiskFull("the disk is full"), None, None, None]

    def sometimes(self, data):
        if (error := full.pop(0)) is not None:
            raise error
        return put(self, data)

    monkeypatch.setattr(Store, "put", sometimes)
    run = inr_cli(*ON_RAY)
    assert run.status == 0
    assert run.err.count("waiting: the disk is full") == 1
    assert not full


def test_a_cluster_that_goes_away_ends_the_run_and_leaves_the_rest_to_another(inr_cli, photos, ray, monkeypatch):  # noqa: F811
    def refuses(*_):
        raise InrError("no Ray cluster answers")

    def gone(*_, **__):
        away.setattr(_ray_process, "check_answers", refuses)
        raise RayError("it does not answer")

    with monkeypatch.context() as away:
        wait, answers = ray.wait, [0, 1]
        away.setattr(ray, "wait", lambda *given, **more: wait(*given, **more) if answers.pop() else gone())
        run = inr_cli(*ON_RAY)
    assert run.status == 2
    assert one_line(run.err) == "Ray on this machine does not answer any more; what is done is kept"
    assert sorted(row["state"] for row in table(Path("away")).values()) == ["done", "waiting", "waiting"]
    assert inr_cli(*ON_RAY).status == 0


def test_words_that_are_no_cluster_are_refused_before_anything_is_made(inr_cli, photos):  # noqa: F811
    run = inr_cli("fit-many", "photos", *OPTIONS, "--on", "spark")
    assert run.status == 2
    assert one_line(run.err) == "fits run on ray, ray:auto or ray:HOST:PORT, not on 'spark'"
    assert not Path("photos.fitted").exists()
