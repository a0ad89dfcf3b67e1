"""Equations and reconstructions that are interrupted keep their work, and go on with it."""

import pytest
import torch

import inr
from tests.cli.clirun import one_line

SMALL = ("--engine", "eager", "--network", "mlp:depth=1,width=8", "--batch", 64, "--steps", 12)
SOLVE = ("solve", "u_t + u*u_x - 0.1*u_xx", "--initial", "-sin(pi*x)", "--where", "x=-1|x=1: u")
RECONSTRUCT = ("reconstruct", "photo.png", "--task", "inpaint", "--keep", 0.5, "--encoding", "identity", "--no-sheet")


@pytest.fixture
def stopping(monkeypatch):
    """Stop the next fit after some of its steps, as Ctrl-C does."""
    step = inr.Fitter._timed_step

    def stop_after(steps):
        def counted(self):
            loss = step(self)
            if self._progress.step == steps:
                self.stop()
            return loss

        monkeypatch.setattr(inr.Fitter, "_timed_step", counted)

    return stop_after


@pytest.mark.parametrize("command", [SOLVE, RECONSTRUCT], ids=lambda command: command[0])
def test_what_is_interrupted_is_saved_and_gone_on_with(inr_cli, photo, stopping, command):
    command = (*command, *SMALL)
    assert inr_cli(*command, "-o", "whole.inr").status == 0
    stopping(5)
    run = inr_cli(*command, "-o", "found.inr", "--checkpoint-every", 1e6)
    assert run.status == 130
    assert "interrupted after 5 steps; the best state so far is kept; go on with: inr " in run.err.splitlines()[-1]
    assert inr.load("found.inr").fit["steps"] == 5
    stopping(0)
    refused = inr_cli(*command, "-o", "found.inr")
    assert refused.status == 2
    assert "found.inr.checkpoint holds an unfinished fit; go on with --resume" in one_line(refused.err)
    other = inr_cli(*command, "--seed", 3, "-o", "found.inr", "--resume")
    assert other.status == 2
    assert "is of another fit" in one_line(other.err)
    assert inr_cli(*command, "-o", "found.inr", "--resume").status == 0
    assert not photo.with_name("found.inr.checkpoint").exists()
    whole, found = inr.load("whole.inr"), inr.load("found.inr")
    assert found.fit == whole.fit
    for name, tensor in whole.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name


@pytest.mark.parametrize("command", [SOLVE, RECONSTRUCT], ids=lambda command: command[0])
def test_without_a_checkpoint_there_is_nothing_to_resume(inr_cli, photo, command):
    run = inr_cli(*command, *SMALL, "--resume")
    assert run.status == 2
    assert "nothing to resume" in one_line(run.err)


def test_the_checkpoint_of_other_data_is_refused(inr_cli, photo, stopping):
    stopping(3)
    assert inr_cli(*RECONSTRUCT, *SMALL).status == 130
    with photo.open("ab") as file:
        file.write(b"\0")
    run = inr_cli(*RECONSTRUCT, *SMALL, "--resume")
    assert (run.status, "its data differ" in one_line(run.err)) == (2, True)


def test_classical_methods_that_are_interrupted_are_left_out(inr_cli, photo, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("inr.reconstruction._pixels.inpainted", interrupted)
    run = inr_cli(*RECONSTRUCT, *SMALL, "-o", "found.png")
    assert run.status == 130
    assert "biharmonic was not run to its end" in run.err
    assert photo.with_name("found.png").exists()
