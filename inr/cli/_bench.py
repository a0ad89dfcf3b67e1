"""`inr bench`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table as Shown
from rich.text import Text

from inr.bench import BENCHMARKS
from inr.cli._console import out, print_json, remark
from inr.cli._progress import waiting
from inr.cli._render import Force, Quiet

if TYPE_CHECKING:
    from inr.bench import Table

_LIST = "\n\n".join(f"  {name:14}{each.title}" for name, each in BENCHMARKS.items())

EPILOG = f"""
[bold]Benchmarks[/bold], each of less than three minutes on two cores

{_LIST}

[bold]Examples[/bold]

  inr bench speed                      # bench-speed.md, bench-speed.json

  inr bench fit --picture photo.png -o results --force

[bold]Exit status[/bold] 2: there is no such benchmark, or the machine lacks what it measures.
"""


def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(BENCHMARKS)}.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The folder to write to; this one if not given.", show_default=False)
    ] = Path(),
    picture: Annotated[
        Path | None,
        typer.Option(help="A picture to measure on, instead of one that is brought along.", show_default=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="A folder of test data for interpolation, as studies use it: 40 minutes.", show_default=False
        ),
    ] = None,
    tiny: Annotated[
        bool, typer.Option("--tiny", help="Tiny sizes, in seconds: does it work? The numbers mean nothing.")
    ] = False,
    force: Force = False,
    quiet: Quiet = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Measure this machine beside plain PyTorch, and write the table."""
    from inr.bench import output_paths, run

    output_paths(name, output, force=force)  # refused before the work
    with waiting(f"measuring {name}", quiet=quiet):
        table = run(name, picture=picture, tiny=tiny, data=data)
    paths = table.save(output, force=force)
    if as_json:
        print_json(table.to_json())
    elif not quiet:
        _print(table)
    if not quiet:
        remark(f"wrote {' and '.join(map(str, paths))}")


def _print(table: "Table") -> None:
    """The table with its title, machine and notes."""
    console = out()
    console.print(Text(table.title, style="bold"))
    console.print(Text(table.machine, style="dim"))
    shown = Shown(box=None, padding=(0, 1), pad_edge=False)
    for place, column in enumerate(table.columns):
        numbers = all(_is_number(row.get(column, "")) for row in table.rows)
        options: dict[str, Any] = {"justify": "right"} if numbers else {"overflow": "fold", "ratio": 1 if place else 3}
        shown.add_column(column.replace("_", " "), **options)
    for row in table.rows:
        shown.add_row(*map(Text, table.cells(row)))
    console.print(shown)
    for note in table.notes:
        console.print(Text(note, style="dim"))


def _is_number(cell: object) -> bool:
    return not str(cell) or str(cell).lstrip("<>+- ")[:1].isdigit()
