"""inr explain, and inr fit --explain."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.clirun import one_line

FIT = ("fit", "photo.png", "--steps", "12", "--activation", "sine", "--network", "mlp:depth=2,width=16", "--explain",
       "--no-comparison", "--engine", "eager", "--exact")  # fmt: skip


@pytest.mark.long
def test_a_fit_explains_itself_and_is_explained_again(inr_cli, photo, tmp_path):
    run = inr_cli(*FIT)
    assert run.status == 0, run.err
    assert "kernel" in run.out
    names = {path.name for path in tmp_path.iterdir()}
    assert {"photo.inr", "photo.history.json", "photo.explain.html"} <= names
    history = json.loads((tmp_path / "photo.history.json").read_text())
    assert len(history["losses"]) == 12
    found = inr_cli("explain", "photo.inr", "photo.png", "--json", "-o", "again.html").json
    assert found["page"] == "again.html"
    assert "history" in found["facts"]
    assert inr_cli("explain", "photo.inr", "photo.png", "--json").json["page"] is None  # the one that is there stays
    assert not any("no history" in note for note in found["notes"])
    alone = inr_cli("explain", "photo.inr", "-o", "alone.html")
    assert "no signal was given" in alone.err
    (tmp_path / "photo.history.json").write_text(json.dumps(history | {"field": 1}))
    other = inr_cli("explain", "photo.inr", "photo.png", "-o", "other.html")
    assert "is of another fit" in other.err
    Image.fromarray(np.zeros((9, 7, 3), np.uint8)).save(tmp_path / "other.png")
    for arguments, words in (
        (("explain", "photo.inr", "other.png", "-o", "t.html"), "give the signal that it was fitted to"),
        (("explain", "photo.inr", "photo.png"), "--force"),
        (("explain", "photo.inr", "-o", "page.png"), "call it page.html"),
        (("explain", "photo.inr", "--try", "-o", "t.html"), "--try fits the signal"),
        (("explain", "photo.inr", "--history", "none.json", "-o", "t.html"), "none.json does not exist"),
    ):
        refused = inr_cli(*arguments)
        assert refused.status == 2
        assert words in one_line(refused.err), arguments


def test_a_single_pixel_is_explained(inr_cli, tmp_path):
    Image.fromarray(np.full((1, 1, 3), 90, np.uint8)).save(tmp_path / "photo.png")
    run = inr_cli(*FIT)
    assert run.status == 0, run.err
    assert "Nothing stands out" in run.out
    assert (tmp_path / "photo.explain.html").exists()


@pytest.mark.parametrize("extra", [("--server", "http://127.0.0.1:1"), ("--solver", "closed-form")])
def test_what_cannot_be_explained_is_refused(inr_cli, photo, extra):
    run = inr_cli("fit", "photo.png", "--explain", *extra)
    assert run.status == 2
    assert "--explain" in one_line(run.err)
