"""`inr explain`."""

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from inr._errors import InrError
from inr._files import check_writable
from inr.cli import _pipes
from inr.cli._console import out, print_json, remark
from inr.cli._progress import waiting
from inr.cli._render import Force, Quiet, is_set_file, read_field, tell_damage

if TYPE_CHECKING:
    from inr.diagnostics import Explanation, History
    from inr.field import Field
    from inr.signals import Signal

EPILOG = """
[bold]Examples[/bold]

  inr fit photo.png --explain              # fits, keeps the history, explains: photo.explain.html

  inr explain photo.inr photo.png          # a fit that is there; with photo.history.json where it was kept

  inr explain photo.inr photo.png --try    # also fits with the advised change, at a tenth of the steps

  inr explain photo.inr                    # what can be said without the signal

[bold]Reads[/bold] the field, blocks of the signal, and FIELD.history.json, which inr fit --explain writes. What could
not be told is named.

[bold]Exit status[/bold] 0 fine; 2 bad input.
"""


def explain(
    file: Annotated[Path, typer.Argument(metavar="FIELD.inr", help="A fitted field.")],
    signal: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SIGNAL]", help="What it was fitted to; - for standard input.", callback=_pipes.incoming
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The page; FIELD.explain.html if not given, and none with --json.",
            metavar="PAGE.html",
            show_default=False,
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(help="How the fit went; FIELD.history.json if it is there.", show_default=False),
    ] = None,
    trial: Annotated[bool, typer.Option("--try", help="Fit with the first advice, at a tenth of the steps.")] = False,
    seed: Annotated[int, typer.Option(help="Decides what is looked at.", min=0, max=2**32 - 1)] = 0,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say why a fit is as good as it is, and what to change."""
    page = None if as_json and output is None else page_path(file, output)
    if trial and signal is None:
        raise InrError(f"--try fits the signal: inr explain {file} SIGNAL --try")
    if is_set_file(file):
        raise InrError(f"{file} holds a set; fit one of its signals by itself with inr fit SIGNAL --explain")
    with waiting(f"reading {file}", quiet=quiet or as_json):
        import inr

        field, damaged = read_field(file)
        check_explainable(field, file)
        if page is not None:
            check_writable(page, force=force)
        source = None if signal is None else inr.open(signal)
        known, left_out = _history(file, history)
    tell_damage(file, damaged)
    explained(
        field, source, known, file, signal, page, trial=trial, seed=seed, force=force, quiet=quiet, as_json=as_json
    )
    if left_out:
        remark(left_out)


def explained(
    field: "Field",
    source: "Signal | None",
    known: "History | None",
    file: Path,
    signal: Path | None,
    page: Path | None,
    *,
    trial: bool = False,
    seed: int = 0,
    force: bool = False,
    quiet: bool = False,
    as_json: bool = False,
) -> None:
    """Explain a field, print it, and write the page.

    Args:
        field, source, known: as of `inr.diagnostics.explain`.
        file: of the field; signal: of the signal: as they are called in commands.
        page: to write, if any.
        trial: whether the first advice is tried.
        seed, force, quiet, as_json: as of the command.
    """
    from inr.diagnostics import explain as run
    from inr.diagnostics import explanation_document, explanation_page, tried, try_finding

    name = "SIGNAL" if signal is None else str(signal)
    with waiting("looking at the fit", quiet=quiet or as_json):
        found = run(field, source, history=known, name=name, output=str(file.with_suffix("")) + ".2.inr", seed=seed)
    if trial and source is not None and found.findings:
        with waiting("trying the advice", quiet=quiet or as_json):
            try:
                found = tried(found, try_finding(field, source, found.findings[0], seed=seed))
            except InrError as error:  # what was found is told all the same
                remark(f"not tried: {error}")
    if page is not None:
        explanation_page(found, page, title=file.name, force=force)
    if as_json:
        print_json(explanation_document(found) | {"page": None if page is None else str(page)})
    elif not quiet:
        _print(found)
        remark(f"wrote {page}")


def page_path(file: Path, output: Path | None) -> Path:
    """Where the page goes. Raises InrError for another suffix."""
    page = output or file.with_suffix(".explain.html")
    if page.suffix.lower() not in (".html", ".htm"):
        raise InrError(f"an explanation is a page of HTML; call it {page.with_suffix('.html')}")
    return page


def history_path(file: Path) -> Path:
    """Where the history of a field's fit lies."""
    return file.with_suffix(".history.json")


def check_explainable(field: "Field", file: Path) -> None:
    """Raises InrError for a file that holds no network."""
    if not hasattr(field, "network") or not field.parameter_count:
        raise InrError(f"{file} keeps samples, or is of a codec without a network: there is no fit to explain")


def checksum(file: Path) -> int:
    """Of a field's file, by which a history belongs to it."""
    return zlib.crc32(file.read_bytes())


def _history(file: Path, given: Path | None) -> tuple["History | None", str]:
    """What was kept of how a field was fitted; and what to say of one that is left out, for it is not of this field."""
    from inr.diagnostics import load_history

    path = given or history_path(file)
    if given is not None and not given.exists():
        raise InrError(f"{given} does not exist; inr fit --explain writes it, and without --history none is needed")
    if not path.exists():
        return None, ""
    found = load_history(path, belongs_to=checksum(file))
    return found, "" if found is not None else f"{path} is of another fit than {file}: explained without"


def _print(found: "Explanation") -> None:
    """The verdict, and the tables as EXPLAIN ANALYZE has them: predicted beside actual."""
    from inr.diagnostics import band_cells, part_cells

    console = out()
    for place, finding in enumerate(found.findings, 1):
        console.print(f"{place}. {finding.sentence}", markup=False)
        console.print(f"   {finding.command}", markup=False, style="cyan", soft_wrap=True)
    if not found.findings:
        console.print(found.sentences[0], markup=False)
    for headings, rows in (part_cells(found.parts), band_cells(found.bands)):
        if rows:
            table = Table(box=None, padding=(0, 3, 0, 0), header_style="cyan")
            for place, heading in enumerate(headings):
                table.add_column(heading, justify="right" if place else "left")
            for row in rows:
                table.add_row(*row)
            console.print()
            console.print(table)
    for note in found.notes:
        remark(note)
