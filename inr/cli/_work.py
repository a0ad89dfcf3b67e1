"""`inr work`."""

from pathlib import Path
from typing import Annotated

import typer

from inr._errors import InrError
from inr.cli._parsing import parse_bytes

EPILOG = """
[bold]Examples[/bold]

  inr work /data/fits                # one worker more, beside those of inr serve

  inr work /data/fits --slots 4

A worker runs on the machine that holds the folder. It ends when it is asked to (Ctrl-C, SIGTERM) within 5 seconds, and
what it was doing goes on where the next one claims it.

[bold]Exit status[/bold] 0 ended as asked; 2 bad input; 75 a job had to be given up, and the worker with it
"""


def work(
    folder: Annotated[Path, typer.Argument(help="The folder of inr serve.")],
    slots: Annotated[int, typer.Option(help="How many jobs at a time, each in a process of its own.")] = 1,
    memory: Annotated[
        str | None,
        typer.Option(
            help="Most memory of all of them, as 4GiB; half of the machine's if not given.", show_default=False
        ),
    ] = None,
) -> None:
    """Do what waits in a folder's queue: fit, compress, sweep."""
    from inr.serving.logs import start_logging
    from inr.serving.work import supervise
    from inr.serving.work import work as be_worker

    if not 1 <= slots <= 256:
        raise InrError(f"--slots lies between 1 and 256, got {slots}")
    most = None if memory is None else parse_bytes(memory)
    if not (folder / "inr.db").is_file():
        raise InrError(f"{folder} is no folder of inr serve; begin one with: inr serve {folder}")
    start_logging()
    if slots == 1:
        be_worker(folder, memory=most)
    else:
        supervise(folder, slots, memory=most)
