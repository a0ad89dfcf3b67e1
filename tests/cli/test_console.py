"""Printing: what stands in brackets is text, not markup."""

from io import StringIO

from rich.console import Console

from inr.cli._console import pairs


def test_brackets_survive_a_table():
    console = Console(file=StringIO(), width=80)
    console.print(pairs({"audio": "pip install 'inr[audio]'", "field": "photo[copy].inr"}))
    assert "pip install 'inr[audio]'" in console.file.getvalue()
    assert "photo[copy].inr" in console.file.getvalue()
