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

  inr suggest photo.png --by fresh                   # what learns the samples fast, for compression

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
    by: Annotated[
        str,
        typer.Option(
            help="auto: short fits predict samples left out. kernel: tangent kernels of untrained networks do, "
            "without fits. fresh: their spectra are compared with the signal's, for what learns it fast.",
            metavar="auto|kernel|fresh",
        ),
    ] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say which frequencies suit a signal, in seconds and without fitting all of it."""
    import inr

    with waiting(f"looking at {signal}", quiet=as_json):
        found = inr.suggest(signal, seed=seed, by=by)
    if as_json:
        print_json(_document(signal, found))
    else:
        out().print(_table(found))
        options = " ".join(f"--{part} {spec}" for part, spec in found.parts.items())
        verb = "is nearer" if by == "fresh" else "predicts better"
        out().print(f"{found.best} {verb}: inr fit {signal} {options}  ({found.seconds:.1f} s)", markup=False)


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
                **({"distance": -choice.merit} if choice.way == "fresh" else {"psnr": choice.psnr}),
                "by": choice.way,
                "parts": found.specs[family],
                "seconds": choice.seconds,
                "ladder": [
                    {"value": value, "distance" if choice.way == "fresh" else "psnr": figure}
                    for value, figure in choice.ladder
                ],
            }
            for family, choice in found.choices.items()
        },
    }


def _table(found: "Suggestion") -> Table:
    """What every number predicts, family by family."""
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="cyan")
    spectra = any(choice.way == "fresh" for choice in found.choices.values())
    last = "spectra apart" if spectra else "samples left out"
    for name in ("family", "parameter", "value", last):
        table.add_column(name, justify="right" if name in ("value", last) else "left")
    for family, choice in found.choices.items():
        for value, figure in choice.ladder:
            table.add_row(family, choice.parameter, f"{value:.4g}", f"{figure:.2f} {choice.unit}")
        table.add_row(family, choice.parameter, f"{choice.value:g}", "chosen", style="bold")
    return table
