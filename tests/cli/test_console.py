"""Printing: what stands in brackets is text, not markup."""

import json
import sys
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from rich.console import Console

from inr.cli._console import decibels, pairs, print_json, survive_any_encoding


def test_brackets_survive_a_table():
    console = Console(file=StringIO(), width=80)
    console.print(pairs({"audio": "pip install 'inr[audio]'", "field": "photo[copy].inr"}))
    assert "pip install 'inr[audio]'" in console.file.getvalue()
    assert "photo[copy].inr" in console.file.getvalue()


@pytest.mark.long
def test_characters_that_the_console_lacks_are_replaced(inr_process, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    process = inr_process("parts", "--markdown", encoding="cp1252")
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert "## " in out


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_streams_of_any_encoding_take_every_character(monkeypatch, encoding):
    written = BytesIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, TextIOWrapper(written, encoding=encoding, errors="strict"))
    survive_any_encoding()
    print("φ –", flush=True)
    print("φ –", flush=True, file=sys.stderr)
    assert written.getvalue().split() == [b"?", b"?"] * 2


def test_json_is_ascii_where_the_console_is_not_unicode(monkeypatch):
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding="cp1252", errors="strict"))
    print_json({"signal": "фото.png"})
    sys.stdout.flush()
    assert json.loads(written.getvalue().decode("cp1252")) == {"signal": "фото.png"}


def test_what_is_no_number_is_not_exact():
    assert [decibels(number) for number in (float("inf"), float("nan"), 3.14159)] == ["exact", "–", "3.14 dB"]
