"""Printing: what stands in brackets is text, not markup."""

import json
import sys
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from rich.console import Console

from inr.cli._console import decibels, pairs, print_json


def test_brackets_survive_a_table():
    console = Console(file=StringIO(), width=80)
    console.print(pairs({"audio": "pip install 'inr[audio]'", "field": "photo[copy].inr"}))
    assert "pip install 'inr[audio]'" in console.file.getvalue()
    assert "photo[copy].inr" in console.file.getvalue()


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
def test_characters_that_the_console_lacks_are_replaced(inr_process, monkeypatch, encoding):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    process = inr_process("parts", "--markdown", encoding=encoding)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert "## " in out


def test_json_is_ascii_where_the_console_is_not_unicode(monkeypatch):
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding="cp1252", errors="strict"))
    print_json({"signal": "фото.png"})
    sys.stdout.flush()
    assert json.loads(written.getvalue().decode("cp1252")) == {"signal": "фото.png"}


def test_what_is_no_number_is_not_exact():
    assert [decibels(number) for number in (float("inf"), float("nan"), 3.14159)] == ["exact", "–", "3.14 dB"]
