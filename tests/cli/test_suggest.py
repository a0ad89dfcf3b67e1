"""inr suggest, and what inr fit says of frequencies."""

import json

import pytest

import inr
from tests.cli.clirun import one_line

SMALL = ("--network", "mlp:depth=1,width=8", "--batch", "64", "--no-comparison")


@pytest.mark.long
def test_a_table_names_the_chosen_numbers(inr_cli, photo):
    run = inr_cli("suggest", "photo.png")
    assert run.status == 0
    for word in ("fourier", "sigma", "sine", "omega", "chosen", "predicts better: inr fit photo.png --"):
        assert word in run.out


@pytest.mark.long
def test_json_agrees_with_the_library(inr_cli, photo):
    document = inr_cli("suggest", "photo.png", "--seed", "3", "--json").json
    found = inr.suggest(photo, seed=3)
    assert document["best"] == found.best
    assert document["parts"] == found.parts
    for family, choice in found.choices.items():
        assert document["families"][family]["value"] == choice.value
        assert len(document["families"][family]["ladder"]) == len(choice.ladder)


@pytest.mark.parametrize("arguments", [("missing.png",), ("photo.png", "--seed", "-1"), ()])
def test_bad_input_ends_with_2(inr_cli, photo, arguments):
    run = inr_cli("suggest", *arguments)
    assert run.status == 2
    assert "Traceback" not in run.err


def test_auto_is_told_booked_and_kept(inr_cli, photo):
    run = inr_cli(
        "fit", "photo.png", "--encoding", "fourier:sigma=auto,frequencies=8", "--steps", "5", *SMALL, "--json"
    )
    assert run.status == 0
    sigma = inr.load(photo.with_suffix(".inr")).config()["encoding"]["sigma"]
    assert run.json["chosen"] == {"fourier:sigma": sigma}
    assert run.json["seconds"]["choosing frequencies"] > 0
    assert f"fourier:sigma={sigma:g} was chosen" in run.err
    assert json.loads(inr_cli("info", "photo.inr", "--json").out)["parts"]["encoding"].count(f"sigma={sigma!r}") == 1


@pytest.mark.long
def test_numbers_two_octaves_off_are_told(inr_cli, photo):
    suited = inr.suggest(photo).choices["fourier"].value

    def said(sigma, *options):
        encoding = f"fourier:sigma={sigma:g},frequencies=64"
        return inr_cli("fit", "photo.png", "--encoding", encoding, *SMALL, "--force", *options).err

    assert "octaves above" in said(16 * suited, "--steps", "500")
    assert "octaves below" in said(suited / 16, "--steps", "500")
    assert "octaves" not in said(suited, "--steps", "500")
    assert "octaves" not in said(16 * suited, "--steps", "500", "--quiet")
    assert "octaves" not in said(16 * suited, "--steps", "20")  # so short a fit is not held up


def test_auto_where_it_means_nothing_is_one_line(inr_cli, photo):
    run = inr_cli("fit", "photo.png", "--encoding", "fourier:kind=positional,sigma=auto", "--steps", "5", *SMALL)
    assert run.status == 2
    assert "does not read sigma" in one_line(run.err)
