"""The options of `inr fit`, grouped as its help shows them."""

from pathlib import Path
from typing import Annotated

import typer

_PARTS = "Parts (inr parts lists them; NAME or NAME:key=value,key=value)"
_BUDGET = "Budget (whichever comes first; by default as many steps as suit the signal)"
_FITTING = "Fitting"
_OUTPUT = "Output"

Signal = Annotated[
    Path, typer.Argument(metavar="SIGNAL", help="Picture, sound, video, volume, folder of frames, or .npz of samples.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="The field to write; SIGNAL's name with .inr in this folder if not given.",
        rich_help_panel=_OUTPUT, show_default=False,
    ),
]  # fmt: skip
Comparison = Annotated[
    Path | None,
    typer.Option(
        help="The comparison sheet (PNG); beside the field as NAME.comparison.png if not given.",
        rich_help_panel=_OUTPUT, show_default=False,
    ),
]  # fmt: skip
NoComparison = Annotated[bool, typer.Option("--no-comparison", help="No sheet.", rich_help_panel=_OUTPUT)]
Force = Annotated[bool, typer.Option("--force", help="Overwrite existing files.", rich_help_panel=_OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless it fails.", rich_help_panel=_OUTPUT)]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=_OUTPUT)]
Events = Annotated[
    Path | None,
    typer.Option(
        help="Write every event of the fit (step, loss, psnr, seconds, …) as a line of JSON.",
        rich_help_panel=_OUTPUT, show_default=False,
    ),
]  # fmt: skip

Encoding = Annotated[str | None, typer.Option(help="hash:levels=16", rich_help_panel=_PARTS, show_default=False)]
Activation = Annotated[str | None, typer.Option(help="sine:omega=30", rich_help_panel=_PARTS, show_default=False)]
Network = Annotated[str | None, typer.Option(help="mlp:depth=4,width=256", rich_help_panel=_PARTS, show_default=False)]
Teacher = Annotated[str | None, typer.Option(help="uniform", rich_help_panel=_PARTS, show_default=False)]
Engine = Annotated[str, typer.Option(help="What runs the fit; auto: the fastest that can.", rich_help_panel=_PARTS)]

Steps = Annotated[int | None, typer.Option(help="Stop after so many steps.", rich_help_panel=_BUDGET)]
Seconds = Annotated[float | None, typer.Option(help="Stop after so many seconds of fitting.", rich_help_panel=_BUDGET)]
Psnr = Annotated[float | None, typer.Option(help="Stop at so many dB.", rich_help_panel=_BUDGET)]

Batch = Annotated[int | None, typer.Option(help="Samples a step.", rich_help_panel=_FITTING)]
Rates = Annotated[
    str | None,
    typer.Option(
        "--lr", help="Learning rate of the network, or network=1e-3,encoding=1e-2.",
        rich_help_panel=_FITTING, show_default=False,
    ),
]  # fmt: skip
Schedule = Annotated[
    str | None,
    typer.Option(help="How rates fall: cosine, exponential or constant.", rich_help_panel=_FITTING, show_default=False),
]
Seed = Annotated[int, typer.Option(help="Decides initial weights and batches.", rich_help_panel=_FITTING)]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with an interrupted fit, exactly.", rich_help_panel=_FITTING)
]
CheckpointEvery = Annotated[
    float, typer.Option(help="Seconds between checkpoints (OUTPUT.checkpoint).", min=0.0, rich_help_panel=_FITTING)
]
