"""What `mkdocs build` adds to docs/: README as the first page, pages that guides link to, and the reference.

The site's folders are those of the repository, with docs/ at its root: links between pages are those that work in the
repository, rewritten. A room of the package has a page of reference, made of the names that its face gives.
"""

import importlib
import os.path
import re
from pathlib import Path, PurePosixPath
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
INCLUDED = ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "examples/*", "examples/export/*", "studies/results/*")
# not for users: the command line, and the runtime of kernels and the benchmarks, which are used by name
ROOMS = sorted({path.parent.name for path in ROOT.glob("inr/*/__init__.py")} - {"bench", "cli", "jit"})
MODULES = [f"inr.{path.stem}" for path in ROOT.glob("inr/[a-z]*.py")]
FACE = "inr"
_EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)
_LINK = re.compile(r"(\]\()([^)#:]+)(#[^)]*)?(\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Enter the pages of the reference into the navigation."""
    pages = [{name: f"reference/{name}.md"} for name in _names()]
    config.nav = [{"Reference": pages} if "Reference" in entry else entry for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is no file of docs/."""
    files.append(File.generated(config, "index.md", content=(ROOT / "README.md").read_text(encoding="utf-8")))
    for pattern in INCLUDED:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    for name in _names():
        files.append(File.generated(config, f"reference/{name}.md", content=_reference(name)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Rewrite links that hold in the repository to those that hold in the site."""
    place = page.file.src_uri
    source = "README.md" if place == "index.md" else _in_repository(place)

    def moved(link: re.Match[str]) -> str:
        target = os.path.normpath(PurePosixPath(source).parent / link[2])
        inside = "index.md" if target == "README.md" else target.removeprefix("docs/")
        return f"{link[1]}{os.path.relpath(inside, PurePosixPath(place).parent)}{link[3] or ''}{link[4]}"

    return _LINK.sub(moved, markdown)


class Examples(griffe.Extension):
    """What is typed in docstrings, set as code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence the examples of an object's docstring."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """Text whose examples, from `>>>` to the next empty line, stand between fences."""
    return _EXAMPLE.sub(r"```pycon\n\g<0>\n```", text)


def _names() -> list[str]:
    return [FACE, *sorted([*MODULES, *(f"inr.{room}" for room in ROOMS)])]


def _in_repository(place: str) -> str:
    return f"docs/{place}" if (ROOT / "docs" / place).is_file() else place


def _reference(name: str) -> str:
    """A page with every public name of a room; what the package's own face repeats from rooms is named there only."""
    if name in MODULES:
        return f"::: {name}\n    options: {{heading_level: 1, show_root_full_path: true}}\n"
    module = importlib.import_module(name)
    public = [each for each in module.__all__ if not (name == FACE and f"inr.{each}" in _names())]
    return "\n\n".join([f"# {name}", fenced(module.__doc__ or ""), *(f"::: {name}.{each}" for each in public)])
