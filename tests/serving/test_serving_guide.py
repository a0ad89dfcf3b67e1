"""docs/serving.md says what the service does: its tables are those of the code."""

import re
from pathlib import Path

import pytest
import typer

from inr.serving.problems import TYPES

pytest.importorskip("fastapi")

# of every request, as the text before the table says
ALWAYS = {"401", "403", "408", "415", "500"}


@pytest.fixture(scope="module")
def guide(root: Path) -> str:
    return (root / "docs" / "serving.md").read_text(encoding="utf-8")


def rows(guide: str, heading: str) -> list[list[str]]:
    """Cells of the table under a row of headings."""
    table = guide.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    lines = table.splitlines()[2:]
    return [[cell.strip() for cell in re.split(r" \| ", line.strip("| "))] for line in lines]


def test_the_table_of_endpoints_is_the_schema(guide):
    from inr.serving.http.app import make_routes

    schema = make_routes().openapi()
    served = {
        (method.upper(), f"`{path}`"): " ".join(sorted(operation["responses"].keys() - ALWAYS))
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }
    told = {(method, path): statuses for method, path, _, statuses in rows(guide, "method | path | what | statuses")}
    assert told == served


def test_the_table_of_problems_is_that_of_the_code(guide):
    told = {slug: (int(status), title) for slug, status, title in rows(guide, "type | status |")}
    assert told == {f"`{slug}`": problem for slug, problem in TYPES.items()}


def test_every_state_of_a_job_is_told(guide):
    from inr.serving.http.models import State

    assert [row[0].strip("`") for row in rows(guide, "state | | goes on by")] == list(State.__args__)


def test_every_option_of_the_server_is_told(guide):
    from inr.cli import app

    params = typer.main.get_command(app).commands["serve"].params
    options = {param.opts[0] for param in params if param.name not in ("folder", "help")}
    told = {row[0].strip("`") for row in rows(guide, "option of `inr serve` | default |")}
    assert told == options | {"FOLDER"}


def test_every_metric_is_told(guide, tmp_path):
    from inr.serving import Queue, Store
    from inr.serving.http.metrics import Metrics

    text = Metrics(Queue(tmp_path), Store(tmp_path)).text().decode()
    served = {name for name in re.findall(r"^# TYPE (inr_\w+)", text, re.MULTILINE) if not name.endswith("_created")}
    told = {name for row in rows(guide, "metric |") for name in re.findall(r"`(inr_\w+)", row[0])}
    assert told == served
