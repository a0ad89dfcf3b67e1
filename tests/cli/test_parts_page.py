"""docs/parts.md: current, and complete."""

import re
from pathlib import Path

import pytest

from inr.activations import activations
from inr.compression.codecs import codecs
from inr.encodings import encodings
from inr.engines import engines
from inr.fitting import presets
from inr.networks import initialisations, networks
from inr.teaching import teachers

PAGE = Path(__file__).parents[2] / "docs" / "parts.md"
DESCRIBED = (encodings, activations, networks, initialisations, teachers, codecs)


@pytest.mark.parametrize("registry", DESCRIBED, ids=lambda registry: registry.kind)
def test_every_part_says_its_formula(registry):
    assert [name for name in registry.names() if not registry.info(name).formula] == []


@pytest.mark.parametrize("registry", [*DESCRIBED, engines], ids=lambda registry: registry.kind)
def test_every_parameter_is_described(registry):
    for name in registry.names():
        assert all(param.description for param in registry.info(name).params)


def test_published_parts_name_their_source():
    # what is nobody's method: coordinates, encodings together, a perceptron, a linear map, samples, sets and pools
    ours = {"identity", "concat", "per-axis", "mlp", "linear", "uniform", "sets", "renewed"}
    for registry in (*DESCRIBED, presets):
        assert [name for name in registry.names() if not registry.info(name).source and name not in ours] == []


@pytest.mark.long
def test_the_page_is_current(inr_cli):
    assert inr_cli("parts", "--markdown").out == PAGE.read_text(), "run: inr parts --markdown > docs/parts.md"


def test_the_page_is_current_apart_from_engines(inr_cli, monkeypatch):
    """What engines run takes seconds to find out, for every activation is differentiated for it."""
    monkeypatch.setattr("inr.cli._parts_page._engines", lambda info: "")
    page = re.sub("^- Engines: .*\n", "", PAGE.read_text(), flags=re.MULTILINE)
    assert inr_cli("parts", "--markdown").out == page, "run: inr parts --markdown > docs/parts.md"


def test_the_page_is_of_all_parts(inr_cli):
    assert inr_cli("parts", "encoding", "--markdown").status == 2
