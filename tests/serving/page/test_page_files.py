"""The page's files: how large they are, what they refer to, and that nothing in them needs a laxer policy."""

import gzip
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from inr.serving.page import EXAMPLE, FOLDER

MODULES = sorted(path for path in FOLDER.rglob("*.js") if "vendor" not in path.parts)
SHEETS = sorted((FOLDER / "css").glob("*.css"))
SERVED = sorted(
    path
    for path in FOLDER.rglob("*")
    if path.is_file() and path.suffix not in {".py", ".pyc", ".md"} and path != EXAMPLE
)
_IMPORT = re.compile(r'^import (?:\* as \w+|\{([^}]*)\}) from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function|const|class) (\w+)", re.MULTILINE)


class _Index(HTMLParser):
    """What index.html refers to, and what of it the policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.referred: list[str] = []
        self.inline: list[str] = []
        self._script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._script = tag == "script"
        if tag in ("script", "link"):
            self.referred.append(given.get("src") or given.get("href") or "")
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        if tag == "style":
            self.inline.append(tag)

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._script = False


@pytest.fixture(scope="module")
def index() -> _Index:
    parsed = _Index()
    parsed.feed((FOLDER / "index.html").read_text(encoding="utf-8"))
    return parsed


def test_all_that_a_browser_loads_is_small():
    assert sum(path.stat().st_size for path in SERVED) <= 700_000
    assert sum(len(gzip.compress(path.read_bytes(), mtime=0)) for path in SERVED) <= 250_000


def test_the_example_is_the_one_of_the_examples(root: Path):
    assert EXAMPLE.read_bytes() == (root / "examples" / "chelsea.png").read_bytes()


def test_vendored_files_are_those_of_the_table():
    table = (FOLDER / "vendor" / "README.md").read_text(encoding="utf-8")
    hashes = dict(re.findall(r"^\| `([\w.]+)` .* `([0-9a-f]{64})` \|$", table, re.MULTILINE))
    files = [path for path in (FOLDER / "vendor").iterdir() if path.suffix in (".js", ".css")]
    assert hashes == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    for name in ("openseadragon", "uplot"):
        assert "copyright" in (FOLDER / "vendor" / f"{name}.LICENSE.txt").read_text(encoding="utf-8").lower()


def test_the_index_refers_to_files_and_holds_no_code(index: _Index):
    assert index.inline == []
    assert len(index.referred) > 5
    assert [name for name in index.referred if not (FOLDER / name).is_file()] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_modules_import_what_is_exported_and_build_no_code(module: Path):
    text = module.read_text(encoding="utf-8")
    assert len(_IMPORT.findall(text)) == len(re.findall(r"^import\b", text, re.MULTILINE))
    for names, address in _IMPORT.findall(text):
        exported = set(_EXPORT.findall((module.parent / address).read_text(encoding="utf-8")))
        assert {name.strip() for name in names.split(",") if name.strip()} <= exported
    assert re.findall(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write|javascript:", text) == []
    assert [
        link for link in re.findall(r"https?://[^\s\"'`)]+", text) if not link.startswith("http://www.w3.org/")
    ] == []


def test_every_sign_and_every_colour_is_drawn_somewhere():
    code = "\n".join(path.read_text(encoding="utf-8") for path in MODULES)
    signs = set(re.findall(r"^  (\w+): \"M", (FOLDER / "lib" / "dom.js").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r'\b(?:icon|iconButton|button)\("([a-z]+)"', code)) <= signs
    style = "\n".join(path.read_text(encoding="utf-8") for path in SHEETS)
    set_by_code = set(re.findall(r'setProperty\("(--[\w-]+)"', code))
    assert set(re.findall(r"var\((--[\w-]+)", style)) <= set(re.findall(r"(--[\w-]+):", style)) | set_by_code


def test_the_recorded_fit_has_all_its_frames():
    text = (FOLDER / "views" / "demo.js").read_text(encoding="utf-8")
    frames = len(re.findall(r"\[\d+, [\d.]+, [\d.]+\]", text))
    assert [path.name for path in sorted((FOLDER / "demo").glob("?.webp"))] == [f"{n}.webp" for n in range(frames)]
