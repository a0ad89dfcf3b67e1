"""`inr suggest`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from inr.cli import _pipes
from inr.cli._console import out, print_json
from inr.cli._progress import waiting

if TYPE_CHECKING:
    from inr.fitting import Suggestion

EPILOG = """
[bold]Examples[/bold]

  inr suggest photo.png

  inr suggest voice.wav --json

  inr fit photo.png --encoding fourier:sigma=auto    # chooses it and fits

[bold]Exit status[/bold] 0 fine; 2 bad input.
"""


def suggest(
    signal: Annotated[
        Path,
        typer.Argument(
            metavar="SIGNAL",
            help="Picture, sound, video, volume, folder of numbered frames, or .npz; - for standard input.",
            callback=_pipes.incoming,
        ),
    ],
    seed: Annotated[int, typer.Option(help="Decides which patches are looked at.", min=0, max=2**32 - 1)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say which frequencies suit a signal, in seconds and without fitting all of it."""
    import inr

    with waiting(f"looking at {signal}", quiet=as_json):
        found = inr.suggest(signal, seed=seed)
    if as_json:
        print_json(_document(signal, found))
    else:
        out().print(_table(found))
        options = " ".join(f"--{part} {spec}" for part, spec in found.parts.items())
        out().print(f"{found.best} predicts better: inr fit {signal} {options}  ({found.seconds:.1f} s)", markup=False)


def _document(signal: Path, found: "Suggestion") -> dict[str, Any]:
    return {
        "signal": str(signal),
        "best": found.best,
        "parts": found.parts,
        "seconds": found.seconds,
        "families": {
            family: {
                "parameter": choice.parameter,
                "value": choice.value,
                "psnr": choice.psnr,
                "parts": found.specs[family],
                "seconds": choice.seconds,
                "ladder": [{"value": value, "psnr": psnr} for value, psnr in choice.ladder],
            }
            for family, choice in found.choices.items()
        },
    }


def _table(found: "Suggestion") -> Table:
    """What every number predicts, family by family."""
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="cyan")
    for name in ("family", "parameter", "value", "samples left out"):
        table.add_column(name, justify="right" if name in ("value", "samples left out") else "left")
    for family, choice in found.choices.items():
        for value, psnr in choice.ladder:
            table.add_row(family, choice.parameter, f"{value:.4g}", f"{psnr:.2f} dB")
        table.add_row(family, choice.parameter, f"{choice.value:g}", "chosen", style="bold")
    return table
