"""inr work: what it refuses; what it does is told by tests/serving."""

import pytest

from tests.cli.clirun import one_line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "nowhere is no folder of inr serve; begin one with: inr serve nowhere"),
        ((".",), ". is no folder of inr serve; begin one with: inr serve ."),
        ((".", "--slots", "0"), "--slots lies between 1 and 256, got 0"),
        ((".", "--memory", "much"), "'much' is no number of bytes; write 500MB, 1GiB, or bytes alone"),
    ],
)
def test_what_makes_no_sense_is_refused(inr_cli, arguments, words):
    run = inr_cli("work", *arguments)
    assert run.status == 2
    assert one_line(run.err) == words


def test_a_worker_needs_the_memory_that_it_takes(inr_cli, tmp_path, monkeypatch):
    monkeypatch.setattr("inr.serving.work._workers.os.setpriority", lambda *_: None)
    monkeypatch.setattr("inr.serving.work._worker.warm_up", lambda: None)
    monkeypatch.setattr("inr.serving.work._worker.install", lambda worker: None)
    monkeypatch.setattr("inr.serving.logs.start_logging", lambda: None)
    (tmp_path / "inr.db").touch()
    run = inr_cli("work", tmp_path, "--memory", "1MB")
    assert run.status == 2
    assert "a worker takes" in one_line(run.err)
