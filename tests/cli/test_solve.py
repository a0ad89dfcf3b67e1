"""`inr solve`."""

import json
import math

import numpy as np
import pytest

import inr


@pytest.mark.long
def test_an_equation_is_solved_and_saved(inr_cli, tmp_path):
    run = inr_cli("solve", "u_xx + u_yy + 100*u", "--boundary", "cos(8*x + 6*y)", "--exact", "cos(8*x + 6*y)",
                  "--features", 320, "-o", "a.inr", "--json")  # fmt: skip
    assert run.status == 0, run.err
    told = json.loads(run.out)
    assert told["metrics"]["relative_l2"] < 1e-5
    assert told["reason"] == "solved"
    field = inr.load(tmp_path / "a.inr")
    assert float(field.at((0.25, 0.5))[0]) == pytest.approx(math.cos(5), abs=1e-5)
    assert "relative L2" in inr_cli("info", "a.inr").out
    assert inr_cli("render", "a.inr", "--size", "8x8", "--engine", "eager", "-o", "a.png").status == 0


def test_steps_are_taken_where_they_are_asked_for(inr_cli, tmp_path):
    run = inr_cli("solve", "u_t + u*u_x - 0.1*u_xx", "--initial", "-sin(pi*x)", "--where", "x=-1|x=1: u", "--steps", 3,
                  "--network", "mlp:depth=1,width=8", "--batch", 64, "--engine", "eager")  # fmt: skip
    assert run.status == 0, run.err
    assert "3 steps on engine eager" in run.out
    assert inr.load(tmp_path / "equation.inr").domain.axes[1].name == "t"


def test_a_number_is_found(inr_cli, tmp_path):
    draw = np.random.default_rng(0).uniform(0, 1, (50, 2))
    values = np.exp(-0.3 * math.pi**2 * draw[:, 1]) * np.sin(math.pi * draw[:, 0])
    np.savez(tmp_path / "data.npz", points=draw, values=values)
    given = ["--domain", "x=0..1,t=0..1", "--unknown", "nu=0.1", "--data", "data.npz", "--initial", "sin(pi*x)"]
    how = ["--boundary", 0, "--features", 120, "--solver", "closed-form", "--json"]
    run = inr_cli("solve", "u_t = nu*u_xx", *given, *how)
    assert run.status == 0, run.err
    assert json.loads(run.out)["fit"]["numbers"]["nu"] == pytest.approx(0.3, rel=1e-2)


def test_what_is_no_solution_is_said(inr_cli):
    corners = ["--domain", "x=0..1,t=0..1", "--initial", 1, "--boundary", 0]  # which contradict one another
    run = inr_cli("solve", "u_t = nu*u_xx", *corners, "--unknown", "nu=1", "--features", 32, "--solver", "closed-form")
    assert run.status == 0
    assert "is no solution: take more --seconds" in run.err
    assert "no --data was given" in run.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["u_xx + u_yy"], "not enough conditions"),
        (["u_t - u_xx", "--boundary", "0"], "not enough conditions: nothing is given at t=0"),
        (["u_tt - u_xx", "--initial", "sin(x)", "--boundary", "0"], "an equation of order 2 in t takes 2 at its ends"),
        (["u_xx + w", "--boundary", "0"], "unknown name 'w'"),
        (["u_xx + sni(x)", "--boundary", "0"], "unknown function 'sni'"),
        (["u_xq", "--domain", "x=0..1", "--boundary", "0"], "axes are x"),
        (["u + 3", "--boundary", "0"], "no differential equation"),
        (["__import__('os')", "--boundary", "0"], "unknown function '__import__'"),
        (["u_xx.real", "--boundary", "0"], "no differential equation"),
        (["u_xx + 9**9**9*u", "--boundary", "0"], "powers are numbers"),
        (["u_xx + 10^400", "--boundary", "0"], "no"),
        (["u_xx", "--boundary", "1/0"], "not finite"),
        (["u_xx", "--boundary", "0", "--exact", "log(-1)"], "not a finite number everywhere"),
        (["u_xx", "--boundary", "0", "--activation", "relu"], "take softplus or sine"),
        (["u_xx + 1j*u", "--boundary", "0"], "u is real"),
        (["u_xx", "--boundary", "0", "--domain", "x=1..0"], "the lower end comes first"),
        (["u_xx", "--where", "x=3: u"], "outside of the domain"),
        (["u_xx", "--where", "z=0: u"], "axes are x"),
        (["u_xx", "--where", "u"], "--where is written as"),
        (["u_xx", "--boundary", "0", "--unknown", "nu"], "--unknown is written as"),
        (["u_xx", "--boundary", "0", "--data", "none.npz"], "none.npz does not exist"),
        (["u_xx", "--boundary", "0", "--solver", "magic"], "solver is one of"),
        (["wave", "--k", "3"], "'wave' has no --k"),
        (["wave", "--data", "data.npz"], "data.npz does not exist"),
        (["wave", "--inverse"], "'wave' has no --inverse"),
        (["wave", "--unknown", "c=1"], "brings its domain and conditions"),
        (["helmholtz", "--inverse", "--pml", "0.4"], "the inverse has no absorbing layers"),
        (["u_xx", "--boundary", "0", "--inverse"], "--inverse goes with a named equation"),
        (["wave", "--boundary", "0"], "brings its domain and conditions"),
        (["u_xx", "--boundary", "0", "--exact", "z"], "unknown name 'z'"),
    ],
)
def test_what_makes_no_sense_is_one_line(inr_cli, tmp_path, arguments, words):
    run = inr_cli("solve", *arguments)
    assert run.status == 2
    assert words in run.err
    assert len(run.err.strip().splitlines()) == 1
    assert not list(tmp_path.glob("*.inr"))


def test_nothing_is_overwritten(inr_cli, tmp_path):
    (tmp_path / "equation.inr").write_text("mine")
    assert inr_cli("solve", "heat").status == 2
    assert (tmp_path / "equation.inr").read_text() == "mine"
