"""`inr export`."""

import warnings
from pathlib import Path
from typing import Annotated

import typer

from inr._errors import InrError, InrWarning
from inr.cli._console import remark, size
from inr.cli._progress import waiting
from inr.cli._render import DAMAGED, Force, Quiet, is_set_file

EPILOG = """
[bold]Examples[/bold]

  inr export set.inr -o set.safetensors   # tensors with an axis over the fields

  inr export set.inr -o set.parquet       # a row a field; by pyarrow

Both say what a field computes, in their metadata, as inr info does.

[bold]Exit status[/bold] 0 fine; 2 bad input; 4 fields of damaged blocks were left out, and are named.
"""


def export(
    file: Annotated[Path, typer.Argument(metavar="SET.inr", help="A set that inr fit DIR -o SET.inr wrote.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="The file to write, .safetensors or .parquet.", show_default=False),
    ],
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write the weights of a set, with names, labels and PSNR, for other programs."""
    from inr.sets import export as write
    from inr.sets import load_set

    if not is_set_file(file):
        raise InrError(f"{file} holds one field, and sets are exported; inr.load(…).state_dict() gives its weights")
    fields = load_set(file)
    with waiting(f"writing {output}", quiet=quiet), warnings.catch_warnings(record=True) as damage:
        warnings.simplefilter("always", InrWarning)
        write(fields, output, force=force)
    if not quiet:
        remark(f"wrote {output}: {len(fields):,} fields, {size(output.stat().st_size)}")
    for each in damage:
        remark(f"left out: {each.message}")
    if damage:
        raise typer.Exit(DAMAGED)
